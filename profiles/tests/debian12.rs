//! The Debian 12 profile against the facts that it was made from, where they are at hand.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::disallowed_methods,
    clippy::too_many_lines,
    clippy::type_complexity,
    clippy::print_stderr,
    reason = "a test that cannot be set up must stop, and tests make their own places"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use profiles::{Catalogue, Tailoring};
use serde_json::Value;

const PROFILE: &str = include_str!("../cis/debian12.toml");
/// Level 1 server rules whose template has a probe kind.
const RULES: usize = 257;

#[expect(
    clippy::disallowed_methods,
    reason = "where the facts lie is the business of whoever runs the tests"
)]
fn facts() -> Option<Value> {
    let beside = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared");
    let shared = std::env::var_os("GROUNDFAST_SHARED").map_or(beside, PathBuf::from);
    let text = std::fs::read_to_string(shared.join("data/cis/debian12.json")).ok()?;
    Some(serde_json::from_str(&text).unwrap())
}

fn has_kind(template: &str) -> bool {
    matches!(
        template,
        "file_owner"
            | "file_groupowner"
            | "file_permissions"
            | "sysctl"
            | "sshd_lineinfile"
            | "lineinfile"
            | "kernel_module_disabled"
            | "socket_disabled"
            | "accounts_password"
    ) || template.starts_with("service_")
        || template.starts_with("package_")
}

fn slice(facts: &Value) -> Vec<&Value> {
    let rules = facts["rules"].as_array().unwrap().iter();
    let rules = rules.filter(|rule| rule["template"].as_str().is_some_and(has_kind));
    rules.filter(|rule| words(&rule["profiles"]).contains("l1-server")).collect()
}

fn words(list: &Value) -> BTreeSet<String> {
    list.as_array().into_iter().flatten().map(|word| word.as_str().unwrap().to_owned()).collect()
}

fn profile() -> (BTreeMap<String, Value>, Value) {
    let root: toml::Value = toml::from_str(PROFILE).unwrap();
    let root = serde_json::to_value(root).unwrap();
    let controls = root["control"].as_array().unwrap().iter();
    let controls = controls.map(|control| (control["id"].as_str().unwrap().to_owned(), control.clone()));
    (controls.collect(), root["variables"].clone())
}

#[test]
fn every_rule_is_there_and_no_other() {
    let Some(facts) = facts() else { return println!("left out: the facts are not at hand") };
    let wanted: BTreeSet<_> =
        slice(&facts).iter().map(|rule| rule["rule"].as_str().unwrap().to_owned()).collect();
    let here: BTreeSet<_> = profile().0.into_keys().collect();
    assert_eq!(wanted.len(), RULES);
    assert_eq!(here, wanted);
    println!("{} of {RULES} rules of the slice", here.len());
}

#[test]
fn references_and_levels_are_those_of_the_facts() {
    let Some(facts) = facts() else { return println!("left out: the facts are not at hand") };
    let (controls, _) = profile();
    for rule in slice(&facts) {
        let control = &controls[rule["rule"].as_str().unwrap()];
        for source in ["cis", "nist", "pcidss4"] {
            assert_eq!(words(&control["refs"][source]), words(&rule[source]), "{source} of {}", rule["rule"]);
        }
        assert_eq!(words(&control["levels"]), words(&rule["profiles"]), "{}", rule["rule"]);
    }
}

#[test]
fn variables_have_the_values_of_the_facts() {
    let Some(facts) = facts() else { return println!("left out: the facts are not at hand") };
    let (_, variables) = profile();
    let mut compared = 0;
    for (name, variable) in variables.as_object().unwrap() {
        let Some(selected) = facts["values"][name]["selected"].as_object() else { continue };
        assert_eq!(Some(&variable["default"]), selected.values().next(), "{name}");
        compared += 1;
    }
    assert!(compared >= 15, "only {compared} variables were compared");
}

/// Whether a text or a list of texts holds a word.
fn holds(value: &Value, word: &str) -> bool {
    value == word || words(value).contains(word)
}

/// What a probe must say, told from the facts alone.
fn agrees(rule: &Value, control: &Value) -> bool {
    let (vars, probe) = (&rule["vars"], &control["probe"]);
    let text = |name: &str| vars[name].as_str().unwrap_or_default();
    let guard = |wanted: &str| holds(&control["when"], wanted);
    let path = || {
        let first = vars["filepath"].get(0).unwrap_or(&vars["filepath"]).as_str().unwrap();
        probe["path"] == first.trim_end_matches('/')
            && probe["name"] == vars["file_regex"]
            && probe["recursive"].as_bool().unwrap_or_default() == (text("recursive") == "true")
    };
    let ids =
        |name: &str| words(&Value::from(text(name).replace('0', "root").split('|').collect::<Vec<_>>()));
    let plain = |name: &str| words(&Value::from(text(name).split('|').collect::<Vec<_>>()));
    let owners =
        |part: &str, name: &str| words(&probe[part]) == ids(name) || words(&probe[part]) == plain(name);
    match rule["template"].as_str().unwrap() {
        "file_owner" => path() && owners("owner", "uid_or_name"),
        "file_groupowner" => path() && owners("group", "gid_or_name"),
        "file_permissions" => path() && probe["mode"] == vars["filemode"],
        "sysctl" => {
            let variable = format!("$sysctl_{}_value", text("sysctlvar").replace('.', "_"));
            probe["key"] == vars["sysctlvar"]
                && (probe["value"] == vars["sysctlval"] || probe["value"] == variable)
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
        "package_removed" => probe["state"] == "removed" && holds(&probe["packages"], text("pkgname")),
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
            probe["path"] == vars["path"] && probe["key"] == key && probe["value"] == wanted
        }
        other => panic!("no expectation for {other}"),
    }
}

#[test]
fn probes_say_what_the_facts_say() {
    let Some(facts) = facts() else { return println!("left out: the facts are not at hand") };
    let (controls, _) = profile();
    let wrong: Vec<_> = slice(&facts)
        .into_iter()
        .filter(|rule| !agrees(rule, &controls[rule["rule"].as_str().unwrap()]))
        .map(|rule| rule["rule"].to_string())
        .collect();
    assert!(wrong.is_empty(), "{wrong:?}");
}

#[test]
fn the_profiles_resolve() {
    let catalogue = Catalogue::builtin().unwrap();
    let resolve = |profile| catalogue.resolve(profile, &Tailoring::default()).unwrap().len();
    assert_eq!(resolve("cis-debian12-l1-server"), RULES);
    // Eight rules about devices that a desk has are left to servers.
    assert_eq!(resolve("cis-debian12-l1-workstation"), RULES - 8);
}

#[test]
fn every_control_speaks_for_itself() {
    let catalogue = Catalogue::builtin().unwrap();
    for control in catalogue.resolve("cis-debian12-l1-server", &Tailoring::default()).unwrap() {
        let about = control.about();
        for text in [&about.title, &about.rationale, &about.mend] {
            assert!(text.len() > 10 && !text.contains("${"), "{}: {text:?}", about.id);
        }
        assert!(about.references.iter().any(|reference| reference.source == "cis"), "{}", about.id);
    }
}
