//! Everything that is not an image: one OCI artifact manifest for each role, one layer for each file.

use std::path::{Path, PathBuf};

use super::keep_manifest;
use super::pool::Pool;
use crate::contents::{FOR_IMAGE, artifact_type, is_title};
use crate::error::Error;
use crate::layout::{Descriptor, EMPTY, TITLE};
use crate::spec::Spec;

/// The most bytes of a policy folder, which is packed in memory.
const MAX_POLICY: u64 = 64 << 20;
/// The deepest folder taken in.
const MAX_DEPTH: usize = 16;

/// A file to take in.
struct Wanted<'a> {
    role: &'a str,
    path: &'a Path,
    name: Option<&'a str>,
    media_type: Option<&'a str>,
    image: Option<&'a str>,
}

/// Takes in every file of the spec and gives the artifact manifests, in the order of roles.
pub(super) fn take(pool: &mut Pool, spec: &Spec, base: &Path) -> Result<Vec<Descriptor>, Error> {
    let wanted = wanted(spec);
    let mut roles: Vec<&str> = wanted.iter().map(|file| file.role).collect();
    roles.extend(["declarations"]);
    roles.sort_unstable();
    roles.dedup();
    let mut manifests = Vec::new();
    for role in roles {
        let mut layers = Vec::new();
        if role == "declarations" {
            let bytes = crate::encode(&spec.needs);
            let media_type = "application/vnd.groundfast.declarations.v1+json";
            layers.push(pool.keep(media_type, bytes)?.annotated(TITLE, "declarations.json"));
        }
        for file in wanted.iter().filter(|file| file.role == role) {
            take_one(pool, spec, file, base, &mut layers)?;
        }
        for (at, layer) in layers.iter().enumerate() {
            if layers[..at].iter().any(|other| other.note(TITLE) == layer.note(TITLE)) {
                let title = layer.note(TITLE).unwrap_or_default();
                return Err(Error::source(title, format!("two files of the role `{role}` have this name")));
            }
        }
        let config = pool.keep(EMPTY, b"{}".to_vec())?;
        manifests.push(keep_manifest(pool, Some(&artifact_type(role)), config, layers)?);
    }
    Ok(manifests)
}

fn wanted(spec: &Spec) -> Vec<Wanted<'_>> {
    let own = [
        ("compose", spec.compose.as_slice()),
        ("policy", spec.policy.as_slice()),
        ("profile", &spec.profiles),
        ("template", &spec.templates),
        ("sbom", &spec.sboms),
        ("apparmor", &spec.apparmor),
        ("selinux", &spec.selinux),
    ];
    let mut wanted = Vec::new();
    for (role, files) in own {
        wanted.extend(files.iter().map(|file| Wanted {
            role,
            path: &file.path,
            name: file.name.as_deref(),
            media_type: file.media_type.as_deref(),
            image: file.image.as_deref(),
        }));
    }
    wanted.extend(spec.files.iter().map(|file| Wanted {
        role: &file.role,
        path: &file.path,
        name: file.name.as_deref(),
        media_type: file.media_type.as_deref(),
        image: None,
    }));
    wanted
}

