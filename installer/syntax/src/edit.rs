//! One key of a settings file: read it, write it, leave the rest as it was.

use std::ops::Range;

use model::Syntax;

use crate::accounts::{pam, passwd, shell, sudoers};
use crate::kernel::modprobe;
use crate::mounts::fstab;
use crate::sshd;
use crate::text::{assignments, ini, keyed, lines};

/// A value that cannot be written so that it would be read back as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unwritable;

impl std::fmt::Display for Unwritable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("this key or value cannot be written in this syntax so that it is read back unchanged")
    }
}

impl std::error::Error for Unwritable {}

/// One setting as it stands in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    /// The key as its syntax compares it.
    pub(crate) key: String,
    pub(crate) value: String,
    /// The lines that it stands on, counted from 0.
    pub(crate) lines: Range<usize>,
    /// A comment after the value, with the space before it.
    pub(crate) tail: String,
}

/// Where a new setting goes: before this line, after these new lines.
pub(crate) struct Spot {
    pub(crate) line: usize,
    pub(crate) heading: Vec<String>,
}

/// The value of a key that this file alone gives; an empty text for a key that stands alone. Files that are not
/// UTF-8 are for the caller to refuse.
pub fn get(text: &str, syntax: Syntax, key: &str) -> Option<String> {
    match syntax {
        Syntax::Pam => pam::get(text, key),
        Syntax::Accounts => passwd::get(text, key),
        Syntax::Sudoers => sudoers::get(text, key),
        Syntax::Shell => shell::get(text, key),
        _ => winner(&lines::split(text), syntax, key).map(|entry| entry.value),
    }
}

/// The text with that key set to that value, or without it. Every other line stays byte for byte as it was, a
/// missing last line end included; a text that says so already comes back unchanged.
///
/// # Errors
/// When the value, once written, would be read back as another, as with a line break in it.
pub fn set(text: &str, syntax: Syntax, key: &str, value: Option<&str>) -> Result<String, Unwritable> {
    if get(text, syntax, key).as_deref() == value {
        return Ok(text.to_owned());
    }
    let written = match (syntax, value) {
        (Syntax::Pam, value) => pam::set(text, key, value),
        (Syntax::Accounts, Some(value)) => passwd::set(text, key, value),
        (Syntax::Accounts, None) => return Err(Unwritable),
        (Syntax::Sudoers, value) => sudoers::set(text, key, value),
        (Syntax::Shell, value) => shell::set(text, key, value),
        (Syntax::Fstab, value) => {
            let option = normal(syntax, key);
            fstab::with_option(&lines::split(text), &option, value.is_some()).ok_or(Unwritable)?
        }
        _ => with_entry(text, syntax, key, value),
    };
    if get(&written, syntax, key).as_deref() == value { Ok(written) } else { Err(Unwritable) }
}

/// The same for the syntaxes in which a setting has lines of its own.
fn with_entry(text: &str, syntax: Syntax, key: &str, value: Option<&str>) -> String {
    let lines = lines::split(text);
    match (value, winner(&lines, syntax, key)) {
        (None, _) => without(&lines, syntax, key),
        (Some(value), Some(entry)) => replaced(&lines, &entry, &render(syntax, key, value)),
        (Some(value), None) => {
            // A line before that asks to be continued would swallow ours: then an empty one ends it first.
            let texts = [false, true].map(|apart| {
                inserted(&lines, &spot(&lines, syntax, key), &render(syntax, key, value), apart)
            });
            let [close, apart] = texts;
            if get(&close, syntax, key).as_deref() == Some(value) { close } else { apart }
        }
    }
}

/// The key as entries of this syntax carry it.
fn normal(syntax: Syntax, key: &str) -> String {
    match syntax {
        Syntax::Sysctl => keyed::sysctl_key(key),
        Syntax::Sshd | Syntax::KeyValue | Syntax::Auditd => key.to_ascii_lowercase(),
        Syntax::Lines | Syntax::Fstab => keyed::one_spaced(key),
        Syntax::Modprobe => modprobe::key(key),
        _ => key.to_owned(),
    }
}

