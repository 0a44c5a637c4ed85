//! The one binary: command line, wiring, rendering, exit codes. Nothing is decided here.

#![allow(unreachable_pub, reason = "in a binary, `pub` says: for the other modules")]

mod answers;
mod cli;
mod commands;
mod failure;
mod history;
mod output;
mod run;
mod site;

use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches};

use cli::FailOn;
use failure::Exit;
use output::document::Document;

fn main() -> ExitCode {
    let blank = Document::new(&cli::asked_command(), &host::name(), &jiff::Timestamp::now().to_string());
    let declared = cli::Cli::command().color(cli::asked_color().into());
    let parsed = declared.try_get_matches().and_then(|matches| cli::Cli::from_arg_matches(&matches));
    let cli = match parsed {
        Ok(cli) => cli,
        Err(error) => return output::usage(&error, cli::asked_format(), blank).into(),
    };
    let (format, fail_on) = (cli.global.output, cli.global.fail_on);
    output::voice::set(&cli.global);
    match commands::run(cli) {
        Ok(Exit::Done) if output::is_lost() => Exit::Error.into(),
        Ok(Exit::Done) if fail_on == FailOn::Warn && output::has_warned() => Exit::Findings.into(),
        Ok(code) => code.into(),
        Err(failure) => {
            output::failure(&failure, format, blank);
            failure.exit().into()
        }
    }
}
