//! What is generated from the binary and kept in the repository: man pages and schemas.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;
use support::{Scratch, workspace};

/// The text of every file below a folder.
fn texts(folder: &Path) -> BTreeMap<String, String> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let texts = entries.map(|entry| {
        let entry = entry.unwrap();
        (entry.file_name().into_string().unwrap(), fs::read_to_string(entry.path()).unwrap())
    });
    texts.collect()
}

#[test]
fn man_pages_and_schemas_are_in_step_with_the_binary() {
    let scratch = Scratch::new();
    let made = scratch.path("docs");
    let _ = scratch.run(&["docs", made.to_str().unwrap()]).expect_code(0);
    for part in ["man", "schemas"] {
        let (new, kept) = (texts(&made.join(part)), texts(&workspace().join("docs").join(part)));
        let names = |texts: &BTreeMap<String, String>| texts.keys().cloned().collect::<Vec<_>>();
        assert_eq!(names(&kept), names(&new), "docs/{part}: run `groundfast docs docs`");
        for (name, text) in new {
            assert!(kept[&name] == text, "docs/{part}/{name} is out of step: run `groundfast docs docs`");
        }
    }
}

#[test]
fn schema_commands_print_what_is_kept() {
    let scratch = Scratch::new();
    let kept = texts(&workspace().join("docs/schemas"));
    let all =
        [("answers", "answers"), ("bundle", "bundle-spec"), ("profile", "profile"), ("waiver", "record")];
    for (command, name) in all {
        let printed = scratch.run(&[command, "schema"]).expect_code(0).json();
        let kept: Value = serde_json::from_str(&kept[&format!("{name}.json")]).unwrap();
        assert_eq!(printed, kept, "{command} schema");
    }
}

#[test]
fn the_schemas_name_every_section_of_the_samples() {
    let kept = texts(&workspace().join("docs/schemas"));
    let samples = [
        ("answers.json", "examples/answers.toml"),
        ("bundle-spec.json", "examples/companyos/bundle.toml"),
        ("profile.json", "profiles/environment.toml"),
    ];
    for (schema, sample) in samples {
        let schema: Value = serde_json::from_str(&kept[schema]).unwrap();
        assert_eq!(schema["additionalProperties"], false, "{sample}: unknown keys are errors");
        let text = fs::read_to_string(workspace().join(sample)).unwrap();
        let sections: Vec<_> = text.lines().filter_map(section).collect();
        assert!(!sections.is_empty(), "{sample} has sections");
        for section in sections {
            assert!(schema["properties"][&section].is_object(), "{sample}: [{section}] is in no schema");
        }
    }
}

/// The first word of a `[table]` or `[[table]]` heading.
fn section(line: &str) -> Option<String> {
    let inner = line.strip_prefix('[')?.trim_start_matches('[');
    inner.split([']', '.']).next().map(str::to_owned)
}

#[test]
fn completions_are_valid_in_their_shell() {
    let scratch = Scratch::new();
    let bash = scratch.run(&["completions", "bash"]).expect_code(0);
    assert!(bash.stdout.contains("preflight") && bash.stdout.contains("--plan-out"), "{}", bash.stdout);
    let script = scratch.write("completion.bash", &bash.stdout);
    let status = Command::new("bash").arg("-n").arg(&script).stdin(Stdio::null()).status().unwrap();
    assert!(status.success(), "bash refuses its own completions");
    let _ = scratch.run(&["completions", "tcsh"]).expect_code(2);
}

#[test]
fn the_page_on_preflight_names_every_control_and_variable_and_no_other() {
    let profile = fs::read_to_string(workspace().join("profiles/environment.toml")).unwrap();
    let page = fs::read_to_string(workspace().join("docs/preflight.md")).unwrap();
    let quoted = |line: &str| line.split('"').nth(1).map(str::to_owned);
    let ids = profile.lines().filter(|line| line.starts_with("id = \"env.")).filter_map(quoted);
    let variables = profile.lines().filter_map(|line| line.strip_prefix("[variables.")?.strip_suffix(']'));
    let mut known: Vec<String> = ids.chain(variables.map(str::to_owned)).collect();
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next());
    let mut told: Vec<String> = rows.map(str::to_owned).collect();
    known.sort();
    told.sort();
    assert!(known.len() > 40, "{known:?}");
    assert_eq!(told, known, "docs/preflight.md");
}
