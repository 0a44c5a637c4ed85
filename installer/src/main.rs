//! The one binary: command line, wiring, rendering, exit codes. Nothing is decided here.

mod cli;
mod commands;
mod engine_stream;
mod failure;
mod output;
mod passphrase;
mod progress;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    let format = cli.global.output;
    match commands::run(cli) {
        Ok(code) => code.into(),
        Err(failure) => {
            output::failure(&failure, format);
            failure.exit().into()
        }
    }
}
