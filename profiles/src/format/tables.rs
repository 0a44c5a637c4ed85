//! The tables of a profile file, as they are written.

use std::collections::BTreeMap;
use std::ops::Range;

use model::Severity;
use schemars::JsonSchema;
use serde::Deserialize;
use serde::de::IgnoredAny;
use toml::de::{DeTable, DeValue, ValueDeserializer};
use toml::{Spanned, Value};

use crate::benchmark::BenchmarkTable;
use crate::schema::{ProbeTable, SeverityWord};
use crate::variable::Variable;

/// A profile file.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Head {
    /// Version of this format: 1.
    #[schemars(with = "u32")]
    pub(super) version: Spanned<u32>,
    /// Values that a profile, a tailoring, the answers or the command line may set.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, Variable>")]
    pub(super) variables: BTreeMap<String, Spanned<Variable>>,
    /// The benchmark that this file is the table of.
    pub(super) benchmark: Option<BenchmarkTable>,
    /// Selections of controls.
    #[serde(default)]
    #[schemars(with = "Vec<ProfileTable>")]
    pub(super) profile: Vec<Spanned<ProfileTable>>,
    /// Controls and variables that go by another name now: `old = "new"`.
    #[serde(default)]
    pub(super) renamed: BTreeMap<String, String>,
    /// Controls and variables that are gone for good: `old = "why, and what to do instead"`.
    #[serde(default)]
    pub(super) removed: BTreeMap<String, String>,
    /// What is left out or set for a reason that has a name.
    #[serde(default)]
    pub(super) tailoring: Vec<TailoringTable>,
    /// The controls.
    // Read apart, one by one; named here so that complaints list it.
    #[serde(default, rename = "control")]
    #[schemars(with = "Vec<ControlTable>")]
    pub(super) _control: Option<IgnoredAny>,
}

/// A selection of controls.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ProfileTable {
    /// Its name, as `--profile` takes it.
    pub(super) id: String,
    /// What it is, in one line.
    pub(super) title: String,
    /// The profile that it adds to.
    pub(super) extends: Option<String>,
    /// The benchmark whose rules it selects: they have its references and levels.
    pub(super) benchmark: Option<String>,
    /// Which controls: an id, `level:NAME`, or a reference such as `cis:5.1`.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    pub(super) select: Vec<Spanned<String>>,
    /// Which of those not.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    pub(super) drop: Vec<Spanned<String>>,
    /// The tailorings that it applies, by their ids.
    #[serde(default)]
    pub(super) apply: Vec<String>,
    /// Its values of variables.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, serde_json::Value>")]
    pub(super) set: BTreeMap<String, Spanned<Value>>,
}

/// What is left out or set for a reason that has a name.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct TailoringTable {
    /// Its name, as a profile, the answers or `--tailoring` apply it.
    pub(super) id: String,
    /// What it is for, in one line.
    pub(super) title: String,
    /// Controls left out (as `select` names them), each with the reason; they are reported as `notchecked`.
    #[serde(default)]
    pub(super) skip: BTreeMap<String, String>,
    /// Its values of variables.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, serde_json::Value>")]
    pub(super) set: BTreeMap<String, Spanned<Value>>,
}

/// A control.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ControlTable {
    /// The rule's well-known short name.
    #[schemars(with = "String")]
    pub(super) id: Spanned<String>,
    /// What it asks, in one line; `${name}` stands for a variable.
    #[schemars(with = "String")]
    pub(super) title: Spanned<String>,
    /// How much a failure weighs.
    #[serde(default)]
    #[schemars(with = "SeverityWord")]
    pub(super) severity: Severity,
    /// Why it matters.
    pub(super) rationale: String,
    /// The command or edit that would mend it; `${name}` stands for a variable.
    #[schemars(with = "String")]
    pub(super) mend: Spanned<String>,
    /// Where the standards ask for it: `{ cis = ["5.1.7"] }`; for a rule of a benchmark its table says so.
    #[serde(default)]
    pub(super) refs: BTreeMap<String, Vec<String>>,
    /// The levels that hold it; for a rule of a benchmark its table says so.
    #[serde(default)]
    pub(super) levels: Vec<String>,
    /// When it concerns a machine; otherwise it is `notapplicable`.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    pub(super) when: Vec<Spanned<String>>,
    /// How it is judged: a kind with its arguments.
    // Read apart, by its kind; named here so that complaints list it.
    #[serde(default, rename = "probe")]
    #[schemars(with = "ProbeTable", required)]
    pub(super) _probe: Option<IgnoredAny>,
    /// What is different for some benchmarks.
    // Read apart, one by one; named here so that complaints list it.
    #[serde(default, rename = "variant")]
    #[schemars(with = "Vec<VariantTable>")]
    pub(super) _variant: Option<IgnoredAny>,
}

/// What is different about a control for some benchmarks; what is not said stays.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct VariantTable {
    /// The benchmarks by their ids.
    pub(super) on: Vec<String>,
    /// Instead of the control's.
    #[schemars(with = "Option<String>")]
    pub(super) title: Option<Spanned<String>>,
    /// Instead of the control's.
    pub(super) rationale: Option<String>,
    /// Instead of the control's.
    #[schemars(with = "Option<String>")]
    pub(super) mend: Option<Spanned<String>>,
    /// Instead of the control's.
    #[schemars(with = "Option<Vec<String>>")]
    pub(super) when: Option<Vec<Spanned<String>>>,
    /// Instead of the control's.
    #[serde(default, rename = "probe")]
    #[schemars(with = "Option<ProbeTable>")]
    pub(super) _probe: Option<IgnoredAny>,
}

/// A table to be read, with its place.
pub(super) fn table(span: Range<usize>, table: DeTable<'_>) -> ValueDeserializer<'_> {
    Spanned::new(span, DeValue::Table(table)).into()
}
