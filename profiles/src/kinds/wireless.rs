//! Wireless interfaces.

use model::{Evidence, Judgement, Lookup, Resource, State, Unread, Verdict};
use serde::Deserialize;

use super::parts::Parts;
use super::{Kind, unread};

/// `{ kind = "wireless" }`: no wireless interface is up.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wireless {}

const SILENT: &str = "no wireless interface up";

impl Kind for Wireless {
    fn needs(&self, _seen: &Evidence) -> Vec<Resource> {
        vec![Resource::Effective(Lookup::Wireless)]
    }

    fn judge(&self, seen: &Evidence) -> Judgement {
        let interfaces = match seen.see(&Resource::Effective(Lookup::Wireless)) {
            Ok(found) => found.items(),
            Err(Unread::Unsupported(_)) => {
                return Judgement::other(
                    Verdict::Notchecked,
                    SILENT,
                    "the interfaces of this system cannot be seen here",
                );
            }
            Err(why) => return unread(SILENT, &why),
        };
        if interfaces.is_empty() {
            return Judgement::other(Verdict::Notapplicable, SILENT, "no wireless interface is here");
        }
        let mut parts = Parts::default();
        for interface in interfaces {
            let name = interface.get("name").and_then(State::as_text).unwrap_or_default();
            let up = interface.get("up").and_then(State::as_flag).unwrap_or_default();
            parts.seen(!up, format!("{name} is {}", if up { "up" } else { "down" }));
        }
        parts.judge(SILENT)
    }
}
