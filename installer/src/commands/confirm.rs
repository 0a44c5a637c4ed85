//! `groundfast confirm`: a run that waits is sealed, from a login that began after it.

use clap::Args;
use model::Moment;
use serde_json::Value;

use crate::cli::Global;
use crate::failure::{Exit, Failure};
use crate::history;
use crate::history::signing;
use crate::output;
use crate::run::begin::lock;
use crate::run::session::Session;
use crate::site::Site;

/// Keep what the last run changed: call this from a login that began after it.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  ssh admin@site sudo groundfast confirm     log in anew and keep the changes
  groundfast status                          how much time is left")]
pub struct Confirm {}

/// Runs the command.
///
/// # Errors
/// Exit 4 when this login does not prove that a new one works; 2 when no run waits.
pub async fn run(_: &Confirm, global: &Global) -> Result<Exit, Failure> {
    let session = Session::new(global, "confirm")?;
    let _lock = lock(&session)?;
    let past = history::awaiting(&session.runs)?.ok_or_else(|| {
        Failure::new(Exit::Usage, "no run waits to be confirmed").hint("`groundfast status` lists the runs")
    })?;
    let since = past.replay.awaiting.clone().ok_or_else(|| {
        Failure::new(Exit::Error, format!("run {} does not say since when it waits", past.name))
    })?;
    let by = proven(&since)?;
    engine::confirm(&past.directory).map_err(|error| {
        Failure::new(Exit::Error, format!("sealing run {}; it still waits", past.name)).because(&error)
    })?;
    if let Err(error) = host::disarm().await {
        output::say(&format!("⚠ the run is kept, but its guard could not be removed: {error}"));
    }
    let mut document = past.report.clone().unwrap_or_else(|| session.document());
    (document.outcome, document.result) = ("enforced".to_owned(), Value::Null);
    signing::keep_report(&session.global.data_dir, &past.directory, &document)?;
    Site::open(&session, &past.request)?.forget_replaced(&session)?;
    let mut document = session.document();
    document.run = Some(past.name.clone());
    document.finished = jiff::Timestamp::now().to_string();
    let text = format!("✔ run {} is kept: this login over {by} began after it\n", past.name);
    output::result(global.output, &text, &document.json());
    Ok(Exit::Done)
}

/// The daemon through which this process was let in after that moment.
fn proven(since: &Moment) -> Result<String, Failure> {
    let refused = |what: &str| {
        Failure::new(Exit::Refused, what)
            .hint("keep this login open, log in anew over ssh or at the console, and call `groundfast confirm` there")
    };
    let login = host::this_login();
    let login =
        login.map_err(|error| Failure::new(Exit::Error, "telling when this login began").because(&error))?;
    match login {
        None => Err(refused(
            "this was called from no login that can be seen, so it does not prove that one works",
        )),
        Some(login) if login.since.is_after(since) => Ok(login.by),
        Some(_) => Err(refused(
            "this login began before the run was done, so it does not prove that a new one works",
        )),
    }
}
