//! A root is trusted for the right reason, and refused for each wrong one.

use serde_json::{Value, json};

use super::*;
use crate::keys::FileKey;

fn document(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes).unwrap()
}

/// Signs `signed` with these keys, each named by the key id under which `signed` lists it.
fn signed_with(signed: &Value, keys: &[(&str, &FileKey)]) -> Vec<u8> {
    let bytes = canonical(signed).unwrap();
    let signatures: Vec<_> = keys
        .iter()
        .map(|(keyid, key)| json!({ "keyid": keyid, "sig": hex::encode(key.sign(&bytes).unwrap()) }))
        .collect();
    serde_json::to_vec(&json!({ "signatures": signatures, "signed": signed })).unwrap()
}

struct Pair {
    key: FileKey,
    bytes: Vec<u8>,
    id: String,
}

fn first() -> Pair {
    let key = FileKey::generate().unwrap();
    let bytes = Root::first(&key, "2030-01-01T00:00:00Z".parse().unwrap()).unwrap();
    let id = document(&bytes)["signatures"][0]["keyid"].as_str().unwrap().to_owned();
    Pair { key, bytes, id }
}

#[test]
fn a_first_root_holds_and_its_key_signs_releases() {
    let first = first();
    let root = Root::parse(&first.bytes).unwrap();
    assert_eq!(root.release_keys().unwrap(), [first.key.public_key().clone()]);
    assert!(root.current("2029-12-31T23:59:59Z".parse().unwrap()).is_ok());
    assert!(root.current("2030-01-01T00:00:00Z".parse().unwrap()).is_err());
    assert!(root.follows(&root).is_ok());
}

#[test]
fn an_altered_root_is_refused() {
    let first = first();
    let text = String::from_utf8(first.bytes.clone()).unwrap();
    for (from, to) in [("2030-", "2031-"), ("\"version\":1", "\"version\":2"), ("ecdsa-sha2", "ecdsa-sha3")] {
        assert!(Root::parse(text.replace(from, to).as_bytes()).is_err(), "{to}");
    }
}

#[test]
fn a_threshold_counts_each_key_once() {
    let (first, second) = (first(), self::first());
    let mut signed = document(&first.bytes)["signed"].clone();
    signed["keys"][&second.id] = document(&second.bytes)["signed"]["keys"][&second.id].clone();
    signed["roles"]["root"] = json!({ "keyids": [first.id, second.id], "threshold": 2 });
    let (one, two) = ((first.id.as_str(), &first.key), (second.id.as_str(), &second.key));
    assert!(Root::parse(&signed_with(&signed, &[one, two])).is_ok());
    assert!(Root::parse(&signed_with(&signed, &[one, one])).is_err());
    assert!(Root::parse(&signed_with(&signed, &[one])).is_err());
    assert!(Root::parse(&signed_with(&signed, &[one, (two.0, &first.key)])).is_err());
}

#[test]
fn the_next_root_needs_the_old_keys_and_leaves_no_gap() {
    let (old, new) = (first(), self::first());
    let pinned = Root::parse(&old.bytes).unwrap();
    let next = |version: u64, keys: &[(&str, &FileKey)]| {
        let mut signed = document(&new.bytes)["signed"].clone();
        signed["version"] = json!(version);
        Root::parse(&signed_with(&signed, keys)).and_then(|root| root.follows(&pinned))
    };
    let (by_old, by_new) = ((old.id.as_str(), &old.key), (new.id.as_str(), &new.key));
    assert_eq!(next(2, &[by_new, by_old]), Ok(()));
    assert!(next(2, &[by_new]).is_err());
    assert!(next(2, &[by_old]).is_err());
    assert!(next(3, &[by_new, by_old]).is_err());
    assert!(next(1, &[by_new, by_old]).is_err());
}

#[test]
fn roles_for_records_are_held_by_whom_the_root_names_else_by_the_release_key() {
    let (release, decider, second) = (first(), FileKey::generate().unwrap(), FileKey::generate().unwrap());
    let plain = Root::parse(&release.bytes).unwrap();
    assert_eq!(plain.record_keys(RecordRole::Waivers).unwrap(), plain.release_keys().unwrap());
    let delegated = Delegated::from([(RecordRole::Waivers, vec![decider.public_key().clone()])]);
    let expires = "2030-01-01T00:00:00Z".parse().unwrap();
    let bytes = Root::first_with(&release.key, expires, &delegated).unwrap();
    let root = Root::parse(&bytes).unwrap();
    assert_eq!(root.record_keys(RecordRole::Waivers).unwrap(), [decider.public_key().clone()]);
    assert_eq!(root.record_keys(RecordRole::Approvals).unwrap(), [release.key.public_key().clone()]);
    assert_eq!(
        root.release_keys().unwrap(),
        [release.key.public_key().clone()],
        "releases stay where they were"
    );
    // The role is under the signature like everything else.
    let mut forged = document(&bytes);
    let (id, key) = Key::of(second.public_key()).unwrap();
    forged["signed"]["keys"][&id] = serde_json::to_value(key).unwrap();
    forged["signed"]["x-groundfast-roles"]["waivers"]["keyids"] = json!([id]);
    assert!(Root::parse(&serde_json::to_vec(&forged).unwrap()).is_err());
    // A role that nobody can fill is not given back to the release key.
    let mut empty = document(&bytes)["signed"].clone();
    empty["x-groundfast-roles"]["waivers"]["keyids"] = json!([]);
    let empty = Root::parse(&signed_with(&empty, &[(release.id.as_str(), &release.key)])).unwrap();
    assert!(empty.record_keys(RecordRole::Waivers).is_err());
}
