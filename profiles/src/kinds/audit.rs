//! Audit rules: what the files of the next boot hold, and what the kernel holds now.

use std::collections::BTreeSet;

use model::{
    Constraint, Evidence, FileQuery, HostPath, Judgement, Lookup, Node, Resource, State, Syntax, Wanted,
};
use serde::Deserialize;

use super::parts::Parts;
use super::{Ask, Kind, unread};

/// `{ kind = "audit_rules", rules | watch, key, may_lack? }`: the rules that are loaded record all that these lines
/// of audit.rules(7) ask; a switch of the whole, such as `-e 2`, has that value. `watch` is the one line that
/// records changes of a path.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AuditRules {
    #[serde(default)]
    rules: Vec<String>,
    watch: Option<HostPath>,
    key: Option<String>,
    /// Fields by which a rule need not filter: without them it records more.
    #[serde(default)]
    may_lack: Vec<String>,
}

impl AuditRules {
    fn lines(&self) -> Vec<String> {
        let key = self.key.as_deref().unwrap_or_default();
        let watch = self.watch.iter().map(|path| format!("-w {path} -p wa -k {key}"));
        self.rules.iter().cloned().chain(watch).collect()
    }

    fn lookups(&self) -> impl Iterator<Item = (String, Resource)> {
        self.lines().into_iter().map(|line| {
            let resource = lookup(&line, &self.may_lack);
            (line, resource)
        })
    }
}

fn lookup(line: &str, may_lack: &[String]) -> Resource {
    Resource::Effective(Lookup::AuditRule { line: line.to_owned(), may_lack: may_lack.to_vec() })
}

/// Judges one line, in files and in the kernel.
fn judge_line(parts: &mut Parts, line: &str, record: &State) {
    let text = |part: &str| record.get(part).and_then(State::as_text);
    match (text("at"), text("why")) {
        (Some(at), _) => parts.seen(true, format!("{line} by {at}")),
        (None, Some(why)) => parts.seen(false, format!("no {line}: {why}")),
        (None, None) => parts.seen(false, format!("no {line}")),
    }
    match record.get("loaded").and_then(State::as_flag) {
        Some(true) => {}
        Some(false) => {
            parts.seen(false, format!("the kernel does not hold {line} now; load the rules or reboot"))
        }
        None => parts.unseen("what the kernel holds now cannot be seen here"),
    }
}

/// Asks for a line in the file that is loaded, where the files do not hold it.
fn ask(seen: &Evidence, line: &str, resource: &Resource) -> Option<Ask> {
    let record = seen.see(resource).ok().filter(|record| record.get("at").is_none())?;
    let path: HostPath = record.get("path").and_then(State::as_text)?.parse().ok()?;
    // A rule twice, or a switch with another value: adding a line would not help, so a person decides.
    if record.get("why").is_some() {
        return None;
    }
    let resource = Resource::Setting { path, syntax: Syntax::Lines, key: line.to_owned() };
    Some(Ask::new(resource, Constraint::Equals(State::text(""))))
}

impl Kind for AuditRules {
    fn by_hand(&self) -> Option<&'static str> {
        None
    }

    fn check(&self) -> Result<(), String> {
        match self.rules.iter().find(|rule| !rule.starts_with('-')) {
            Some(rule) => Err(format!("`{rule}` is no line of audit.rules(7)")),
            None if self.rules.is_empty() == self.watch.is_none() => {
                Err("either `rules` or `watch` says what is wanted".to_owned())
            }
            None if self.watch.is_some() != self.key.is_some() => {
                Err("`watch` and `key` go together".to_owned())
            }
            None => Ok(()),
        }
    }

    fn needs(&self, _seen: &Evidence) -> Vec<Resource> {
        self.lookups().map(|(_, resource)| resource).collect()
    }

    fn judge(&self, seen: &Evidence) -> Judgement {
        let mut parts = Parts::default();
        for (line, resource) in self.lookups() {
            match seen.see(&resource) {
                Ok(record) => judge_line(&mut parts, &line, record),
                Err(why) => parts.unread(&why),
            }
        }
        parts.judge(self.lines().join("; "))
    }

    fn remedy(&self, seen: &Evidence) -> Vec<Ask> {
        self.lookups().filter_map(|(line, resource)| ask(seen, &line, &resource)).collect()
    }
}

