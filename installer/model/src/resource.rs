//! Addresses of observable facets. A query is data, so it can be batched, shipped and journalled.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::plan::StageKind;
use crate::state::Node;

/// An absolute, normalised path on the target: no `.`, `..`, empty parts, trailing slash or NUL.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct HostPath(String);

/// A path that is not absolute and normalised.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("`{0}` is not an absolute, normalised path (no `.`, `..`, `//`, trailing `/` or NUL)")]
pub struct PathError(String);

impl HostPath {
    /// A path written in the source code.
    ///
    /// # Panics
    /// When it is not absolute and normalised, which the first test that passes by would show.
    pub fn literal(text: &'static str) -> Self {
        match text.parse() {
            Ok(path) => path,
            Err(error) => panic!("{error}"),
        }
    }

    /// The path as text, always beginning with `/`.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The path relative to the root, empty for the root itself: what a directory handle wants.
    pub fn relative(&self) -> &str {
        &self.0[1..]
    }

    /// The last part, empty for the root.
    pub fn name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or_default()
    }

    /// The directory that holds this path; `None` for the root.
    pub fn parent(&self) -> Option<HostPath> {
        let cut = self.0.rfind('/').filter(|_| self.0.len() > 1)?;
        Some(Self(if cut == 0 { "/".to_owned() } else { self.0[..cut].to_owned() }))
    }

    /// The path of `name` below this directory.
    ///
    /// # Errors
    /// When `name` would leave the directory or is not normalised.
    pub fn join(&self, name: &str) -> Result<HostPath, PathError> {
        let base = if self.0 == "/" { "" } else { &self.0 };
        format!("{base}/{name}").parse()
    }

    /// Whether this path is `dir` or lies below it.
    pub fn is_under(&self, dir: &HostPath) -> bool {
        dir.0 == "/"
            || self.0.strip_prefix(&dir.0).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }
}

impl FromStr for HostPath {
    type Err = PathError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let normal = text == "/"
            || text
                .strip_prefix('/')
                .is_some_and(|rest| rest.split('/').all(|part| !matches!(part, "" | "." | "..")));
        if normal && !text.contains('\0') {
            Ok(Self(text.to_owned()))
        } else {
            Err(PathError(text.to_owned()))
        }
    }
}

impl TryFrom<String> for HostPath {
    type Error = PathError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<HostPath> for String {
    fn from(path: HostPath) -> Self {
        path.0
    }
}

impl fmt::Display for HostPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for HostPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// How a settings file is written, so that one key can be read and set in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Syntax {
    /// `key = value`, last one wins, `#` and `;` comments: sysctl.d(5).
    Sysctl,
    /// `Keyword value`, case-insensitive, first one wins, `Match` blocks: sshd_config(5).
    Sshd,
    /// `install NAME COMMAND`, `blacklist NAME`; the key is the directive and the module: modprobe.d(5).
    Modprobe,
    /// `key = value` or a bare `key`, last one wins, `#` comments: pwquality.conf(5), faillock.conf(5).
    KeyValue,
    /// `KEY value` separated by white space, `#` comments: login.defs(5).
    LoginDefs,
    /// `[Section]` and `Key=value`, the key is `Section.Key`: systemd.syntax(7).
    Ini,
    /// `key = value`, parted by spaces only: auditd.conf(5).
    Auditd,
    /// Lines that stand alone; the key is the line, its words one space apart, the value empty.
    Lines,
    /// An option of a mount; the key is the mount point and the option, the value empty: fstab(5).
    Fstab,
    /// `KEY=value` as sh(1) assigns it, perhaps quoted or exported, last one wins: `/etc/default/*`.
    Assignments,
    /// `key = value`, last one wins, a line that begins with white space goes on with the one before: postconf(5).
    Postfix,
    /// `type control module arguments`; the key is `type module argument`, the value what follows its `=`, empty
    /// for a bare argument. Arguments of all lines with that module are set together; no line is ever added:
    /// pam.d(5).
    Pam,
    /// `name:field:…`; the key is the name and the number of a field, as `root:3`, counted from 0. The password
    /// field is never shown: it reads as `!` when locked, as `*` otherwise, and can only be locked, by `!`:
    /// passwd(5), shadow(5), group(5).
    Accounts,
    /// `Defaults option=value` without a scope, last one wins; a bare option is empty, a negated one `!`:
    /// sudoers(5).
    Sudoers,
    /// `umask VALUE` and `NAME=VALUE` in start-up files of a shell; a key that is set several times reads as all
    /// its values, and is set everywhere.
    Shell,
}

