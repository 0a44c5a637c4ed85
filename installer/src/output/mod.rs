//! The only place that prints: stdout carries the result, stderr everything else.

pub mod document;
pub mod events;
pub mod progress;
pub mod shape;
pub mod voice;

use std::fs;
use std::io::{self, Write};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Value, json};

use crate::cli::Format;
use crate::failure::{Exit, Failure};

use document::Document;
use voice::Level;

/// Whether a result could not be written.
static LOST: AtomicBool = AtomicBool::new(false);
/// Whether a result told of waived findings.
static WAIVED: AtomicBool = AtomicBool::new(false);

/// Prints a result on stdout: the text, or the JSON document. A closed pipe is not an error; of anything else that
/// keeps the result from being written [`is_lost`] knows.
pub fn result(format: Format, text: &str, document: &Value) {
    // A waiver makes a finding pass that somebody should look at all the same.
    if document["summary"]["waived"].as_u64().is_some_and(|count| count > 0) {
        WAIVED.store(true, Ordering::Relaxed);
    }
    let line = match format {
        Format::Text => voice::painted(text.trim_end(), &io::stdout()),
        Format::Json => document.to_string(),
    };
    let mut stdout = io::stdout().lock();
    let written = writeln!(stdout, "{line}").and_then(|()| stdout.flush());
    if let Err(error) = written.or_else(|error| match error.kind() {
        io::ErrorKind::BrokenPipe => Ok(()),
        _ => Err(error),
    }) {
        let lost = Failure::new(Exit::Error, "writing the result to stdout").because(&error);
        complain(&lost.hint("make room where stdout goes, and run it again"));
        LOST.store(true, Ordering::Relaxed);
    }
}

/// Whether a waiver covered something, or something was said that somebody should look at.
pub fn has_warned() -> bool {
    WAIVED.load(Ordering::Relaxed) || voice::has_warned()
}

/// Whether a result could not be written, so that the command did not do its work.
pub fn is_lost() -> bool {
    LOST.load(Ordering::Relaxed)
}

/// Leaves `report.json` and `report.txt` in a folder of the operator's.
///
/// # Errors
/// When they cannot be written.
#[expect(clippy::disallowed_methods, reason = "the report goes where the operator asked for it")]
pub fn report(folder: &Path, document: &Document, text: &str) -> Result<(), Failure> {
    let writing = || Failure::new(Exit::Error, format!("writing the report to {}", folder.display()));
    let json = serde_json::to_string_pretty(document).map_err(|error| writing().because(&error))?;
    let made = fs::create_dir_all(folder)
        .and_then(|()| fs::write(folder.join("report.json"), json + "\n"))
        .and_then(|()| fs::write(folder.join("report.txt"), text));
    made.map_err(|error| writing().because(&error))
}

/// Says something to the operator on stderr.
pub fn say(text: &str) {
    voice::log(Level::Info, text, &Value::Null);
}

/// Says something on stderr that somebody should look at.
pub fn warn(text: &str) {
    voice::log(Level::Warn, text, &Value::Null);
}

/// Says what only somebody who looks closely wants to know.
pub fn debug(text: &str) {
    voice::log(Level::Debug, text, &Value::Null);
}

/// Asks the operator at the terminal; a question is heard at every level.
pub fn ask(question: &str) {
    let _ = writeln!(io::stderr().lock(), "{question}");
}

/// Prints what a command without a result of its own did: in words on stderr, or as the document on stdout.
pub fn told(format: Format, text: &str, document: &Document) {
    match format {
        Format::Text => say(text),
        Format::Json => result(format, "", &document.json()),
    }
}

/// Prints a failure on stderr, and with `--output json` also as a document on stdout. `blank` is the document of the
/// command that failed.
pub fn failure(failure: &Failure, format: Format, blank: Document) {
    complain(failure);
    document(failure, format, blank);
}

fn complain(failure: &Failure) {
    let mut text = format!("error: {}", failure.summary());
    for cause in failure.causes() {
        text.push_str(&format!("\n  because: {cause}"));
    }
    if let Some(hint) = failure.next_step() {
        text.push_str(&format!("\n  next: {hint}"));
    }
    let more = json!({ "causes": failure.causes(), "next": failure.next_step() });
    voice::log(Level::Error, &text, &more);
}

/// Prints what the command line parser says: help that was asked for, or a mistake, which is a document too.
pub fn usage(error: &clap::Error, format: Format, blank: Document) -> Exit {
    let _ = error.print();
    if !error.use_stderr() {
        return Exit::Done;
    }
    let text = error.render().to_string();
    let mistake = text.lines().next().and_then(|line| line.strip_prefix("error: "));
    let summary = mistake.unwrap_or("no command was given");
    document(
        &Failure::new(Exit::Usage, summary).hint("`groundfast help` lists what is allowed"),
        format,
        blank,
    );
    Exit::Usage
}

fn document(failure: &Failure, format: Format, blank: Document) {
    if format == Format::Json {
        let mut document = failure.document().cloned().unwrap_or(blank);
        document.with_failure(failure);
        result(format, "", &document.json());
    }
}
