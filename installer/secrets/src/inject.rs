//! Secrets as files on a private tmpfs: the backend of [`Resource::Secret`].
//!
//! What belongs to a secret besides its bytes (reference and form) lies in an extended attribute of the same
//! file, so that one rename replaces everything at once. The value that a run replaces stays beside the new
//! one until [`Injected::seal`], so that undoing needs no source.

use std::ffi::CString;
use std::fs::DirBuilder;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::DirBuilderExt;

use model::{
    Blobs, Change, Digest, Fut, Handler, Host, HostError, HostPath, Keep, Observe, Resource, Secret, State,
    Unread,
};
use rustix::fs::{AtFlags, FileType, Mode, OFlags, XattrFlags};
use rustix::io::Errno;
use rustix::mount::{MountFlags, UnmountFlags};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::{Form, MAX_BYTES, Reference, SiteKey};

/// Holds [`Label`] on each injected file; `trusted.*` is hidden from everybody but root (xattr(7)).
const XATTR: &str = "trusted.groundfast";
/// Folder of the values that the present run replaced, by fingerprint.
const PREVIOUS: &str = ".previous";
/// Magic number of tmpfs (statfs(2)).
const TMPFS_MAGIC: i64 = 0x0102_1994;

/// The folder of injected secrets of one machine: a tmpfs of its own, 0700.
pub struct Injected {
    folder: HostPath,
    key: SiteKey,
}

/// What an injected file knows about itself.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Label {
    reference: Reference,
    form: Form,
}

/// A desired state, taken apart.
struct Desired {
    label: Label,
    fingerprint: String,
    mode: u32,
    uid: u32,
    gid: u32,
}

impl Injected {
    /// Serves the secrets in this folder. Nothing is mounted before the first one is put there.
    pub fn new(folder: HostPath, key: SiteKey) -> Self {
        Self { folder, key }
    }

    /// The key of the fingerprints.
    pub fn key(&self) -> &SiteKey {
        &self.key
    }

    /// Forgets the values that were replaced: after this, undoing needs the source again. Where no secret is left,
    /// the tmpfs goes as well.
    ///
    /// # Errors
    /// When one cannot be removed.
    pub fn seal(&self) -> io::Result<()> {
        let Some(folder) = self.open()? else { return Ok(()) };
        if let Some(previous) = subfolder(&folder, PREVIOUS)? {
            for name in names(&previous)? {
                rustix::fs::unlinkat(&previous, name.as_c_str(), AtFlags::empty())?;
            }
            rustix::fs::unlinkat(&folder, PREVIOUS, AtFlags::REMOVEDIR)?;
        }
        if !names(&folder)?.is_empty() {
            return Ok(());
        }
        // An open directory keeps its file system busy.
        drop(folder);
        match self.unmount() {
            // Somebody looks around in there. It holds nothing, so it may stay until the machine starts anew.
            Err(error) if error.kind() == io::ErrorKind::ResourceBusy => Ok(()),
            other => other,
        }
    }

    /// Takes the tmpfs and with it every injected secret away.
    ///
    /// # Errors
    /// When a container still uses one of them.
    pub fn unmount(&self) -> io::Result<()> {
        if !self.mounted()? {
            return Ok(());
        }
        Ok(rustix::mount::unmount(self.folder.as_str(), UnmountFlags::NOFOLLOW)?)
    }

