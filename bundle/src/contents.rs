//! What is in a release, typed: read from its root index through any source of bytes by digest, and checked
//! against the signed list on the way. The same reading serves the bundle on the medium and the store.

use std::collections::BTreeSet;
use std::io::Read;

use model::{BlobError, Blobs, Digest};
use serde::{Deserialize, Serialize};

use crate::create::{NON_ROOT, is_root};
use crate::error::Error;
use crate::json;
use crate::layout::{
    CONFIG, Descriptor, EMPTY, INDEX, ImageConfig, Index, LAYER, MANIFEST, Manifest, Platform, REF_NAME,
    ROOT_ARTIFACT, TITLE,
};
use crate::member::MAX_MANIFEST;
use crate::refusal::Refusal;
use crate::spec::Declarations;
use crate::statement::{Predicate, Statement};

/// The annotation of an SBOM that names the image it describes.
pub(crate) const FOR_IMAGE: &str = "io.groundfast.image";
/// The largest file that [`Contents::read`] takes into memory.
const MAX_READ: u64 = 64 << 20;

/// A release's content.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Contents {
    /// Digest of the root index; names the release.
    pub root: Digest,
    /// What the signature says about the release.
    #[serde(skip)]
    pub release: Predicate,
    /// The images.
    pub images: Vec<Image>,
    /// Every other file.
    pub files: Vec<FileEntry>,
    /// What the product needs from the site.
    pub declarations: Declarations,
}

/// A container image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Image {
    /// The name that Compose files call it by.
    pub name: String,
    /// The platform that it runs on.
    pub platform: Platform,
    /// Its manifest.
    pub manifest: Digest,
    /// Its configuration; the image ID in Docker Engine.
    pub config: Digest,
    /// Its layers, from the bottom up.
    pub layers: Vec<Descriptor>,
    /// The digests of the uncompressed layers, in the same order.
    pub diff_ids: Vec<Digest>,
    /// The user that it runs as; empty is root.
    pub user: String,
    /// Whether the bundle promises that it does not run as root.
    pub non_root: bool,
}

/// A file with a role.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileEntry {
    /// What it is for: `compose`, `policy`, `profile`, `template`, `sbom`, or one of the spec's own roles.
    pub role: String,
    /// Its name: a safe relative path.
    pub title: String,
    /// What it is.
    pub media_type: String,
    /// Its bytes.
    pub digest: Digest,
    /// How many.
    pub size: u64,
    /// The image that an SBOM describes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
}

/// The artifact type of the manifest that lists the files of a role.
pub(crate) fn artifact_type(role: &str) -> String {
    format!("application/vnd.groundfast.{role}.v1")
}

fn role_of(artifact_type: &str) -> Option<&str> {
    let role = artifact_type.strip_prefix("application/vnd.groundfast.")?.strip_suffix(".v1")?;
    crate::spec::is_word(role).then_some(role)
}

/// Whether a title is a safe relative path: it can be written below any folder and means the same everywhere.
pub(crate) fn is_title(title: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-._+@ ".contains(c);
    let safe = |part: &str| {
        !part.is_empty() && part.len() <= 200 && part != "." && part != ".." && part.chars().all(plain)
    };
    title.len() <= 1024 && title.split('/').all(safe)
}

impl Contents {
    /// Reads what a signed statement names.
    ///
    /// # Errors
    /// When bytes are missing or do not match, a document has another form than its descriptor says, or
    /// the signed list and what is reachable from the root differ.
    pub fn read(statement: &Statement, blobs: &dyn Blobs) -> Result<Self, Error> {
        let mut reader = Reader { statement, blobs, reached: BTreeSet::new() };
        let index = reader.root()?;
        let (mut images, mut files) = (Vec::new(), Vec::new());
        for entry in &index.manifests {
            match (entry.note(REF_NAME), &entry.artifact_type) {
                (Some(name), None) => images.push(reader.image(name, entry)?),
                (None, Some(kind)) => files.extend(reader.files(kind, entry)?),
                _ => return Err(graph(format!("{} is neither an image nor a group of files", entry.digest))),
            }
        }
        reader.nothing_left()?;
        distinct(images.iter().map(|image| format!("image {} {}", image.name, image.platform)))?;
        distinct(files.iter().map(|file| format!("{} {}", file.role, file.title)))?;
        let declarations = declarations(&files, blobs)?;
        Ok(Self { root: statement.root, release: statement.predicate.clone(), images, files, declarations })
    }

