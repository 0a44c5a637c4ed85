//! From one signed file to a running site on a real engine, and everything that may happen to it afterwards.
//!
//! One ordered story, because bringing the product up costs half a minute and there is one engine: plan, install, use,
//! tampering, a changed answer, a start of the machine, a release that does not come up, rollback.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;

use serde_json::Value;
use support::site::{HOST, PROJECT, Site, default_routes};
use support::{Run, binary, finding, snapshot};

#[path = "install/later.rs"]
mod later;
#[path = "install/refused.rs"]
mod refused;
#[path = "install/tamper.rs"]
mod tamper;

/// A step of the story, timed, so that a slow one is seen.
fn step<T>(name: &str, work: impl FnOnce() -> T) -> T {
    let begun = std::time::Instant::now();
    let result = work();
    println!("{name}: {:.1} s", begun.elapsed().as_secs_f32());
    result
}

#[test]
fn a_site_is_installed_used_watched_mended_and_given_back() {
    let Some(site) = Site::new() else { return };
    assert_eq!(default_routes(&site), "", "the namespace has no route out");
    let before = snapshot(&site.root);
    step("plan", || a_plan_changes_nothing(&site, &before));
    step("install", || it_is_installed(&site));
    step("use", || the_product_answers(&site));
    step("secrets", || secrets_are_in_place_and_nowhere_else(&site));
    step("install again", || a_second_install_changes_nothing(&site));
    step("tampering", || tamper::each_tampering_is_found_named_and_healed(&site));
    step("changed answer", || later::a_changed_answer_changes_what_it_must(&site));
    step("start of the machine", || later::one_command_brings_the_site_back(&site));
    step("damaged at a start", || later::what_was_damaged_does_not_start(&site));
    step("failed release", || later::a_release_that_does_not_come_up_is_taken_back(&site));
    step("rollback", || later::everything_is_taken_back(&site, &before));
}

fn stages(document: &Value) -> usize {
    document["plan"]["stages"].as_array().unwrap().len()
}

/// Insists that nothing has moved.
#[track_caller]
fn clean(site: &Site) {
    let drift = site.drift();
    assert_eq!(drift.code, 0, "{}", moved(&drift));
}

/// What a drift found, a line each.
fn moved(run: &Run) -> String {
    let Ok(document) = serde_json::from_str::<Value>(&run.stdout) else {
        return format!("{}{}", run.stdout, run.stderr);
    };
    let findings = document["findings"].as_array().cloned().unwrap_or_default();
    let open = findings
        .iter()
        .filter(|finding| matches!(finding["verdict"].as_str(), Some("fail" | "error" | "unknown")));
    let lines = open.map(|one| format!("{} {} {}\n", one["control"], one["verdict"], one["actual"]));
    format!("exit {} {} {}{}", run.code, document["error"], document["result"], lines.collect::<String>())
}

fn a_plan_changes_nothing(site: &Site, before: &BTreeMap<String, String>) {
    let planned = site.install(&["--plan"]).expect_code(0).json();
    assert_eq!(planned["outcome"], "planned");
    assert!(stages(&planned) > 0);
    let diffs = planned["plan"]["diffs"].as_array().unwrap();
    for control in ["image.companyos/db:1.0.0", "stack.companyos", "secret.app-tokens", "boot.unit"] {
        assert!(diffs.iter().any(|diff| diff["control"] == control), "{control} is planned");
    }
    assert_eq!(&snapshot(&site.root), before, "the root is as it was");
    assert!(!site.data().exists(), "no state is kept for a look");
    assert_eq!(site.containers(), Vec::<String>::new());
    assert_eq!(site.docker(&["images", "-q"]), "", "no image was loaded");
}

/// Installs under strace, which writes down the arguments and environment of every program that is started.
fn it_is_installed(site: &Site) {
    let (log, events) = (site.scratch.path("programs"), site.scratch.path("events.jsonl"));
    let mut command = site.inside("strace");
    command.args(["-f", "--seccomp-bpf", "-qq", "-v", "-s", "65536", "-e", "trace=execve", "-o"]).arg(&log);
    command.arg(binary()).args(site.install_arguments()).args([
        "--no-progress",
        "--output",
        "json",
        "--events",
    ]);
    let done = Run::of(&command.arg(&events).output().unwrap());
    assert!(matches!(done.code, 0 | 3), "{}\n{}", done.stderr, moved(&done));
    let done = done.json();
    assert_eq!(done["outcome"], "enforced", "{}", done["result"]);
    for finding in done["findings"].as_array().unwrap() {
        let open = matches!(finding["verdict"].as_str(), Some("fail" | "error" | "unknown"));
        assert!(!open || finding["remedy"] == false, "what can be mended was mended: {finding}");
    }
    for control in ["image.companyos/db:1.0.0", "stack.companyos", "secret.app-tokens", "boot.unit"] {
        assert_eq!(finding(&done, control)["verdict"], "fixed", "{control}");
    }
    for service in ["app", "db", "nginx", "policy"] {
        for aspect in ["healthy", "image", "nonroot"] {
            let finding = finding(&done, &format!("service.{service}.{aspect}"));
            assert!(matches!(finding["verdict"].as_str(), Some("pass" | "fixed")), "{finding}");
        }
    }
    assert_eq!(site.containers().len(), 4);
    let programs = fs::read_to_string(&log).unwrap();
    assert!(programs.contains("\"compose\""), "the log has what was started:\n{programs}");
    let report = fs::read_to_string(site.scratch.path("report/report.json")).unwrap();
    let events = fs::read_to_string(&events).unwrap();
    assert!(report.contains("service.app.healthy") && events.contains("service.app.healthy"));
    for secret in site.secret_values() {
        assert!(!programs.contains(&secret), "a secret is in an argument or an environment");
        assert!(!report.contains(&secret) && !events.contains(&secret), "a secret is in what is told");
    }
    clean(site);
}

