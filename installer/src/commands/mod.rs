//! One file a command: read the arguments, call the crate that does the work, render what comes back.

pub mod accept;
pub mod agent;
pub mod answers;
pub mod attest;
pub mod bundle;
pub mod confirm;
pub mod docs;
pub mod drift;
pub mod explain;
pub mod harden;
pub mod install;
pub mod key;
pub mod plan;
pub mod policy;
pub mod preflight;
pub mod profile;
pub mod record;
pub mod report;
pub mod report_verify;
pub mod resume;
pub mod rollback;
pub mod schedule;
pub mod status;
pub mod waiver;

use crate::cli::{Cli, Command};
use crate::failure::{Exit, Failure};

/// Runs the command.
///
/// # Errors
/// With the exit code and everything the operator should read.
pub fn run(cli: Cli) -> Result<Exit, Failure> {
    let global = &cli.global;
    match cli.command {
        Command::Agent(part) => agent::run(&part),
        Command::Answers(command) => answers::run(&command, global),
        Command::Attest(command) => attest::run(command, global),
        Command::Bundle(verb) => bundle::run(verb, global),
        Command::Completions(command) => docs::completions(&command),
        Command::Confirm(command) => wait(confirm::run(&command, global)),
        Command::Docs(command) => docs::run(&command),
        Command::Key(verb) => key::run(verb, global),
        Command::Plan(command) => plan::run(&command, global),
        Command::Policy(action) => policy::run(action, global.output),
        Command::Report(command) => report::run(&command, global),
        Command::Status(command) => wait(status::run(&command, global)),
        Command::Waiver(command) => waiver::run(command, global),
        Command::Drift(command) => wait(drift::run(&command, global)),
        Command::Explain(command) => wait(explain::run(&command, global)),
        Command::Install(command) => wait(install::run(&command, global)),
        Command::Harden(command) => wait(harden::run(&command, global)),
        Command::Profile(command) => wait(profile::run(&command, global)),
        Command::Preflight(command) => wait(preflight::run(&command, global)),
        Command::Recover(command) => wait(resume::recover(&command, global)),
        Command::Resume(command) => wait(resume::run(&command, global)),
        Command::Rollback(command) => wait(rollback::run(&command, global)),
    }
}

/// Runs a command that waits for things. One thread is enough: the work is waiting, and the walk has its own.
fn wait(work: impl Future<Output = Result<Exit, Failure>>) -> Result<Exit, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime =
        runtime.map_err(|error| Failure::new(Exit::Error, "starting the runtime").because(&error))?;
    runtime.block_on(work)
}