    /// The files of a role, in the order of the spec.
    pub fn role<'a>(&'a self, role: &'a str) -> impl Iterator<Item = &'a FileEntry> {
        self.files.iter().filter(move |file| file.role == role)
    }

    /// The Compose files, in the order in which they are merged.
    pub fn compose(&self) -> impl Iterator<Item = &FileEntry> {
        self.role("compose")
    }

    /// The base policy: an OPA bundle, that is a gzipped tar.
    pub fn policy(&self) -> Option<&FileEntry> {
        self.role("policy").next()
    }

    /// The profiles.
    pub fn profiles(&self) -> impl Iterator<Item = &FileEntry> {
        self.role("profile")
    }

    /// The templates.
    pub fn templates(&self) -> impl Iterator<Item = &FileEntry> {
        self.role("template")
    }

    /// The software bills of materials.
    pub fn sboms(&self) -> impl Iterator<Item = &FileEntry> {
        self.role("sbom")
    }

    /// The image with this name for this platform (`os/architecture`).
    pub fn image(&self, name: &str, platform: &str) -> Option<&Image> {
        self.images.iter().find(|image| image.name == name && image.platform.to_string() == platform)
    }

    /// The bytes of a file of at most 64 MiB.
    ///
    /// # Errors
    /// When it is larger, missing or corrupt.
    pub fn bytes(&self, file: &FileEntry, blobs: &dyn Blobs) -> Result<Vec<u8>, Error> {
        read_blob(blobs, &file.digest, file.size, MAX_READ)
    }
}

fn declarations(files: &[FileEntry], blobs: &dyn Blobs) -> Result<Declarations, Error> {
    let mut found = files.iter().filter(|file| file.role == "declarations");
    match (found.next(), found.next()) {
        (Some(file), None) => {
            let bytes = read_blob(blobs, &file.digest, file.size, MAX_MANIFEST)?;
            Ok(json::parse("the declarations", &bytes)?)
        }
        _ => Err(graph("it does not hold exactly one document of declarations".to_owned())),
    }
}

fn distinct(names: impl Iterator<Item = String>) -> Result<(), Refusal> {
    let mut seen = BTreeSet::new();
    for name in names {
        if !seen.insert(name.to_lowercase()) {
            return Err(Refusal::Graph(format!("{name} is there twice")));
        }
    }
    Ok(())
}

fn graph(reason: String) -> Error {
    Refusal::Graph(reason).into()
}

/// Reads bytes whose digest the source has checked, and makes sure of the size.
fn read_blob(blobs: &dyn Blobs, digest: &Digest, size: u64, limit: u64) -> Result<Vec<u8>, Error> {
    if size > limit {
        return Err(Refusal::TooLarge { what: digest.to_string(), size, limit }.into());
    }
    let reader = blobs.open(digest).map_err(|error| match error {
        BlobError::Missing(digest) => Refusal::Missing(digest.to_string()).into(),
        BlobError::Corrupt(digest) => Refusal::Digest(digest.to_string()).into(),
        BlobError::Io(source) => Error::io("read", digest.to_string().as_ref(), source),
    })?;
    let mut bytes = Vec::new();
    let read = reader.take(size + 1).read_to_end(&mut bytes);
    read.map_err(|error| Error::io("read", digest.to_string().as_ref(), error))?;
    if bytes.len() as u64 != size || crate::digest(&bytes) != *digest {
        return Err(Refusal::Digest(digest.to_string()).into());
    }
    Ok(bytes)
}

/// Walks from the root and remembers what it reached.
struct Reader<'a> {
    statement: &'a Statement,
    blobs: &'a dyn Blobs,
    reached: BTreeSet<Digest>,
}

