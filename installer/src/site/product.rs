//! A verified product on this site: what its bundle declares, met with what the answers say.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use bundle::Contents;
use bundle::spec::{Delivery, Limits, SecretNeed};
use engine::MemoryBlobs;
use model::{Blobs, Control, Digest, HostPath, Keep, State};
use secrets::{Form, Reference, SecretInPlace, Shape, SiteKey, Wanted};
use serde_json::Value;
use stack::compose::{self, InjectedSecret, SignedImage};
use stack::confinement::{Confined, Part};
use stack::names::Name;
use stack::smoke::{Authorities, Smoke};
use stack::{Checks, Image, Layer, Release};

use crate::answers::Answers;
use crate::failure::{Exit, Failure};
use crate::site::confinement;

/// The platform that this binary runs on, as OCI names it.
pub const PLATFORM: &str = if cfg!(target_arch = "aarch64") { "linux/arm64" } else { "linux/amd64" };

/// Roles of files that the Compose file does not mount.
const NOT_MOUNTED: [&str; 7] =
    ["apparmor", "compose", "declarations", "profile", "sbom", "selinux", "template"];

/// Where things lie on this machine.
#[derive(Clone, Debug)]
pub struct Places {
    /// Compose files and the files they mount, by digest.
    pub stack: HostPath,
    /// The tmpfs of injected secrets.
    pub secrets: HostPath,
    /// The site's own keys.
    pub keys: PathBuf,
}

impl Places {
    /// The places below a data directory.
    ///
    /// # Errors
    /// Exit 2 when its path cannot be used.
    pub fn below(data: &Path) -> Result<Self, Failure> {
        let bad = |error: &dyn std::error::Error| {
            Failure::new(Exit::Usage, format!("--data-dir {}", data.display())).because(error)
        };
        let absolute = std::path::absolute(data).map_err(|error| bad(&error))?;
        let base: HostPath =
            absolute.display().to_string().trim_end_matches('/').parse().map_err(|error| bad(&error))?;
        let join = |name| base.join(name).map_err(|error| bad(&error));
        Ok(Self { stack: join("stack")?, secrets: join("secrets")?, keys: absolute.join("keys") })
    }
}

/// A product as it will run here.
pub struct Product {
    /// The name of its Compose project.
    pub project: String,
    /// What runs.
    pub release: Release,
    /// Its images.
    pub images: Vec<Image>,
    /// What must hold once it is up.
    pub checks: Checks,
    /// How long things may take.
    pub limits: Limits,
    /// Texts made for this site: the rewritten Compose file and the customer's certificates.
    pub texts: MemoryBlobs,
    secrets: Vec<(Wanted, State)>,
    confinement: Vec<Part>,
}

impl Product {
    /// Meets what the contents declare with what the answers say.
    ///
    /// # Errors
    /// Exit 2 when an answer is missing, 1 when a secret or certificate cannot be read, 4 when the Compose
    /// file holds what cannot be pinned.
    pub fn new(
        contents: &Contents,
        blobs: &dyn Blobs,
        answers: &Answers,
        places: &Places,
        key: &SiteKey,
    ) -> Result<Self, Failure> {
        let texts = MemoryBlobs::default();
        let secrets = wanted(contents, answers, places, key)?;
        let images: Vec<Image> = images(contents);
        let site = compose::Site {
            images: images.iter().map(signed).collect(),
            files: files(contents, answers, &texts)?,
            folder: Some(places.stack.clone()),
            secrets: injected(&secrets, |wanted| matches!(wanted.form, Form::File)),
            env_secrets: env_secrets(contents, &secrets),
            volumes: volumes(answers)?,
            stop_seconds: Some(contents.declarations.limits.stop_seconds),
            profiles: confinement::profiles(contents),
            proxies: proxies(answers),
        };
        let rewritten = compose::rewrite(&compose_text(contents, blobs)?, &site).map_err(|error| {
            Failure::new(Exit::Refused, "making the Compose file of this site").because(&error)
        })?;
        keep(&texts, rewritten.text.as_bytes())?;
        let project = answers.stack.project.clone().unwrap_or_else(|| contents.release.product.clone());
        let checks = checks(contents, answers, &rewritten.text)?;
        let limits = contents.declarations.limits;
        let confinement = confinement::parts(contents, blobs, answers)?;
        Ok(Self {
            project,
            release: Release::of(&rewritten),
            images,
            checks,
            limits,
            texts,
            secrets,
            confinement,
        })
    }

    /// The controls that it is here and runs as it was signed.
    pub fn controls(&self) -> Vec<Box<dyn Control>> {
        let mut controls = stack::controls::of(&self.project, &self.release, &self.images);
        for (wanted, state) in &self.secrets {
            controls.push(Box::new(SecretInPlace::new(wanted.target.clone(), state.clone())));
        }
        for part in &self.confinement {
            controls.push(Box::new(Confined::new(part.clone())));
        }
        controls
    }
}

