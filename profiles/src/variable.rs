//! Variables: values that a profile, a tailoring or the command line may set.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use toml::Value;

use crate::error::{ResolveError, nearest};

/// The types that a variable can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum VariableType {
    /// Any text.
    String,
    /// A whole number.
    Number,
    /// `true` or `false`.
    Flag,
    /// A list of texts.
    List,
}

/// A variable as a profile file declares it.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Variable {
    /// What it decides, in one line.
    pub(crate) title: String,
    /// The type of its values.
    #[serde(rename = "type")]
    pub(crate) kind: VariableType,
    /// Its value unless something sets another.
    #[schemars(with = "serde_json::Value")]
    pub(crate) default: Value,
    /// The only values allowed; any of the type when empty.
    #[serde(default)]
    #[schemars(with = "Vec<serde_json::Value>")]
    pub(crate) options: Vec<Value>,
    /// The least number allowed; any when absent.
    #[serde(default)]
    pub(crate) least: Option<i64>,
}

impl Variable {
    /// Whether a value has this variable's type and is one of its options; otherwise what is allowed.
    pub(crate) fn admits(&self, value: &Value) -> Result<(), String> {
        let typed = match self.kind {
            VariableType::String => value.is_str(),
            VariableType::Number => value.is_integer(),
            VariableType::Flag => value.is_bool(),
            VariableType::List => value.as_array().is_some_and(|items| items.iter().all(Value::is_str)),
        };
        if !typed {
            let wanted = match self.kind {
                VariableType::String => "a text",
                VariableType::Number => "a whole number",
                VariableType::Flag => "true or false",
                VariableType::List => "a list of texts",
            };
            return Err(format!("it is {wanted}"));
        }
        if let (Some(least), Some(number)) = (self.least, value.as_integer())
            && number < least
        {
            return Err(format!("it is at least {least}"));
        }
        if self.options.is_empty() || self.options.contains(value) {
            return Ok(());
        }
        let options: Vec<_> = self.options.iter().map(show).collect();
        Err(format!("it is one of {}", options.join(", ")))
    }

    /// Reads a value as `--set` gives it: as text.
    fn read(&self, text: &str) -> Value {
        let read = match self.kind {
            VariableType::String => None,
            VariableType::Number => text.trim().parse().ok().map(Value::Integer),
            VariableType::Flag => text.trim().parse().ok().map(Value::Boolean),
            VariableType::List => {
                let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
                Some(Value::Array(items.map(|item| Value::String(item.to_owned())).collect()))
            }
        };
        read.unwrap_or_else(|| Value::String(text.to_owned()))
    }
}

/// The values that variables have in one resolution.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Values(BTreeMap<String, Value>);

impl Values {
    /// Every variable at its default.
    pub(crate) fn defaults<'a>(variables: impl IntoIterator<Item = (&'a String, &'a Variable)>) -> Self {
        Self(variables.into_iter().map(|(name, variable)| (name.clone(), variable.default.clone())).collect())
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// Sets a variable from text, after checking it.
    pub(crate) fn set_text(
        &mut self,
        variables: &BTreeMap<String, Variable>,
        name: &str,
        text: &str,
    ) -> Result<(), ResolveError> {
        let variable = variables.get(name).ok_or_else(|| ResolveError::Unknown {
            what: "variable",
            name: name.to_owned(),
            meant: nearest(name, variables.keys().map(String::as_str)),
        })?;
        let value = variable.read(text);
        variable.admits(&value).map_err(|allowed| ResolveError::Value {
            name: name.to_owned(),
            value: text.to_owned(),
            allowed,
        })?;
        self.set(name, value);
        Ok(())
    }

    /// Sets a variable to a value that was checked before.
    pub(crate) fn set(&mut self, name: &str, value: Value) {
        self.0.insert(name.to_owned(), value);
    }

    /// Replaces every `"$name"` below a value; the error is the unknown name.
    pub(crate) fn bind(&self, template: &Value) -> Result<Value, String> {
        Ok(match template {
            Value::String(text) => match text.strip_prefix('$') {
                Some(name) => self.get(name).cloned().ok_or_else(|| name.to_owned())?,
                None => template.clone(),
            },
            Value::Array(items) => {
                Value::Array(items.iter().map(|item| self.bind(item)).collect::<Result<_, _>>()?)
            }
            Value::Table(table) => {
                let bound = table.iter().map(|(key, value)| Ok((key.clone(), self.bind(value)?)));
                Value::Table(bound.collect::<Result<_, String>>()?)
            }
            other => other.clone(),
        })
    }

    /// Replaces every `${name}` in a text; the error is the unknown name.
    pub(crate) fn interpolate(&self, text: &str) -> Result<String, String> {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("${") {
            let (name, tail) = after.split_once('}').ok_or_else(|| after.to_owned())?;
            out.push_str(before);
            out.push_str(&show(self.get(name).ok_or_else(|| name.to_owned())?));
            rest = tail;
        }
        out.push_str(rest);
        Ok(out)
    }
}

/// A value as people write it.
pub(crate) fn show(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(show).collect::<Vec<_>>().join(","),
        other => other.to_string(),
    }
}
