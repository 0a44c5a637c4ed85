//! The benchmarks and their controls against the facts that they were made from, where these are at hand.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::disallowed_methods,
    clippy::too_many_lines,
    clippy::type_complexity,
    clippy::print_stdout,
    reason = "a test that cannot be set up must stop, and tests make their own places"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use profiles::{Catalogue, Tailoring};
use serde_json::Value;

const BENCHMARKS: [&str; 6] = ["debian12", "debian13", "rhel8", "rhel9", "ubuntu2204", "ubuntu2404"];
const LEVELS: [&str; 4] = ["l1-server", "l2-server", "l1-workstation", "l2-workstation"];

#[expect(
    clippy::disallowed_methods,
    reason = "where the facts lie is the business of whoever runs the tests"
)]
fn facts(benchmark: &str) -> Option<Value> {
    let beside = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared");
    let shared = std::env::var_os("GROUNDFAST_SHARED").map_or(beside, PathBuf::from);
    let text = std::fs::read_to_string(shared.join("data/cis").join(format!("{benchmark}.json"))).ok()?;
    Some(serde_json::from_str(&text).unwrap())
}

/// Runs a check on each benchmark with its facts.
fn each(check: impl Fn(&str, &Value, &Value)) {
    for benchmark in BENCHMARKS {
        match facts(benchmark) {
            Some(facts) => check(benchmark, &facts, &read(&format!("cis/{benchmark}.toml"))),
            None => return println!("left out: the facts are not at hand"),
        }
    }
}

fn read(file: &str) -> Value {
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap();
    serde_json::to_value(toml::from_str::<toml::Value>(&text).unwrap()).unwrap()
}

fn words(list: &Value) -> BTreeSet<String> {
    list.as_array().into_iter().flatten().map(|word| word.as_str().unwrap().to_owned()).collect()
}

/// Everything that the files of controls say: controls by id, variables by name.
fn controls() -> (BTreeMap<String, Value>, BTreeMap<String, Value>) {
    let (mut controls, mut variables) = (BTreeMap::new(), BTreeMap::new());
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("controls");
    for entry in std::fs::read_dir(folder).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let file = read(&format!("controls/{name}"));
        for control in file["control"].as_array().into_iter().flatten() {
            let id = control["id"].as_str().unwrap().to_owned();
            assert!(controls.insert(id.clone(), control.clone()).is_none(), "{id} is in two files");
        }
        for (id, variable) in file["variables"].as_object().into_iter().flatten() {
            assert!(variables.insert(id.clone(), variable.clone()).is_none(), "{id} is in two files");
        }
    }
    (controls, variables)
}

/// A control as one benchmark has it.
fn on(control: &Value, benchmark: &str) -> Value {
    let mut control = control.clone();
    let variants = control["variant"].take();
    for variant in variants.as_array().into_iter().flatten() {
        if words(&variant["on"]).contains(benchmark) {
            let parts = variant.as_object().unwrap().clone();
            control.as_object_mut().unwrap().extend(parts);
        }
    }
    control
}

#[test]
fn every_rule_is_there_with_its_references_and_levels() {
    each(|benchmark, facts, file| {
        let rows = file["benchmark"]["rules"].as_object().unwrap();
        let rules = facts["rules"].as_array().unwrap();
        for rule in rules {
            let id = rule["rule"].as_str().unwrap();
            let row = &rows[id];
            for source in ["cis", "nist", "pcidss4"] {
                assert_eq!(words(&row[source]), words(&rule[source]), "{source} of {id} in {benchmark}");
            }
            assert_eq!(words(&row["levels"]), words(&rule["profiles"]), "{id} in {benchmark}");
        }
        let wanted: BTreeSet<_> = rules.iter().map(|rule| rule["rule"].as_str().unwrap()).collect();
        let more: Vec<_> = rows.keys().filter(|id| !wanted.contains(id.as_str())).collect();
        assert!(more.iter().all(|id| id.starts_with("review_")), "{benchmark}: {more:?}");
        println!("{benchmark}: {} rules, {} reviews", wanted.len(), more.len());
    });
}

#[test]
fn every_rule_has_a_control() {
    let (controls, _) = controls();
    for benchmark in BENCHMARKS {
        let file = read(&format!("cis/{benchmark}.toml"));
        let rules = file["benchmark"]["rules"].as_object().unwrap();
        let missing: Vec<_> = rules.keys().filter(|id| !controls.contains_key(*id)).collect();
        assert!(missing.is_empty(), "{benchmark}: {} of {}: {missing:?}", missing.len(), rules.len());
    }
}

