//! The site key: 32 random bytes that never leave the machine and make fingerprints useless elsewhere.

use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use hmac::{Hmac, KeyInit, Mac};
use model::{HostPath, Secret};
use rustix::fs::{AtFlags, FileType, Mode, OFlags};
use sha2::Sha256;
use zeroize::Zeroizing;

/// Separates these fingerprints from every other use of the key.
const DOMAIN: &[u8] = b"groundfast secret fingerprint v1\0";
/// Separates what other keys are made from.
const SEED: &[u8] = b"groundfast seed v1\0";
/// The key's file in its folder.
const NAME: &str = "site.key";

/// The key of this site.
pub struct SiteKey(Zeroizing<[u8; 32]>);

/// Why there is no site key.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// It cannot be read or made.
    #[error("cannot read or make the site key {path}")]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It does not look like a key that only its owner knows.
    #[error("the site key {path} {what}; fingerprints made with it cannot be trusted")]
    Unsafe {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        what: String,
    },
}

impl SiteKey {
    /// Uses this key; for tests and for keys held elsewhere.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// A key that nobody keeps yet: for looking at a plan before the site has one. See [`SiteKey::keep`].
    ///
    /// # Errors
    /// When the system gives no random bytes.
    pub fn ephemeral() -> Result<Self, KeyError> {
        let failed = |source| KeyError::Io { path: "the system's random bytes".into(), source };
        random().map(Self).map_err(failed)
    }

    /// Reads `site.key` in this folder; `None` when there is none yet.
    ///
    /// # Errors
    /// When it cannot be read, has another size, or others than its owner may use it.
    pub fn load(folder: &Path) -> Result<Option<Self>, KeyError> {
        let path = folder.join(NAME);
        let failed = |source| KeyError::Io { path: path.clone(), source };
        let bad = |what: String| KeyError::Unsafe { path: path.clone(), what };
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let file = match rustix::fs::open(&path, flags, Mode::empty()) {
            Ok(file) => file,
            Err(rustix::io::Errno::NOENT) => return Ok(None),
            Err(error) => return Err(failed(error.into())),
        };
        let found = rustix::fs::fstat(&file).map_err(|error| failed(error.into()))?;
        if FileType::from_raw_mode(found.st_mode) != FileType::RegularFile {
            return Err(bad("is not a regular file".to_owned()));
        }
        if found.st_mode & 0o077 != 0 {
            return Err(bad(format!("has mode {:04o} instead of 0600", found.st_mode & 0o7777)));
        }
        if found.st_uid != rustix::process::geteuid().as_raw() {
            return Err(bad(format!("belongs to user {}", found.st_uid)));
        }
        if found.st_size != 32 {
            return Err(bad(format!("holds {} bytes instead of 32", found.st_size)));
        }
        let mut key = Zeroizing::new([0; 32]);
        std::fs::File::from(file).read_exact(&mut *key).map_err(failed)?;
        Ok(Some(Self(key)))
    }

    /// Reads the key of this folder, or makes it there (0600, durably) when there is none. Two makers at once
    /// end up with the same key.
    ///
    /// # Errors
    /// As [`SiteKey::load`], and when it cannot be made.
    pub fn load_or_make(folder: &Path) -> Result<Self, KeyError> {
        if let Some(key) = Self::load(folder)? {
            return Ok(key);
        }
        place(folder, &*random().map_err(|source| KeyError::Io { path: folder.join(NAME), source })?)
    }

    /// Makes this the key of the folder (0600, durably); nothing happens when it is already.
    ///
    /// # Errors
    /// As [`SiteKey::load`], and when it cannot be written or the folder has another one.
    pub fn keep(&self, folder: &Path) -> Result<(), KeyError> {
        let kept = match Self::load(folder)? {
            Some(kept) => kept,
            None => place(folder, &self.0)?,
        };
        if *kept.0 == *self.0 {
            return Ok(());
        }
        let what = "is another one than this run began with".to_owned();
        Err(KeyError::Unsafe { path: folder.join(NAME), what })
    }

    /// Random bytes for another purpose, made from this key so that there is one key to guard: HMAC-SHA-256 over the
    /// purpose, as HKDF expands (RFC 5869, section 2.3). Whoever knows them cannot tell the key.
    pub fn seed(&self, purpose: &str) -> Zeroizing<[u8; 32]> {
        let mut mac = self.mac();
        mac.update(SEED);
        mac.update(purpose.as_bytes());
        mac.update(&[1]);
        Zeroizing::new(mac.finalize().into_bytes().into())
    }

