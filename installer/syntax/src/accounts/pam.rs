//! pam.d(5): stacks with their includes, and single arguments of a module.

use std::ops::Range;

use model::{HostPath, State, Unread};

use crate::source::Source;
use crate::text::lines::{self, body, is_continued};

/// libpam refuses to include deeper (pam_handlers.c, `PAM_SUBSTACK_MAX_LEVEL`).
const DEEPEST: usize = 16;
/// Where a service file may be, in the order in which libpam looks.
const FOLDERS: [&str; 2] = ["/etc/pam.d", "/usr/lib/pam.d"];

/// One line of a service file that names a module, or includes another file.
struct Line {
    kind: String,
    control: String,
    module: String,
    args: Vec<String>,
    lines: Range<usize>,
    /// Where the arguments stand in the text of the line, for changing them.
    text: String,
    args_at: usize,
}

/// The lines that mean something, continued ones as one.
fn read(lines: &[&str]) -> Vec<Line> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < lines.len() {
        let (text, end) = logical(lines, at);
        found.extend(line(text, at..end));
        at = end;
    }
    found
}

fn logical(lines: &[&str], start: usize) -> (String, usize) {
    let mut text = body(lines[start]).to_owned();
    let mut next = start + 1;
    while is_continued(&text) && next < lines.len() {
        text.pop();
        text.push(' ');
        text.push_str(body(lines[next]));
        next += 1;
    }
    (text, next)
}

fn line(mut text: String, lines: Range<usize>) -> Option<Line> {
    text.truncate(text.find('#').unwrap_or(text.len()));
    let mut words = words(&text);
    if words.is_empty() {
        return None;
    }
    let word = |range: &Range<usize>| text[range.clone()].to_owned();
    if word(&words[0]) == "@include" {
        let file = words.get(1).map(word)?;
        let (kind, control) = ("*".to_owned(), "include".to_owned());
        return Some(Line {
            kind,
            control,
            module: file,
            args: Vec::new(),
            lines,
            args_at: text.len(),
            text,
        });
    }
    if words.len() < 3 {
        return None;
    }
    let args = words.split_off(3);
    let kind = word(&words[0]).trim_start_matches('-').to_ascii_lowercase();
    let (control, module) = (word(&words[1]), word(&words[2]));
    let args_at = words[2].end;
    let args = args.iter().map(word).collect();
    Some(Line { kind, control, module, args, lines, text, args_at })
}

/// Words between white space; brackets keep white space in (`[success=1 default=ignore]`).
fn words(text: &str) -> Vec<Range<usize>> {
    let mut words: Vec<Range<usize>> = Vec::new();
    let (mut start, mut inside) = (None, false);
    for (at, letter) in text.char_indices() {
        match letter {
            _ if !inside && letter.is_ascii_whitespace() => words.extend(start.take().map(|start| start..at)),
            '[' => {
                inside = true;
                start.get_or_insert(at);
            }
            ']' => inside = false,
            _ => drop(start.get_or_insert(at)),
        }
    }
    words.extend(start.map(|start| start..text.len()));
    words
}

/// The module's own name, without its folder.
fn base(module: &str) -> &str {
    module.rsplit('/').next().unwrap_or(module)
}

/// The modules that the lines of a text name, in order, without their folders.
pub(crate) fn modules(text: &str) -> Vec<String> {
    let named = read(&lines::split(text)).into_iter().filter(|line| line.control != "include");
    named.map(|line| base(&line.module).to_owned()).collect()
}

/// The stack of one type, as [`model::Lookup::Pam`] describes it.
pub(crate) fn stack(source: &dyn Source, path: &HostPath, kind: &str) -> Result<State, Unread> {
    let Some(text) = source.text(path)? else { return Ok(State::Absent) };
    let mut entries = Vec::new();
    follow(source, path, &text, kind, 0, &mut entries)?;
    Ok(State::List(entries))
}

