//! Benchmarks: which rules a published standard has for one system, with its own numbers and levels.
//!
//! A rule is the same [`Template`] for every benchmark that has it; the table of a benchmark says where it stands
//! there. So one control serves six systems, and each finding still carries the number that its reader looks for.

use std::collections::BTreeMap;

use model::{About, ControlId, Reference, Severity};
use schemars::JsonSchema;
use serde::Deserialize;
use toml::Spanned;

use crate::error::{Place, ProfileError};
use crate::format::{Template, references};

/// The table of a benchmark as its file has it.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct BenchmarkTable {
    /// Its name, as profiles and variants use it.
    id: String,
    /// What it is, in one line.
    title: String,
    /// The system that it is written for, as `ID` of os-release(5) says it.
    system: String,
    /// The releases that it is written for, as `VERSION_ID` of os-release(5) says them, or their first part.
    releases: Vec<String>,
    /// Its rules by their ids: references by source, and `levels`.
    #[schemars(with = "BTreeMap<String, BTreeMap<String, Vec<String>>>")]
    rules: BTreeMap<String, Spanned<BTreeMap<String, Vec<String>>>>,
}

/// A published standard for one system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Benchmark {
    /// Its name, such as `debian12`.
    pub id: String,
    /// What it is, in one line.
    pub title: String,
    /// `ID` of os-release(5).
    pub system: String,
    /// `VERSION_ID` of os-release(5), or its first part: `9` also means 9.4.
    pub releases: Vec<String>,
    /// Where its rules stand in it.
    pub rules: BTreeMap<String, Row>,
}

/// Where a rule stands in a benchmark.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Numbers in the benchmark and in further standards.
    pub references: Vec<Reference>,
    /// The levels that hold it, such as `l1-server`.
    pub levels: Vec<String>,
}

impl BenchmarkTable {
    pub(crate) fn read(self, place: &Place<'_>) -> Result<Benchmark, ProfileError> {
        let mut rules = BTreeMap::new();
        for (rule, row) in self.rules {
            let span = row.span();
            let mut refs = row.into_inner();
            let levels = refs.remove("levels").filter(|levels| !levels.is_empty());
            let levels =
                levels.ok_or_else(|| place.error(Some(span), format!("rule `{rule}` has no `levels`")))?;
            rules.insert(rule, Row { references: references(refs), levels });
        }
        let Self { id, title, system, releases, .. } = self;
        Ok(Benchmark { id, title, system, releases, rules })
    }
}

impl Benchmark {
    /// Whether it is written for this system, given as os-release(5) says it.
    pub fn is_for(&self, id: &str, version: &str) -> bool {
        let release = |wanted: &String| {
            version.strip_prefix(wanted.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        self.system == id && self.releases.iter().any(release)
    }

    /// A rule of this benchmark as a control; without a template, one that nobody can judge.
    pub(crate) fn template(&self, rule: &str, row: &Row, template: Option<&Template>) -> Template {
        let mut template = template.map_or_else(|| unjudged(rule), |template| template.on(&self.id));
        template.about.references.clone_from(&row.references);
        template.levels.clone_from(&row.levels);
        template
    }
}

/// A rule that the benchmark has and that no profile file judges.
fn unjudged(rule: &str) -> Template {
    Template {
        about: About {
            id: ControlId::new(rule),
            title: rule.to_owned(),
            severity: Severity::default(),
            references: Vec::new(),
            rationale: "The benchmark asks for it.".to_owned(),
            mend: "look it up in the benchmark".to_owned(),
        },
        levels: Vec::new(),
        when: Vec::new(),
        kind: UNJUDGED.to_owned(),
        arguments: toml::Value::Table(toml::Table::new()),
        variants: Vec::new(),
    }
}

/// The kind of a rule that no profile file judges; never written in a file.
pub(crate) const UNJUDGED: &str = "";
