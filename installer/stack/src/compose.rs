//! Rewriting a release's Compose file for one site: a pure function.
//!
//! Every image becomes an image id that was signed, nothing is built or pulled, every mounted file is one that
//! the release or the site declared, and secrets come from the tmpfs. What cannot be pinned is refused. The
//! result is JSON, which every YAML 1.2 reader reads, with sorted keys: the same input gives the same bytes.

use std::collections::{BTreeMap, BTreeSet};

use model::{Digest, HostPath};
use serde_json::{Map, Value, json};

mod service;

pub(crate) use service::apparmor_of;
use service::rewrite_service;

/// What a Compose file may refer to.
#[derive(Clone, Debug, Default)]
pub struct Site {
    /// Images by the name that the Compose file uses.
    pub images: BTreeMap<String, SignedImage>,
    /// Files of the release by the relative path that the Compose file uses, without a leading `./`.
    pub files: BTreeMap<String, Digest>,
    /// Where pinned files lie on the host, each under the hexadecimal digits of its digest.
    pub folder: Option<HostPath>,
    /// Secrets that are mounted as files, by name.
    pub secrets: BTreeMap<String, InjectedSecret>,
    /// Secrets that a service gets as variables: service, then the env file's path and fingerprint.
    pub env_secrets: BTreeMap<String, Vec<InjectedSecret>>,
    /// Host directories that may be bound into containers.
    pub volumes: BTreeSet<HostPath>,
    /// AppArmor profiles of the release, by name.
    pub profiles: BTreeSet<String>,
    /// How long a service may take to stop where the Compose file does not say, in seconds; the engine's own 10
    /// without it.
    pub stop_seconds: Option<u32>,
    /// Proxy variables that every service gets, such as `HTTPS_PROXY`, in both spellings; with a proxy, `NO_PROXY` also
    /// names the services themselves.
    pub proxies: BTreeMap<String, String>,
}

/// An image that was signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedImage {
    /// Its id.
    pub id: Digest,
    /// The user that it runs as where the Compose file names none; empty is root.
    pub user: String,
}

/// A secret on the tmpfs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InjectedSecret {
    /// Where it was injected.
    pub path: HostPath,
    /// Its keyed fingerprint.
    pub fingerprint: String,
}

/// Why a Compose file cannot be used.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ComposeError {
    /// It is not YAML, or not a Compose file.
    #[error("the Compose file cannot be read: {0}")]
    Malformed(String),
    /// It asks for something that would void what the bundle promises.
    #[error("the Compose file is refused: {at}: {why}")]
    Refused {
        /// Where in the file, dotted.
        at: String,
        /// What is wrong there and what would be right.
        why: String,
    },
}

/// A Compose file made for one site.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rewritten {
    /// The file: JSON.
    pub text: String,
    /// What runs: image, user and pinned mounts of each service.
    pub services: BTreeMap<String, Service>,
}

/// One service as the rewritten file wants it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    /// The image id.
    pub image: Digest,
    /// The user that its container runs as; empty is root.
    pub user: String,
    /// Pinned files by the path in the container.
    pub pins: BTreeMap<String, Digest>,
    /// The AppArmor profile that it names; the engine's own otherwise.
    pub profile: Option<String>,
}

/// Rewrites a Compose file.
///
/// # Errors
/// When it is not a Compose file, or holds something that cannot be pinned or reaches out of its containers.
pub fn rewrite(text: &str, site: &Site) -> Result<Rewritten, ComposeError> {
    let mut file: Value =
        serde_saphyr::from_str(text).map_err(|error| ComposeError::Malformed(error.to_string()))?;
    let top =
        file.as_object_mut().ok_or_else(|| ComposeError::Malformed("it is not a mapping".to_owned()))?;
    for name in ["include", "name"] {
        if top.contains_key(name) {
            return refuse(name, "the bundle names the project, and its Compose file is complete in itself");
        }
    }
    top.remove("version");
    no_variables("", &Value::Object(top.clone()))?;
    let configs = configs(top.get_mut("configs"), site)?;
    secrets(top.get_mut("secrets"), site)?;
    volumes(top.get("volumes"))?;
    networks(top.get("networks"))?;
    let mut services = BTreeMap::new();
    let site = &Site { proxies: proxies(top.get("services"), site), ..site.clone() };
    let wanted =
        top.get_mut("services").and_then(Value::as_object_mut).filter(|services| !services.is_empty());
    let wanted = wanted.ok_or_else(|| ComposeError::Malformed("it has no services".to_owned()))?;
    for (name, service) in wanted.iter_mut() {
        let at = format!("services.{name}");
        let members = service.as_object_mut().ok_or_else(|| refused(&at, "expected a mapping"))?;
        services.insert(name.clone(), rewrite_service(name, &at, members, &configs, site)?);
    }
    let text =
        serde_json::to_string_pretty(&file).map_err(|error| ComposeError::Malformed(error.to_string()))?;
    Ok(Rewritten { text, services })
}

