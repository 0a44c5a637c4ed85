//! The closed set of probe kinds. A new one is a file here and one line in `kinds!`.

mod account;
mod apt;
mod audit;
mod authselect;
mod banner;
mod boot;
mod compound;
mod dconf;
mod docker;
mod docker_file;
mod env;
mod file;
mod firewall;
mod group_members;
mod homes;
mod kubernetes;
mod lines;
mod link;
mod listeners;
mod log_files;
mod mac;
mod module;
mod mount;
mod package;
mod package_keys;
mod pam;
mod parts;
mod presence;
mod repositories;
mod review;
mod root_path;
mod setting;
mod shell;
mod sshd;
mod sticky;
mod sudoers;
mod swarm;
mod sysctl;
mod told;
mod unit;
mod unit_count;
mod unowned;
mod value;
mod wireless;

#[cfg(test)]
mod cases;

pub use told::{KindView, told};

use model::{Constraint, Evidence, Judgement, Resource, Unread, Verdict};
use serde::{Deserialize, Deserializer};

/// What one kind of probe asks, makes of the answers, and would have done. Pure over [`Evidence`].
pub(crate) trait Kind: Send + Sync {
    /// What is wrong with the arguments beyond their types.
    fn check(&self) -> Result<(), String> {
        Ok(())
    }

    /// As [`model::Control::needs`].
    fn needs(&self, seen: &Evidence) -> Vec<Resource>;

    /// As [`model::Control::judge`].
    fn judge(&self, seen: &Evidence) -> Judgement;

    /// Why a failure of it is always left to a person, empty where that needs no words, as in a preflight; `None` where
    /// the ordinary failure is mended.
    fn by_hand(&self) -> Option<&'static str> {
        Some("")
    }

    /// As [`model::Control::remedy`]; only called on evidence that was judged `fail`.
    fn remedy(&self, _seen: &Evidence) -> Vec<Ask> {
        Vec::new()
    }
}

/// A demand that does not know yet which control makes it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Ask {
    pub(crate) resource: Resource,
    pub(crate) constraint: Constraint,
}

impl Ask {
    pub(crate) fn new(resource: Resource, constraint: Constraint) -> Self {
        Self { resource, constraint }
    }
}

/// Why a probe could not be made: an unknown kind, or arguments that it does not take.
pub(crate) enum ReadError<E> {
    UnknownKind,
    Arguments(E),
}

macro_rules! kinds {
    ($($variant:ident = $name:literal => $type:ty,)+) => {
        /// A probe of one of the known kinds with its arguments.
        pub(crate) enum Probe {
            $($variant($type),)+
        }

        /// The names of all probe kinds.
        pub const KINDS: &[&str] = &[$($name),+];

        impl Probe {
            /// Reads the arguments of a probe of this kind.
            pub(crate) fn read<'de, D: Deserializer<'de>>(
                kind: &str,
                arguments: D,
            ) -> Result<Self, ReadError<D::Error>> {
                match kind {
                    $($name => <$type>::deserialize(arguments).map(Self::$variant).map_err(ReadError::Arguments),)+
                    _ => Err(ReadError::UnknownKind),
                }
            }

            pub(crate) fn kind(&self) -> &dyn Kind {
                match self {
                    $(Self::$variant(kind) => kind,)+
                }
            }
        }
    };
}

