//! The dependency rules of the workspace, counted over what cargo says.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::Value;

/// The direct dependencies of each of our crates, without those of tests.
fn edges() -> BTreeMap<String, BTreeSet<String>> {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let output = Command::new(cargo)
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .current_dir(support::workspace())
        .output()
        .unwrap();
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let name = |value: &Value| value["name"].as_str().unwrap().trim_start_matches("groundfast-").to_owned();
    let mut edges = BTreeMap::new();
    for package in metadata["packages"].as_array().unwrap() {
        let dependencies = package["dependencies"].as_array().unwrap();
        let direct = dependencies.iter().filter(|dependency| dependency["kind"].is_null()).map(name);
        edges.insert(name(package), direct.collect());
    }
    edges
}

/// Everything that a crate reaches over our own crates.
fn reach(edges: &BTreeMap<String, BTreeSet<String>>, from: &str) -> BTreeSet<String> {
    let mut reached = BTreeSet::new();
    let mut open: Vec<String> = edges[from].iter().cloned().collect();
    while let Some(next) = open.pop() {
        if reached.insert(next.clone()) {
            open.extend(edges.get(&next).into_iter().flatten().cloned());
        }
    }
    reached
}

#[test]
fn model_depends_on_four_crates_only() {
    let allowed = BTreeSet::from(["serde", "serde_json", "thiserror", "zeroize"].map(String::from));
    assert_eq!(edges()["model"], allowed);
}

#[test]
fn nothing_reaches_what_it_must_not_know() {
    let edges = edges();
    let rules: [(&str, &[&str]); 8] = [
        ("alerts", &["engine", "host", "bundle", "profiles", "stack"]),
        ("engine", &["host", "stack", "bundle", "secrets", "policy", "tokio", "hyper", "russh", "rustix"]),
        ("bundle", &["engine", "host", "profiles", "stack"]),
        ("profiles", &["engine", "host", "tokio", "rustix", "nix", "libc"]),
        ("syntax", &["engine", "host", "tokio", "rustix", "nix", "libc"]),
        ("report", &["engine", "host", "profiles", "tokio", "rustix", "nix", "libc"]),
        ("templates", &["engine", "host", "tokio", "rustix"]),
        ("tui", &["engine", "host", "bundle"]),
    ];
    let mut checked = 0;
    for (from, forbidden) in rules.iter().filter(|(from, _)| edges.contains_key(*from)) {
        let reached = reach(&edges, from);
        for name in *forbidden {
            assert!(!reached.contains(*name), "{from} must not depend on {name}");
            checked += 1;
        }
    }
    assert!(checked > 20, "only {checked} edges were checked");
    // The good twin: the same walk does find an edge that is there.
    assert!(reach(&edges, "host").contains("model") && reach(&edges, "groundfast").contains("model"));
}

#[test]
fn nothing_depends_on_the_binary() {
    for (from, direct) in edges() {
        assert!(!direct.contains("groundfast"), "{from} depends on the binary");
    }
}