/// A packet filter whose rules can be looked up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Filter {
    /// ufw(8): `/etc/ufw` and `/etc/default/ufw`.
    Ufw,
    /// nft(8): the main file and what it includes.
    Nftables,
    /// iptables-restore(8) for IPv4.
    Iptables,
    /// iptables-restore(8) for IPv6.
    Ip6tables,
}

/// Where a sysctl is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SysctlScope {
    /// The value that the kernel uses now.
    Running,
    /// The value that the next boot will set: sysctl.d(5) in its order of precedence. A record with `value`,
    /// `at` (`file:line`) and `path`, all absent when no file sets it, and `legacy`: what `/etc/sysctl.conf`
    /// says, which `sysctl --system` lets win.
    Persistent,
}

/// Which files a walk reports. All queries of one assessment share a single walk.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct FileQuery {
    /// The directory to look in.
    pub under: HostPath,
    /// Whether to descend; pseudo file systems and other mounts of them are never entered.
    pub recursive: bool,
    /// A regular expression on the last part of the path; all names when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// A regular expression on the last part of the path: what matches it is not reported.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub except: Option<String>,
    /// Which kinds of node are reported; all kinds when empty.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub kinds: BTreeSet<Node>,
    /// What makes a node worth reporting, so that answers stay small.
    pub wanted: Wanted,
}

/// The predicate of a [`FileQuery`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Wanted {
    /// Every node of the kinds and name asked for.
    Any,
    /// Permission bits outside this mask are set.
    ModeBeyond(u32),
    /// Any of these permission bits is set.
    ModeHas(u32),
    /// The owner is none of these user ids.
    OwnerNot(BTreeSet<u32>),
    /// The group is none of these group ids.
    GroupNot(BTreeSet<u32>),
    /// The owner has no name in `/etc/passwd`.
    OwnerUnknown,
    /// The group has no name in `/etc/group`.
    GroupUnknown,
}

