//! Controls on images, projects and services: what was signed is what runs.

use model::{
    About, Constraint, Control, ControlId, Demand, Digest, Evidence, Judgement, Reference, Resource,
    Severity, State, Unread, Verdict,
};

use crate::archive::Image;
use crate::compose::Service;
use crate::images;
use crate::project::Release;

/// Every control that a release brings: its images, the project, and each service.
pub fn of(project: &str, release: &Release, loaded: &[Image]) -> Vec<Box<dyn Control>> {
    let mut controls: Vec<Box<dyn Control>> = Vec::new();
    for image in loaded {
        controls.push(Box::new(ImagePresent::new(image)));
    }
    controls.push(Box::new(StackUp::new(project, release)));
    for (name, service) in &release.services {
        for aspect in [Aspect::Image, Aspect::Healthy, Aspect::NonRoot] {
            controls.push(Box::new(ServiceIs::new(project, name, service, aspect)));
        }
        let some = [(Aspect::Pins, !service.pins.is_empty()), (Aspect::Confined, service.profile.is_some())];
        for (aspect, _) in some.into_iter().filter(|(_, given)| *given) {
            controls.push(Box::new(ServiceIs::new(project, name, service, aspect)));
        }
    }
    controls
}

fn about(
    id: String,
    title: String,
    severity: Severity,
    requirement: &str,
    rationale: &str,
    mend: String,
) -> About {
    let references = vec![Reference { source: "requirement".to_owned(), id: requirement.to_owned() }];
    About { id: ControlId::new(id), title, severity, references, rationale: rationale.to_owned(), mend }
}

fn unknown(expected: impl Into<String>, unread: &Unread) -> Judgement {
    Judgement::other(Verdict::Unknown, expected, unread.to_string())
}

/// An image of the release is in the engine under the id that was signed.
pub struct ImagePresent {
    about: About,
    resource: Resource,
    expected: State,
}

impl ImagePresent {
    /// Expects this image.
    pub fn new(image: &Image) -> Self {
        let about = about(
            format!("image.{}", image.name),
            format!("The image {} is present as it was signed", image.name),
            Severity::High,
            "3.1",
            "Only an image whose id was signed is known to be unmodified.",
            "groundfast install FILE loads it again".to_owned(),
        );
        Self {
            about,
            resource: Resource::Image { id: image.id },
            expected: images::state(&image.id, &image.user),
        }
    }
}

impl Control for ImagePresent {
    fn about(&self) -> &About {
        &self.about
    }

    fn needs(&self, _seen: &Evidence) -> Vec<Resource> {
        vec![self.resource.clone()]
    }

    fn judge(&self, seen: &Evidence) -> Judgement {
        let expected = self.expected.to_string();
        match seen.see(&self.resource) {
            Err(unread) => unknown(expected, &unread),
            Ok(state) => Judgement::of(*state == self.expected, expected, state.to_string()),
        }
    }

    fn remedy(&self, _seen: &Evidence) -> Vec<Demand> {
        demand(&self.about, &self.resource, &self.expected)
    }
}

/// The project is up with the release's Compose file.
pub struct StackUp {
    about: About,
    resource: Resource,
    expected: State,
}

impl StackUp {
    /// Expects this release under this project name.
    pub fn new(project: &str, release: &Release) -> Self {
        let about = about(
            format!("stack.{project}"),
            format!("The project {project} is up as it was released"),
            Severity::High,
            "3",
            "Services that were added, taken away or made otherwise are not the product that was signed.",
            "groundfast install FILE brings it up again".to_owned(),
        );
        Self { about, resource: Resource::Stack { project: project.to_owned() }, expected: release.state() }
    }
}

impl Control for StackUp {
    fn about(&self) -> &About {
        &self.about
    }

    fn needs(&self, _seen: &Evidence) -> Vec<Resource> {
        vec![self.resource.clone()]
    }

    fn judge(&self, seen: &Evidence) -> Judgement {
        let names = |state: &State| match state.get("services") {
            Some(State::Record(services)) => services.keys().cloned().collect::<Vec<_>>().join(", "),
            _ => String::new(),
        };
        let expected = format!("up with services {}", names(&self.expected));
        match seen.see(&self.resource) {
            Err(unread) => unknown(expected, &unread),
            Ok(state) => {
                let differences = differences("", state, &self.expected);
                let actual = match state {
                    State::Absent => "not up".to_owned(),
                    _ if differences.is_empty() => format!("up with services {}", names(state)),
                    _ => differences.join("; "),
                };
                Judgement::of(differences.is_empty(), expected, actual)
            }
        }
    }

    fn remedy(&self, _seen: &Evidence) -> Vec<Demand> {
        demand(&self.about, &self.resource, &self.expected)
    }
}

/// Where two records differ, by dotted path.
fn differences(at: &str, seen: &State, wanted: &State) -> Vec<String> {
    match (seen, wanted) {
        (State::Record(seen), State::Record(wanted)) => {
            let names: std::collections::BTreeSet<_> = seen.keys().chain(wanted.keys()).collect();
            let part = |parts: &std::collections::BTreeMap<String, State>, name: &String| {
                parts.get(name).cloned().unwrap_or(State::Absent)
            };
            let below = |name: &String| {
                let at = if at.is_empty() { name.clone() } else { format!("{at}.{name}") };
                differences(&at, &part(seen, name), &part(wanted, name))
            };
            names.into_iter().flat_map(below).collect()
        }
        _ if seen == wanted => Vec::new(),
        (State::Absent, State::Record(_)) => vec![format!("{at} is absent")],
        _ => vec![format!("{at} is {seen} instead of {wanted}")],
    }
}

