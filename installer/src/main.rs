//! The one binary: command line, wiring, rendering, exit codes. Nothing is decided here.

#![allow(unreachable_pub, reason = "in a binary, `pub` says: for the other modules")]

mod access;
mod answers;
mod baseline;
mod boot;
mod causes;
mod cli;
mod commands;
mod confinement;
mod controls;
mod converge;
mod document;
mod engine_stream;
mod events;
mod failure;
mod guard;
mod history;
mod looks;
mod output;
mod passphrase;
mod planfile;
mod product;
mod progress;
mod second_person;
mod session;
mod shape;
mod shelf;
mod signing;
mod site;
mod tailoring;
mod within;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    let cli = match cli::Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return output::usage(&error, cli::asked_format()).into(),
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
