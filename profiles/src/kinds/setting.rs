//! One key of a settings file and its drop-ins.

use model::{Constraint, Evidence, HostPath, Judgement, Lookup, Resource, State, Syntax, Unread};
use serde::Deserialize;

use super::pam::overrides::{self, Overrides};
use super::parts::Parts;
use super::value::{Order, Scalar, Want};
use super::{Ask, Kind, unread};

/// `{ kind = "setting", path, folders?, main_last?, syntax, key, value?, order?, least?, default?, also?, service?,
/// pam?, assess_only? }`;
/// without `value` the bare key must be there.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Setting {
    path: HostPath,
    #[serde(default)]
    folders: Vec<HostPath>,
    /// Whether the main file is read after its drop-ins and so wins.
    #[serde(default)]
    main_last: bool,
    syntax: Syntax,
    key: String,
    value: Option<Scalar>,
    #[serde(default)]
    order: Order,
    /// The lowest number allowed where `order` is `at-most`.
    least: Option<i64>,
    /// What counts where nothing sets the key.
    default: Option<Scalar>,
    /// Whether a failure is only told, never mended.
    #[serde(default)]
    assess_only: bool,
    /// Further words that are accepted.
    #[serde(default)]
    also: Vec<String>,
    /// The unit that reads it: where nothing starts it at boot, nothing is wrong.
    service: Option<String>,
    /// The module that reads it: its arguments in the password stack win over the files.
    pam: Option<String>,
}

const OURS: &str = "99-zz-groundfast.conf";

impl Setting {
    /// What is wanted of the value; nothing where the bare key is asked for.
    fn want(&self) -> Option<Want<'_>> {
        let value = self.value.as_ref()?.0.as_str();
        Some(Want { value, order: self.order, least: self.least, also: &self.also })
    }

    fn lookup(&self) -> Resource {
        Resource::Effective(Lookup::DropIns {
            main: self.path.clone(),
            folders: self.folders.clone(),
            main_last: self.main_last,
            syntax: self.syntax,
            key: self.key.clone(),
        })
    }

    fn unit(&self) -> Option<Resource> {
        let name = self.service.clone()?;
        Some(Resource::Effective(Lookup::Unit { name }))
    }

    /// Whether its reader is known not to start at boot.
    fn is_idle(&self, seen: &Evidence) -> bool {
        let Some(record) = self.unit().and_then(|unit| seen.see(&unit).ok().cloned()) else { return false };
        record.get("exists") == Some(&State::Flag(true))
            && !record.get("enablement").is_some_and(|word| {
                matches!(word.as_text(), Some("enabled" | "enabled-runtime" | "static" | "generated"))
            })
    }

    fn overrides(&self, seen: &Evidence) -> Result<Option<Overrides>, Unread> {
        self.pam.as_ref().map(|module| Overrides::seen(seen, module, &self.key)).transpose()
    }

    fn admits(&self, value: &str) -> bool {
        self.want().is_none_or(|want| want.admits(value))
    }

    /// Judges what the files say.
    fn judge_files(&self, parts: &mut Parts, record: &State) {
        let at = record.get("at").map(|at| format!(" by {at}")).unwrap_or_default();
        match (record.get("value").map(ToString::to_string), &self.default) {
            (Some(value), _) if value.is_empty() => {
                parts.seen(self.admits(&value), format!("{}{at}", self.key));
            }
            (Some(value), _) => parts.seen(self.admits(&value), format!("{} = {value}{at}", self.key)),
            (None, Some(default)) => {
                parts.seen(self.admits(&default.0), format!("{} by default, nothing sets it", default.0));
            }
            (None, None) => parts.seen(false, format!("nothing sets {}", self.key)),
        }
    }

    fn set_in(&self, path: HostPath) -> Ask {
        let resource = Resource::Setting { path, syntax: self.syntax, key: self.key.clone() };
        let value = self.want().map(|want| want.preferred().to_owned()).unwrap_or_default();
        Ask::new(resource, Constraint::Equals(State::text(value)))
    }

    fn expected(&self) -> String {
        self.want().map_or_else(|| self.key.clone(), |want| format!("{} = {want}", self.key))
    }
}

impl Kind for Setting {
    fn check(&self) -> Result<(), String> {
        self.want().map_or(Ok(()), |want| want.check())
    }

    fn needs(&self, _seen: &Evidence) -> Vec<Resource> {
        let stacks = self.pam.iter().flat_map(|_| overrides::needs());
        [self.lookup()].into_iter().chain(self.unit()).chain(stacks).collect()
    }

    fn judge(&self, seen: &Evidence) -> Judgement {
        if self.is_idle(seen) {
            let unit = self.service.as_deref().unwrap_or_default();
            return Judgement::of(true, self.expected(), format!("{unit} does not start at boot"));
        }
        let (record, overrides) = match (seen.see(&self.lookup()), self.overrides(seen)) {
            (Ok(record), Ok(overrides)) => (record, overrides),
            (Err(why), _) | (_, Err(why)) => return unread(self.expected(), &why),
        };
        let mut parts = Parts::default();
        for (value, at) in overrides.iter().flat_map(Overrides::values) {
            parts.seen(self.admits(value), format!("{} = {value} at {at}", self.key));
        }
        if !overrides.is_some_and(|overrides| overrides.are_complete()) {
            self.judge_files(&mut parts, record);
        }
        parts.judge(self.expected())
    }

    fn remedy(&self, seen: &Evidence) -> Vec<Ask> {
        let Ok(record) = seen.see(&self.lookup()) else { return Vec::new() };
        if self.assess_only {
            return Vec::new();
        }
        let Some(ours) = self.folders.first().filter(|_| !self.main_last) else {
            let overrides = self.overrides(seen).ok().flatten();
            let wrong = overrides.iter().filter(|all| all.values().any(|(value, _)| !self.admits(value)));
            let away = wrong.flat_map(Overrides::taken_away);
            return [self.set_in(self.path.clone())].into_iter().chain(away).collect();
        };
        let Ok(ours) = ours.join(OURS) else { return Vec::new() };
        let winner =
            record.get("path").and_then(State::as_text).and_then(|path| path.parse::<HostPath>().ok());
        let later = winner.filter(|winner| *winner != self.path && winner.name() > ours.name());
        [ours].into_iter().chain(later).map(|path| self.set_in(path)).collect()
    }
}