/// An effective value worked out from several files by their own rules of precedence.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Lookup {
    /// An sshd keyword as sshd itself would use it outside and inside `Match` blocks: absent when there is no
    /// sshd_config, else a record with `value` (the compiled default where nothing sets it), `at` (`file:line`)
    /// and `path` (both absent for the default), `match` (a list of records `value`, `at`: values inside
    /// `Match` blocks) and `dropins` (whether `/etc/ssh/sshd_config.d/00-groundfast.conf` would win).
    Sshd { key: String },
    /// A key of a main file and its drop-in folders: a record with `value`, `at` (`file:line`) and `path`, all
    /// absent when nothing sets it. Drop-ins are read in order of their names; the last setting wins, and
    /// `main_last` says whether the main file is read before (systemd) or after them (libpwquality).
    DropIns { main: HostPath, folders: Vec<HostPath>, main_last: bool, syntax: Syntax, key: String },
    /// A kernel module: a record with `loaded` (absent: cannot be seen here), `builtin` and `available` (absent:
    /// no kernel's modules are here to look at), `blacklisted`, `install` (the command that
    /// counts; absent: none) and `install-path` (the file that says so).
    Module { name: String },
    /// A unit and its files: a record with `exists`, `enablement` (systemctl's word), `path`, `wanted-by`
    /// (the links that `systemctl enable` would make, by path), `aliases` (likewise), `links` (those that
    /// enable it now).
    Unit { name: String },
    /// A package in the system's own database: a record with `installed`, `version` and `format` (`deb` or
    /// `rpm`, whose versions are ordered differently).
    Package { name: String },
    /// Whether the rules of the next boot hold what this line of audit.rules(7) asks, conditions on the fields
    /// `may_lack` left away or not: a record with `at` (the places, absent when it is not held), `why` (more on
    /// why not), `path` (the file that a missing line belongs into).
    AuditRule { line: String, may_lack: Vec<String> },
    /// Lines that match a regular expression and are no comments (`#`), in files whose last part may hold a `*`: a
    /// record with `files` (texts, those that are there) and `found` (a list of records `at`, `line`, and `part`:
    /// what the first group matched).
    Lines { files: Vec<HostPath>, pattern: String },
    /// An argument of the kernel: a record with `lines`, a list of records `at` and `value` (absent where it is not
    /// given, empty where it stands alone): what the boot menu will be made with, and each of its entries now.
    BootArgument { name: String },
    /// Wireless network interfaces: a list of records `name` and `up`.
    Wireless,
    /// What is mounted at a path: a record with `planned` (a flag: fstab or a unit mounts it at boot),
    /// `planned-options` (words, those in force), `at` (who says so), `fstab` (a flag: it is fstab), `mounted` (a
    /// flag, absent when it cannot be seen here), `options` (words, those in force now).
    Mount { point: HostPath },
    /// The number of a user in `/etc/passwd`, or absent.
    User { name: String },
    /// The number of a group in `/etc/group`, or absent.
    Group { name: String },
    /// The text of a short public file such as a banner, or absent.
    Text { path: HostPath },
    /// The rules of a packet filter, those that the next boot loads or those that the kernel holds (`running`):
    /// absent when its main file is not there, else a record with `enabled` (a flag, where the tool has such a switch),
    /// `ipv6` (likewise), `includes` (the files that the main one names) and `chains`, a list of records `table`, `name`,
    /// `hook` (`input`, `output`, `forward`, absent for the others), `policy` and `rules`, a list of records `from`
    /// and `to` (interfaces), `source`, `ports` (as `tcp/22-25`) and `verdict`.
    Firewall { filter: Filter, main: HostPath, running: bool },
    /// A zone of firewalld: absent when no file defines it, else a record with `path`, `interfaces` and `rules`, a
    /// list of records `source`, `destination`, `inverted` (a flag) and `verdict`.
    Zone { name: String },
    /// A key of dconf(7) in the key files of these databases: a record with `value` (as GVariant text), `path`,
    /// `lock` (the file that locks it), absent where there is none, and `profile` (a flag: the profile `user` reads one of the databases).
    Dconf { databases: Vec<String>, key: String },
    /// Whether a compiled database of dconf is as new as its key files: a flag, absent when it has none.
    DconfCompiled { database: String },
    /// SELinux: a record with `configured` and `policy` (what `/etc/selinux/config` says, absent when nothing does)
    /// and `running` (`enforcing`, `permissive`, `disabled`, absent when it cannot be seen here).
    Selinux,
    /// An option of dockerd by its name in daemon.json and as a flag: absent where nothing sets it, else a record
    /// with `value` (lists with commas, the names of tables) and `at`.
    DockerOption { key: String, flag: String },
    /// What a part of Kubernetes is told: absent when its file is not there, else a record with `value`, absent
    /// where the file does not set it. The name is a flag, as `--profiling`, or a path of keys.
    Kubernetes { path: HostPath, name: String },
    /// A key of apt.conf(5) such as `APT::Install-Recommends`, or absent.
    Apt { key: String },
    /// All users: absent when there is no `/etc/passwd`, else a list of records `name`, `uid`, `gid`, `home`, `shell` of `/etc/passwd`, `elsewhere` (whether
    /// its password field refers to `/etc/shadow`), and of `/etc/shadow` where it has a line: `password`
    /// (`empty`, `locked`, `set` for one hashed by crypt(5), `other`), `changed`, `min`, `max`, `warn`, `inactive`
    /// (days, absent where the field is empty). No hash is ever part of it.
    Users,
    /// All groups: absent when there is no `/etc/group`, else a list of records `name`, `gid`, `members`
    /// (words).
    Groups,
    /// The shells of shells(5), as words; absent when there is no `/etc/shells`.
    Shells,
    /// The names in a directory that begin with a dot, as words; none when there is no such directory.
    Dots { folder: HostPath },
    /// The stack of one type of a PAM service file, includes followed, in order: absent when there is no such
    /// file, else a list of records `control`, `module`, `args` (a list), `at` (`file:line`), `path`.
    Pam { path: HostPath, kind: String },
    /// What shell start-up files make of `umask` or of a variable: a record with `set` (a list of records
    /// `value`, `at`, `path`, in the order read), `readonly` and `exported`. The folders' `*.sh` and `sh.local`
    /// are read after the files.
    Shell { files: Vec<HostPath>, folders: Vec<HostPath>, name: String },
    /// sudoers(5) with its includes: absent when there is none, else a record with `defaults` (a list of records
    /// `name`, `value`, `scope`, `at`, `path`, in the order read; the value of a bare option is empty, that of a
    /// negated one `!`), `tags` (a list of records `tag`, `at`) and `folder` (whether `/etc/sudoers.d` is
    /// included).
    Sudoers,
}

