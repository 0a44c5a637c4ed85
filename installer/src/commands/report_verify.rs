//! `groundfast report verify`: reports and history are as this site signed them.

use std::fs;
use std::path::{Path, PathBuf};

use bundle::keys::PublicKey;
use clap::Args;
use host::{RunDir, RunsError};
use serde_json::json;

use super::bundle::failed;
use crate::cli::Global;
use crate::failure::{Exit, Failure};
use crate::history::looks;
use crate::history::signing::{self, REPORT, What};
use crate::output;
use crate::run::session::Session;

/// Check that reports, journals and the history of drift checks are as this site signed them.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  groundfast report verify                                       everything that is kept here
  groundfast report verify 01JD…                                 one run
  groundfast report verify copy/report.json --key report.pub     elsewhere, with the site's public key
The public key of a site is keys/report.pub of its data directory; the signature of a report is
report.sigstore.json beside it.")]
pub struct Verify {
    /// A run, or the file of a report with its signature beside it; everything when absent.
    #[arg(value_name = "RUN|FILE")]
    target: Option<String>,
    /// The public key of the site that signed; this site's own when absent.
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
}

/// Runs the command.
///
/// # Errors
/// Exit 4 when anything was changed since it was signed, or was never signed.
pub fn run(command: &Verify, global: &Global) -> Result<Exit, Failure> {
    let session = Session::new(global, "report verify")?;
    let key = match &command.key {
        Some(path) => bundle::open_public_key(path)
            .map_err(|error| failed(&format!("cannot use the public key {}", path.display()), &error))?,
        None => signing::public(&global.data_dir)?,
    };
    let mut checked: Vec<String> = Vec::new();
    match &command.target {
        Some(target) if Path::new(target).is_file() => {
            file(Path::new(target), &key)?;
            checked.push(format!("report {target}"));
        }
        Some(target) => {
            let directory = session.runs.open(target).map_err(|error| {
                Failure::new(Exit::Usage, format!("{target} is neither a run nor a file"))
                    .because(&error)
                    .hint("`groundfast status` lists the runs")
            })?;
            checked.push(of_run(&directory, &key)?);
        }
        None => {
            let names = session.runs.names().map_err(Failure::from)?;
            for name in names {
                let directory = session.runs.open(&name).map_err(Failure::from)?;
                // A run that was interrupted has no report yet; one that lost it still has its signature.
                let left = |file: &str| directory.path().join(file).exists();
                if left("report.json") || left(REPORT) {
                    checked.push(of_run(&directory, &key)?);
                }
            }
            let looks = looks::all(&global.data_dir, Some(&key))?;
            checked.push(format!("history of {} drift checks", looks.len()));
        }
    }
    let text: String = checked.iter().map(|one| format!("✔ {one}\n")).collect();
    let mut document = session.document();
    document.outcome = "passed".to_owned();
    document.finished = jiff::Timestamp::now().to_string();
    document.result = json!({ "verified": checked, "key": key.hint() });
    output::result(global.output, &text, &document.json());
    Ok(Exit::Done)
}

/// The report and the journal of a run.
fn of_run(directory: &RunDir, key: &PublicKey) -> Result<String, Failure> {
    file(&directory.path().join("report.json"), key)?;
    let name = directory.name();
    let entries = directory.journal().map_err(|error| {
        let exit = if matches!(error, RunsError::Io { .. }) { Exit::Error } else { Exit::Refused };
        Failure::new(exit, format!("checking the journal of run {name}")).because(&error)
    })?;
    Ok(format!("run {name}: report, and journal of {} entries", entries.len()))
}

/// A report with its signature beside it.
fn file(path: &Path, key: &PublicKey) -> Result<(), Failure> {
    let refused = || Failure::new(Exit::Refused, format!("the report {} cannot be trusted", path.display()));
    let beside = path.with_file_name(REPORT);
    let signature = fs::read(&beside).map_err(|error| {
        refused().because(&error).hint(format!("its signature belongs beside it: {}", beside.display()))
    })?;
    let bytes = fs::read(path).map_err(|error| refused().because(&error))?;
    if signing::vouched(What::Report, &signature, key)? != bundle::digest(&bytes) {
        return Err(refused().hint("it was changed after it was signed"));
    }
    Ok(())
}
