//! The in-toto Statement around everything that is signed here: releases, and the records of a site.

use std::collections::BTreeMap;

use model::Digest;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::json;
use crate::refusal::Refusal;

/// Type of a statement (in-toto attestation framework v1).
pub const STATEMENT_TYPE: &str = "https://in-toto.io/Statement/v1";
/// The same form under the older name that `cosign attest-blob` writes.
pub const STATEMENT_TYPE_OLD: &str = "https://in-toto.io/Statement/v0.1";

const WHAT: &str = "the signed statement";

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Document<P> {
    #[serde(rename = "_type")]
    kind: String,
    subject: Vec<Subject>,
    predicate_type: String,
    predicate: P,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Subject {
    name: String,
    digest: BTreeMap<String, String>,
}

/// What a statement says of its one subject.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attested<P> {
    /// Which version of the statement's form, such as [`STATEMENT_TYPE`].
    pub form: String,
    /// The digest of the subject.
    pub subject: Digest,
    /// What kind of predicate it is.
    pub predicate_type: String,
    /// The predicate.
    pub predicate: P,
}

/// The bytes to sign: one subject, one predicate.
pub fn encode<P: Serialize>(name: &str, subject: &Digest, predicate_type: &str, predicate: &P) -> Vec<u8> {
    let digest = BTreeMap::from([("sha256".to_owned(), subject.hex())]);
    crate::encode(&Document {
        kind: STATEMENT_TYPE.to_owned(),
        subject: vec![Subject { name: name.to_owned(), digest }],
        predicate_type: predicate_type.to_owned(),
        predicate,
    })
}

/// Reads a payload. Call it on authentic bytes, or for display only.
///
/// # Errors
/// [`Refusal::Document`] when it is ambiguous, of another form, or has not exactly one subject.
pub fn parse<P: DeserializeOwned>(payload: &[u8]) -> Result<Attested<P>, Refusal> {
    let document: Document<P> = json::parse(WHAT, payload)?;
    if ![STATEMENT_TYPE, STATEMENT_TYPE_OLD].contains(&document.kind.as_str()) {
        return Err(refuse(format!("its type is `{}`", document.kind)));
    }
    let [subject] = document.subject.as_slice() else {
        return Err(refuse(format!("it has {} subjects, expected one", document.subject.len())));
    };
    let hex =
        subject.digest.get("sha256").ok_or_else(|| refuse("its subject has no sha256 digest".into()))?;
    let subject = format!("sha256:{hex}").parse().map_err(|error| refuse(format!("{error}")))?;
    let Document { kind: form, predicate_type, predicate, .. } = document;
    Ok(Attested { form, subject, predicate_type, predicate })
}

pub(crate) fn refuse(reason: String) -> Refusal {
    Refusal::document(WHAT, reason)
}
