//! systemd's files: sections, `Key=value`, lines continued by a backslash (systemd.syntax(7)).

use crate::edit::{Entry, Spot};
use crate::text::lines::{body, is_continued};

/// The settings of a file, keys as `Section.Key`.
pub(crate) fn entries(lines: &[&str]) -> Vec<Entry> {
    let mut section = String::new();
    let mut found = Vec::new();
    let mut at = 0;
    while at < lines.len() {
        let (text, end) = logical(lines, at);
        let trimmed = text.trim_ascii();
        if let Some(name) = heading(trimmed) {
            name.clone_into(&mut section);
        } else if let Some((key, value)) = trimmed.split_once('=')
            && !trimmed.starts_with(['#', ';'])
        {
            found.push(Entry {
                key: format!("{section}.{}", key.trim_ascii()),
                value: value.trim_ascii().to_owned(),
                lines: at..end,
                tail: String::new(),
            });
        }
        at = end;
    }
    found
}

/// The key's own name, without its section.
pub(crate) fn name(key: &str) -> &str {
    key.rsplit_once('.').map_or(key, |(_, name)| name)
}

/// The end of the last such section, before the empty lines there; or a new section at the end.
pub(crate) fn spot(lines: &[&str], key: &str) -> Spot {
    let section = key.rsplit_once('.').map_or("", |(section, _)| section);
    let mut end = None;
    let mut inside = section.is_empty();
    let mut at = 0;
    while at < lines.len() {
        let (text, next) = logical(lines, at);
        if let Some(name) = heading(text.trim_ascii()) {
            inside = name == section;
        }
        if inside && !text.trim_ascii().is_empty() {
            end = Some(next);
        }
        at = next;
    }
    match end {
        Some(line) => Spot { line, heading: Vec::new() },
        None if section.is_empty() => Spot { line: 0, heading: Vec::new() },
        None => Spot { line: lines.len(), heading: vec![format!("[{section}]")] },
    }
}

fn heading(line: &str) -> Option<&str> {
    line.strip_prefix('[')?.strip_suffix(']')
}

/// A line with those that continue it, joined by spaces, and the number of the line after them. A comment is
/// never continued, and comments between continued lines are skipped.
fn logical(lines: &[&str], start: usize) -> (String, usize) {
    let is_comment = |line: &str| body(line).trim_ascii_start().starts_with(['#', ';']);
    let mut text = body(lines[start]).to_owned();
    let mut next = start + 1;
    if is_comment(lines[start]) {
        return (text, next);
    }
    let mut continued = is_continued(lines[start]);
    while continued && next < lines.len() {
        if !is_comment(lines[next]) {
            text.pop();
            text.push(' ');
            text.push_str(body(lines[next]));
            continued = is_continued(lines[next]);
        }
        next += 1;
    }
    (text, next)
}
