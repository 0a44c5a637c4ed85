//! sshd_config(5): keywords in any case, the first value wins, `Match` blocks, `Include`.

mod defaults;
mod effective;
pub mod keys;
mod refused;

pub use defaults::{default_value, is_keyword};
pub use effective::glob;
pub use effective::{Effective, Setting};

use crate::edit::Entry;
use crate::text::lines::body;

/// A directive: its keyword in lower case and its arguments without quotes and comments.
pub(crate) fn directive(line: &str) -> Option<(String, Vec<String>)> {
    let line = body(line).trim_matches([' ', '\t', '\r', '\x0c']);
    if line.is_empty() || line.starts_with('#') {
        return None;
    }
    let end = line.find([' ', '\t', '=']).unwrap_or(line.len());
    let (keyword, rest) = line.split_at(end);
    let rest = rest.trim_start_matches([' ', '\t']);
    let rest = rest.strip_prefix('=').unwrap_or(rest);
    (!keyword.is_empty()).then(|| (keyword.trim_matches('"').to_ascii_lowercase(), arguments(rest)))
}

/// Words between white space; quotes keep white space in, a backslash keeps a quote, `#` ends the line.
fn arguments(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut letters = text.chars().peekable();
    loop {
        while letters.next_if(|letter| matches!(letter, ' ' | '\t')).is_some() {}
        match letters.peek() {
            None | Some('#') => return words,
            Some(_) => words.push(word(&mut letters)),
        }
    }
}

fn word(letters: &mut std::iter::Peekable<std::str::Chars<'_>>) -> String {
    let mut word = String::new();
    let mut quote = None;
    while let Some(letter) = letters.next_if(|letter| quote.is_some() || !matches!(letter, ' ' | '\t')) {
        match letter {
            '\\' if letters.peek().is_some_and(|next| matches!(next, '"' | '\'' | '\\')) => {
                word.extend(letters.next())
            }
            '"' | '\'' if quote.is_none() => quote = Some(letter),
            _ if quote == Some(letter) => quote = None,
            _ => word.push(letter),
        }
    }
    word
}

/// The settings outside `Match` blocks, in order.
pub(crate) fn globals(lines: &[&str]) -> Vec<Entry> {
    let read = |(number, line): (usize, &&str)| {
        let (key, arguments) = directive(line)?;
        Some(Entry { key, value: arguments.join(" "), lines: number..number + 1, tail: String::new() })
    };
    lines[..first_match(lines)].iter().enumerate().filter_map(read).collect()
}

/// The number of the first line that begins a `Match` block, or of lines altogether.
pub(crate) fn first_match(lines: &[&str]) -> usize {
    let begins = |line: &&str| directive(line).is_some_and(|(keyword, _)| keyword == "match");
    lines.iter().position(begins).unwrap_or(lines.len())
}

/// A length of time in seconds as sshd reads it: `90`, `2m`, `1h30m`, in seconds without a unit
/// (sshd_config(5), TIME FORMATS). `None` for `none` and for what is no time.
pub fn seconds(text: &str) -> Option<u64> {
    let mut total: u64 = 0;
    let mut rest = text.trim_ascii();
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let number: u64 = rest[..digits].parse().ok()?;
        let mut letters = rest[digits..].chars();
        let unit = match letters.next() {
            None | Some('s' | 'S') => 1,
            Some('m' | 'M') => 60,
            Some('h' | 'H') => 3600,
            Some('d' | 'D') => 86_400,
            Some('w' | 'W') => 604_800,
            Some(_) => return None,
        };
        total = total.checked_add(number.checked_mul(unit)?)?;
        rest = letters.as_str();
    }
    Some(total)
}
