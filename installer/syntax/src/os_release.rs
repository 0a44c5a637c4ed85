//! os-release(5): shell-like assignments that name the distribution.

use std::collections::BTreeMap;

/// The assignments of an os-release file, quotes and backslashes resolved, the last one winning. Lines that are
/// no assignments are passed over, as the manual page asks.
pub fn parse(text: &str) -> BTreeMap<String, String> {
    let assignments = text.lines().map(str::trim_ascii).filter(|line| !line.starts_with('#'));
    let pairs = assignments.filter_map(|line| line.split_once('='));
    pairs.map(|(key, value)| (key.to_owned(), unquote(value))).collect()
}

fn unquote(value: &str) -> String {
    let quote = value.chars().next().filter(|first| matches!(first, '"' | '\''));
    let inner = quote.and_then(|quote| value.strip_prefix(quote)?.strip_suffix(quote)).unwrap_or(value);
    if quote == Some('\'') {
        return inner.to_owned();
    }
    let mut out = String::with_capacity(inner.len());
    let mut letters = inner.chars();
    while let Some(letter) = letters.next() {
        out.extend(if letter == '\\' { letters.next() } else { Some(letter) });
    }
    out
}
