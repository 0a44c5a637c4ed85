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
}

impl Handler {
    /// Whether it only looks, before any daemon is told. When it fails, nobody has been told yet.
    pub fn is_check(&self) -> bool {
        matches!(self, Self::CheckSshd | Self::CheckSudoers | Self::CheckPam | Self::CheckAudit)
    }

    fn for_path(path: &HostPath) -> Vec<Self> {
        let text = path.as_str();
        if text == "/etc/sudoers" || text.starts_with("/etc/sudoers.d/") {
            return vec![Self::CheckSudoers];
        }
        if text == "/etc/pam.conf" || text.starts_with("/etc/pam.d/") {
            return vec![Self::CheckPam];
        }
        if text.starts_with("/etc/audit/rules.d/") {
            return vec![Self::CheckAudit];
        }
        if text == "/etc/ssh/sshd_config" || text.starts_with("/etc/ssh/sshd_config.d/") {
            return vec![Self::CheckSshd, Self::Reload { unit: "ssh.service".to_owned() }];
        }
        let journald = "/etc/systemd/journald.conf";
        if text == journald || text.starts_with("/etc/systemd/journald.conf.d/") {
            return vec![Self::Restart { unit: "systemd-journald.service".to_owned() }];
        }
        if text.starts_with("/etc/audit/rules.d/") {
            return vec![Self::LoadAuditRules];
        }
        if text.starts_with("/etc/systemd/system/") {
            return vec![Self::DaemonReload];
        }
        let profile = text.strip_prefix("/etc/apparmor.d/").filter(|name| !name.contains('/'));
        if let Some(profile) = profile {
            return vec![Self::LoadApparmor { profile: profile.to_owned() }];
        }
        if text.starts_with("/etc/dconf/db/") {
            return vec![Self::CompileDconf];
        }
        Vec::new()
    }
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
        }
    }
}
