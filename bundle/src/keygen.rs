//! Key files on disk: a new key with the root of trust that goes with it.

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use model::Secret;

use crate::error::Error;
use crate::files;
use crate::keys::{FileKey, PublicKey, Signer};
use crate::refusal::Refusal;
use crate::roles::Delegated;
use crate::root::Root;

/// The largest key file read, in bytes.
const MAX_FILE: u64 = 64 * 1024;

/// The files that were written.
#[derive(Clone, Debug)]
pub struct KeyFiles {
    /// The encrypted private key, `PREFIX.key`, readable by its owner only; the given one when it existed.
    pub private: PathBuf,
    /// The public key, `PREFIX.pub`.
    pub public: PathBuf,
    /// `root.json` beside them.
    pub root: PathBuf,
    /// How bundles name the key.
    pub hint: String,
}

/// Makes a key, and a first root of trust in which it holds every role but those delegated: `PREFIX.key`,
/// `PREFIX.pub` and `root.json` in the same folder.
///
/// # Errors
/// When one of them is already there, or writing fails; then none of them is left.
pub fn generate(
    prefix: &Path,
    passphrase: &Secret,
    root_expires: Timestamp,
    delegated: &Delegated,
) -> Result<KeyFiles, Error> {
    let key = FileKey::generate()?;
    let root = Root::first_with(&key, root_expires, delegated)?;
    let secret = key.to_pem(passphrase)?;
    write_all(prefix, with_ending(prefix, "key"), &key, Some(secret.as_bytes()), &root)
}

/// Makes the root of trust, and `PREFIX.pub`, for a key that cosign made.
///
/// # Errors
/// When the key does not open, one of the files is already there, or writing fails.
pub fn adopt(
    private: &Path,
    prefix: &Path,
    passphrase: &Secret,
    root_expires: Timestamp,
    delegated: &Delegated,
) -> Result<KeyFiles, Error> {
    let key = open_key(private, passphrase)?;
    let root = Root::first_with(&key, root_expires, delegated)?;
    write_all(prefix, private.to_owned(), &key, None, &root)
}

/// Opens an encrypted private key file.
///
/// # Errors
/// When it cannot be read, is not a cosign key, or the passphrase is wrong.
pub fn open_key(path: &Path, passphrase: &Secret) -> Result<FileKey, Error> {
    let text = files::read(path, MAX_FILE)?;
    Ok(FileKey::from_pem(&String::from_utf8_lossy(&text), passphrase)?)
}

/// Reads a public key file.
///
/// # Errors
/// When it cannot be read or is not an ECDSA P-256 key.
pub fn open_public_key(path: &Path) -> Result<PublicKey, Error> {
    let text = files::read(path, MAX_FILE)?;
    Ok(PublicKey::from_pem(&String::from_utf8_lossy(&text))?)
}

fn write_all(
    prefix: &Path,
    private: PathBuf,
    key: &FileKey,
    secret: Option<&[u8]>,
    root: &[u8],
) -> Result<KeyFiles, Error> {
    let public = key.public_key().to_pem();
    let made = KeyFiles {
        private,
        public: with_ending(prefix, "pub"),
        root: prefix.with_file_name("root.json"),
        hint: key.public_key().hint(),
    };
    let mut wanted = vec![(&made.public, public.as_bytes(), 0o644), (&made.root, root, 0o644)];
    wanted.extend(secret.map(|secret| (&made.private, secret, 0o600)));
    if let Some((path, ..)) = wanted.iter().find(|(path, ..)| path.symlink_metadata().is_ok()) {
        return Err(Refusal::Exists(path.display().to_string()).into());
    }
    for (at, (path, bytes, mode)) in wanted.iter().enumerate() {
        if let Err(error) = files::write_new(path, bytes, *mode) {
            wanted[..at].iter().for_each(|(path, ..)| files::discard(path));
            return Err(error);
        }
    }
    Ok(made)
}

/// `PREFIX.ending`, whatever dots the prefix has.
fn with_ending(prefix: &Path, ending: &str) -> PathBuf {
    let mut name = prefix.as_os_str().to_owned();
    name.push(".");
    name.push(ending);
    PathBuf::from(name)
}
