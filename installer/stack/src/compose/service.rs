//! One service of a Compose file: pinned where it can be, refused where it cannot.

use std::collections::BTreeMap;

use model::{Digest, HostPath};
use serde_json::{Map, Value, json};

use crate::controls::is_root;

use super::{ComposeError, Service, SignedImage, Site, escape, host_path, refuse, refused, release_file};

/// The label that carries the keyed fingerprints of a service's secrets, so that a rotated one restarts it.
pub(super) const SECRETS_LABEL: &str = "io.groundfast.secrets";

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

/// Rewrites one service.
pub(super) fn rewrite_service(
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
    if let Some(seconds) = site.stop_seconds {
        service.entry("stop_grace_period").or_insert_with(|| Value::String(format!("{seconds}s")));
    }
    let user = user_of(at, service, user)?;
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

/// The user that a service runs as. A file may name another than its image does, but not root in its stead: whether an
/// image may run as root was decided when the bundle was made.
fn user_of(at: &str, service: &mut Map<String, Value>, image: &str) -> Result<String, ComposeError> {
    let Some(user) = named_user(at, service)? else { return Ok(image.to_owned()) };
    if is_root(&user) && !is_root(image) {
        let why = format!("`{user}` is root; the image was signed as one that runs as `{image}`");
        return refuse(&format!("{at}.user"), &why);
    }
    Ok(user)
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
