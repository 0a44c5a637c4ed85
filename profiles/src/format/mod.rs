//! The form of a profile file: TOML, strict, every complaint with its place.

mod binding;
mod controls;
mod tables;

use std::collections::BTreeMap;

use model::About;
use serde::Deserialize;
use toml::de::DeTable;
use toml::{Spanned, Value};

use crate::benchmark::Benchmark;
use crate::condition::Condition;
use crate::error::{Place, ProfileError};
use crate::former::Former;
use crate::tailoring::{Named, Selector};
use crate::variable::Variable;

use binding::{Defaults, unknown_variable};
use controls::read_controls;
pub(crate) use controls::references;
pub(crate) use tables::Head;
use tables::{ProfileTable, TailoringTable, table};

/// What one profile file holds.
pub(crate) struct File {
    pub(crate) variables: BTreeMap<String, Variable>,
    pub(crate) benchmark: Option<Benchmark>,
    pub(crate) profiles: Vec<Profile>,
    pub(crate) tailorings: Vec<Named>,
    pub(crate) controls: Vec<Template>,
    pub(crate) former: Former,
}

/// A selection of controls with its values of variables.
#[derive(Clone, Debug)]
pub(crate) struct Profile {
    pub(crate) id: String,
    pub(crate) title: String,
    pub(crate) extends: Option<String>,
    pub(crate) benchmark: Option<String>,
    pub(crate) select: Vec<Selector>,
    pub(crate) drop: Vec<Selector>,
    pub(crate) apply: Vec<String>,
    pub(crate) set: BTreeMap<String, Value>,
}

/// A control whose variables are not bound yet.
#[derive(Clone, Debug)]
pub(crate) struct Template {
    pub(crate) about: About,
    pub(crate) levels: Vec<String>,
    pub(crate) when: Vec<Condition>,
    pub(crate) kind: String,
    pub(crate) arguments: Value,
    pub(crate) variants: Vec<Variant>,
}

/// What is different about a control for some benchmarks.
#[derive(Clone, Debug)]
pub(crate) struct Variant {
    on: Vec<String>,
    title: Option<String>,
    rationale: Option<String>,
    mend: Option<String>,
    when: Option<Vec<Condition>>,
    probe: Option<(String, Value)>,
}

impl Template {
    /// The control as it is for one benchmark.
    pub(crate) fn on(&self, benchmark: &str) -> Self {
        let mut template = self.clone();
        let variants = std::mem::take(&mut template.variants);
        for variant in variants.into_iter().filter(|variant| variant.on.iter().any(|on| on == benchmark)) {
            let about = &mut template.about;
            about.title = variant.title.unwrap_or_else(|| std::mem::take(&mut about.title));
            about.rationale = variant.rationale.unwrap_or_else(|| std::mem::take(&mut about.rationale));
            about.mend = variant.mend.unwrap_or_else(|| std::mem::take(&mut about.mend));
            template.when = variant.when.unwrap_or(template.when);
            (template.kind, template.arguments) =
                variant.probe.unwrap_or((template.kind, template.arguments));
        }
        template
    }
}

impl File {
    /// Reads a profile file. `known` are the variables of the files read before.
    ///
    /// # Errors
    /// The first thing that is wrong with it, with its place.
    pub(crate) fn read(
        name: &str,
        text: &str,
        known: &BTreeMap<String, Variable>,
    ) -> Result<Self, ProfileError> {
        let place = Place { file: name, text };
        let root = DeTable::parse(text).map_err(|error| place.toml(&error))?;
        let span = root.span();
        let mut root = root.into_inner();
        let controls = root.remove("control");
        let head = Head::deserialize(table(span, root)).map_err(|error| place.toml(&error))?;
        if *head.version.get_ref() != 1 {
            return Err(
                place.error(Some(head.version.span()), "this build reads version 1 of the profile format")
            );
        }
        let mut variables = BTreeMap::new();
        for (name, variable) in head.variables {
            let span = variable.span();
            let variable = variable.into_inner();
            variable
                .admits(&variable.default)
                .map_err(|allowed| place.error(Some(span), format!("default of `{name}`: {allowed}")))?;
            variables.insert(name, variable);
        }
        let all: BTreeMap<_, _> =
            known.iter().chain(&variables).map(|(k, v)| (k.clone(), v.clone())).collect();
        let profiles =
            head.profile.into_iter().map(|profile| read_profile(&place, profile.into_inner(), &all));
        let profiles = profiles.collect::<Result<_, _>>()?;
        let tailorings = head.tailoring.into_iter().map(|table| read_tailoring(&place, table, &all));
        let tailorings = tailorings.collect::<Result<_, _>>()?;
        let controls = read_controls(&place, controls, &Defaults::of(&all))?;
        let former = Former { renamed: head.renamed, removed: head.removed };
        let benchmark = head.benchmark.map(|table| table.read(&place)).transpose()?;
        Ok(Self { variables, benchmark, profiles, tailorings, controls, former })
    }
}

fn read_profile(
    place: &Place<'_>,
    table: ProfileTable,
    variables: &BTreeMap<String, Variable>,
) -> Result<Profile, ProfileError> {
    let selectors =
        |list: Vec<Spanned<String>>| list.into_iter().map(|text| Selector::new(text.get_ref())).collect();
    Ok(Profile {
        id: table.id,
        title: table.title,
        extends: table.extends,
        benchmark: table.benchmark,
        select: selectors(table.select),
        drop: selectors(table.drop),
        apply: table.apply,
        set: read_values(place, table.set, variables)?,
    })
}

fn read_tailoring(
    place: &Place<'_>,
    table: TailoringTable,
    variables: &BTreeMap<String, Variable>,
) -> Result<Named, ProfileError> {
    let TailoringTable { id, title, skip, set } = table;
    Ok(Named { id, title, skip, set: read_values(place, set, variables)? })
}

fn read_values(
    place: &Place<'_>,
    values: BTreeMap<String, Spanned<Value>>,
    variables: &BTreeMap<String, Variable>,
) -> Result<BTreeMap<String, Value>, ProfileError> {
    let mut set = BTreeMap::new();
    for (name, value) in values {
        let span = value.span();
        let variable = variables.get(&name).ok_or_else(|| {
            unknown_variable(place, span.clone(), &name, variables.keys().map(String::as_str))
        })?;
        variable
            .admits(value.get_ref())
            .map_err(|allowed| place.error(Some(span), format!("value of `{name}`: {allowed}")))?;
        set.insert(name, value.into_inner());
    }
    Ok(set)
}
