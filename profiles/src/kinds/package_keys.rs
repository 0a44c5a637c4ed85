//! Public keys that packages are checked with.

use model::{Evidence, Judgement, Lookup, Resource, State};
use serde::Deserialize;

use super::parts::Parts;
use super::value::few;
use super::{Kind, unread};

/// `{ kind = "package_keys", keys = ["fd431d51-4ae0493b"] }`: rpm's database has each of them.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PackageKeys {
    /// As rpm names them: the last half of the id, `-`, when it was made.
    keys: Vec<String>,
}

impl Kind for PackageKeys {
    fn check(&self) -> Result<(), String> {
        let hexadecimal = |text: &str| text.len() == 8 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let is_key =
            |key: &String| key.split_once('-').is_some_and(|(id, made)| hexadecimal(id) && hexadecimal(made));
        match self.keys.iter().find(|key| !is_key(key)) {
            Some(key) => Err(format!("`{key}` is no key such as fd431d51-4ae0493b")),
            None if self.keys.is_empty() => Err("`keys` names no key".to_owned()),
            None => Ok(()),
        }
    }

    fn needs(&self, _seen: &Evidence) -> Vec<Resource> {
        vec![Resource::Effective(Lookup::PackageKeys)]
    }

    fn judge(&self, seen: &Evidence) -> Judgement {
        let expected = format!("the keys {} in the database of packages", self.keys.join(", "));
        let there: Vec<String> = match seen.see(&Resource::Effective(Lookup::PackageKeys)) {
            Ok(keys) => keys.items().iter().filter_map(State::as_text).map(str::to_owned).collect(),
            Err(why) => return unread(expected, &why),
        };
        let mut parts = Parts::default();
        for key in &self.keys {
            let has = there.contains(key);
            let others = if there.is_empty() { "no key at all".to_owned() } else { few(&there) };
            let says =
                if has { format!("{key} is there") } else { format!("{key} is not there, but {others}") };
            parts.seen(has, says);
        }
        parts.judge(expected)
    }
}
