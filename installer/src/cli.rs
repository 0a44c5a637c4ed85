//! The command line, declared once: help, man pages and completions are generated from it.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::commands;

/// From one signed file and a bare Linux machine to a hardened, running, provably unmodified site.
#[derive(Debug, Parser)]
#[command(name = "groundfast", version, propagate_version = true, max_term_width = 110)]
pub struct Cli {
    #[command(flatten)]
    pub global: Global,
    #[command(subcommand)]
    pub command: Command,
}

/// How the result is printed on stdout.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    #[default]
    Text,
    /// One JSON document.
    Json,
}

/// Flags that mean the same everywhere.
#[derive(Debug, Args)]
pub struct Global {
    /// How the result is printed on stdout.
    #[arg(long, global = true, value_enum, default_value_t, env = "GROUNDFAST_OUTPUT")]
    pub output: Format,
    /// Where Groundfast keeps its state on this machine.
    #[arg(
        long,
        global = true,
        value_name = "DIR",
        default_value = "/var/lib/groundfast",
        env = "GROUNDFAST_DATA_DIR"
    )]
    pub data_dir: PathBuf,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// The decision point: serve a pinned policy, ask its health, name its digest.
    #[command(subcommand)]
    Policy(commands::policy::Action),
}
