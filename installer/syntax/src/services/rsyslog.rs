//! rsyslog.conf(5): the files that its actions write, in the old format and in RainerScript, includes followed.

use std::collections::BTreeSet;

use model::{HostPath, State, Unread};

use crate::source::{self, Source};

const MAIN: &str = "/etc/rsyslog.conf";
/// Where relative names of included files begin.
const HOME: &str = "/etc";
/// More included files than anybody has, in case one includes itself.
const MOST: usize = 1000;

/// As [`model::Lookup::LogFiles`] describes it.
pub(crate) fn record(source: &dyn Source) -> Result<State, Unread> {
    let main = HostPath::literal(MAIN);
    let Some(text) = source.text(&main)? else { return Ok(State::Absent) };
    let mut open = vec![(main, text)];
    let mut read = BTreeSet::new();
    let mut found = Found::default();
    while let Some((path, text)) = open.pop() {
        if read.len() >= MOST || !read.insert(path.clone()) {
            continue;
        }
        let mut includes = Vec::new();
        look(&text, &path, &mut found, &mut includes);
        for pattern in includes {
            for path in named(source, &pattern)? {
                if let Some(text) = source.text(&path)? {
                    open.push((path, text));
                }
            }
        }
    }
    let file = |(path, at): (String, String)| State::record([("file", path.into()), ("at", at.into())]);
    let mut files = found.files;
    files.sort();
    files.dedup_by(|a, b| a.0 == b.0);
    Ok(State::record([
        ("files", State::List(files.into_iter().map(file).collect())),
        ("dynamic", State::texts(found.dynamic)),
    ]))
}

/// What the actions of files name.
#[derive(Default)]
struct Found {
    /// A path, and where it is named.
    files: Vec<(String, String)>,
    /// Where a template makes up names.
    dynamic: Vec<String>,
}

impl Found {
    /// The target of an action in the old format: `-/var/log/x;template`, `?template`, and others that are no file.
    fn old(&mut self, action: &str, at: String) {
        let target = action.trim().trim_start_matches('-');
        if target.starts_with('/') {
            let end = target.find([';', ' ', '\t']).unwrap_or(target.len());
            self.file(&target[..end], at);
        } else if target.starts_with('?') {
            self.dynamic.push(at);
        }
    }

    fn file(&mut self, path: &str, at: String) {
        if !path.starts_with("/dev/") && path.starts_with('/') {
            self.files.push((path.to_owned(), at));
        }
    }
}

/// The paths that a name with `*` or `?` in its last part stands for.
fn named(source: &dyn Source, pattern: &str) -> Result<Vec<HostPath>, Unread> {
    let whole = if pattern.starts_with('/') { pattern.to_owned() } else { format!("{HOME}/{pattern}") };
    let Ok(path) = whole.parse::<HostPath>() else { return Ok(Vec::new()) };
    let Some(folder) = path.parent() else { return Ok(Vec::new()) };
    if whole.ends_with('/') {
        return source::files(source, &path, |name| !name.starts_with('.'));
    }
    if !path.name().contains(['*', '?']) {
        return Ok(vec![path]);
    }
    source::files(source, &folder, |name| {
        !name.starts_with('.') && fits(name.as_bytes(), path.name().as_bytes())
    })
}

/// Whether a name fits a pattern of `*` and `?`.
fn fits(name: &[u8], pattern: &[u8]) -> bool {
    let (mut at, mut star) = ((0, 0), None);
    while at.0 < name.len() {
        match pattern.get(at.1) {
            Some(b'*') => {
                star = Some(at);
                at.1 += 1;
            }
            Some(letter) if *letter == b'?' || *letter == name[at.0] => at = (at.0 + 1, at.1 + 1),
            _ => match star {
                Some((from, pattern)) => {
                    star = Some((from + 1, pattern));
                    at = (from + 1, pattern + 1);
                }
                None => return false,
            },
        }
    }
    pattern[at.1..].iter().all(|letter| *letter == b'*')
}