fn take_one(
    pool: &mut Pool,
    spec: &Spec,
    file: &Wanted<'_>,
    base: &Path,
    layers: &mut Vec<Descriptor>,
) -> Result<(), Error> {
    let path = base.join(file.path);
    let shown = path.display().to_string();
    let last = file.path.file_name().map(|name| name.to_string_lossy().into_owned());
    let name =
        file.name.map(str::to_owned).or(last).ok_or_else(|| Error::source(&shown, "give it a `name`"))?;
    if let Some(image) = file.image.filter(|image| !spec.images.iter().any(|one| one.name == **image)) {
        return Err(Error::source(
            shown,
            format!("it describes the image `{image}`, which the spec does not name"),
        ));
    }
    let is_dir = path.metadata().map_err(|error| Error::io("read", &path, error))?.is_dir();
    if is_dir && file.role == "policy" {
        let media_type = file.media_type.unwrap_or("application/vnd.openpolicyagent.bundle.v1.tar+gzip");
        let descriptor = pool.keep(media_type, pack(&path)?)?;
        layers.push(descriptor.annotated(TITLE, &format!("{name}.tar.gz")));
        return Ok(());
    }
    let found = if is_dir { walk(&path)? } else { vec![(String::new(), path.clone())] };
    for (inner, source) in found {
        let title = if inner.is_empty() { name.clone() } else { format!("{name}/{inner}") };
        if !is_title(&title) {
            return Err(Error::source(shown, format!("`{title}` is not a usable name: give it a `name`")));
        }
        let media_type = file.media_type.unwrap_or_else(|| media_type(&title));
        let mut descriptor = pool.keep_file(media_type, &source)?.annotated(TITLE, &title);
        if let Some(image) = file.image {
            descriptor = descriptor.annotated(FOR_IMAGE, image);
        }
        layers.push(descriptor);
    }
    Ok(())
}

/// The media type that a file's ending tells.
fn media_type(title: &str) -> &'static str {
    let endings = [
        (".spdx.json", "application/spdx+json"),
        (".cdx.json", "application/vnd.cyclonedx+json"),
        (".json", "application/json"),
        (".toml", "application/toml"),
        (".yaml", "application/yaml"),
        (".yml", "application/yaml"),
        (".tar.gz", "application/gzip"),
        (".tgz", "application/gzip"),
        (".tar", "application/x-tar"),
        (".deb", "application/vnd.debian.binary-package"),
        (".tera", "text/plain"),
        (".conf", "text/plain"),
        (".txt", "text/plain"),
        (".md", "text/markdown"),
    ];
    endings
        .iter()
        .find(|(ending, _)| title.ends_with(ending))
        .map_or("application/octet-stream", |(_, kind)| kind)
}

/// Every regular file under a folder, by its path inside, sorted. Links and devices are refused.
fn walk(dir: &Path) -> Result<Vec<(String, PathBuf)>, Error> {
    let mut found = Vec::new();
    let mut folders = vec![(String::new(), dir.to_owned(), 0)];
    while let Some((prefix, folder, depth)) = folders.pop() {
        let failed = |error| Error::io("read", &folder, error);
        for entry in folder.read_dir().map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let inner = format!("{prefix}{}", entry.file_name().to_string_lossy());
            let kind = entry.file_type().map_err(failed)?;
            if kind.is_dir() && depth < MAX_DEPTH {
                folders.push((format!("{inner}/"), entry.path(), depth + 1));
            } else if kind.is_file() {
                found.push((inner, entry.path()));
            } else {
                return Err(Error::source(entry.path().display().to_string(), "it is not a regular file"));
            }
        }
    }
    found.sort();
    Ok(found)
}

/// Packs a policy folder into an OPA bundle: a gzipped tar whose bytes depend on names and contents only.
fn pack(dir: &Path) -> Result<Vec<u8>, Error> {
    let failed = |error| Error::io("pack", dir, error);
    let encoder = flate2::GzBuilder::new().mtime(0).write(Vec::new(), flate2::Compression::default());
    let mut builder = tar::Builder::new(encoder);
    let mut total = 0;
    for (inner, path) in walk(dir)? {
        let bytes = crate::files::read(&path, MAX_POLICY)?;
        total += bytes.len() as u64;
        if total > MAX_POLICY {
            return Err(Error::source(dir.display().to_string(), "the policy is larger than 64 MiB"));
        }
        let mut header = tar::Header::new_ustar();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        builder.append_data(&mut header, inner, bytes.as_slice()).map_err(failed)?;
    }
    builder.into_inner().and_then(flate2::write::GzEncoder::finish).map_err(failed)
}
