//! A kernel module that must not be loadable.

use model::{Constraint, Evidence, HostPath, Judgement, Lookup, Resource, State, Syntax};
use serde::Deserialize;

use super::parts::Parts;
use super::{Ask, Kind, unread};

/// `{ kind = "module", name }`: the module is not loaded and cannot be.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Module {
    name: String,
}

const OURS: &str = "/etc/modprobe.d/groundfast.conf";

impl Module {
    fn lookup(&self) -> Resource {
        Resource::Effective(Lookup::Module { name: self.name.clone() })
    }

    /// What mounts a file system of this kind at boot.
    fn users(&self) -> Resource {
        let name = &self.name;
        let line = format!(r"[^#\s]\S*\s+\S+\s+(?:\S+,)?{name}(?:[,\s]|$)");
        let files = ["/etc/fstab", "/etc/systemd/system/*.mount"].map(HostPath::literal).to_vec();
        let pattern = format!(r"^\s*(?:{line}|Type\s*=\s*{name}\s*$)");
        Resource::Effective(Lookup::Lines { files, pattern })
    }

    fn set(&self, path: HostPath, directive: &str, value: &str) -> Ask {
        let key = format!("{directive} {}", self.name);
        let resource = Resource::Setting { path, syntax: Syntax::Modprobe, key };
        Ask::new(resource, Constraint::Equals(State::text(value)))
    }
}

/// Whether an `install` command of modprobe.d loads nothing.
fn is_inert(command: &str) -> bool {
    matches!(command.trim(), "/bin/false" | "/bin/true" | "/usr/bin/false" | "/usr/bin/true")
}

impl Kind for Module {
    fn by_hand(&self) -> Option<&'static str> {
        None
    }

    fn needs(&self, _seen: &Evidence) -> Vec<Resource> {
        vec![self.lookup(), self.users()]
    }

    fn judge(&self, seen: &Evidence) -> Judgement {
        let expected = format!("{} not loaded and not loadable", self.name);
        let record = match seen.see(&self.lookup()) {
            Ok(record) => record,
            Err(why) => return unread(expected, &why),
        };
        let flag = |part: &str| record.get(part).and_then(State::as_flag);
        let mut parts = Parts::default();
        match flag("loaded") {
            Some(true) => parts.seen(false, "it is loaded now; unload it or reboot"),
            Some(false) => parts.seen(true, "not loaded"),
            None => parts.unseen("whether it is loaded cannot be seen here"),
        }
        if flag("builtin") == Some(true) {
            parts.seen(false, "it is built into the kernel, where no setting reaches it");
        }
        if flag("available") == Some(false) && flag("builtin") == Some(false) {
            parts.seen(true, "no installed kernel has it");
            return parts.judge(expected);
        }
        match record.get("install").map(ToString::to_string) {
            Some(command) if is_inert(&command) => parts.seen(true, format!("install {command}")),
            Some(command) => parts.seen(false, format!("install runs {command}")),
            None => parts.seen(false, "no install command stops modprobe"),
        }
        let blacklisted = flag("blacklisted").unwrap_or_default();
        parts.seen(blacklisted, if blacklisted { "blacklisted" } else { "not blacklisted" });
        let user =
            seen.see(&self.users()).ok().and_then(|record| record.get("found")?.items().first()?.get("at"));
        if let Some(at) = user {
            parts.seen(false, format!("{at} mounts it at boot, so a person has to see to that first"));
        }
        parts.judge(expected)
    }

    fn remedy(&self, seen: &Evidence) -> Vec<Ask> {
        let Ok(record) = seen.see(&self.lookup()) else { return Vec::new() };
        let unused = |users: &State| users.get("found").is_none_or(|found| found.items().is_empty());
        if !seen.see(&self.users()).is_ok_and(unused) {
            return Vec::new();
        }
        let flag = |part: &str| record.get(part).and_then(State::as_flag).unwrap_or_default();
        let install = record.get("install").and_then(State::as_text);
        let mut asks = Vec::new();
        if !install.is_some_and(is_inert) {
            // Of several install commands the first one counts, so the one that does is changed in place.
            let path = record.get("install-path").and_then(State::as_text).and_then(|path| path.parse().ok());
            asks.push(self.set(path.unwrap_or_else(|| HostPath::literal(OURS)), "install", "/bin/false"));
        }
        if !flag("blacklisted") {
            asks.push(self.set(HostPath::literal(OURS), "blacklist", ""));
        }
        asks
    }
}
