//! Changes: a resource and a pair of states. Everything else about a change is derived from it.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::path::HostPath;
use crate::resource::Resource;
use crate::state::State;

/// One change of one resource. Its inverse is the pair swapped, it is a no-op when both are equal, it is
/// verified by re-reading `to`, and stale when `from` is no longer there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// What changes; always a carrier (see [`Resource::carrier`]).
    pub resource: Resource,
    /// What is there before.
    pub from: State,
    /// What is there afterwards.
    pub to: State,
}

impl Change {
    /// The change that takes this one back.
    pub fn inverse(&self) -> Self {
        Self { resource: self.resource.clone(), from: self.to.clone(), to: self.from.clone() }
    }

    /// Whether it changes nothing.
    pub fn is_noop(&self) -> bool {
        self.from == self.to
    }

    /// What must be done once at the end of the stage for this change to take effect.
    pub fn handlers(&self) -> Vec<Handler> {
        match &self.resource {
            Resource::File { path } | Resource::Attributes { path } => Handler::for_path(path),
            _ => Vec::new(),
        }
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} → {}", self.resource, Brief(&self.from), Brief(&self.to))
    }
}

/// A state in a few words: of what has many parts, the digest that tells it from others.
struct Brief<'s>(&'s State);

impl fmt::Display for Brief<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let telling = ["compose", "fingerprint", "id"].iter().find_map(|part| self.0.get(part));
        match telling {
            Some(State::Content(digest)) => write!(f, "{}", &digest.hex()[..12]),
            Some(State::Text(text)) => write!(f, "{}", text.chars().take(12).collect::<String>()),
            _ => write!(f, "{}", self.0),
        }
    }
}

/// What a daemon must be told after its files changed; run once a stage, in this order.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Handler {
    /// `sshd -t` must accept the configuration before anybody reloads it.
    CheckSshd,
    /// GNOME's system databases are compiled from their key files again.
    CompileDconf,
    /// `visudo -c` must accept sudoers before anybody depends on it.
    CheckSudoers,
    /// Every PAM service must resolve, and the operators' login must still be able to succeed.
    CheckPam,
    /// Audit rules must be rules.
    CheckAudit,
    /// An AppArmor profile that the kernel holds is loaded anew from its file, in the mode that it has.
    LoadApparmor { profile: String },
    /// systemd reads its unit files again.
    DaemonReload,
    /// A unit, if it is active, reads its configuration again.
    Reload { unit: String },
    /// A unit, if it is active, is restarted, for daemons that cannot reload.
    Restart { unit: String },
    /// The kernel takes the audit rules of the files, unless they are locked until the next boot.
    LoadAuditRules,
    /// The boot menu is made again from its defaults.
    MakeBootMenu,
    /// What is mounted gets the options `nodev`, `nosuid` and `noexec` that its line of fstab(5) has; none is taken
    /// away before the next boot.
    Remount,
}

impl Handler {
    /// Whether it only looks, before any daemon is told. When it fails, nobody has been told yet.
    pub fn is_check(&self) -> bool {
        matches!(self, Self::CheckSshd | Self::CheckSudoers | Self::CheckPam | Self::CheckAudit)
    }

    fn for_path(path: &HostPath) -> Vec<Self> {
        let text = path.as_str();
        let about = |place: &&str| {
            text == *place || text.strip_prefix(place).is_some_and(|rest| rest.starts_with('/'))
        };
        let told = TOLD.iter().filter(|(places, _)| places.iter().any(about));
        let profile = text.strip_prefix("/etc/apparmor.d/").filter(|name| !name.contains('/'));
        let profile = profile.map(|name| Self::LoadApparmor { profile: name.to_owned() });
        told.flat_map(|(_, handlers)| handlers()).chain(profile).collect()
    }
}

/// Files, and folders with all that is in them, and who has to be told when they change.
type Told = (&'static [&'static str], fn() -> Vec<Handler>);

const TOLD: [Told; 12] = [
    (&["/etc/sudoers", "/etc/sudoers.d"], || vec![Handler::CheckSudoers]),
    (&["/etc/pam.conf", "/etc/pam.d"], || vec![Handler::CheckPam]),
    (&["/etc/audit/rules.d"], || vec![Handler::CheckAudit, Handler::LoadAuditRules]),
    (&["/etc/ssh/sshd_config", "/etc/ssh/sshd_config.d"], || {
        let reload = |unit: &str| Handler::Reload { unit: unit.to_owned() };
        vec![Handler::CheckSshd, reload("ssh.service"), reload("sshd.service")]
    }),
    (&["/etc/systemd/journald.conf", "/etc/systemd/journald.conf.d"], || restart("systemd-journald")),
    (&["/etc/rsyslog.conf", "/etc/rsyslog.d"], || restart("rsyslog")),
    (&["/etc/systemd/timesyncd.conf", "/etc/systemd/timesyncd.conf.d"], || restart("systemd-timesyncd")),
    (&["/etc/chrony", "/etc/chrony.conf", "/etc/chrony.d"], || {
        [restart("chrony"), restart("chronyd")].concat()
    }),
    (&["/etc/systemd/system"], || vec![Handler::DaemonReload]),
    (&["/etc/dconf/db"], || vec![Handler::CompileDconf]),
    (&["/etc/default/grub", "/etc/default/grub.d"], || vec![Handler::MakeBootMenu]),
    (&["/etc/fstab"], || vec![Handler::DaemonReload, Handler::Remount]),
];

fn restart(unit: &str) -> Vec<Handler> {
    vec![Handler::Restart { unit: format!("{unit}.service") }]
}

impl fmt::Display for Handler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CheckSshd => f.write_str("check sshd's configuration"),
            Self::CompileDconf => f.write_str("compile GNOME's settings"),
            Self::CheckSudoers => f.write_str("check sudoers"),
            Self::CheckPam => f.write_str("check that logins can still succeed"),
            Self::CheckAudit => f.write_str("check the audit rules"),
            Self::LoadApparmor { profile } => {
                write!(f, "load the AppArmor profile {profile} anew if it is loaded")
            }
            Self::DaemonReload => f.write_str("reload systemd's units"),
            Self::Reload { unit } => write!(f, "reload {unit}"),
            Self::Restart { unit } => write!(f, "restart {unit}"),
            Self::LoadAuditRules => f.write_str("load the audit rules"),
            Self::MakeBootMenu => f.write_str("make the boot menu again"),
            Self::Remount => f.write_str("mount again with the options of fstab"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(path: &'static str) -> Vec<String> {
        Handler::for_path(&HostPath::literal(path)).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn who_reads_a_file_is_told_of_its_change() {
        assert_eq!(told("/etc/audit/rules.d/50.rules"), ["check the audit rules", "load the audit rules"]);
        assert_eq!(told("/etc/rsyslog.d/00-groundfast.conf"), ["restart rsyslog.service"]);
        assert_eq!(told("/etc/default/grub.d/99.cfg"), ["make the boot menu again"]);
        assert_eq!(told("/etc/fstab"), ["reload systemd's units", "mount again with the options of fstab"]);
        assert_eq!(told("/etc/systemd/system/a.service"), ["reload systemd's units"]);
        assert!(told("/etc/fstab.old").is_empty() && told("/etc/default/grub.dpkg-old").is_empty());
    }
}