impl Reader<'_> {
    fn root(&mut self) -> Result<Index, Error> {
        let listed = self.statement.blob(&self.statement.root);
        let size =
            listed.map(|blob| blob.size).ok_or_else(|| graph("its root is not in the signed list".into()))?;
        let root = Descriptor::new(INDEX, self.statement.root, size);
        let index: Index = self.document("the root index", &root)?;
        let kinds = (index.schema_version, index.media_type.as_deref(), index.artifact_type.as_deref());
        if kinds != (2, Some(INDEX), Some(ROOT_ARTIFACT)) {
            return Err(graph("its root is not the index of a bundle".to_owned()));
        }
        Ok(index)
    }

    fn image(&mut self, name: &str, entry: &Descriptor) -> Result<Image, Error> {
        let manifest = self.manifest(entry)?;
        expect_type(&manifest.config, CONFIG)?;
        let config: ImageConfig = self.document("an image configuration", &manifest.config)?;
        for layer in &manifest.layers {
            if !layer.media_type.starts_with(LAYER) {
                return Err(graph(format!("image {name}: {} is not a layer", layer.digest)));
            }
            self.reach(layer)?;
        }
        let platform = config.platform();
        if entry.platform.as_ref() != Some(&platform) || manifest.layers.len() != config.rootfs.diff_ids.len()
        {
            return Err(graph(format!("image {name}: its configuration does not fit its manifest")));
        }
        let non_root = entry.note(NON_ROOT) == Some("true");
        if non_root && is_root(config.user()) {
            return Err(graph(format!("image {name} runs as root, but is listed as one that does not")));
        }
        Ok(Image {
            name: name.to_owned(),
            platform,
            manifest: entry.digest,
            config: manifest.config.digest,
            user: config.user().to_owned(),
            layers: manifest.layers,
            diff_ids: config.rootfs.diff_ids,
            non_root,
        })
    }

    fn files(&mut self, kind: &str, entry: &Descriptor) -> Result<Vec<FileEntry>, Error> {
        let role = role_of(kind)
            .ok_or_else(|| graph(format!("`{}` is not a kind of files", kind.escape_debug())))?;
        let manifest = self.manifest(entry)?;
        if manifest.artifact_type.as_deref() != Some(kind) {
            return Err(graph(format!("the files of the role {role} are listed as another role")));
        }
        expect_type(&manifest.config, EMPTY)?;
        self.reach(&manifest.config)?;
        let mut files = Vec::new();
        for layer in manifest.layers {
            let title = layer.note(TITLE).unwrap_or_default().to_owned();
            if !is_title(&title) {
                return Err(graph(format!("`{}` is not a safe name of a file", title.escape_debug())));
            }
            self.reach(&layer)?;
            files.push(FileEntry {
                role: role.to_owned(),
                title,
                image: layer.note(FOR_IMAGE).map(str::to_owned),
                media_type: layer.media_type,
                digest: layer.digest,
                size: layer.size,
            });
        }
        Ok(files)
    }

    fn manifest(&mut self, entry: &Descriptor) -> Result<Manifest, Error> {
        expect_type(entry, MANIFEST)?;
        let manifest: Manifest = self.document("a manifest", entry)?;
        if manifest.schema_version != 2 || manifest.media_type.as_deref().is_some_and(|kind| kind != MANIFEST)
        {
            return Err(graph(format!("{} is not a manifest", entry.digest)));
        }
        Ok(manifest)
    }

    fn document<T: serde::de::DeserializeOwned>(&mut self, what: &str, at: &Descriptor) -> Result<T, Error> {
        self.reach(at)?;
        let bytes = read_blob(self.blobs, &at.digest, at.size, MAX_MANIFEST)?;
        Ok(json::parse(what, &bytes)?)
    }

    /// Compares a descriptor with the signed list.
    fn reach(&mut self, descriptor: &Descriptor) -> Result<(), Error> {
        let what = descriptor.digest.to_string();
        let listed = self.statement.blob(&descriptor.digest);
        let listed = listed.ok_or_else(|| Refusal::Unlisted(what.clone()))?;
        let mismatch =
            |field, found: String, listed: String| Refusal::Mismatch { what, field, found, listed };
        if listed.size != descriptor.size {
            return Err(mismatch("size", descriptor.size.to_string(), listed.size.to_string()).into());
        }
        if listed.media_type != descriptor.media_type {
            return Err(
                mismatch("media type", descriptor.media_type.clone(), listed.media_type.clone()).into()
            );
        }
        self.reached.insert(descriptor.digest);
        Ok(())
    }

    /// Everything signed must be there for a reason.
    fn nothing_left(&self) -> Result<(), Error> {
        let blobs = self.statement.predicate.blobs.iter();
        let mut left = blobs
            .filter(|blob| blob.path != crate::member::ROOT_FILE && !self.reached.contains(&blob.digest));
        left.next().map_or(Ok(()), |blob| Err(graph(format!("{} belongs to nothing", blob.path))))
    }
}

fn expect_type(descriptor: &Descriptor, expected: &'static str) -> Result<(), Error> {
    if descriptor.media_type == expected {
        return Ok(());
    }
    Err(graph(format!(
        "{} is a {}, expected {expected}",
        descriptor.digest,
        descriptor.media_type.escape_debug()
    )))
}
