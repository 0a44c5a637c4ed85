//! What there is to say about one control, and which was meant where nobody knows the name.

use std::collections::BTreeSet;
use std::sync::Arc;

use model::Evidence;

use super::{Catalogue, rule};
use crate::benchmark::UNJUDGED;
use crate::error::{ResolveError, likeness};
use crate::format::Template;
use crate::kinds::{KindView, told};
use crate::variable::Values;

/// The most names that are offered for a misspelt one.
const OFFERED: usize = 5;

/// How a control is judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProbeView {
    /// The kind of its probe.
    pub kind: String,
    /// How that kind works.
    pub works: KindView,
    /// What must hold for the control to concern a machine.
    pub when: Vec<String>,
    /// What is looked at first; some kinds look further after that.
    pub looks_at: Vec<String>,
}

impl Catalogue {
    /// How a control is judged, as the benchmark of a profile has it; `None` when nobody knows it, or nothing can
    /// judge it.
    ///
    /// # Errors
    /// When the profile is unknown, or its values do not fit the control.
    pub fn probe(&self, control: &str, profile: Option<&str>) -> Result<Option<ProbeView>, ResolveError> {
        let known = self.controls.get(control);
        let benchmark = profile.map(|profile| self.benchmark(profile)).transpose()?.flatten();
        let row = benchmark.and_then(|benchmark| Some((benchmark, benchmark.rules.get(control)?)));
        let own = match row {
            Some((benchmark, row)) => Some(benchmark.template(control, row, known)),
            None => known.cloned(),
        };
        match own.filter(|template| template.kind != UNJUDGED) {
            Some(template) => self.view(&template, profile).map(Some),
            None => Ok(None),
        }
    }

    fn view(&self, template: &Template, profile: Option<&str>) -> Result<ProbeView, ResolveError> {
        let mut values = Values::defaults(&self.variables);
        for profile in profile.map(|profile| self.chain(profile)).transpose()?.iter().flatten().rev() {
            profile.set.iter().for_each(|(name, value)| values.set(name, value.clone()));
        }
        let rule = rule(template, &Arc::new(values))?;
        let needs = rule.probe.kind().needs(&Evidence::new());
        let unknown = || ResolveError::Unknown { what: "kind", name: template.kind.clone(), meant: None };
        Ok(ProbeView {
            works: told(&template.kind).ok_or_else(unknown)?,
            kind: template.kind.clone(),
            when: template.when.iter().map(|condition| condition.words()).collect(),
            looks_at: needs.iter().map(ToString::to_string).collect(),
        })
    }

    /// The controls of a reference such as `cis:5.1.7` in a profile; in all profiles where none is named.
    ///
    /// # Errors
    /// When the profile is unknown.
    pub fn referenced(
        &self,
        reference: &str,
        profile: Option<&str>,
    ) -> Result<BTreeSet<String>, ResolveError> {
        let profiles: Vec<_> = match profile {
            Some(profile) => vec![self.chain(profile)?[0]],
            None => self.profiles.values().collect(),
        };
        let mut found = BTreeSet::new();
        for profile in profiles {
            let named = |one: &model::Reference| one.to_string() == reference;
            let selected = self.selected(profile)?;
            let own = selected.iter().filter(|template| template.about.references.iter().any(named));
            found.extend(own.map(|template| template.about.id.to_string()));
        }
        Ok(found)
    }

    /// The controls whose names are like this one, the nearest first.
    pub fn nearest(&self, name: &str) -> Vec<String> {
        let listed = self.benchmarks.values().flat_map(|benchmark| benchmark.rules.keys());
        let all: BTreeSet<&str> = self.controls.keys().chain(listed).map(String::as_str).collect();
        let mut like: Vec<_> = all.into_iter().map(|known| (likeness(name, known), known)).collect();
        like.retain(|(likeness, _)| *likeness > 0.8);
        like.sort_by(|one, other| other.0.total_cmp(&one.0));
        like.into_iter().take(OFFERED).map(|(_, known)| known.to_owned()).collect()
    }

    /// The successor of a name that was right once, or why there is none.
    ///
    /// # Errors
    /// With that.
    pub fn present(&self, name: &str) -> Result<(), ResolveError> {
        self.former.refuse(name)
    }
}
