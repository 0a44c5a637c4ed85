//! The table of kinds in docs/hardening.md against the kinds and controls that there are.

#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test that cannot be set up must stop, and tests make their own places"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use toml::{Table, Value};

/// The kinds of a probe and of those inside it.
fn kinds(probe: &Value, found: &mut BTreeSet<String>) {
    match probe {
        Value::Table(table) => {
            found.extend(table.get("kind").and_then(Value::as_str).map(str::to_owned));
            table.values().for_each(|value| kinds(value, found));
        }
        Value::Array(items) => items.iter().for_each(|item| kinds(item, found)),
        _ => {}
    }
}

/// How many controls of hardening use each kind, on one system at least.
fn counted() -> BTreeMap<String, usize> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let topics = std::fs::read_dir(here.join("controls")).unwrap().map(|entry| entry.unwrap().path());
    let mut counted = BTreeMap::new();
    for path in topics.chain([here.join("docker.toml"), here.join("kubernetes.toml")]) {
        let file: Table = std::fs::read_to_string(path).unwrap().parse().unwrap();
        for control in file.get("control").and_then(Value::as_array).into_iter().flatten() {
            let mut used = BTreeSet::new();
            kinds(control, &mut used);
            used.into_iter().for_each(|kind| *counted.entry(kind).or_default() += 1);
        }
    }
    counted
}

#[test]
fn the_table_of_kinds_is_complete_and_true() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/hardening.md");
    let page = std::fs::read_to_string(page).unwrap();
    let table = page.split_once("| kind |").unwrap().1.split_once("\n\n").unwrap().0;
    let row = |line: &str| {
        let mut cells =
            line.trim_matches('|').split('|').map(|cell| cell.trim().trim_matches('`').to_owned());
        Some((cells.next()?, cells.next()?.parse().ok()?))
    };
    let told: BTreeMap<String, usize> = table.lines().skip(2).filter_map(row).collect();
    assert_eq!(told, counted());
    for line in table.lines().skip(2) {
        let cells: Vec<_> = line.trim_matches('|').split(" | ").map(str::trim).collect();
        let words = profiles::told(cells[0].trim_matches('`')).unwrap();
        assert_eq!(cells[2..], [words.judged, words.mended], "{}", cells[0]);
    }
    let ours = profiles::KINDS.iter().filter(|kind| !kind.starts_with("env_"));
    assert_eq!(told.keys().map(String::as_str).collect::<BTreeSet<_>>(), ours.copied().collect());
}