#[test]
fn variables_have_the_values_of_the_facts() {
    let (_, variables) = controls();
    each(|benchmark, facts, file| {
        for profile in file["profile"].as_array().unwrap() {
            let id = profile["id"].as_str().unwrap();
            let level = id.strip_prefix(&format!("cis-{benchmark}-")).unwrap();
            let mut compared = 0;
            for (name, option) in facts["variables"][level].as_object().unwrap() {
                let Some(variable) = variables.get(name) else { continue };
                let set = &profile["set"][name];
                let value = if set.is_null() { &variable["default"] } else { set };
                let wanted = facts["values"][name]["selected"][option.as_str().unwrap()].clone();
                // No regular expression without look-around says "anything that names no system".
                if wanted.as_str().is_some_and(|text| text.contains("(?!")) {
                    continue;
                }
                assert_eq!(shown(value), shown(&wanted), "{name} in {id}");
                compared += 1;
            }
            assert!(compared >= 15, "only {compared} variables of {id} were compared");
        }
    });
}

/// A value as the facts write it: numbers and lists as text.
fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => text.replace(", ", ","),
        Value::Array(items) => items.iter().map(shown).collect::<Vec<_>>().join(","),
        other => other.to_string(),
    }
}

/// Whether a text or a list of texts holds a word.
fn holds(value: &Value, word: &str) -> bool {
    value == word || words(value).contains(word)
}

/// Whether a probe that looks through a folder looks at this file, or through this folder.
fn looks_at(probe: &Value, path: &str) -> bool {
    let under = probe["path"].as_str().unwrap();
    let name = regex::Regex::new(probe["name"].as_str().unwrap_or_default()).unwrap();
    match path.strip_suffix('/') {
        Some(folder) => {
            folder == under || probe["recursive"] == true && folder.starts_with(&format!("{under}/"))
        }
        None => path.rsplit_once('/').is_some_and(|(folder, file)| folder == under && name.is_match(file)),
    }
}

