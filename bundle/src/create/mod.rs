//! Making a bundle: take in images and files, build the OCI layout, sign it, write one sorted tar.

mod archive;
mod files;
mod layout;
mod pool;
mod write;

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

use jiff::Timestamp;

use crate::error::Error;
use crate::keys::Signer;
use crate::layout::{Descriptor, INDEX, Index, MANIFEST, Platform, REF_NAME, ROOT_ARTIFACT, index_json};
use crate::member;
use crate::progress::Progress;
use crate::root::Root;
use crate::spec::{ImageSpec, Spec};
use crate::statement::{Blob, Predicate, Statement};
use crate::{dsse, encode};
use pool::Pool;

/// Gives images out of the container engine of the build machine.
pub trait Engine {
    /// A stream as `docker save NAME` writes it.
    ///
    /// # Errors
    /// When there is no engine or no such image.
    fn save(&self, name: &str) -> std::io::Result<Box<dyn Read>>;
}

/// Everything besides the spec that a bundle is made from.
pub struct Inputs<'a> {
    /// The directory that paths in the spec are relative to.
    pub base: &'a Path,
    /// Where `engine = "…"` images come from.
    pub engine: &'a dyn Engine,
    /// Who signs.
    pub signer: &'a dyn Signer,
    /// The root of trust that goes with it: the bytes of `root.json`.
    pub root: &'a [u8],
    /// The present, or `SOURCE_DATE_EPOCH`; the spec's `created` goes before it.
    pub now: Timestamp,
    /// The time given to every tar member, in seconds since 1970: 0 or `SOURCE_DATE_EPOCH`.
    pub mtime: u64,
}

/// A bundle that was written.
#[derive(Debug)]
pub struct Created {
    /// What was signed.
    pub statement: Statement,
    /// Bytes of the file.
    pub size: u64,
}

/// An image manifest in the root index, not yet named.
struct Taken {
    manifest: Descriptor,
    platform: Platform,
    user: String,
}

/// Makes a bundle and writes it to `out`, which appears only when it is whole.
///
/// # Errors
/// When a source cannot be taken in, the root does not let this key sign, or writing fails.
pub fn create(
    spec: &Spec,
    inputs: &Inputs<'_>,
    out: &Path,
    progress: &dyn Progress,
) -> Result<Created, Error> {
    let created = whole_seconds(spec.product.created.unwrap_or(inputs.now));
    if created >= spec.product.expires {
        let (expires, created) = (spec.product.expires.to_string(), created.to_string());
        return Err(Error::Stillborn { expires, created });
    }
    let root = Root::parse(inputs.root)?;
    if !root.release_keys()?.contains(inputs.signer.public_key()) {
        return Err(Error::source("root.json", "it does not let this key sign releases"));
    }
    let folder = out.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut pool = Pool::new(folder)?;
    let mut manifests = Vec::new();
    for image in &spec.images {
        progress.start(&format!("image {}", image.name), 0);
        manifests.extend(take_image(&mut pool, image, spec, inputs)?);
    }
    progress.start("files", 0);
    manifests.extend(files::take(&mut pool, spec, inputs.base)?);
    let index = root_index(spec, manifests);
    let root_descriptor = pool.keep(INDEX, encode(&index))?;
    let statement = Statement {
        root: root_descriptor.digest,
        predicate: predicate(spec, created, pool.listed(), inputs.root),
    };
    let signature = dsse::sign(&statement.encode(), inputs.signer)?;
    let index = index_json(&root_descriptor, &index);
    let leading = [
        (member::LAYOUT, crate::layout::LAYOUT_FILE),
        (member::ROOT_FILE, inputs.root),
        (member::SIGNATURE, &signature),
        (member::INDEX, &index),
    ];
    progress.start("bundle", statement.predicate.total_size);
    let size = write::archive(out, folder, &leading, &pool, inputs.mtime, progress)?;
    Ok(Created { statement, size })
}

/// A release is dated to the second, as its tar members are.
fn whole_seconds(time: Timestamp) -> Timestamp {
    Timestamp::from_second(time.as_second()).unwrap_or(time)
}

