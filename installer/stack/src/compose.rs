//! Rewriting a release's Compose file for one site: a pure function.
//!
//! Every image becomes an image id that was signed, nothing is built or pulled, every mounted file is one that
//! the release or the site declared, and secrets come from the tmpfs. What cannot be pinned is refused. The
//! result is JSON, which every YAML 1.2 reader reads, with sorted keys: the same input gives the same bytes.

use std::collections::{BTreeMap, BTreeSet};

use model::{Digest, HostPath};
use serde_json::{Map, Value, json};

/// The label that carries the keyed fingerprints of a service's secrets, so that a rotated one restarts it.
const SECRETS_LABEL: &str = "io.groundfast.secrets";

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
    /// Proxy variables that every service gets, such as `HTTPS_PROXY`.
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

/// Members of a service that would reach out of the container or past the bundle.
const FORBIDDEN: [(&str, &str); 17] = [
    ("build", "images are never built on a site; name an image of the bundle"),
    ("cap_add", "no service may gain capabilities"),
    ("cgroup_parent", "services stay in the engine's control groups"),
    ("credential_spec", "credentials come as secrets"),
    ("develop", "development settings do not belong in a release"),
    ("device_cgroup_rules", "no service may reach devices"),
    ("devices", "no service may reach devices"),
    ("extends", "a release's Compose file is complete in itself"),
    ("env_file", "variables stand in `environment`, secrets are declared in the bundle"),
    ("external_links", "services reach only their own project"),
    ("ipc", "services do not share memory with the host"),
    ("network_mode", "name networks, so that they can be told apart"),
    ("pid", "services do not see the host's processes"),
    ("privileged", "a privileged service is root on the host"),
    ("userns_mode", "services stay in the engine's user namespace"),
    ("uts", "services do not share the host's name"),
    ("volumes_from", "name volumes"),
];

/// Members of a service that are harmless with one value.
const ONLY: [(&str, Value); 1] = [("privileged", Value::Bool(false))];

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

fn rewrite_service(
    name: &str,
    at: &str,
    service: &mut Map<String, Value>,
    configs: &BTreeMap<String, Digest>,
    site: &Site,
) -> Result<Service, ComposeError> {
    for (member, why) in FORBIDDEN {
        let harmless = |value: &Value| ONLY.iter().any(|(only, allowed)| *only == member && allowed == value);
        if service.get(member).is_some_and(|value| !value.is_null() && !harmless(value)) {
            return refuse(&format!("{at}.{member}"), why);
        }
    }
    let image =
        service.get("image").and_then(Value::as_str).ok_or_else(|| refused(at, "it names no image"))?;
    let SignedImage { id, user } = site.images.get(image).ok_or_else(|| {
        refused(&format!("{at}.image"), &format!("`{image}` is not an image of this bundle"))
    })?;
    service.insert("image".to_owned(), Value::String(id.to_string()));
    service.insert("pull_policy".to_owned(), Value::String("never".to_owned()));
    // After a start of the machine nothing may run before its secrets and digests are checked, so the engine
    // restarts what failed, but starts nothing by itself.
    if matches!(service.get("restart").and_then(Value::as_str), Some("always" | "unless-stopped")) {
        service.insert("restart".to_owned(), Value::String("on-failure".to_owned()));
    }
    let user = named_user(at, service)?.unwrap_or_else(|| user.clone());
    let profile = security_options(at, service, site)?;
    let mut pins = service_configs(at, service.get_mut("configs"), configs)?;
    service_volumes(at, service.get_mut("volumes"), site, &mut pins)?;
    environment(at, service, site)?;
    label(name, at, service, site)?;
    if let Some(files) = site.env_secrets.get(name) {
        let paths: Vec<_> = files.iter().map(|file| escape(file.path.as_str())).collect();
        service.insert("env_file".to_owned(), json!(paths));
    }
    Ok(Service { image: *id, user, pins, profile })
}

