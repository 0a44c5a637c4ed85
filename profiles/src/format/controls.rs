//! Controls, one by one: their variants, conditions and probes.

use std::collections::{BTreeMap, BTreeSet};

use model::{About, ControlId, Reference};
use serde::Deserialize;
use toml::de::{DeValue, ValueDeserializer};
use toml::{Spanned, Value};

use super::binding::{Defaults, bind_in_place};
use super::tables::{ControlTable, VariantTable, table};
use super::{Template, Variant};
use crate::condition::Condition;
use crate::error::{Place, ProfileError, nearest};
use crate::kinds::{KINDS, Probe, ReadError};

pub(super) fn read_controls<'i>(
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
