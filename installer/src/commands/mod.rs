//! One file a command: read the arguments, call the crate that does the work, render what comes back.

pub mod policy;

use crate::cli::{Cli, Command};
use crate::failure::{Exit, Failure};

/// Runs the command.
///
/// # Errors
/// With the exit code and everything the operator should read.
pub fn run(cli: Cli) -> Result<Exit, Failure> {
    let format = cli.global.output;
    match cli.command {
        Command::Policy(action) => policy::run(action, format),
    }
}