/// The user that the file itself names for a service. YAML reads a bare `2001` as a number; Compose wants text.
fn named_user(at: &str, service: &mut Map<String, Value>) -> Result<Option<String>, ComposeError> {
    let user = match service.get("user") {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::String(user)) => user.clone(),
        Some(Value::Number(number)) => number.to_string(),
        Some(_) => return refuse(&format!("{at}.user"), "expected a user, or `user:group`"),
    };
    service.insert("user".to_owned(), Value::String(user.clone()));
    Ok((!user.is_empty()).then_some(user))
}

/// Refuses what takes a protection away; gives the AppArmor profile that is named, which has to be one of the release.
fn security_options(
    at: &str,
    service: &Map<String, Value>,
    site: &Site,
) -> Result<Option<String>, ComposeError> {
    let at = format!("{at}.security_opt");
    let options = service.get("security_opt").and_then(Value::as_array);
    let mut profile = None;
    for option in options.into_iter().flatten().filter_map(Value::as_str) {
        if option.contains("unconfined") || option.ends_with("disable") {
            return refuse(&at, &format!("`{option}` takes a protection away"));
        }
        if let Some(name) = apparmor_of(option) {
            if !site.profiles.contains(name) {
                return refuse(&at, &format!("`{name}` is not an AppArmor profile of this bundle"));
            }
            if profile.replace(name.to_owned()).is_some() {
                return refuse(&at, "it names two AppArmor profiles");
            }
        }
    }
    Ok(profile)
}

