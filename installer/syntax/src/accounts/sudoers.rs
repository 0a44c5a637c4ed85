//! sudoers(5): defaults, aliases and rules, includes followed by visudo's rules for file names.

use std::collections::BTreeMap;

use model::{HostPath, State, Unread};

use crate::source::{Source, files};
use crate::text::lines::{self, body, is_continued};

const MAIN: &str = "/etc/sudoers";
/// The folder that distributions include.
const FOLDER: &str = "/etc/sudoers.d";
/// Deep enough for people; sudo itself stops at 128.
const DEEPEST: usize = 16;
const TAGS: [&str; 16] = [
    "EXEC",
    "NOEXEC",
    "FOLLOW",
    "NOFOLLOW",
    "LOG_INPUT",
    "NOLOG_INPUT",
    "LOG_OUTPUT",
    "NOLOG_OUTPUT",
    "MAIL",
    "NOMAIL",
    "INTERCEPT",
    "NOINTERCEPT",
    "PASSWD",
    "NOPASSWD",
    "SETENV",
    "NOSETENV",
];

/// One option of a `Defaults` line.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Setting {
    name: String,
    /// Empty for a bare option, `!` for a negated one.
    value: String,
}

/// Options with the users, hosts or commands that they are for; the scope is empty for everybody.
struct Defaults {
    scope: String,
    settings: Vec<Setting>,
}

/// A rule: who may run which commands, tags still before them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Users, `%groups`, aliases.
    pub who: Vec<String>,
    /// Each command or alias without its tags, after the users that it may be run as.
    pub commands: Vec<(Vec<String>, String)>,
}

/// What sudo reads, all files together.
#[derive(Clone, Debug, Default)]
pub struct Sudoers {
    /// `User_Alias` by name.
    pub users: BTreeMap<String, Vec<String>>,
    /// `Cmnd_Alias` by name.
    pub commands: BTreeMap<String, Vec<String>>,
    /// `Runas_Alias` by name.
    pub run_as: BTreeMap<String, Vec<String>>,
    /// The rules in order.
    pub rules: Vec<Rule>,
    defaults: Vec<State>,
    tags: Vec<State>,
    folder: bool,
}

impl Sudoers {
    /// Reads `/etc/sudoers` and what it includes; `None` when there is none.
    ///
    /// # Errors
    /// When one of the files cannot be read, or files include each other too deeply.
    pub fn read(source: &dyn Source) -> Result<Option<Self>, Unread> {
        let main = HostPath::literal(MAIN);
        let Some(text) = source.text(&main)? else { return Ok(None) };
        let mut sudoers = Self::default();
        sudoers.take(source, &main, &text, 0)?;
        Ok(Some(sudoers))
    }

    /// As [`model::Lookup::Sudoers`] describes it.
    pub(crate) fn record(&self) -> State {
        State::record([
            ("defaults", State::List(self.defaults.clone())),
            ("tags", State::List(self.tags.clone())),
            ("folder", State::Flag(self.folder)),
        ])
    }

    fn take(&mut self, source: &dyn Source, path: &HostPath, text: &str, depth: usize) -> Result<(), Unread> {
        if depth > DEEPEST {
            return Err(Unread::Malformed(format!(
                "{path}: sudoers includes files more than {DEEPEST} deep"
            )));
        }
        for (number, line) in logical(&lines::split(text)) {
            let at = format!("{path}:{}", number + 1);
            let (word, rest) = line.split_once([' ', '\t']).unwrap_or((&line, ""));
            match word {
                "@include" | "#include" => self.include(source, rest, depth)?,
                "@includedir" | "#includedir" => self.include_folder(source, rest, depth)?,
                "User_Alias" => aliases(rest, &mut self.users),
                "Cmnd_Alias" | "Cmd_Alias" => aliases(rest, &mut self.commands),
                "Runas_Alias" => aliases(rest, &mut self.run_as),
                "Host_Alias" => {}
                _ => match defaults(&line) {
                    Some(defaults) => self.defaults.extend(states(&defaults, &at, path)),
                    None => self.rule(&line, &at),
                },
            }
        }
        Ok(())
    }

    fn include(&mut self, source: &dyn Source, name: &str, depth: usize) -> Result<(), Unread> {
        let Some(path) = absolute(name) else { return Ok(()) };
        let text = source.text(&path)?.unwrap_or_default();
        self.take(source, &path, &text, depth + 1)
    }

