//! Variables where a profile names them: tried with their defaults while it is read.

use std::collections::BTreeMap;
use std::ops::Range;

use toml::de::{DeArray, DeValue};
use toml::{Spanned, Value};

use crate::error::{Place, ProfileError, nearest};
use crate::variable::{Values, Variable, show};

/// The variables at their defaults, and their numbers as TOML text for the reader to borrow.
pub(super) struct Defaults {
    pub(super) values: Values,
    numbers: BTreeMap<String, String>,
}

impl Defaults {
    pub(super) fn of(variables: &BTreeMap<String, Variable>) -> Self {
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
    pub(super) fn interpolates(&self, place: &Place<'_>, text: &Spanned<String>) -> Result<(), ProfileError> {
        let unknown = |name: String| self.unknown(place, text.span(), &name);
        self.values.interpolate(text.get_ref()).map(drop).map_err(unknown)
    }

    pub(super) fn unknown(&self, place: &Place<'_>, span: Range<usize>, name: &str) -> ProfileError {
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
pub(super) fn bind_in_place<'i>(
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

/// The complaint about a variable that nothing declares.
pub(super) fn unknown_variable<'a>(
    place: &Place<'_>,
    span: Range<usize>,
    name: &str,
    known: impl Iterator<Item = &'a str>,
) -> ProfileError {
    let hint = nearest(name, known).map(|name| format!("did you mean `{name}`?"));
    ProfileError { hint, ..place.error(Some(span), format!("unknown variable `{name}`")) }
}
