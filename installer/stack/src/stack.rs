//! The backend of [`Resource::Image`], [`Resource::Stack`] and [`Resource::Service`].

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::time::{Duration, Instant};

use model::{
    Blobs, Change, Digest, Fut, Handler, Host, HostError, HostPath, Keep, Observe, Resource, State, Unread,
};

use crate::archive::Image;
use crate::docker::{Docker, Ended};
use crate::engine::Engine;
use crate::images::{Images, refused, unread};
use crate::names::{self, Name};
use crate::project::{self, Folder};
use crate::provenance;
use crate::service::{self, Condition, name_of};
use crate::smoke::{Authorities, Smoke};

/// The pause between two looks at a project that is coming up.
const LOOK: Duration = Duration::from_millis(250);

/// What must hold besides health before a release counts as up.
#[derive(Clone, Debug, Default)]
pub struct Checks {
    /// Names that must resolve inside containers.
    pub names: Vec<Name>,
    /// Requests that the product must answer.
    pub smoke: Vec<Smoke>,
    /// Whom those requests trust.
    pub authorities: Authorities,
}

/// One container engine and the Compose projects on it.
pub struct Stack {
    engine: Engine,
    docker: Docker,
    images: Images,
    folder: Folder,
    secrets: HostPath,
    checks: BTreeMap<Digest, Checks>,
    healthy_within: Duration,
}

impl Stack {
    /// A backend that keeps Compose files and mounted files in `folder` (see
    /// [`crate::compose::Site::folder`]), knows injected secrets by their folder, and gives services
    /// `healthy_within` to become healthy.
    pub fn new(
        engine: Engine,
        docker: Docker,
        folder: HostPath,
        secrets: HostPath,
        healthy_within: Duration,
    ) -> Self {
        let images = Images::new(engine.clone(), Vec::new());
        Self {
            engine,
            docker,
            images,
            folder: Folder(folder),
            secrets,
            checks: BTreeMap::new(),
            healthy_within,
        }
    }

    /// Knows these images, so that they can be loaded.
    #[must_use]
    pub fn with_images(mut self, images: Vec<Image>) -> Self {
        self.images = Images::new(self.engine.clone(), images);
        self
    }

    /// Runs these checks whenever the Compose file with this digest was brought up, and fails when one does.
    #[must_use]
    pub fn with_checks(mut self, compose: Digest, checks: Checks) -> Self {
        self.checks.insert(compose, checks);
        self
    }

    async fn see(&self, resource: &Resource) -> Result<State, Unread> {
        match resource {
            Resource::Image { id } => self.images.see(id).await,
            Resource::Stack { project } => {
                let containers = self.engine.containers(project).await.map_err(|error| unread(&error))?;
                project::state(&self.engine, &containers, &self.secrets).await.map_err(|error| unread(&error))
            }
            Resource::Service { project, service } => {
                let containers = self.engine.containers(project).await.map_err(|error| unread(&error))?;
                let own: Vec<_> =
                    containers.iter().filter(|one| name_of(one) == Some(service.as_str())).collect();
                service::state(&self.engine, &own, &self.secrets).await.map_err(|error| unread(&error))
            }
            other => Err(Unread::Unsupported(other.to_string())),
        }
    }

    async fn change(&self, change: &Change, blobs: &dyn Blobs) -> Result<(), HostError> {
        let seen = self.see(&change.resource).await.map_err(|error| HostError::Failed(error.to_string()))?;
        if seen != change.from {
            return Err(HostError::Stale(change.resource.to_string()));
        }
        match &change.resource {
            Resource::Image { id } => self.images.change(id, &change.to, blobs).await,
            Resource::Stack { project } => self.bring(project, &change.from, &change.to, blobs).await,
            other => Err(HostError::Unsupported(other.to_string())),
        }
    }

    /// Makes a project be what `to` says: up with its file, lying still, or down. Volumes stay whatever happens.
    async fn bring(
        &self,
        project: &str,
        from: &State,
        to: &State,
        blobs: &dyn Blobs,
    ) -> Result<(), HostError> {
        let Some(State::Content(digest)) = to.get("compose") else {
            return match to {
                State::Absent => self.down(project).await,
                other => Err(HostError::Unsupported(format!("project {project} cannot be made `{other}`"))),
            };
        };
        if running(to, true).is_empty() {
            return self.rest(project, from, to, blobs).await;
        }
        let (file, compose) = self.folder.place(digest, blobs)?;
        let released = |name: &&str| compose["services"].get(*name).is_some();
        self.clear(project, |name| released(&name)).await?;
        let containers = self.engine.containers(project).await.map_err(|error| refused(&error))?;
        let other = provenance::to_make_anew(&containers, &file, &compose);
        if provenance::networks_moved(&containers, &file, &compose) {
            self.down(project).await?;
        }
        let wanted: Vec<_> = running(to, true).into_iter().filter(released).collect();
        let moved = moved(from, to);
        let anew: Vec<_> =
            wanted.iter().copied().filter(|name| moved.contains(name) || other.contains(name)).collect();
        if !anew.is_empty() {
            self.up(project, &file, &anew, true).await?;
        }
        self.up(project, &file, &wanted, false).await?;
        self.stop(project, &running(to, false)).await?;
        match self.checks.get(digest) {
            Some(checks) => self.check(project, checks).await,
            None => Ok(()),
        }
    }

