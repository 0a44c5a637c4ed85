//! The history of drift checks: what each found, kept below the data directory, chained and signed.

use std::collections::BTreeSet;
use std::path::Path;

use bundle::keys::PublicKey;
use host::{History, Kept};
use model::{Cause, ControlId, Finding, Severity, Summary, Verdict};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::failure::{Exit, Failure};
use crate::history::signing::{self, What};
use crate::output::document::Document;
use crate::run::begin::{lock, unwritable};
use crate::run::session::Session;

/// What one drift check found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Look {
    /// When it ended, RFC 3339 in UTC.
    pub at: String,
    /// The run that it was compared with.
    pub run: String,
    /// `passed` or `drifted`.
    pub outcome: String,
    /// How many findings came out with each verdict.
    pub summary: Summary,
    /// What failed or could not be checked.
    pub open: Vec<Open>,
}

/// Something that has moved, or could not be checked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Open {
    pub control: ControlId,
    pub verdict: Verdict,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<Cause>,
}

impl Look {
    /// What the document of a drift check says.
    pub fn of(document: &Document) -> Self {
        let open = document.findings.iter().filter(|finding| finding.verdict.is_finding());
        let open = open.map(|finding| Open {
            control: finding.control.clone(),
            verdict: finding.verdict,
            cause: finding.cause.clone(),
        });
        Self {
            at: document.finished.clone(),
            run: document.run.clone().unwrap_or_default(),
            outcome: document.outcome.clone(),
            summary: document.summary.clone(),
            open: open.collect(),
        }
    }

    /// What has moved since this look, and what has come back.
    pub fn compared(&self, now: &Look) -> Value {
        let ids = |look: &Look| look.open.iter().map(|open| open.control.clone()).collect::<BTreeSet<_>>();
        let (before, now) = (ids(self), ids(now));
        let new: Vec<_> = now.difference(&before).collect();
        let mended: Vec<_> = before.difference(&now).collect();
        json!({ "finished": self.at, "moved": new, "back": mended })
    }
}

/// Everything that the history holds, its chain and its signature checked. `key` is that of the site when absent.
///
/// # Errors
/// Exit 4 when it was changed since it was written.
pub fn all(data: &Path, key: Option<&PublicKey>) -> Result<Vec<Look>, Failure> {
    let kept = known(data, key)?;
    let read = |kept: &Kept| serde_json::from_value(kept.entry.clone());
    let looks: Result<Vec<Look>, _> = kept.iter().map(read).collect();
    looks.map_err(|error| altered(data).because(&error))
}

fn known(data: &Path, key: Option<&PublicKey>) -> Result<Vec<Kept>, Failure> {
    let history = History::new(data);
    let mut kept = history.entries().map_err(|error| altered(data).because(&error))?;
    let signature = history.signature().map_err(|error| altered(data).because(&error))?;
    let Some(signature) = signature else {
        // Power may have been lost between the first entry and its signature.
        let lost = || altered(data).hint("its signature, head.sigstore.json, is not there");
        return if kept.len() > 1 { Err(lost()) } else { Ok(Vec::new()) };
    };
    let own = if key.is_none() { Some(signing::public(data)?) } else { None };
    let Some(key) = key.or(own.as_ref()) else { return Ok(Vec::new()) };
    let digest = signing::vouched(What::History, &signature, key)?;
    let signed = kept.iter().position(|one| one.digest == digest);
    let signed =
        signed.ok_or_else(|| altered(data).hint("it does not hold the entry that was signed last"))?;
    if kept.len() > signed + 2 {
        return Err(altered(data).hint("it has entries behind the one that was signed last"));
    }
    kept.truncate(signed + 1);
    Ok(kept)
}

fn altered(data: &Path) -> Failure {
    let path = History::new(data).path();
    Failure::new(Exit::Refused, format!("the history of drift checks in {} was changed", path.display()))
}

/// Adds a look to the history.
///
/// # Errors
/// When the history was changed, another run is under way, or it cannot be written.
pub fn keep(session: &Session<'_>, look: &Look) -> Result<(), Failure> {
    let data = &session.global.data_dir;
    let _lock = lock(session)?;
    let known = known(data, None)?;
    let key = signing::key(data)?;
    let entry = serde_json::to_value(look)
        .map_err(|error| Failure::new(Exit::Error, "writing the history").because(&error))?;
    let sign = |digest: &model::Digest| signing::sign(What::History, digest, &key);
    History::new(data).append(known, &entry, sign)
}

impl From<host::RunsError> for Failure {
    fn from(error: host::RunsError) -> Self {
        unwritable(&error)
    }
}

/// The finding that the history itself was changed.
pub fn tampered(failure: &Failure) -> Finding {
    Finding {
        control: ControlId::new("history"),
        title: "The history of drift checks is as it was written".to_owned(),
        severity: Severity::High,
        verdict: Verdict::Fail,
        expected: "a chain of entries that ends with the one that was signed last".to_owned(),
        actual: failure.summary().to_owned(),
        evidence: failure
            .causes()
            .iter()
            .cloned()
            .chain(failure.next_step().map(ToOwned::to_owned))
            .collect(),
        refs: Vec::new(),
        remedy: false,
        mend: "find out who changed it; move the folder `history` away to begin anew".to_owned(),
        waiver: None,
        attestation: None,
        cause: None,
    }
}
