//! `groundfast attest …`: a person's signed word that a control holds which no machine can judge.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use jiff::Timestamp;
use model::{Digest, Verdict};
use records::{Attestation, Kind, Record};
use serde_json::json;

use super::bundle::document;
use super::record::{self, Files, List, Signing};
use super::waiver::{Last, line};
use crate::cli::Global;
use crate::failure::{Exit, Failure};
use crate::output;
use crate::site::shelf;

/// The largest piece of evidence, in bytes.
const MAX: u64 = 64 << 20;

/// What can be done with attestations.
#[derive(Debug, Subcommand)]
pub enum Attest {
    /// Sign an attestation: a control that comes out as `notchecked` then passes, and says on whose word.
    #[command(after_help = "Examples:
  groundfast attest sign manual_rule --statement 'the rack is locked, the key is with the guard' --by carol \\
    --evidence photo.jpg --expires 2027-03-31 --key carol.key -o rack.attestation.json")]
    Sign(Sign),
    /// Show every attestation of this site.
    #[command(after_help = "Examples:
  groundfast attest list
  groundfast attest list --waivers /media/usb -o json | jq .result.records")]
    List(List),
    /// Check that signed attestations count here and today. Exit 4 when one does not.
    #[command(after_help = "Examples:
  groundfast attest verify rack.attestation.json --key carol.pub")]
    Verify(Files),
    /// Keep signed attestations below the data directory, where every command finds them.
    #[command(after_help = "Examples:
  groundfast attest import rack.attestation.json --answers answers.toml")]
    Import(Files),
}

/// Arguments of `attest sign`.
#[derive(Debug, Args)]
pub struct Sign {
    /// The control, by id.
    control: String,
    /// The hosts that it is for, by name; `*` for every host.
    #[arg(long, value_name = "HOST", num_args = 1.., value_delimiter = ',', default_value = "*")]
    scope: Vec<String>,
    /// What was seen.
    #[arg(long, value_name = "TEXT")]
    statement: String,
    /// Who says so, and signs.
    #[arg(long, value_name = "NAME")]
    by: String,
    /// A file that shows it; its digest is signed, the file stays where it is.
    #[arg(long, value_name = "FILE")]
    evidence: Option<PathBuf>,
    /// The last day it holds, YYYY-MM-DD.
    #[arg(long, value_name = "DATE")]
    expires: String,
    #[command(flatten)]
    signing: Signing,
    /// The file to write.
    #[arg(short = 'o', long = "output-file", value_name = "FILE")]
    out: PathBuf,
}

/// Runs the command.
///
/// # Errors
/// With the exit code and everything the operator should read.
pub fn run(command: Attest, global: &Global) -> Result<Exit, Failure> {
    match command {
        Attest::Sign(sign) => {
            let Sign { control, scope, statement, by, evidence, expires, signing, out } = sign;
            let evidence = evidence.as_deref().map(digest_of).transpose()?;
            let attestation = Attestation { control, scope, statement, by, evidence, expires };
            let record = Record::Attestation(attestation);
            record::write(global, "attest sign", &out, &record, &signing.sign(&record)?)
        }
        Attest::List(list) => self::list(&list, global),
        Attest::Verify(files) => record::verify(&files, global, "attest verify"),
        Attest::Import(files) => record::import(&files, global, "attest import"),
    }
}

fn digest_of(path: &Path) -> Result<Digest, Failure> {
    let reading = || Failure::new(Exit::Usage, format!("reading the evidence {}", path.display()));
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(MAX + 1).read_to_end(&mut bytes));
    read.map_err(|error| reading().because(&error))?;
    if bytes.len() as u64 > MAX {
        return Err(
            reading().hint("it is larger than 64 MiB: name a file that lists the digests of the parts")
        );
    }
    Ok(bundle::digest(&bytes))
}

fn list(list: &List, global: &Global) -> Result<Exit, Failure> {
    let started = Timestamp::now();
    let (shelf, _) = record::listed(list, global)?;
    let mut rows = record::rows(&shelf, Kind::Attestation);
    let last = Last::of(global)?;
    for row in &mut rows {
        let covers = last
            .finding(row)
            .map(|finding| finding.attestation.is_some() || finding.verdict == Verdict::Notchecked);
        row["covers"] = covers.into();
    }
    let mut text: String = rows.iter().map(line).collect();
    if rows.is_empty() {
        text = format!("no attestations (looked in {})\n", shelf::place(&global.data_dir).display());
    }
    output::result(global.output, &text, &document("attest list", started, json!({ "records": rows })));
    Ok(Exit::Done)
}
