//! `groundfast answers`: a sample, a check without a machine, the schema.

use std::path::PathBuf;

use clap::Subcommand;

use crate::answers;
use crate::cli::Global;
use crate::failure::{Exit, Failure};
use crate::output;
use crate::run::session::Session;

/// Write, check and describe answer files.
#[derive(Debug, Subcommand)]
pub enum Answers {
    /// Print a sample answer file with every section explained.
    #[command(after_help = "Examples:
  groundfast answers init > answers.toml")]
    Init,
    /// Check an answer file without a machine and without root.
    #[command(after_help = "Examples:
  groundfast answers check answers.toml
Exit 2 when it is not valid: file, line, column, and what is allowed there.")]
    Check {
        /// The file.
        file: PathBuf,
    },
    /// Print the JSON Schema of the answer file.
    #[command(after_help = "Examples:
  groundfast answers schema > answers.schema.json")]
    Schema,
}

/// The sample, kept where the documentation shows it too.
const SAMPLE: &str = include_str!("../../../examples/answers.toml");

/// Runs the command.
///
/// # Errors
/// Exit 2 when the file is not valid.
pub fn run(command: &Answers, global: &Global) -> Result<Exit, Failure> {
    let session = Session::new(global, "answers")?;
    let mut document = session.document();
    document.finished = jiff::Timestamp::now().to_string();
    match command {
        Answers::Init => {
            document.result = serde_json::Value::String(SAMPLE.to_owned());
            output::result(global.output, SAMPLE, &document.json());
        }
        Answers::Check { file } => {
            answers::Answers::load(file, &[])?;
            output::result(global.output, &format!("{} is valid", file.display()), &document.json());
        }
        Answers::Schema => {
            let schema = serde_json::to_value(schemars::schema_for!(answers::Answers)).unwrap_or_default();
            output::result(crate::cli::Format::Json, "", &schema);
        }
    }
    Ok(Exit::Done)
}
