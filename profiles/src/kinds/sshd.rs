//! An effective setting of the SSH server, outside and inside `Match` blocks.

use model::{Constraint, Evidence, HostPath, Judgement, Lookup, Resource, State, Syntax, Verdict};
use serde::Deserialize;

use super::parts::Parts;
use super::value::{Order, Scalar, Want};
use super::{Ask, Kind, unread};

/// `{ kind = "sshd", key, value, order?, least?, also? }`
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
        let Some(value) = record.get("value").map(ToString::to_string) else {
            return Judgement::other(
                Verdict::Unknown,
                expected,
                "nothing sets it and its default is not known",
            );
        };
        let at = record.get("at").map_or_else(|| "by default".to_owned(), |at| format!("by {at}"));
        parts.seen(self.admits(&value), format!("{value} {at}"));
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
        if record.get("value").is_none_or(|value| self.admits(&value.to_string())) {
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
