//! The form of a profile file: TOML, strict, every complaint with its place.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use model::{About, ControlId, Reference, Severity};
use schemars::JsonSchema;
use serde::Deserialize;
use serde::de::IgnoredAny;
use toml::de::{DeArray, DeTable, DeValue, ValueDeserializer};
use toml::{Spanned, Value};

use crate::benchmark::{Benchmark, BenchmarkTable};
use crate::condition::Condition;
use crate::error::{Place, ProfileError, nearest};
use crate::former::Former;
use crate::kinds::{KINDS, Probe, ReadError};
use crate::schema::{ProbeTable, SeverityWord};
use crate::tailoring::{Named, Selector};
use crate::variable::{Values, Variable, show};

/// What one profile file holds.
pub(crate) struct File {
    pub(crate) variables: BTreeMap<String, Variable>,
    pub(crate) benchmark: Option<Benchmark>,
    pub(crate) profiles: Vec<Profile>,
    pub(crate) tailorings: Vec<Named>,
    pub(crate) controls: Vec<Template>,
    pub(crate) former: Former,
}

/// A profile file.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Head {
    /// Version of this format: 1.
    #[schemars(with = "u32")]
    version: Spanned<u32>,
    /// Values that a profile, a tailoring, the answers or the command line may set.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, Variable>")]
    variables: BTreeMap<String, Spanned<Variable>>,
    /// The benchmark that this file is the table of.
    benchmark: Option<BenchmarkTable>,
    /// Selections of controls.
    #[serde(default)]
    #[schemars(with = "Vec<ProfileTable>")]
    profile: Vec<Spanned<ProfileTable>>,
    /// Controls and variables that go by another name now: `old = "new"`.
    #[serde(default)]
    renamed: BTreeMap<String, String>,
    /// Controls and variables that are gone for good: `old = "why, and what to do instead"`.
    #[serde(default)]
    removed: BTreeMap<String, String>,
    /// What is left out or set for a reason that has a name.
    #[serde(default)]
    tailoring: Vec<TailoringTable>,
    /// The controls.
    // Read apart, one by one; named here so that complaints list it.
    #[serde(default, rename = "control")]
    #[schemars(with = "Vec<ControlTable>")]
    _control: Option<IgnoredAny>,
}

/// A selection of controls.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ProfileTable {
    /// Its name, as `--profile` takes it.
    id: String,
    /// What it is, in one line.
    title: String,
    /// The profile that it adds to.
    extends: Option<String>,
    /// The benchmark whose rules it selects: they have its references and levels.
    benchmark: Option<String>,
    /// Which controls: an id, `level:NAME`, or a reference such as `cis:5.1`.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    select: Vec<Spanned<String>>,
    /// Which of those not.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    drop: Vec<Spanned<String>>,
    /// The tailorings that it applies, by their ids.
    #[serde(default)]
    apply: Vec<String>,
    /// Its values of variables.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, serde_json::Value>")]
    set: BTreeMap<String, Spanned<Value>>,
}

/// What is left out or set for a reason that has a name.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct TailoringTable {
    /// Its name, as a profile, the answers or `--tailoring` apply it.
    id: String,
    /// What it is for, in one line.
    title: String,
    /// Controls left out (as `select` names them), each with the reason; they are reported as `notchecked`.
    #[serde(default)]
    skip: BTreeMap<String, String>,
    /// Its values of variables.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, serde_json::Value>")]
    set: BTreeMap<String, Spanned<Value>>,
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

/// A control.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ControlTable {
    /// The rule's well-known short name.
    #[schemars(with = "String")]
    id: Spanned<String>,
    /// What it asks, in one line; `${name}` stands for a variable.
    #[schemars(with = "String")]
    title: Spanned<String>,
    /// How much a failure weighs.
    #[serde(default)]
    #[schemars(with = "SeverityWord")]
    severity: Severity,
    /// Why it matters.
    rationale: String,
    /// The command or edit that would mend it; `${name}` stands for a variable.
    #[schemars(with = "String")]
    mend: Spanned<String>,
    /// Where the standards ask for it: `{ cis = ["5.1.7"] }`; for a rule of a benchmark its table says so.
    #[serde(default)]
    refs: BTreeMap<String, Vec<String>>,
    /// The levels that hold it; for a rule of a benchmark its table says so.
    #[serde(default)]
    levels: Vec<String>,
    /// When it concerns a machine; otherwise it is `notapplicable`.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    when: Vec<Spanned<String>>,
    /// How it is judged: a kind with its arguments.
    // Read apart, by its kind; named here so that complaints list it.
    #[serde(default, rename = "probe")]
    #[schemars(with = "ProbeTable", required)]
    _probe: Option<IgnoredAny>,
    /// What is different for some benchmarks.
    // Read apart, one by one; named here so that complaints list it.
    #[serde(default, rename = "variant")]
    #[schemars(with = "Vec<VariantTable>")]
    _variant: Option<IgnoredAny>,
}