fn the_product_answers(site: &Site) {
    let at = |path: &str| format!("https://{HOST}{path}");
    let status = |run: &Run| run.stdout.lines().last().unwrap_or_default().trim().to_owned();
    let (reader, writer) = (site.header("reader"), site.header("writer"));
    let rows = at("/rows");
    let health = site.curl(&[&at("/")]).expect_code(0);
    assert!(health.stdout.contains("\"working\":true"), "{}", health.stdout);
    for (arguments, expected) in [
        (vec!["-H", &writer, "--json", "{\"text\":\"kept\"}", &rows], "200"),
        (vec!["-H", &reader, "--json", "{\"text\":\"not kept\"}", &rows], "403"),
        (vec!["--json", "{\"text\":\"not kept\"}", &rows], "403"),
        (vec![rows.as_str()], "403"),
    ] {
        let run = site.curl(&arguments).expect_code(0);
        assert_eq!(status(&run), expected, "{arguments:?}: {}", run.stdout);
    }
    let read = site.curl(&["-H", &reader, &rows]).expect_code(0);
    assert!(read.stdout.contains("\"kept\"") && !read.stdout.contains("not kept"), "{}", read.stdout);
    assert_eq!(status(&read), "200");
    let plain = site.curl(&[&format!("http://{HOST}/rows")]).expect_code(0);
    assert_eq!(status(&plain), format!("308 {rows}"), "sent on to HTTPS");
    let old = site.curl(&["--tls-max", "1.2", &at("/")]);
    assert_eq!(old.code, 35, "TLS 1.2 is refused in the handshake: {}", old.stderr);
    let _ = site.curl(&["--tlsv1.3", &at("/")]).expect_code(0);
}

fn secrets_are_in_place_and_nowhere_else(site: &Site) {
    let folder = site.data().join("secrets");
    assert!(site.secrets_mounted(), "they lie on a mount of their own");
    for (name, owner) in
        [("db-tls-key", 2001), ("nginx-tls-key", 2002), ("app-tls-key", 2003), ("app-tokens", 2003)]
    {
        let meta = fs::metadata(folder.join(name)).unwrap();
        assert_eq!((meta.mode() & 0o7777, meta.uid(), meta.gid()), (0o400, owner, owner), "{name}");
        let source = site.scratch.path("site/secrets").join(name);
        assert_eq!(fs::read(folder.join(name)).unwrap(), fs::read(source).unwrap(), "{name}");
    }
    let secrets = site.secret_values();
    let needles = site.scratch.write("needles", &(secrets.join("\n") + "\n"));
    let search = |place: &str, more: &[&str]| {
        let mut grep = site.inside("grep");
        grep.args(["-rlF", "-f"]).arg(&needles).args(more).arg(place);
        Run::of(&grep.output().unwrap())
    };
    let data = site.data().display().to_string();
    let _ = search(&format!("{data}/secrets"), &[]).expect_code(0); // the search finds what is there
    let found = search(&data, &["--exclude-dir=secrets"]);
    assert_eq!(found.code, 1, "a secret lies in {}", found.stdout);
    for id in site.containers() {
        let told = site.inspect(&id).to_string() + &site.docker(&["logs", &id]);
        assert!(secrets.iter().all(|secret| !told.contains(secret)), "the engine tells a secret");
    }
    let mut arguments = String::new();
    for process in fs::read_dir("/proc").unwrap().flatten() {
        for part in ["cmdline", "environ"] {
            let bytes = fs::read(process.path().join(part)).unwrap_or_default();
            arguments.push_str(&String::from_utf8_lossy(&bytes));
        }
    }
    assert!(arguments.contains("companyos-app"), "the services' own processes were looked at");
    assert!(secrets.iter().all(|secret| !arguments.contains(secret)), "a process was told a secret");
}

fn a_second_install_changes_nothing(site: &Site) {
    let (containers, root) = (site.containers(), snapshot(&site.root));
    let again = site.install(&[]);
    assert!(matches!(again.code, 0 | 3), "{}", moved(&again));
    let again = again.json();
    assert_eq!(again["outcome"], "enforced");
    assert_eq!(stages(&again), 0, "an empty plan: {}", again["plan"]);
    assert_eq!(site.containers(), containers, "the same containers");
    assert_eq!(snapshot(&site.root), root);
    let label = format!("com.docker.compose.project={PROJECT}");
    assert!(
        site.docker(&["ps", "--filter", &format!("label={label}"), "--format", "{{.Status}}"])
            .contains("healthy")
    );
    clean(site);
}
