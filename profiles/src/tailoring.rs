//! Tailoring: what a site selects, leaves out, sets and decides to live with.

use std::collections::BTreeMap;

use model::About;

/// What a site changes about a profile.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tailoring {
    /// Named tailorings that are applied besides what the profile applies.
    pub apply: Vec<String>,
    /// Only these: control ids, `source:id` references such as `cis:5.1.7`, or `level:NAME`; all when empty.
    pub only: Vec<String>,
    /// What is left out (selectors as in `only`), each with the reason; it stays in the list as `notchecked`.
    pub skip: BTreeMap<String, String>,
    /// Values of variables, as text; lists are separated by commas.
    pub set: BTreeMap<String, String>,
}

/// A tailoring with a name: a profile applies it, or a site does, and the report says so.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Named {
    pub(crate) id: String,
    pub(crate) title: String,
    pub(crate) skip: BTreeMap<String, String>,
    pub(crate) set: BTreeMap<String, toml::Value>,
}

impl Named {
    /// Why this tailoring leaves a control out, if it does.
    pub(crate) fn skips(&self, about: &About, levels: &[String]) -> Option<String> {
        let reason = self.skip.iter().find(|(text, _)| Selector::new(text).names(about, levels))?.1;
        Some(format!("tailoring `{}`: {reason}", self.id))
    }
}

/// One way to name controls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Selector {
    All,
    Id(String),
    Level(String),
    Reference(String, String),
}

impl Selector {
    pub(crate) fn new(text: &str) -> Self {
        match text.split_once(':') {
            None if text == "*" => Self::All,
            None => Self::Id(text.to_owned()),
            Some(("level", level)) => Self::Level(level.to_owned()),
            Some((source, id)) => Self::Reference(source.to_owned(), id.to_owned()),
        }
    }

    /// Whether it names this control. A reference names everything below it: `cis:5.1` also `cis:5.1.7`.
    pub(crate) fn names(&self, about: &About, levels: &[String]) -> bool {
        match self {
            Self::All => true,
            Self::Id(id) => about.id.as_str() == id,
            Self::Level(level) => levels.contains(level),
            Self::Reference(source, id) => about.references.iter().any(|reference| {
                let below = reference.id.strip_prefix(id.as_str());
                reference.source == *source
                    && below.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
            }),
        }
    }
}