fn take_image(
    pool: &mut Pool,
    image: &ImageSpec,
    spec: &Spec,
    inputs: &Inputs<'_>,
) -> Result<Vec<Descriptor>, Error> {
    let what = format!("image {}", image.name);
    let taken = if let Some(path) = &image.docker_archive {
        let path = inputs.base.join(path);
        let file = std::fs::File::open(&path).map_err(|error| Error::io("read", &path, error))?;
        vec![archive::take(pool, image, file)?]
    } else if let Some(path) = &image.oci_layout {
        layout::take(pool, image, &inputs.base.join(path), &spec.product.platforms)?
    } else {
        let name = image.engine.as_deref().unwrap_or(&image.name);
        let stream = inputs.engine.save(name).map_err(|error| Error::source(&what, error.to_string()))?;
        vec![archive::take(pool, image, stream)?]
    };
    for platform in &spec.product.platforms {
        if !taken.iter().any(|image| image.platform.to_string() == *platform) {
            return Err(Error::source(what, format!("it has no variant for {platform}")));
        }
    }
    let mut named = Vec::new();
    for one in taken {
        if image.non_root && is_root(&one.user) {
            let reason = "it runs as root; give it a USER, or say `non-root = false` in the spec";
            return Err(Error::source(what, reason));
        }
        let mut descriptor = one.manifest.annotated(REF_NAME, &image.name);
        if image.non_root {
            descriptor = descriptor.annotated(NON_ROOT, "true");
        }
        descriptor.platform = Some(one.platform);
        named.push(descriptor);
    }
    Ok(named)
}

/// The annotation of an image that is expected not to run as root.
pub(crate) const NON_ROOT: &str = "io.groundfast.non-root";

/// Whether containers of an image with this `User` run as root.
pub(crate) fn is_root(user: &str) -> bool {
    matches!(user.split(':').next().unwrap_or_default(), "" | "root" | "0")
}

fn root_index(spec: &Spec, manifests: Vec<Descriptor>) -> Index {
    let product = &spec.product;
    let note = |key: &str, value: String| (key.to_owned(), value);
    Index {
        schema_version: 2,
        media_type: Some(INDEX.to_owned()),
        artifact_type: Some(ROOT_ARTIFACT.to_owned()),
        manifests,
        annotations: BTreeMap::from([
            note(crate::layout::TITLE, product.name.clone()),
            note("org.opencontainers.image.version", product.version.to_string()),
            note("io.groundfast.channel", product.channel.clone()),
            note("io.groundfast.release", product.release.to_string()),
        ]),
    }
}

fn predicate(spec: &Spec, created: Timestamp, mut blobs: Vec<Blob>, root: &[u8]) -> Predicate {
    blobs.push(Blob {
        path: member::ROOT_FILE.to_owned(),
        digest: crate::digest(root),
        size: root.len() as u64,
        media_type: "application/json".to_owned(),
    });
    blobs.sort_by(|a, b| a.path.cmp(&b.path));
    let product = &spec.product;
    Predicate {
        product: product.name.clone(),
        channel: product.channel.clone(),
        version: product.version.clone(),
        release: product.release,
        platforms: product.platforms.clone(),
        min_installer: product.min_installer.clone(),
        created,
        expires: product.expires,
        previous: product.previous,
        total_size: blobs.iter().map(|blob| blob.size).sum(),
        count: blobs.len() as u64,
        blobs,
    }
}

/// A manifest made here, for an image or an artifact.
fn keep_manifest(
    pool: &mut Pool,
    artifact_type: Option<&str>,
    config: Descriptor,
    layers: Vec<Descriptor>,
) -> Result<Descriptor, Error> {
    let manifest = crate::layout::Manifest {
        schema_version: 2,
        media_type: Some(MANIFEST.to_owned()),
        artifact_type: artifact_type.map(str::to_owned),
        config,
        layers,
        annotations: BTreeMap::new(),
    };
    let mut descriptor = pool.keep(MANIFEST, encode(&manifest))?;
    descriptor.artifact_type = artifact_type.map(str::to_owned);
    Ok(descriptor)
}
