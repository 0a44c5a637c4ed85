//! Signing records, and believing them.

use bundle::Refusal;
use bundle::dsse;
use bundle::intoto::{self, Attested};
use bundle::keys::{PublicKey, Signer};
use serde_json::Value;

use crate::authority::{Authority, Holder};
use crate::error::RecordError;
use crate::record::{Kind, Record};

/// Signs a record and returns the Sigstore bundle.
///
/// # Errors
/// When the record makes no sense by itself, or the key cannot sign.
pub fn sign(record: &Record, signer: &dyn Signer) -> Result<Vec<u8>, RecordError> {
    record.check()?;
    let (name, subject) = record.subject();
    let payload = intoto::encode(&name, &subject, record.kind().predicate_type(), record);
    dsse::sign(&payload, signer).map_err(|error| RecordError::Key(error.to_string()))
}

/// A record that nobody has reason to believe yet.
#[derive(Debug)]
pub struct Sealed(dsse::Signed);

/// A record whose signature was found valid for somebody who may sign its kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signed {
    /// What it says.
    pub record: Record,
    /// The hint of the key.
    pub key: String,
}

impl Sealed {
    /// Reads a Sigstore bundle. Nothing in it is authentic yet.
    ///
    /// # Errors
    /// When it is no bundle with one DSSE signature.
    pub fn read(bytes: &[u8]) -> Result<Self, RecordError> {
        Ok(Self(dsse::Signed::parse(bytes)?))
    }

    /// What it claims to say; for naming it in a complaint only.
    pub fn claims(&self) -> Option<Record> {
        parse(self.0.unchecked_payload()).ok()
    }

    /// What it says, once a key of somebody who may sign its kind was found under it.
    ///
    /// # Errors
    /// Every reason for which it does not count, but time and place: those are [`Record::standing`].
    pub fn open(&self, authority: &Authority) -> Result<Signed, RecordError> {
        // The kind picks the keys before the signature is checked; it is read from the bytes that are then checked.
        let (kind, _) = kind_of(self.0.unchecked_payload())?;
        let holders = authority.of(kind.role());
        let keys: Vec<PublicKey> = holders.iter().map(|holder| holder.key.clone()).collect();
        let payload = self.0.authentic(&keys).map_err(|refusal| explained(refusal, kind, holders))?;
        let record = parse(payload)?;
        let key = self.0.hint().to_owned();
        let mut own = holders.iter().filter(|holder| holder.key.hint() == key);
        let fits = |holder: &Holder| holder.name.as_ref().is_none_or(|name| record.is_signed_by(name));
        if own.clone().any(fits) {
            return Ok(Signed { record, key });
        }
        let holder = own.next().and_then(|holder| holder.name.clone()).unwrap_or_default();
        Err(RecordError::NotTheSigner { claimed: record.signer().to_owned(), holder })
    }
}

fn kind_of(payload: &[u8]) -> Result<(Kind, Attested<Value>), RecordError> {
    let attested: Attested<Value> = intoto::parse(payload)?;
    let kind = Kind::ALL.into_iter().find(|kind| kind.predicate_type() == attested.predicate_type);
    let kind = kind.ok_or_else(|| RecordError::Kind(attested.predicate_type.escape_debug().to_string()))?;
    Ok((kind, attested))
}

fn parse(payload: &[u8]) -> Result<Record, RecordError> {
    let (kind, attested) = kind_of(payload)?;
    let record = Record::read(kind, attested.predicate)?;
    record.check()?;
    let (name, digest) = record.subject();
    if attested.subject != digest {
        return Err(RecordError::Subject(format!("`{name}`, which it speaks of")));
    }
    Ok(record)
}

/// The refusal in words that fit a record.
fn explained(refusal: Refusal, kind: Kind, holders: &[Holder]) -> RecordError {
    match refusal {
        Refusal::UnknownKey { hint, .. } => {
            let show = |holder: &Holder| match &holder.name {
                Some(name) => format!("{name} with {}", holder.key.hint()),
                None => holder.key.hint(),
            };
            let trusted = holders.iter().map(show).collect::<Vec<_>>().join(", ");
            let trusted = if trusted.is_empty() { "nobody".to_owned() } else { trusted };
            RecordError::Stranger { hint: hint.escape_debug().to_string(), role: kind.role().name(), trusted }
        }
        Refusal::BadSignature(hint) => RecordError::BadSignature(hint),
        other => RecordError::Form(other),
    }
}
