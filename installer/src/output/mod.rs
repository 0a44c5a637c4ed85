//! The only place that prints: stdout carries the result, stderr everything else.

pub mod document;
pub mod events;
pub mod progress;
pub mod shape;

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use serde_json::{Value, json};

use crate::cli::Format;
use crate::failure::{Exit, Failure};

use document::Document;

/// Prints a result on stdout: the text, or the JSON document. A closed pipe is not an error.
pub fn result(format: Format, text: &str, document: &Value) {
    let line = match format {
        Format::Text => text.trim_end().to_owned(),
        Format::Json => document.to_string(),
    };
    let _ = writeln!(io::stdout().lock(), "{line}");
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
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// Prints a failure on stderr, and with `--output json` also as a document on stdout.
pub fn failure(failure: &Failure, format: Format) {
    let mut text = format!("error: {}", failure.summary());
    for cause in failure.causes() {
        text.push_str(&format!("\n  because: {cause}"));
    }
    if let Some(hint) = failure.next_step() {
        text.push_str(&format!("\n  next: {hint}"));
    }
    say(&text);
    document(failure, format);
}

/// Prints what the command line parser says: help that was asked for, or a mistake, which is a document too.
pub fn usage(error: &clap::Error, format: Format) -> Exit {
    let _ = error.print();
    if !error.use_stderr() {
        return Exit::Done;
    }
    let text = error.render().to_string();
    let mistake = text.lines().next().and_then(|line| line.strip_prefix("error: "));
    let summary = mistake.unwrap_or("no command was given");
    document(&Failure::new(Exit::Usage, summary).hint("`groundfast help` lists what is allowed"), format);
    Exit::Usage
}

fn document(failure: &Failure, format: Format) {
    if format == Format::Json {
        let document = json!({
            "v": 1,
            "outcome": "error",
            "exit": failure.exit() as u8,
            "error": { "summary": failure.summary(), "causes": failure.causes(), "next": failure.next_step() },
        });
        result(format, "", &document);
    }
}
