//! `groundfast key …`: the keys that sign bundles.

use std::path::PathBuf;

use clap::Subcommand;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use crate::cli::Global;
use crate::commands::bundle::failed;
use crate::failure::{Exit, Failure};
use crate::{output, passphrase};

/// What can be done with keys.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Make an ECDSA P-256 key in cosign's form, and a first root of trust in which it holds every role.
    #[command(after_help = "Examples:
  groundfast key generate
  groundfast key generate --output-key-prefix release/acme --passphrase-file pass.txt
  groundfast key generate --existing cosign.key")]
    Generate {
        /// Writes PREFIX.key (0600) and PREFIX.pub, and root.json beside them.
        #[arg(long, value_name = "PREFIX", default_value = "cosign")]
        output_key_prefix: PathBuf,
        /// Make the root of trust for this private key, which cosign made, instead of a new key.
        #[arg(long, value_name = "KEY")]
        existing: Option<PathBuf>,
        /// Read the passphrase from this file; else from GROUNDFAST_PASSPHRASE, COSIGN_PASSWORD or the terminal.
        #[arg(long, value_name = "FILE")]
        passphrase_file: Option<PathBuf>,
        /// How many days the root of trust holds.
        #[arg(long, value_name = "DAYS", default_value_t = 1825, value_parser = clap::value_parser!(i64).range(1..=36500))]
        root_days: i64,
    },
}

/// Runs the command.
///
/// # Errors
/// With the exit code and everything the operator should read.
pub fn run(verb: Verb, global: &Global) -> Result<Exit, Failure> {
    let Verb::Generate { output_key_prefix, existing, passphrase_file, root_days } = verb;
    let started = Timestamp::now();
    let secret = passphrase::get(passphrase_file.as_deref(), existing.is_none())?;
    let expires = started + SignedDuration::from_hours(24 * root_days);
    let made = match &existing {
        Some(key) => bundle::adopt(key, &output_key_prefix, &secret, expires),
        None => bundle::generate(&output_key_prefix, &secret, expires),
    };
    let made = made.map_err(|error| failed("cannot make the key", &error))?;
    let text = format!(
        "private key    {}\npublic key     {}\nroot of trust  {} (until {})\nkey hint       {}",
        made.private.display(),
        made.public.display(),
        made.root.display(),
        expires.strftime("%Y-%m-%d"),
        made.hint
    );
    let result = json!({
        "private": made.private, "public": made.public, "root": made.root, "hint": made.hint, "expires": expires,
    });
    output::result(global.output, &text, &super::bundle::document("key generate", started, result));
    Ok(Exit::Done)
}
