//! The command line, declared once: help, man pages and completions are generated from it.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::answers::within::Within;
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
    /// Write the event stream as JSON Lines to this file, or to stdout with `-`.
    #[arg(long, global = true, value_name = "FILE")]
    pub events: Option<PathBuf>,
    /// Show no progress on stderr.
    #[arg(
        long,
        global = true,
        env = "GROUNDFAST_NO_PROGRESS",
        value_parser = clap::builder::FalseyValueParser::new()
    )]
    pub no_progress: bool,
}

/// How a plan is looked at, stored and approved.
#[derive(Clone, Debug, Default, Args)]
pub struct Approve {
    /// Show what would change, and stop.
    #[arg(long, alias = "dry-run")]
    pub plan: bool,
    /// Store the plan in this file, and stop.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["plan_in", "yes"])]
    pub plan_out: Option<PathBuf>,
    /// Enforce exactly the plan in this file; refused when the machine has moved since.
    #[arg(long, value_name = "FILE")]
    pub plan_in: Option<PathBuf>,
    /// The second person's signed approval of the plan, where the answers ask for one.
    #[arg(long, value_name = "FILE")]
    pub approval: Option<PathBuf>,
    /// Approve everything that can be taken back.
    #[arg(short, long)]
    pub yes: bool,
    /// Approve what cannot be taken back as well.
    #[arg(long)]
    pub accept_irreversible: bool,
    /// How long a run that may close a way in waits for `groundfast confirm` from a new login before it is taken
    /// back; 10min unless the answers say otherwise, 0 for no guard.
    #[arg(long, value_name = "TIME")]
    pub confirm_within: Option<Within>,
}

/// Which controls of a profile, and with which values.
#[derive(Clone, Debug, Default, Args)]
pub struct Select {
    /// Only these controls, by id or reference (`cis:5.1.7`).
    #[arg(long, value_name = "ID", num_args = 1.., value_delimiter = ',')]
    pub only: Vec<String>,
    /// Leave these controls out; they are reported as `notchecked`.
    #[arg(long, value_name = "ID", num_args = 1.., value_delimiter = ',', requires = "reason")]
    pub skip: Vec<String>,
    /// Why they are left out.
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
    /// Signed waivers and attestations: files, or folders of files.
    #[arg(long, value_name = "FILE|DIR")]
    pub waivers: Vec<PathBuf>,
    /// Set a variable of the profile (bare name) or an answer (by path), as `KEY=VALUE`.
    #[arg(long, value_name = "KEY=VALUE")]
    pub set: Vec<String>,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Play a part for another process of this program.
    #[command(subcommand, hide = true)]
    Agent(commands::agent::Agent),
    /// Sign, list and check people's word on controls that no machine can judge.
    #[command(subcommand)]
    Attest(commands::attest::Attest),
    /// Write, check and describe answer files.
    #[command(subcommand)]
    Answers(commands::answers::Answers),
    /// Make, verify and look into signed bundles.
    #[command(subcommand)]
    Bundle(commands::bundle::Verb),
    /// Print completions for a shell.
    Completions(commands::docs::Completions),
    /// Keep what the last run changed; call it from a login that began after that run.
    Confirm(commands::confirm::Confirm),
    /// Write the man pages and the JSON Schemas of every file format into a folder.
    Docs(commands::docs::Docs),
    /// Find what has moved since the last run.
    Drift(commands::drift::Drift),
    /// Say what a control asks, why, how it is judged and how it would be mended.
    Explain(commands::explain::Explain),
    /// Assess a hardening profile, show what would change, and enforce it once approved.
    Harden(commands::harden::Harden),
    /// Verify a bundle, check this machine, harden it, inject secrets, bring the product up.
    Install(commands::install::Install),
    /// Make the keys that sign bundles.
    #[command(subcommand)]
    Key(commands::key::Verb),
    /// Look at and approve plans that somebody else made.
    #[command(subcommand)]
    Plan(commands::plan::Plan),
    /// The decision point: serve a pinned policy, ask its health, name its digest.
    #[command(subcommand)]
    Policy(commands::policy::Action),
    /// Check whether this machine can carry the product, without changing anything.
    Preflight(commands::preflight::Preflight),
    /// List, show and check profiles.
    #[command(subcommand)]
    Profile(commands::profile::Profile),
    /// Write the report of a run in a format: a page, SARIF, JUnit, XCCDF, ARF, OSCAL and others.
    Report(commands::report::Report),
    /// Undo a run that was interrupted; `--boot` brings a site back after a start of the machine.
    Recover(commands::resume::Recover),
    /// Carry on with a run that was interrupted.
    Resume(commands::resume::Resume),
    /// Undo a finished run and every later one, newest first.
    Rollback(commands::rollback::Rollback),
    /// What was done on this machine, and what is going on.
    Status(commands::status::Status),
    /// Sign, list and check decisions to live with a failing control until a date.
    #[command(subcommand)]
    Waiver(commands::waiver::Waiver),
}