    /// Makes a project lie still. Containers that need only be stopped stay as they are: what they would mount need
    /// not be whole for that.
    async fn rest(
        &self,
        project: &str,
        from: &State,
        to: &State,
        blobs: &dyn Blobs,
    ) -> Result<(), HostError> {
        if project::at_rest(from) != project::at_rest(to)
            && let Some(State::Content(digest)) = to.get("compose")
        {
            let placed = self.folder.place(digest, blobs).map(|(file, _)| file);
            let file = placed.or_else(|_| self.folder.place_alone(digest, blobs))?;
            let arguments =
                ["create", "--no-build", "--pull", "never", "--remove-orphans", "--force-recreate"];
            let limit = self.healthy_within + Duration::from_secs(60);
            let ended = self.compose(project, &file, &arguments, limit).await?;
            if !ended.success {
                return Err(HostError::Failed(self.why(project, &ended.said).await));
            }
        }
        self.stop(project, &running(to, false)).await
    }

    /// Removes what stands in the way of the project's own containers and Compose would leave there: containers
    /// that it did not make, of services that are not released, or several of one service.
    async fn clear(&self, project: &str, released: impl Fn(&str) -> bool) -> Result<(), HostError> {
        let containers = self.engine.containers(project).await.map_err(|error| refused(&error))?;
        for container in &containers {
            let name = name_of(container).unwrap_or_default();
            let alone = containers.iter().filter(|other| name_of(other) == Some(name)).count() == 1;
            if !(released(name) && alone && service::is_composes(container)) {
                let id = container["Id"].as_str().unwrap_or_default();
                self.engine.remove(id).await.map_err(|error| refused(&error))?;
            }
        }
        Ok(())
    }

    async fn up(
        &self,
        project: &str,
        file: &std::path::Path,
        services: &[&str],
        anew: bool,
    ) -> Result<(), HostError> {
        let seconds = self.healthy_within.as_secs().max(1).to_string();
        let mut arguments =
            vec!["up", "--detach", "--no-build", "--pull", "never", "--quiet-pull", "--remove-orphans"];
        arguments.extend(["--wait", "--wait-timeout", &seconds]);
        if anew {
            arguments.push("--force-recreate");
        }
        arguments.extend(services);
        let until = Instant::now() + self.healthy_within;
        let limit = self.healthy_within + Duration::from_secs(60);
        let ended = self.compose(project, file, &arguments, limit).await?;
        // Compose also calls it a success when its time ends between two of its looks, so the last look is ours.
        if ended.success && self.well(project, services, until).await? {
            return Ok(());
        }
        Err(HostError::Failed(self.why(project, &ended.said).await))
    }

    /// Waits until these services are well; false when one is ill, or not well in time.
    async fn well(&self, project: &str, services: &[&str], until: Instant) -> Result<bool, HostError> {
        loop {
            let containers = self.engine.containers(project).await.map_err(|error| refused(&error))?;
            match service::condition(services, &containers) {
                Condition::Well => return Ok(true),
                Condition::Coming if Instant::now() < until => tokio::time::sleep(LOOK).await,
                Condition::Coming | Condition::Ill => return Ok(false),
            }
        }
    }

    async fn compose(
        &self,
        project: &str,
        file: &std::path::Path,
        arguments: &[&str],
        limit: Duration,
    ) -> Result<Ended, HostError> {
        let mut all: Vec<OsString> =
            ["--project-name", project, "--env-file", "/dev/null", "--file"].map(OsString::from).to_vec();
        all.push(file.into());
        all.extend(arguments.iter().map(OsString::from));
        self.docker.compose(self.engine.socket(), &all, limit).await
    }

