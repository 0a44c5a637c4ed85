//! modprobe.d(5): `install NAME COMMAND`, `blacklist NAME`, `options NAME …`; `-` and `_` are the same in names.

use crate::edit::Entry;
use crate::text::lines::{body, is_continued};

/// A directive and its module, as entries carry them.
pub(crate) fn key(key: &str) -> String {
    let (directive, name) = key.split_once([' ', '\t']).unwrap_or((key, ""));
    format!("{directive} {}", module(name.trim_ascii()))
}

/// A module's name as the kernel spells it.
pub(crate) fn module(name: &str) -> String {
    name.replace('-', "_")
}

/// The directives of a file in order; a backslash at the end continues a line.
pub(crate) fn entries(lines: &[&str]) -> Vec<Entry> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < lines.len() {
        let start = at;
        let mut text = body(lines[at]).to_owned();
        at += 1;
        while is_continued(lines[at - 1]) && at < lines.len() {
            text.pop();
            text.push_str(body(lines[at]));
            at += 1;
        }
        if is_continued(lines[at - 1]) {
            text.pop();
        }
        let mut words = text.trim_ascii().splitn(2, [' ', '\t']);
        let (Some(directive), Some(rest)) = (words.next(), words.next()) else { continue };
        let rest = rest.trim_ascii_start();
        let (name, value) = rest.split_once([' ', '\t']).unwrap_or((rest, ""));
        if !directive.is_empty() && !directive.starts_with('#') {
            found.push(Entry {
                key: format!("{directive} {}", module(name)),
                value: value.trim_ascii().to_owned(),
                lines: start..at,
                tail: String::new(),
            });
        }
    }
    found
}
