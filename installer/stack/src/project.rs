//! A Compose project as one resource: which file is up, and what each of its services is made of.

use std::collections::{BTreeMap, BTreeSet};
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
use crate::service::{self, name_of};

/// The largest Compose file or mounted file, in bytes.
const MAX_FILE: u64 = 32 << 20;

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
    /// with `image`, `pins` and `running`.
    pub fn state(&self) -> State {
        let services = self.services.iter().map(|(name, service)| {
            let pins = service.pins.iter().map(|(path, digest)| (path.clone(), State::Content(*digest)));
            (name.clone(), summary(State::Content(service.image), State::record(pins), true))
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
            Some(Service { image: *image, pins: pins.collect::<Option<_>>()? })
        };
        let services = services.iter().map(|(name, state)| Some((name.clone(), service(state)?)));
        Some(Self { compose: *compose, services: services.collect::<Option<_>>()? })
    }
}

fn summary(image: State, pins: State, running: bool) -> State {
    State::record([("image", image), ("pins", pins), ("running", State::Flag(running))])
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
    let files: BTreeSet<_> = containers.iter().map(file_of).collect();
    let compose = match files.into_iter().collect::<Vec<_>>()[..] {
        [Some(path)] => file_state(Path::new(path)),
        _ => State::text("several files"),
    };
    let mut services: BTreeMap<&str, Vec<&Value>> = BTreeMap::new();
    for container in containers {
        services.entry(name_of(container).unwrap_or_default()).or_default().push(container);
    }
    let mut states = Vec::new();
    for (name, containers) in services {
        let seen = service::state(engine, &containers, secrets).await?;
        let part = |name: &str| seen.get(name).cloned().unwrap_or(State::Absent);
        let state = match containers[..] {
            [container] => {
                let image = image_of(container).map_or(State::Absent, State::Content);
                summary(image, part("pins"), part("running") == State::Flag(true))
            }
            _ => seen,
        };
        states.push((name.to_owned(), state));
    }
    Ok(State::record([("compose", compose), ("services", State::record(states))]))
}

/// The Compose file that a container was made from.
fn file_of(container: &Value) -> Option<&str> {
    container["Config"]["Labels"]["com.docker.compose.project.config_files"].as_str()
}

fn file_state(path: &Path) -> State {
    let digest = File::open(path).and_then(|file| {
        let mut bytes = Vec::new();
        file.take(MAX_FILE).read_to_end(&mut bytes)?;
        Ok(Digest::from_sha256(Sha256::digest(&bytes).into()))
    });
    digest.map_or_else(|error| State::text(format!("{}: {error}", path.display())), State::Content)
}

/// The folder where Compose files and mounted files lie under their digests, for as long as they may be needed.
#[derive(Clone, Debug)]
pub(crate) struct Folder(pub(crate) HostPath);

impl Folder {
    /// Where a file with this digest lies.
    pub(crate) fn path(&self, digest: &Digest) -> PathBuf {
        PathBuf::from(format!("{}/{}", self.0, digest.hex()))
    }

    /// Makes sure that the file with this digest lies here, whole and unchanged: as it is, or from `blobs`.
    pub(crate) fn place(&self, digest: &Digest, blobs: &dyn Blobs) -> Result<PathBuf, HostError> {
        let path = self.path(digest);
        if file_state(&path) == State::Content(*digest) {
            return Ok(path);
        }
        let failed = |error: io::Error| match error.kind() {
            io::ErrorKind::StorageFull => HostError::NoSpace(path.display().to_string()),
            io::ErrorKind::ReadOnlyFilesystem => HostError::ReadOnly(path.display().to_string()),
            io::ErrorKind::PermissionDenied => HostError::Denied(path.display().to_string()),
            _ => HostError::Failed(format!("cannot write {}: {error}", path.display())),
        };
        let mut bytes = Vec::new();
        blobs
            .open(digest)
            .map_err(|error| HostError::Failed(format!("cannot place {}: {error}", path.display())))?
            .take(MAX_FILE + 1)
            .read_to_end(&mut bytes)
            .map_err(failed)?;
        if Digest::from_sha256(Sha256::digest(&bytes).into()) != *digest {
            return Err(HostError::Failed(format!(
                "cannot place {}: the bytes are not those of {digest}",
                path.display()
            )));
        }
        self.write(&path, &bytes).map_err(failed)?;
        Ok(path)
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
    pub(crate) fn mounted(&self, compose: &Value) -> Vec<Digest> {
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
