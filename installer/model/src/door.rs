//! Doors: the ways by which operators reach a machine and act on it, which a change may close.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::resource::{Resource, SysctlScope};

/// A way in that a change of some resource may close.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Door {
    /// Logging in over SSH: the daemon's configuration, keys that are let in.
    Sshd,
    /// Becoming root.
    Sudo,
    /// The modules that decide over every login.
    Pam,
    /// Accounts, their passwords and shells.
    Accounts,
    /// The packet filter.
    Firewall,
    /// Addresses, routes, and how the kernel treats packets.
    Network,
}

impl Door {
    /// The way in that a change of this resource may close; `None` for one that cannot lock anybody out.
    pub fn of(resource: &Resource) -> Option<Self> {
        match resource {
            Resource::Sysctl { key, scope: SysctlScope::Running } if key.starts_with("net.") => {
                Some(Self::Network)
            }
            Resource::Activity { unit } => Self::of_unit(unit),
            Resource::Secret { .. } => None,
            other => Self::of_path(other.path()?.as_str()),
        }
    }

    fn of_path(path: &str) -> Option<Self> {
        if let Some(rest) = path.strip_prefix("/etc/systemd/system/") {
            // The unit itself, a link to it in `*.wants/`, or a drop-in of its.
            return rest.split('/').find_map(|part| Self::of_unit(part.trim_end_matches(".d")));
        }
        // A home is anywhere; the name of the file is always the same.
        if path.ends_with("/.ssh/authorized_keys") || path.ends_with("/.ssh") {
            return Some(Self::Sshd);
        }
        let holds = |place: &&str| path == *place || path.starts_with(&format!("{place}/"));
        PLACES.iter().find(|(_, places)| places.iter().any(holds)).map(|(door, _)| *door)
    }

    fn of_unit(unit: &str) -> Option<Self> {
        let name =
            ["service", "socket", "target"].iter().find_map(|kind| unit.strip_suffix(&format!(".{kind}")))?;
        UNITS.iter().find(|(_, names)| names.contains(&name)).map(|(door, _)| *door)
    }
}

/// Files, and folders with all that is in them.
const PLACES: [(Door, &[&str]); 6] = [
    (Door::Sshd, &["/etc/ssh", "/etc/hosts.allow", "/etc/hosts.deny", "/etc/krb5.conf"]),
    (Door::Sudo, &["/etc/sudoers", "/etc/sudoers.d", "/etc/sudo.conf", "/etc/doas.conf"]),
    (Door::Pam, &["/etc/pam.d", "/etc/pam.conf", "/etc/security", "/etc/nologin", "/etc/securetty"]),
    (
        Door::Accounts,
        &[
            "/etc/passwd",
            "/etc/shadow",
            "/etc/group",
            "/etc/gshadow",
            "/etc/shells",
            "/etc/nsswitch.conf",
            "/etc/sssd",
            "/etc/authselect",
        ],
    ),
    (
        Door::Firewall,
        &[
            "/etc/nftables.conf",
            "/etc/nftables",
            "/etc/nftables.d",
            "/etc/iptables",
            "/etc/ufw",
            "/etc/default/ufw",
            "/etc/firewalld",
            "/etc/sysconfig/nftables.conf",
            "/etc/sysconfig/iptables",
            "/etc/sysconfig/ip6tables",
        ],
    ),
    (
        Door::Network,
        &[
            "/etc/network",
            "/etc/netplan",
            "/etc/NetworkManager",
            "/etc/systemd/network",
            "/etc/sysconfig/network",
            "/etc/sysconfig/network-scripts",
        ],
    ),
];

/// Units without their kind.
const UNITS: [(Door, &[&str]); 4] = [
    (Door::Sshd, &["ssh", "sshd", "ssh@", "sshd@"]),
    (Door::Accounts, &["sssd", "systemd-logind", "systemd-user-sessions", "getty@tty1", "getty@", "getty"]),
    (Door::Firewall, &["nftables", "iptables", "ip6tables", "netfilter-persistent", "ufw", "firewalld"]),
    (
        Door::Network,
        &["networking", "NetworkManager", "systemd-networkd", "wpa_supplicant", "systemd-resolved"],
    ),
];

impl fmt::Display for Door {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sshd => "ssh",
            Self::Sudo => "sudo",
            Self::Pam => "PAM",
            Self::Accounts => "accounts",
            Self::Firewall => "firewall",
            Self::Network => "network",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::syntax::Syntax;

    #[test]
    fn what_may_lock_somebody_out_is_known_by_its_place() {
        let table: &[(&str, Option<Door>)] = &[
            ("/etc/ssh/sshd_config", Some(Door::Sshd)),
            ("/etc/ssh/sshd_config.d/00-groundfast.conf", Some(Door::Sshd)),
            ("/home/ann/.ssh/authorized_keys", Some(Door::Sshd)),
            ("/root/.ssh", Some(Door::Sshd)),
            ("/etc/sshguard.conf", None),
            ("/etc/sudoers", Some(Door::Sudo)),
            ("/etc/sudoers.d/ops", Some(Door::Sudo)),
            ("/etc/pam.d/common-auth", Some(Door::Pam)),
            ("/etc/security/faillock.conf", Some(Door::Pam)),
            ("/etc/passwd", Some(Door::Accounts)),
            ("/etc/passwd-", None),
            ("/etc/nftables.conf", Some(Door::Firewall)),
            ("/etc/ufw/user.rules", Some(Door::Firewall)),
            ("/etc/network/interfaces", Some(Door::Network)),
            ("/etc/systemd/network/10-lan.network", Some(Door::Network)),
            ("/etc/systemd/system/ssh.service", Some(Door::Sshd)),
            ("/etc/systemd/system/multi-user.target.wants/nftables.service", Some(Door::Firewall)),
            ("/etc/systemd/system/ssh.service.d/limits.conf", Some(Door::Sshd)),
            ("/etc/systemd/system/cups.service", None),
            ("/etc/systemd/journald.conf", None),
            ("/etc/sysctl.d/99-zz-groundfast.conf", None),
            ("/etc/issue", None),
        ];
        for (path, door) in table {
            let path = path.parse().unwrap();
            let resource = Resource::File { path };
            assert_eq!(Door::of(&resource), *door, "{resource}");
        }
    }

    #[test]
    fn facets_units_and_parameters_are_doors_too() {
        let path: crate::HostPath = "/etc/ssh/sshd_config".parse().unwrap();
        let mode = Resource::Attributes { path: path.clone() };
        let setting = Resource::Setting { path, syntax: Syntax::Sshd, key: "Port".into() };
        let unit = |unit: &str| Resource::Activity { unit: unit.into() };
        let sysctl = |key: &str| Resource::Sysctl { key: key.into(), scope: SysctlScope::Running };
        let secret = Resource::Secret { path: "/etc/ssh/x".parse().unwrap() };
        for (resource, door) in [
            (mode, Some(Door::Sshd)),
            (setting, Some(Door::Sshd)),
            (unit("ssh.socket"), Some(Door::Sshd)),
            (unit("firewalld.service"), Some(Door::Firewall)),
            (unit("cups.service"), None),
            (sysctl("net.ipv4.ip_forward"), Some(Door::Network)),
            (sysctl("kernel.kptr_restrict"), None),
            (secret, None),
        ] {
            assert_eq!(Door::of(&resource), door, "{resource}");
        }
    }
}
