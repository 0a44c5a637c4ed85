//! Effective values, worked out from several files.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::path::HostPath;
use crate::syntax::Syntax;

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

/// An effective value worked out from several files by their own rules of precedence.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Lookup {
    /// An sshd keyword as sshd itself would use it outside and inside `Match` blocks: absent when there is no
    /// sshd_config, else a record with `value` (the compiled default where nothing sets it), `at` (`file:line`)
    /// and `path` (both absent for the default), `match` (a list of records `value`, `at`: values inside
    /// `Match` blocks), `refused` (likewise: values anywhere for which sshd does not start) and `dropins` (whether
    /// `/etc/ssh/sshd_config.d/00-groundfast.conf` would win).
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
    /// authselect(8): absent when no profile is selected, else a record with `profile`, `features` (words) and `stacks`,
    /// a list of records `name` (`system-auth`, `password-auth`), `path` and `modules` (words: what that file of the
    /// profile names with these features), absent where the profile has no such file.
    Authselect,
    /// The files that rsyslog writes: absent when there is no `/etc/rsyslog.conf`, else a record with `files`, a list of
    /// records `file` and `at` (`file:line`), and `dynamic` (words: the places where a template makes up names).
    LogFiles,
    /// The public keys in rpm's database, as words: the last half of the id, `-`, and when it was made, in hexadecimal.
    PackageKeys,
    /// The repositories of dnf: a list of records `id`, `path`, `gpgcheck` (absent when nothing sets it), `at`
    /// (`file:line`, likewise) and `own` (a flag: the repository sets it itself).
    Repositories,
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
            Self::Authselect => f.write_str("profile of authselect"),
            Self::LogFiles => f.write_str("files that rsyslog writes"),
            Self::PackageKeys => f.write_str("keys of packages"),
            Self::Repositories => f.write_str("repositories"),
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
