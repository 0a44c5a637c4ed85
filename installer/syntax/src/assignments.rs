//! Assignments of sh(1), as `/etc/default` and `/etc/sysconfig` hold them: one a line, no expansion.

use crate::edit::Entry;
use crate::lines::body;

/// `KEY=value`, perhaps after `export`, the value perhaps in quotes; a `#` after white space begins a comment.
pub(crate) fn entries(lines: &[&str]) -> Vec<Entry> {
    let read = |(number, line): (usize, &&str)| {
        let line = body(line).trim_ascii();
        let line = line.strip_prefix("export ").unwrap_or(line).trim_ascii_start();
        let (key, rest) = line.split_once('=')?;
        let named = !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        let (value, tail) = word(rest);
        named.then(|| Entry { key: key.to_owned(), value, lines: number..number + 1, tail: tail.to_owned() })
    };
    lines.iter().enumerate().filter_map(read).collect()
}

/// The word that a text begins with, unquoted, and what follows it.
fn word(text: &str) -> (String, &str) {
    let mut value = String::new();
    let mut quote = None;
    let mut letters = text.char_indices();
    while let Some((at, letter)) = letters.next() {
        match (letter, quote) {
            ('\\', None | Some('"')) => value.extend(letters.next().map(|(_, letter)| letter)),
            ('"' | '\'', None) => quote = Some(letter),
            (_, Some(open)) if letter == open => quote = None,
            (_, None) if letter.is_ascii_whitespace() || letter == ';' => return (value, &text[at..]),
            _ => value.push(letter),
        }
    }
    (value, "")
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
