//! The bundle spec: a TOML file that names a release and everything that goes into it.

mod fault;
mod needs;

use std::path::PathBuf;

use jiff::Timestamp;
use model::Digest;
use schemars::JsonSchema;
use semver::Version;
use serde::Deserialize;

pub use fault::SpecError;
pub use needs::{
    Bytes, CertificateNeed, Confinement, Declarations, Delivery, Limits, Port, Protocol, SecretNeed, Smoke,
    Volume,
};

/// A whole spec.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Spec {
    /// Version of this format; 1.
    pub version: u32,
    /// Which release this is.
    pub product: Product,
    /// Container images.
    #[serde(default, rename = "image")]
    pub images: Vec<ImageSpec>,
    /// Compose files, in the order in which they are merged.
    #[serde(default, rename = "compose")]
    pub compose: Vec<FileSpec>,
    /// The base policy.
    #[serde(default)]
    pub policy: Option<FileSpec>,
    /// Hardening and preflight profiles.
    #[serde(default, rename = "profile")]
    pub profiles: Vec<FileSpec>,
    /// Templates of files that are made on the site.
    #[serde(default, rename = "template")]
    pub templates: Vec<FileSpec>,
    /// Software bills of materials.
    #[serde(default, rename = "sbom")]
    pub sboms: Vec<FileSpec>,
    /// AppArmor profiles, one a file, the file named as the profile is.
    #[serde(default)]
    pub apparmor: Vec<FileSpec>,
    /// Modules of SELinux' policy in CIL, the file named as the module is, with `.cil` behind it.
    #[serde(default)]
    pub selinux: Vec<FileSpec>,
    /// Anything else, by role.
    #[serde(default, rename = "file")]
    pub files: Vec<RoleSpec>,
    /// What the product needs from the site.
    #[serde(default)]
    pub needs: Declarations,
}

/// Which release a bundle is.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Product {
    /// Its name: lower-case letters, digits, `-`, `.`, `_`.
    pub name: String,
    /// The release channel, such as `stable`.
    pub channel: String,
    /// The version for people.
    #[schemars(with = "String")]
    pub version: Version,
    /// The version for machines: higher with every release of the channel.
    pub release: u64,
    /// Platforms, such as `linux/amd64`.
    pub platforms: Vec<String>,
    /// The oldest Groundfast that can install it.
    #[serde(default = "oldest")]
    #[schemars(with = "String")]
    pub min_installer: Version,
    /// When it was made; without it the caller's time (`SOURCE_DATE_EPOCH` or now).
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub created: Option<Timestamp>,
    /// When it stops being installable.
    #[schemars(with = "String")]
    pub expires: Timestamp,
    /// Root digest of the release before it.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub previous: Option<Digest>,
}

fn oldest() -> Version {
    Version::new(0, 1, 0)
}

/// An image and where it comes from: exactly one of `docker-archive`, `oci-layout`, `engine`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ImageSpec {
    /// The name that Compose files call it by.
    pub name: String,
    /// A `docker save` archive.
    #[serde(default)]
    pub docker_archive: Option<PathBuf>,
    /// An OCI layout directory.
    #[serde(default)]
    pub oci_layout: Option<PathBuf>,
    /// The name of an image in the container engine of the build machine.
    #[serde(default)]
    pub engine: Option<String>,
    /// The name inside the archive or layout, when it holds several.
    #[serde(default)]
    pub reference: Option<String>,
    /// Whether the image must not run as root; checked while creating, and again on the site.
    #[serde(default = "yes")]
    pub non_root: bool,
}

fn yes() -> bool {
    true
}

/// A file or folder.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct FileSpec {
    /// Where it is, relative to the spec.
    pub path: PathBuf,
    /// The name in the bundle; without it the last part of the path.
    #[serde(default)]
    pub name: Option<String>,
    /// The media type, when the file's ending does not tell it.
    #[serde(default)]
    pub media_type: Option<String>,
    /// The image that an SBOM describes.
    #[serde(default)]
    pub image: Option<String>,
}

/// A file or folder with a role of its own.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct RoleSpec {
    /// What it is for: `matrix`, `package`, `binary`, `config`, …
    pub role: String,
    /// Where it is, relative to the spec.
    pub path: PathBuf,
    /// The name in the bundle; without it the last part of the path.
    #[serde(default)]
    pub name: Option<String>,
    /// The media type, when the file's ending does not tell it.
    #[serde(default)]
    pub media_type: Option<String>,
}