    /// What kept a project from becoming healthy: each service that is not well, or else what Compose said.
    async fn why(&self, project: &str, said: &str) -> String {
        let mut reasons = Vec::new();
        for container in self.engine.containers(project).await.unwrap_or_default() {
            reasons.extend(service::complaint(&self.engine, &container).await);
        }
        let within = self.healthy_within.as_secs();
        let mut text = format!("project {project} is not up and healthy within {within} s");
        if reasons.is_empty() {
            // Compose itself could not work: the end of its own words is all there is.
            let start = said.len().saturating_sub(2000);
            let start = (start..said.len()).find(|at| said.is_char_boundary(*at)).unwrap_or(said.len());
            text.push_str(": ");
            text.push_str(said[start..].trim());
        }
        for reason in reasons {
            text.push_str("\n- ");
            text.push_str(&reason);
        }
        text
    }

    async fn down(&self, project: &str) -> Result<(), HostError> {
        let arguments = ["--project-name", project, "down", "--remove-orphans"].map(OsString::from);
        let ended = self.docker.compose(self.engine.socket(), &arguments, Duration::from_secs(180)).await?;
        let left = self.engine.containers(project).await.map_err(|error| refused(&error))?;
        if ended.success && left.is_empty() {
            return Ok(());
        }
        Err(HostError::Failed(format!("project {project} does not come down: {}", ended.said.trim())))
    }

    /// Stops the services that were not running in the state that is to be reached.
    async fn stop(&self, project: &str, services: &[&str]) -> Result<(), HostError> {
        for container in self.engine.containers(project).await.map_err(|error| refused(&error))? {
            let ours = name_of(&container).is_some_and(|name| services.contains(&name));
            if ours && service::runs(&container) {
                let id = container["Id"].as_str().unwrap_or_default();
                self.engine.stop(id).await.map_err(|error| refused(&error))?;
            }
        }
        Ok(())
    }

    async fn check(&self, project: &str, checks: &Checks) -> Result<(), HostError> {
        let containers = self.engine.containers(project).await.map_err(|error| refused(&error))?;
        for name in &checks.names {
            names::check(name, &containers).await.map_err(|error| HostError::Failed(error.to_string()))?;
        }
        for smoke in &checks.smoke {
            smoke.run(&checks.authorities).await.map_err(|error| {
                let source =
                    std::error::Error::source(&error).map(|source| format!(": {source}")).unwrap_or_default();
                HostError::Failed(format!("{error}{source}"))
            })?;
        }
        Ok(())
    }
}

/// The services that are there and are not what they should be. Compose believes the labels of a
/// container, so it would keep one that somebody put in the place of its own.
fn moved<'a>(from: &State, to: &'a State) -> Vec<&'a str> {
    let before = |name: &str| from.get("services").and_then(|services| services.get(name));
    services(to)
        .filter(|(name, state)| before(name).is_some_and(|seen| seen != *state))
        .map(|(name, _)| name)
        .collect()
}

fn running(state: &State, wanted: bool) -> Vec<&str> {
    services(state)
        .filter(|(_, service)| service.get("running") == Some(&State::Flag(wanted)))
        .map(|(name, _)| name)
        .collect()
}

fn services(state: &State) -> impl Iterator<Item = (&str, &State)> {
    let parts = match state.get("services") {
        Some(State::Record(parts)) => Some(parts),
        _ => None,
    };
    parts.into_iter().flatten().map(|(name, service)| (name.as_str(), service))
}

impl Observe for Stack {
    fn observe<'a>(&'a self, wanted: &'a [Resource]) -> Fut<'a, Vec<Result<State, Unread>>> {
        Box::pin(async move {
            let mut seen = Vec::with_capacity(wanted.len());
            for resource in wanted {
                seen.push(self.see(resource).await);
            }
            seen
        })
    }

    fn read<'a>(&'a self, resource: &'a Resource, into: &'a dyn Keep) -> Fut<'a, Result<Digest, Unread>> {
        Box::pin(async move {
            let Resource::Stack { .. } = resource else {
                return Err(Unread::Unsupported(format!("{resource} has no bytes to copy out")));
            };
            let Some(State::Content(digest)) = self.see(resource).await?.get("compose").cloned() else {
                return Err(Unread::Unsupported(format!("{resource} has no single Compose file")));
            };
            let path = self.folder.path(&digest);
            let mut file = std::fs::File::open(&path)
                .map_err(|error| Unread::Failed(format!("cannot read {}: {error}", path.display())))?;
            into.keep(&mut file).map_err(|error| Unread::Failed(error.to_string()))
        })
    }
}

impl Host for Stack {
    fn put<'a>(&'a self, change: &'a Change, bytes: &'a dyn Blobs) -> Fut<'a, Result<(), HostError>> {
        Box::pin(self.change(change, bytes))
    }

    fn handle<'a>(&'a self, handler: &'a Handler) -> Fut<'a, Result<(), HostError>> {
        Box::pin(std::future::ready(Err(HostError::Unsupported(handler.to_string()))))
    }
}