/// A measurement of the machine, answered as a [`State::Record`](crate::State::Record) whose fields the
/// backend that measures it documents.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fact {
    /// Release, version and build features of the running kernel.
    Kernel,
    /// `/etc/os-release`: id, version, the ids it is like.
    Distribution,
    /// The day it is, as shadow(5) counts them: days since 1970-01-01, a number.
    Today,
    /// Logical CPUs, memory in bytes.
    Capacity,
    /// Free bytes and inodes where this path lies, and the file system's type.
    FileSystem { path: HostPath },
    /// Who answers Docker's API behind this socket: name, version, storage driver, rootless, security.
    Engine { socket: HostPath },
    /// The containerd behind this socket: version.
    Containerd { socket: HostPath },
    /// Which container runtimes are installed, whether they run or not.
    Runtimes,
    /// Ports that the engine behind this socket publishes, with the container and its Compose project.
    Published { socket: HostPath },
    /// How the running containers of the engine behind this socket are kept apart.
    Containers { socket: HostPath },
    /// The Compose plugin: version.
    Compose,
    /// cgroup version and controllers.
    Cgroups,
    /// Whether this kernel module is loaded, built in or can be loaded.
    KernelModule { name: String },
    /// State of the random number generator, hardware sources and the rate measured.
    Entropy,
    /// What the kernel and the time daemon believe about the clock.
    ClockDiscipline,
    /// Offset against an NTP server (`host[:port]`), measured, with its uncertainty.
    ClockOffset { server: String },
    /// Lock conflict and release between two processes, atomic rename and fsync latency below this path.
    FileLocks { path: HostPath },
    /// SELinux: mode, policy, container support.
    Selinux,
    /// AppArmor: enabled, profiles loaded, parser present.
    Apparmor,
    /// Answer of the system's resolver for a name that must or must not exist.
    Resolve { name: String },
    /// Sockets that listen on an address other hosts can reach.
    Listeners,
    /// Proxy variables of shell, systemd manager and container runtime.
    Proxies,
    /// Audit rules and daemon, as far as container activity goes.
    Audit,
    /// Who can reach the container runtime: docker group, sudoers, root over ssh.
    RuntimeAccess,
    /// A certificate chain file with its key and CA: subject, names, expiry, chain, key match.
    Certificate { chain: HostPath, key: HostPath, authority: HostPath },
}

/// The address of one observable facet of a machine. Each family is served by one backend.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Resource {
    /// Permission bits of a path, links followed inside the root; carried by [`Resource::Attributes`].
    Mode { path: HostPath },
    /// Numeric owner of a path; carried by [`Resource::Attributes`].
    Owner { path: HostPath },
    /// Numeric group of a path; carried by [`Resource::Attributes`].
    Group { path: HostPath },
    /// Kind, mode, owner, group and extended attributes of an existing path, links followed.
    Attributes { path: HostPath },
    /// Bytes of a regular file; carried by [`Resource::File`].
    Content { path: HostPath },
    /// Target of a symbolic link; carried by [`Resource::File`].
    Link { path: HostPath },
    /// One key of a settings file; carried by [`Resource::File`].
    Setting { path: HostPath, syntax: Syntax, key: String },
    /// A whole node, its attributes and its bytes or link target; the last part is not followed.
    File { path: HostPath },
    /// The files that a shared walk found.
    Files(FileQuery),
    /// An effective value over several files.
    Effective(Lookup),
    /// A kernel parameter.
    Sysctl { key: String, scope: SysctlScope },
    /// Whether a unit runs: `active` or `inactive`.
    Activity { unit: String },
    /// A measurement.
    Fact(Fact),
    /// A package of the system: its version or absent, or where an operation on it stopped. The packages of a
    /// stage change together, as the package manager changes them.
    Package { name: String },
    /// What the package manager would do to install and remove these packages, by its own simulation: a
    /// [`Transaction`](crate::Transaction). Nothing is changed. Known on the running machine only.
    Transaction { install: BTreeSet<String>, remove: BTreeSet<String> },
    /// A container image in the engine, by image id.
    Image { id: Digest },
    /// An AppArmor profile as the kernel holds it: its mode, such as `enforce` or `complain`, or absent. The text that
    /// it is loaded from is the file of its name in `/etc/apparmor.d`.
    Apparmor { profile: String },
    /// A module of SELinux' policy at our priority, 400: absent, or a record with `content` (of its CIL) and
    /// `enabled` (a flag).
    SelinuxModule { name: String },
    /// The SELinux label of what a path leads to, as text; absent where it has none.
    Label { path: HostPath },
    /// A Compose project: the release that is up, or absent.
    Stack { project: String },
    /// One service of a Compose project as it runs: image, state, health, mounts.
    Service { project: String, service: String },
    /// An injected secret at its target path.
    Secret { path: HostPath },
}