/// Whether a probe says what the facts say; nothing where they do not tell how to judge.
fn agrees(rule: &Value, control: &Value) -> Option<bool> {
    let (vars, probe) = (&rule["vars"], &control["probe"]);
    let text = |name: &str| vars[name].as_str().unwrap_or_default();
    let guard = |wanted: &str| holds(&control["when"], wanted);
    let path = || {
        if let Some(several) = vars["filepath"].as_array().filter(|paths| paths.len() > 1) {
            return several.iter().all(|path| looks_at(probe, path.as_str().unwrap()));
        }
        let first = vars["filepath"].get(0).unwrap_or(&vars["filepath"]).as_str().unwrap();
        probe["path"] == first.trim_end_matches('/')
            && probe["name"] == *vars["file_regex"].get(0).unwrap_or(&vars["file_regex"])
            && probe["recursive"].as_bool().unwrap_or_default() == (text("recursive") == "true")
    };
    let ids =
        |name: &str| words(&Value::from(text(name).replace('0', "root").split('|').collect::<Vec<_>>()));
    let plain = |name: &str| words(&Value::from(text(name).split('|').collect::<Vec<_>>()));
    let owners =
        |part: &str, name: &str| words(&probe[part]) == ids(name) || words(&probe[part]) == plain(name);
    Some(match rule["template"].as_str()? {
        "file_owner" => path() && owners("owner", "uid_or_name"),
        "file_groupowner" => path() && owners("group", "gid_or_name"),
        "file_permissions" => path() && probe["mode"] == vars["filemode"],
        "sysctl" => {
            let variable = format!("$sysctl_{}_value", text("sysctlvar").replace('.', "_"));
            probe["key"] == vars["sysctlvar"]
                && match vars["sysctlval"].as_array() {
                    // Every value from the first on will do.
                    Some(values) => {
                        (probe["value"] == values[0] || probe["value"] == variable)
                            && probe["order"] == "at-least"
                    }
                    None => probe["value"] == vars["sysctlval"] || probe["value"] == variable,
                }
        }
        "sshd_lineinfile" => {
            let variable = format!("${}", text("xccdf_variable"));
            probe["key"] == vars["parameter"]
                && (probe["value"] == vars["value"] || probe["value"] == variable)
        }
        "kernel_module_disabled" => probe["name"] == vars["kernmodule"],
        "service_enabled" | "service_disabled" | "service_disabled_guard_var" => {
            let state = if rule["template"] == "service_enabled" { "enabled" } else { "disabled" };
            let guarded = format!("not variable:{}={}", text("variable"), text("value"));
            probe["state"] == state
                && holds(&probe["units"], &format!("{}.service", text("servicename")))
                && (vars["variable"].is_null() || guard(&guarded))
        }
        "socket_disabled" => {
            probe["state"] == "disabled" && holds(&probe["units"], &format!("{}.socket", text("socketname")))
        }
        "package_removed" => {
            let names = vars["pkgname"].as_array().cloned().unwrap_or_else(|| vec![vars["pkgname"].clone()]);
            let here = |name: &Value| holds(&probe["packages"], name.as_str().unwrap());
            probe["state"] == "removed" && names.iter().all(here)
        }
        "package_installed" | "package_installed_guard_var" => {
            let guarded = format!("variable:{}={}", text("variable"), text("value"));
            probe["state"] == "installed"
                && holds(&probe["packages"], text("pkgname"))
                && probe["version"] == vars["evr"]
                && (vars["variable"].is_null() || guard(&guarded))
        }
        "accounts_password" => {
            let order = match text("operation") {
                "less than or equal" => Value::from("at-most"),
                "greater than or equal" => Value::from("at-least"),
                _ => Value::Null,
            };
            let positive = vars["zero_comparison_operation"] == "greater than";
            probe["key"] == vars["variable"]
                && probe["order"] == order
                && (!positive || probe["least"] == 1)
                && probe["value"] == format!("$var_password_pam_{}", text("variable"))
        }
        "lineinfile" => {
            let (key, value) = text("text").split_once(" = ").unwrap_or((text("text"), ""));
            let wanted = if value.is_empty() { Value::Null } else { Value::from(value) };
            let variable = format!("$var_password_pam_{key}");
            probe["path"] == vars["path"]
                && probe["key"] == key
                && (probe["value"] == wanted || probe["value"] == variable)
        }
        _ => return None,
    })
}

#[test]
fn probes_say_what_the_facts_say() {
    let (controls, _) = controls();
    each(|benchmark, facts, _| {
        let rules = facts["rules"].as_array().unwrap().iter();
        let known = rules.filter_map(|rule| controls.get(rule["rule"].as_str()?).map(|one| (rule, one)));
        let judged: Vec<_> =
            known.filter_map(|(rule, one)| Some((rule, agrees(rule, &on(one, benchmark))?))).collect();
        assert!(judged.len() > 140, "{benchmark}: only {} rules have an expectation", judged.len());
        let wrong: Vec<_> =
            judged.iter().filter(|(_, agrees)| !agrees).map(|(rule, _)| &rule["rule"]).collect();
        assert!(wrong.is_empty(), "{benchmark}: {wrong:?}");
    });
}

#[test]
fn every_profile_resolves() {
    let catalogue = Catalogue::builtin().unwrap();
    for benchmark in BENCHMARKS {
        let Some(facts) = facts(benchmark) else { return println!("left out: the facts are not at hand") };
        for level in LEVELS {
            let profile = format!("cis-{benchmark}-{level}");
            let rules = facts["rules"].as_array().unwrap().iter();
            let wanted = rules.filter(|rule| words(&rule["profiles"]).contains(level)).count();
            let controls = catalogue.resolve(&profile, &Tailoring::default()).unwrap();
            let rules = controls.iter().filter(|control| !control.id().as_str().starts_with("review_"));
            assert_eq!(rules.count(), wanted, "{profile}");
        }
    }
}

#[test]
fn every_control_speaks_for_itself() {
    let catalogue = Catalogue::builtin().unwrap();
    for benchmark in BENCHMARKS {
        let profile = format!("cis-{benchmark}-l2-server");
        for control in catalogue.resolve(&profile, &Tailoring::default()).unwrap() {
            let about = control.about();
            for text in [&about.title, &about.rationale, &about.mend] {
                assert!(text.len() > 10 && !text.contains("${"), "{}: {text:?}", about.id);
            }
            assert!(about.references.iter().any(|reference| reference.source == "cis"), "{}", about.id);
        }
    }
}
