//! A Compose project as one resource: which file is up, and what each of its services is made of.

use std::collections::BTreeMap;
use std::fs::{DirBuilder, File, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use model::{Blobs, Digest, HostError, HostPath, State};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::compose::{Rewritten, Service};
use crate::engine::{Engine, EngineError};
use crate::images::image_of;
use crate::provenance::{MAX_FILE, file_of_project};
use crate::service::{self, name_of};

/// A rewritten Compose file, named by its digest, and what it brings up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Release {
    /// Digest of the rewritten file's bytes.
    pub compose: Digest,
    /// What runs.
    pub services: BTreeMap<String, Service>,
}

impl Release {
    /// Names a rewritten Compose file.
    pub fn of(rewritten: &Rewritten) -> Self {
        let compose = Digest::from_sha256(Sha256::digest(rewritten.text.as_bytes()).into());
        Self { compose, services: rewritten.services.clone() }
    }

    /// The state of a project in which this release is up: `compose` (the file's digest) and `services`, each
    /// with `image`, `user`, `profile` where one is named, `running` and, as it runs, `pins`.
    pub fn state(&self) -> State {
        let services = self.services.iter().map(|(name, service)| {
            let pins = service.pins.iter().map(|(path, digest)| (path.clone(), State::Content(*digest)));
            let profile = service.profile.as_deref();
            (name.clone(), summary(Some(service.image), &service.user, profile, Some(State::record(pins))))
        });
        State::record([("compose", State::Content(self.compose)), ("services", State::record(services))])
    }

    /// The release that a state of a project describes; `None` when it describes none.
    pub fn from_state(state: &State) -> Option<Self> {
        let (State::Content(compose), State::Record(services)) =
            (state.get("compose")?, state.get("services")?)
        else {
            return None;
        };
        let service = |state: &State| {
            let State::Content(image) = state.get("image")? else { return None };
            let State::Record(pins) = state.get("pins")? else { return None };
            let pins = pins.iter().map(|(path, pin)| match pin {
                State::Content(digest) => Some((path.clone(), *digest)),
                _ => None,
            });
            let user = state.get("user")?.as_text()?.to_owned();
            let profile = state.get("profile").and_then(State::as_text).map(str::to_owned);
            Some(Service { image: *image, user, pins: pins.collect::<Option<_>>()?, profile })
        };
        let services = services.iter().map(|(name, state)| Some((name.clone(), service(state)?)));
        Some(Self { compose: *compose, services: services.collect::<Option<_>>()? })
    }
}

/// One service of a project. What a service that does not run would see is no part of its state: nobody reads it
/// before it is brought up, which makes it whole first, and so a stop can be restored whatever was damaged.
fn summary(image: Option<Digest>, user: &str, profile: Option<&str>, pins: Option<State>) -> State {
    let mut parts = BTreeMap::from([
        ("image".to_owned(), image.map_or(State::Absent, State::Content)),
        ("running".to_owned(), State::Flag(pins.is_some())),
        ("user".to_owned(), State::text(user)),
    ]);
    parts.extend(profile.map(|profile| ("profile".to_owned(), State::text(profile))));
    parts.extend(pins.map(|pins| ("pins".to_owned(), pins)));
    State::Record(parts)
}

/// A project as it is when nothing of it runs any more.
pub(crate) fn at_rest(state: &State) -> State {
    let (State::Record(parts), Some(State::Record(services))) = (state, state.get("services")) else {
        return state.clone();
    };
    let stopped = services.iter().map(|(name, service)| match (service, service.get("image")) {
        (State::Record(_), Some(State::Content(image))) => {
            let user = service.get("user").and_then(State::as_text).unwrap_or_default();
            let profile = service.get("profile").and_then(State::as_text);
            (name.clone(), summary(Some(*image), user, profile, None))
        }
        _ => (name.clone(), service.clone()),
    });
    let mut parts = parts.clone();
    parts.insert("services".to_owned(), State::record(stopped));
    State::Record(parts)
}

/// The state of a project as its containers tell it.
pub(crate) async fn state(
    engine: &Engine,
    containers: &[Value],
    secrets: &HostPath,
) -> Result<State, EngineError> {
    if containers.is_empty() {
        return Ok(State::Absent);
    }
    let compose = match file_of_project(containers) {
        Some(path) if containers.iter().any(service::runs) => file_state(path),
        Some(path) => named_by(path),
        None => State::text("several files"),
    };
    let mut services: BTreeMap<&str, Vec<&Value>> = BTreeMap::new();
    for container in containers {
        services.entry(name_of(container).unwrap_or_default()).or_default().push(container);
    }
    let mut states = Vec::new();
    for (name, containers) in services {
        let state = match containers[..] {
            [container] => {
                let pins = match service::runs(container) {
                    true => Some(service::pins(engine, container, secrets).await?),
                    false => None,
                };
                let profile = service::profile_in_force(container);
                summary(image_of(container), service::user_of(container), profile.as_deref(), pins)
            }
            _ => service::state(engine, &containers, secrets).await?,
        };
        states.push((name.to_owned(), state));
    }
    Ok(State::record([("compose", compose), ("services", State::record(states))]))
}

fn file_state(path: &Path) -> State {
    let digest = File::open(path).and_then(|file| {
        let mut bytes = Vec::new();
        file.take(MAX_FILE).read_to_end(&mut bytes)?;
        Ok(Digest::from_sha256(Sha256::digest(&bytes).into()))
    });
    digest.map_or_else(|error| State::text(format!("{}: {error}", path.display())), State::Content)
}