/// Goes through one file statement by statement.
fn look(text: &str, path: &HostPath, found: &mut Found, includes: &mut Vec<String>) {
    let text = without_comments(text);
    let mut rest = text.as_str();
    let mut number = 1;
    while let Some(line) = rest.split_inclusive('\n').next() {
        let at = format!("{path}:{number}");
        let mut taken = line.len();
        // The objects of a line may go on over several.
        let mut inside = 0;
        while let Some((name, open)) = object(&rest[inside..taken]) {
            let start = inside + open;
            let end = start + closing(&rest[start..]);
            let object = Object { inside: &rest[start..end] };
            match name.as_str() {
                "action" => object.action(found, &at),
                "include" => includes.extend(object.value("file")),
                _ => {}
            }
            inside = end;
            taken = taken.max(end);
        }
        if inside == 0 {
            old(line.trim(), &at, found, includes);
        }
        number += rest[..taken].matches('\n').count();
        rest = &rest[taken..];
    }
}

/// A line in the old format.
fn old(line: &str, at: &str, found: &mut Found, includes: &mut Vec<String>) {
    let words: Vec<&str> = line.split_whitespace().collect();
    let Some(first) = words.first() else { return };
    let lower = first.to_ascii_lowercase();
    let action = if lower == "$includeconfig" {
        includes.extend(words.get(1).map(|name| (*name).to_owned()));
        return;
    } else if lower == "$outchannel" {
        let file = line.split(',').nth(1).map(str::trim).unwrap_or_default();
        return found.file(file, at.to_owned());
    } else if first.starts_with('$') {
        return;
    } else if first.starts_with(['&', '/', '-', '?']) {
        line.trim_start_matches('&')
    } else if first.starts_with(':') {
        // `:property, compare, "value" action`
        line.rsplit_once('"').map_or("", |(_, action)| action)
    } else if let Some((_, action)) = line.rsplit_once(" then ") {
        action
    } else {
        line.trim_start_matches(*first)
    };
    found.old(action, at.to_owned());
}

/// The first `name(` outside quotes: its name, and where its inside begins.
fn object(text: &str) -> Option<(String, usize)> {
    let mut quote = None;
    for (at, letter) in text.char_indices() {
        match (quote, letter) {
            (Some(open), letter) if letter == open => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'') => quote = Some(letter),
            (None, '(') => {
                let before = text[..at].trim_end();
                let start = before.rfind(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
                let name = before[start.map_or(0, |start| start + 1)..].to_ascii_lowercase();
                if ["action", "include"].contains(&name.as_str()) {
                    return Some((name, at + 1));
                }
            }
            _ => {}
        }
    }
    None
}

/// Where the parenthesis closes that is open, or the text ends.
fn closing(text: &str) -> usize {
    let (mut quote, mut escaped, mut depth) = (None, false, 0_usize);
    for (at, letter) in text.char_indices() {
        match (quote, letter) {
            _ if escaped => escaped = false,
            (Some(_), '\\') => escaped = true,
            (Some(open), letter) if letter == open => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'') => quote = Some(letter),
            (None, '(') => depth += 1,
            (None, ')') if depth == 0 => return at,
            (None, ')') => depth -= 1,
            _ => {}
        }
    }
    text.len()
}

/// What stands between the parentheses of an object.
struct Object<'t> {
    inside: &'t str,
}

impl Object<'_> {
    fn action(&self, found: &mut Found, at: &str) {
        if self.value("type").is_none_or(|kind| !kind.eq_ignore_ascii_case("omfile")) {
            return;
        }
        match self.value("file") {
            Some(file) => found.file(&file, at.to_owned()),
            None => found.dynamic.extend(self.value("dynafile").map(|_| at.to_owned())),
        }
    }

    /// The value of a parameter, whose name is in any case.
    fn value(&self, name: &str) -> Option<String> {
        let mut rest = self.inside;
        while let Some((before, after)) = rest.split_once('=') {
            let quote = after.trim_start().chars().next().filter(|letter| ['"', '\''].contains(letter));
            let value = after.trim_start();
            let (value, next) = match quote {
                Some(quote) => value[1..].split_once(quote).unwrap_or((&value[1..], "")),
                None => value.split_at(value.find(char::is_whitespace).unwrap_or(value.len())),
            };
            let key = before.split_whitespace().next_back().unwrap_or_default();
            if key.eq_ignore_ascii_case(name) {
                return Some(value.to_owned());
            }
            rest = next;
        }
        None
    }
}

