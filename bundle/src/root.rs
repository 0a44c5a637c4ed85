//! The root of trust: a TUF root role (TUF specification 1.0, section 5.3), made, signed and checked.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use olpc_cjson::CanonicalFormatter;
use serde::{Deserialize, Serialize};

use crate::json;
use crate::keys::{KeyError, PublicKey, Signer};
use crate::refusal::Refusal;
use crate::roles::{Delegated, RecordRole};

/// The version of the specification that this follows.
const SPEC_VERSION: &str = "1.0.31";
const ROLES: [&str; 4] = ["root", "snapshot", "targets", "timestamp"];
/// The most keys a root may name.
const MAX_KEYS: usize = 64;

/// A root whose own signatures were found valid.
#[derive(Clone, Debug)]
pub struct Root {
    signed: Signed,
    signatures: Vec<RootSignature>,
    /// The canonical bytes under the signatures.
    canonical: Vec<u8>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Document {
    signatures: Vec<RootSignature>,
    signed: serde_json::Value,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct RootSignature {
    keyid: String,
    sig: String,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Signed {
    #[serde(rename = "_type")]
    kind: String,
    consistent_snapshot: bool,
    expires: Timestamp,
    keys: BTreeMap<String, Key>,
    roles: BTreeMap<String, Role>,
    /// Roles for records. TUF names its roles exhaustively, so they stand in a field of their own, which other
    /// readers keep and ignore (section 4.1, extensible metadata).
    #[serde(rename = "x-groundfast-roles", default, skip_serializing_if = "BTreeMap::is_empty")]
    record_roles: BTreeMap<String, Role>,
    spec_version: String,
    version: u64,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Key {
    keytype: String,
    keyval: KeyValue,
    scheme: String,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct KeyValue {
    public: String,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Role {
    keyids: Vec<String>,
    threshold: u64,
}

impl Root {
    /// A first root, in which this one key holds every role, signed by it.
    ///
    /// # Errors
    /// When the key cannot sign.
    pub fn first(signer: &dyn Signer, expires: Timestamp) -> Result<Vec<u8>, KeyError> {
        Self::first_with(signer, expires, &Delegated::new())
    }

    /// A first root as [`Root::first`], in which the roles for records belong to these keys instead.
    ///
    /// # Errors
    /// When the key cannot sign.
    pub fn first_with(
        signer: &dyn Signer,
        expires: Timestamp,
        delegated: &Delegated,
    ) -> Result<Vec<u8>, KeyError> {
        let (keyid, key) = Key::of(signer.public_key())?;
        let mut keys = BTreeMap::from([(keyid.clone(), key)]);
        let mut record_roles = BTreeMap::new();
        for (role, holders) in delegated {
            let holders: Vec<_> = holders.iter().map(Key::of).collect::<Result<_, _>>()?;
            let keyids = holders.iter().map(|(keyid, _)| keyid.clone()).collect();
            record_roles.insert(role.name().to_owned(), Role { keyids, threshold: 1 });
            keys.extend(holders);
        }
        let role = Role { keyids: vec![keyid.clone()], threshold: 1 };
        let signed = Signed {
            kind: "root".to_owned(),
            consistent_snapshot: true,
            // The specification knows whole seconds only.
            expires: Timestamp::from_second(expires.as_second()).unwrap_or(expires),
            keys,
            roles: ROLES.iter().map(|name| ((*name).to_owned(), role.clone())).collect(),
            record_roles,
            spec_version: SPEC_VERSION.to_owned(),
            version: 1,
        };
        let sig = hex::encode(signer.sign(&canonical(&signed)?)?);
        let signed = serde_json::to_value(signed).map_err(|error| KeyError::Sign(error.to_string()))?;
        Ok(crate::encode(&Document { signatures: vec![RootSignature { keyid, sig }], signed }))
    }

    /// Reads a root and checks that a threshold of its own root keys signed it.
    ///
    /// # Errors
    /// [`Refusal::Root`] or [`Refusal::Document`].
    pub fn parse(bytes: &[u8]) -> Result<Self, Refusal> {
        let document: Document = json::parse("root.json", bytes)?;
        let refuse = |error: &dyn std::fmt::Display| Refusal::document("root.json", error.to_string());
        let canonical = canonical(&document.signed).map_err(|error| refuse(&error))?;
        let signed: Signed = serde_json::from_value(document.signed).map_err(|error| refuse(&error))?;
        if signed.kind != "root" || !signed.spec_version.starts_with("1.") || signed.version == 0 {
            return Err(refuse(&"it is not a root of TUF 1"));
        }
        if signed.keys.len() > MAX_KEYS || document.signatures.len() > MAX_KEYS {
            return Err(refuse(&format_args!("it has more than {MAX_KEYS} keys or signatures")));
        }
        for (keyid, key) in &signed.keys {
            if crate::digest(&self::canonical(key).map_err(|error| refuse(&error))?).hex() != *keyid {
                return Err(refuse(&format_args!(
                    "the key id {} is not that of its key",
                    keyid.escape_debug()
                )));
            }
        }
        let root = Self { signed, signatures: document.signatures, canonical };
        root.signed_by(&root)?;
        Ok(root)
    }

    /// Checks that a threshold of the root keys of `authority` signed this root.
    ///
    /// # Errors
    /// [`Refusal::Root`] when too few did. A key counts once, however often it signed.
    pub fn signed_by(&self, authority: &Self) -> Result<(), Refusal> {
        let role = authority.role("root")?;
        let mut good = BTreeSet::new();
        for signature in self.signatures.iter().filter(|signature| role.keyids.contains(&signature.keyid)) {
            let Some(key) = authority.key(&signature.keyid) else { continue };
            let valid = hex::decode(&signature.sig).is_ok_and(|sig| key.verifies(&self.canonical, &sig));
            if valid {
                good.insert(&signature.keyid);
            }
        }
        if (good.len() as u64) < role.threshold {
            let (version, of) = (self.signed.version, authority.signed.version);
            let text = format!(
                "version {version} carries {} valid signatures of the root keys of version {of}, {} are needed",
                good.len(),
                role.threshold
            );
            return Err(Refusal::Root(text));
        }
        Ok(())
    }

    /// Checks that this root may follow the pinned one: the same, or the next version signed by both.
    ///
    /// # Errors
    /// [`Refusal::Root`] when it is older, other, or skips a version.
    pub fn follows(&self, pinned: &Self) -> Result<(), Refusal> {
        let (offered, seen) = (self.version(), pinned.version());
        if offered == seen {
            return (self.canonical == pinned.canonical).then_some(()).ok_or_else(|| {
                Refusal::Root(format!("version {offered} is not the one that is pinned here"))
            });
        }
        if offered < seen {
            return Err(Refusal::Root(format!("version {offered} is older than the pinned version {seen}")));
        }
        if offered != seen + 1 {
            return Err(Refusal::Root(format!("version {offered} cannot follow the pinned version {seen}")));
        }
        self.signed_by(pinned)
    }

    /// Checks that its time is not over.
    ///
    /// # Errors
    /// [`Refusal::Root`] when it is.
    pub fn current(&self, now: Timestamp) -> Result<(), Refusal> {
        if self.signed.expires > now {
            return Ok(());
        }
        Err(Refusal::Root(format!(
            "version {} expired on {}; it is {now}",
            self.version(),
            self.signed.expires
        )))
    }

    /// The keys that may sign releases (the role `targets`).
    ///
    /// # Errors
    /// [`Refusal::Root`] when a release would need more than one signature, or there is no usable key.
    pub fn release_keys(&self) -> Result<Vec<PublicKey>, Refusal> {
        self.keys_of(self.role("targets")?, "releases")
    }

    /// The keys that may sign records of this role. Who may sign releases may sign what nobody else was named
    /// for, as a TUF delegation stays with the role that did not give it away.
    ///
    /// # Errors
    /// As [`Root::release_keys`].
    pub fn record_keys(&self, role: RecordRole) -> Result<Vec<PublicKey>, Refusal> {
        match self.signed.record_roles.get(role.name()) {
            Some(own) => self.keys_of(own, role.name()),
            None => self.release_keys(),
        }
    }

    fn keys_of(&self, role: &Role, what: &str) -> Result<Vec<PublicKey>, Refusal> {
        if role.threshold != 1 {
            return Err(Refusal::Root(format!("{what} would need {} signatures", role.threshold)));
        }
        let keys: Vec<_> = role.keyids.iter().filter_map(|keyid| self.key(keyid)).collect();
        if keys.is_empty() {
            return Err(Refusal::Root(format!("it names no ECDSA P-256 key for {what}")));
        }
        Ok(keys)
    }

    /// Its version, from 1.
    pub fn version(&self) -> u64 {
        self.signed.version
    }

    fn role(&self, name: &str) -> Result<&Role, Refusal> {
        let role = self.signed.roles.get(name);
        role.filter(|role| role.threshold > 0)
            .ok_or_else(|| Refusal::Root(format!("it has no role `{name}` with a threshold above zero")))
    }

    fn key(&self, keyid: &str) -> Option<PublicKey> {
        let key = self.signed.keys.get(keyid)?;
        let known = matches!(key.keytype.as_str(), "ecdsa" | "ecdsa-sha2-nistp256");
        (known && key.scheme == "ecdsa-sha2-nistp256")
            .then(|| PublicKey::from_pem(&key.keyval.public).ok())?
    }
}

impl Key {
    /// A key in TUF's form, with its id.
    fn of(key: &PublicKey) -> Result<(String, Self), KeyError> {
        let key = Self {
            keytype: "ecdsa".to_owned(),
            keyval: KeyValue { public: key.to_pem() },
            scheme: "ecdsa-sha2-nistp256".to_owned(),
        };
        Ok((crate::digest(&canonical(&key)?).hex(), key))
    }
}

/// Canonical JSON (OLPC), over which TUF signs.
fn canonical(value: &impl Serialize) -> Result<Vec<u8>, KeyError> {
    let mut bytes = Vec::new();
    let mut writer = serde_json::Serializer::with_formatter(&mut bytes, CanonicalFormatter::new());
    value.serialize(&mut writer).map_err(|error| KeyError::Sign(error.to_string()))?;
    Ok(bytes)
}

#[cfg(test)]
#[path = "root_tests.rs"]
mod tests;
