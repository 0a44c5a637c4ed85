//! The catalogue: every profile, variable and control that is known, from the binary and from further files.

mod explain;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use model::{About, Control, Severity};

use crate::benchmark::{Benchmark, UNJUDGED};
use crate::error::{ProfileError, ResolveError, nearest};
use crate::format::{File, Profile, Template};
use crate::former::Former;
use crate::kinds::{Probe, ReadError};
use crate::rule::{Rule, Skipped};
use crate::tailoring::{Named, Selector, Tailoring};
use crate::variable::{Values, Variable};

pub use explain::ProbeView;

macro_rules! embedded {
    ($($name:literal),+ $(,)?) => { &[$(($name, include_str!(concat!("../../", $name)))),+] };
}

/// The profile files inside the binary: controls first, then the benchmarks that say where they stand.
const BUILTIN: &[(&str, &str)] = embedded![
    "controls/choices.toml",
    "controls/accounts.toml",
    "controls/audit.toml",
    "controls/banners.toml",
    "controls/boot.toml",
    "controls/confinement.toml",
    "controls/cron.toml",
    "controls/crypto.toml",
    "controls/desktop.toml",
    "controls/files.toml",
    "controls/firewall.toml",
    "controls/homes.toml",
    "controls/integrity.toml",
    "controls/kernel.toml",
    "controls/logging.toml",
    "controls/logs.toml",
    "controls/mounts.toml",
    "controls/packages.toml",
    "controls/pam.toml",
    "controls/passwords.toml",
    "controls/reviews.toml",
    "controls/services.toml",
    "controls/shells.toml",
    "controls/ssh.toml",
    "controls/sudo.toml",
    "controls/time.toml",
    "cis/debian12.toml",
    "cis/debian13.toml",
    "cis/rhel8.toml",
    "cis/rhel9.toml",
    "cis/ubuntu2204.toml",
    "cis/ubuntu2404.toml",
    "environment.toml",
    "tailorings.toml",
    "docker.toml",
    "kubernetes.toml",
];

