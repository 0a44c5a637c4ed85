//! Files of one setting a line: sysctl.d(5), pwquality.conf(5) and its kin, login.defs(5).

use crate::edit::Entry;
use crate::text::lines::body;

/// A sysctl's name with dots between its parts: where a slash comes first, slashes and dots change places
/// (sysctl.d(5)), as in `net/ipv4/conf/eth0.1/rp_filter`.
pub(crate) fn sysctl_key(key: &str) -> String {
    let key = key.trim_ascii();
    let slash_first = key.find(['.', '/']).is_some_and(|at| key[at..].starts_with('/'));
    let swap = |letter| match letter {
        '/' => '.',
        '.' => '/',
        other => other,
    };
    if slash_first { key.chars().map(swap).collect() } else { key.to_owned() }
}

/// `key = value`, a `-` before the key means that failing does not matter; comments are whole lines.
pub(crate) fn sysctl(lines: &[&str]) -> Vec<Entry> {
    each(lines, |line| {
        let (key, value) = line.split_once('=')?;
        let key = key.trim_ascii();
        let key = sysctl_key(key.strip_prefix('-').unwrap_or(key));
        (!key.is_empty() && !line.starts_with(['#', ';'])).then(|| (key, value.trim_ascii(), ""))
    })
}

/// `key = value`, `key value` or `key`, in any case; a `#` begins a comment anywhere. As libpwquality reads it
/// (checked against libpwquality 1.4.5).
pub(crate) fn key_value(lines: &[&str]) -> Vec<Entry> {
    each(lines, |line| {
        let cut = line.find('#').unwrap_or(line.len());
        let setting = line[..cut].trim_ascii_end();
        let tail = if cut < line.len() { &line[setting.len()..] } else { "" };
        let end = setting.find(|c: char| c == '=' || c.is_ascii_whitespace()).unwrap_or(setting.len());
        let value = setting[end..].trim_ascii_start();
        let value = value.strip_prefix('=').unwrap_or(value).trim_ascii_start();
        (end > 0).then(|| (setting[..end].to_ascii_lowercase(), value, tail))
    })
}

/// `KEY value`, the value perhaps in double quotes; comments are whole lines (shadow's getdef.c).
pub(crate) fn login_defs(lines: &[&str]) -> Vec<Entry> {
    each(lines, |line| {
        let (key, rest) = line.split_once([' ', '\t'])?;
        let value = rest.trim_start_matches([' ', '\t', '"']);
        let value = value.split('"').next().unwrap_or_default().trim_ascii_end();
        (!line.starts_with('#')).then(|| (key.to_owned(), value, ""))
    })
}

/// `key = value` with spaces around the sign and nothing but spaces between words; comments are whole lines
/// (audit's auditd-config.c).
pub(crate) fn auditd(lines: &[&str]) -> Vec<Entry> {
    each(lines, |line| {
        let (key, rest) = line.split_once(' ')?;
        let (sign, value) = rest.trim_start_matches(' ').split_once(' ')?;
        (sign == "=" && !key.starts_with('#'))
            .then(|| (key.to_ascii_lowercase(), value.trim_matches(' '), ""))
    })
}

/// Every line that is no comment is a key that stands alone, its words one space apart.
pub(crate) fn whole(lines: &[&str]) -> Vec<Entry> {
    each(lines, |line| {
        let words = one_spaced(line);
        (!words.is_empty() && !words.starts_with('#')).then_some((words, "", ""))
    })
}

/// A text with one space between its words.
pub(crate) fn one_spaced(text: &str) -> String {
    text.split_ascii_whitespace().collect::<Vec<_>>().join(" ")
}

/// `key = value` of Postfix: a line that begins with white space goes on with the one before, comments and empty
/// lines between left out (postconf(5)).
pub(crate) fn postfix(lines: &[&str]) -> Vec<Entry> {
    let mut found: Vec<Entry> = Vec::new();
    let mut open = false;
    for (number, line) in lines.iter().enumerate() {
        let line = body(line);
        let trimmed = line.trim_ascii();
        if trimmed.is_empty() || trimmed.starts_with('#') {
            continue;
        }
        if line.starts_with([' ', '\t']) {
            if let Some(entry) = found.last_mut().filter(|_| open) {
                entry.value = format!("{} {trimmed}", entry.value).trim_ascii().to_owned();
                entry.lines.end = number + 1;
            }
            continue;
        }
        let pair = trimmed.split_once('=').map(|(key, value)| (key.trim_ascii(), value.trim_ascii()));
        open = pair.is_some();
        found.extend(pair.map(|(key, value)| Entry {
            key: key.to_owned(),
            value: value.to_owned(),
            lines: number..number + 1,
            tail: String::new(),
        }));
    }
    found
}

fn each<'a>(lines: &[&'a str], read: impl Fn(&'a str) -> Option<(String, &'a str, &'a str)>) -> Vec<Entry> {
    let read = |(number, line): (usize, &&'a str)| {
        let (key, value, tail) = read(body(line).trim_ascii())?;
        Some(Entry { key, value: value.to_owned(), lines: number..number + 1, tail: tail.to_owned() })
    };
    lines.iter().enumerate().filter_map(read).collect()
}
