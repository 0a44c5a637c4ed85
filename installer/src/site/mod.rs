//! The site that a run is about: its backends and its controls, made again from what was asked of the run.

pub mod baseline;
mod confinement;
pub mod controls;
pub mod declared;
pub mod product;
pub mod shelf;
pub mod tailoring;

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bundle::spec::Limits;
use bundle::{Contents, Store, Trust};
use engine::{Pin, Router};
use host::{Local, Traces};
use model::{Blobs, Control, ControlId, Host, HostPath, Resource, State};
use secrets::{Injected, SecretInPlace, SiteKey};
use stack::{Docker, Engine, Release, Stack, StackNeeds};

use crate::answers::Answers;
use crate::commands::bundle::failed;
use crate::failure::{Exit, Failure};
use crate::history::{self, Left};
use crate::run::session::{Request, Session};

use product::{Places, Product};

/// Backends and controls of one request.
pub struct Site {
    request: Request,
    local: Local,
    container: Option<(Stack, Injected)>,
    product: Option<Product>,
    store: Store,
}

impl Site {
    /// Opens the backends that a request works on, without what is in its bundle: enough to look and to take back.
    ///
    /// # Errors
    /// When the root is no directory that can be opened, or the site's keys cannot be used.
    pub fn open(session: &Session<'_>, request: &Request) -> Result<Self, Failure> {
        let root = request.answers.harden.root.clone().unwrap_or_else(|| PathBuf::from("/"));
        let installs = request.bundle.is_some();
        // An install measures the machine it runs on, even while it hardens another root.
        let local = session.local(&root, installs || root == Path::new("/"))?;
        let places = Places::below(&session.global.data_dir)?;
        let container = if installs {
            let key = site_key(&places)?;
            Some((
                engine_of(&request.answers, &places, Limits::default()),
                Injected::new(places.secrets, key),
            ))
        } else {
            None
        };
        let store = Store::at(&session.global.data_dir.join("store"));
        Ok(Self { request: request.clone(), local, container, product: None, store })
    }

    /// Opens the site with the bundle of the request, verified again from the store.
    ///
    /// # Errors
    /// As [`Site::open`], and when the bundle is no longer there as it was signed.
    pub fn with_bundle(session: &Session<'_>, request: &Request) -> Result<Self, Failure> {
        let site = Self::open(session, request)?;
        let Some(root) = &request.bundle else { return Ok(site) };
        let trust = trust(session, &request.answers)?;
        let contents = site.store.release(root, &trust);
        let contents = contents
            .map_err(|error| failed(&format!("cannot use the release {root} from the store"), &error))?;
        site.with_product(session, &contents, None)
    }

    /// Makes the product out of verified contents. Bytes come from `medium`, else from the store.
    ///
    /// # Errors
    /// As [`Product::new`].
    pub fn with_product(
        mut self,
        session: &Session<'_>,
        contents: &Contents,
        medium: Option<&dyn Blobs>,
    ) -> Result<Self, Failure> {
        let places = Places::below(&session.global.data_dir)?;
        let key = site_key(&places)?;
        let answers = &self.request.answers;
        let product = Product::new(contents, medium.unwrap_or(&self.store), answers, &places, &key)?;
        let stack = engine_of(answers, &places, product.limits)
            .with_images(product.images.clone())
            .with_checks(product.release.compose, product.checks.clone());
        self.container = Some((stack, Injected::new(places.secrets, key)));
        self.product = Some(product);
        Ok(self)
    }