kinds! {
    Account = "account" => account::Account,
    All = "all" => compound::All,
    Any = "any" => compound::Any,
    Apparmor = "apparmor" => mac::Apparmor,
    Apt = "apt" => apt::Apt,
    AuditPrivileged = "audit_privileged" => audit::AuditPrivileged,
    AuditRules = "audit_rules" => audit::AuditRules,
    Authselect = "authselect" => authselect::Authselect,
    Banner = "banner" => banner::Banner,
    BootArgument = "boot_argument" => boot::BootArgument,
    Container = "container" => docker::Container,
    Dconf = "dconf" => dconf::Dconf,
    DconfCompiled = "dconf_compiled" => dconf::Compiled,
    DockerFile = "docker_file" => docker_file::DockerFile,
    DockerOption = "docker_option" => docker::Choice,
    Faillock = "faillock" => pam::faillock::Faillock,
    File = "file" => file::File,
    Firewall = "firewall" => firewall::Firewall,
    FirewalldZone = "firewalld_zone" => firewall::Zone,
    GroupMembers = "group_members" => group_members::GroupMembers,
    Homes = "homes" => homes::Homes,
    Kubernetes = "kubernetes" => kubernetes::Kubernetes,
    Lines = "lines" => lines::Lines,
    Link = "link" => link::Link,
    Listeners = "listeners" => listeners::Listeners,
    LogFiles = "log_files" => log_files::LogFiles,
    Module = "module" => module::Module,
    Mount = "mount" => mount::Mount,
    Package = "package" => package::Package,
    PackageKeys = "package_keys" => package_keys::PackageKeys,
    Pam = "pam" => pam::Pam,
    Presence = "presence" => presence::Presence,
    Repositories = "repositories" => repositories::Repositories,
    Review = "review" => review::Review,
    RootPath = "root_path" => root_path::RootPath,
    Selinux = "selinux" => mac::Selinux,
    Setting = "setting" => setting::Setting,
    Shell = "shell" => shell::Shell,
    Sshd = "sshd" => sshd::Sshd,
    SshdAny = "sshd_any" => sshd::Any,
    Sticky = "sticky" => sticky::Sticky,
    Sudoers = "sudoers" => sudoers::Sudoers,
    Swarm = "swarm" => swarm::Swarm,
    Sysctl = "sysctl" => sysctl::Sysctl,
    Unit = "unit" => unit::Unit,
    UnitCount = "unit_count" => unit_count::UnitCount,
    Unowned = "unowned" => unowned::Unowned,
    Wireless = "wireless" => wireless::Wireless,
    EnvApparmor = "env_apparmor" => env::confinement::Apparmor,
    EnvAudit = "env_audit" => env::access::Audit,
    EnvCapacity = "env_capacity" => env::capacity::Capacity,
    EnvCertificates = "env_certificates" => env::certificate::Certificates,
    EnvCgroups = "env_cgroups" => env::system::Cgroups,
    EnvClockOffset = "env_clock_offset" => env::clock::Offset,
    EnvClockSynchronised = "env_clock_synchronised" => env::clock::Synchronised,
    EnvCompose = "env_compose" => env::runtime::Compose,
    EnvDistribution = "env_distribution" => env::system::Distribution,
    EnvDns = "env_dns" => env::network::Dns,
    EnvEntropy = "env_entropy" => env::entropy::Entropy,
    EnvFileLocking = "env_file_locking" => env::locks::FileLocking,
    EnvFsync = "env_fsync" => env::locks::Fsync,
    EnvKernel = "env_kernel" => env::system::Kernel,
    EnvKernelFeatures = "env_kernel_features" => env::system::KernelFeatures,
    EnvListeners = "env_listeners" => env::listeners::Listeners,
    EnvOperatorKeys = "env_operator_keys" => env::access::OperatorKeys,
    EnvPort = "env_port" => env::listeners::Port,
    EnvProxy = "env_proxy" => env::proxies::Proxies,
    EnvRoom = "env_room" => env::capacity::Space,
    EnvRuntime = "env_runtime" => env::runtime::Runtime,
    EnvRuntimeAccess = "env_runtime_access" => env::access::RuntimeAccess,
    EnvConfinement = "env_confinement" => env::confinement::Required,
    EnvSelinux = "env_selinux" => env::confinement::Selinux,
}

/// The judgement when something could not be read.
pub(crate) fn unread(expected: impl Into<String>, why: &Unread) -> Judgement {
    Judgement::other(Verdict::Unknown, expected, why.to_string())
}