fn entries(lines: &[&str], syntax: Syntax) -> Vec<Entry> {
    match syntax {
        Syntax::Sysctl => keyed::sysctl(lines),
        Syntax::KeyValue => keyed::key_value(lines),
        Syntax::LoginDefs => keyed::login_defs(lines),
        Syntax::Sshd => sshd::globals(lines),
        Syntax::Modprobe => modprobe::entries(lines),
        Syntax::Ini => ini::entries(lines),
        Syntax::Auditd => keyed::auditd(lines),
        Syntax::Lines => keyed::whole(lines),
        Syntax::Fstab => fstab::entries(lines),
        Syntax::Assignments => assignments::entries(lines),
        Syntax::Postfix => keyed::postfix(lines),
        // These have more than one setting on a line, and functions of their own to set one.
        Syntax::Pam | Syntax::Accounts | Syntax::Sudoers | Syntax::Shell => Vec::new(),
    }
}

fn winner(lines: &[&str], syntax: Syntax, key: &str) -> Option<Entry> {
    let key = normal(syntax, key);
    let mut found = entries(lines, syntax).into_iter().filter(|entry| entry.key == key);
    match syntax {
        Syntax::Sshd | Syntax::Modprobe => found.next(),
        _ => found.next_back(),
    }
}

fn render(syntax: Syntax, key: &str, value: &str) -> String {
    match syntax {
        Syntax::KeyValue if value.is_empty() => key.to_owned(),
        Syntax::Sysctl | Syntax::KeyValue | Syntax::Auditd | Syntax::Postfix => format!("{key} = {value}"),
        Syntax::Lines => key.to_owned(),
        Syntax::Assignments => format!("{key}={}", assignments::quoted(value)),
        Syntax::Modprobe if value.is_empty() => key.to_owned(),
        Syntax::Ini => format!("{}={value}", ini::name(key)),
        _ => format!("{key} {value}"),
    }
}

fn spot(lines: &[&str], syntax: Syntax, key: &str) -> Spot {
    match syntax {
        Syntax::Sshd => Spot { line: sshd::first_match(lines), heading: Vec::new() },
        Syntax::Ini => ini::spot(lines, key),
        _ => Spot { line: lines.len(), heading: Vec::new() },
    }
}

fn without(lines: &[&str], syntax: Syntax, key: &str) -> String {
    let key = normal(syntax, key);
    let gone: Vec<_> = entries(lines, syntax).into_iter().filter(|entry| entry.key == key).collect();
    let kept = lines.iter().enumerate().filter(|(i, _)| !gone.iter().any(|entry| entry.lines.contains(i)));
    kept.map(|(_, line)| *line).collect()
}

fn replaced(lines: &[&str], entry: &Entry, new: &str) -> String {
    let (first, last) = (lines[entry.lines.start], lines[entry.lines.end - 1]);
    let mut text: String = lines[..entry.lines.start].concat();
    text.extend([lines::indent(first), new, &entry.tail, lines::ending(last)]);
    text.push_str(&lines[entry.lines.end..].concat());
    text
}

fn inserted(lines: &[&str], spot: &Spot, new: &str, apart: bool) -> String {
    let end_of_line =
        lines.iter().map(|line| lines::ending(line)).find(|end| !end.is_empty()).unwrap_or("\n");
    let (before, after) = lines.split_at(spot.line);
    let mut text = before.concat();
    let unfinished = before.last().is_some_and(|line| lines::ending(line).is_empty());
    if unfinished {
        text.push_str(end_of_line);
    }
    if apart {
        text.push_str(end_of_line);
    }
    for heading in &spot.heading {
        text.extend([heading, end_of_line]);
    }
    text.push_str(new);
    if !unfinished {
        text.push_str(end_of_line);
    }
    text.push_str(&after.concat());
    text
}

/// The line, counted from 1, on which the value that [`get`] gives begins; 0 when there is none.
pub(crate) fn line(text: &str, syntax: Syntax, key: &str) -> usize {
    winner(&lines::split(text), syntax, key).map_or(0, |entry| entry.lines.start + 1)
}