/// What is different about a control for some benchmarks; what is not said stays.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct VariantTable {
    /// The benchmarks by their ids.
    on: Vec<String>,
    /// Instead of the control's.
    #[schemars(with = "Option<String>")]
    title: Option<Spanned<String>>,
    /// Instead of the control's.
    rationale: Option<String>,
    /// Instead of the control's.
    #[schemars(with = "Option<String>")]
    mend: Option<Spanned<String>>,
    /// Instead of the control's.
    #[schemars(with = "Option<Vec<String>>")]
    when: Option<Vec<Spanned<String>>>,
    /// Instead of the control's.
    #[serde(default, rename = "probe")]
    #[schemars(with = "Option<ProbeTable>")]
    _probe: Option<IgnoredAny>,
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

fn table(span: Range<usize>, table: DeTable<'_>) -> ValueDeserializer<'_> {
    Spanned::new(span, DeValue::Table(table)).into()
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

fn unknown_variable<'a>(
    place: &Place<'_>,
    span: Range<usize>,
    name: &str,
    known: impl Iterator<Item = &'a str>,
) -> ProfileError {
    let hint = nearest(name, known).map(|name| format!("did you mean `{name}`?"));
    ProfileError { hint, ..place.error(Some(span), format!("unknown variable `{name}`")) }
}

fn read_controls<'i>(
    place: &Place<'_>,
    controls: Option<Spanned<DeValue<'i>>>,
    defaults: &'i Defaults,
) -> Result<Vec<Template>, ProfileError> {
    let Some(controls) = controls else { return Ok(Vec::new()) };
    let span = controls.span();
    let DeValue::Array(list) = controls.into_inner() else {
        return Err(place.error(Some(span), "controls are written as `[[control]]` tables"));
    };
    let mut templates: Vec<Template> = Vec::new();
    let mut seen = BTreeSet::new();
    for control in list {
        let span = control.span();
        let template = read_control(place, control, defaults)?;
        if !seen.insert(template.about.id.clone()) {
            return Err(place.error(Some(span), format!("control `{}` is here twice", template.about.id)));
        }
        templates.push(template);
    }
    Ok(templates)
}

fn read_control<'i>(
    place: &Place<'_>,
    control: Spanned<DeValue<'i>>,
    defaults: &'i Defaults,
) -> Result<Template, ProfileError> {
    let span = control.span();
    let DeValue::Table(mut parts) = control.into_inner() else {
        return Err(place.error(Some(span), "a control is a table"));
    };
    let (probe, variants) = (parts.remove("probe"), parts.remove("variant"));
    let head = ControlTable::deserialize(table(span.clone(), parts)).map_err(|error| place.toml(&error))?;
    let probe = probe
        .ok_or_else(|| place.error(Some(span), format!("control `{}` has no `probe`", head.id.get_ref())))?;
    let (kind, arguments) = read_probe(place, probe, defaults)?;
    [&head.title, &head.mend].into_iter().try_for_each(|text| defaults.interpolates(place, text))?;
    let when =
        head.when.iter().map(|text| read_condition(place, text, defaults)).collect::<Result<_, _>>()?;
    let about = About {
        id: ControlId::new(head.id.into_inner()),
        title: head.title.into_inner(),
        severity: head.severity,
        references: references(head.refs),
        rationale: head.rationale,
        mend: head.mend.into_inner(),
    };
    let variants = read_variants(place, variants, defaults)?;
    Ok(Template { about, levels: head.levels, when, kind, arguments, variants })
}

/// References from their table, source by source.
pub(crate) fn references(refs: BTreeMap<String, Vec<String>>) -> Vec<Reference> {
    refs.into_iter()
        .flat_map(|(source, ids)| ids.into_iter().map(move |id| Reference { source: source.clone(), id }))
        .collect()
}

fn read_variants<'i>(
    place: &Place<'_>,
    variants: Option<Spanned<DeValue<'i>>>,
    defaults: &'i Defaults,
) -> Result<Vec<Variant>, ProfileError> {
    let Some(variants) = variants else { return Ok(Vec::new()) };
    let span = variants.span();
    let DeValue::Array(list) = variants.into_inner() else {
        return Err(place.error(Some(span), "variants are written as `[[control.variant]]` tables"));
    };
    list.into_iter().map(|variant| read_variant(place, variant, defaults)).collect()
}

fn read_variant<'i>(
    place: &Place<'_>,
    variant: Spanned<DeValue<'i>>,
    defaults: &'i Defaults,
) -> Result<Variant, ProfileError> {
    let span = variant.span();
    let DeValue::Table(mut parts) = variant.into_inner() else {
        return Err(place.error(Some(span), "a variant is a table"));
    };
    let probe = parts.remove("probe").map(|probe| read_probe(place, probe, defaults)).transpose()?;
    let head = VariantTable::deserialize(table(span, parts)).map_err(|error| place.toml(&error))?;
    let texts = head.title.iter().chain(&head.mend);
    texts.into_iter().try_for_each(|text| defaults.interpolates(place, text))?;
    let when = head
        .when
        .map(|when| when.iter().map(|text| read_condition(place, text, defaults)).collect::<Result<_, _>>())
        .transpose()?;
    Ok(Variant {
        on: head.on,
        title: head.title.map(Spanned::into_inner),
        rationale: head.rationale,
        mend: head.mend.map(Spanned::into_inner),
        when,
        probe,
    })
}

