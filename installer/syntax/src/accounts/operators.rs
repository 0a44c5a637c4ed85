//! Which accounts can log in over ssh and become root, as far as files tell.
//!
//! What stands inside `Match` blocks, hosts in `user@host` patterns and what a directory service knows are not
//! looked at: the answer is about local accounts and about sshd's settings for everybody.

use std::collections::{BTreeMap, BTreeSet};

use model::{HostPath, State, Unread};

use crate::source::Source;
use crate::sshd::{Effective, glob};

/// How an account comes in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// With a key of its `authorized_keys`.
    Key,
    /// With its password.
    Password,
}

/// The accounts that can come in over ssh and are root or named by sudoers, each with its best way; `None` when
/// there is no sshd.
///
/// # Errors
/// When a file that matters cannot be read.
pub fn operators(source: &dyn Source) -> Result<Option<BTreeMap<String, Way>>, Unread> {
    let Some(sshd) = Effective::read(source)? else { return Ok(None) };
    let sshd = Settings(sshd);
    let [passwd, shadow, groups] = ["/etc/passwd", "/etc/shadow", "/etc/group"]
        .map(|path| source.text(&HostPath::literal(path)).map(Option::unwrap_or_default));
    let (passwd, shadow, groups) = (passwd?, shadow?, groups?);
    let sudoers = sudoers(source)?;
    let mut found = BTreeMap::new();
    for account in passwd.lines().filter_map(Account::read) {
        let groups = account.groups(&groups);
        let by_group = groups.iter().any(|group| sudoers.contains(&format!("%{group}")));
        let root = account.uid == 0 || by_group || sudoers.contains(account.name);
        if root
            && account.has_shell()
            && sshd.admits(account.name, &groups)
            && let Some(way) = sshd.way(source, &account, &shadow)?
        {
            found.insert(account.name.to_owned(), way);
        }
    }
    Ok(Some(found))
}

/// One line of passwd(5).
struct Account<'t> {
    name: &'t str,
    uid: u32,
    gid: &'t str,
    home: &'t str,
    shell: &'t str,
}

impl<'t> Account<'t> {
    fn read(line: &'t str) -> Option<Self> {
        let parts: Vec<&str> = line.split(':').collect();
        let [name, _, uid, gid, _, home, shell] = parts[..] else { return None };
        Some(Self { name, uid: uid.parse().ok()?, gid, home, shell })
    }

    fn has_shell(&self) -> bool {
        !self.shell.ends_with("/nologin") && !self.shell.ends_with("/false")
    }

    /// Its groups by name, the primary one included.
    fn groups(&self, groups: &'t str) -> BTreeSet<&'t str> {
        let of = |line: &'t str| {
            let parts: Vec<&str> = line.split(':').collect();
            let [name, _, gid, members] = parts[..] else { return None };
            (gid == self.gid || members.split(',').any(|member| member.trim() == self.name)).then_some(name)
        };
        groups.lines().filter_map(of).collect()
    }
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
        if keys && self.yes("PubkeyAuthentication") && self.has_key(source, account)? {
            return Ok(Some(Way::Key));
        }
        let asked = self.yes("PasswordAuthentication")
            || self.yes("KbdInteractiveAuthentication") && self.yes("UsePAM");
        Ok((root_by == "yes" && asked && has_password(shadow, account.name)).then_some(Way::Password))
    }

    fn has_key(&self, source: &dyn Source, account: &Account<'_>) -> Result<bool, Unread> {
        for place in self.get("AuthorizedKeysFile").split_whitespace().filter(|place| *place != "none") {
            let place = place.replace("%h", account.home).replace("%u", account.name).replace("%%", "%");
            let place = if place.starts_with('/') { place } else { format!("{}/{place}", account.home) };
            let Ok(path) = place.replace("//", "/").parse::<HostPath>() else { continue };
            let text = source.text(&path)?.unwrap_or_default();
            if text.lines().map(str::trim).any(|line| !line.is_empty() && !line.starts_with('#')) {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// Whether shadow(5) holds something that a password can match.
fn has_password(shadow: &str, user: &str) -> bool {
    let hash = shadow.lines().find_map(|line| line.strip_prefix(user)?.strip_prefix(':')?.split(':').next());
    hash.is_some_and(|hash| !hash.is_empty() && !hash.starts_with(['!', '*']))
}

/// The users and `%groups` for whom sudoers(5) has a rule, in the main file and the usual folder.
fn sudoers(source: &dyn Source) -> Result<BTreeSet<String>, Unread> {
    let folder = HostPath::literal("/etc/sudoers.d");
    let names = source.names(&folder)?.into_iter().filter(|name| !name.contains('.') && !name.ends_with('~'));
    let files = names.filter_map(|name| folder.join(&name).ok()).chain([HostPath::literal("/etc/sudoers")]);
    let mut who = BTreeSet::new();
    for path in files {
        let text = source.text(&path)?.unwrap_or_default().replace("\\\n", " ");
        for line in
            text.lines().map(str::trim).filter(|line| line.contains('=') && !line.starts_with(['#', '@']))
        {
            let first = line.split_whitespace().next().unwrap_or_default();
            if !first.starts_with("Defaults") && !first.ends_with("_Alias") {
                who.extend(first.split(',').map(str::to_owned));
            }
        }
    }
    Ok(who)
}
