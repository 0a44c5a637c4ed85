//! The signed records that a site has, and what becomes of them: which count here today, and why others do not.
//!
//! Records lie below `trust/records` of the data directory, and wherever flags and answers say. One that does not
//! count is never silently left out: it is told beside the finding that it would have covered, else on stderr.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use bundle::{RecordRole, Trust};
use engine::Context;
use jiff::Timestamp;
use model::{Attestation, ControlId, Waiver};
use records::{AcceptedDrift, Authority, Holder, Record, Sealed, Signed, Standing};

use crate::answers::Answers;
use crate::commands::bundle::failed;
use crate::failure::{Exit, Failure};
use crate::output;

/// The largest record read, in bytes.
const MAX: u64 = 1 << 20;

/// A record that somebody who may signed.
#[derive(Clone, Debug)]
pub struct Filed {
    pub path: PathBuf,
    pub signed: Signed,
}

/// A file that holds no record that counts.
#[derive(Clone, Debug)]
pub struct Refused {
    pub path: PathBuf,
    pub why: String,
    /// What it claims to be; not authentic.
    pub claims: Option<Record>,
}

/// Every record that the site has.
#[derive(Clone, Debug, Default)]
pub struct Shelf {
    pub filed: Vec<Filed>,
    pub refused: Vec<Refused>,
}

/// Where records are kept below a data directory.
pub fn place(data: &Path) -> PathBuf {
    data.join("trust").join("records")
}

/// The present day in UTC, `YYYY-MM-DD`.
pub fn today() -> String {
    Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date().to_string()
}

impl Shelf {
    /// Reads the records in the data directory and wherever the answers say.
    ///
    /// # Errors
    /// When the keys that the answers name cannot be used.
    pub fn open(data: &Path, answers: &Answers) -> Result<Self, Failure> {
        let own = place(data);
        let mut files = Vec::new();
        let mut shelf = Self::default();
        for path in own.exists().then_some(&own).into_iter().chain(&answers.records.paths) {
            match files_in(path) {
                Ok(found) => files.extend(found),
                Err(error) => {
                    let why = format!("it cannot be read: {error}");
                    shelf.refused.push(Refused { path: path.clone(), why, claims: None });
                }
            }
        }
        if files.is_empty() {
            return Ok(shelf);
        }
        let authority = authority(data, answers)?;
        files.iter().for_each(|path| shelf.take(path, &authority));
        Ok(shelf)
    }

    /// Reads one file.
    pub fn take(&mut self, path: &Path, authority: &Authority) {
        let path = path.to_owned();
        let refused = |why: String, claims| Refused { path: path.clone(), why, claims };
        let sealed = match read(&path) {
            Ok(bytes) => Sealed::read(&bytes),
            Err(error) => return self.refused.push(refused(format!("it cannot be read: {error}"), None)),
        };
        match sealed {
            Err(error) => self.refused.push(refused(error.to_string(), None)),
            Ok(sealed) => match sealed.open(authority) {
                Ok(signed) => self.filed.push(Filed { path, signed }),
                Err(error) => self.refused.push(refused(error.to_string(), sealed.claims())),
            },
        }
    }

    /// What the records mean for verdicts on this host on this day.
    pub fn context(&self, host: &str, today: &str) -> Context {
        let mut context = Context { today: today.to_owned(), ..Context::default() };
        for Filed { path, signed } in &self.filed {
            if let Standing::Elsewhere { scope } = signed.record.standing(host, today) {
                let note = format!("the record {} is for {}", path.display(), scope.join(", "));
                context.note(&signed.record, note);
                continue;
            }
            match &signed.record {
                Record::Waiver(waiver) => context.waivers.push(waiver_of(waiver, &signed.key)),
                Record::Attestation(one) => context.attestations.push(attestation_of(one, &signed.key)),
                Record::AcceptedDrift(_) | Record::PlanApproval(_) => {}
            }
        }
        for Refused { path, why, claims } in &self.refused {
            let note = format!("the record {} does not count: {why}", path.display());
            match claims {
                Some(record) => context.note(record, note),
                None => output::say(&format!("⚠ {note}")),
            }
        }
        context
    }

    /// The changes that were accepted on this host, oldest first, each with the file that says so.
    pub fn accepted(&self, host: &str) -> Vec<(&Path, &AcceptedDrift)> {
        let accepted = self.filed.iter().filter_map(|filed| match &filed.signed.record {
            Record::AcceptedDrift(accepted) if accepted.host == host => {
                Some((filed.path.as_path(), accepted))
            }
            _ => None,
        });
        let mut accepted: Vec<_> = accepted.collect();
        accepted.sort_by_key(|(_, accepted)| accepted.at);
        accepted
    }
}

