//! What this site signs itself: the reports of its runs, and the history of its drift checks.
//!
//! The signing key (ECDSA P-256) is made from the site key, so there is one file to guard and none to lose. A
//! signature is a Sigstore bundle like every other here, over an in-toto statement that names the digest of what is
//! signed. Its public half lies in `keys/report.pub`, for checking reports on another machine.

#![expect(clippy::disallowed_methods, reason = "the public key is kept beside the site key")]

use std::fs;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

use bundle::dsse::Signed;
use bundle::keys::{FileKey, PublicKey, Signer};
use bundle::{dsse, intoto};
use host::RunDir;
use model::Digest;
use secrets::SiteKey;
use serde_json::{Value, json};

use crate::failure::{Exit, Failure};
use crate::output::document::Document;

/// What is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// The report of a run.
    Report,
    /// The last entry of the history, and with it all before.
    History,
}

impl What {
    fn name(self) -> &'static str {
        match self {
            Self::Report => "report.json",
            Self::History => "drift.jsonl",
        }
    }

    fn predicate_type(self) -> &'static str {
        match self {
            Self::Report => "urn:groundfast:report:v1",
            Self::History => "urn:groundfast:history:v1",
        }
    }
}

/// The name of the signature beside a report.
pub const REPORT: &str = "report.sigstore.json";

/// The key that signs reports here, made when there is none yet.
///
/// # Errors
/// When the site key cannot be made or is not safe to use.
pub fn key(data: &Path) -> Result<FileKey, Failure> {
    let folder = data.join("keys");
    let using = || Failure::new(Exit::Error, format!("using the site's key in {}", folder.display()));
    let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(&folder);
    made.map_err(|error| using().because(&error))?;
    let site = SiteKey::load_or_make(&folder).map_err(|error| using().because(&error))?;
    let key = of(&site)?;
    let public = folder.join("report.pub");
    let text = key.public_key().to_pem();
    if fs::read_to_string(&public).ok().as_ref() != Some(&text) {
        fs::write(&public, text).map_err(|error| using().because(&error))?;
    }
    Ok(key)
}

/// The public half of the key of this site.
///
/// # Errors
/// Exit 4 when the site has no key, so that nothing here can have been signed.
pub fn public(data: &Path) -> Result<PublicKey, Failure> {
    let folder = data.join("keys");
    let using = || Failure::new(Exit::Refused, format!("using the site's key in {}", folder.display()));
    let site = SiteKey::load(&folder).map_err(|error| using().because(&error))?;
    let site =
        site.ok_or_else(|| using().hint("there is none: name the public key of the site with --key"))?;
    Ok(of(&site)?.public_key().clone())
}

fn of(site: &SiteKey) -> Result<FileKey, Failure> {
    FileKey::from_seed(&site.seed("report signing"))
        .map_err(|error| Failure::new(Exit::Error, "making the key that signs reports").because(&error))
}

/// Signs a digest.
///
/// # Errors
/// When the key does not sign.
pub fn sign(what: What, digest: &Digest, key: &FileKey) -> Result<Vec<u8>, Failure> {
    let payload = intoto::encode(what.name(), digest, what.predicate_type(), &json!({}));
    dsse::sign(&payload, key)
        .map_err(|error| Failure::new(Exit::Error, format!("signing {}", what.name())).because(&error))
}

/// The digest that a signature vouches for.
///
/// # Errors
/// Exit 4 when it is none of this key, or of something else.
pub fn vouched(what: What, signature: &[u8], key: &PublicKey) -> Result<Digest, Failure> {
    let refused = || Failure::new(Exit::Refused, format!("the signature of {} is not valid", what.name()));
    let signed = Signed::parse(signature).map_err(|refusal| refused().because(&refusal))?;
    let keys = std::slice::from_ref(key);
    let payload = signed.authentic(keys).map_err(|refusal| refused().because(&refusal))?;
    let statement = intoto::parse::<Value>(payload).map_err(|refusal| refused().because(&refusal))?;
    if statement.predicate_type != what.predicate_type() {
        return Err(refused().hint(format!("it signs a `{}`", statement.predicate_type)));
    }
    Ok(statement.subject)
}

/// Stores the report of a run, with its signature beside it.
///
/// # Errors
/// When it cannot be written or signed.
pub fn keep_report(data: &Path, directory: &RunDir, document: &Document) -> Result<(), Failure> {
    let signing =
        |error: &dyn std::error::Error| Failure::new(Exit::Error, "signing the report").because(error);
    directory.write("report.json", document)?;
    let bytes = fs::read(directory.path().join("report.json")).map_err(|error| signing(&error))?;
    let signature = sign(What::Report, &bundle::digest(&bytes), &key(data)?)?;
    let signature: Value = serde_json::from_slice(&signature).map_err(|error| signing(&error))?;
    Ok(directory.write(REPORT, &signature)?)
}
