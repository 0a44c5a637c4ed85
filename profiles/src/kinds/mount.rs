//! Mount points: a file system of their own, and the options that it is mounted with.

use model::{Constraint, Evidence, HostPath, Judgement, Lookup, Resource, State, Syntax, Verdict};
use serde::Deserialize;

use super::parts::Parts;
use super::{Ask, Kind, unread};

/// `{ kind = "mount", point, option?, required? }`: something is mounted there; with `option`, wherever it is
/// mounted it has that option, now and at boot.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Mount {
    point: HostPath,
    option: Option<String>,
    /// Whether fstab must have the mount even though the system makes it by itself.
    #[serde(default)]
    required: bool,
}

impl Mount {
    fn lookup(&self) -> Resource {
        Resource::Effective(Lookup::Mount { point: self.point.clone() })
    }

    /// Whether it is the memory that processes share: nothing in it lasts, so it can be mounted by a line of fstab.
    fn is_shm(&self) -> bool {
        self.point.as_str() == "/dev/shm"
    }

    fn expected(&self) -> String {
        match &self.option {
            Some(option) => format!("{} mounted with {option}", self.point),
            None => format!("{} a file system of its own", self.point),
        }
    }

    fn judge_point(&self, parts: &mut Parts, record: &State) {
        let planned = flag(record, "planned") == Some(true);
        let at = record.get("at").map(|at| format!(" by {at}")).unwrap_or_default();
        match flag(record, "mounted") {
            Some(true) => parts.seen(true, format!("{} is mounted", self.point)),
            Some(false) if planned => parts.seen(false, format!("planned{at} but not mounted now")),
            Some(false) => parts.seen(false, format!("nothing is mounted at {}", self.point)),
            None => {
                let what =
                    if planned { format!("planned{at}") } else { "nothing mounts it at boot".to_owned() };
                parts.seen(planned, what);
                parts.unseen("what is mounted now cannot be seen here");
            }
        }
    }

    fn judge_option(&self, option: &str, parts: &mut Parts, record: &State) {
        let has =
            |part: &str| matches!(record.get(part), Some(State::Words(words)) if words.contains(option));
        let at = record.get("at").map(ToString::to_string).unwrap_or_default();
        match flag(record, "mounted") {
            Some(true) => {
                let with = has("options");
                parts.seen(with, format!("mounted {} {option} now", if with { "with" } else { "without" }));
            }
            Some(false) => {}
            None => parts.unseen("what is mounted now cannot be seen here"),
        }
        if flag(record, "planned") == Some(true) {
            let with = has("planned-options");
            parts.seen(with, format!("{option} {} {at}", if with { "by" } else { "is missing in" }));
        } else if self.required {
            parts.seen(false, format!("no line of fstab mounts {}", self.point));
        }
    }
}

fn flag(record: &State, part: &str) -> Option<bool> {
    record.get(part).and_then(State::as_flag)
}

impl Kind for Mount {
    fn by_hand(&self) -> Option<&'static str> {
        let made = self.option.is_some() || self.is_shm();
        (!made).then_some("a file system of its own has to be made, and what is there moved to it")
    }

    fn check(&self) -> Result<(), String> {
        match &self.option {
            None if self.required => Err("`required` goes with `option`".to_owned()),
            Some(option) if option.is_empty() || option.contains([',', ' ']) => {
                Err(format!("`{option}` is not one mount option"))
            }
            _ => Ok(()),
        }
    }

    fn needs(&self, _seen: &Evidence) -> Vec<Resource> {
        vec![self.lookup()]
    }

    fn judge(&self, seen: &Evidence) -> Judgement {
        let record = match seen.see(&self.lookup()) {
            Ok(record) => record,
            Err(why) => return unread(self.expected(), &why),
        };
        let mut parts = Parts::default();
        let Some(option) = &self.option else {
            self.judge_point(&mut parts, record);
            return parts.judge(self.expected());
        };
        let there = ["mounted", "planned"].iter().any(|part| flag(record, part) == Some(true));
        if !there && !self.required {
            let actual = format!("{} is no mount of its own", self.point);
            return Judgement::other(Verdict::Notapplicable, self.expected(), actual);
        }
        self.judge_option(option, &mut parts, record);
        parts.judge(self.expected())
    }

    /// Only a line of fstab is edited; a new partition, or a unit's options, are a person's to decide.
    fn remedy(&self, seen: &Evidence) -> Vec<Ask> {
        let Ok(record) = seen.see(&self.lookup()) else { return Vec::new() };
        let option = match &self.option {
            Some(option) => option.as_str(),
            // Its line of fstab is made with the first option that is asked of it.
            None if self.is_shm() => "nodev",
            None => return Vec::new(),
        };
        let has =
            |part: &str| matches!(record.get(part), Some(State::Words(words)) if words.contains(option));
        let by_table = flag(record, "fstab") == Some(true);
        let can_be_made = self.is_shm() && flag(record, "planned") != Some(true);
        if has("planned-options") || !(by_table || can_be_made) {
            return Vec::new();
        }
        let key = format!("{} {option}", self.point);
        let resource =
            Resource::Setting { path: HostPath::literal("/etc/fstab"), syntax: Syntax::Fstab, key };
        vec![Ask::new(resource, Constraint::Equals(State::text("")))]
    }
}