/// Takes a note about a record where a finding of its control will show it.
trait Notes {
    fn note(&mut self, record: &Record, note: String);
}

impl Notes for Context {
    fn note(&mut self, record: &Record, note: String) {
        if let Record::Waiver(_) | Record::Attestation(_) = record
            && let Some(control) = record.control()
        {
            self.notes.entry(ControlId::new(control)).or_default().push(note);
        }
    }
}

fn waiver_of(waiver: &records::Waiver, key: &str) -> Waiver {
    Waiver {
        control: ControlId::new(&waiver.control),
        reason: waiver.reason.clone(),
        owner: waiver.owner.clone(),
        ticket: Some(waiver.ticket.clone()),
        approver: Some(waiver.approver.clone()),
        expires: waiver.expires.clone(),
        signed_by: Some(key.to_owned()),
    }
}

fn attestation_of(attestation: &records::Attestation, key: &str) -> Attestation {
    Attestation {
        control: ControlId::new(&attestation.control),
        statement: attestation.statement.clone(),
        by: attestation.by.clone(),
        evidence: attestation.evidence,
        expires: attestation.expires.clone(),
        signed_by: key.to_owned(),
    }
}

/// Who may sign here: whom the answers name for a role, else whom the root of trust does.
///
/// # Errors
/// When a key or the root that is named cannot be used.
pub fn authority(data: &Path, answers: &Answers) -> Result<Authority, Failure> {
    let mut authority = Authority::default();
    let roles = [
        (RecordRole::Waivers, &answers.records.waivers),
        (RecordRole::Approvals, &answers.records.approvals),
    ];
    for (role, named) in roles {
        for (name, path) in named {
            let key = bundle::open_public_key(path).map_err(|error| {
                failed(&format!("cannot use the public key of {name}, {}", path.display()), &error)
            })?;
            authority.admit(role, Holder { name: Some(name.clone()), key });
        }
        if named.is_empty() {
            for key in of_root(data, answers, role)? {
                authority.admit(role, Holder { name: None, key });
            }
        }
    }
    Ok(authority)
}

/// Whom the site trusts for releases names who signs records; a site that trusts nobody yet lets nobody sign.
fn of_root(
    data: &Path,
    answers: &Answers,
    role: RecordRole,
) -> Result<Vec<bundle::keys::PublicKey>, Failure> {
    let own = data.join("trust");
    let trust = match (&answers.bundle.key, &answers.bundle.trust) {
        (Some(key), _) => Trust::key_file(key),
        (None, Some(dir)) => Trust::dir(dir),
        (None, None) if own.join("root.json").exists() => Trust::dir(&own),
        (None, None) => return Ok(Vec::new()),
    };
    let trust = trust.map_err(|error| failed("cannot tell who may sign records here", &error))?;
    Ok(trust.record_keys(role, Timestamp::now()).unwrap_or_else(|refusal| {
        output::say(&format!("⚠ nobody may sign for the role `{}` here: {refusal}", role.name()));
        Vec::new()
    }))
}

/// A file itself, or the records in a folder in order of their names.
fn files_in(path: &Path) -> io::Result<Vec<PathBuf>> {
    if !fs::metadata(path)?.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut files = Vec::new();
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        let named = entry.path().extension().is_some_and(|ending| ending == "json");
        if named && entry.file_type()?.is_file() {
            files.push(entry.path());
        }
    }
    files.sort();
    Ok(files)
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    if !fs::metadata(path)?.is_file() {
        return Err(io::Error::other("it is not a regular file"));
    }
    let mut bytes = Vec::new();
    File::open(path)?.take(MAX + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX {
        return Err(io::Error::other(format!("it is larger than {MAX} bytes")));
    }
    Ok(bytes)
}

/// Makes sure that flags name files that are there.
///
/// # Errors
/// Exit 2 when one is not.
pub fn given(paths: &[PathBuf]) -> Result<Vec<PathBuf>, Failure> {
    let absolute = |path: &PathBuf| {
        fs::canonicalize(path).map_err(|error| {
            Failure::new(Exit::Usage, format!("reading the records in {}", path.display())).because(&error)
        })
    };
    paths.iter().map(absolute).collect()
}