    /// The name in the folder that a secret's path stands for; subfolders are ours.
    fn name<'a>(&self, path: &'a HostPath) -> Option<&'a str> {
        let name = path.name();
        (path.parent().as_ref() == Some(&self.folder) && !name.starts_with('.')).then_some(name)
    }

    fn open(&self) -> io::Result<Option<OwnedFd>> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        match rustix::fs::open(self.folder.as_str(), flags, Mode::empty()) {
            Ok(folder) => Ok(Some(folder)),
            Err(Errno::NOENT) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Whether the folder is the root of a mount of its own.
    fn mounted(&self) -> io::Result<bool> {
        let Some(parent) = self.folder.parent() else { return Ok(false) };
        let here = match rustix::fs::lstat(self.folder.as_str()) {
            Err(Errno::NOENT) => return Ok(false),
            other => other?,
        };
        Ok(here.st_dev != rustix::fs::stat(parent.as_str())?.st_dev)
    }

    /// The folder, made and mounted if it is not there yet.
    fn prepare(&self) -> io::Result<OwnedFd> {
        DirBuilder::new().recursive(true).mode(0o700).create(self.folder.as_str())?;
        if !self.mounted()? {
            let flags = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
            let options = |text: &'static std::ffi::CStr| {
                rustix::mount::mount("groundfast-secrets", self.folder.as_str(), "tmpfs", flags, Some(text))
            };
            // Kernels before 6.4 do not know `noswap`.
            options(c"mode=0700,size=16m,noswap").or_else(|_| options(c"mode=0700,size=16m"))?;
        }
        self.open()?.ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))
    }

    fn see(&self, path: &HostPath) -> Result<State, Unread> {
        let name = self.name(path).ok_or_else(|| {
            Unread::Unsupported(format!(
                "{path} does not lie directly in the secrets' folder {}",
                self.folder
            ))
        })?;
        let failed = |error: io::Error| unread(path, &error);
        let Some(folder) = self.open().map_err(failed)? else { return Ok(State::Absent) };
        match open_file(&folder, name) {
            Ok(file) => self.describe(path, &file).map_err(failed),
            Err(Errno::NOENT) => Ok(State::Absent),
            Err(Errno::LOOP) => Ok(State::text("a symbolic link")),
            Err(error) => Err(failed(error.into())),
        }
    }

    fn describe(&self, path: &HostPath, file: &OwnedFd) -> io::Result<State> {
        let found = rustix::fs::fstat(file)?;
        if FileType::from_raw_mode(found.st_mode) != FileType::RegularFile {
            return Ok(State::text("not a regular file"));
        }
        let value = read(file)?;
        let label = label_of(file)?;
        let volatile = rustix::fs::fstatfs(file)?.f_type == TMPFS_MAGIC;
        let mut parts = vec![
            ("fingerprint", State::text(self.key.fingerprint(path, &value))),
            ("gid", State::Int(found.st_gid.into())),
            ("mode", State::Mode(found.st_mode & 0o7777)),
            ("uid", State::Int(found.st_uid.into())),
            ("volatile", State::Flag(volatile)),
        ];
        if let Some(label) = label {
            parts.push(("form", State::text(label.form.to_string())));
            parts.push(("reference", State::text(label.reference.to_string())));
        }
        Ok(State::record(parts))
    }

    fn change(&self, path: &HostPath, change: &Change) -> Result<(), HostError> {
        let name = self.name(path).ok_or_else(|| {
            HostError::Unsupported(format!("{path} does not lie directly in {}", self.folder))
        })?;
        let present = self.see(path).map_err(|unread| HostError::Failed(unread.to_string()))?;
        if present != change.from {
            return Err(HostError::Stale(change.resource.to_string()));
        }
        let failed = |error: io::Error| refused(path, &error);
        let desired = match &change.to {
            State::Absent => None,
            state => Some(Desired::of(state).ok_or_else(|| {
                HostError::Unsupported(format!("{path} cannot be made `{state}`: that is no injected secret"))
            })?),
        };
        let folder = self.prepare().map_err(failed)?;
        let value = desired.as_ref().map(|desired| self.value(path, &folder, desired)).transpose()?;
        self.keep_previous(&folder, name, &change.from).map_err(failed)?;
        match desired.zip(value) {
            Some((desired, value)) => write(&folder, name, &value, &desired).map_err(failed),
            None => match rustix::fs::unlinkat(&folder, name, AtFlags::empty()) {
                Ok(()) | Err(Errno::NOENT) => Ok(()),
                Err(error) => Err(failed(error.into())),
            },
        }
    }

    /// The bytes with the fingerprint that was planned: from the source, else from what this run replaced.
    fn value(&self, path: &HostPath, folder: &OwnedFd, desired: &Desired) -> Result<Secret, HostError> {
        let resolved = desired
            .label
            .reference
            .resolve()
            .map_err(|error| error.to_string())
            .and_then(|value| desired.label.form.render(&value).map_err(|error| error.to_string()));
        let why = match resolved {
            Ok(value) if self.key.fingerprint(path, &value) == desired.fingerprint => return Ok(value),
            Ok(_) => "it holds another value than when the plan was made".to_owned(),
            Err(why) => why,
        };
        let kept = subfolder(folder, PREVIOUS)
            .ok()
            .flatten()
            .and_then(|previous| open_file(&previous, &desired.fingerprint).ok())
            .and_then(|file| read(&file).ok())
            .filter(|value| self.key.fingerprint(path, value) == desired.fingerprint);
        kept.ok_or_else(|| {
            HostError::Failed(format!("cannot inject {path} from {}: {why}", desired.label.reference))
        })
    }

    fn keep_previous(&self, folder: &OwnedFd, name: &str, from: &State) -> io::Result<()> {
        let Some(fingerprint) = from.get("fingerprint").and_then(State::as_text) else { return Ok(()) };
        match rustix::fs::mkdirat(folder, PREVIOUS, Mode::RWXU) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(error) => return Err(error.into()),
        }
        let previous =
            subfolder(folder, PREVIOUS)?.ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))?;
        // A second name for the same bytes: the rename that follows leaves this one behind.
        match rustix::fs::linkat(folder, name, &previous, fingerprint, AtFlags::empty()) {
            Ok(()) | Err(Errno::EXIST) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

impl Desired {
    fn of(state: &State) -> Option<Self> {
        let text = |part: &str| state.get(part).and_then(State::as_text);
        let id = |part: &str| state.get(part).and_then(State::as_int).and_then(|id| u32::try_from(id).ok());
        let mode = match state.get("mode") {
            Some(State::Mode(mode)) => *mode,
            _ => return None,
        };
        let fingerprint = text("fingerprint")?.to_owned();
        let hex = fingerprint.len() == 64 && fingerprint.bytes().all(|digit| digit.is_ascii_hexdigit());
        let label = Label { reference: text("reference")?.parse().ok()?, form: text("form")?.parse().ok()? };
        hex.then_some(Self { label, fingerprint, mode, uid: id("uid")?, gid: id("gid")? })
    }
}

impl Observe for Injected {
    fn observe<'a>(&'a self, wanted: &'a [Resource]) -> Fut<'a, Vec<Result<State, Unread>>> {
        let see = |resource: &Resource| match resource {
            Resource::Secret { path } => self.see(path),
            other => Err(Unread::Unsupported(other.to_string())),
        };
        Box::pin(std::future::ready(wanted.iter().map(see).collect()))
    }

    fn read<'a>(&'a self, resource: &'a Resource, _into: &'a dyn Keep) -> Fut<'a, Result<Digest, Unread>> {
        Box::pin(std::future::ready(Err(Unread::Unsupported(format!(
            "{resource}: secrets are never copied out"
        )))))
    }
}