/// The proxy variables of every service. Where there is a proxy, what services say to each other does not go through it.
fn proxies(services: Option<&Value>, site: &Site) -> BTreeMap<String, String> {
    let mut proxies: BTreeMap<String, String> =
        site.proxies.iter().map(|(name, value)| (name.to_lowercase(), value.clone())).collect();
    if proxies.keys().all(|name| name == "no_proxy") {
        return proxies;
    }
    let names = services.and_then(Value::as_object).into_iter().flat_map(Map::keys).map(String::as_str);
    let own = ["localhost", "127.0.0.1"].into_iter().chain(names);
    let direct = proxies.entry("no_proxy".to_owned()).or_default();
    for name in own {
        if !direct.split(',').any(|known| known == name) {
            direct.push_str(if direct.is_empty() { "" } else { "," });
            direct.push_str(name);
        }
    }
    proxies
}

/// Top-level configs: each a file of the release, by digest.
fn configs(configs: Option<&mut Value>, site: &Site) -> Result<BTreeMap<String, Digest>, ComposeError> {
    let mut pinned = BTreeMap::new();
    for (name, config) in configs.and_then(Value::as_object_mut).into_iter().flatten() {
        let at = format!("configs.{name}");
        let path = config.get("file").and_then(Value::as_str);
        let path = path.ok_or_else(|| refused(&at, "expected `file`, a file of the bundle"))?;
        let digest = release_file(&at, path, site)?;
        *config = json!({ "file": host_path(&at, &digest, site)? });
        pinned.insert(name.clone(), digest);
    }
    Ok(pinned)
}

fn release_file(at: &str, path: &str, site: &Site) -> Result<Digest, ComposeError> {
    let path = path.strip_prefix("./").unwrap_or(path);
    site.files
        .get(path)
        .copied()
        .ok_or_else(|| refused(at, &format!("`{path}` is not a file of this bundle")))
}

fn host_path(at: &str, digest: &Digest, site: &Site) -> Result<String, ComposeError> {
    let folder = site.folder.as_ref().ok_or_else(|| refused(at, "there is no folder for mounted files"))?;
    Ok(escape(&format!("{folder}/{}", digest.hex())))
}

/// Top-level secrets: each from the tmpfs.
fn secrets(secrets: Option<&mut Value>, site: &Site) -> Result<(), ComposeError> {
    for (name, secret) in secrets.and_then(Value::as_object_mut).into_iter().flatten() {
        let injected = site.secrets.get(name).ok_or_else(|| {
            refused(&format!("secrets.{name}"), "it is not among the secrets that the bundle declares")
        })?;
        *secret = json!({ "file": escape(injected.path.as_str()) });
    }
    Ok(())
}

/// Top-level volumes: the engine's own, without driver options that would bind host folders.
fn volumes(volumes: Option<&Value>) -> Result<(), ComposeError> {
    for (name, volume) in volumes.and_then(Value::as_object).into_iter().flatten() {
        for member in ["driver", "driver_opts", "external"] {
            if volume.get(member).is_some_and(|value| !value.is_null() && *value != json!(false)) {
                return refuse(
                    &format!("volumes.{name}.{member}"),
                    "only the engine's own local volumes are used",
                );
            }
        }
    }
    Ok(())
}

/// Networks: bridges of the project's own.
fn networks(networks: Option<&Value>) -> Result<(), ComposeError> {
    for (name, network) in networks.and_then(Value::as_object).into_iter().flatten() {
        let bridge = network.get("driver").and_then(Value::as_str).is_none_or(|driver| driver == "bridge");
        let own = network.get("external").is_none_or(|value| *value == json!(false));
        if !bridge || !own {
            return refuse(&format!("networks.{name}"), "only bridge networks of the project's own are used");
        }
    }
    Ok(())
}

/// Nothing may come from the environment of whoever runs this: `$` is only allowed doubled.
fn no_variables(at: &str, value: &Value) -> Result<(), ComposeError> {
    match value {
        Value::String(text) if text.replace("$$", "").contains('$') => {
            refuse(at, "variables are not filled in; write `$$` for a dollar sign")
        }
        Value::Array(items) => items
            .iter()
            .enumerate()
            .try_for_each(|(number, item)| no_variables(&format!("{at}[{number}]"), item)),
        Value::Object(members) => members.iter().try_for_each(|(name, member)| {
            let at = if at.is_empty() { name.clone() } else { format!("{at}.{name}") };
            no_variables(&at, member)
        }),
        _ => Ok(()),
    }
}

/// Doubles dollar signs, which Compose would otherwise take for variables.
fn escape(text: &str) -> String {
    text.replace('$', "$$")
}

fn refused(at: &str, why: &str) -> ComposeError {
    ComposeError::Refused { at: at.to_owned(), why: why.to_owned() }
}

fn refuse<T>(at: &str, why: &str) -> Result<T, ComposeError> {
    Err(refused(at, why))
}

#[cfg(test)]
mod tests;
