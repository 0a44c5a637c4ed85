//! Everything that is said about controls: each has its words, and a misspelt one is told what was meant.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up must stop")]

use std::collections::BTreeSet;

use profiles::{Catalogue, KINDS, Tailoring, told};

#[test]
fn every_kind_is_explained_and_every_control_of_every_profile_is() {
    let catalogue = Catalogue::builtin().unwrap();
    let mut kinds = BTreeSet::new();
    for profile in catalogue.profiles() {
        for control in catalogue.resolve(&profile.id, &Tailoring::default()).unwrap() {
            let about = control.about();
            let id = about.id.as_str();
            assert!(!about.title.is_empty() && !about.rationale.is_empty(), "{id}");
            assert!(!about.mend.is_empty(), "{id} does not say how it is mended");
            let Some(probe) = catalogue.probe(id, Some(&profile.id)).unwrap() else { continue };
            assert_eq!(Some(probe.works), told(&probe.kind), "{id}");
            let asks = matches!(probe.kind.as_str(), "review" | "all" | "any");
            // What has no declared value, as time servers, asks nothing.
            let declared = probe.kind.starts_with("env_");
            assert!(asks || declared || !probe.looks_at.is_empty(), "{id} looks at nothing");
            kinds.insert(probe.kind);
        }
    }
    // A kind that stands only inside others is told all the same.
    assert!(KINDS.iter().all(|kind| told(kind).is_some()));
    let unused: Vec<_> = KINDS.iter().filter(|kind| !kinds.contains(**kind)).collect();
    assert_eq!(unused, Vec::<&&str>::new());
}

#[test]
fn how_a_control_is_judged_names_what_is_looked_at_and_when() {
    let catalogue = Catalogue::builtin().unwrap();
    let probe = catalogue.probe("docker_audit_daemon", Some("cis-docker-l1")).unwrap().unwrap();
    assert_eq!(probe.kind, "audit_rules");
    assert_eq!(
        probe.when,
        ["it runs its own kernel", "auditd or audit is installed", "/usr/bin/dockerd is there"]
    );
    assert_eq!(probe.looks_at.len(), 1, "{:?}", probe.looks_at);
    assert!(probe.looks_at[0].contains("/usr/bin/dockerd"), "{:?}", probe.looks_at);
    assert_eq!(catalogue.probe("no_such_control", None), Ok(None));
    assert!(catalogue.probe("docker_audit_daemon", Some("no-such-profile")).is_err());
}

#[test]
fn a_misspelt_control_is_told_the_nearest_and_a_reference_its_controls() {
    let catalogue = Catalogue::builtin().unwrap();
    assert_eq!(catalogue.nearest("sshd_set_max_auth_trys")[0], "sshd_set_max_auth_tries");
    assert!(catalogue.nearest("max_auth_tries").contains(&"sshd_set_max_auth_tries".to_owned()));
    assert!(catalogue.nearest("zzzzzzzz").is_empty());
    let named = |profile| catalogue.referenced("cis:5.7", profile).unwrap().into_iter().collect::<Vec<_>>();
    assert_eq!(named(Some("cis-docker-l1")), ["docker_review_sshd"]);
    assert!(named(None).contains(&"docker_review_sshd".to_owned()));
    assert!(catalogue.referenced("cis:99.99", None).unwrap().is_empty());
    assert!(catalogue.present("docker_review_swarm").is_err(), "it is called otherwise now");
    assert!(catalogue.present("docker_swarm_off").is_ok());
}
