//! Signing keys: cosign's encrypted ECDSA P-256 keys, read and written, and the trait for keys held elsewhere.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use model::Secret;
use p256::ecdsa::signature::{Signer as _, Verifier as _};
use p256::ecdsa::{DerSignature, SigningKey, VerifyingKey};
use p256::pkcs8::der::pem;
use p256::pkcs8::{DecodePrivateKey, DecodePublicKey, EncodePrivateKey, EncodePublicKey, LineEnding};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::secretbox;

const LABEL: &str = "ENCRYPTED SIGSTORE PRIVATE KEY";
/// The label that cosign 1 wrote.
const LABEL_OLD: &str = "ENCRYPTED COSIGN PRIVATE KEY";
/// The largest scrypt cost accepted from a key file; cosign writes 2^16. 2^20 takes 1 GiB.
const MAX_LOG_N: u32 = 20;
/// The largest key file read, in bytes.
const MAX_KEY: usize = 64 * 1024;

/// Why a key could not be read or used.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The passphrase does not open the key.
    #[error("the passphrase does not open this private key")]
    Passphrase,
    /// Not a private key of cosign's form.
    #[error("this is not an encrypted cosign private key: {0}")]
    Private(String),
    /// Not a public key that can verify bundles.
    #[error("this is not a PEM public key of the type ECDSA P-256: {0}")]
    Public(String),
    /// The key cannot sign.
    #[error("cannot sign: {0}")]
    Sign(String),
    /// No randomness to be had.
    #[error("the kernel gives no random bytes: {0}")]
    Random(String),
}

/// Something that signs with ECDSA P-256 and SHA-256: a key file, or a hardware module.
pub trait Signer: Send + Sync {
    /// The key that verifies its signatures.
    fn public_key(&self) -> &PublicKey;

    /// Signs a message; the result is an ASN.1 DER signature (RFC 3279, 2.2.3).
    ///
    /// # Errors
    /// When the key is not usable.
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError>;
}

/// A public key: ECDSA P-256 over SHA-256, the only scheme that bundles use.
#[derive(Clone, PartialEq, Eq)]
pub struct PublicKey {
    key: VerifyingKey,
    spki: Vec<u8>,
}

impl PublicKey {
    /// Reads a PEM file with a SubjectPublicKeyInfo (`cosign.pub`).
    ///
    /// # Errors
    /// When it is anything else, including keys of other types.
    pub fn from_pem(text: &str) -> Result<Self, KeyError> {
        let refuse = |error: &dyn fmt::Display| KeyError::Public(error.to_string());
        if text.len() > MAX_KEY {
            return Err(refuse(&"the file is too large"));
        }
        // What the ASN.1 reader says helps nobody.
        let why = match text.contains("-----BEGIN PUBLIC KEY-----") {
            false => "it does not hold `-----BEGIN PUBLIC KEY-----`",
            true => "it is damaged, or a key of another type",
        };
        let key = VerifyingKey::from_public_key_pem(text.trim()).map_err(|_| refuse(&why))?;
        Self::of(key).map_err(|_| refuse(&why))
    }

    fn of(key: VerifyingKey) -> Result<Self, p256::pkcs8::spki::Error> {
        let spki = key.to_public_key_der()?.into_vec();
        Ok(Self { key, spki })
    }

    /// The PEM form, as in `cosign.pub`.
    pub fn to_pem(&self) -> String {
        // The DER was made by the same library, so it fits into PEM.
        pem::encode_string("PUBLIC KEY", LineEnding::LF, &self.spki).unwrap_or_default()
    }

    /// How Sigstore bundles name it: base64 of the SHA-256 of its DER form.
    pub fn hint(&self) -> String {
        STANDARD.encode(crate::digest(&self.spki).as_bytes())
    }

    /// Whether this is a valid DER signature of the message.
    pub fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        DerSignature::from_bytes(signature)
            .is_ok_and(|signature| self.key.verify(message, &signature).is_ok())
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({})", self.hint())
    }
}

