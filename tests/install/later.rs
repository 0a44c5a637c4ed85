//! What happens to a running site later: another answer, a start of the machine, a bad release, rollback.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::Value;
use support::site::{HOST, Site, append};
use support::{finding, snapshot};

use super::tamper::mounted;
use super::{clean, moved, stages};

/// The resources that a plan changes.
fn changed(document: &Value) -> Vec<String> {
    let mut all = Vec::new();
    for stage in document["plan"]["stages"].as_array().unwrap() {
        for step in stage["steps"].as_array().unwrap() {
            all.push(step["change"]["resource"].to_string());
        }
    }
    all
}

pub(crate) fn a_changed_answer_changes_what_it_must(site: &Site) {
    let id = |service: &str| site.container(service);
    let (proxied, root) = (id("app"), snapshot(&site.root));
    let set = "site.no_proxy=[\".internal\"]";
    let done = site.install(&["--set", set]);
    assert!(matches!(done.code, 0 | 3), "{}", moved(&done));
    let done = done.json();
    assert_eq!(done["outcome"], "enforced", "{}", done["result"]);
    let changes = changed(&done);
    assert!(changes.len() == 1 && changes[0].contains("companyos"), "only the stack: {changes:?}");
    assert_ne!(id("app"), proxied, "the service was made anew");
    let environment = site.inspect(&id("app"))["Config"]["Env"].to_string();
    assert!(environment.contains("NO_PROXY=.internal"), "{environment}");
    assert_eq!(snapshot(&site.root), root, "the root is as it was");
    clean(site);

    let tries = "harden.set.sshd_max_auth_tries_value=2";
    let containers = site.containers();
    let done = site.install(&["--set", set, "--set", tries]);
    assert!(matches!(done.code, 0 | 3), "{}", moved(&done));
    let changes = changed(&done.json());
    assert!(changes.len() == 1 && changes[0].contains("ssh"), "only sshd: {changes:?}");
    assert_eq!(site.containers(), containers, "the services ran on");
    clean(site);

    // Back to the answers as they are in the file.
    let _ = site.install(&[]);
    assert!(!site.inspect(&id("app"))["Config"]["Env"].to_string().contains("NO_PROXY"));
    clean(site);
}

/// What a start of the machine leaves: containers that do not run, and no secrets.
fn start_of_the_machine(site: &Site) {
    for container in site.containers() {
        site.docker(&["stop", "-t", "2", &container]);
    }
    site.unmount_secrets();
}

fn works(site: &Site) {
    let asked = site.curl(&[&format!("https://{HOST}/")]).expect_code(0);
    assert!(asked.stdout.contains("\"working\":true"), "{}", asked.stdout);
    let rows = site.curl(&["-H", &site.header("reader"), &format!("https://{HOST}/rows")]).expect_code(0);
    assert!(rows.stdout.contains("\"kept\""), "the rows are still there: {}", rows.stdout);
}

pub(crate) fn one_command_brings_the_site_back(site: &Site) {
    start_of_the_machine(site);
    assert_eq!(site.drift().code, 3, "a site that does not run has drifted");
    let done = site.groundfast(&["recover", "--boot"]).expect_code(0).json();
    assert_eq!(done["outcome"], "enforced", "{}", done["result"]);
    assert!(site.secrets_mounted());
    works(site);
    clean(site);
}

/// Damage that is there at a start, in use and in the store: it is named, and nothing runs.
pub(crate) fn what_was_damaged_does_not_start(site: &Site) {
    let policy = mounted(site, "policy", "/etc/companyos/policy.tar.gz");
    let name = policy.file_name().unwrap().to_str().unwrap().to_owned();
    let blob = site.data().join("store/blobs/sha256").join(&name);
    let kept = fs::read(&blob).unwrap();
    start_of_the_machine(site);
    append(&policy, "more");
    append(&blob, "more");
    let shown = site.groundfast(&["recover", "--boot", "--plan"]).expect_code(0).json();
    assert_eq!(shown["outcome"], "planned");
    let refused = site.groundfast(&["recover", "--boot"]).expect_code(5);
    assert!(refused.stdout.contains(&name[..12]), "the damaged file is named: {}", moved(&refused));
    let running = ["ps", "-q", "--filter", "label=com.docker.compose.project=companyos"];
    assert_eq!(site.docker(&running), "", "nothing was started");
    let left = fs::read_dir(site.data().join("secrets")).map_or(0, Iterator::count);
    assert_eq!(left, 0, "no secret lies there for nobody");
    // The good twin: the bytes are back in the store, so everything is.
    fs::write(&blob, kept).unwrap();
    let back = site.groundfast(&["recover", "--boot"]);
    assert_eq!(back.code, 0, "{}", moved(&back));
    works(site);
    clean(site);
}