/// The Compose file that containers which do not run were made from. Its name is its digest; its bytes are looked
/// at when it is used.
fn named_by(path: &Path) -> State {
    let name = path.file_name().and_then(std::ffi::OsStr::to_str).unwrap_or_default();
    format!("sha256:{name}").parse().map_or_else(|_| file_state(path), State::Content)
}

/// The folder where Compose files and mounted files lie under their digests, for as long as they may be needed.
#[derive(Clone, Debug)]
pub(crate) struct Folder(pub(crate) HostPath);

impl Folder {
    /// Where a file with this digest lies.
    pub(crate) fn path(&self, digest: &Digest) -> PathBuf {
        PathBuf::from(format!("{}/{}", self.0, digest.hex()))
    }

    /// Makes sure that a Compose file and every file that it mounts lie here, whole and unchanged: as they are, or
    /// from `blobs`. Nothing is written before all of them were had. Gives the file's path and content.
    pub(crate) fn place(&self, digest: &Digest, blobs: &dyn Blobs) -> Result<(PathBuf, Value), HostError> {
        let path = self.path(digest);
        let text = self.bytes(digest, blobs)?;
        let compose: Value = serde_json::from_slice(&text).map_err(|error| {
            HostError::Failed(format!("{} is not a rewritten Compose file: {error}", path.display()))
        })?;
        let mut files = BTreeMap::from([(*digest, text)]);
        for mounted in self.mounted(&compose) {
            files.insert(mounted, self.bytes(&mounted, blobs)?);
        }
        for (digest, bytes) in &files {
            self.keep(digest, bytes)?;
        }
        Ok((path, compose))
    }

    /// Makes sure that a Compose file alone lies here.
    pub(crate) fn place_alone(&self, digest: &Digest, blobs: &dyn Blobs) -> Result<PathBuf, HostError> {
        self.keep(digest, &self.bytes(digest, blobs)?)?;
        Ok(self.path(digest))
    }

    /// The bytes with this digest: those that lie here whole, else those of `blobs`.
    fn bytes(&self, digest: &Digest, blobs: &dyn Blobs) -> Result<Vec<u8>, HostError> {
        let path = self.path(digest);
        let whole = |bytes: &Vec<u8>| Digest::from_sha256(Sha256::digest(bytes).into()) == *digest;
        let read = |reader: &mut dyn Read| -> io::Result<Vec<u8>> {
            let mut bytes = Vec::new();
            reader.take(MAX_FILE + 1).read_to_end(&mut bytes).map(|_| bytes)
        };
        if let Some(here) = File::open(&path).and_then(|mut file| read(&mut file)).ok().filter(whole) {
            return Ok(here);
        }
        let opened = blobs.open(digest);
        let mut reader =
            opened.map_err(|error| HostError::Failed(format!("cannot place {}: {error}", path.display())))?;
        let bytes = read(&mut reader).map_err(|error| failed(&path, &error))?;
        if whole(&bytes) {
            return Ok(bytes);
        }
        Err(HostError::Failed(format!(
            "cannot place {}: the bytes are not those of {digest}",
            path.display()
        )))
    }

    fn keep(&self, digest: &Digest, bytes: &[u8]) -> Result<(), HostError> {
        let path = self.path(digest);
        if file_state(&path) == State::Content(*digest) {
            return Ok(());
        }
        self.write(&path, bytes).map_err(|error| failed(&path, &error))
    }

    /// Writes durably and all at once. Files are 0444, since a container's user must read what is mounted.
    #[expect(clippy::disallowed_methods, reason = "the backend of Compose projects")]
    fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        DirBuilder::new().recursive(true).mode(0o755).create(self.0.as_str())?;
        let scratch = path.with_extension("new");
        let _ = std::fs::remove_file(&scratch);
        let mut file = File::options().write(true).create_new(true).mode(0o600).open(&scratch)?;
        let written = file
            .write_all(bytes)
            .and_then(|()| file.set_permissions(Permissions::from_mode(0o444)))
            .and_then(|()| file.sync_all())
            .and_then(|()| std::fs::rename(&scratch, path))
            .and_then(|()| File::open(self.0.as_str())?.sync_all());
        if written.is_err() {
            let _ = std::fs::remove_file(&scratch);
        }
        written
    }

    /// The digests of the mounted files that a rewritten Compose file refers to here.
    fn mounted(&self, compose: &Value) -> Vec<Digest> {
        let mut found = Vec::new();
        self.collect(compose, &mut found);
        found
    }

    fn collect(&self, value: &Value, found: &mut Vec<Digest>) {
        match value {
            Value::String(text) => {
                let name = text.strip_prefix(self.0.as_str()).and_then(|rest| rest.strip_prefix('/'));
                found.extend(name.and_then(|hex| format!("sha256:{hex}").parse::<Digest>().ok()));
            }
            Value::Array(items) => items.iter().for_each(|item| self.collect(item, found)),
            Value::Object(members) => members.values().for_each(|member| self.collect(member, found)),
            _ => {}
        }
    }
}

fn failed(path: &Path, error: &io::Error) -> HostError {
    match error.kind() {
        io::ErrorKind::StorageFull => HostError::NoSpace(path.display().to_string()),
        io::ErrorKind::ReadOnlyFilesystem => HostError::ReadOnly(path.display().to_string()),
        io::ErrorKind::PermissionDenied => HostError::Denied(path.display().to_string()),
        _ => HostError::Failed(format!("cannot write {}: {error}", path.display())),
    }
}