/// A private key in memory, from a key file.
pub struct FileKey {
    key: SigningKey,
    public: PublicKey,
}

impl fmt::Debug for FileKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FileKey({})", self.public.hint())
    }
}

impl Signer for FileKey {
    fn public_key(&self) -> &PublicKey {
        &self.public
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        let signature: DerSignature =
            self.key.try_sign(message).map_err(|error| KeyError::Sign(error.to_string()))?;
        Ok(signature.to_bytes().to_vec())
    }
}

/// cosign's key file under the PEM armour (go-securesystemslib `encrypted`).
#[derive(Serialize, Deserialize)]
struct Encrypted {
    kdf: Kdf,
    cipher: Cipher,
    ciphertext: String,
}

#[derive(Serialize, Deserialize)]
struct Kdf {
    name: String,
    params: Cost,
    salt: String,
}

#[derive(Clone, Copy, Serialize, Deserialize)]
struct Cost {
    #[serde(rename = "N")]
    n: u64,
    r: u32,
    p: u32,
}

#[derive(Serialize, Deserialize)]
struct Cipher {
    name: String,
    nonce: String,
}

impl FileKey {
    /// A new key from the kernel's random bytes.
    ///
    /// # Errors
    /// When the kernel gives none.
    pub fn generate() -> Result<Self, KeyError> {
        let mut seed = Zeroizing::new([0; 32]);
        loop {
            random(seed.as_mut_slice())?;
            // A number beyond the order of the curve is not a key; one in 2^32 is.
            if let Ok(key) = SigningKey::from_slice(seed.as_slice()) {
                return Self::of(key);
            }
        }
    }

    /// The key whose secret number is this seed.
    ///
    /// # Errors
    /// When the number is none of the curve's, which one in 2^32 seeds is.
    pub fn from_seed(seed: &[u8; 32]) -> Result<Self, KeyError> {
        Self::of(SigningKey::from_slice(seed).map_err(|error| KeyError::Private(error.to_string()))?)
    }

    /// Opens an encrypted key file (`cosign.key`).
    ///
    /// # Errors
    /// When it is not one, asks for an absurd amount of work, or the passphrase is wrong.
    pub fn from_pem(text: &str, passphrase: &Secret) -> Result<Self, KeyError> {
        let refuse = |reason: &dyn fmt::Display| KeyError::Private(reason.to_string());
        if text.len() > MAX_KEY {
            return Err(refuse(&"the file is too large"));
        }
        let (label, body) = pem::decode_vec(text.trim().as_bytes()).map_err(|error| refuse(&error))?;
        if ![LABEL, LABEL_OLD].contains(&label) {
            return Err(refuse(&format_args!("it is a `{label}`")));
        }
        let file: Encrypted = serde_json::from_slice(&body).map_err(|error| refuse(&error))?;
        if (file.kdf.name.as_str(), file.cipher.name.as_str()) != ("scrypt", "nacl/secretbox") {
            return Err(refuse(&format_args!("it uses {} and {}", file.kdf.name, file.cipher.name)));
        }
        let decode = |text: &str| STANDARD.decode(text).map_err(|error| refuse(&error));
        let nonce: [u8; 24] =
            decode(&file.cipher.nonce)?.try_into().map_err(|_| refuse(&"its nonce is not 24 bytes"))?;
        let key = derive(passphrase, &decode(&file.kdf.salt)?, file.kdf.params)?;
        let der = secretbox::open(&key, &nonce, &decode(&file.ciphertext)?).ok_or(KeyError::Passphrase)?;
        Self::of(SigningKey::from_pkcs8_der(&der).map_err(|error| refuse(&error))?)
    }

