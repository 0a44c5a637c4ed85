//! Images as resources: present by id, loaded from the bundle's blobs, removed again on the way back.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::sync::Arc;

use model::{BlobError, Blobs, Digest, HostError, State, Unread};
use serde_json::Value;

use crate::archive::Image;
use crate::engine::{Engine, EngineError};

/// The images that a release brings, as resources of one engine.
pub(crate) struct Images {
    engine: Engine,
    known: BTreeMap<Digest, Image>,
}

/// The state of an image that is present: its id and the user that it runs as.
pub(crate) fn state(id: &Digest, user: &str) -> State {
    State::record([("id", State::Content(*id)), ("user", State::text(user))])
}

impl Images {
    pub(crate) fn new(engine: Engine, images: Vec<Image>) -> Self {
        Self { engine, known: images.into_iter().map(|image| (image.id, image)).collect() }
    }

    pub(crate) async fn see(&self, id: &Digest) -> Result<State, Unread> {
        let found = self.engine.image(&id.to_string()).await.map_err(|error| unread(&error))?;
        let Some(image) = found else { return Ok(State::Absent) };
        if image["Id"].as_str() != Some(&id.to_string()) {
            return Err(Unread::Malformed(format!("the engine answers with image {} for {id}", image["Id"])));
        }
        Ok(state(id, image["Config"]["User"].as_str().unwrap_or_default()))
    }

    pub(crate) async fn change(&self, id: &Digest, to: &State, blobs: &dyn Blobs) -> Result<(), HostError> {
        if *to == State::Absent {
            return self.engine.remove_image(&id.to_string()).await.map_err(|error| refused(&error));
        }
        let image = self
            .known
            .get(id)
            .ok_or_else(|| HostError::Unsupported(format!("image {id} is not in this release")))?
            .clone();
        let held = self.engine.layers().await.map_err(|error| refused(&error))?;
        let present = image.present(&held);
        let opened = Arc::new(open_all(&image, present, blobs)?);
        self.engine
            .load(move |out| image.write(present, opened.as_ref(), out))
            .await
            .map_err(|error| refused(&error))?;
        // The engine names what it loaded after its own reading of it: that must be the id that was signed.
        match self.see(id).await {
            Ok(seen) if seen == *to => Ok(()),
            Ok(seen) => Err(HostError::Failed(format!("after loading, image {id} is {seen}"))),
            Err(unread) => Err(HostError::Failed(unread.to_string())),
        }
    }
}

/// Blobs opened beforehand, twice each, so that the thread that writes the archive owns them.
struct Opened(std::sync::Mutex<BTreeMap<Digest, Vec<Box<dyn Read + Send>>>>);

impl Blobs for Opened {
    fn open(&self, digest: &Digest) -> Result<Box<dyn Read + Send>, BlobError> {
        let mut readers = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        readers.get_mut(digest).and_then(Vec::pop).ok_or(BlobError::Missing(*digest))
    }
}

fn open_all(image: &Image, present: usize, blobs: &dyn Blobs) -> Result<Opened, HostError> {
    let mut readers: BTreeMap<Digest, Vec<_>> = BTreeMap::new();
    let layers = image.layers.iter().skip(present).flat_map(|layer| [layer.blob, layer.blob]);
    for digest in layers.chain([image.id]) {
        let reader = blobs
            .open(&digest)
            .map_err(|error| HostError::Failed(format!("cannot load image {}: {error}", image.name)))?;
        readers.entry(digest).or_default().push(reader);
    }
    Ok(Opened(std::sync::Mutex::new(readers)))
}

pub(crate) fn unread(error: &EngineError) -> Unread {
    match error {
        EngineError::Connect { source, .. } if source.kind() == io::ErrorKind::PermissionDenied => {
            Unread::Denied(error.to_string())
        }
        EngineError::Connect { .. } | EngineError::Slow(_) => Unread::NoAnswer(told(error)),
        _ => Unread::Failed(told(error)),
    }
}

pub(crate) fn refused(error: &EngineError) -> HostError {
    let text = told(error);
    match error {
        EngineError::Connect { source, .. } if source.kind() == io::ErrorKind::PermissionDenied => {
            HostError::Denied(text)
        }
        EngineError::Refused { message, .. } if message.contains("no space left on device") => {
            HostError::NoSpace(text)
        }
        _ => HostError::Failed(text),
    }
}

/// An error with its cause, for the errors of `model`, which are plain text.
fn told(error: &EngineError) -> String {
    match std::error::Error::source(error) {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}

/// The id of the image that a container was made from.
pub(crate) fn image_of(container: &Value) -> Option<Digest> {
    container["Image"].as_str().and_then(|id| id.parse().ok())
}