/// What a [`ServiceIs`] looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Aspect {
    /// The container was made from the pinned image.
    Image,
    /// It runs, and is healthy if it can say so.
    Healthy,
    /// It does not run as root.
    NonRoot,
    /// The read-only files mounted into it are the pinned ones; for the decision point that is its policy.
    Pins,
    /// AppArmor confines it by the profile that it names.
    Confined,
}

/// One aspect of one service as it runs.
pub struct ServiceIs {
    about: About,
    resource: Resource,
    service: Service,
    aspect: Aspect,
}

impl ServiceIs {
    /// Expects this of a service.
    pub fn new(project: &str, name: &str, service: &Service, aspect: Aspect) -> Self {
        let (word, title, requirement, rationale) = match aspect {
            Aspect::Image => {
                ("image", "runs the signed image", "3.1", "A container of another image is another program.")
            }
            Aspect::Healthy => {
                ("healthy", "runs and is healthy", "4", "A service that does not run protects nothing.")
            }
            Aspect::NonRoot => {
                ("nonroot", "does not run as root", "4.3", "Root in a container is one mistake from root.")
            }
            Aspect::Pins => (
                "pins",
                "sees the pinned files and policy",
                "5",
                "Policy and configuration are part of the release.",
            ),
            Aspect::Confined => (
                "confined",
                "runs under its AppArmor profile",
                "4.3",
                "A program that was taken over can do what its profile allows, and no more.",
            ),
        };
        let about = about(
            format!("service.{name}.{word}"),
            format!("The service {name} {title}"),
            Severity::High,
            requirement,
            rationale,
            "groundfast install FILE brings it up again".to_owned(),
        );
        let resource = Resource::Service { project: project.to_owned(), service: name.to_owned() };
        Self { about, resource, service: service.clone(), aspect }
    }

    fn judge_state(&self, state: &State) -> Judgement {
        if *state == State::Absent {
            return Judgement::of(false, self.about.title.clone(), "there is no container");
        }
        let text = |part: &str| state.get(part).and_then(State::as_text).unwrap_or_default();
        match self.aspect {
            Aspect::Image => {
                let seen = state.get("image").cloned().unwrap_or(State::Absent);
                let wanted = State::Content(self.service.image);
                Judgement::of(seen == wanted, wanted.to_string(), seen.to_string())
            }
            Aspect::Healthy => {
                let running = state.get("running") == Some(&State::Flag(true));
                let health = text("health");
                let part = |name: &str| state.get(name).and_then(State::as_int).unwrap_or_default();
                let actual = match running {
                    true => format!("running, health {health}, {} restarts", part("restarts")),
                    false => format!("not running, exit code {}", part("exit")),
                };
                Judgement::of(running && matches!(health, "healthy" | "none"), "running and healthy", actual)
            }
            Aspect::NonRoot => match state.get("user") {
                Some(State::Text(user)) => {
                    let shown = if user.is_empty() { "no user, that is root" } else { user };
                    Judgement::of(!is_root(user), "a user other than root", shown)
                }
                _ => Judgement::of(false, "one container with a user other than root", state.to_string()),
            },
            Aspect::Confined => {
                let expected = format!("{} (enforce)", self.service.profile.as_deref().unwrap_or_default());
                match text("confined") {
                    "" => Judgement::other(Verdict::Notapplicable, expected, "AppArmor does not run here"),
                    unknown if unknown.starts_with("unknown: ") => {
                        Judgement::other(Verdict::Unknown, expected, unknown)
                    }
                    seen => Judgement::of(seen == expected, expected.clone(), seen),
                }
            }
            Aspect::Pins => {
                let wanted = pins(&self.service);
                let seen = state.get("pins").cloned().unwrap_or(State::Absent);
                let differences = differences("", &seen, &wanted);
                let actual =
                    if differences.is_empty() { "as pinned".to_owned() } else { differences.join("; ") };
                Judgement::of(differences.is_empty(), wanted.to_string(), actual)
            }
        }
    }
}

impl Control for ServiceIs {
    fn about(&self) -> &About {
        &self.about
    }

    fn needs(&self, _seen: &Evidence) -> Vec<Resource> {
        vec![self.resource.clone()]
    }

    fn judge(&self, seen: &Evidence) -> Judgement {
        match seen.see(&self.resource) {
            Err(unread) => unknown(self.about.title.clone(), &unread),
            Ok(state) => self.judge_state(state),
        }
    }
}

/// Whether an image's or container's user is root: none, the name or the number, with or without a group.
pub fn is_root(user: &str) -> bool {
    let name = user.split(':').next().unwrap_or_default();
    name.is_empty() || name == "root" || name.bytes().all(|digit| digit == b'0')
}

fn pins(service: &Service) -> State {
    let content = |(path, digest): (&String, &Digest)| (path.clone(), State::Content(*digest));
    State::record(service.pins.iter().map(content))
}

fn demand(about: &About, resource: &Resource, expected: &State) -> Vec<Demand> {
    let constraint = Constraint::Equals(expected.clone());
    vec![Demand { resource: resource.clone(), constraint, by: about.id.clone() }]
}

#[cfg(test)]
mod tests;