/// Everything that profile files declare; a later file wins over an earlier one, name by name.
#[derive(Clone, Debug, Default)]
pub struct Catalogue {
    variables: BTreeMap<String, Variable>,
    profiles: BTreeMap<String, Profile>,
    benchmarks: BTreeMap<String, Benchmark>,
    tailorings: BTreeMap<String, Named>,
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
        Self::read(BUILTIN.iter())
    }

    /// The profiles of the binary without the benchmarks that this one is not of, which is much faster to read.
    /// Everything when the binary has no such profile.
    ///
    /// # Errors
    /// As [`Self::builtin`].
    pub fn builtin_for(profile: &str) -> Result<Self, ProfileError> {
        let line = format!("\nid = \"{profile}\"\n");
        let known = BUILTIN.iter().any(|(_, text)| text.contains(&line));
        let needed = |text: &str| !text.contains("\n[benchmark]\n") || text.contains(&line);
        Self::read(BUILTIN.iter().filter(|(_, text)| !known || needed(text)))
    }

    fn read<'t>(mut files: impl Iterator<Item = &'t (&'t str, &'t str)>) -> Result<Self, ProfileError> {
        files.try_fold(Self::empty(), |catalogue, (name, text)| catalogue.with(name, text))
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
        self.benchmarks.extend(file.benchmark.map(|benchmark| (benchmark.id.clone(), benchmark)));
        self.tailorings.extend(file.tailorings.into_iter().map(|one| (one.id.clone(), one)));
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

    /// The profiles that select a control, in order of their names.
    pub fn profiles_with(&self, control: &str) -> Vec<String> {
        let selects = |profile: &&Profile| {
            let selected = self.selected(profile).unwrap_or_default();
            selected.iter().any(|template| template.about.id.as_str() == control)
        };
        self.profiles.values().filter(selects).map(|profile| profile.id.clone()).collect()
    }

    /// What people read about a control, whatever profile selects it; its variables at their defaults.
    pub fn explain(&self, control: &str) -> Option<About> {
        let template = self.controls.get(control)?;
        let mut about = about(template, &Values::defaults(&self.variables)).ok()?;
        for row in self.benchmarks.values().filter_map(|benchmark| benchmark.rules.get(control)) {
            let new = row.references.iter().filter(|one| !about.references.contains(one));
            let new: Vec<_> = new.cloned().collect();
            about.references.extend(new);
        }
        Some(about)
    }

    /// The benchmarks that are known.
    pub fn benchmarks(&self) -> impl Iterator<Item = &Benchmark> {
        self.benchmarks.values()
    }

    /// The names of the tailorings that a profile file holds.
    ///
    /// # Errors
    /// The first thing that is wrong with it, with its place.
    pub fn tailorings_in(&self, name: &str, text: &str) -> Result<Vec<String>, ProfileError> {
        let file = File::read(name, text, &self.variables)?;
        Ok(file.tailorings.into_iter().map(|one| one.id).collect())
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
        let applied = self.applied(&chain, tailoring)?;
        for (name, value) in applied.iter().flat_map(|named| &named.set) {
            values.set(name, value.clone());
        }
        for (name, text) in &tailoring.set {
            if !self.variables.contains_key(name) {
                self.former.refuse(name)?;
            }
            values.set_text(&self.variables, name, text)?;
        }
        let values = Arc::new(values);
        let only = self.selectors(chain[0], tailoring.only.iter())?;
        let skip = self.selectors(chain[0], tailoring.skip.keys())?;
        let mut controls: Vec<Box<dyn Control>> = Vec::new();
        for template in self.selected(chain[0])? {
            let template = template.as_ref();
            let names = |selector: &&Selector| selector.names(&template.about, &template.levels);
            if !only.is_empty() && !only.iter().any(|selector| names(&selector)) {
                continue;
            }
            let own = skip.iter().zip(tailoring.skip.values()).find(|(selector, _)| names(selector));
            let own = own.map(|(_, reason)| reason.clone());
            let named = || applied.iter().find_map(|named| named.skips(&template.about, &template.levels));
            controls.push(match own.or_else(named) {
                Some(_) if template.about.severity == Severity::Blocker => {
                    return Err(ResolveError::Blocker(template.about.id.to_string()));
                }
                Some(reason) => Box::new(Skipped {
                    about: about(template, &values)?,
                    reason: format!("skipped: {reason}"),
                    left_out: true,
                }),
                None if template.kind == UNJUDGED => {
                    let reason = "Groundfast cannot judge this rule yet".to_owned();
                    Box::new(Skipped { about: about(template, &values)?, reason, left_out: false })
                }
                None => Box::new(rule(template, &values)?),
            });
        }
        Ok(controls)
    }

    /// What the named tailorings that a profile and a site apply are for, by name.
    ///
    /// # Errors
    /// When a name is unknown.
    pub fn tailorings(
        &self,
        profile: &str,
        tailoring: &Tailoring,
    ) -> Result<BTreeMap<String, String>, ResolveError> {
        let applied = self.applied(&self.chain(profile)?, tailoring)?;
        Ok(applied.into_iter().map(|named| (named.id.clone(), named.title.clone())).collect())
    }

    /// The tailorings that apply: those of the profile, then those of the site.
    fn applied(&self, chain: &[&Profile], tailoring: &Tailoring) -> Result<Vec<&Named>, ResolveError> {
        let names = chain.iter().rev().flat_map(|profile| &profile.apply).chain(&tailoring.apply);
        names
            .map(|name| {
                self.tailorings.get(name).ok_or_else(|| ResolveError::Unknown {
                    what: "tailoring",
                    name: name.clone(),
                    meant: nearest(name, self.tailorings.keys().map(String::as_str)),
                })
            })
            .collect()
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

    /// The benchmark of a profile or of what it extends.
    ///
    /// # Errors
    /// When a name is unknown.
    pub fn benchmark(&self, profile: &str) -> Result<Option<&Benchmark>, ResolveError> {
        let chain = self.chain(profile)?;
        let Some(id) = chain.iter().find_map(|profile| profile.benchmark.as_deref()) else { return Ok(None) };
        self.benchmarks.get(id).map(Some).ok_or_else(|| ResolveError::Unknown {
            what: "benchmark",
            name: id.to_owned(),
            meant: nearest(id, self.benchmarks.keys().map(String::as_str)),
        })
    }

    /// Every control as the benchmark of this profile has it.
    fn pool(&self, profile: &Profile) -> Result<BTreeMap<&str, Cow<'_, Template>>, ResolveError> {
        let mut pool: BTreeMap<_, _> =
            self.controls.iter().map(|(id, template)| (id.as_str(), Cow::Borrowed(template))).collect();
        if let Some(benchmark) = self.benchmark(&profile.id)? {
            pool.extend(benchmark.rules.iter().map(|(rule, row)| {
                let template = benchmark.template(rule, row, self.controls.get(rule));
                (rule.as_str(), Cow::Owned(template))
            }));
        }
        Ok(pool)
    }

    /// The controls that a profile selects: those of what it extends, less what it drops, and its own.
    fn selected(&self, profile: &Profile) -> Result<Vec<Cow<'_, Template>>, ResolveError> {
        let mut pool = self.pool(profile)?;
        let mut chosen: BTreeSet<&str> = BTreeSet::new();
        for profile in self.chain(&profile.id)?.into_iter().rev() {
            let named = |selectors: &[Selector], template: &Template| {
                selectors.iter().any(|selector| selector.names(&template.about, &template.levels))
            };
            let dropped = |template: &Template| named(&profile.drop, template);
            chosen.retain(|id| !dropped(&pool[id]));
            let own = pool.iter().filter(|(_, one)| named(&profile.select, one) && !dropped(one));
            chosen.extend(own.map(|(id, _)| *id));
        }
        let mut chosen: Vec<_> = chosen.into_iter().filter_map(|id| pool.remove(id)).collect();
        chosen.sort_by_cached_key(|template| (place_in_standard(&template.about), template.about.id.clone()));
        Ok(chosen)
    }

    /// Reads selectors and refuses those that name nothing at all.
    fn selectors<'a>(
        &self,
        profile: &Profile,
        texts: impl Iterator<Item = &'a String>,
    ) -> Result<Vec<Selector>, ResolveError> {
        let pool = self.pool(profile)?;
        texts
            .map(|text| {
                let selector = Selector::new(text);
                let known = pool.values().any(|control| selector.names(&control.about, &control.levels));
                if known { Ok(selector) } else { Err(self.unknown_control(text, pool.keys().copied())) }
            })
            .collect()
    }

    /// Makes sure that a control of this id exists, whatever profile selects it.
    ///
    /// # Errors
    /// When it does not: with its successor, or the nearest name.
    pub fn known(&self, control: &str) -> Result<(), ResolveError> {
        let listed = self.benchmarks.values().flat_map(|benchmark| benchmark.rules.keys());
        let mut all = self.controls.keys().chain(listed).map(String::as_str);
        if all.clone().any(|id| id == control) {
            Ok(())
        } else {
            Err(self.unknown_control(control, &mut all))
        }
    }

    fn unknown_control<'a>(&self, name: &str, known: impl Iterator<Item = &'a str>) -> ResolveError {
        self.former.refuse(name).err().unwrap_or_else(|| ResolveError::Unknown {
            what: "control",
            name: name.to_owned(),
            meant: nearest(name, known),
        })
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