fn follow(
    source: &dyn Source,
    path: &HostPath,
    text: &str,
    kind: &str,
    depth: usize,
    into: &mut Vec<State>,
) -> Result<(), Unread> {
    if depth > DEEPEST {
        return Err(Unread::Malformed(format!("{path} is included more than {DEEPEST} files deep")));
    }
    for line in read(&lines::split(text)) {
        if line.kind != kind && line.kind != "*" {
            continue;
        }
        if matches!(line.control.as_str(), "include" | "substack") {
            if let Some((path, text)) = included(source, &line.module)? {
                follow(source, &path, &text, kind, depth + 1, into)?;
            }
            continue;
        }
        into.push(State::record([
            ("control", State::text(line.control)),
            ("module", State::text(base(&line.module))),
            ("args", State::texts(line.args)),
            ("at", State::text(format!("{path}:{}", line.lines.start + 1))),
            ("path", State::text(path.as_str())),
        ]));
    }
    Ok(())
}

fn included(source: &dyn Source, name: &str) -> Result<Option<(HostPath, String)>, Unread> {
    let candidates =
        FOLDERS.map(
            |folder| {
                if name.starts_with('/') { name.parse() } else { HostPath::literal(folder).join(name) }
            },
        );
    for path in candidates.into_iter().flatten() {
        if let Some(text) = source.text(&path)? {
            return Ok(Some((path, text)));
        }
    }
    Ok(None)
}

/// Type, module and argument of a key.
fn place(key: &str) -> Option<[&str; 3]> {
    let words: Vec<_> = key.split(' ').collect();
    words.try_into().ok().filter(|words: &[&str; 3]| words.iter().all(|word| !word.is_empty()))
}

fn value<'a>(arg: &'a str, name: &str) -> Option<&'a str> {
    let rest = arg.strip_prefix(name)?;
    if rest.is_empty() { Some("") } else { rest.strip_prefix('=') }
}

/// What the file's lines of a module say of an argument; where they differ, each value.
pub(crate) fn get(text: &str, key: &str) -> Option<String> {
    let [kind, module, name] = place(key)?;
    let lines = read(&lines::split(text));
    let lines = lines.iter().filter(|line| line.kind == kind && base(&line.module) == module);
    // A line without the argument differs from one that has it: then what is read is no value of its own.
    let mut seen: Vec<Option<String>> = Vec::new();
    for line in lines {
        let values: Vec<_> = line.args.iter().filter_map(|arg| value(arg, name)).collect();
        let value = (!values.is_empty()).then(|| values.join(", "));
        if !seen.contains(&value) {
            seen.push(value);
        }
    }
    match &seen[..] {
        [] | [None] => None,
        [Some(value)] => Some(value.clone()),
        many => Some(many.iter().map(|one| one.as_deref().unwrap_or("-")).collect::<Vec<_>>().join(", ")),
    }
}

/// Sets an argument on every line of a module, or takes it away.
pub(crate) fn set(text: &str, key: &str, wanted: Option<&str>) -> String {
    let Some([kind, module, name]) = place(key) else { return text.to_owned() };
    let split = lines::split(text);
    let mut out = String::with_capacity(text.len());
    let mut next = 0;
    for line in read(&split) {
        let concerned = line.kind == kind && base(&line.module) == module;
        let values: Vec<_> = line.args.iter().filter_map(|arg| value(arg, name)).collect();
        if !concerned || values == wanted.into_iter().collect::<Vec<_>>() {
            continue;
        }
        out.push_str(&split[next..line.lines.start].concat());
        out.push_str(&changed(&line, name, wanted));
        let last = split[line.lines.end - 1];
        let whole = split[line.lines.clone()].concat();
        if let Some(comment) = whole.find('#').filter(|_| line.lines.len() == 1) {
            out.push(' ');
            out.push_str(body(&whole[comment..]));
        }
        out.push_str(lines::ending(last));
        next = line.lines.end;
    }
    out.push_str(&split[next..].concat());
    out
}

fn changed(line: &Line, name: &str, wanted: Option<&str>) -> String {
    let ours =
        wanted.map(|wanted| if wanted.is_empty() { name.to_owned() } else { format!("{name}={wanted}") });
    let mut ours = ours.into_iter();
    let mut text = line.text[..line.args_at].trim_end().to_owned();
    for arg in &line.args {
        let arg = if value(arg, name).is_some() { ours.next() } else { Some(arg.clone()) };
        text.extend(arg.into_iter().flat_map(|arg| [" ".to_owned(), arg]));
    }
    text.extend(ours.flat_map(|arg| [" ".to_owned(), arg]));
    text
}
