//! The JSON Schema of a profile file. What a probe kind takes is checked by its kind, not by the schema.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema, schema_for};
use serde_json::Value;

use crate::format::Head;
use crate::kinds::KINDS;

/// The JSON Schema (2020-12) of a profile file.
#[must_use]
pub fn schema() -> Value {
    schema_for!(Head).to_value()
}

/// The words that a severity may be written in.
#[derive(JsonSchema)]
#[serde(rename_all = "lowercase")]
#[expect(dead_code, reason = "only its schema is used")]
pub(crate) enum SeverityWord {
    Info,
    Low,
    Medium,
    /// As `medium`.
    Warn,
    /// As `medium`.
    Unknown,
    High,
    Blocker,
}

/// A probe of one of the known kinds.
pub(crate) struct ProbeTable;

impl JsonSchema for ProbeTable {
    fn schema_name() -> Cow<'static, str> {
        "Probe".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A kind with its arguments; `$name` stands for a variable.",
            "type": "object",
            "properties": { "kind": { "enum": KINDS } },
            "required": ["kind"],
        })
    }
}