/// The profile that a security option of a container names, in either of the engine's spellings.
pub(crate) fn apparmor_of(option: &str) -> Option<&str> {
    option.strip_prefix("apparmor")?.strip_prefix(['=', ':'])
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

/// A service's configs and where they are mounted.
fn service_configs(
    at: &str,
    wanted: Option<&mut Value>,
    configs: &BTreeMap<String, Digest>,
) -> Result<BTreeMap<String, Digest>, ComposeError> {
    let mut pins = BTreeMap::new();
    for config in wanted.and_then(Value::as_array_mut).into_iter().flatten() {
        let (name, target) = match &*config {
            Value::String(name) => (name.clone(), None),
            other => {
                let text = |member: &str| other.get(member).and_then(Value::as_str).map(str::to_owned);
                (text("source").unwrap_or_default(), text("target"))
            }
        };
        let digest = configs.get(&name).ok_or_else(|| {
            refused(&format!("{at}.configs"), &format!("`{name}` is not declared under `configs`"))
        })?;
        pins.insert(target.unwrap_or_else(|| format!("/{name}")), *digest);
    }
    Ok(pins)
}

/// A service's volumes: named ones, tmpfs, declared host folders, and files of the release, read-only.
fn service_volumes(
    at: &str,
    volumes: Option<&mut Value>,
    site: &Site,
    pins: &mut BTreeMap<String, Digest>,
) -> Result<(), ComposeError> {
    for (number, volume) in volumes.and_then(Value::as_array_mut).into_iter().flatten().enumerate() {
        let at = format!("{at}.volumes[{number}]");
        let (source, target, read_only) = taken_apart(&at, volume)?;
        if source.starts_with(['.', '~']) {
            let digest = release_file(&at, &source, site)?;
            if !read_only {
                return refuse(&at, "files of the bundle are mounted read-only (`:ro`)");
            }
            let path = host_path(&at, &digest, site)?;
            *volume = json!({ "type": "bind", "source": path, "target": target, "read_only": true,
                              "bind": { "create_host_path": false } });
            pins.insert(target, digest);
        } else if source.starts_with('/') {
            let declared = source.parse::<HostPath>().is_ok_and(|path| site.volumes.contains(&path));
            if !declared {
                return refuse(&at, &format!("the host folder `{source}` is not among the declared volumes"));
            }
        }
    }
    Ok(())
}

/// Source (empty without one), target and whether it is read-only, from either of Compose's spellings.
fn taken_apart(at: &str, volume: &Value) -> Result<(String, String, bool), ComposeError> {
    if let Some(short) = volume.as_str() {
        let parts: Vec<_> = short.split(':').collect();
        return match parts[..] {
            [target] => Ok((String::new(), target.to_owned(), false)),
            [source, target] => Ok((source.to_owned(), target.to_owned(), false)),
            [source, target, mode] => {
                Ok((source.to_owned(), target.to_owned(), mode.split(',').any(|word| word == "ro")))
            }
            _ => refuse(at, "expected `source:target[:mode]`"),
        };
    }
    let text = |member: &str| volume.get(member).and_then(Value::as_str).unwrap_or_default().to_owned();
    match volume.get("type").and_then(Value::as_str) {
        Some("tmpfs") => Ok((String::new(), text("target"), false)),
        Some("volume") if !text("source").starts_with(['/', '.', '~']) => {
            Ok((text("source"), text("target"), false))
        }
        Some("bind") if text("source").starts_with(['/', '.', '~']) => {
            Ok((text("source"), text("target"), volume.get("read_only") == Some(&json!(true))))
        }
        Some("bind") => Ok((
            format!("./{}", text("source")),
            text("target"),
            volume.get("read_only") == Some(&json!(true)),
        )),
        _ => refuse(at, "expected a volume of type `volume`, `tmpfs` or `bind`"),
    }
}

/// Adds proxy variables; what the file says itself wins.
fn environment(at: &str, service: &mut Map<String, Value>, site: &Site) -> Result<(), ComposeError> {
    let mut variables = named(&format!("{at}.environment"), service.get("environment"))?;
    for (name, value) in &site.proxies {
        for name in [name.to_uppercase(), name.to_lowercase()] {
            variables.entry(name).or_insert_with(|| Value::String(escape(value)));
        }
    }
    if let Some((name, _)) = variables.iter().find(|(_, value)| value.is_null()) {
        return refuse(
            &format!("{at}.environment.{name}"),
            "it has no value: nothing is taken from the shell",
        );
    }
    if !variables.is_empty() {
        service.insert("environment".to_owned(), Value::Object(variables));
    }
    Ok(())
}

/// Names the secrets in use by keyed fingerprint.
fn label(name: &str, at: &str, service: &mut Map<String, Value>, site: &Site) -> Result<(), ComposeError> {
    let mut used = BTreeMap::new();
    for secret in service.get("secrets").and_then(Value::as_array).into_iter().flatten() {
        let source =
            secret.as_str().or_else(|| secret.get("source").and_then(Value::as_str)).unwrap_or_default();
        let injected = site.secrets.get(source).ok_or_else(|| {
            refused(&format!("{at}.secrets"), &format!("`{source}` is not declared by the bundle"))
        })?;
        used.insert(injected.path.name(), injected.fingerprint.as_str());
    }
    for injected in site.env_secrets.get(name).into_iter().flatten() {
        used.insert(injected.path.name(), injected.fingerprint.as_str());
    }
    let mut labels = named(&format!("{at}.labels"), service.get("labels"))?;
    if labels.contains_key(SECRETS_LABEL)
        || labels.keys().any(|label| label.starts_with("com.docker.compose."))
    {
        return refuse(&format!("{at}.labels"), "labels of Compose and Groundfast are theirs to set");
    }
    if !used.is_empty() {
        let text: Vec<_> = used.iter().map(|(name, fingerprint)| format!("{name}={fingerprint}")).collect();
        labels.insert(SECRETS_LABEL.to_owned(), Value::String(text.join(" ")));
    }
    if !labels.is_empty() {
        service.insert("labels".to_owned(), Value::Object(labels));
    }
    Ok(())
}

/// `NAME=value` lists and mappings, both as a mapping.
fn named(at: &str, value: Option<&Value>) -> Result<Map<String, Value>, ComposeError> {
    match value {
        None | Some(Value::Null) => Ok(Map::new()),
        Some(Value::Object(members)) => Ok(members.clone()),
        Some(Value::Array(items)) => items
            .iter()
            .map(|item| {
                let item = item.as_str().ok_or_else(|| refused(at, "expected `NAME=value`"))?;
                let (name, value) =
                    item.split_once('=').map_or((item, Value::Null), |(name, value)| (name, json!(value)));
                Ok((name.to_owned(), value))
            })
            .collect(),
        Some(_) => refuse(at, "expected a mapping or a list of `NAME=value`"),
    }
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
