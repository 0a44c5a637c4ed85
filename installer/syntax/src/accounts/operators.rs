//! Which accounts can log in over ssh and become root, as far as files tell.
//!
//! What stands inside `Match` blocks, hosts in `user@host` patterns and what a directory service knows are not
//! looked at: the answer is about local accounts and about sshd's settings for everybody.

use std::collections::{BTreeMap, BTreeSet};

use model::{HostPath, State, Unread};

use super::superusers::{Account, Superusers};
use crate::source::Source;
use crate::sshd::{Effective, glob, keys};

/// How an account comes in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// With a key of its `authorized_keys`.
    Key,
    /// With its password.
    Password,
}

/// The accounts that can come in over ssh and are root or become it by sudo, each with its best way; `None` when
/// there is no sshd.
///
/// # Errors
/// When a file that matters cannot be read.
pub fn operators(source: &dyn Source) -> Result<Option<BTreeMap<String, Way>>, Unread> {
    let Some(sshd) = Effective::read(source)? else { return Ok(None) };
    let sshd = Settings(sshd);
    let shadow = source.text(&HostPath::literal("/etc/shadow"))?.unwrap_or_default();
    let known = Superusers::read(source)?;
    let names = known.all();
    let mut found = BTreeMap::new();
    for account in known.accounts().filter(|account| names.contains(account.name) && account.has_shell()) {
        if sshd.admits(account.name, &known.groups(&account))
            && let Some(way) = sshd.way(source, &account, &shadow)?
        {
            found.insert(account.name.to_owned(), way);
        }
    }
    Ok(Some(found))
}

/// sshd's settings outside `Match` blocks.
struct Settings(Effective);

impl Settings {
    fn get(&self, keyword: &str) -> String {
        let value = self.0.record(keyword).get("value").and_then(State::as_text).map(str::to_owned);
        value.unwrap_or_default()
    }

    fn yes(&self, keyword: &str) -> bool {
        self.get(keyword).eq_ignore_ascii_case("yes")
    }

    /// Whether the lists of users and groups let an account in (sshd_config(5): denials first).
    fn admits(&self, user: &str, groups: &BTreeSet<&str>) -> bool {
        let lists = |keyword: &str, names: &[&str]| {
            let value = self.get(keyword);
            let mut patterns =
                value.split_whitespace().filter(|pattern| !pattern.starts_with('!')).peekable();
            patterns.peek()?;
            // A host after the name cannot be judged; the name counts.
            let name = |pattern: &str| pattern.split('@').next().unwrap_or_default().to_owned();
            Some(
                patterns
                    .any(|pattern| names.iter().any(|one| glob(name(pattern).as_bytes(), one.as_bytes()))),
            )
        };
        let groups: Vec<&str> = groups.iter().copied().collect();
        lists("DenyUsers", &[user]) != Some(true)
            && lists("AllowUsers", &[user]) != Some(false)
            && lists("DenyGroups", &groups) != Some(true)
            && lists("AllowGroups", &groups) != Some(false)
    }

    fn way(&self, source: &dyn Source, account: &Account<'_>, shadow: &str) -> Result<Option<Way>, Unread> {
        let root_by =
            if account.uid == 0 { self.get("PermitRootLogin").to_ascii_lowercase() } else { "yes".into() };
        let keys = matches!(root_by.as_str(), "yes" | "prohibit-password" | "without-password");
        if keys && self.yes("PubkeyAuthentication") && !keys::of_account(source, &self.0, account)?.is_empty()
        {
            return Ok(Some(Way::Key));
        }
        let asked = self.yes("PasswordAuthentication")
            || self.yes("KbdInteractiveAuthentication") && self.yes("UsePAM");
        Ok((root_by == "yes" && asked && has_password(shadow, account.name)).then_some(Way::Password))
    }
}

/// Whether shadow(5) holds something that a password can match.
fn has_password(shadow: &str, user: &str) -> bool {
    let hash = shadow.lines().find_map(|line| line.strip_prefix(user)?.strip_prefix(':')?.split(':').next());
    hash.is_some_and(|hash| !hash.is_empty() && !hash.starts_with(['!', '*']))
}