    /// Names that hold a dot or end in a tilde are passed over (sudoers(5)).
    fn include_folder(&mut self, source: &dyn Source, name: &str, depth: usize) -> Result<(), Unread> {
        let Some(folder) = absolute(name) else { return Ok(()) };
        self.folder |= folder.as_str() == FOLDER;
        for path in files(source, &folder, |name| !name.contains('.') && !name.ends_with('~'))? {
            let text = source.text(&path)?.unwrap_or_default();
            self.take(source, &path, &text, depth + 1)?;
        }
        Ok(())
    }

    /// `WHO HOST = (RUNAS) TAG: COMMAND, … : HOST = …`
    fn rule(&mut self, line: &str, at: &str) {
        let Some((left, right)) = line.split_once('=') else { return };
        let who = left.trim().rsplit_once(char::is_whitespace).map_or("", |(who, _)| who);
        let mut commands = Vec::new();
        // Whom a command is run as holds for those after it too (sudoers(5), Runas_Spec).
        let mut users = vec!["root".to_owned()];
        for command in commands_of(right) {
            let (run_as, command) = runas(command.trim());
            users = run_as.unwrap_or(users);
            let (tags, command) = tagged(command);
            let tag = |tag| State::record([("tag", State::text(tag)), ("at", State::text(at))]);
            self.tags.extend(tags.into_iter().map(tag));
            commands.push((users.clone(), command.to_owned()));
            // `: HOST =` begins anew.
            if command.contains(" :") {
                users = vec!["root".to_owned()];
            }
        }
        self.rules.push(Rule { who: listed(who), commands });
    }
}

fn states(defaults: &Defaults, at: &str, path: &HostPath) -> Vec<State> {
    let state = |setting: &Setting| {
        State::record([
            ("name", State::text(&setting.name)),
            ("value", State::text(&setting.value)),
            ("scope", State::text(&defaults.scope)),
            ("at", State::text(at)),
            ("path", State::text(path.as_str())),
        ])
    };
    defaults.settings.iter().map(state).collect()
}

/// Lines with those that continue them and without comments, with the numbers of their first lines.
fn logical(lines: &[&str]) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < lines.len() {
        let (text, end) = joined(lines, at);
        let text = uncommented(&text).trim();
        if !text.is_empty() {
            found.push((at, text.to_owned()));
        }
        at = end;
    }
    found
}

fn joined(lines: &[&str], start: usize) -> (String, usize) {
    let mut text = body(lines[start]).to_owned();
    let mut next = start + 1;
    while is_continued(&text) && next < lines.len() {
        text.pop();
        text.push(' ');
        text.push_str(body(lines[next]).trim_start());
        next += 1;
    }
    (text, next)
}

/// A `#` begins a comment, but not in quotes, not in `#include`, and not before the number of a user.
fn uncommented(line: &str) -> &str {
    if line.trim_start().starts_with("#include") {
        return line;
    }
    let (mut quoted, mut escaped) = (false, false);
    for (at, letter) in line.char_indices() {
        match letter {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => quoted = !quoted,
            '#' if !quoted && !line[at + 1..].starts_with(|next: char| next.is_ascii_digit()) => {
                return &line[..at];
            }
            _ => {}
        }
    }
    line
}

fn defaults(line: &str) -> Option<Defaults> {
    let rest = line.strip_prefix("Defaults")?;
    let (scope, rest) = match rest.chars().next()? {
        '@' | ':' | '!' | '>' => scoped(rest),
        blank if blank.is_ascii_whitespace() => ("", rest),
        _ => return None,
    };
    Some(Defaults { scope: scope.to_owned(), settings: split(rest).map(setting).collect() })
}

/// A list of users, hosts or commands ends at white space that no comma comes before.
fn scoped(text: &str) -> (&str, &str) {
    let ends = |(at, letter): &(usize, char)| {
        letter.is_ascii_whitespace() && !text[..*at].trim_end().ends_with([',', ':', '@', '!', '>'])
    };
    text.char_indices().find(ends).map_or((text, ""), |(at, _)| text.split_at(at))
}

/// Options between commas; quotes and backslashes keep a comma in.
fn split(text: &str) -> impl Iterator<Item = &str> {
    let (mut quoted, mut escaped) = (false, false);
    let parts = text.split(move |letter| {
        match letter {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => quoted = !quoted,
            ',' => return !quoted,
            _ => {}
        }
        false
    });
    parts.map(str::trim).filter(|part| !part.is_empty())
}

