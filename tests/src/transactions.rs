//! What the tests of both package managers look at: versions, and the stages of a plan.

use std::collections::BTreeMap;

use serde_json::Value;

/// Versions by package.
pub fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(name, version)| ((*name).to_owned(), (*version).to_owned())).collect()
}

/// Each stage of a plan: its kind, and what becomes of what, with its risk.
pub fn stages(document: &Value) -> Vec<(String, Vec<String>)> {
    let stage = |stage: &Value| {
        let step = |step: &Value| {
            let name = step["change"]["resource"]["package"]["name"].as_str().unwrap_or("?").to_owned();
            format!("{name} {}", step["risk"].as_str().unwrap())
        };
        let mut steps: Vec<_> = stage["steps"].as_array().unwrap().iter().map(step).collect();
        steps.sort();
        (stage["kind"].as_str().unwrap().to_owned(), steps)
    };
    document["plan"]["stages"].as_array().unwrap().iter().map(stage).collect()
}
