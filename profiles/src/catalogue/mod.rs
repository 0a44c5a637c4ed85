//! The catalogue: every profile, variable and control that is known, from the binary and from further files.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::{About, Control, Severity};

use crate::error::{ProfileError, ResolveError, nearest};
use crate::format::{File, Profile, Template};
use crate::former::Former;
use crate::kinds::{Probe, ReadError};
use crate::rule::{Rule, Skipped};
use crate::tailoring::{Selector, Tailoring};
use crate::variable::{Values, Variable};

/// The profile files inside the binary.
const BUILTIN: &[(&str, &str)] = &[
    ("cis/debian12.toml", include_str!("../../cis/debian12.toml")),
    ("environment.toml", include_str!("../../environment.toml")),
];

/// Everything that profile files declare; a later file wins over an earlier one, name by name.
#[derive(Clone, Debug, Default)]
pub struct Catalogue {
    variables: BTreeMap<String, Variable>,
    profiles: BTreeMap<String, Profile>,
    controls: BTreeMap<String, Template>,
    former: Former,
}

/// A profile as a list shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProfileView {
    /// Its name, such as `cis-debian12-l1-server`.
    pub id: String,
    /// What it is, in one line.
    pub title: String,
    /// How many controls it selects.
    pub controls: usize,
}

impl Catalogue {
    /// A catalogue that knows nothing yet.
    pub fn empty() -> Self {
        Self::default()
    }

    /// The profiles that came with the binary.
    ///
    /// # Errors
    /// When one of them is not valid, which the tests of this crate exclude.
    pub fn builtin() -> Result<Self, ProfileError> {
        BUILTIN.iter().try_fold(Self::empty(), |catalogue, (name, text)| catalogue.with(name, text))
    }

    /// Adds a profile file; `name` is what errors call it.
    ///
    /// # Errors
    /// The first thing that is wrong with it, with its place.
    pub fn with(mut self, name: &str, text: &str) -> Result<Self, ProfileError> {
        let file = File::read(name, text, &self.variables)?;
        self.former.extend(file.former);
        self.variables.extend(file.variables);
        self.profiles.extend(file.profiles.into_iter().map(|profile| (profile.id.clone(), profile)));
        let controls = file.controls.into_iter();
        self.controls.extend(controls.map(|control| (control.about.id.as_str().to_owned(), control)));
        Ok(self)
    }

    /// The profiles in order of their names.
    pub fn profiles(&self) -> impl Iterator<Item = ProfileView> {
        self.profiles.values().map(|profile| ProfileView {
            id: profile.id.clone(),
            title: profile.title.clone(),
            controls: self.selected(profile).map(|templates| templates.len()).unwrap_or_default(),
        })
    }

    /// What people read about a control, whatever profile selects it; its variables at their defaults.
    pub fn explain(&self, control: &str) -> Option<About> {
        let template = self.controls.get(control)?;
        about(template, &Values::defaults(&self.variables)).ok()
    }

    /// The controls of a profile, tailored, in order of their first reference and name.
    ///
    /// # Errors
    /// When a name is unknown or a value is not allowed.
    pub fn resolve(
        &self,
        profile: &str,
        tailoring: &Tailoring,
    ) -> Result<Vec<Box<dyn Control>>, ResolveError> {
        let chain = self.chain(profile)?;
        let mut values = Values::defaults(&self.variables);
        for profile in chain.iter().rev() {
            profile.set.iter().for_each(|(name, value)| values.set(name, value.clone()));
        }
        for (name, text) in &tailoring.set {
            if !self.variables.contains_key(name) {
                self.former.refuse(name)?;
            }
            values.set_text(&self.variables, name, text)?;
        }
        let values = Arc::new(values);
        let only = self.selectors(tailoring.only.iter())?;
        let skip = self.selectors(tailoring.skip.keys())?;
        let mut controls: Vec<Box<dyn Control>> = Vec::new();
        for template in self.selected(chain[0])? {
            let names = |selector: &&Selector| selector.names(&template.about, &template.levels);
            if !only.is_empty() && !only.iter().any(|selector| names(&selector)) {
                continue;
            }
            let reason = skip.iter().zip(tailoring.skip.values()).find(|(selector, _)| names(selector));
            controls.push(match reason {
                Some(_) if template.about.severity == Severity::Blocker => {
                    return Err(ResolveError::Blocker(template.about.id.to_string()));
                }
                Some((_, reason)) => {
                    Box::new(Skipped { about: about(template, &values)?, reason: reason.clone() })
                }
                None => Box::new(rule(template, &values)?),
            });
        }
        Ok(controls)
    }

