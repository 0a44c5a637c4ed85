//! The hardening guide: what a profile asks, why, and how each rule is mended, as a page of Markdown.

use model::About;
use serde::Serialize;

use crate::report::ReportError;

/// A profile with the rules that it selects.
#[derive(Clone, Debug, Serialize)]
pub struct Guide {
    /// Its name.
    pub profile: String,
    /// What it is, in one line.
    pub title: String,
    /// Its rules in order.
    pub rules: Vec<Rule>,
}

/// One rule of a guide.
#[derive(Clone, Debug, Serialize)]
pub struct Rule {
    /// The control.
    pub id: String,
    /// What it asks, in one line.
    pub title: String,
    /// How much a failure weighs.
    pub severity: String,
    /// Why it matters.
    pub rationale: String,
    /// How it is judged; empty where nothing can judge it.
    pub judged: String,
    /// What its remedy changes, or why it has none; empty likewise.
    pub mended: String,
    /// The command or edit that mends it by hand.
    pub mend: String,
    /// Where the standards ask for it, as `source:id`.
    pub references: Vec<String>,
}

impl Rule {
    /// A rule from what its control says about itself, and how it is judged and mended.
    pub fn new(about: &About, judged: &str, mended: &str) -> Self {
        Self {
            judged: judged.to_owned(),
            mended: mended.to_owned(),
            id: about.id.to_string(),
            title: about.title.clone(),
            severity: about.severity.to_string(),
            rationale: about.rationale.clone(),
            mend: about.mend.clone(),
            references: about.references.iter().map(ToString::to_string).collect(),
        }
    }
}

impl Guide {
    /// The guide in Markdown.
    ///
    /// # Errors
    /// When a template of this build does not fit.
    pub fn markdown(&self) -> Result<String, ReportError> {
        Ok(templates::render("report/guide.md", self)?)
    }

    /// The profile and its rules as a list for people.
    pub fn list(&self) -> String {
        let mut text = format!("{}: {}\n{} controls\n", self.profile, self.title, self.rules.len());
        for rule in &self.rules {
            text.push_str(&format!("  {:<60} {:<8} {}\n", rule.id, rule.severity, rule.title));
        }
        text
    }
}
