//! What the commands about signed records share: signing, verifying, placing, listing.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use clap::Args;
use jiff::Timestamp;
use records::{Kind, Record, Signed, Standing};
use serde_json::{Value, json};

use super::bundle::{document, failed};
use crate::answers::Answers;
use crate::answers::passphrase;
use crate::cli::{Format, Global};
use crate::failure::{Exit, Failure};
use crate::output;
use crate::site::shelf::{self, Filed, Refused, Shelf};

/// The key that signs.
#[derive(Debug, Args)]
pub struct Signing {
    /// The private key that signs, in cosign's form.
    #[arg(long, value_name = "KEY")]
    pub key: PathBuf,
    /// Read the passphrase from this file; else from GROUNDFAST_PASSPHRASE, COSIGN_PASSWORD or the terminal.
    #[arg(long, value_name = "FILE")]
    pub passphrase_file: Option<PathBuf>,
}

/// Whom to believe.
#[derive(Debug, Args)]
pub struct Believing {
    /// Answers with a `[records]` section that names who may sign.
    #[arg(long, value_name = "FILE")]
    answers: Option<PathBuf>,
    /// Believe this public key alone.
    #[arg(long, value_name = "PUB", conflicts_with_all = ["trust", "answers"])]
    key: Option<PathBuf>,
    /// Believe whom the root.json in this directory names; without any, the one below --data-dir.
    #[arg(long, value_name = "DIR", conflicts_with = "answers")]
    trust: Option<PathBuf>,
}

/// Arguments of `… list`.
#[derive(Debug, Args)]
pub struct List {
    /// Further records besides those in the data directory: files, or folders of files.
    #[arg(long, value_name = "FILE|DIR")]
    waivers: Vec<PathBuf>,
    #[command(flatten)]
    believing: Believing,
}

/// Arguments of `… verify` and `… import`.
#[derive(Debug, Args)]
pub struct Files {
    /// The records.
    #[arg(required = true)]
    files: Vec<PathBuf>,
    #[command(flatten)]
    believing: Believing,
}

impl Signing {
    /// Signs a record with the operator's key.
    ///
    /// # Errors
    /// Exit 2 when the record makes no sense, 1 when the key does not open.
    pub fn sign(&self, record: &Record) -> Result<Vec<u8>, Failure> {
        let what = record.kind().name();
        // What cannot be signed anyway needs no passphrase.
        record.check().map_err(|error| {
            Failure::new(Exit::Usage, format!("signing the {what}; nothing was written")).because(&error)
        })?;
        let secret = passphrase::get(self.passphrase_file.as_deref(), false)?;
        let key = bundle::open_key(&self.key, &secret)
            .map_err(|error| failed(&format!("cannot use the key {}", self.key.display()), &error))?;
        records::sign(record, &key)
            .map_err(|error| Failure::new(Exit::Error, format!("signing the {what}")).because(&error))
    }
}

impl Believing {
    fn answers(&self) -> Result<Answers, Failure> {
        let mut answers = match &self.answers {
            Some(path) => Answers::load(path, &[])?,
            None => Answers { version: 1, ..Answers::default() },
        };
        answers.bundle.key = self.key.clone().or(answers.bundle.key);
        answers.bundle.trust = self.trust.clone().or(answers.bundle.trust);
        Ok(answers)
    }
}

/// Writes a signed record to a new file of the operator's choice and says so.
///
/// # Errors
/// When the file is there already, or cannot be written.
pub fn write(
    global: &Global,
    command: &str,
    out: &Path,
    record: &Record,
    bytes: &[u8],
) -> Result<Exit, Failure> {
    let started = Timestamp::now();
    write_new(out, bytes)?;
    let text = format!("wrote {}: {}", out.display(), sentence(record));
    let result = json!({ "file": out, "kind": record.kind().name(), "record": record });
    output::result(global.output, &text, &document(command, started, result));
    Ok(Exit::Done)
}

fn write_new(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let written = || {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
        file.write_all(bytes)?;
        file.sync_all()
    };
    written().map_err(|error: std::io::Error| {
        Failure::new(Exit::Error, format!("writing the record {}", path.display())).because(&error)
    })
}

/// Keeps a record below the data directory, readable by its owner only; once, however often it is given.
///
/// # Errors
/// When it cannot be written.
pub fn keep(data: &Path, record: &Record, bytes: &[u8]) -> Result<PathBuf, Failure> {
    let folder = shelf::place(data);
    let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(&folder);
    made.map_err(|error| Failure::new(Exit::Error, format!("making {}", folder.display())).because(&error))?;
    let name = format!("{}-{}.json", record.kind().name(), &bundle::digest(bytes).hex()[..16]);
    let path = folder.join(name);
    if fs::read(&path).is_ok_and(|there| there == bytes) {
        return Ok(path);
    }
    write_new(&path, bytes)?;
    Ok(path)
}

/// Opens records that must all be believed.
///
/// # Errors
/// Exit 4 with the first that is not.
fn believed(files: &Files, global: &Global) -> Result<Vec<Filed>, Failure> {
    let authority = shelf::authority(&global.data_dir, &files.believing.answers()?)?;
    let mut shelf = Shelf::default();
    files.files.iter().for_each(|path| shelf.take(path, &authority));
    match shelf.refused.first() {
        None => Ok(shelf.filed),
        Some(Refused { path, why, .. }) => {
            Err(Failure::new(Exit::Refused, format!("the record {} does not count: {why}", path.display()))
                .hint("name who may sign: --key PUB, --trust DIR, or `[records]` in --answers FILE"))
        }
    }
}