impl Resource {
    /// The resource that a change of this facet is a change of: facets of one file change together, in one
    /// write, so that every change is exactly invertible.
    pub fn carrier(&self) -> Resource {
        match self {
            Self::Mode { path } | Self::Owner { path } | Self::Group { path } => {
                Self::Attributes { path: path.clone() }
            }
            Self::Content { path } | Self::Link { path } | Self::Setting { path, .. } => {
                Self::File { path: path.clone() }
            }
            other => other.clone(),
        }
    }

    /// The stage in which a change of this resource happens, or `None` if it can only be observed.
    pub fn stage(&self) -> Option<StageKind> {
        Some(match self.carrier() {
            Self::Attributes { .. } | Self::File { .. } | Self::Label { .. } => StageKind::File,
            Self::Sysctl { scope: SysctlScope::Running, .. } | Self::Apparmor { .. } => StageKind::Kernel,
            Self::SelinuxModule { .. } => StageKind::Policy,
            Self::Package { .. } => StageKind::Package,
            Self::Activity { .. } => StageKind::Unit,
            Self::Image { .. } => StageKind::Image,
            Self::Secret { .. } => StageKind::Secret,
            Self::Stack { .. } => StageKind::Stack,
            _ => return None,
        })
    }

    /// Whether only Groundfast writes this resource, so that a state between `from` and `to` can only be its
    /// own half-made change, and may be taken back.
    pub fn is_exclusive(&self) -> bool {
        matches!(self, Self::Stack { .. } | Self::Secret { .. })
    }

    /// The path that a file-like resource is about.
    pub fn path(&self) -> Option<&HostPath> {
        match self {
            Self::Mode { path }
            | Self::Owner { path }
            | Self::Group { path }
            | Self::Attributes { path }
            | Self::Content { path }
            | Self::Link { path }
            | Self::Setting { path, .. }
            | Self::File { path }
            | Self::Label { path }
            | Self::Secret { path } => Some(path),
            _ => None,
        }
    }
}

impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mode { path } => write!(f, "mode of {path}"),
            Self::Owner { path } => write!(f, "owner of {path}"),
            Self::Group { path } => write!(f, "group of {path}"),
            Self::Attributes { path } => write!(f, "attributes of {path}"),
            Self::Content { path } => write!(f, "content of {path}"),
            Self::Link { path } => write!(f, "link {path}"),
            Self::Setting { path, key, .. } => write!(f, "{key} in {path}"),
            Self::File { path } => write!(f, "file {path}"),
            Self::Files(query) => write!(f, "files under {}", query.under),
            Self::Effective(lookup) => write!(f, "{lookup}"),
            Self::Sysctl { key, scope: SysctlScope::Running } => write!(f, "running sysctl {key}"),
            Self::Sysctl { key, scope: SysctlScope::Persistent } => write!(f, "persistent sysctl {key}"),
            Self::Activity { unit } => write!(f, "activity of {unit}"),
            Self::Fact(fact) => write!(f, "{fact}"),
            Self::Package { name } => write!(f, "package {name}"),
            Self::Transaction { install, remove } => {
                let joined = |names: &BTreeSet<String>| names.iter().cloned().collect::<Vec<_>>().join(" ");
                match (install.is_empty(), remove.is_empty()) {
                    (false, true) => write!(f, "installing {}", joined(install)),
                    (true, false) => write!(f, "removing {}", joined(remove)),
                    _ => write!(f, "installing {} and removing {}", joined(install), joined(remove)),
                }
            }
            Self::Image { id } => write!(f, "image {id}"),
            Self::Apparmor { profile } => write!(f, "AppArmor profile {profile}"),
            Self::SelinuxModule { name } => write!(f, "SELinux module {name}"),
            Self::Label { path } => write!(f, "SELinux label of {path}"),
            Self::Stack { project } => write!(f, "stack {project}"),
            Self::Service { project, service } => write!(f, "service {project}/{service}"),
            Self::Secret { path } => write!(f, "secret at {path}"),
        }
    }
}

