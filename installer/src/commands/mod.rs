//! One file a command: read the arguments, call the crate that does the work, render what comes back.

pub mod bundle;
pub mod key;

use crate::cli::{Cli, Command};
use crate::failure::{Exit, Failure};

/// Runs the command.
///
/// # Errors
/// With the exit code and everything the operator should read.
pub fn run(cli: Cli) -> Result<Exit, Failure> {
    match cli.command {
        Command::Bundle(verb) => bundle::run(verb, &cli.global),
        Command::Key(verb) => key::run(verb, &cli.global),
    }
}