/// Runs `… verify`: a record that would not count here today is refused.
///
/// # Errors
/// Exit 4 when a signature, a day or a host does not fit.
pub fn verify(files: &Files, global: &Global, command: &str) -> Result<Exit, Failure> {
    let started = Timestamp::now();
    let filed = believed(files, global)?;
    let (host, today) = (host::name(), shelf::today());
    for Filed { path, signed } in &filed {
        let refused =
            |why: String| Failure::new(Exit::Refused, format!("the record {} {why}", path.display()));
        match signed.record.standing(&host, &today) {
            Standing::Holds { .. } => {}
            Standing::Expired { on } => return Err(refused(format!("expired on {on}"))),
            Standing::Elsewhere { scope } => {
                return Err(refused(format!("is for {}, this is {host}", scope.join(", "))));
            }
        }
    }
    done(global, command, started, &filed, "verified")
}

/// Runs `… import`: records that are believed are kept below the data directory.
///
/// # Errors
/// Exit 4 when one is not believed; then none is kept.
pub fn import(files: &Files, global: &Global, command: &str) -> Result<Exit, Failure> {
    let started = Timestamp::now();
    let mut kept = Vec::new();
    for Filed { path, signed } in believed(files, global)? {
        let bytes = fs::read(&path).map_err(|error| {
            Failure::new(Exit::Error, format!("reading {}", path.display())).because(&error)
        })?;
        kept.push(Filed { path: keep(&global.data_dir, &signed.record, &bytes)?, signed });
    }
    done(global, command, started, &kept, "kept")
}

fn done(
    global: &Global,
    command: &str,
    started: Timestamp,
    filed: &[Filed],
    what: &str,
) -> Result<Exit, Failure> {
    let line = |one: &Filed| format!("{what} {}: {}\n", one.path.display(), sentence(&one.signed.record));
    let rows: Vec<_> = filed.iter().map(|one| row(&one.path, &one.signed)).collect();
    let text: String = filed.iter().map(line).collect();
    output::result(global.output, &text, &document(command, started, json!({ "records": rows })));
    Ok(Exit::Done)
}

/// Prints the JSON Schema of what records say.
pub fn schema() -> Exit {
    output::result(Format::Json, "", &records::schema());
    Exit::Done
}

/// The shelf that `… list` shows, with the answers it was read by.
///
/// # Errors
/// When answers, keys or paths cannot be used.
pub fn listed(list: &List, global: &Global) -> Result<(Shelf, Answers), Failure> {
    let mut answers = list.believing.answers()?;
    answers.records.paths.extend(shelf::given(&list.waivers)?);
    Ok((Shelf::open(&global.data_dir, &answers)?, answers))
}

/// The records of one kind as JSON: those that count, those that do not, and damaged files, which could be any kind.
pub fn rows(shelf: &Shelf, kind: Kind) -> Vec<Value> {
    let filed = shelf.filed.iter().filter(|one| one.signed.record.kind() == kind);
    let mut rows: Vec<Value> = filed.map(|one| row(&one.path, &one.signed)).collect();
    for Refused { path, why, claims } in &shelf.refused {
        if claims.as_ref().is_none_or(|record| record.kind() == kind) {
            let control = claims.as_ref().and_then(Record::control);
            rows.push(
                json!({ "file": path, "signed": true, "state": "refused", "why": why, "control": control }),
            );
        }
    }
    rows
}

fn row(path: &Path, signed: &Signed) -> Value {
    let record = &signed.record;
    let (state, why, days) = match record.standing(&host::name(), &shelf::today()) {
        Standing::Holds { days_left } => ("holds", None, days_left),
        Standing::Expired { on } => ("expired", Some(format!("it expired on {on}")), None),
        Standing::Elsewhere { scope } => ("elsewhere", Some(format!("it is for {}", scope.join(", "))), None),
    };
    let mut row = serde_json::to_value(record).unwrap_or_default();
    row["kind"] = record.kind().name().into();
    row["file"] = path.display().to_string().into();
    row["signed"] = true.into();
    row["key"] = signed.key.clone().into();
    row["state"] = state.into();
    if let Some(why) = why {
        row["why"] = why.into();
    }
    row["daysLeft"] = days.into();
    row
}

/// A record in one line.
pub fn sentence(record: &Record) -> String {
    match record {
        Record::Waiver(one) => format!(
            "{} waived on {} until {} for {}, approved by {} ({})",
            one.control,
            one.scope.join(", "),
            one.expires,
            one.owner,
            one.approver,
            one.ticket
        ),
        Record::Attestation(one) => format!(
            "{} attested by {} on {} until {}: {}",
            one.control,
            one.by,
            one.scope.join(", "),
            one.expires,
            one.statement
        ),
        Record::AcceptedDrift(one) => {
            format!("the change of {} on {} accepted by {} ({})", one.control, one.host, one.by, one.ticket)
        }
        Record::PlanApproval(one) => {
            format!("plan {} on {} approved by {} until {}", one.plan, one.host, one.approver, one.expires)
        }
    }
}
