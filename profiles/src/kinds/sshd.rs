//! An effective setting of the SSH server, outside and inside `Match` blocks.

use model::{Constraint, Evidence, HostPath, Judgement, Lookup, Resource, State, Syntax, Verdict};
use serde::Deserialize;

use super::parts::Parts;
use super::value::{Order, Scalar, Want};
use super::{Ask, Kind, unread};

/// `{ kind = "sshd", key, value, order?, least?, also?, explicit? }`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Sshd {
    key: String,
    value: Scalar,
    #[serde(default)]
    order: Order,
    /// The lowest number allowed where `order` is `at-most`.
    least: Option<i64>,
    /// Further words that are accepted.
    #[serde(default)]
    also: Vec<String>,
    /// Whether it must be set, because the default differs between versions.
    #[serde(default)]
    explicit: bool,
}

const MAIN: &str = "/etc/ssh/sshd_config";
const OURS: &str = "/etc/ssh/sshd_config.d/00-groundfast.conf";

impl Sshd {
    fn want(&self) -> Want<'_> {
        Want { value: &self.value.0, order: self.order, least: self.least, also: &self.also }
    }

    fn lookup(&self) -> Resource {
        Resource::Effective(Lookup::Sshd { key: self.key.clone() })
    }

    fn admits(&self, seen: &str) -> bool {
        if self.key.eq_ignore_ascii_case("MaxStartups") {
            return startups(&self.value.0)
                .zip(startups(seen))
                .is_some_and(|(most, seen)| seen.0 <= most.0 && seen.1 >= most.1 && seen.2 <= most.2);
        }
        let seconds = syntax::sshd::seconds(seen).map(|seconds| seconds.to_string());
        self.want().admits(seen) || seconds.is_some_and(|seconds| self.want().admits(&seconds))
    }
}

/// `start:rate:full`: unauthenticated connections beyond `start` are refused with `rate` per cent, all beyond
/// `full`. A single number refuses all beyond it (sshd_config(5), MaxStartups).
fn startups(text: &str) -> Option<(u32, u32, u32)> {
    let parts: Option<Vec<u32>> = text.trim().split(':').map(|part| part.parse().ok()).collect();
    match parts?[..] {
        [start, rate, full] => Some((start, rate, full)),
        [start] => Some((start, 100, start)),
        _ => None,
    }
}

/// The settings of the keyword for which sshd does not start.
fn refused(record: &State) -> &[State] {
    record.get("refused").map(State::items).unwrap_or_default()
}

impl Kind for Sshd {
    fn check(&self) -> Result<(), String> {
        if !syntax::sshd::is_keyword(&self.key) {
            return Err(format!("`{}` is not a keyword of sshd_config that this build knows", self.key));
        }
        if startups(&self.value.0).is_some() && self.key.eq_ignore_ascii_case("MaxStartups") {
            return Ok(());
        }
        self.want().check()
    }

    fn needs(&self, _seen: &Evidence) -> Vec<Resource> {
        vec![self.lookup()]
    }

    fn judge(&self, seen: &Evidence) -> Judgement {
        let expected = format!("{} {}", self.key, self.want());
        let record = match seen.see(&self.lookup()) {
            Ok(State::Absent) => {
                return Judgement::other(
                    Verdict::Notapplicable,
                    expected,
                    "there is no SSH server configuration",
                );
            }
            Ok(record) => record,
            Err(why) => return unread(expected, &why),
        };
        let mut parts = Parts::default();
        if self.explicit && record.get("at").is_none() {
            return Judgement::of(false, expected, "nothing sets it, so it is left to the default");
        }
        let Some(value) = record.get("value").map(ToString::to_string) else {
            return Judgement::other(
                Verdict::Unknown,
                expected,
                "nothing sets it and its default is not known",
            );
        };
        if self.order == Order::Subset && value.starts_with(['+', '-', '^']) {
            let actual = format!("{value} changes a default that is not known here");
            return Judgement::other(Verdict::Unknown, expected, actual);
        }
        let at = record.get("at").map_or_else(|| "by default".to_owned(), |at| format!("by {at}"));
        parts.seen(self.admits(&value), format!("{value} {at}"));
        for setting in refused(record) {
            let (value, at) = (setting.get("value"), setting.get("at"));
            let [value, at] = [value, at].map(|part| part.map(ToString::to_string).unwrap_or_default());
            parts.seen(false, format!("sshd does not start with {value} by {at}, to be mended by hand"));
        }
        for inside in record.get("match").map(State::items).unwrap_or_default() {
            let (value, at) = (inside.get("value"), inside.get("at"));
            if let (Some(value), Some(at)) = (value, at)
                && !self.admits(&value.to_string())
            {
                parts.seen(false, format!("{value} by {at} inside a Match block, to be mended by hand"));
            }
        }
        parts.judge(expected)
    }

    fn remedy(&self, seen: &Evidence) -> Vec<Ask> {
        let Ok(record) = seen.see(&self.lookup()) else { return Vec::new() };
        let left = self.explicit && record.get("at").is_none();
        if !refused(record).is_empty() {
            return Vec::new();
        }
        if !left && record.get("value").is_none_or(|value| self.admits(&value.to_string())) {
            return Vec::new();
        }
        let dropins = record.get("dropins").and_then(State::as_flag).unwrap_or_default();
        let set_at = record.get("path").and_then(State::as_text).and_then(|path| path.parse().ok());
        // The first setting wins: where our drop-in would come too late, the one that wins is changed in place.
        let path =
            if dropins { HostPath::literal(OURS) } else { set_at.unwrap_or_else(|| HostPath::literal(MAIN)) };
        let resource = Resource::Setting { path, syntax: Syntax::Sshd, key: self.key.clone() };
        vec![Ask::new(resource, Constraint::Equals(State::text(&self.value.0)))]
    }
}

/// `{ kind = "sshd_any", keys }`: one of these keywords at least is set for everybody.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Any {
    keys: Vec<String>,
}

fn lookup(key: &str) -> Resource {
    Resource::Effective(Lookup::Sshd { key: key.to_owned() })
}

impl Kind for Any {
    fn check(&self) -> Result<(), String> {
        match self.keys.iter().find(|key| !syntax::sshd::is_keyword(key)) {
            Some(key) => Err(format!("`{key}` is not a keyword of sshd_config that this build knows")),
            None if self.keys.is_empty() => Err("`keys` names no keyword".to_owned()),
            None => Ok(()),
        }
    }

    fn needs(&self, _seen: &Evidence) -> Vec<Resource> {
        self.keys.iter().map(|key| lookup(key)).collect()
    }

    fn judge(&self, seen: &Evidence) -> Judgement {
        let expected = format!("one of {} set", self.keys.join(", "));
        let mut set = Vec::new();
        for key in &self.keys {
            match seen.see(&lookup(key)) {
                Ok(State::Absent) => {
                    let actual = "there is no SSH server configuration";
                    return Judgement::other(Verdict::Notapplicable, expected, actual);
                }
                Ok(record) => {
                    let value = record.get("value").map(ToString::to_string).unwrap_or_default();
                    set.extend(Some(format!("{key} {value}")).filter(|_| !value.trim().is_empty()));
                }
                Err(why) => return unread(expected, &why),
            }
        }
        let actual = if set.is_empty() { "none is set".to_owned() } else { set.join("; ") };
        Judgement::of(!set.is_empty(), expected, actual)
    }
}
