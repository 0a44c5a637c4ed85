//! `groundfast docs` and `groundfast completions`: what is generated from the one declaration of the command line
//! and from the types that read and write the files.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use clap::Args;
use clap_complete::Shell;
use schemars::schema_for;
use serde_json::Value;

use crate::answers::Answers;
use crate::failure::{Exit, Failure};
use crate::output;
use crate::output::document::Document;
use crate::output::shape;

/// Write the man pages and the JSON Schemas of every file format into a folder.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  groundfast docs docs                         # as in the repository
  groundfast docs /tmp/d && man /tmp/d/man/groundfast-harden.1")]
pub struct Docs {
    /// The folder; `man/` and `schemas/` are made in it.
    folder: PathBuf,
}

/// Print completions for a shell.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  groundfast completions bash > /etc/bash_completion.d/groundfast
  source <(groundfast completions zsh)")]
pub struct Completions {
    /// The shell.
    #[arg(value_enum)]
    shell: Shell,
}

/// Runs `docs`.
///
/// # Errors
/// When the folder cannot be written.
pub fn run(command: &Docs) -> Result<Exit, Failure> {
    let folder = &command.folder;
    write(folder).map_err(|error| {
        Failure::new(Exit::Error, format!("writing the documentation into {}", folder.display()))
            .because(&error)
    })?;
    output::say(&format!("man pages and schemas are in {}", folder.display()));
    Ok(Exit::Done)
}

/// Runs `completions`.
///
/// # Errors
/// None; a closed pipe is not an error.
pub fn completions(command: &Completions) -> Result<Exit, Failure> {
    let mut text = Vec::new();
    clap_complete::generate(command.shell, &mut crate::parse::command(), "groundfast", &mut text);
    output::result(crate::cli::Format::Text, &String::from_utf8_lossy(&text), &Value::Null);
    Ok(Exit::Done)
}

#[expect(clippy::disallowed_methods, reason = "the operator asked for these files, in a folder of theirs")]
fn write(folder: &Path) -> io::Result<()> {
    let (man, schemas) = (folder.join("man"), folder.join("schemas"));
    fs::create_dir_all(&man)?;
    fs::create_dir_all(&schemas)?;
    clap_mangen::generate_to(crate::parse::command(), &man)?;
    for (name, schema) in all() {
        let text = serde_json::to_string_pretty(&schema)?;
        fs::write(schemas.join(format!("{name}.json")), text + "\n")?;
    }
    Ok(())
}

/// Every schema by the name of its file.
fn all() -> [(&'static str, Value); 8] {
    [
        ("alert", schema_for!(alerts::Alert).to_value()),
        ("answers", schema_for!(Answers).to_value()),
        ("bundle-spec", schema_for!(bundle::spec::Spec).to_value()),
        ("document", schema_for!(Document).to_value()),
        ("error", schema_for!(shape::Refusal).to_value()),
        ("event", schema_for!(shape::Event).to_value()),
        ("profile", profiles::schema()),
        ("record", records::schema()),
    ]
}
