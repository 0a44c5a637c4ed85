//! `report`, `explain`, `profile show` and `profile guide` over the built binary.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use serde_json::Value;
use support::{Scratch, finding};

const CONTROL: &str = "file_permissions_etc_shadow";

/// A root with little in it: a Debian 12 that says so, and a shadow file that everybody reads.
fn root(scratch: &Scratch) -> PathBuf {
    let _ = scratch.write("root/etc/os-release", "ID=debian\nVERSION_ID=\"12\"\nPRETTY_NAME=\"Debian 12\"\n");
    let _ = scratch.write("root/etc/group", "root:x:0:\nshadow:x:42:\n");
    let _ = scratch.write("root/etc/passwd", "root:x:0:0:root:/root:/bin/sh\n");
    let shadow = scratch.write("root/etc/shadow", "root:*:19000:0:99999:7:::\n");
    fs::set_permissions(shadow, fs::Permissions::from_mode(0o644)).unwrap();
    scratch.path("root")
}

fn hardened(scratch: &Scratch) -> PathBuf {
    let root = root(scratch);
    let at = root.to_str().unwrap();
    let profile = "cis-debian12-l1-server";
    let _ = scratch
        .run(&["harden", "--profile", profile, "--only", CONTROL, "--root", at, "--yes", "--no-progress"])
        .expect_code(0);
    root
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

#[test]
fn a_run_is_reported_in_every_format() {
    let scratch = Scratch::new();
    let _ = hardened(&scratch);
    let begins = [
        ("text", "✔ fixed file_permissions_etc_shadow"),
        ("json", "{"),
        ("html", "<!DOCTYPE html>"),
        ("sarif", "{"),
        ("junit", "<?xml"),
        ("xccdf", "<?xml"),
        ("arf", "<?xml"),
        ("oscal", "{"),
        ("prometheus", "# HELP"),
        ("matrix", "# Requirements"),
    ];
    for (format, begin) in begins {
        let printed = scratch.run(&["report", "--format", format]).expect_code(0).stdout;
        assert!(printed.starts_with(begin), "{format}: {printed}");
        let told =
            if format == "matrix" || format == "prometheus" { "cis-debian12-l1-server" } else { CONTROL };
        let about = printed.contains(told) || printed.contains("groundfast harden");
        assert!(about, "{format}: {printed}");
        let file = scratch.path(format);
        let _ = scratch.run(&["report", "--format", format, "-o", file.to_str().unwrap()]).expect_code(0);
        assert_eq!(fs::read_to_string(file).unwrap().trim_end(), printed.trim_end(), "{format}");
    }
    let xccdf = scratch.run(&["report", "--format", "xccdf"]).expect_code(0).stdout;
    assert!(xccdf.contains("<result>fixed</result>") && xccdf.contains("<rationale>"), "{xccdf}");
    let document = scratch.run(&["report", "--output", "json"]).expect_code(0).json();
    assert_eq!(finding(&document, CONTROL)["verdict"], "fixed");
}

#[test]
fn the_text_of_a_report_is_what_the_run_printed() {
    let scratch = Scratch::new();
    let root = root(&scratch);
    let arguments = ["harden", "--profile", "cis-debian12-l1-server", "--only", CONTROL, "--root"];
    let arguments = [&arguments[..], &[root.to_str().unwrap(), "--yes", "--no-progress"]].concat();
    let printed = scratch.run(&arguments).expect_code(0).stdout;
    assert!(printed.contains("every change was made and seen"), "{printed}");
    assert_eq!(scratch.run(&["report"]).expect_code(0).stdout, printed);
}

#[test]
fn runs_are_named_and_a_document_can_come_from_elsewhere() {
    let scratch = Scratch::new();
    let _ = scratch.run(&["report"]).expect_code(2);
    let root = hardened(&scratch);
    let runs = scratch.run(&["status", "--output", "json"]).expect_code(0).json();
    let run = runs["result"]["runs"][0]["run"].as_str().unwrap().to_owned();
    let _ = scratch.run(&["rollback", "--yes", "--no-progress"]).expect_code(0);
    let last = scratch.run(&["report", "--output", "json"]).expect_code(0).json();
    assert_eq!(last["command"], "rollback");
    let earlier = scratch.run(&["report", &run, "--output", "json"]).expect_code(0).json();
    assert_eq!(earlier["run"], Value::from(run.clone()));
    let unknown = scratch.run(&["report", "01NONE"]).expect_code(2);
    assert!(unknown.stderr.contains(&run), "{}", unknown.stderr);
    let page = scratch.run(&["report", &run, "--format", "html"]).expect_code(0).stdout;
    assert!(page.contains(&run));

    let planned = ["harden", "--profile", "cis-debian12-l1-server", "--only", CONTROL, "--root"];
    let planned =
        [&planned[..], &[root.to_str().unwrap(), "--plan", "--no-progress", "--output", "json"]].concat();
    let planned = scratch.run(&planned).expect_code(0).stdout;
    let file = scratch.write("planned.json", &planned);
    let elsewhere = Scratch::new();
    let sarif =
        elsewhere.run(&["report", "--from", file.to_str().unwrap(), "--format", "sarif"]).expect_code(0);
    let result = &sarif.json()["runs"][0]["results"][0];
    assert_eq!((&result["ruleId"], &result["kind"]), (&CONTROL.into(), &"fail".into()));
    assert!(result["properties"]["diff"].as_str().unwrap().contains("0644"), "{result}");
    let bad = elsewhere.write("bad.json", "{\"v\": 1}");
    let refused = elsewhere.run(&["report", "--from", bad.to_str().unwrap()]).expect_code(2);
    assert!(refused.stderr.contains("bad.json"), "{}", refused.stderr);
    let _ = elsewhere.run(&["report", "--format", "papyrus"]).expect_code(2);
}

#[test]
fn a_control_is_explained_on_the_machine_that_it_is_about() {
    let scratch = Scratch::new();
    let root = root(&scratch);
    let at = root.to_str().unwrap();
    let text = scratch.run(&["explain", CONTROL, "--root", at]).expect_code(0).stdout;
    for told in [
        "why: ",
        "judged: ",
        "(kind `file`)",
        "looks at: ",
        "mended: ",
        "by hand: ",
        "references: ",
        "profiles: ",
        "cis:",
        "by profile cis-debian12-l1-server",
        "  fail\n",
        "looked at",
        "mode 0644 → 0",
    ] {
        assert!(text.contains(told), "{told:?} in {text}");
    }
    let json = scratch.run(&["explain", CONTROL, "--root", at, "--output", "json"]).expect_code(0).json();
    assert_eq!(finding(&json, CONTROL)["verdict"], "fail");
    let profiles = json["result"]["profiles"].as_array().unwrap();
    assert!(profiles.contains(&"cis-debian12-l1-server".into()), "{profiles:?}");
    assert!(json["plan"]["diffs"][0]["diff"].as_str().unwrap().contains("0644"), "{json}");
    assert_eq!(mode(&root.join("etc/shadow")), 0o644, "nothing was changed");

    // The good twin: where it holds, nothing would mend it.
    fs::set_permissions(root.join("etc/shadow"), fs::Permissions::from_mode(0o640)).unwrap();
    let text = scratch.run(&["explain", CONTROL, "--root", at]).expect_code(0).stdout;
    assert!(text.contains("  pass\n") && !text.contains("what would mend it"), "{text}");
    let unknown = scratch.run(&["explain", "file_permissions_etc_shadwo"]).expect_code(2);
    assert!(unknown.stderr.contains("did you mean file_permissions_etc_shadow, "), "{}", unknown.stderr);
    let former = scratch.run(&["explain", "docker_review_swarm"]).expect_code(2);
    assert!(former.stderr.contains("is called `docker_swarm_off` now"), "{}", former.stderr);
}

#[test]
fn on_a_system_that_no_profile_is_written_for_a_control_is_explained_but_not_judged() {
    let scratch = Scratch::new();
    let root = root(&scratch);
    let _ = scratch.write("root/etc/os-release", "ID=plan9\nVERSION_ID=4\n");
    let at = root.to_str().unwrap();
    let text = scratch.run(&["explain", CONTROL, "--root", at]).expect_code(0).stdout;
    assert!(text.contains("here: not judged: none of its profiles is written for plan9 4"), "{text}");
    let json = scratch.run(&["explain", CONTROL, "--root", at, "--output", "json"]).expect_code(0).json();
    assert!(json["findings"].as_array().unwrap().is_empty(), "{json}");
}

#[test]
fn a_profile_is_shown_and_has_a_guide() {
    let scratch = Scratch::new();
    let profile = "cis-debian12-l1-server";
    let listed = scratch.run(&["profile", "show", profile]).expect_code(0).stdout;
    let json = scratch.run(&["profile", "show", profile, "--output", "json"]).expect_code(0).json();
    let rules = json["result"]["rules"].as_array().unwrap();
    assert!(rules.len() > 200 && listed.contains(&format!("{} controls", rules.len())), "{listed}");
    assert!(listed.contains(CONTROL), "{listed}");
    let guide = scratch.run(&["profile", "guide", profile]).expect_code(0).stdout;
    let headings: Vec<_> = guide.lines().filter(|line| line.starts_with("## ")).collect();
    assert_eq!(headings.len(), rules.len());
    for part in ["# ", "`", "- Judged: ", "- Groundfast mends: ", "- By hand: "] {
        assert!(guide.lines().any(|line| line.starts_with(part)), "{part:?}");
    }
    let _ = scratch.run(&["profile", "show", "none"]).expect_code(2);
}

#[test]
fn a_place_in_a_standard_names_a_control_too() {
    let scratch = Scratch::new();
    let root = root(&scratch);
    let at = root.to_str().unwrap();
    let profile = "cis-debian12-l1-server";
    let explain = |place: &str, code| {
        let words = ["explain", place, "--profile", profile, "--root", at, "-o", "json"];
        scratch.run(&words).expect_code(code).json()
    };
    let one = explain("cis:1.1.1.1", 0);
    assert_eq!(one["result"]["id"], "kernel_module_cramfs_disabled", "{one}");
    assert_eq!(one["result"]["probe"]["kind"], "module", "{one}");
    let several = explain("cis:7.1.5", 2);
    assert!(several["error"]["next"].as_str().unwrap().contains(CONTROL), "{several}");
    let _ = explain("cis:99.9", 2);
    let judged = ["harden", "--profile", profile, "--only", "cis:7.1.5", "--plan", "-o", "json"];
    let judged = scratch.run(&[&judged[..], &["--root", at]].concat()).expect_code(0).json();
    assert_eq!(judged["findings"].as_array().unwrap().len(), 3, "{judged}");
    assert_eq!(finding(&judged, CONTROL)["verdict"], "fail");
}
