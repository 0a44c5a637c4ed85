//! The signature: a Sigstore bundle v0.3 that holds a DSSE envelope (sigstore/protobuf-specs, secure-systems-lab/dsse).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use crate::json;
use crate::keys::{PublicKey, Signer};
use crate::refusal::Refusal;

/// Media type of the document.
pub const BUNDLE_TYPE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";
/// The other spelling of the same version, which older tools write.
const BUNDLE_TYPE_OLD: &str = "application/vnd.dev.sigstore.bundle+json;version=0.3";
/// The only payload accepted.
pub const PAYLOAD_TYPE: &str = "application/vnd.in-toto+json";

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    media_type: String,
    verification_material: Material,
    dsse_envelope: Envelope,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Material {
    public_key: Hint,
}

#[derive(Serialize, Deserialize)]
struct Hint {
    hint: String,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Envelope {
    payload: String,
    payload_type: String,
    signatures: Vec<Signature>,
}

#[derive(Serialize, Deserialize)]
struct Signature {
    sig: String,
}

/// A signed payload whose signature was not checked yet.
#[derive(Debug)]
pub struct Signed {
    hint: String,
    payload: Vec<u8>,
    signature: Vec<u8>,
}

/// The pre-authentication encoding of DSSE v1: what is really signed.
pub fn pae(payload_type: &str, payload: &[u8]) -> Vec<u8> {
    let mut bytes = format!("DSSEv1 {} {payload_type} {} ", payload_type.len(), payload.len()).into_bytes();
    bytes.extend_from_slice(payload);
    bytes
}

/// Signs a payload and returns the JSON document.
///
/// # Errors
/// When the signer cannot sign.
pub fn sign(payload: &[u8], signer: &dyn Signer) -> Result<Vec<u8>, crate::keys::KeyError> {
    let signature = signer.sign(&pae(PAYLOAD_TYPE, payload))?;
    let document = Document {
        media_type: BUNDLE_TYPE.to_owned(),
        verification_material: Material { public_key: Hint { hint: signer.public_key().hint() } },
        dsse_envelope: Envelope {
            payload: STANDARD.encode(payload),
            payload_type: PAYLOAD_TYPE.to_owned(),
            signatures: vec![Signature { sig: STANDARD.encode(signature) }],
        },
    };
    Ok(crate::encode(&document))
}

impl Signed {
    /// Reads the document. Nothing in it is authentic yet.
    ///
    /// # Errors
    /// When it is malformed, of another version, of another payload type, or not signed exactly once.
    pub fn parse(bytes: &[u8]) -> Result<Self, Refusal> {
        let what = "the signature (bundle.sigstore.json)";
        let document: Document = json::parse(what, bytes)?;
        if ![BUNDLE_TYPE, BUNDLE_TYPE_OLD].contains(&document.media_type.as_str()) {
            return Err(Refusal::document(what, format!("its media type is `{}`", document.media_type)));
        }
        let envelope = document.dsse_envelope;
        if envelope.payload_type != PAYLOAD_TYPE {
            return Err(Refusal::PayloadType(envelope.payload_type));
        }
        let [signature] = envelope.signatures.as_slice() else {
            return Err(Refusal::Signatures(envelope.signatures.len()));
        };
        let decode =
            |text: &str| STANDARD.decode(text).map_err(|error| Refusal::document(what, error.to_string()));
        Ok(Self {
            hint: document.verification_material.public_key.hint,
            payload: decode(&envelope.payload)?,
            signature: decode(&signature.sig)?,
        })
    }

    /// The payload, after its signature was found valid for one of these keys. The algorithm is the key's;
    /// the hint only picks among keys that are trusted anyway.
    ///
    /// # Errors
    /// When no trusted key has this hint, or the signature does not fit.
    pub fn authentic(&self, keys: &[PublicKey]) -> Result<&[u8], Refusal> {
        let key = keys.iter().find(|key| key.hint() == self.hint).ok_or_else(|| Refusal::UnknownKey {
            hint: self.hint.clone(),
            trusted: keys.iter().map(PublicKey::hint).collect::<Vec<_>>().join(", "),
        })?;
        if !key.verifies(&pae(PAYLOAD_TYPE, &self.payload), &self.signature) {
            return Err(Refusal::BadSignature(key.hint()));
        }
        Ok(&self.payload)
    }

    /// The payload before its signature was checked: for display only.
    pub fn unchecked_payload(&self) -> &[u8] {
        &self.payload
    }

    /// The hint about the signing key; not authenticated.
    pub fn hint(&self) -> &str {
        &self.hint
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the DSSE specification, "Protocol".
    #[test]
    fn pae_is_that_of_the_specification() {
        let encoded = pae("http://example.com/HelloWorld", b"hello world");
        assert_eq!(encoded, b"DSSEv1 29 http://example.com/HelloWorld 11 hello world");
    }
}
