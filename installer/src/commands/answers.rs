//! `groundfast answers`: a sample, a check without a machine, the schema.

use std::path::{Path, PathBuf};

use clap::Subcommand;
use engine::Context;
use model::Waiver;

use super::install::verify;
use crate::answers;
use crate::cli::Global;
use crate::failure::{Exit, Failure};
use crate::output;
use crate::run::session::{Request, Session};
use crate::site::{controls, declared, tailoring};

/// Write, check and describe answer files.
#[derive(Debug, Subcommand)]
pub enum Answers {
    /// Print a sample answer file with every section explained.
    #[command(after_help = "Examples:
  groundfast answers init > answers.toml")]
    Init,
    /// Check an answer file without a machine and without root: its form, and that every profile, control and
    /// variable that it names exists.
    #[command(after_help = "Examples:
  groundfast answers check answers.toml
  groundfast answers check answers.toml --bundle product.tar
Exit 2 when it is not valid: file, line, column, and what is allowed there.")]
    Check {
        /// The file.
        file: PathBuf,
        /// The bundle that it is for, verified as `install` does: it may bring profiles of its own.
        #[arg(long, value_name = "FILE")]
        bundle: Option<PathBuf>,
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
    let name = match command {
        Answers::Init => "answers init",
        Answers::Check { .. } => "answers check",
        Answers::Schema => "answers schema",
    };
    let session = Session::new(global, name)?;
    let mut document = session.document();
    document.finished = jiff::Timestamp::now().to_string();
    match command {
        Answers::Init => {
            document.result = serde_json::Value::String(SAMPLE.to_owned());
            output::result(global.output, SAMPLE, &document.json());
        }
        Answers::Check { file, bundle } => {
            known(&session, file, bundle.as_deref())?;
            output::result(global.output, &format!("{} is valid", file.display()), &document.json());
        }
        Answers::Schema => {
            let schema = serde_json::to_value(schemars::schema_for!(answers::Answers)).unwrap_or_default();
            output::result(crate::cli::Format::Json, "", &schema);
        }
    }
    Ok(Exit::Done)
}

/// Makes sure that everything the answers name exists.
fn known(session: &Session<'_>, file: &Path, bundle: Option<&Path>) -> Result<(), Failure> {
    let answers = answers::Answers::load(file, &[])?;
    let checking = |failure: Failure| failure.of(&format!("checking {}", file.display()));
    let mut request = Request { command: "answers check".to_owned(), answers, ..Request::default() };
    let mut contents = None;
    if let Some(bundle) = bundle {
        let verified = verify(session, bundle, &request.answers)?;
        request.profiles = controls::texts(verified.contents(), verified.blobs())?;
        request.bundle = Some(verified.contents().root);
        contents = Some(verified.contents().clone());
    }
    tailoring::read(&mut request)?;
    let known = declared::variables(&request.answers, contents.as_ref(), &session.global.data_dir);
    controls::preflight(&request, &known, &[]).map_err(checking)?;
    controls::harden(&request).map_err(checking)?;
    let waivers = request.answers.preflight.waivers.iter().chain(&request.answers.harden.waivers);
    let context = Context { waivers: waivers.map(Waiver::from).collect(), ..Context::default() };
    controls::all_known(&request, &context).map_err(checking)
}
