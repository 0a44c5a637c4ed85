//! One file a command: read the arguments, call the crate that does the work, render what comes back.

use crate::cli::Cli;
use crate::failure::{Exit, Failure};

/// Runs the command.
///
/// # Errors
/// With the exit code and everything the operator should read.
pub fn run(cli: Cli) -> Result<Exit, Failure> {
    match cli.command {}
}
