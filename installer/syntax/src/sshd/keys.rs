//! The keys that open accounts over ssh: `authorized_keys` (sshd(8)) where sshd_config(5) says that they lie.

use std::collections::BTreeSet;

use model::{HostPath, State, Unread};

use super::Effective;
use crate::accounts::superusers::{Account, Superusers};
use crate::source::Source;

/// A key that opens an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// The account; `*` for an authority whose certificates open any account they name.
    pub user: String,
    /// The key itself, in base64.
    pub blob: String,
    /// What stands after it.
    pub comment: String,
    /// Where it stands, as `file:line`.
    pub at: String,
}

/// The keys of every account that is root, can become it by sudo, or is in the group `docker`; `None` when there is
/// no sshd.
///
/// # Errors
/// When a file that matters cannot be read, or a program hands out keys.
pub fn superusers_keys(source: &dyn Source) -> Result<Option<Vec<Key>>, Unread> {
    let Some(sshd) = Effective::read(source)? else { return Ok(None) };
    let known = Superusers::read(source)?;
    let names: BTreeSet<String> = known.all().into_iter().chain(known.members("docker")).collect();
    let mut keys = Vec::new();
    for account in known.accounts().filter(|account| names.contains(account.name)) {
        keys.extend(of_account(source, &sshd, &account)?);
    }
    for place in values(&sshd, "TrustedUserCAKeys").iter().filter(|place| *place != "none") {
        keys.extend(read(source, place, "*")?);
    }
    let programs = values(&sshd, "AuthorizedKeysCommand");
    match programs.iter().find(|program| !matches!(program.as_str(), "" | "none")) {
        Some(program) => {
            Err(Unread::Unsupported(format!("{program} hands out keys (AuthorizedKeysCommand)")))
        }
        None => Ok(Some(keys)),
    }
}

/// The keys of one account, in every place that any part of sshd's configuration names.
pub(crate) fn of_account(
    source: &dyn Source,
    sshd: &Effective,
    account: &Account<'_>,
) -> Result<Vec<Key>, Unread> {
    let mut keys = Vec::new();
    let lists = values(sshd, "AuthorizedKeysFile");
    let places: BTreeSet<&str> = lists.iter().flat_map(|list| list.split_whitespace()).collect();
    for place in places.into_iter().filter(|place| *place != "none") {
        let (home, name, uid) = (account.home, account.name, account.uid.to_string());
        let place = place.replace("%h", home).replace("%u", name).replace("%U", &uid).replace("%%", "%");
        let place = if place.starts_with('/') { place } else { format!("{home}/{place}") };
        keys.extend(read(source, &place, name)?);
    }
    Ok(keys)
}

/// What a keyword is set to, outside and inside `Match` blocks.
fn values(sshd: &Effective, keyword: &str) -> Vec<String> {
    let record = sshd.record(keyword);
    let matched = record.get("match").map(State::items).unwrap_or_default();
    let matched = matched.iter().filter_map(|one| one.get("value"));
    record.get("value").into_iter().chain(matched).filter_map(State::as_text).map(str::to_owned).collect()
}

fn read(source: &dyn Source, place: &str, user: &str) -> Result<Vec<Key>, Unread> {
    let Ok(path) = place.replace("//", "/").parse::<HostPath>() else {
        return Err(Unread::Unsupported(format!("{place}: not a plain path")));
    };
    let text = source.text(&path)?.unwrap_or_default();
    let key = |(number, line): (usize, &str)| {
        let (blob, comment) = key(line.trim())?;
        let at = format!("{path}:{}", number + 1);
        Some(Key { user: user.to_owned(), blob: blob.to_owned(), comment: comment.trim().to_owned(), at })
    };
    Ok(text.lines().enumerate().filter_map(key).collect())
}

/// The key and the comment of a line; sshd passes over lines that hold no key.
fn key(line: &str) -> Option<(&str, &str)> {
    if line.starts_with('#') {
        return None;
    }
    let (mut kind, mut rest) = word(line);
    if !is_kind(kind) {
        (kind, rest) = word(&line[options(line)..]);
    }
    let (blob, comment) = word(rest);
    (is_kind(kind) && !blob.is_empty()).then_some((blob, comment))
}

fn word(text: &str) -> (&str, &str) {
    let text = text.trim_start();
    text.split_once([' ', '\t']).unwrap_or((text, ""))
}

fn is_kind(word: &str) -> bool {
    ["ssh-", "ecdsa-", "sk-ssh-", "sk-ecdsa-"].iter().any(|start| word.starts_with(start))
}

/// Where the options end: at white space outside quotes.
fn options(line: &str) -> usize {
    let (mut quoted, mut escaped) = (false, false);
    let end = line.find(|letter: char| match letter {
        _ if escaped => {
            escaped = false;
            false
        }
        '\\' => {
            escaped = true;
            false
        }
        '"' => {
            quoted = !quoted;
            false
        }
        _ => !quoted && letter.is_ascii_whitespace(),
    });
    end.unwrap_or(line.len())
}
