//! What the selected profile of authselect puts into the common stacks of PAM.

use model::{Evidence, Judgement, Lookup, Resource, State};
use serde::Deserialize;

use super::parts::Parts;
use super::{Kind, unread};

/// `{ kind = "authselect", modules = ["pam_faillock.so"] }`: both stacks have each of them, with the features selected.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Authselect {
    modules: Vec<String>,
}

fn lookup() -> Resource {
    Resource::Effective(Lookup::Authselect)
}

impl Authselect {
    /// Which of the modules a stack lacks.
    fn lacking(&self, stack: &State) -> Vec<&str> {
        let there = stack.get("modules").map(State::items).unwrap_or_default();
        let lacks = |module: &&str| !there.iter().any(|one| one.as_text() == Some(module));
        self.modules.iter().map(String::as_str).filter(lacks).collect()
    }
}

impl Kind for Authselect {
    fn check(&self) -> Result<(), String> {
        if self.modules.is_empty() { Err("`modules` names no module".to_owned()) } else { Ok(()) }
    }

    fn needs(&self, _seen: &Evidence) -> Vec<Resource> {
        vec![lookup()]
    }

    fn judge(&self, seen: &Evidence) -> Judgement {
        let modules = self.modules.join(", ");
        let expected =
            format!("{modules} in system-auth and password-auth of the profile that authselect has selected");
        let record = match seen.see(&lookup()) {
            Ok(record) => record,
            Err(why) => return unread(expected, &why),
        };
        let text = |state: &State, part: &str| state.get(part).map(ToString::to_string).unwrap_or_default();
        let mut parts = Parts::default();
        if *record == State::Absent {
            parts.seen(false, "authselect has no profile selected");
        }
        for stack in record.get("stacks").map(State::items).unwrap_or_default() {
            let (profile, name) = (text(record, "profile"), text(stack, "name"));
            let lacking = self.lacking(stack);
            if stack.get("modules").is_none_or(|modules| *modules == State::Absent) {
                parts.seen(false, format!("the profile {profile} has no {name}"));
            } else if lacking.is_empty() {
                parts.seen(true, format!("{} has all of them", text(stack, "path")));
            } else {
                let features = record.get("features").map(State::items).unwrap_or_default();
                let features: Vec<_> = features.iter().map(ToString::to_string).collect();
                let with = if features.is_empty() { "no feature".to_owned() } else { features.join(", ") };
                let path = text(stack, "path");
                parts.seen(false, format!("{path} with {with} lacks {}", lacking.join(", ")));
            }
        }
        parts.judge(expected)
    }
}
