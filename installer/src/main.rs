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

fn main() -> ExitCode {
    let cli = match parse::parsed() {
        Ok(cli) => cli,
        Err(error) => return output::usage(&error, parse::asked_format()).into(),
    };
    let format = cli.global.output;
    match commands::run(cli) {
        Ok(code) => code.into(),
        Err(failure) => {
            output::failure(&failure, format);
            failure.exit().into()
        }
    }
}
