//! A banner: a text before login that says nothing about the system.

use model::{Constraint, Evidence, HostPath, Judgement, Lookup, Resource, State};
use serde::Deserialize;

use super::parts::Parts;
use super::{Ask, Kind, unread};

/// `{ kind = "banner", path, text, required?, names? }`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Banner {
    path: HostPath,
    /// What the remedy writes.
    text: String,
    /// Whether there must be one at all.
    #[serde(default)]
    required: bool,
    /// Names of the system that it must not hold, in any case.
    #[serde(default)]
    names: Vec<String>,
}

/// What agetty(8) replaces by version, release, machine and name of the system.
const ESCAPES: [&str; 4] = ["\\v", "\\r", "\\m", "\\s"];

impl Banner {
    fn lookup(&self) -> Resource {
        Resource::Effective(Lookup::Text { path: self.path.clone() })
    }

    /// What the text says about the system.
    fn told(&self, text: &str) -> Vec<String> {
        let lower = text.to_ascii_lowercase();
        let escapes =
            ESCAPES.iter().filter(|escape| text.contains(**escape)).map(|escape| (*escape).to_owned());
        let names = self.names.iter().filter(|name| lower.contains(&name.to_ascii_lowercase())).cloned();
        escapes.chain(names).collect()
    }
}

impl Kind for Banner {
    fn by_hand(&self) -> Option<&'static str> {
        None
    }

    fn check(&self) -> Result<(), String> {
        if self.told(&self.text).is_empty() && !self.text.trim().is_empty() {
            return Ok(());
        }
        Err("the text of a banner is not empty and says nothing about the system".to_owned())
    }

    fn needs(&self, _seen: &Evidence) -> Vec<Resource> {
        vec![self.lookup()]
    }

    fn judge(&self, seen: &Evidence) -> Judgement {
        let expected = format!("{} says nothing about the system", self.path);
        let text = match seen.see(&self.lookup()) {
            Ok(state) => state.as_text().unwrap_or_default(),
            Err(why) => return unread(expected, &why),
        };
        let mut parts = Parts::default();
        let told = self.told(text);
        if !told.is_empty() {
            parts.seen(false, format!("it tells {}", told.join(", ")));
        } else if text.trim().is_empty() {
            parts.seen(!self.required, "there is no text");
        } else {
            parts.seen(true, "it tells nothing");
        }
        parts.judge(expected)
    }

    fn remedy(&self, _seen: &Evidence) -> Vec<Ask> {
        let content = Resource::Content { path: self.path.clone() };
        let mode = Resource::Mode { path: self.path.clone() };
        vec![
            Ask::new(content, Constraint::Equals(State::text(format!("{}\n", self.text.trim_end())))),
            Ask::new(mode, Constraint::Equals(State::Mode(0o644))),
        ]
    }
}