    /// All backends behind one face.
    pub fn backends(&self) -> Router<'_> {
        let local: (engine::Family, &dyn Host) = (Local::serves, &self.local);
        let mut backends = vec![local];
        if let Some((stack, injected)) = &self.container {
            backends.push((|resource| matches!(resource, Resource::Secret { .. }), injected));
            backends.push((|resource| !Local::serves(resource), stack));
        }
        Router::new(backends)
    }

    /// What the system wrote down about who touched these paths.
    pub fn traces(&self, paths: &BTreeSet<HostPath>) -> Traces {
        self.local.traces(paths)
    }

    /// The files of the machine or root that is worked on.
    pub fn files(&self) -> &dyn syntax::Source {
        self.local.source()
    }

    /// Bytes that plans of this site may name besides those of their runs.
    pub fn blobs(&self) -> Vec<&dyn Blobs> {
        let mut blobs: Vec<&dyn Blobs> = vec![&self.store];
        if let Some(product) = &self.product {
            blobs.push(&product.texts);
        }
        blobs
    }

    /// The product, once it was made.
    pub fn product(&self) -> Option<&Product> {
        self.product.as_ref()
    }

    /// The controls without which there is no product here: when one of them cannot be checked, nothing may be
    /// planned around it.
    pub fn vital(&self) -> BTreeSet<ControlId> {
        let controls = self.product.iter().flat_map(Product::controls);
        controls.map(|control| control.id().clone()).collect()
    }

    /// Keeps the key with which this site's secrets were fingerprinted, where there was none before.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn keep_key(&self, session: &Session<'_>) -> Result<(), Failure> {
        let Some((_, injected)) = &self.container else { return Ok(()) };
        let folder = Places::below(&session.global.data_dir)?.keys;
        let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&folder);
        made.map_err(|error| {
            Failure::new(Exit::Error, format!("making {}", folder.display())).because(&error)
        })?;
        injected.key().keep(&folder).map_err(|error| {
            Failure::new(Exit::Error, "keeping the site's key; nothing was changed").because(&error)
        })
    }

    /// Everything that an enforcement of the request is to make true.
    ///
    /// # Errors
    /// When a profile is not known.
    pub fn controls(&self) -> Result<Vec<Box<dyn Control>>, Failure> {
        let mut controls = controls::harden(&self.request)?;
        controls.extend(self.product.iter().flat_map(Product::controls));
        if self.product.is_some() && self.request.answers.harden.root.is_none() {
            controls.push(Box::new(StackNeeds::new()));
        }
        Ok(controls)
    }

    /// Forgets the secrets that a run replaced, once it is sealed: while one waits to be confirmed they are needed.
    /// Where none is left at all, their place goes too.
    ///
    /// # Errors
    /// When one cannot be removed, or the runs cannot be read.
    pub fn forget_replaced(&self, session: &Session<'_>) -> Result<(), Failure> {
        let Some((_, injected)) = &self.container else { return Ok(()) };
        if history::awaiting(&session.runs)?.is_some() {
            return Ok(());
        }
        injected.seal().map_err(|error| {
            Failure::new(Exit::Error, "removing the secrets that were replaced").because(&error)
        })
    }
}

/// One control for each resource that the runs in force left behind: it still is what they made it. Where a
/// family has controls that say more than "equal", those.
pub fn pins(pinned: &BTreeMap<Resource, Left>) -> Vec<Box<dyn Control>> {
    let mut controls: Vec<Box<dyn Control>> = Vec::new();
    for (resource, left) in pinned {
        let Left { state, run, by } = left;
        match (resource, Release::from_state(state)) {
            (Resource::Secret { path }, _) if *state != State::Absent => {
                controls.push(Box::new(SecretInPlace::new(path.clone(), state.clone())));
            }
            (Resource::Stack { project }, Some(release)) => {
                controls.extend(stack::controls::of(project, &release, &[]));
            }
            // An image is known by its name rather than by its digest.
            (Resource::Image { .. }, _) => {
                let pin = Pin::new(resource.clone(), state.clone(), run);
                controls.push(Box::new(by.first().map_or(pin.clone(), |id| pin.known_as(id.clone()))));
            }
            _ => controls.push(Box::new(Pin::new(resource.clone(), state.clone(), run))),
        }
    }
    controls
}

/// Whom this site trusts to sign releases.
///
/// # Errors
/// When the key or root cannot be read.
pub fn trust(session: &Session<'_>, answers: &Answers) -> Result<Trust, Failure> {
    match &answers.bundle.key {
        Some(path) => Trust::key_file(path)
            .map_err(|error| failed(&format!("cannot use the public key {}", path.display()), &error)),
        None => {
            let dir = answers.bundle.trust.clone().unwrap_or_else(|| session.global.data_dir.join("trust"));
            Trust::dir(&dir).map_err(|error| {
                failed(&format!("cannot use the root of trust in {}", dir.display()), &error)
                    .hint("name whom to trust: `key` or `trust` under [bundle] of the answers")
            })
        }
    }
}

/// The site's own key. Before the first install it is one that nobody keeps yet (see [`Site::keep_key`]): a look at
/// a plan, or a refusal, leaves nothing behind.
fn site_key(places: &Places) -> Result<SiteKey, Failure> {
    let using = |error: &secrets::KeyError| {
        Failure::new(Exit::Error, format!("using the site's key in {}", places.keys.display())).because(error)
    };
    let found = SiteKey::load(&places.keys).map_err(|error| using(&error))?;
    found.map_or_else(|| SiteKey::ephemeral().map_err(|error| using(&error)), Ok)
}

/// The engine of the site. How long the product may take to come up is the bundle's to say, unless the site does.
fn engine_of(answers: &Answers, places: &Places, limits: Limits) -> Stack {
    #[expect(clippy::disallowed_methods, reason = "the binary reads the environment for the libraries")]
    let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    let docker = Docker {
        program: PathBuf::from("docker"),
        config: variable("DOCKER_CONFIG").map(PathBuf::from),
        path: variable("PATH").unwrap_or_else(|| OsString::from("/usr/sbin:/usr/bin:/sbin:/bin")),
    };
    let engine = Engine::new(&answers.stack.socket);
    let healthy = answers.stack.timeout_seconds.unwrap_or(limits.healthy_seconds.into());
    let healthy = Duration::from_secs(healthy);
    Stack::new(engine, docker, places.stack.clone(), places.secrets.clone(), healthy)
        .stopping_within(Duration::from_secs(limits.stop_seconds.into()))
}