/// A newer release, signed as it should be, that never becomes healthy: what ran before runs again, and may be mended.
pub(crate) fn a_release_that_does_not_come_up_is_taken_back(site: &Site) {
    let root = snapshot(&site.root);
    let installed = stack_of(site);
    let sick = site.bundle_with("sick", |name, text| match name {
        "compose.yaml" => with_a_health_check_that_never_passes(&text),
        _ => text.replace("release = 1\n", "release = 2\n").replace("\"1.0.0\"", "\"1.1.0\""),
    });
    let failed = site.install_bundle(&sick, &[]);
    assert_eq!(failed.code, 5, "{}", moved(&failed));
    let failed = failed.json();
    assert_eq!(failed["outcome"], "rolled-back");
    let why = failed["result"]["why"].to_string();
    assert!(why.contains("not up and healthy") && why.contains("policy is unhealthy"), "{why}");
    assert_eq!(finding(&failed, "stack.companyos")["verdict"], "fail");
    assert_eq!(snapshot(&site.root), root);
    assert_eq!(stack_of(site), installed, "the services are those of before");
    works(site);
    clean(site);
    // The newer release was seen, yet the installed one may be mended, as after a tampering.
    site.docker(&["stop", "-t", "2", &site.container("policy")]);
    let mended = site.install(&[]);
    assert!(matches!(mended.code, 0 | 3), "{}", moved(&mended));
    works(site);
    clean(site);
    // Its bad twin: another release that is as old stays refused.
    let old = site.bundle_with("old", |name, text| match name {
        "bundle.toml" => without_images(&text, &["db", "nginx"]),
        _ => text,
    });
    let refused = site.install_bundle(&old, &[]).expect_code(4);
    assert!(refused.stderr.contains("release 1 is older than release 2"), "{}", refused.stderr);
    clean(site);
}

/// Asks the decision point for its health where nobody listens.
fn with_a_health_check_that_never_passes(compose: &str) -> String {
    let sick = compose.replace("\"ping\", \"--addr=127.0.0.1:8182\"", "\"ping\", \"--addr=127.0.0.1:1\"");
    assert_ne!(sick, compose);
    sick
}

/// Leaves images out of a spec, as a release that is refused before anybody looks for them needs none.
fn without_images(spec: &str, names: &[&str]) -> String {
    let block = |name: &&str| {
        format!(
            "[[image]]\nname = \"companyos/{name}:1.0.0\"\ndocker-archive = \"../../target/images/{name}.tar\"\n"
        )
    };
    names.iter().map(block).fold(spec.to_owned(), |spec, block| {
        assert!(spec.contains(&block), "{block}");
        spec.replace(&block, "")
    })
}

/// The Compose file and the image of every container.
fn stack_of(site: &Site) -> BTreeMap<String, String> {
    let of = |id: &String| {
        let seen = site.inspect(id);
        let file = &seen["Config"]["Labels"]["com.docker.compose.project.config_files"];
        (seen["Name"].to_string(), format!("{file} {}", seen["Image"]))
    };
    site.containers().iter().map(of).collect()
}

pub(crate) fn everything_is_taken_back(site: &Site, before: &BTreeMap<String, String>) {
    let status = site.groundfast(&["status"]).expect_code(0).json();
    let runs = status["result"]["runs"].as_array().unwrap().iter();
    let oldest = runs.filter(|run| run["state"] == "enforced").map(|run| run["run"].as_str().unwrap()).min();
    let oldest = oldest.unwrap();
    // The image that a tamperer made on top of ours keeps the engine from removing ours.
    site.docker(&["image", "prune", "--force"]);
    let planned = site.groundfast(&["rollback", oldest, "--plan"]).expect_code(0).json();
    assert!(stages(&planned) > 0);
    assert_eq!(site.containers().len(), 4, "a plan takes nothing back");
    let rolled = site.groundfast(&["rollback", oldest, "--yes"]);
    assert_eq!(rolled.code, 0, "{}", moved(&rolled));
    assert_eq!(rolled.json()["outcome"], "enforced");
    assert_eq!(site.containers(), Vec::<String>::new());
    assert_eq!(site.docker(&["images", "-q", "companyos/*"]), "", "the images are gone");
    let left = fs::read_dir(site.data().join("secrets")).map_or(0, Iterator::count);
    assert_eq!(left, 0, "secrets are left");
    assert!(!site.secrets_mounted(), "an empty place is left");
    // No run had touched this file before somebody widened it: the run that mended it gives back what it found.
    let passwd = site.root.join("etc/passwd");
    assert_eq!(fs::metadata(&passwd).unwrap().permissions().mode() & 0o7777, 0o666);
    fs::set_permissions(&passwd, fs::Permissions::from_mode(0o644)).unwrap();
    assert_eq!(&snapshot(&site.root), before, "bytes, modes, owners and extended attributes are back");
    let drift = site.drift().expect_code(1);
    assert!(drift.stderr.contains("no run is in force"), "{}", drift.stderr);
}
