//! Images from an OCI layout directory. Their manifests stay as they are, byte for byte, so that signatures
//! made over them hold; only manifests in Docker's own form are rewritten.

use std::path::Path;

use super::pool::Pool;
use super::{Taken, keep_manifest};
use crate::error::Error;
use crate::layout::{CONFIG, Descriptor, INDEX, ImageConfig, Index, MANIFEST, Manifest, REF_NAME};
use crate::member::MAX_MANIFEST;
use crate::spec::ImageSpec;
use crate::statement::blob_path;
use crate::{files, json};

const DOCKER_LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";

/// Takes the variants of one image for the wanted platforms.
pub(super) fn take(
    pool: &mut Pool,
    image: &ImageSpec,
    dir: &Path,
    platforms: &[String],
) -> Result<Vec<Taken>, Error> {
    let index: Index = json::parse("index.json", &files::read(&dir.join("index.json"), MAX_MANIFEST)?)?;
    let entry = choose(image, &index)?;
    let manifests = match entry.media_type.as_str() {
        INDEX | DOCKER_LIST => json::parse::<Index>("an image index", &blob(dir, entry)?)?.manifests,
        _ => vec![entry.clone()],
    };
    let mut taken = Vec::new();
    for descriptor in manifests.iter().filter(|one| [MANIFEST, DOCKER_MANIFEST].contains(&&*one.media_type)) {
        let platform = descriptor.platform.as_ref().map(ToString::to_string);
        if platform.is_none_or(|platform| platforms.contains(&platform)) {
            taken.extend(take_manifest(pool, image, dir, descriptor, platforms)?);
        }
    }
    Ok(taken)
}

/// The one entry, or the one that has the wanted name.
fn choose<'a>(image: &ImageSpec, index: &'a Index) -> Result<&'a Descriptor, Error> {
    let wanted = image.reference.as_deref().unwrap_or(&image.name);
    match (index.manifests.as_slice(), &image.reference) {
        ([only], None) => Ok(only),
        (entries, _) => entries.iter().find(|entry| entry.note(REF_NAME) == Some(wanted)).ok_or_else(|| {
            let names: Vec<_> = entries.iter().filter_map(|entry| entry.note(REF_NAME)).collect();
            let reason = format!("the layout has no `{wanted}`, only: {}", names.join(", "));
            Error::source(format!("image {}", image.name), reason)
        }),
    }
}

fn take_manifest(
    pool: &mut Pool,
    image: &ImageSpec,
    dir: &Path,
    descriptor: &Descriptor,
    platforms: &[String],
) -> Result<Option<Taken>, Error> {
    let what = format!("image {}", image.name);
    let bytes = blob(dir, descriptor)?;
    let manifest: Manifest = json::parse("an image manifest", &bytes)?;
    let config_bytes = blob(dir, &manifest.config)?;
    let config: ImageConfig = json::parse("an image configuration", &config_bytes)?;
    if !platforms.contains(&config.platform().to_string()) {
        return Ok(None);
    }
    if manifest.layers.len() != config.rootfs.diff_ids.len() {
        return Err(Error::source(what, "its layers are not those of its configuration"));
    }
    let mut layers = Vec::new();
    for (wanted, diff_id) in manifest.layers.iter().zip(&config.rootfs.diff_ids) {
        let layer = pool.keep_layer_file(&dir.join(blob_path(&wanted.digest)))?;
        if (layer.descriptor.digest, layer.descriptor.size) != (wanted.digest, wanted.size) {
            return Err(Error::source(
                what,
                format!("the layer {} does not match its digest", wanted.digest),
            ));
        }
        if layer.diff_id != *diff_id {
            return Err(Error::source(
                what,
                format!("the layer {} is not the one in its configuration", wanted.digest),
            ));
        }
        layers.push(layer.descriptor);
    }
    let config_descriptor = pool.keep(CONFIG, config_bytes)?;
    let is_oci = manifest.config.media_type == CONFIG
        && manifest.layers.iter().zip(&layers).all(|(wanted, layer)| wanted.media_type == layer.media_type);
    let manifest = if is_oci {
        pool.keep(MANIFEST, bytes)?
    } else {
        keep_manifest(pool, None, config_descriptor, layers)?
    };
    Ok(Some(Taken { manifest, platform: config.platform(), user: config.user().to_owned() }))
}

/// A small blob of the layout, checked.
fn blob(dir: &Path, descriptor: &Descriptor) -> Result<Vec<u8>, Error> {
    let path = dir.join(blob_path(&descriptor.digest));
    let bytes = files::read(&path, MAX_MANIFEST)?;
    if crate::digest(&bytes) != descriptor.digest {
        return Err(Error::source(path.display().to_string(), "its bytes do not match its digest"));
    }
    Ok(bytes)
}
