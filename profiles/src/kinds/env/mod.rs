//! Kinds of the supported environment: judgements on measured facts. None has a remedy: a preflight says what to
//! mend, and changes nothing.

pub(crate) mod access;
pub(crate) mod capacity;
pub(crate) mod certificate;
pub(crate) mod clock;
pub(crate) mod confinement;
pub(crate) mod entropy;
pub(crate) mod listeners;
pub(crate) mod locks;
pub(crate) mod network;
pub(crate) mod place;
pub(crate) mod proxies;
pub(crate) mod runtime;
pub(crate) mod system;

use model::{Evidence, Fact, HostPath, Judgement, Resource, State, Unread, Verdict};

use super::parts::Parts;

/// What was measured of a place; what could not be told is noted as such.
fn measured_at<'a>(
    seen: &'a Evidence,
    path: Result<HostPath, Unread>,
    fact: impl Fn(HostPath) -> Fact,
    parts: &mut Parts,
) -> Option<(HostPath, &'a State)> {
    let path = path.map_err(|why| parts.unread(&why)).ok()?;
    let found = measured(seen, fact(path.clone()), parts)?;
    Some((path, found))
}

/// What was measured; a fact that could not be measured is noted as such.
fn measured<'a>(seen: &'a Evidence, fact: Fact, parts: &mut Parts) -> Option<&'a State> {
    match seen.see(&Resource::Fact(fact)) {
        Ok(state) => Some(state),
        Err(why) => {
            parts.unread(&why);
            None
        }
    }
}

/// A field of a record as text; empty when it is not there.
fn text<'a>(state: &'a State, field: &str) -> &'a str {
    state.get(field).and_then(State::as_text).unwrap_or_default()
}

/// A flag of a record; no when it is not there.
fn flag(state: &State, field: &str) -> bool {
    state.get(field).and_then(State::as_flag).unwrap_or_default()
}

/// The words of a set in a record.
fn words<'a>(state: &'a State, field: &str) -> Vec<&'a str> {
    match state.get(field) {
        Some(State::Words(words)) => words.iter().map(String::as_str).collect(),
        _ => Vec::new(),
    }
}

/// A number of a record, or a part that could not be told.
fn number(state: &State, field: &str, parts: &mut Parts) -> Option<i64> {
    let found = state.get(field).and_then(State::as_int);
    if found.is_none() {
        parts.unread(&Unread::Malformed(format!("{field} was not measured")));
    }
    found
}

/// The judgement when there is nothing to judge.
fn not_applicable(expected: &str, why: &str) -> Judgement {
    Judgement::other(Verdict::Notapplicable, expected, why)
}

/// Whether a version such as `20.10.24+dfsg1` is at least another such as `20.10`; `None` when it begins with
/// no number.
fn is_at_least(version: &str, least: &str) -> Option<bool> {
    let numbers = |text: &str| -> Vec<u64> {
        let end = text.find(|sign: char| !sign.is_ascii_digit() && sign != '.').unwrap_or(text.len());
        text[..end].split('.').map_while(|part| part.parse().ok()).collect()
    };
    let (seen, wanted) = (numbers(version), numbers(least));
    if seen.is_empty() {
        return None;
    }
    let length = seen.len().max(wanted.len());
    let padded = |mut list: Vec<u64>| {
        list.resize(length, 0);
        list
    };
    Some(padded(seen) >= padded(wanted))
}

/// Refuses a least version that begins with no number.
fn check_version(text: &str) -> Result<(), String> {
    is_at_least(text, "0").map(drop).ok_or_else(|| format!("`{text}` is no version such as 5.4"))
}

#[cfg(test)]
mod tests;