impl Host for Injected {
    fn put<'a>(&'a self, change: &'a Change, _bytes: &'a dyn Blobs) -> Fut<'a, Result<(), HostError>> {
        let done = match &change.resource {
            Resource::Secret { path } => self.change(path, change),
            other => Err(HostError::Unsupported(other.to_string())),
        };
        Box::pin(std::future::ready(done))
    }

    fn handle<'a>(&'a self, handler: &'a Handler) -> Fut<'a, Result<(), HostError>> {
        Box::pin(std::future::ready(Err(HostError::Unsupported(handler.to_string()))))
    }
}

fn open_file(folder: &impl AsFd, name: &str) -> Result<OwnedFd, Errno> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    rustix::fs::openat(folder, name, flags, Mode::empty())
}

/// The names in a folder.
fn names(folder: &OwnedFd) -> io::Result<Vec<CString>> {
    let entries = rustix::fs::Dir::read_from(folder)?.collect::<Result<Vec<_>, _>>()?;
    let named = entries.iter().map(|entry| entry.file_name().to_owned());
    Ok(named.filter(|name| !matches!(name.to_bytes(), b"." | b"..")).collect())
}

fn subfolder(folder: &OwnedFd, name: &str) -> io::Result<Option<OwnedFd>> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    match rustix::fs::openat(folder, name, flags, Mode::empty()) {
        Ok(found) => Ok(Some(found)),
        Err(Errno::NOENT) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn read(file: &OwnedFd) -> io::Result<Secret> {
    // Larger than any secret because of the variable's name in an env file; a full read means it is not ours.
    let most = MAX_BYTES + 4096;
    let mut bytes = Zeroizing::new(Vec::with_capacity(most));
    std::fs::File::from(file.try_clone()?).take(most as u64).read_to_end(&mut bytes)?;
    Ok(Secret::new(std::mem::take(&mut *bytes)))
}

fn label_of(file: &OwnedFd) -> io::Result<Option<Label>> {
    let mut buffer = [0_u8; 8192];
    match rustix::fs::fgetxattr(file, XATTR, &mut buffer) {
        Ok(length) => Ok(serde_json::from_slice(&buffer[..length]).ok()),
        Err(Errno::NODATA | Errno::OPNOTSUPP) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Writes the file under another name, complete with owner, mode and label, and renames it into place.
fn write(folder: &OwnedFd, name: &str, value: &Secret, desired: &Desired) -> io::Result<()> {
    let scratch = format!(".new.{name}");
    let _ = rustix::fs::unlinkat(folder, &scratch, AtFlags::empty());
    let written = (|| {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = rustix::fs::openat(folder, &scratch, flags, Mode::RUSR | Mode::WUSR)?;
        let label = serde_json::to_vec(&desired.label)?;
        rustix::fs::fsetxattr(&file, XATTR, &label, XattrFlags::empty())?;
        let mut file = std::fs::File::from(file);
        file.write_all(value.expose())?;
        let owner = (rustix::fs::Uid::from_raw(desired.uid), rustix::fs::Gid::from_raw(desired.gid));
        rustix::fs::fchown(&file, Some(owner.0), Some(owner.1))?;
        rustix::fs::fchmod(&file, Mode::from_raw_mode(desired.mode))?;
        Ok(rustix::fs::renameat(folder, &scratch, folder, name)?)
    })();
    if written.is_err() {
        let _ = rustix::fs::unlinkat(folder, &scratch, AtFlags::empty());
    }
    written
}

fn unread(path: &HostPath, error: &io::Error) -> Unread {
    match error.kind() {
        io::ErrorKind::PermissionDenied => Unread::Denied(path.to_string()),
        _ => Unread::Failed(format!("cannot read the secret at {path}: {error}")),
    }
}

fn refused(path: &HostPath, error: &io::Error) -> HostError {
    match error.kind() {
        io::ErrorKind::PermissionDenied => HostError::Denied(path.to_string()),
        io::ErrorKind::ReadOnlyFilesystem => HostError::ReadOnly(path.to_string()),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => HostError::NoSpace(path.to_string()),
        _ => HostError::Failed(format!("cannot change the secret at {path}: {error}")),
    }
}

#[cfg(test)]
mod tests;