fn setting(text: &str) -> Setting {
    match text.split_once('=') {
        Some((name, value)) => Setting {
            name: name.trim_end_matches(['+', '-']).trim().to_owned(),
            value: value.trim().trim_matches('"').to_owned(),
        },
        None => {
            let name = text.trim_start_matches('!');
            let negated = (text.len() - name.len()) % 2 == 1;
            Setting { name: name.trim().to_owned(), value: if negated { "!" } else { "" }.to_owned() }
        }
    }
}

/// The parts between commas and equals signs; parentheses and backslashes keep one in.
fn commands_of(text: &str) -> impl Iterator<Item = &str> {
    let (mut inside, mut escaped) = (false, false);
    text.split(move |letter| {
        match letter {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '(' => inside = true,
            ')' => inside = false,
            ',' | '=' => return !inside,
            _ => {}
        }
        false
    })
}

/// Whom a command may be run as, where it says so: `(root, www : adm) ls`. Without users it is the caller.
fn runas(command: &str) -> (Option<Vec<String>>, &str) {
    match command.strip_prefix('(').and_then(|rest| rest.split_once(')')) {
        Some((users, rest)) => (Some(listed(users.split(':').next().unwrap_or_default())), rest.trim_start()),
        None => (None, command),
    }
}

/// The tags before a command, as in `NOPASSWD:SETENV: /bin/ls`, and the command.
fn tagged(command: &str) -> (Vec<String>, &str) {
    let (mut tags, mut rest) = (Vec::new(), command);
    while let Some((tag, after)) = rest.split_once(':').filter(|(tag, _)| TAGS.contains(&tag.trim())) {
        tags.push(tag.trim().to_owned());
        rest = after.trim_start();
    }
    (tags, rest)
}

/// `NAME = a, b : OTHER = c`
fn aliases(text: &str, into: &mut BTreeMap<String, Vec<String>>) {
    for definition in text.split(" : ") {
        if let Some((name, members)) = definition.split_once('=') {
            into.insert(name.trim().to_owned(), listed(members));
        }
    }
}

fn listed(text: &str) -> Vec<String> {
    let words = text.split(',').map(|word| word.trim().trim_matches('"').to_owned());
    words.filter(|word| !word.is_empty()).collect()
}

/// A relative name is beside the main file; one with an escape such as `%h` is not followed.
fn absolute(name: &str) -> Option<HostPath> {
    let name = name.trim().trim_matches('"');
    let name = if name.starts_with('/') { name.to_owned() } else { format!("/etc/{name}") };
    name.trim_end_matches('/').parse().ok().filter(|path: &HostPath| !path.as_str().contains('%'))
}

/// The value that this file alone gives an option for everybody.
pub(crate) fn get(text: &str, name: &str) -> Option<String> {
    let lines = logical(&lines::split(text));
    let everybodys = lines.iter().filter_map(|(_, line)| defaults(line)).filter(|line| line.scope.is_empty());
    let mut settings = everybodys.flat_map(|line| line.settings).filter(|setting| setting.name == name);
    settings.next_back().map(|setting| setting.value)
}

/// Takes an option out wherever it is set for everybody, and sets it at the end, where nothing before it counts.
pub(crate) fn set(text: &str, name: &str, wanted: Option<&str>) -> String {
    let split = lines::split(text);
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    while at < split.len() {
        let (whole, end) = joined(&split, at);
        let found = defaults(uncommented(&whole).trim()).filter(|line| line.scope.is_empty());
        match found.filter(|line| line.settings.iter().any(|setting| setting.name == name)) {
            None => out.push_str(&split[at..end].concat()),
            Some(line) => {
                let rest: Vec<_> = line.settings.iter().filter(|setting| setting.name != name).collect();
                if !rest.is_empty() {
                    let rest: Vec<_> = rest.into_iter().map(shown).collect();
                    out.push_str(&format!("Defaults {}\n", rest.join(", ")));
                }
            }
        }
        at = end;
    }
    if let Some(value) = wanted {
        if !out.is_empty() && !out.ends_with('\n') {
            out.push('\n');
        }
        let setting = Setting { name: name.to_owned(), value: value.to_owned() };
        out.push_str(&format!("Defaults {}\n", shown(&setting)));
    }
    out
}

fn shown(setting: &Setting) -> String {
    let plain =
        |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '/' | '.' | '_' | '-' | ':');
    match setting.value.as_str() {
        "" => setting.name.clone(),
        "!" => format!("!{}", setting.name),
        value if value.chars().all(plain) => format!("{}={value}", setting.name),
        value => format!("{}=\"{value}\"", setting.name),
    }
}
