//! The documents of an OCI image layout, as far as bundles use them (OCI image-spec 1.1).

use std::collections::BTreeMap;

use model::Digest;
use serde::{Deserialize, Serialize};

/// What the member `oci-layout` holds, always.
pub const LAYOUT_FILE: &[u8] = br#"{"imageLayoutVersion":"1.0.0"}"#;
/// Media type of an index.
pub const INDEX: &str = "application/vnd.oci.image.index.v1+json";
/// Media type of a manifest.
pub const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
/// Media type of an image configuration.
pub const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
/// Media type of the empty configuration of artifacts.
pub const EMPTY: &str = "application/vnd.oci.empty.v1+json";
/// Media type of an uncompressed layer.
pub const LAYER: &str = "application/vnd.oci.image.layer.v1.tar";
/// Artifact type of the root index.
pub const ROOT_ARTIFACT: &str = "application/vnd.groundfast.bundle.v1";
/// The annotation by which tools find an entry of `index.json`.
pub const REF_NAME: &str = "org.opencontainers.image.ref.name";
/// The annotation that holds a file's name.
pub const TITLE: &str = "org.opencontainers.image.title";
/// The name of the root index in `index.json`.
pub const ROOT_NAME: &str = "groundfast";

/// The platform of an image.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Platform {
    /// CPU architecture, in Go's words.
    pub architecture: String,
    /// Operating system, in Go's words.
    pub os: String,
    /// Variant of the architecture, such as `v8`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variant: Option<String>,
}

impl std::fmt::Display for Platform {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.os, self.architecture)?;
        self.variant.iter().try_for_each(|variant| write!(f, "/{variant}"))
    }
}

/// A reference to content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Descriptor {
    /// What it is.
    pub media_type: String,
    /// Its name.
    pub digest: Digest,
    /// Bytes.
    pub size: u64,
    /// What kind of artifact a manifest describes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifact_type: Option<String>,
    /// The platform of an image manifest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform: Option<Platform>,
    /// Notes.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
}

impl Descriptor {
    /// A descriptor without annotations.
    pub fn new(media_type: &str, digest: Digest, size: u64) -> Self {
        Self {
            media_type: media_type.to_owned(),
            digest,
            size,
            artifact_type: None,
            platform: None,
            annotations: BTreeMap::new(),
        }
    }

    /// The same with one more annotation.
    #[must_use]
    pub fn annotated(mut self, key: &str, value: &str) -> Self {
        self.annotations.insert(key.to_owned(), value.to_owned());
        self
    }

    /// An annotation.
    pub fn note(&self, key: &str) -> Option<&str> {
        self.annotations.get(key).map(String::as_str)
    }
}

/// An image index.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Index {
    /// Always 2.
    pub schema_version: u32,
    /// [`INDEX`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub media_type: Option<String>,
    /// [`ROOT_ARTIFACT`] for the root.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifact_type: Option<String>,
    /// What it lists.
    pub manifests: Vec<Descriptor>,
    /// Notes.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
}

/// A manifest of an image or artifact.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Manifest {
    /// Always 2.
    pub schema_version: u32,
    /// [`MANIFEST`]. Required here, so that no document has two readings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub media_type: Option<String>,
    /// What kind of artifact it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifact_type: Option<String>,
    /// The configuration.
    pub config: Descriptor,
    /// The content.
    pub layers: Vec<Descriptor>,
    /// Notes.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
}

/// The parts of an image configuration that matter here.
#[derive(Clone, Debug, Deserialize)]
pub struct ImageConfig {
    /// CPU architecture.
    pub architecture: String,
    /// Operating system.
    pub os: String,
    /// Variant of the architecture.
    #[serde(default)]
    pub variant: Option<String>,
    /// How containers start.
    #[serde(default)]
    pub config: Option<Process>,
    /// The layers.
    pub rootfs: RootFs,
}

/// The parts of an image's process settings that matter here.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Process {
    /// The user that it runs as; empty is root.
    #[serde(default, rename = "User")]
    pub user: Option<String>,
}

/// The layers by the digests of their uncompressed bytes.
#[derive(Clone, Debug, Deserialize)]
pub struct RootFs {
    /// Digests, from the bottom up.
    pub diff_ids: Vec<Digest>,
}

impl ImageConfig {
    /// The platform it runs on.
    pub fn platform(&self) -> Platform {
        Platform {
            architecture: self.architecture.clone(),
            os: self.os.clone(),
            variant: self.variant.clone(),
        }
    }

    /// The user that containers run as; empty is root.
    pub fn user(&self) -> &str {
        self.config.as_ref().and_then(|process| process.user.as_deref()).unwrap_or_default()
    }
}

/// `index.json`, as it follows from the root index: the root, then each image by its name.
pub fn index_json(root: &Descriptor, index: &Index) -> Vec<u8> {
    let mut manifests = vec![root.clone().annotated(REF_NAME, ROOT_NAME)];
    for entry in &index.manifests {
        let Some(name) = entry.note(REF_NAME) else { continue };
        let platforms = index.manifests.iter().filter(|other| other.note(REF_NAME) == Some(name)).count();
        let named = match &entry.platform {
            // Tools pick an entry by its name alone, so names must differ between platforms.
            Some(platform) if platforms > 1 => format!("{name}-{}-{}", platform.os, platform.architecture),
            _ => name.to_owned(),
        };
        manifests.push(entry.clone().annotated(REF_NAME, &named));
    }
    crate::encode(&Index {
        schema_version: 2,
        media_type: Some(INDEX.to_owned()),
        artifact_type: None,
        manifests,
        annotations: BTreeMap::new(),
    })
}