    /// The fingerprint of a secret at its target: HMAC-SHA-256 (RFC 2104) under the site key, in hexadecimal.
    /// The same secret in two places has two fingerprints.
    pub fn fingerprint(&self, target: &HostPath, secret: &Secret) -> String {
        let mut mac = self.mac();
        mac.update(DOMAIN);
        mac.update(target.as_str().as_bytes());
        mac.update(&[0]);
        mac.update(secret.expose());
        mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    fn mac(&self) -> Hmac<Sha256> {
        // HMAC pads a short key with zeros to the block of the hash, 64 bytes (RFC 2104, section 2).
        let mut block = Zeroizing::new([0_u8; 64]);
        block[..32].copy_from_slice(&*self.0);
        Hmac::<Sha256>::new((&*block).into())
    }
}

fn random() -> io::Result<Zeroizing<[u8; 32]>> {
    let mut key = Zeroizing::new([0_u8; 32]);
    let filled = rustix::rand::getrandom(&mut *key, rustix::rand::GetRandomFlags::empty())?;
    if filled == key.len() { Ok(key) } else { Err(io::Error::other("the kernel gave too little randomness")) }
}

/// Puts a key into a folder that has none, and answers the one that is there then.
fn place(folder: &Path, key: &[u8; 32]) -> Result<SiteKey, KeyError> {
    let path = folder.join(NAME);
    write(folder, key).map_err(|source| KeyError::Io { path: path.clone(), source })?;
    SiteKey::load(folder)?
        .ok_or_else(|| KeyError::Unsafe { path, what: "vanished while it was made".to_owned() })
}

fn write(folder: &Path, key: &[u8; 32]) -> io::Result<()> {
    let folder_flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let folder = rustix::fs::open(folder, folder_flags, Mode::empty())?;
    // Written under a name of its own and linked: whoever is first wins, and nobody sees half a key.
    let scratch = format!(".site.key.{}", std::process::id());
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let _ = rustix::fs::unlinkat(&folder, &scratch, AtFlags::empty());
    let written = (|| {
        let file = rustix::fs::openat(&folder, &scratch, flags, Mode::RUSR | Mode::WUSR)?;
        let mut file = std::fs::File::from(file);
        file.write_all(key)?;
        file.sync_all()?;
        match rustix::fs::linkat(&folder, &scratch, &folder, NAME, AtFlags::empty()) {
            Ok(()) | Err(rustix::io::Errno::EXIST) => Ok(()),
            Err(error) => Err(io::Error::from(error)),
        }
    })();
    let _ = rustix::fs::unlinkat(&folder, &scratch, AtFlags::empty());
    written.and_then(|()| Ok(rustix::fs::fsync(&folder)?))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn the_key_is_made_once_and_guarded() {
        let folder = tempfile::tempdir().unwrap();
        assert!(SiteKey::load(folder.path()).unwrap().is_none());
        let made = SiteKey::load_or_make(folder.path()).unwrap();
        let again = SiteKey::load_or_make(folder.path()).unwrap();
        assert_eq!(*made.0, *again.0);
        assert_ne!(*made.0, [0; 32]);
        let path = folder.path().join(NAME);
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o7777, 0o600);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "no scratch file stays");
        #[expect(clippy::disallowed_methods, reason = "test set-up")]
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
        assert!(matches!(SiteKey::load_or_make(folder.path()), Err(KeyError::Unsafe { .. })));
        #[expect(clippy::disallowed_methods, reason = "test set-up")]
        std::fs::write(&path, b"short").unwrap();
        assert!(SiteKey::load(folder.path()).is_err());
    }

    #[test]
    fn a_key_made_in_memory_is_kept_where_there_is_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let key = SiteKey::ephemeral().unwrap();
        key.keep(folder.path()).unwrap();
        key.keep(folder.path()).unwrap();
        assert_eq!(*SiteKey::load(folder.path()).unwrap().unwrap().0, *key.0);
        let other = SiteKey::ephemeral().unwrap().keep(folder.path()).unwrap_err();
        assert!(other.to_string().contains("another one"), "{other}");
        assert_eq!(*SiteKey::load(folder.path()).unwrap().unwrap().0, *key.0, "the first one stays");
    }

    #[test]
    fn fingerprints_depend_on_key_target_and_value() {
        let at = |path: &str| path.parse::<HostPath>().unwrap();
        let value = |text: &str| Secret::new(text.as_bytes().to_vec());
        let one = SiteKey::from_bytes([1; 32]);
        let base = one.fingerprint(&at("/a"), &value("b"));
        assert_eq!(base, one.fingerprint(&at("/a"), &value("b")));
        assert_ne!(base, one.fingerprint(&at("/a"), &value("c")));
        assert_ne!(base, one.fingerprint(&at("/b"), &value("b")));
        assert_ne!(base, SiteKey::from_bytes([2; 32]).fingerprint(&at("/a"), &value("b")));
        assert_eq!(base.len(), 64);
        let seed = one.seed("report");
        assert_eq!(seed, one.seed("report"));
        assert_ne!(seed, one.seed("other"));
        assert_ne!(seed, SiteKey::from_bytes([2; 32]).seed("report"));
        assert_ne!(*seed, [1; 32]);
    }
}