/// `{ kind = "audit_privileged", key }`: the use of every program that runs with the rights of its owner or group
/// is recorded, wherever a mount lets it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AuditPrivileged {
    /// The label of the rules that the remedy adds.
    key: String,
}

const EXPECTED: &str = "a rule for every set-uid and set-gid program";
/// File systems that may keep programs from running with others' rights.
const POINTS: [&str; 9] =
    ["/tmp", "/var/tmp", "/home", "/var", "/var/log", "/var/log/audit", "/dev/shm", "/boot", "/srv"];

fn programs() -> Resource {
    Resource::Files(FileQuery {
        under: HostPath::literal("/"),
        recursive: true,
        name: None,
        kinds: BTreeSet::from([Node::File]),
        wanted: Wanted::ModeHas(0o6000),
        except: None,
    })
}

fn mounts() -> impl Iterator<Item = (HostPath, Resource)> {
    POINTS.map(HostPath::literal).into_iter().map(|point| {
        let resource = Resource::Effective(Lookup::Mount { point: point.clone() });
        (point, resource)
    })
}

/// Whether a mount that is there now, or where that cannot be seen is planned, makes set-uid bits void.
fn voids(record: &State) -> bool {
    let part = if record.get("mounted").is_some() { "options" } else { "planned-options" };
    matches!(record.get(part), Some(State::Words(words)) if words.contains("nosuid") || words.contains("noexec"))
}

impl AuditPrivileged {
    /// The rule for each program, as it would be written and as it is looked for: without `perm=x` it records more.
    fn lookups(&self, seen: &Evidence) -> Vec<(String, Resource)> {
        let Ok(State::Entries(entries)) = seen.see(&programs()) else { return Vec::new() };
        let void: Vec<_> =
            mounts().filter(|(_, mount)| seen.see(mount).is_ok_and(voids)).map(|(point, _)| point).collect();
        let mounted: Vec<_> = mounts()
            .filter(|(_, mount)| seen.see(mount).is_ok_and(is_mounted))
            .map(|(point, _)| point)
            .collect();
        let counts = |path: &HostPath| {
            // The innermost mount decides.
            let inner =
                mounted.iter().filter(|point| path.is_under(point)).max_by_key(|point| point.as_str().len());
            inner.is_none_or(|point| !void.contains(point)) && !path.as_str().starts_with("/var/tmp/dracut")
        };
        let lines = entries.iter().filter(|entry| counts(&entry.path)).map(|entry| {
            format!(
                "-a always,exit -F path={} -F perm=x -F auid>=1000 -F auid!=unset -k {}",
                entry.path, self.key
            )
        });
        lines.map(|line| (line.clone(), lookup(&line, &["perm".to_owned()]))).collect()
    }
}

fn is_mounted(record: &State) -> bool {
    let flag = |part: &str| record.get(part).and_then(State::as_flag);
    flag("mounted").or(flag("planned")).unwrap_or_default()
}

impl Kind for AuditPrivileged {
    fn by_hand(&self) -> Option<&'static str> {
        None
    }

    fn needs(&self, seen: &Evidence) -> Vec<Resource> {
        let mut needs = vec![programs()];
        needs.extend(mounts().map(|(_, mount)| mount));
        needs.extend(self.lookups(seen).into_iter().map(|(_, resource)| resource));
        needs
    }

    fn judge(&self, seen: &Evidence) -> Judgement {
        if let Err(why) = seen.see(&programs()) {
            return unread(EXPECTED, &why);
        }
        let mut parts = Parts::default();
        for (_, mount) in mounts() {
            if let Err(why) = seen.see(&mount) {
                parts.unread(&why);
            }
        }
        let lookups = self.lookups(seen);
        if lookups.is_empty() {
            parts.seen(true, "no such program is here");
        }
        for (line, resource) in lookups {
            match seen.see(&resource) {
                Ok(record) => judge_line(&mut parts, &line, record),
                Err(why) => parts.unread(&why),
            }
        }
        parts.judge(EXPECTED)
    }

    fn remedy(&self, seen: &Evidence) -> Vec<Ask> {
        self.lookups(seen).iter().filter_map(|(line, resource)| ask(seen, line, resource)).collect()
    }
}
