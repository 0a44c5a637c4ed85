//! What the command line promises of every command: one document, the flags that mean the same everywhere, exit codes.

use std::fs::OpenOptions;
use std::process::Stdio;

use serde_json::Value;
use support::{Run, Scratch};

/// Exactly one JSON document, with what every document has.
#[track_caller]
fn document(run: &Run, command: &str) -> Value {
    let document = run.json();
    assert_eq!((&document["v"], &document["command"]), (&1.into(), &command.into()), "{document}");
    for field in ["host", "started", "finished", "outcome"] {
        assert!(!document[field].as_str().unwrap().is_empty(), "{field} in {document}");
    }
    assert!(document["summary"].is_object() && document["findings"].is_array(), "{document}");
    document
}

/// A root that fails a rule.
fn root(scratch: &Scratch) -> String {
    let _ = scratch.write("root/etc/os-release", "ID=debian\nVERSION_ID=\"12\"\n");
    let _ = scratch.write("root/etc/group", "root:x:0:\nshadow:x:42:\n");
    let _ = scratch.write("root/etc/passwd", "root:x:0:0:root:/root:/bin/sh\n");
    let _ = scratch.write("root/etc/shadow", "root:*:19000:0:99999:7:::\n");
    scratch.path("root").display().to_string()
}

const RULE: [&str; 5] =
    ["harden", "--profile", "cis-debian12-l1-server", "--only", "file_permissions_etc_shadow"];

#[test]
fn every_command_prints_one_document() {
    let scratch = Scratch::new();
    let root = root(&scratch);
    let path = |name: &str| scratch.path(name).display().to_string();
    let (plan, page, docs, policy) = (path("plan.json"), path("page.html"), path("docs"), path("p.rego"));
    let _ = scratch.write("p.rego", "package authz\n\ndefault allow := false\n");
    let json =
        |arguments: &[&str]| scratch.run(&[arguments, &["--output", "json", "--no-progress"]].concat());
    let harden = [&RULE[..], &["--root", &root]].concat();

    let open = document(&json(&harden).expect_code(2), "harden");
    assert_eq!((&open["outcome"], &open["exit"]), (&"error".into(), &2.into()));
    assert!(open["plan"]["digest"].is_string() && open["error"]["summary"].is_string(), "{open}");
    let stored = document(&json(&[&harden[..], &["--plan-out", &plan]].concat()).expect_code(0), "harden");
    assert_eq!(stored["outcome"], "planned");
    let _ = json(&[&harden[..], &["--plan-in", &plan]].concat()).expect_code(0);
    let written = document(&json(&["report", "--format", "html", "-o", &page]).expect_code(0), "report");
    assert_eq!(written["result"]["file"], page);
    let made = document(&json(&["docs", &docs]).expect_code(0), "docs");
    assert_eq!(made["result"]["folder"], docs);
    let shell = document(&json(&["completions", "bash"]).expect_code(0), "completions");
    assert!(shell["result"].as_str().unwrap().contains("complete"));
    let digest = document(&json(&["policy", "digest", &policy]).expect_code(0), "policy digest");
    assert!(digest["result"]["digest"].as_str().unwrap().starts_with("sha256:"));
    // What went wrong is such a document, too.
    let failed = document(&json(&["bundle", "verify", "/nonexistent"]).expect_code(1), "bundle verify");
    assert_eq!(failed["outcome"], "error");
    let mistyped = document(&json(&["bundle", "verify"]).expect_code(2), "bundle verify");
    assert_eq!(mistyped["outcome"], "error");
    // `-` is stdout, not a file of that name.
    let page = scratch
        .command()
        .current_dir(scratch.path(""))
        .args(["report", "--format", "html", "-o", "-"])
        .output();
    assert!(Run::of(&page.unwrap()).expect_code(0).stdout.contains("<html"));
    assert!(!scratch.path("-").exists());
}

