//! `groundfast key …`: the keys that sign bundles.

use std::path::PathBuf;

use bundle::{Delegated, RecordRole};
use clap::Subcommand;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use crate::answers::passphrase;
use crate::cli::Global;
use crate::commands::bundle::failed;
use crate::failure::{Exit, Failure};
use crate::output;

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
        /// A public key that may sign waivers, attestations and accepted drift, instead of the new key.
        #[arg(long, value_name = "PUB")]
        waivers_key: Vec<PathBuf>,
        /// A public key that may approve plans as the second person, instead of the new key.
        #[arg(long, value_name = "PUB")]
        approvals_key: Vec<PathBuf>,
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
    let Verb::Generate {
        output_key_prefix,
        existing,
        passphrase_file,
        waivers_key,
        approvals_key,
        root_days,
    } = verb;
    let delegated =
        delegated([(RecordRole::Waivers, &waivers_key), (RecordRole::Approvals, &approvals_key)])?;
    let started = Timestamp::now();
    let secret = passphrase::get(passphrase_file.as_deref(), existing.is_none())?;
    let expires = started + SignedDuration::from_hours(24 * root_days);
    let made = match &existing {
        Some(key) => bundle::adopt(key, &output_key_prefix, &secret, expires, &delegated),
        None => bundle::generate(&output_key_prefix, &secret, expires, &delegated),
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

/// Reads the keys of the roles that somebody else is to hold.
fn delegated(roles: [(RecordRole, &Vec<PathBuf>); 2]) -> Result<Delegated, Failure> {
    let mut delegated = Delegated::new();
    for (role, path) in roles.into_iter().flat_map(|(role, paths)| paths.iter().map(move |path| (role, path)))
    {
        let key = bundle::open_public_key(path)
            .map_err(|error| failed(&format!("cannot use the public key {}", path.display()), &error))?;
        delegated.entry(role).or_default().push(key);
    }
    Ok(delegated)
}