fn images(contents: &Contents) -> Vec<Image> {
    let here = contents.images.iter().filter(|image| image.platform.to_string() == PLATFORM);
    here.map(|image| {
        let layers = image.layers.iter().zip(&image.diff_ids).map(|(layer, diff_id)| Layer {
            blob: layer.digest,
            media_type: layer.media_type.clone(),
            diff_id: *diff_id,
        });
        let (id, name, user) = (image.config, image.name.clone(), image.user.clone());
        Image { id, name, user, layers: layers.collect() }
    })
    .collect()
}

fn signed(image: &Image) -> (String, SignedImage) {
    (image.name.clone(), SignedImage { id: image.id, user: image.user.clone() })
}

fn compose_text(contents: &Contents, blobs: &dyn Blobs) -> Result<String, Failure> {
    let mut files = contents.compose();
    let (Some(file), None) = (files.next(), files.next()) else {
        return Err(Failure::new(Exit::Refused, "the bundle does not hold exactly one Compose file"));
    };
    let reading = || Failure::new(Exit::Error, format!("reading {} of the bundle", file.title));
    let bytes = contents.bytes(file, blobs).map_err(|error| reading().because(&error))?;
    String::from_utf8(bytes).map_err(|error| reading().because(&error))
}

/// The files that the Compose file may mount, by relative path: those of the bundle, and the customer's
/// certificates as `tls/NAME.crt` and `tls/ca.crt`.
fn files(
    contents: &Contents,
    answers: &Answers,
    texts: &MemoryBlobs,
) -> Result<BTreeMap<String, Digest>, Failure> {
    let mounted = contents.files.iter().filter(|file| !NOT_MOUNTED.contains(&file.role.as_str()));
    let mut files: BTreeMap<String, Digest> = mounted.map(|file| (file.title.clone(), file.digest)).collect();
    for need in &contents.declarations.certificates {
        let answer = answers.stack.certificates.get(&need.name).ok_or_else(|| {
            Failure::new(
                Exit::Usage,
                format!("the bundle needs a certificate `{}`, which the answers do not name", need.name),
            )
            .hint(format!("add [stack.certificates.{}] with chain, key and authority", need.name))
        })?;
        files.insert(format!("tls/{}.crt", need.name), keep(texts, &read(&answer.chain)?)?);
        files.insert("tls/ca.crt".to_owned(), keep(texts, &read(&answer.authority)?)?);
    }
    Ok(files)
}

fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    std::fs::read(path).map_err(|error| {
        Failure::new(Exit::Error, format!("reading the certificate {}", path.display())).because(&error)
    })
}

fn keep(texts: &MemoryBlobs, mut bytes: &[u8]) -> Result<Digest, Failure> {
    texts
        .keep(&mut bytes)
        .map_err(|error| Failure::new(Exit::Error, "keeping a file in memory").because(&error))
}

/// Each secret that the bundle declares, resolved once, so that a missing or misshapen one is found before
/// anything is changed.
fn wanted(
    contents: &Contents,
    answers: &Answers,
    places: &Places,
    key: &SiteKey,
) -> Result<Vec<(Wanted, State)>, Failure> {
    let mut all = Vec::new();
    for need in &contents.declarations.secrets {
        let wanted = one_secret(need, answers, places)?;
        let state = wanted.state(key).map_err(|error| {
            Failure::new(Exit::Error, format!("resolving the secret `{}`; nothing was changed", need.name))
                .because(&error)
                .hint(format!("[secrets] of the answers says where `{}` lives", need.name))
        })?;
        all.push((wanted, state));
    }
    Ok(all)
}

fn one_secret(need: &SecretNeed, answers: &Answers, places: &Places) -> Result<Wanted, Failure> {
    let text = answers.secrets.get(&need.name).ok_or_else(|| {
        Failure::new(
            Exit::Usage,
            format!("the bundle needs a secret `{}`, which the answers do not name", need.name),
        )
        .hint(format!("add `{} = \"file:/path\"` under [secrets]", need.name))
    })?;
    let bad = |error: &dyn std::error::Error| {
        Failure::new(Exit::Usage, format!("reading where the secret `{}` lives", need.name)).because(error)
    };
    let reference: Reference = text.parse().map_err(|error: secrets::ReferenceError| bad(&error))?;
    let target = places.secrets.join(&need.name).map_err(|error| bad(&error))?;
    let form = match need.delivery {
        Delivery::File => Form::File,
        Delivery::Env => Form::Env { variable: need.target.clone().unwrap_or_else(|| need.name.clone()) },
    };
    let shape = if need.name.ends_with("-tls-key") { Shape::PrivateKey } else { Shape::Any };
    Ok(Wanted { target, reference, shape, form, mode: need.mode, uid: need.uid, gid: need.gid })
}

fn injected(secrets: &[(Wanted, State)], of: fn(&Wanted) -> bool) -> BTreeMap<String, InjectedSecret> {
    let chosen = secrets.iter().filter(|(wanted, _)| of(wanted));
    chosen.map(|(wanted, state)| (wanted.target.name().to_owned(), placed(wanted, state))).collect()
}

