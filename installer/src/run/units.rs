//! Our own systemd units: in place, enabled and started as demands like any other, so that they are planned, pinned
//! and taken back. (The guard's unit is none of these: it is there only while a plan waits to be confirmed.)

use std::path::{Path, PathBuf};

use engine::Pin;
use model::{
    About, Constraint, Control, Demand, Evidence, HostPath, Judgement, Resource, State, Unread, Verdict,
};

use crate::failure::{Exit, Failure};

/// Where the system keeps the units of its administrator.
const FOLDER: &str = "/etc/systemd/system";
/// Unit files are public; systemd complains of others.
const MODE: u32 = 0o644;

/// A unit of ours.
#[derive(Clone, Copy, Debug)]
pub struct Unit {
    /// Its name, as `groundfast-recover.service`.
    pub name: &'static str,
    /// The target that wants it, as `multi-user.target`.
    pub wanted_by: &'static str,
}

impl Unit {
    /// The path of its file.
    pub fn path(self) -> String {
        format!("{FOLDER}/{}", self.name)
    }

    /// The path of the link that enables it.
    pub fn link(self) -> String {
        format!("{FOLDER}/{}.wants/{}", self.wanted_by, self.name)
    }

    /// The control that its file holds a text.
    pub fn holds(self, about: About, text: String) -> Box<dyn Control> {
        let path = host_path(&self.path());
        let digest = State::Content(bundle::digest(text.as_bytes()));
        let content = Part(Resource::Content { path: path.clone() }, digest, Constraint::Holds(text));
        Box::new(Whole { about, parts: vec![content, Part::of(Resource::Mode { path }, State::Mode(MODE))] })
    }

    /// The control that it is enabled.
    pub fn enabled(self, about: About) -> Box<dyn Control> {
        let (link, target) = (Resource::Link { path: host_path(&self.link()) }, format!("../{}", self.name));
        Box::new(pin(about, link, State::text(target)))
    }

    /// The control that it runs, or does not.
    pub fn active(self, about: About, yes: bool) -> Box<dyn Control> {
        let state = State::text(if yes { "active" } else { "inactive" });
        Box::new(pin(about, Resource::Activity { unit: self.name.to_owned() }, state))
    }

    /// The control that neither its file nor the link that enables it is there.
    pub fn gone(self, about: About) -> Box<dyn Control> {
        let parts = [self.link(), self.path()].map(|path| {
            let file = Resource::File { path: host_path(&path) };
            Part::of(file, State::Absent)
        });
        Box::new(Whole { about, parts: parts.into() })
    }
}

fn pin(about: About, resource: Resource, state: State) -> Pin {
    Pin::asking(about, resource, state.clone(), Constraint::Equals(state))
}

/// Paths of units are made of literals.
fn host_path(text: &str) -> HostPath {
    text.parse().unwrap_or_else(|_| HostPath::literal("/"))
}

/// The path of this program.
///
/// # Errors
/// When it cannot be told.
pub fn program() -> Result<PathBuf, Failure> {
    std::env::current_exe()
        .map_err(|error| Failure::new(Exit::Error, "telling where groundfast is").because(&error))
}

/// A path as a unit can use it: from the root on.
///
/// # Errors
/// When the present folder cannot be told.
pub fn place(path: &Path) -> Result<PathBuf, Failure> {
    std::path::absolute(path).map_err(|error| {
        Failure::new(Exit::Error, format!("telling where {} is", path.display())).because(&error)
    })
}

/// A path as one word of a command line, as systemd.service(5) quotes it.
pub fn word(path: &Path) -> String {
    let quoted = plain(path).replace('\\', "\\\\").replace('"', "\\\"").replace('$', "$$");
    format!("\"{quoted}\"")
}

/// A path where systemd.unit(5) takes all that stands behind the equals sign.
pub fn plain(path: &Path) -> String {
    path.display().to_string().replace('%', "%%")
}

/// Holds as long as several resources are in the states asked for.
struct Whole {
    about: About,
    parts: Vec<Part>,
}

/// A resource, the state that it has to be in, and how that is asked for.
struct Part(Resource, State, Constraint);

impl Part {
    fn of(resource: Resource, state: State) -> Self {
        Self(resource, state.clone(), Constraint::Equals(state))
    }
}

impl Control for Whole {
    fn about(&self) -> &About {
        &self.about
    }

    fn needs(&self, _: &Evidence) -> Vec<Resource> {
        self.parts.iter().map(|Part(resource, ..)| resource.clone()).collect()
    }

    fn judge(&self, seen: &Evidence) -> Judgement {
        let told = |states: Vec<String>| states.join(", ");
        let wanted = told(self.parts.iter().map(|Part(_, state, _)| state.to_string()).collect());
        let found: Result<Vec<&State>, Unread> =
            self.parts.iter().map(|Part(resource, ..)| seen.see(resource)).collect();
        match found {
            Err(unread) => Judgement::other(Verdict::Unknown, wanted, unread.to_string()),
            Ok(found) => {
                let holds = self.parts.iter().zip(&found).all(|(Part(_, state, _), found)| state == *found);
                Judgement::of(holds, wanted, told(found.iter().map(ToString::to_string).collect()))
            }
        }
    }

    fn remedy(&self, _: &Evidence) -> Vec<Demand> {
        let demand = |Part(resource, _, constraint): &Part| Demand {
            resource: resource.clone(),
            constraint: constraint.clone(),
            by: self.about.id.clone(),
        };
        self.parts.iter().map(demand).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::{ControlId, Severity};

    const UNIT: Unit = Unit { name: "groundfast-x.timer", wanted_by: "timers.target" };

    fn about() -> About {
        About {
            id: ControlId::new("x"),
            title: String::new(),
            severity: Severity::High,
            references: Vec::new(),
            rationale: String::new(),
            mend: String::new(),
        }
    }

    #[test]
    fn words_are_quoted_as_systemd_reads_them() {
        assert_eq!(word(Path::new("/srv/a b/50%")), "\"/srv/a b/50%%\"");
        assert_eq!(word(Path::new("/srv/\"$x\\")), "\"/srv/\\\"$$x\\\\\"");
    }

    #[test]
    fn a_unit_holds_only_whole_and_unread_is_neither() {
        let control = UNIT.holds(about(), "[Timer]\n".to_owned());
        let path = host_path("/etc/systemd/system/groundfast-x.timer");
        let content = Resource::Content { path: path.clone() };
        let digest = State::Content(bundle::digest(b"[Timer]\n"));
        let mode = Resource::Mode { path };
        let judged = |content_is: Result<State, Unread>, mode_is: u32| {
            let seen = Evidence::from_iter([
                (content.clone(), content_is),
                (mode.clone(), Ok(State::Mode(mode_is))),
            ]);
            control.judge(&seen).verdict
        };
        assert_eq!(judged(Ok(digest.clone()), 0o644), Verdict::Pass);
        assert_eq!(judged(Ok(digest), 0o600), Verdict::Fail);
        assert_eq!(judged(Ok(State::Absent), 0o644), Verdict::Fail);
        assert_eq!(judged(Err(Unread::Denied("x".into())), 0o644), Verdict::Unknown);
        assert_eq!(control.remedy(&Evidence::default()).len(), 2);
    }
}
