//! What happens to a running site later: another answer, a start of the machine.

use serde_json::Value;
use support::site::{HOST, Site};
use support::snapshot;

use super::{clean, moved};

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