    /// The encrypted key file.
    ///
    /// # Errors
    /// When the kernel gives no random bytes.
    pub fn to_pem(&self, passphrase: &Secret) -> Result<Zeroizing<String>, KeyError> {
        let encode = |error: &dyn fmt::Display| KeyError::Private(error.to_string());
        let (mut salt, mut nonce) = ([0; 32], [0; 24]);
        random(&mut salt)?;
        random(&mut nonce)?;
        let cost = Cost { n: 65_536, r: 8, p: 1 };
        let key = derive(passphrase, &salt, cost)?;
        let der = self.key.to_pkcs8_der().map_err(|error| encode(&error))?;
        let file = Encrypted {
            kdf: Kdf { name: "scrypt".to_owned(), params: cost, salt: STANDARD.encode(salt) },
            cipher: Cipher { name: "nacl/secretbox".to_owned(), nonce: STANDARD.encode(nonce) },
            ciphertext: STANDARD.encode(secretbox::seal(&key, &nonce, der.as_bytes())),
        };
        let body = crate::encode(&file);
        pem::encode_string(LABEL, LineEnding::LF, &body).map(Zeroizing::new).map_err(|error| encode(&error))
    }

    fn of(key: SigningKey) -> Result<Self, KeyError> {
        let public =
            PublicKey::of(*key.verifying_key()).map_err(|error| KeyError::Private(error.to_string()))?;
        Ok(Self { key, public })
    }
}

fn derive(passphrase: &Secret, salt: &[u8], cost: Cost) -> Result<Zeroizing<[u8; 32]>, KeyError> {
    let absurd = || KeyError::Private("its scrypt parameters are out of range".to_owned());
    let log_n = cost.n.checked_ilog2().filter(|log| 1 << log == cost.n && (1..=MAX_LOG_N).contains(log));
    let log_n = log_n.and_then(|log| u8::try_from(log).ok()).ok_or_else(absurd)?;
    if !(1..=8).contains(&cost.r) || !(1..=4).contains(&cost.p) {
        return Err(absurd());
    }
    let params = scrypt::Params::new(log_n, cost.r, cost.p).map_err(|_| absurd())?;
    let mut key = Zeroizing::new([0; 32]);
    scrypt::scrypt(passphrase.expose(), salt, &params, key.as_mut_slice()).map_err(|_| absurd())?;
    Ok(key)
}

fn random(bytes: &mut [u8]) -> Result<(), KeyError> {
    getrandom::fill(bytes).map_err(|error| KeyError::Random(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(text: &str) -> Secret {
        Secret::new(text.as_bytes().to_vec())
    }

    #[test]
    fn a_key_survives_its_file_and_only_its_passphrase_opens_it() {
        let key = FileKey::generate().unwrap();
        let file = key.to_pem(&secret("right")).unwrap();
        let again = FileKey::from_pem(&file, &secret("right")).unwrap();
        let signature = again.sign(b"message").unwrap();
        assert!(key.public_key().verifies(b"message", &signature));
        assert!(!key.public_key().verifies(b"massage", &signature));
        assert!(!key.public_key().verifies(b"message", &signature[1..]));
        assert!(matches!(FileKey::from_pem(&file, &secret("wrong")), Err(KeyError::Passphrase)));
        assert!(matches!(
            FileKey::from_pem(&key.public_key().to_pem(), &secret("")),
            Err(KeyError::Private(_))
        ));
    }

    #[test]
    fn public_keys_survive_pem_and_other_types_are_refused() {
        let key = FileKey::generate().unwrap();
        let text = key.public_key().to_pem();
        assert_eq!(&PublicKey::from_pem(&text).unwrap(), key.public_key());
        // An Ed25519 key (RFC 8410, section 10.1).
        let other = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n-----END PUBLIC KEY-----\n";
        assert!(PublicKey::from_pem(other).is_err());
        assert!(PublicKey::from_pem("").is_err());
    }

    #[test]
    fn a_key_file_cannot_ask_for_absurd_work() {
        for (n, r, p) in
            [(1 << 21, 8, 1), (65_537, 8, 1), (0, 8, 1), (65_536, 9, 1), (65_536, 8, 5), (65_536, 0, 1)]
        {
            assert!(derive(&secret("x"), b"salt", Cost { n, r, p }).is_err(), "{n} {r} {p}");
        }
        assert!(derive(&secret("x"), b"salt", Cost { n: 16, r: 8, p: 1 }).is_ok());
    }
}
