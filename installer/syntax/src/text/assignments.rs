//! Assignments of sh(1), as `/etc/default` and `/etc/sysconfig` hold them: one a line, no expansion.

use std::collections::BTreeMap;

use crate::edit::Entry;
use crate::text::lines::{body, split};

/// `KEY=value`, perhaps after `export`, the value perhaps in quotes; a `#` after white space begins a comment.
pub(crate) fn entries(lines: &[&str]) -> Vec<Entry> {
    let read = |(number, line): (usize, &&str)| {
        let line = body(line).trim_ascii();
        let line = line.strip_prefix("export ").unwrap_or(line).trim_ascii_start();
        let (key, rest) = line.split_once('=')?;
        let named = !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        let (value, tail) = word(rest, ends, |_| None);
        named.then(|| Entry { key: key.to_owned(), value, lines: number..number + 1, tail: tail.to_owned() })
    };
    lines.iter().enumerate().filter_map(read).collect()
}

/// The assignments of a text by name, the last one winning; what is no assignment is passed over, as os-release(5)
/// asks.
pub fn read(text: &str) -> BTreeMap<String, String> {
    entries(&split(text)).into_iter().map(|entry| (entry.key, entry.value)).collect()
}

/// Words between white space, unquoted; quotes keep white space together, as in `Environment=` of systemd.exec(5).
pub fn words(text: &str) -> Vec<String> {
    let (mut words, mut rest) = (Vec::new(), text.trim_ascii_start());
    while !rest.is_empty() {
        let (value, tail) = word(rest, |letter| letter.is_ascii_whitespace(), |_| None);
        words.push(value);
        rest = tail.trim_ascii_start();
    }
    words
}

/// Whether a letter outside quotes ends the word of an assignment.
pub(crate) fn ends(letter: char) -> bool {
    letter.is_ascii_whitespace() || letter == ';'
}

/// The word that a text begins with, unquoted and up to the first letter outside quotes at which it ends, and what
/// follows it. `$NAME` and `${NAME}` stay as they are where the name is not `known`.
pub(crate) fn word(
    text: &str,
    ends: impl Fn(char) -> bool,
    known: impl Fn(&str) -> Option<String>,
) -> (String, &str) {
    let (mut value, mut quote, mut letters) = (String::new(), None, text.chars());
    loop {
        let here = letters.as_str();
        let Some(letter) = letters.next() else { return (value, "") };
        match (letter, quote) {
            ('\\', None | Some('"')) => value.extend(letters.next()),
            ('"' | '\'', None) => quote = Some(letter),
            (_, Some(open)) if letter == open => quote = None,
            (_, None) if ends(letter) => return (value, here),
            ('$', None | Some('"')) => {
                let named = variable(letters.as_str());
                match named.and_then(|(name, rest)| Some((known(name)?, rest))) {
                    Some((known, rest)) => {
                        value.push_str(&known);
                        letters = rest.chars();
                    }
                    None => value.push(letter),
                }
            }
            _ => value.push(letter),
        }
    }
}

/// The name that stands behind a `$`, perhaps in braces, and what follows it.
fn variable(text: &str) -> Option<(&str, &str)> {
    let (inner, braced) = text.strip_prefix('{').map_or((text, false), |inner| (inner, true));
    let end = inner.find(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
    let (name, rest) = inner.split_at(end.unwrap_or(inner.len()));
    let rest = if braced { rest.strip_prefix('}')? } else { rest };
    (!name.is_empty()).then_some((name, rest))
}

/// A value as it must be written to be read back.
pub(crate) fn quoted(value: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_./:@%+,-".contains(&byte);
    if !value.is_empty() && value.bytes().all(plain) {
        return value.to_owned();
    }
    let escaped: String = value
        .chars()
        .flat_map(|letter| ['\\'].into_iter().filter(move |_| "\"\\$`".contains(letter)).chain([letter]))
        .collect();
    format!("\"{escaped}\"")
}
