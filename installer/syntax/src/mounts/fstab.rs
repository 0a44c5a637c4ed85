//! fstab(5): the options of mounts. A key is a mount point and one option, so that several controls can each ask
//! for one.

use std::collections::BTreeSet;

use crate::edit::Entry;
use crate::text::lines::{body, ending};

/// Options that each switch the other off.
const OPPOSITES: [(&str, &str); 7] = [
    ("nodev", "dev"),
    ("nosuid", "suid"),
    ("noexec", "exec"),
    ("ro", "rw"),
    ("noauto", "auto"),
    ("noatime", "atime"),
    ("nouser", "user"),
];

/// One line that mounts something.
pub(crate) struct Mount<'l> {
    pub(crate) point: String,
    /// The options as they are written.
    pub(crate) options: &'l str,
    /// Where they begin in their line; its end when there are none.
    start: usize,
    pub(crate) line: usize,
}

/// The mounts of a file in order.
pub(crate) fn mounts<'l>(lines: &[&'l str]) -> Vec<Mount<'l>> {
    let read = |(line, text): (usize, &&'l str)| {
        let text: &'l str = body(text);
        let words = words(text);
        let [(_, device), (_, point), (_, _), ..] = words[..] else { return None };
        let (start, options) = words.get(3).copied().unwrap_or((text.trim_ascii_end().len(), ""));
        let point = unescaped(point);
        let point = if point.len() > 1 { point.trim_end_matches('/').to_owned() } else { point };
        (!device.starts_with('#')).then_some(Mount { point, options, start, line })
    };
    lines.iter().enumerate().filter_map(read).collect()
}

/// The words of a line, each with where it begins.
fn words(text: &str) -> Vec<(usize, &str)> {
    let mut at = 0;
    let mut found = Vec::new();
    for word in text.split([' ', '\t']) {
        found.extend((!word.is_empty()).then_some((at, word)));
        at += word.len() + 1;
    }
    found
}

/// The options that count: a later one overrides its opposite, and `user` and its kin imply others (mount(8)).
pub(crate) fn in_force(options: &str) -> BTreeSet<String> {
    let mut force = BTreeSet::new();
    for option in options.split(',').map(str::trim).filter(|option| !matches!(*option, "" | "defaults")) {
        if let Some(other) = opposite(option) {
            force.remove(other);
        }
        let implied: &[&str] = match option.split('=').next().unwrap_or_default() {
            "user" | "users" => &["nodev", "nosuid", "noexec"],
            "owner" | "group" => &["nodev", "nosuid"],
            _ => &[],
        };
        force.extend(implied.iter().map(|option| (*option).to_owned()));
        force.insert(option.to_owned());
    }
    force
}

fn opposite(option: &str) -> Option<&'static str> {
    OPPOSITES.iter().find_map(|(no, yes)| match option {
        _ if option == *no => Some(*yes),
        _ if option == *yes => Some(*no),
        _ => None,
    })
}

/// Every option in force of every mount, as an entry of its own. Of several lines for one point the last counts.
pub(crate) fn entries(lines: &[&str]) -> Vec<Entry> {
    let mounts = mounts(lines);
    let last = |mount: &&Mount<'_>| {
        !mounts.iter().any(|other| other.point == mount.point && other.line > mount.line)
    };
    let entry = |mount: &Mount<'_>| {
        let (point, line) = (mount.point.clone(), mount.line);
        in_force(mount.options).into_iter().map(move |option| Entry {
            key: format!("{point} {option}"),
            value: String::new(),
            lines: line..line + 1,
            tail: String::new(),
        })
    };
    mounts.iter().filter(last).flat_map(entry).collect()
}

/// The text with an option of a mount added, its opposite dropped, or with it taken out. `None` when no line
/// mounts that point; only `/dev/shm` needs no device, so its line can be made.
pub(crate) fn with_option(lines: &[&str], key: &str, wanted: bool) -> Option<String> {
    let (point, option) = key.rsplit_once(' ')?;
    if option.contains([' ', ',', '#']) || option.is_empty() {
        return None;
    }
    let Some(mount) = mounts(lines).into_iter().rev().find(|mount| mount.point == point) else {
        let end = lines.first().map_or("\n", |line| ending(line));
        let end = if end.is_empty() { "\n" } else { end };
        let mut text = lines.concat();
        if !text.is_empty() && !text.ends_with('\n') {
            text.push_str(end);
        }
        text.push_str(&format!("tmpfs /dev/shm tmpfs rw,{option} 0 0{end}"));
        return (point == "/dev/shm" && wanted).then_some(text);
    };
    let drops = |one: &str| one.is_empty() || one == option || Some(one) == opposite(option);
    let mut options: Vec<&str> = mount.options.split(',').filter(|one| !drops(one)).collect();
    if wanted {
        options.push(option);
    }
    if options.is_empty() {
        options.push("defaults");
    }
    let mut text = lines[..mount.line].concat();
    let (before, after) = lines[mount.line].split_at(mount.start);
    let space = if mount.options.is_empty() { " " } else { "" };
    text.extend([before, space, &options.join(","), &after[mount.options.len()..]]);
    text.push_str(&lines[mount.line + 1..].concat());
    Some(text)
}

/// A word with its octal escapes read, as `\040` for a space.
pub(crate) fn unescaped(word: &str) -> String {
    let mut text = String::new();
    let mut rest = word;
    while let Some(at) = rest.find('\\') {
        text.push_str(&rest[..at]);
        let digits =
            rest.get(at + 1..at + 4).filter(|digits| digits.bytes().all(|digit| digit.is_ascii_digit()));
        match digits.and_then(|digits| u8::from_str_radix(digits, 8).ok()).filter(u8::is_ascii) {
            Some(letter) => {
                text.push(letter.into());
                rest = &rest[at + 4..];
            }
            None => {
                text.push('\\');
                rest = &rest[at + 1..];
            }
        }
    }
    text + rest
}
