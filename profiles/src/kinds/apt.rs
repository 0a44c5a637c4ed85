//! Options of apt that are switched off or on.

use model::{Constraint, Evidence, HostPath, Judgement, Lookup, Resource, State};
use serde::Deserialize;

use super::parts::Parts;
use super::{Ask, Kind};

/// `{ kind = "apt", off = ["APT::Install-Recommends"] }`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Apt {
    /// The options that must be set, to no.
    off: Vec<String>,
}

/// Read after every other part that packages bring.
const OURS: &str = "/etc/apt/apt.conf.d/99zz-groundfast";

fn lookup(key: &str) -> Resource {
    Resource::Effective(Lookup::Apt { key: key.to_owned() })
}

/// What apt takes for a no (apt-pkg's `StringToBool`).
fn is_no(value: &str) -> bool {
    ["0", "no", "false", "without", "off", "disable"].contains(&value.to_ascii_lowercase().as_str())
}

impl Kind for Apt {
    fn by_hand(&self) -> Option<&'static str> {
        None
    }

    fn needs(&self, _seen: &Evidence) -> Vec<Resource> {
        self.off.iter().map(|key| lookup(key)).collect()
    }

    fn judge(&self, seen: &Evidence) -> Judgement {
        let mut parts = Parts::default();
        for key in &self.off {
            match seen.see(&lookup(key)) {
                Ok(State::Absent) => parts.seen(false, format!("nothing sets {key}")),
                Ok(value) => parts.seen(is_no(&value.to_string()), format!("{key} is {value}")),
                Err(why) => parts.unread(&why),
            }
        }
        parts.judge(format!("{} switched off", self.off.join(", ")))
    }

    fn remedy(&self, _seen: &Evidence) -> Vec<Ask> {
        let path = HostPath::literal(OURS);
        let text: String = self.off.iter().map(|key| format!("{key} \"false\";\n")).collect();
        let mode = Resource::Mode { path: path.clone() };
        vec![
            Ask::new(Resource::Content { path }, Constraint::Equals(State::text(text))),
            Ask::new(mode, Constraint::Equals(State::Mode(0o644))),
        ]
    }
}