/// The text with comments made blank and continued lines joined, each line where it was.
fn without_comments(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let (mut quote, mut block) = (None, false);
    let mut letters = text.chars().peekable();
    let mut is_comment = false;
    while let Some(letter) = letters.next() {
        let next = letters.peek().copied();
        match letter {
            '\n' => {
                is_comment = false;
                // The old format has quotes that are left open, and none that goes over a line.
                quote = None;
                out.push('\n');
            }
            _ if is_comment => {}
            '*' if block && next == Some('/') => {
                letters.next();
                block = false;
            }
            _ if block => {}
            // Within a word it is a name such as `/etc/rsyslog.d/*.conf`.
            '/' if quote.is_none() && next == Some('*') && !out.ends_with(is_word) => block = true,
            '#' if quote.is_none() => is_comment = true,
            '\\' if next == Some('\n') => {
                letters.next();
                out.push(' ');
            }
            '"' => {
                quote = if quote.is_some() { None } else { Some(letter) };
                out.push(letter);
            }
            _ => out.push(letter),
        }
    }
    out
}

fn is_word(letter: char) -> bool {
    !letter.is_whitespace()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(text: &str) -> (Vec<String>, Vec<String>, usize) {
        let (mut found, mut includes) = (Found::default(), Vec::new());
        look(text, &HostPath::literal("/c"), &mut found, &mut includes);
        (
            found.files.into_iter().map(|(path, at)| format!("{path} {at}")).collect(),
            includes,
            found.dynamic.len(),
        )
    }

    #[test]
    fn both_formats_name_their_files() {
        let text = "$FileCreateMode 0640\n# *.* /var/log/comment\n$IncludeConfig /etc/rsyslog.d/*.conf\n\
            include(file=\"/etc/more/*.conf\" mode=\"optional\")\n\
            *.info;mail.none    -/var/log/messages;Format # c\n\
            mail.*\t\t/var/log/maillog\nkern.* /dev/console\n*.emerg :omusrmsg:*\n*.* @@host:514\nlocal0.* |/run/pipe\n\
            :msg, contains, \"a / b\" /var/log/filtered\n& /var/log/too\n& stop\n\
            if $programname == 'x' then /var/log/x.log\n\
            ruleset(name=\"r\") {\n  action(type=\"omfile\"\n    File=\"/var/log/rainer\" template=\"t(1)\")\n}\n\
            if $msg contains '(' then { action(type=\"omfwd\" target=\"/not/a/file\") }\n\
            *.* ?Dynamic\naction(type=\"omfile\" dynaFile=\"t\")\n/* *.* /var/log/block\n*/\n\
            $outchannel rot,/var/log/channel, 100,/bin/rotate\nauth.* \\\n  /var/log/secure\n";
        let (found, includes, dynamic) = files(text);
        let expected = [
            "/var/log/messages /c:5",
            "/var/log/maillog /c:6",
            "/var/log/filtered /c:11",
            "/var/log/too /c:12",
            "/var/log/x.log /c:14",
            "/var/log/rainer /c:16",
            "/var/log/channel /c:24",
            "/var/log/secure /c:25",
        ];
        assert_eq!(found, expected);
        assert_eq!(includes, ["/etc/rsyslog.d/*.conf", "/etc/more/*.conf"]);
        assert_eq!(dynamic, 2);
        for end in 0..text.len() {
            files(&text[..end]);
        }
    }

    #[test]
    fn names_fit_patterns() {
        for (name, pattern, expected) in [
            ("a.conf", "*.conf", true),
            ("a.conf", "?.conf", true),
            ("ab.conf", "?.conf", false),
            ("a.conf.bak", "*.conf", false),
            ("aXbXc", "a*b*c", true),
            ("", "*", true),
        ] {
            assert_eq!(fits(name.as_bytes(), pattern.as_bytes()), expected, "{name} {pattern}");
        }
    }
}