/// Roles that the spec's own sections use.
const OWN_ROLES: [&str; 8] =
    ["apparmor", "compose", "declarations", "policy", "profile", "sbom", "selinux", "template"];

impl Spec {
    /// Reads a spec; `file` is its name in messages.
    ///
    /// # Errors
    /// With file, line and column, what is wrong and what would be right.
    pub fn parse(text: &str, file: &str) -> Result<Self, SpecError> {
        let spec: Self = toml::from_str(text).map_err(|error| SpecError::of(file, text, &error))?;
        spec.check().map_err(|(needle, reason)| SpecError::at(file, text, &needle, reason))?;
        Ok(spec)
    }

    /// What types alone cannot say; a complaint comes with the text to look for in the file.
    fn check(&self) -> Result<(), (String, String)> {
        if self.version != 1 {
            return Err(("version".into(), format!("version {} is not known; 1 is", self.version)));
        }
        let product = &self.product;
        for name in [&product.name, &product.channel] {
            if !is_word(name) {
                return Err((name.clone(), format!("`{name}` must be lower-case letters, digits and `-._`")));
            }
        }
        if product.platforms.is_empty() {
            return Err((
                "platforms".into(),
                "at least one platform is needed, such as `linux/amd64`".into(),
            ));
        }
        if let Some(bad) = product.platforms.iter().find(|platform| !is_platform(platform)) {
            return Err((bad.clone(), format!("`{bad}` is not a platform such as `linux/amd64`")));
        }
        if product.created.is_some_and(|created| created >= product.expires) {
            return Err(("expires".into(), "it expires before it is created".into()));
        }
        self.check_images()?;
        self.check_confinement()?;
        if let Some(file) =
            self.files.iter().find(|file| !is_word(&file.role) || OWN_ROLES.contains(&&*file.role))
        {
            let reason = format!(
                "`{}` is not a free role: lower-case words other than {}",
                file.role,
                OWN_ROLES.join(", ")
            );
            return Err((file.role.clone(), reason));
        }
        self.needs.check()
    }

    /// A file of a confinement has to say by its name which profile or module it is.
    fn check_confinement(&self) -> Result<(), (String, String)> {
        let profiles = self.apparmor.iter().map(|file| (file, ""));
        for (file, ending) in profiles.chain(self.selinux.iter().map(|file| (file, ".cil"))) {
            let last = file.path.file_name().and_then(|name| name.to_str());
            let name = file.name.as_deref().or(last).unwrap_or_default();
            if !name.strip_suffix(ending).is_some_and(is_word) {
                let reason = format!(
                    "`{name}` is not a word of lower-case letters, digits and `-._`{}",
                    if ending.is_empty() { ", as a profile is called" } else { " with `.cil` behind it" }
                );
                return Err((name.to_owned(), reason));
            }
        }
        Ok(())
    }

    fn check_images(&self) -> Result<(), (String, String)> {
        for (at, image) in self.images.iter().enumerate() {
            if !is_image_name(&image.name) {
                return Err((image.name.clone(), format!("`{}` is not an image name", image.name)));
            }
            if self.images[..at].iter().any(|other| other.name == image.name) {
                return Err((image.name.clone(), format!("the image `{}` is named twice", image.name)));
            }
            let sources =
                [image.docker_archive.is_some(), image.oci_layout.is_some(), image.engine.is_some()];
            if sources.iter().filter(|given| **given).count() != 1 {
                let reason = "give exactly one of `docker-archive`, `oci-layout`, `engine`";
                return Err((image.name.clone(), format!("image `{}`: {reason}", image.name)));
            }
        }
        Ok(())
    }
}

/// Lower-case words that are safe in names of files and channels.
pub(crate) fn is_word(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-._".contains(c);
    !text.is_empty() && text.len() <= 64 && text.chars().all(plain) && !text.starts_with(['.', '-'])
}

fn is_platform(text: &str) -> bool {
    let parts: Vec<_> = text.split('/').collect();
    (2..=3).contains(&parts.len()) && parts.iter().all(|part| is_word(part))
}

fn is_image_name(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-._/:".contains(c);
    !text.is_empty()
        && text.len() <= 255
        && text.chars().all(plain)
        && !text.starts_with(['.', '-', '/', ':'])
}

#[cfg(test)]
mod tests;
