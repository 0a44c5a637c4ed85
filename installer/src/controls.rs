//! From answers to controls: which profiles, tailored how.

use std::collections::BTreeMap;

use model::Control;
use profiles::{Catalogue, ResolveError, Tailoring};

use crate::answers::{Answers, Skip, Value};
use crate::failure::{Exit, Failure};

/// The profiles that came with this binary.
///
/// # Errors
/// When one of them is not valid.
pub fn catalogue() -> Result<Catalogue, Failure> {
    Catalogue::builtin()
        .map_err(|error| Failure::new(Exit::Error, "reading the built-in profiles").because(&error))
}

/// The controls of `[harden]`; none when it names no profile.
///
/// # Errors
/// Exit 2 when a profile, control or variable is unknown or a value is not allowed.
pub fn harden(answers: &Answers) -> Result<Vec<Box<dyn Control>>, Failure> {
    let harden = &answers.harden;
    let Some(profile) = &harden.profile else { return Ok(Vec::new()) };
    let tailoring = tailoring(&harden.only, &harden.skip, &harden.set);
    catalogue()?.resolve(profile, &tailoring).map_err(|error| unresolved(profile, &error))
}

/// The controls of `[preflight]`, with what is known of the site as their variables.
///
/// # Errors
/// As [`harden`].
pub fn preflight(
    answers: &Answers,
    declared: &BTreeMap<String, String>,
) -> Result<Vec<Box<dyn Control>>, Failure> {
    let preflight = &answers.preflight;
    let mut tailoring = tailoring(&[], &preflight.skip, &preflight.set);
    for (name, value) in declared {
        tailoring.set.entry(name.clone()).or_insert_with(|| value.clone());
    }
    let profile = &preflight.profile;
    catalogue()?.resolve(profile, &tailoring).map_err(|error| unresolved(profile, &error))
}

/// What is known of the site, as variables of the environment profile.
pub fn declared(answers: &Answers, _contents: Option<()>) -> BTreeMap<String, String> {
    BTreeMap::from([("ntp_servers".to_owned(), answers.site.ntp.join(","))])
}

fn tailoring(only: &[String], skip: &[Skip], set: &BTreeMap<String, Value>) -> Tailoring {
    Tailoring {
        only: only.to_vec(),
        skip: skip.iter().map(|skip| (skip.control.clone(), skip.reason.clone())).collect(),
        set: set.iter().map(|(name, value)| (name.clone(), text(value))).collect(),
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::Flag(flag) => flag.to_string(),
        Value::Int(number) => number.to_string(),
        Value::Text(text) => text.clone(),
        Value::Texts(texts) => texts.join(","),
    }
}

fn unresolved(profile: &str, error: &ResolveError) -> Failure {
    Failure::new(Exit::Usage, format!("selecting the controls of profile {profile}"))
        .because(error)
        .hint("`groundfast profile list` shows the profiles, `groundfast explain CONTROL` a control")
}
