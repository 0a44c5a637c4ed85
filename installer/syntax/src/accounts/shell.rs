//! Start-up files of shells, as far as single commands on a line go: `umask 027`, `TMOUT=900`, `declare -xr …`.

use std::ops::Range;

use model::{HostPath, State, Unread};

use crate::source::{self, Source};
use crate::text::{assignments, lines};

/// Words that may stand before a command without being one.
const BEFORE: [&str; 9] = ["then", "else", "elif", "do", "if", "while", "{", "(", "!"];
/// Commands that assign or mark what follows.
const DECLARING: [&str; 6] = ["export", "readonly", "declare", "typeset", "local", "umask"];

/// What one command says of one name.
#[derive(Debug, PartialEq, Eq)]
struct Said {
    name: String,
    /// Its value without quotes, and where it stands in the line; `None` for a command that only marks.
    value: Option<(String, Range<usize>)>,
    readonly: bool,
    exported: bool,
}

/// Everything a line says of any name.
fn read(line: &str) -> Vec<Said> {
    commands(line).into_iter().flat_map(|words| command(line, &words)).collect()
}

fn command(line: &str, words: &[Range<usize>]) -> Vec<Said> {
    let text = |range: &Range<usize>| &line[range.clone()];
    let lead = words.iter().take_while(|word| BEFORE.contains(&text(word))).count();
    let words = &words[lead..];
    let Some(first) = words.first().map(text) else { return Vec::new() };
    if !DECLARING.contains(&first) {
        // `A=1 B=2` assigns, `A=1 program` only lends the value.
        let assigned: Vec<_> = words.iter().map(|word| assignment(line, word)).collect();
        let all = assigned.iter().all(|said| said.as_ref().is_some_and(|said| said.value.is_some()));
        return if all { assigned.into_iter().flatten().collect() } else { Vec::new() };
    }
    let (options, rest): (Vec<_>, Vec<_>) = words[1..].iter().partition(|word| text(word).starts_with('-'));
    if first == "umask" {
        let value = |word: &&Range<usize>| Said {
            name: "umask".to_owned(),
            value: Some((unquoted(text(word)), (*word).clone())),
            readonly: false,
            exported: false,
        };
        return rest.first().map(value).into_iter().collect();
    }
    let option = |letter: char| options.iter().any(|word| text(word).contains(letter));
    let readonly = first == "readonly" || option('r');
    let exported = first == "export" || (first != "readonly" && option('x'));
    let said = rest.into_iter().filter_map(|word| assignment(line, word));
    said.map(|said| Said { readonly, exported, ..said }).collect()
}

/// `NAME` or `NAME=VALUE`.
fn assignment(line: &str, word: &Range<usize>) -> Option<Said> {
    let text = &line[word.clone()];
    let (name, value) = match text.find('=') {
        Some(equals) => {
            let at = word.start + equals + 1..word.end;
            (&text[..equals], Some((unquoted(&line[at.clone()]), at)))
        }
        None => (text, None),
    };
    let named = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    named.then(|| Said { name: name.to_owned(), value, readonly: false, exported: false })
}

/// The words of the commands of a line, without its comment.
fn commands(line: &str) -> Vec<Vec<Range<usize>>> {
    let mut commands = vec![Vec::new()];
    let mut word: Option<usize> = None;
    let mut quote = None;
    let mut escaped = false;
    for (at, letter) in line.char_indices() {
        let last = commands.len() - 1;
        match letter {
            _ if escaped => escaped = false,
            '\\' if quote != Some('\'') => {
                escaped = true;
                word.get_or_insert(at);
            }
            '"' | '\'' if quote.is_none() => {
                quote = Some(letter);
                word.get_or_insert(at);
            }
            _ if quote == Some(letter) => quote = None,
            _ if quote.is_some() => {}
            '#' if word.is_none() => return commands,
            ';' | '&' | '|' | '(' | ')' => {
                commands[last].extend(word.take().map(|start| start..at));
                commands.push(Vec::new());
            }
            _ if letter.is_ascii_whitespace() => commands[last].extend(word.take().map(|start| start..at)),
            _ => drop(word.get_or_insert(at)),
        }
    }
    let last = commands.len() - 1;
    commands[last].extend(word.map(|start| start..line.len()));
    commands
}

fn unquoted(text: &str) -> String {
    assignments::word(text, |_| false, |_| None).0
}

fn values(text: &str, name: &str) -> Vec<(usize, String, Range<usize>)> {
    let mut values = Vec::new();
    for (number, line) in lines::split(text).into_iter().enumerate() {
        let said = read(lines::body(line)).into_iter().filter(|said| said.name == name);
        values.extend(said.filter_map(|said| said.value).map(|(value, at)| (number, value, at)));
    }
    values
}

/// The value that a file gives a name; where it gives several, each of them in order.
pub(crate) fn get(text: &str, name: &str) -> Option<String> {
    let mut seen: Vec<String> = Vec::new();
    for (_, value, _) in values(text, name) {
        if !seen.contains(&value) {
            seen.push(value);
        }
    }
    (!seen.is_empty()).then(|| seen.join(", "))
}

/// Sets a name wherever it is set, or at the end. Lines that set it are taken out when it shall not be set.
pub(crate) fn set(text: &str, name: &str, wanted: Option<&str>) -> String {
    let found = values(text, name);
    let split = lines::split(text);
    let Some(wanted) = wanted else {
        let kept = split.iter().enumerate().filter(|(number, _)| !found.iter().any(|(at, ..)| at == number));
        return kept.map(|(_, line)| *line).collect();
    };
    let mut lines: Vec<String> = split.into_iter().map(str::to_owned).collect();
    // From the end, so that the places before stay where they are.
    for (number, _, at) in found.iter().rev() {
        lines[*number].replace_range(at.clone(), wanted);
    }
    let mut text = lines.concat();
    if found.is_empty() {
        if !text.is_empty() && !text.ends_with('\n') {
            text.push('\n');
        }
        text.push_str(&match name {
            "umask" => format!("umask {wanted}\n"),
            // `declare` is bash's own; other shells read these files too.
            _ => format!("{name}={wanted}; readonly {name}; export {name}\n"),
        });
    }
    text
}

/// What start-up files make of a name, as [`model::Lookup::Shell`] describes it.
pub(crate) fn effect(
    source: &dyn Source,
    files: &[HostPath],
    folders: &[HostPath],
    name: &str,
) -> Result<State, Unread> {
    let mut paths = files.to_vec();
    for folder in folders {
        paths.extend(source::files(source, folder, is_script)?);
        paths.extend(folder.join("sh.local"));
    }
    let (mut set, mut readonly, mut exported) = (Vec::new(), false, false);
    for path in paths {
        let Some(text) = source.text(&path)? else { continue };
        for (number, line) in text.lines().enumerate() {
            for said in read(line).into_iter().filter(|said| said.name == name) {
                readonly |= said.readonly;
                exported |= said.exported;
                set.extend(said.value.map(|(value, _)| {
                    State::record([
                        ("value", State::text(value)),
                        ("at", State::text(format!("{path}:{}", number + 1))),
                        ("path", State::text(path.as_str())),
                    ])
                }));
            }
        }
    }
    Ok(State::record([
        ("set", State::List(set)),
        ("readonly", State::Flag(readonly)),
        ("exported", State::Flag(exported)),
    ]))
}

fn is_script(name: &str) -> bool {
    name.ends_with(".sh") && !name.starts_with('.')
}