    /// A profile and those that it extends, itself first.
    fn chain(&self, id: &str) -> Result<Vec<&Profile>, ResolveError> {
        let mut chain: Vec<&Profile> = Vec::new();
        let mut next = Some(id);
        while let Some(id) = next {
            let profile = self.profiles.get(id).ok_or_else(|| ResolveError::Unknown {
                what: "profile",
                name: id.to_owned(),
                meant: nearest(id, self.profiles.keys().map(String::as_str)),
            })?;
            if chain.iter().any(|seen| seen.id == profile.id) {
                return Err(ResolveError::Circle(profile.id.clone()));
            }
            chain.push(profile);
            next = profile.extends.as_deref();
        }
        Ok(chain)
    }

    /// The controls that a profile selects: those of what it extends, less what it drops, and its own.
    fn selected(&self, profile: &Profile) -> Result<Vec<&Template>, ResolveError> {
        let mut chosen: BTreeMap<&str, &Template> = BTreeMap::new();
        for profile in self.chain(&profile.id)?.into_iter().rev() {
            let named = |selectors: &[Selector], template: &Template| {
                selectors.iter().any(|selector| selector.names(&template.about, &template.levels))
            };
            chosen.retain(|_, template| !named(&profile.drop, template));
            let own = self
                .controls
                .iter()
                .filter(|(_, template)| named(&profile.select, template) && !named(&profile.drop, template));
            chosen.extend(own.map(|(id, template)| (id.as_str(), template)));
        }
        let mut chosen: Vec<_> = chosen.into_values().collect();
        chosen.sort_by_cached_key(|template| (place_in_standard(&template.about), template.about.id.clone()));
        Ok(chosen)
    }

    /// Reads selectors and refuses those that name nothing at all.
    fn selectors<'a>(&self, texts: impl Iterator<Item = &'a String>) -> Result<Vec<Selector>, ResolveError> {
        texts
            .map(|text| {
                let selector = Selector::new(text);
                let known =
                    self.controls.values().any(|control| selector.names(&control.about, &control.levels));
                if known { Ok(selector) } else { Err(self.unknown_control(text)) }
            })
            .collect()
    }

    /// Makes sure that a control of this id exists, whatever profile selects it.
    ///
    /// # Errors
    /// When it does not: with its successor, or the nearest name.
    pub fn known(&self, control: &str) -> Result<(), ResolveError> {
        if self.controls.contains_key(control) { Ok(()) } else { Err(self.unknown_control(control)) }
    }

    fn unknown_control(&self, name: &str) -> ResolveError {
        let unknown = || ResolveError::Unknown {
            what: "control",
            name: name.to_owned(),
            meant: nearest(name, self.controls.keys().map(String::as_str)),
        };
        self.former.refuse(name).err().unwrap_or_else(unknown)
    }
}

/// The numbers of the first reference, for sorting `5.1.10` behind `5.1.9`.
fn place_in_standard(about: &About) -> Vec<u32> {
    let first = about.references.first().map(|reference| reference.id.as_str()).unwrap_or_default();
    first.split('.').map_while(|part| part.parse().ok()).collect()
}

fn about(template: &Template, values: &Values) -> Result<About, ResolveError> {
    let interpolate = |text: &str| {
        values.interpolate(text).map_err(|name| ResolveError::Unknown { what: "variable", name, meant: None })
    };
    let about = template.about.clone();
    Ok(About { title: interpolate(&about.title)?, mend: interpolate(&about.mend)?, ..about })
}

fn rule(template: &Template, values: &Arc<Values>) -> Result<Rule, ResolveError> {
    let refused = |reason: String| ResolveError::Control { control: template.about.id.to_string(), reason };
    let arguments =
        values.bind(&template.arguments).map_err(|name| refused(format!("unknown variable `{name}`")))?;
    let probe = Probe::read(&template.kind, arguments).map_err(|error| match error {
        ReadError::Arguments(error) => refused(error.message().to_owned()),
        ReadError::UnknownKind => refused(format!("unknown kind `{}`", template.kind)),
    })?;
    probe.kind().check().map_err(refused)?;
    Ok(Rule {
        about: about(template, values)?,
        when: template.when.clone(),
        probe,
        values: Arc::clone(values),
    })
}

#[cfg(test)]
mod tests;
