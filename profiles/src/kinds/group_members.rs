//! Who is in a group.

use model::{Evidence, Judgement, Lookup, Resource, State, Unread, Verdict};
use serde::Deserialize;

use super::{Kind, unread};

/// `{ kind = "group_members", group, allowed }`: nobody but those is in it, by the group's own line or as a user's
/// first group.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct GroupMembers {
    group: String,
    allowed: Vec<String>,
}

impl GroupMembers {
    /// The members; `None` when there is no such group.
    fn members(&self, seen: &Evidence) -> Result<Option<Vec<String>>, Unread> {
        let State::List(groups) = seen.see(&Resource::Effective(Lookup::Groups))? else { return Ok(None) };
        let named = |group: &&State| group.get("name").and_then(State::as_text) == Some(&self.group);
        let Some(group) = groups.iter().find(named) else { return Ok(None) };
        let mut members = match group.get("members") {
            Some(State::Words(members)) => members.clone(),
            _ => Default::default(),
        };
        let users = seen.see(&Resource::Effective(Lookup::Users))?.items().iter();
        let first = users.filter(|user| user.get("gid").is_some() && user.get("gid") == group.get("gid"));
        members.extend(first.filter_map(|user| user.get("name")?.as_text().map(str::to_owned)));
        Ok(Some(members.into_iter().collect()))
    }
}

impl Kind for GroupMembers {
    fn needs(&self, _seen: &Evidence) -> Vec<Resource> {
        vec![Resource::Effective(Lookup::Groups), Resource::Effective(Lookup::Users)]
    }

    fn judge(&self, seen: &Evidence) -> Judgement {
        let expected = format!("only {} in the group {}", self.allowed.join(", "), self.group);
        match self.members(seen) {
            Ok(None) => {
                let actual = format!("there is no group {}", self.group);
                Judgement::other(Verdict::Notapplicable, expected, actual)
            }
            Ok(Some(members)) if members.is_empty() => Judgement::of(true, expected, "nobody"),
            Ok(Some(members)) => {
                let mut strangers = members.clone();
                strangers.retain(|member| !self.allowed.contains(member));
                let told = if strangers.is_empty() { &members } else { &strangers };
                Judgement::of(strangers.is_empty(), expected, told.join(", "))
            }
            Err(why) => unread(expected, &why),
        }
    }
}
