//! The real cosign on records that were made here, and records that the real cosign made.
//!
//! Without it the test says that it was left out.
#![allow(clippy::disallowed_methods, clippy::unwrap_used, clippy::print_stdout, reason = "test set-up")]

use std::fs;
use std::path::Path;

use bundle::keys::Signer;
use harness::cosign::{attested, cosign};
use model::Secret;
use records::{Authority, Holder, Kind, PlanApproval, Record, Role, Sealed, Waiver, sign};

fn verifies(dir: &Path, key: &str, kind: Kind, subject: &str) -> bool {
    attested(dir, key, "record.json", kind.predicate_type(), subject).unwrap().status.success()
}

const WAIVER: &str = r#"{ "control": "service_cups_disabled", "scope": ["*"], "reason": "a print server",
    "ticket": "OPS-1", "owner": "bob", "approver": "carol", "expires": "2026-12-31" }"#;

#[test]
fn cosign_accepts_our_records_and_we_accept_its() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    let write = |name: &str, text: &[u8]| fs::write(dir.join(name), text).unwrap();
    let Some(made) = cosign(dir, &["generate-key-pair"]) else { return };
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let key = bundle::open_key(&dir.join("cosign.key"), &Secret::new(b"hunter2".to_vec())).unwrap();
    write("stranger.pub", bundle::keys::FileKey::generate().unwrap().public_key().to_pem().as_bytes());

    // Ours, by cosign.
    let waiver: Waiver = serde_json::from_str(WAIVER).unwrap();
    write("record.json", &sign(&Record::Waiver(waiver.clone()), &key).unwrap());
    write("subject", b"service_cups_disabled");
    write("other", b"service_avahi_disabled");
    assert!(verifies(dir, "cosign.pub", Kind::Waiver, "subject"));
    assert!(!verifies(dir, "cosign.pub", Kind::Waiver, "other"), "another control");
    assert!(!verifies(dir, "stranger.pub", Kind::Waiver, "subject"), "another key");
    let approval = PlanApproval {
        plan: bundle::digest(b"[stages]"),
        host: "web1".to_owned(),
        requester: "bob".to_owned(),
        approver: "carol".to_owned(),
        expires: "2026-12-31".to_owned(),
    };
    write("record.json", &sign(&Record::PlanApproval(approval), &key).unwrap());
    write("subject", b"[stages]");
    assert!(verifies(dir, "cosign.pub", Kind::PlanApproval, "subject"));
    assert!(!verifies(dir, "cosign.pub", Kind::PlanApproval, "other"));

    // Its, by us.
    write("waiver.json", WAIVER.as_bytes());
    write("subject", b"service_cups_disabled");
    let arguments = [
        "attest-blob",
        "--yes",
        "--key",
        "cosign.key",
        "--predicate",
        "waiver.json",
        "--type",
        Kind::Waiver.predicate_type(),
        "--tlog-upload=false",
        "--new-bundle-format",
        "--bundle",
        "theirs.json",
    ];
    let attest = |subject: &str| {
        let made = cosign(dir, &[&arguments[..], &[subject]].concat()).unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        Sealed::read(&fs::read(dir.join("theirs.json")).unwrap()).unwrap()
    };
    let mut authority = Authority::default();
    authority.admit(Role::Waivers, Holder { name: Some("carol".to_owned()), key: key.public_key().clone() });
    let signed = attest("subject").open(&authority).unwrap();
    assert_eq!((signed.record, signed.key), (Record::Waiver(waiver), key.public_key().hint()));
    assert!(attest("other").open(&authority).is_err(), "its subject is another control");
    assert!(attest("subject").open(&Authority::default()).is_err());
}