fn placed(wanted: &Wanted, state: &State) -> InjectedSecret {
    let fingerprint = state.get("fingerprint").and_then(State::as_text).unwrap_or_default().to_owned();
    InjectedSecret { path: wanted.target.clone(), fingerprint }
}

fn env_secrets(contents: &Contents, secrets: &[(Wanted, State)]) -> BTreeMap<String, Vec<InjectedSecret>> {
    let mut by_service: BTreeMap<String, Vec<InjectedSecret>> = BTreeMap::new();
    for (need, (wanted, state)) in contents.declarations.secrets.iter().zip(secrets) {
        if need.delivery == Delivery::Env {
            by_service.entry(need.service.clone()).or_default().push(placed(wanted, state));
        }
    }
    by_service
}

fn volumes(answers: &Answers) -> Result<BTreeSet<HostPath>, Failure> {
    let parse = |path: &PathBuf| {
        let text = path.display().to_string();
        text.parse().map_err(|error| {
            Failure::new(Exit::Usage, "[stack.volumes]").because(&error as &dyn std::error::Error)
        })
    };
    answers.stack.volumes.values().map(parse).collect::<Result<_, Failure>>()
}

/// Both spellings: some programs read only the one, some only the other.
fn proxies(answers: &Answers) -> BTreeMap<String, String> {
    let site = &answers.site;
    let no_proxy = (!site.no_proxy.is_empty()).then(|| site.no_proxy.join(","));
    let all = [("http_proxy", &site.http_proxy), ("https_proxy", &site.https_proxy), ("no_proxy", &no_proxy)];
    let set = all.into_iter().filter_map(|(name, value)| Some((name, value.clone()?)));
    set.flat_map(|(name, value)| [(name.to_owned(), value.clone()), (name.to_uppercase(), value)]).collect()
}

fn checks(contents: &Contents, answers: &Answers, compose: &str) -> Result<Checks, Failure> {
    let declared = &contents.declarations;
    let within = Duration::from_secs(declared.limits.smoke_seconds.into());
    let smoke = declared.smoke.iter().map(|smoke| Smoke {
        name: smoke.name.clone(),
        url: smoke.url.clone(),
        // The product is asked on this machine, whatever the name resolves to elsewhere.
        connect: Some(SocketAddr::from((Ipv4Addr::LOCALHOST, port(&smoke.url)))),
        method: smoke.method.clone(),
        body: smoke.body.clone(),
        status: smoke.status,
        contains: smoke.contains.clone(),
        within,
    });
    let authorities = match answers.stack.certificates.values().next() {
        None => Authorities::default(),
        Some(certificate) => Authorities::read(&certificate.authority)
            .map_err(|error| Failure::new(Exit::Error, "reading the customer's authority").because(&error))?,
    };
    Ok(Checks { names: names(compose), smoke: smoke.collect(), authorities })
}

fn port(url: &str) -> u16 {
    let authority = url.split("://").nth(1).and_then(|rest| rest.split('/').next()).unwrap_or_default();
    let named = authority.rsplit_once(':').and_then(|(_, port)| port.parse().ok());
    named.unwrap_or(if url.starts_with("https:") { 443 } else { 80 })
}

/// Services that share a network must find each other by name.
fn names(compose: &str) -> Vec<Name> {
    let file: Value = serde_json::from_str(compose).unwrap_or_default();
    let on = |service: &Value| -> BTreeSet<String> {
        match &service["networks"] {
            Value::Array(names) => names.iter().filter_map(|name| name.as_str().map(str::to_owned)).collect(),
            Value::Object(names) => names.keys().cloned().collect(),
            _ => BTreeSet::from(["default".to_owned()]),
        }
    };
    let services: Vec<(String, BTreeSet<String>)> = file["services"]
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, service)| (name.clone(), on(service)))
        .collect();
    let mut names = Vec::new();
    for (service, own) in &services {
        for (name, other) in services.iter().filter(|(name, _)| name != service) {
            if !own.is_disjoint(other) {
                names.push(Name { service: service.clone(), name: name.clone() });
            }
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_port_of_an_address_is_the_named_one_or_the_scheme_s() {
        for (url, expected) in
            [("https://a/", 443), ("http://a/x", 80), ("https://a:8443/x", 8443), ("http://a.b:81", 81)]
        {
            assert_eq!(port(url), expected, "{url}");
        }
    }

    #[test]
    fn only_services_on_one_network_must_find_each_other() {
        let compose = r#"{"services":{"a":{"networks":["x"]},"b":{"networks":{"x":null,"y":null}},"c":{"networks":["y"]}}}"#;
        let pairs: Vec<_> = names(compose).into_iter().map(|name| (name.service, name.name)).collect();
        let expected = [("a", "b"), ("b", "a"), ("b", "c"), ("c", "b")];
        assert_eq!(pairs, expected.map(|(a, b)| (a.to_owned(), b.to_owned())));
    }
}
