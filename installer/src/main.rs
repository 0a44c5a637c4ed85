//! The one binary: command line, wiring, rendering, exit codes. Nothing is decided here.

#![allow(unreachable_pub, reason = "in a binary, `pub` says: for the other modules")]

mod answers;
mod cli;
mod commands;
mod failure;
mod history;
mod output;
mod parse;
mod run;
mod site;

use std::process::ExitCode;

use cli::FailOn;
use failure::Exit;
use output::document::Document;

fn main() -> ExitCode {
    let blank = Document::new(&parse::asked_command(), &host::name(), &jiff::Timestamp::now().to_string());
    let cli = match parse::parsed() {
        Ok(cli) => cli,
        Err(error) => return output::usage(&error, parse::asked_format(), blank).into(),
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
