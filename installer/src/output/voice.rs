//! How loud and in which form the program speaks on stderr, and in which colours.

use std::io::{self, IsTerminal, Write};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use clap::ValueEnum;
use serde_json::{Value, json};

use crate::cli::{Format, Global};

/// How much is said on stderr: each level says what those before it say, and more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum Level {
    /// Why a command could not do its work.
    Error,
    /// What somebody should look at.
    Warn,
    /// What is being done.
    #[default]
    Info,
    /// Each step and each verdict as it begins or is reached.
    Debug,
}

/// Whether text is coloured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal, unless `NO_COLOR` is set.
    #[default]
    Auto,
    Always,
    Never,
}

impl From<Color> for clap::ColorChoice {
    fn from(color: Color) -> Self {
        match color {
            Color::Auto => Self::Auto,
            Color::Always => Self::Always,
            Color::Never => Self::Never,
        }
    }
}

/// What was chosen; the defaults until it was.
#[derive(Clone, Copy, Default)]
struct Voice {
    level: Level,
    form: Format,
    color: Color,
}

static VOICE: OnceLock<Voice> = OnceLock::new();
static WARNED: AtomicBool = AtomicBool::new(false);

/// Speaks from now on as the flags say.
pub fn set(global: &Global) {
    let _ = VOICE.set(Voice { level: global.log_level, form: global.log_format, color: global.color });
}

fn voice() -> Voice {
    VOICE.get().copied().unwrap_or_default()
}

/// Says something on stderr, if it is loud enough. `more` is what only the JSON form holds besides.
pub fn log(level: Level, text: &str, more: &Value) {
    if level == Level::Warn {
        WARNED.store(true, Ordering::Relaxed);
    }
    let voice = voice();
    if level > voice.level {
        return;
    }
    let line = match voice.form {
        Format::Text if level == Level::Warn => painted(&format!("⚠ {text}"), &io::stderr()),
        Format::Text => painted(text, &io::stderr()),
        Format::Json => entry(level, text, more).to_string(),
    };
    let _ = writeln!(io::stderr().lock(), "{line}");
}

fn entry(level: Level, text: &str, more: &Value) -> Value {
    let level = level.to_possible_value().map(|value| value.get_name().to_owned());
    let mut entry = json!({ "at": jiff::Timestamp::now().to_string(), "level": level, "message": text });
    if let (Some(entry), Some(more)) = (entry.as_object_mut(), more.as_object()) {
        entry.extend(more.clone());
    }
    entry
}

/// Whether something was said that somebody should look at, loud enough or not.
pub fn has_warned() -> bool {
    WARNED.load(Ordering::Relaxed)
}

/// The text in colours, where this stream takes them: each mark that a line begins with in its own.
pub fn painted(text: &str, stream: &impl IsTerminal) -> String {
    let paints = match voice().color {
        Color::Always => true,
        Color::Never => false,
        Color::Auto => stream.is_terminal() && !asked_for_none(),
    };
    if paints { paint(text) } else { text.to_owned() }
}

/// <https://no-color.org>: any value but the empty one.
#[expect(clippy::disallowed_methods, reason = "the binary reads the environment")]
fn asked_for_none() -> bool {
    let is_set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    is_set("NO_COLOR") || std::env::var_os("TERM").is_some_and(|term| term == "dumb")
}

fn paint(text: &str) -> String {
    let marks = [("✔", 32), ("✘", 31), ("⚠", 33), ("error:", 31)];
    let lines = text.split('\n').map(|line| {
        let begin = line.len() - line.trim_start().len();
        match marks.iter().find(|(mark, _)| line[begin..].starts_with(mark)) {
            None => line.to_owned(),
            Some((mark, color)) => {
                let rest = &line[begin + mark.len()..];
                format!("{}\u{1b}[{color}m{mark}\u{1b}[0m{rest}", &line[..begin])
            }
        }
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_mark_that_a_line_begins_with_is_painted() {
        assert_eq!(paint("a ✘ b\n  ✘ c"), "a ✘ b\n  \u{1b}[31m✘\u{1b}[0m c");
        assert_eq!(paint("✔ a\n\nerror: b"), "\u{1b}[32m✔\u{1b}[0m a\n\n\u{1b}[31merror:\u{1b}[0m b");
        assert_eq!(paint("plain"), "plain");
    }

    #[test]
    fn an_entry_is_one_object_with_level_and_time() {
        let entry = entry(Level::Warn, "a \"b\"", &json!({ "next": "c" }));
        assert_eq!(
            (&entry["level"], &entry["message"], &entry["next"]),
            (&"warn".into(), &"a \"b\"".into(), &"c".into())
        );
        assert!(entry["at"].as_str().unwrap().ends_with('Z'));
    }
}