fn read_condition(
    place: &Place<'_>,
    text: &Spanned<String>,
    defaults: &Defaults,
) -> Result<Condition, ProfileError> {
    let condition: Condition =
        text.get_ref().parse().map_err(|message: String| place.error(Some(text.span()), message))?;
    match condition.variable() {
        Some(name) if defaults.values.get(name).is_none() => Err(defaults.unknown(place, text.span(), name)),
        _ => Ok(condition),
    }
}

/// Reads a probe's kind and arguments, and tries them with the defaults of the variables.
fn read_probe<'i>(
    place: &Place<'_>,
    probe: Spanned<DeValue<'i>>,
    defaults: &'i Defaults,
) -> Result<(String, Value), ProfileError> {
    let span = probe.span();
    let DeValue::Table(mut parts) = probe.into_inner() else {
        return Err(place.error(Some(span), "a probe is a table: `{ kind = …, … }`"));
    };
    let kind = parts.remove("kind").ok_or_else(|| {
        place.error(Some(span.clone()), format!("a probe needs a `kind`, one of {}", KINDS.join(", ")))
    })?;
    let Some(kind_name) = kind.get_ref().as_str().map(str::to_owned) else {
        return Err(place.error(Some(kind.span()), "`kind` is a text"));
    };
    let arguments =
        Value::deserialize(table(span.clone(), parts.clone())).map_err(|error| place.toml(&error))?;
    let mut located = Spanned::new(span.clone(), DeValue::Table(parts));
    bind_in_place(place, &mut located, defaults)?;
    match Probe::read(&kind_name, ValueDeserializer::from(located)) {
        Ok(probe) => {
            probe.kind().check().map_err(|reason| place.error(Some(span), reason))?;
            Ok((kind_name, arguments))
        }
        Err(ReadError::Arguments(error)) => Err(place.toml(&error)),
        Err(ReadError::UnknownKind) => {
            let hint =
                nearest(&kind_name, KINDS.iter().copied()).map(|name| format!("did you mean `{name}`?"));
            let message = format!("unknown probe kind `{kind_name}`, expected one of {}", KINDS.join(", "));
            Err(ProfileError { hint, ..place.error(Some(kind.span()), message) })
        }
    }
}

/// The variables at their defaults, and their numbers as TOML text for the reader to borrow.
struct Defaults {
    values: Values,
    numbers: BTreeMap<String, String>,
}

impl Defaults {
    fn of(variables: &BTreeMap<String, Variable>) -> Self {
        let values = Values::defaults(variables);
        let numbers = variables.iter().filter(|(_, variable)| variable.default.is_integer());
        let numbers = numbers.map(|(name, variable)| (name.clone(), variable.default.to_string())).collect();
        Self { values, numbers }
    }

    /// A variable's default in the reader's own form.
    fn located<'i>(&'i self, name: &str) -> Option<DeValue<'i>> {
        match self.numbers.get(name) {
            Some(number) => DeValue::parse(number).ok().map(Spanned::into_inner),
            None => self.values.get(name).map(plain),
        }
    }

    /// Whether every variable that a text names is known.
    fn interpolates(&self, place: &Place<'_>, text: &Spanned<String>) -> Result<(), ProfileError> {
        let unknown = |name: String| self.unknown(place, text.span(), &name);
        self.values.interpolate(text.get_ref()).map(drop).map_err(unknown)
    }

    fn unknown(&self, place: &Place<'_>, span: Range<usize>, name: &str) -> ProfileError {
        unknown_variable(place, span, name, self.values.names())
    }
}

fn plain<'i>(value: &Value) -> DeValue<'i> {
    match value {
        Value::Boolean(flag) => DeValue::Boolean(*flag),
        Value::Array(items) => {
            let mut array = DeArray::new();
            items.iter().for_each(|item| array.push(Spanned::new(0..0, plain(item))));
            DeValue::Array(array)
        }
        other => DeValue::String(show(other).into()),
    }
}

/// Puts the values of variables where `"$name"` stands, keeping the places for later complaints.
fn bind_in_place<'i>(
    place: &Place<'_>,
    value: &mut Spanned<DeValue<'i>>,
    defaults: &'i Defaults,
) -> Result<(), ProfileError> {
    let span = value.span();
    match value.get_mut() {
        DeValue::String(text) if text.starts_with('$') => {
            let name = text[1..].to_owned();
            let bound = defaults.located(&name).ok_or_else(|| defaults.unknown(place, span, &name))?;
            *value.get_mut() = bound;
        }
        DeValue::Array(items) => {
            for item in items.iter_mut() {
                bind_in_place(place, item, defaults)?;
            }
        }
        DeValue::Table(parts) => {
            for (_, part) in parts.iter_mut() {
                bind_in_place(place, part, defaults)?;
            }
        }
        _ => {}
    }
    Ok(())
}