impl fmt::Display for Lookup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sshd { key } => write!(f, "effective sshd {key}"),
            Self::DropIns { main, key, .. } => write!(f, "effective {key} of {main}"),
            Self::Module { name } => write!(f, "kernel module {name}"),
            Self::Unit { name } => write!(f, "unit {name}"),
            Self::Package { name } => write!(f, "package {name}"),
            Self::AuditRule { line, .. } => write!(f, "audit rule {line}"),
            Self::Lines { files, .. } => {
                let names: Vec<_> = files.iter().map(HostPath::as_str).collect();
                write!(f, "lines of {}", names.join(", "))
            }
            Self::BootArgument { name } => write!(f, "kernel argument {name}"),
            Self::Wireless => f.write_str("wireless interfaces"),
            Self::Mount { point } => write!(f, "mount at {point}"),
            Self::User { name } => write!(f, "user {name}"),
            Self::Group { name } => write!(f, "group {name}"),
            Self::Text { path } => write!(f, "text of {path}"),
            Self::Firewall { filter, running: false, .. } => write!(f, "rules of {filter}"),
            Self::Firewall { filter, .. } => write!(f, "running rules of {filter}"),
            Self::Zone { name } => write!(f, "firewall zone {name}"),
            Self::Dconf { key, .. } => write!(f, "dconf key {key}"),
            Self::DconfCompiled { database } => write!(f, "dconf database {database}"),
            Self::Selinux => f.write_str("SELinux"),
            Self::DockerOption { key, .. } => write!(f, "Docker's option {key}"),
            Self::Kubernetes { path, name } => write!(f, "{name} of {path}"),
            Self::Apt { key } => write!(f, "apt option {key}"),
            Self::Users => f.write_str("users"),
            Self::Groups => f.write_str("groups"),
            Self::Shells => f.write_str("shells"),
            Self::Dots { folder } => write!(f, "dot files in {folder}"),
            Self::Pam { path, kind } => write!(f, "{kind} stack of {path}"),
            Self::Shell { name, .. } => write!(f, "{name} of shells"),
            Self::Sudoers => f.write_str("sudoers"),
        }
    }
}

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ufw => "ufw",
            Self::Nftables => "nftables",
            Self::Iptables => "iptables",
            Self::Ip6tables => "ip6tables",
        })
    }
}

impl fmt::Display for Fact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Kernel => f.write_str("kernel"),
            Self::Distribution => f.write_str("distribution"),
            Self::Today => f.write_str("the day"),
            Self::Capacity => f.write_str("CPU and memory"),
            Self::FileSystem { path } => write!(f, "file system at {path}"),
            Self::Engine { socket } => write!(f, "container engine at {socket}"),
            Self::Containerd { socket } => write!(f, "containerd at {socket}"),
            Self::Runtimes => f.write_str("installed container runtimes"),
            Self::Published { socket } => write!(f, "ports published by {socket}"),
            Self::Containers { socket } => write!(f, "containers of {socket}"),
            Self::Compose => f.write_str("Compose"),
            Self::Cgroups => f.write_str("control groups"),
            Self::KernelModule { name } => write!(f, "kernel module {name}"),
            Self::Entropy => f.write_str("entropy"),
            Self::ClockDiscipline => f.write_str("clock discipline"),
            Self::ClockOffset { server } => write!(f, "clock offset against {server}"),
            Self::FileLocks { path } => write!(f, "file locks at {path}"),
            Self::Selinux => f.write_str("SELinux"),
            Self::Apparmor => f.write_str("AppArmor"),
            Self::Resolve { name } => write!(f, "resolution of {name}"),
            Self::Listeners => f.write_str("listening sockets"),
            Self::Proxies => f.write_str("proxy variables"),
            Self::Audit => f.write_str("audit logging"),
            Self::RuntimeAccess => f.write_str("access to the container runtime"),
            Self::Certificate { chain, .. } => write!(f, "certificate {chain}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_absolute_normalised_paths_are_paths() {
        for good in ["/", "/etc", "/etc/ssh/sshd_config", "/a b/ü"] {
            assert_eq!(good.parse::<HostPath>().map(String::from).as_deref(), Ok(good));
        }
        for bad in ["", "etc", "/etc/", "//etc", "/etc/../x", "/./x", "/a//b", "/a\0b"] {
            assert!(bad.parse::<HostPath>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn parents_and_children_meet() {
        let root: HostPath = "/".parse().unwrap();
        let etc = root.join("etc").unwrap();
        assert_eq!(etc.parent(), Some(root.clone()));
        assert_eq!(root.parent(), None);
        assert!(etc.join("../x").is_err());
        assert!(etc.join("ssh").unwrap().is_under(&etc));
        assert!(!"/etcetera".parse::<HostPath>().unwrap().is_under(&etc));
    }
}
