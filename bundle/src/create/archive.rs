//! Images as `docker save` writes them, from a file or straight from the engine (Docker image spec v1.2).

use std::collections::BTreeMap;
use std::io::Read;

use serde::Deserialize;

use super::pool::{Layer, Pool};
use super::{Taken, keep_manifest};
use crate::error::Error;
use crate::json;
use crate::layout::{CONFIG, ImageConfig};
use crate::spec::ImageSpec;

/// The largest document read from an archive, in bytes.
const MAX_DOCUMENT: u64 = 8 << 20;
/// The most entries an archive may have.
const MAX_ENTRIES: usize = 20_000;

/// One image in `manifest.json`.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Listed {
    config: String,
    #[serde(default)]
    repo_tags: Option<Vec<String>>,
    layers: Vec<String>,
}

/// What one pass over the archive found, by name.
#[derive(Default)]
struct Found {
    documents: BTreeMap<String, Vec<u8>>,
    layers: BTreeMap<String, Layer>,
    links: BTreeMap<String, String>,
}

/// Takes one image out of an archive.
pub(super) fn take(pool: &mut Pool, image: &ImageSpec, stream: impl Read) -> Result<Taken, Error> {
    let what = format!("image {}", image.name);
    let found = read(pool, &what, stream)?;
    let list = found.documents.get("manifest.json");
    let list = list.ok_or_else(|| Error::source(&what, "the archive has no manifest.json"))?;
    let list: Vec<Listed> = json::parse("manifest.json", list)?;
    let listed = choose(image, &list)?;
    let config_bytes = found.documents.get(&found.resolve(&listed.config));
    let config_bytes =
        config_bytes.ok_or_else(|| Error::source(&what, "its configuration is not in the archive"))?;
    let config: ImageConfig = json::parse("the image configuration", config_bytes)?;
    let mut layers = Vec::new();
    for (name, diff_id) in listed.layers.iter().zip(&config.rootfs.diff_ids) {
        let layer = found.layers.get(&found.resolve(name));
        let layer =
            layer.ok_or_else(|| Error::source(&what, format!("the layer {name} is not in the archive")))?;
        if layer.diff_id != *diff_id {
            return Err(Error::source(
                &what,
                format!("the layer {name} is not the one in its configuration"),
            ));
        }
        layers.push(layer.descriptor.clone());
    }
    if listed.layers.len() != config.rootfs.diff_ids.len() {
        return Err(Error::source(&what, "its layers are not those of its configuration"));
    }
    let descriptor = pool.keep(CONFIG, config_bytes.clone())?;
    let manifest = keep_manifest(pool, None, descriptor, layers)?;
    Ok(Taken { manifest, platform: config.platform(), user: config.user().to_owned() })
}

/// The one image, or the one that has the wanted tag.
fn choose<'a>(image: &ImageSpec, list: &'a [Listed]) -> Result<&'a Listed, Error> {
    let wanted = image.reference.as_deref().unwrap_or(&image.name);
    let tagged = |one: &&Listed| one.repo_tags.iter().flatten().any(|tag| tag == wanted);
    match (list, &image.reference) {
        ([only], None) => Ok(only),
        _ => list.iter().find(tagged).ok_or_else(|| {
            let tags: Vec<_> = list.iter().flat_map(|one| one.repo_tags.iter().flatten()).cloned().collect();
            let reason = format!("the archive has no `{wanted}`, only: {}", tags.join(", "));
            Error::source(format!("image {}", image.name), reason)
        }),
    }
}

/// Reads the archive once, front to back; it may be a stream.
fn read(pool: &mut Pool, what: &str, stream: impl Read) -> Result<Found, Error> {
    let refuse =
        |error: &dyn std::fmt::Display| Error::source(what, format!("cannot read the archive: {error}"));
    let mut archive = tar::Archive::new(stream);
    let mut found = Found::default();
    for (count, entry) in archive.entries().map_err(|error| refuse(&error))?.enumerate() {
        let mut entry = entry.map_err(|error| refuse(&error))?;
        if count == MAX_ENTRIES {
            return Err(refuse(&format_args!("it has more than {MAX_ENTRIES} entries")));
        }
        let name = normal(&entry.path().map_err(|error| refuse(&error))?.to_string_lossy());
        let kind = entry.header().entry_type();
        if kind.is_symlink() || kind.is_hard_link() {
            let target = entry.link_name().map_err(|error| refuse(&error))?.unwrap_or_default();
            let base =
                if kind.is_symlink() { name.rsplit_once('/').map_or("", |(folder, _)| folder) } else { "" };
            found.links.insert(name.clone(), normal(&format!("{base}/{}", target.to_string_lossy())));
        } else if kind.is_file() {
            take_entry(pool, &mut found, name, &mut entry).map_err(|error| match error {
                Error::Io { source, .. } => refuse(&source),
                other => other,
            })?;
        }
    }
    Ok(found)
}

/// A document is kept in memory when it looks like one; anything else may be a layer.
fn take_entry<R: Read>(
    pool: &mut Pool,
    found: &mut Found,
    name: String,
    entry: &mut tar::Entry<'_, R>,
) -> Result<(), Error> {
    let mut head = [0; 1];
    let size = entry.size();
    let got = entry.read(&mut head).map_err(|error| Error::io("read", name.as_ref(), error))?;
    let head = &head[..got];
    if matches!(head, b"{" | b"[") && size <= MAX_DOCUMENT {
        let mut bytes = head.to_vec();
        entry.read_to_end(&mut bytes).map_err(|error| Error::io("read", name.as_ref(), error))?;
        found.documents.insert(name, bytes);
    } else if size >= 512 || name.ends_with(".tar") {
        let layer = pool.keep_layer(head.chain(entry))?;
        found.layers.insert(name, layer);
    }
    Ok(())
}

impl Found {
    /// Follows a link, which older engines write for a layer that occurs twice.
    fn resolve(&self, name: &str) -> String {
        let mut name = normal(name);
        for _ in 0..8 {
            match self.links.get(&name) {
                Some(target) => name.clone_from(target),
                None => break,
            }
        }
        name
    }
}

/// A path without `.`, `..` and empty parts. It only names entries, never files.
fn normal(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts.join("/")
}