#[test]
fn preflight_selects_by_id_or_reference_and_refuses_what_nobody_knows() {
    let scratch = Scratch::new();
    let preflight =
        |more: &[&str]| scratch.run(&[&["preflight", "--no-progress", "--output", "json"], more].concat());
    let typo = preflight(&["--only", "env.kernl"]).expect_code(2);
    assert!(typo.stderr.contains("env.kernel"), "{}", typo.stderr);
    let ids = |run: Run| -> Vec<String> {
        assert!(matches!(run.code, 0 | 3), "{}", run.stderr);
        let document = run.json();
        let findings = document["findings"].as_array().unwrap();
        findings.iter().map(|finding| finding["control"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(ids(preflight(&["--only", "env.kernel"])), ["env.kernel"]);
    assert!(ids(preflight(&["--only", "requirement:4.1"])).len() > 5);
    let named = |name: &str| {
        format!("[stack.certificates.{name}]\nchain = \"c\"\nkey = \"file:k\"\nauthority = \"a\"\n")
    };
    let answers = scratch.write("answers.toml", &format!("version = 1\n{}{}", named("db"), named("web")));
    let with = |only: &str| ids(preflight(&["--answers", answers.to_str().unwrap(), "--only", only]));
    assert_eq!(with("env.certificates"), ["env.certificates.db", "env.certificates.web"]);
    assert_eq!(with("env.certificates.web"), ["env.certificates.web"]);
    let other = preflight(&["--answers", answers.to_str().unwrap(), "--only", "env.certificates.x"]);
    let _ = other.expect_code(2);
    // An answer by its path, a variable by its name, and no number that cannot be.
    let _ = preflight(&["--only", "env.kernel", "--set", "site.ntp=10.0.0.1,10.0.0.2"]).expect_code(0);
    assert!(preflight(&["--set", "site.ntq=x"]).expect_code(2).stderr.contains("ntq"));
    let negative = preflight(&["--only", "env.cpu", "--set", "cpus=-1"]).expect_code(2);
    assert!(negative.stderr.contains("at least 1"), "{}", negative.stderr);
    let _ = preflight(&["--only", "env.cpu", "--set", "cpus=1", "--dry-run"]).expect_code(0);
    let root = root(&scratch);
    assert_eq!(ids(preflight(&["--root", &root, "--only", "env.kernel"])), ["env.kernel"]);
    let missing = preflight(&["--root", "/nonexistent", "--only", "env.kernel"]).expect_code(1);
    assert!(missing.stderr.contains("next: "), "{}", missing.stderr);
}

#[test]
fn stderr_is_as_loud_and_of_the_form_that_was_asked_for() {
    let scratch = Scratch::new();
    let preflight =
        |more: &[&str]| scratch.run(&[&["preflight", "--only", "env.kernel"], more].concat()).expect_code(0);
    assert!(preflight(&[]).stderr.contains("── preflight"));
    assert_eq!(preflight(&["--log-level", "error"]).stderr, "");
    assert!(!preflight(&[]).stderr.contains("env.kernel: pass"));
    assert!(preflight(&["--log-level", "debug"]).stderr.contains("env.kernel: pass"));
    let entries = |run: &Run| -> Vec<Value> {
        run.stderr.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    let said = entries(&preflight(&["--log-format", "json"]));
    assert!(
        said.iter().any(|entry| entry["level"] == "info" && entry["message"] == "── preflight"),
        "{said:?}"
    );
    let failed =
        scratch.run(&["--log-format", "json", "harden", "--profile", "nope", "--plan"]).expect_code(2);
    let failed = entries(&failed);
    let error = failed.iter().find(|entry| entry["level"] == "error").unwrap();
    assert!(error["next"].is_string() && error["causes"].is_array(), "{error}");
}

#[test]
fn colour_is_for_terminals_or_whoever_asks() {
    let scratch = Scratch::new();
    let painted = |more: &[&str], no_color: bool| {
        let mut command = scratch.command();
        command.args(["preflight", "--only", "env.kernel", "--all"]).args(more);
        if no_color {
            command.env("NO_COLOR", "1");
        }
        Run::of(&command.output().unwrap()).expect_code(0).stdout.contains('\u{1b}')
    };
    assert!(!painted(&[], false), "a pipe gets none");
    assert!(painted(&["--color", "always"], false));
    assert!(painted(&["--color", "always"], true), "a flag wins over the environment");
    assert!(!painted(&["--color", "never"], false));
    let usage = scratch.run(&["--color", "always", "instal"]).expect_code(2);
    assert!(usage.stderr.contains('\u{1b}'), "{usage:?}");
    assert!(!scratch.run(&["instal"]).expect_code(2).stderr.contains('\u{1b}'));
}

#[test]
fn warnings_count_for_whoever_asks() {
    let scratch = Scratch::new();
    let root = root(&scratch);
    let waived = "version = 1\n[[harden.waivers]]\ncontrol = \"file_permissions_etc_shadow\"\nreason = \"r\"\n\
                  owner = \"o\"\nexpires = \"2999-12-31\"\n";
    let answers = scratch.write("answers.toml", waived);
    let harden = |more: &[&str]| {
        let rule = [&RULE[..], &["--root", &root, "--yes", "--no-progress"]].concat();
        scratch.run(&[&rule, more].concat())
    };
    let with = ["--answers", answers.to_str().unwrap()];
    let _ = harden(&with).expect_code(0);
    let _ = harden(&[&with[..], &["--fail-on", "finding"]].concat()).expect_code(0);
    let _ = harden(&[&with[..], &["--fail-on", "warn"]].concat()).expect_code(3);
    // The good twin: nothing is waived.
    let _ = harden(&["--fail-on", "warn"]).expect_code(0);
}

#[test]
fn a_result_that_cannot_be_written_is_an_error() {
    let scratch = Scratch::new();
    let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
    let mut command = scratch.command();
    let run = command.args(["preflight", "--only", "env.kernel"]).stdout(Stdio::from(full)).output().unwrap();
    let run = Run::of(&run).expect_code(1);
    assert!(run.stderr.contains("stdout") && run.stderr.contains("next:"), "{}", run.stderr);
}

#[test]
fn nothing_to_carry_on_or_to_recover_is_success() {
    let scratch = Scratch::new();
    for verb in ["resume", "recover"] {
        let run = scratch.run(&[verb, "--output", "json"]).expect_code(0);
        assert_eq!(document(&run, verb)["outcome"], "done");
    }
}

#[test]
fn certificates_that_nobody_named_do_not_drift() {
    let scratch = Scratch::new();
    let root = root(&scratch);
    let _ = scratch.run(&[&RULE[..], &["--root", &root, "--yes", "--no-progress"]].concat()).expect_code(0);
    let drift = scratch.run(&["drift", "--output", "json", "--no-progress"]).expect_code(0).json();
    let findings = drift["findings"].as_array().unwrap();
    assert!(!findings.is_empty());
    assert!(findings.iter().all(|one| one["control"] != "env.certificates"), "{findings:?}");
}

#[test]
fn a_plan_for_another_root_says_that_nobody_is_told() {
    let scratch = Scratch::new();
    let root = root(&scratch);
    let _ = scratch.write("root/etc/ssh/sshd_config", "PermitRootLogin yes\n");
    let profile = ["harden", "--profile", "cis-debian12-l1-server", "--only", "sshd_disable_root_login"];
    let plan = scratch.run(&[&profile[..], &["--root", &root, "--plan"]].concat()).expect_code(0);
    assert!(plan.stdout.contains("reload"), "{}", plan.stdout);
    assert!(plan.stdout.contains("on another root no daemon is told"), "{}", plan.stdout);
}

#[test]
fn what_is_refused_names_the_way_on() {
    let scratch = Scratch::new();
    let prefix = scratch.path("cosign").display().to_string();
    let with = |passphrase: &str, arguments: &[&str]| {
        let mut command = scratch.command();
        Run::of(&command.env("GROUNDFAST_PASSPHRASE", passphrase).args(arguments).output().unwrap())
    };
    let generate = ["key", "generate", "--output-key-prefix", &prefix];
    let _ = with("secret", &generate).expect_code(0);
    let again = with("secret", &generate).expect_code(4);
    assert!(again.stderr.contains("next: name another place"), "{}", again.stderr);

    let _ = scratch.write("compose.yaml", "services: {}\n");
    let spec = |expires: &str| {
        let text = format!(
            "version = 1\n[product]\nname = \"demo\"\nversion = \"1.0.0\"\nrelease = 1\nchannel = \"stable\"\n\
             platforms = [\"linux/amd64\"]\nexpires = \"{expires}\"\n\
             [[compose]]\npath = \"compose.yaml\"\n"
        );
        scratch.write("spec.toml", &text).display().to_string()
    };
    let (key, out) = (format!("{prefix}.key"), scratch.path("out.tar").display().to_string());
    let create = |passphrase: &str, expires: &str| {
        with(passphrase, &["bundle", "create", &spec(expires), "--key", &key, "-o", &out])
    };
    let late = create("secret", "2020-01-01T00:00:00Z").expect_code(2);
    assert!(
        late.stderr.contains("before it is created") && late.stderr.contains("next: "),
        "{}",
        late.stderr
    );
    let wrong = create("wrong", "2999-01-01T00:00:00Z").expect_code(1);
    assert!(wrong.stderr.contains("next: give the passphrase"), "{}", wrong.stderr);
    let _ = create("secret", "2999-01-01T00:00:00Z").expect_code(0);

    let verify = |key: &str| with("", &["bundle", "verify", &out, "--key", key]);
    let no_key = scratch.write("bad.pub", "not a key").display().to_string();
    let bad = verify(&no_key);
    assert!(bad.stderr.contains("BEGIN PUBLIC KEY") && bad.stderr.contains("next: "), "{}", bad.stderr);
    assert!(!bad.stderr.to_lowercase().contains("asn.1"), "{}", bad.stderr);
    std::fs::create_dir(scratch.path("else")).unwrap();
    let other = scratch.path("else/other").display().to_string();
    let _ = with("secret", &["key", "generate", "--output-key-prefix", &other]).expect_code(0);
    let foreign = verify(&format!("{other}.pub")).expect_code(4);
    assert!(foreign.stderr.contains("next: if that is the publisher's key"), "{}", foreign.stderr);
    let product = ["bundle", "verify", &out, "--key", &format!("{prefix}.pub"), "--product", "else"];
    assert!(with("", &product).expect_code(4).stderr.contains("next: take the bundle"));
    let _ = verify(&format!("{prefix}.pub")).expect_code(0);
}
