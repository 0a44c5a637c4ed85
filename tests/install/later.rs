//! What happens to a running site later: another answer, a start of the machine, a bad release, rollback.

use std::collections::BTreeMap;
use std::fs;

use serde_json::Value;
use support::site::{HOST, Site, append};
use support::{Run, finding, snapshot};

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

fn running(site: &Site) -> String {
    site.docker(&["ps", "-q", "--filter", "label=com.docker.compose.project=companyos"])
}

/// Damage that is there at a start: it is named, and nothing runs.
pub(crate) fn what_was_damaged_does_not_start(site: &Site) {
    let policy = mounted(site, "policy", "/etc/companyos/policy.tar.gz");
    let name = policy.file_name().unwrap().to_str().unwrap().to_owned();
    let blob = site.data().join("store/blobs/sha256").join(&name);
    assert!(blob.exists(), "the policy lies in the store too");
    let kept = fs::read(&blob).unwrap();
    start_of_the_machine(site);
    append(&policy, "more");
    append(&blob, "more");
    let refused = site.groundfast(&["recover", "--boot"]);
    assert!(matches!(refused.code, 1 | 4 | 5), "exit {}: {}", refused.code, moved(&refused));
    let told = format!("{}{}", refused.stdout, refused.stderr);
    assert!(told.contains(&name[..12]), "the damaged file is named:\n{told}");
    assert_eq!(running(site), "", "nothing was started");
    // The good twin: the bytes are back, so everything is.
    fs::write(&blob, kept).unwrap();
    let _ = site.groundfast(&["recover", "--boot"]).expect_code(0);
    works(site);
    clean(site);
}

/// A change that cannot become healthy in time: what ran before runs again.
pub(crate) fn a_release_that_does_not_come_up_is_taken_back(site: &Site) {
    let root = snapshot(&site.root);
    // Nobody can wait for a database and three services within a second.
    let set = ["--set", "stack.timeout_seconds=1", "--set", "site.no_proxy=[\".never\"]"];
    let failed = site.install(&set).expect_code(5).json();
    assert_eq!(failed["outcome"], "rolled-back");
    let why = failed["result"]["why"].to_string();
    assert!(why.contains("not up and healthy within 1 s"), "{why}");
    assert_eq!(finding(&failed, "stack.companyos")["verdict"], "fail");
    assert_eq!(snapshot(&site.root), root);
    let environment = site.inspect(&site.container("app"))["Config"]["Env"].to_string();
    assert!(!environment.contains(".never"), "the services are those of before");
    works(site);
    clean(site);
}

pub(crate) fn everything_is_taken_back(site: &Site, before: &BTreeMap<String, String>) {
    let status = site.groundfast(&["status"]).expect_code(0).json();
    let mut names: Vec<&str> = status["result"]["runs"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|run| run["state"] == "enforced")
        .map(|run| run["run"].as_str().unwrap())
        .collect();
    names.sort_unstable();
    let oldest = *names.first().unwrap();
    let planned = site.groundfast(&["rollback", oldest, "--plan"]).expect_code(0).json();
    assert!(stages(&planned) > 0);
    assert_eq!(site.containers().len(), 4, "a plan takes nothing back");
    let rolled: Run = site.groundfast(&["rollback", oldest, "--yes"]);
    assert_eq!(rolled.code, 0, "{}{}", rolled.stdout, rolled.stderr);
    assert_eq!(rolled.json()["outcome"], "enforced");
    assert_eq!(site.containers(), Vec::<String>::new());
    assert_eq!(site.docker(&["images", "-q", "companyos/*"]), "", "the images are gone");
    let secrets = site.data().join("secrets");
    let left: Vec<_> =
        fs::read_dir(&secrets).map(|all| all.flatten().map(|one| one.path()).collect()).unwrap_or_default();
    assert!(left.is_empty(), "secrets are left: {left:?}");
    assert_eq!(&snapshot(&site.root), before, "bytes, modes, owners and extended attributes are back");
    let drift = site.drift().expect_code(1);
    assert!(drift.stdout.contains("no run is in force"), "{}{}", drift.stdout, drift.stderr);
}
