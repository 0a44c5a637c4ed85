//! How sshd lets root in, told from sshd_config(5).

use std::collections::BTreeSet;

use model::{State, Unread};
use syntax::sshd::Effective;

use super::tree::Tree;

/// What sshd makes of `PermitRootLogin`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct RootLogin {
    /// Outside `Match` blocks; sshd's default where nobody says anything.
    pub(super) outside: String,
    /// Inside `Match` blocks.
    pub(super) matched: BTreeSet<String>,
}

/// Reads sshd's configuration and its includes; `None` when there is none. The first value counts.
pub(super) fn permit_root_login(tree: &Tree) -> Result<Option<RootLogin>, Unread> {
    let Some(effective) = Effective::read(tree)? else { return Ok(None) };
    let record = effective.record("PermitRootLogin");
    let lower = |state: &State| state.to_string().to_ascii_lowercase();
    let matched = record.get("match").map(State::items).unwrap_or_default();
    let matched = matched.iter().filter_map(|setting| setting.get("value")).map(lower).collect();
    Ok(Some(RootLogin { outside: record.get("value").map(lower).unwrap_or_default(), matched }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::tests::scratch;
    use syntax::accounts::sudoers::Sudoers;

    #[test]
    fn endless_includes_are_refused() {
        let (_folder, tree) = scratch(&[
            ("etc/sudoers", "@include sudoers\n"),
            ("etc/ssh/sshd_config", "Include sshd_config\n"),
        ]);
        assert!(matches!(Sudoers::read(&tree), Err(Unread::Malformed(_))));
        assert!(matches!(permit_root_login(&tree), Err(Unread::Malformed(_))));
    }

    #[test]
    fn sshd_takes_the_first_value_and_has_a_default() {
        let login = |text: &str| {
            let (_folder, tree) = scratch(&[("etc/ssh/sshd_config", text)]);
            permit_root_login(&tree).unwrap().unwrap()
        };
        assert_eq!(login("PermitRootLogin no\nPermitRootLogin yes\n").outside, "no");
        assert_eq!(login("#PermitRootLogin yes\n").outside, "prohibit-password");
        let inside = login("PermitRootLogin no\nMatch User root\nPermitRootLogin yes\n");
        assert_eq!((inside.outside.as_str(), inside.matched), ("no", BTreeSet::from(["yes".to_owned()])));
    }
}
