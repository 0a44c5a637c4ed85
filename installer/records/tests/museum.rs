//! Bad records, each beside its good twin: what is altered, signed by the wrong key, or makes no sense never counts.
#![allow(clippy::unwrap_used, reason = "a test that cannot be set up must stop")]

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bundle::keys::{FileKey, Signer};
use bundle::{Refusal, dsse, intoto};
use model::{HostPath, Resource, State};
use records::{
    AcceptedDrift, Attestation, Authority, Holder, Kind, Moved, PlanApproval, Record, RecordError, Role,
    Sealed, Standing, Waiver, sign,
};
use serde_json::{Value, json};

/// Who is who: `decider` may sign waivers, `second` plans, `stranger` nothing.
struct Site {
    decider: FileKey,
    second: FileKey,
    stranger: FileKey,
    authority: Authority,
}

fn site() -> Site {
    let key = || FileKey::generate().unwrap();
    let (decider, second, stranger) = (key(), key(), key());
    let mut authority = Authority::default();
    let holder =
        |name: &str, key: &FileKey| Holder { name: Some(name.to_owned()), key: key.public_key().clone() };
    authority.admit(Role::Waivers, holder("carol", &decider));
    authority.admit(Role::Approvals, holder("dave", &second));
    Site { decider, second, stranger, authority }
}

fn waiver() -> Waiver {
    Waiver {
        control: "service_cups_disabled".to_owned(),
        scope: vec!["web1".to_owned(), "web2".to_owned()],
        reason: "a print server".to_owned(),
        ticket: "OPS-1".to_owned(),
        owner: "bob".to_owned(),
        approver: "carol".to_owned(),
        expires: "2026-12-31".to_owned(),
    }
}

fn approval() -> PlanApproval {
    PlanApproval {
        plan: bundle::digest(b"plan"),
        host: "web1".to_owned(),
        requester: "bob".to_owned(),
        approver: "dave".to_owned(),
        expires: "2026-12-31".to_owned(),
    }
}

fn drift() -> AcceptedDrift {
    let resource = Resource::Content { path: HostPath::literal("/etc/motd") };
    let moved = Moved { resource, from: Some(State::text("old")), to: State::Absent };
    AcceptedDrift {
        control: "pin:content /etc/motd".to_owned(),
        host: "web1".to_owned(),
        ticket: "OPS-2".to_owned(),
        by: "carol".to_owned(),
        at: "2026-11-22T00:00:00Z".parse().unwrap(),
        baseline: vec![moved],
    }
}

fn attestation() -> Attestation {
    Attestation {
        control: "manual_rule".to_owned(),
        scope: vec!["*".to_owned()],
        statement: "the rack is locked".to_owned(),
        by: "carol".to_owned(),
        evidence: Some(bundle::digest(b"photo")),
        expires: "2026-12-31".to_owned(),
    }
}

fn open(bytes: &[u8], site: &Site) -> Result<Record, RecordError> {
    Sealed::read(bytes)?.open(&site.authority).map(|signed| signed.record)
}

/// Signs any payload at all, also one that [`sign`] would not.
fn forced(kind: Kind, subject: &[u8], predicate: &Value, key: &FileKey) -> Vec<u8> {
    let payload = intoto::encode("subject", &bundle::digest(subject), kind.predicate_type(), predicate);
    dsse::sign(&payload, key).unwrap()
}

#[test]
fn each_kind_survives_the_way_through_its_own_key_and_no_other() {
    let site = site();
    let all = [
        (Record::Waiver(waiver()), &site.decider, &site.second),
        (Record::Attestation(attestation()), &site.decider, &site.second),
        (Record::AcceptedDrift(drift()), &site.decider, &site.second),
        (Record::PlanApproval(approval()), &site.second, &site.decider),
    ];
    for (record, right, wrong_role) in all {
        assert_eq!(open(&sign(&record, right).unwrap(), &site), Ok(record.clone()));
        for wrong in [wrong_role, &site.stranger] {
            let refused = open(&sign(&record, wrong).unwrap(), &site).unwrap_err();
            assert!(matches!(refused, RecordError::Stranger { .. }), "{refused}");
        }
        let nobody = Sealed::read(&sign(&record, right).unwrap()).unwrap().open(&Authority::default());
        assert!(matches!(nobody, Err(RecordError::Stranger { .. })));
    }
}

#[test]
fn an_altered_record_is_refused() {
    let site = site();
    let bytes = sign(&Record::Waiver(waiver()), &site.decider).unwrap();
    assert!(open(&bytes, &site).is_ok());
    let mut document: Value = serde_json::from_slice(&bytes).unwrap();
    let payload = STANDARD.decode(document["dsseEnvelope"]["payload"].as_str().unwrap()).unwrap();
    let altered = String::from_utf8(payload).unwrap().replace("2026-12-31", "2036-12-31");
    document["dsseEnvelope"]["payload"] = STANDARD.encode(altered).into();
    let refused = open(&serde_json::to_vec(&document).unwrap(), &site).unwrap_err();
    assert!(matches!(refused, RecordError::BadSignature(_)), "{refused}");
}

#[test]
fn a_hint_does_not_make_a_key() {
    let site = site();
    let bytes = sign(&Record::Waiver(waiver()), &site.stranger).unwrap();
    let mut document: Value = serde_json::from_slice(&bytes).unwrap();
    document["verificationMaterial"]["publicKey"]["hint"] = site.decider.public_key().hint().into();
    let refused = open(&serde_json::to_vec(&document).unwrap(), &site).unwrap_err();
    assert!(matches!(refused, RecordError::BadSignature(_)), "{refused}");
}

#[test]
fn a_truncated_record_is_refused_at_every_length() {
    let site = site();
    let bytes = sign(&Record::Waiver(waiver()), &site.decider).unwrap();
    for end in 0..bytes.len() {
        assert!(open(&bytes[..end], &site).is_err(), "{end}");
    }
    assert!(open(&bytes, &site).is_ok());
}

#[test]
fn two_signatures_or_none_are_refused() {
    let site = site();
    let bytes = sign(&Record::Waiver(waiver()), &site.decider).unwrap();
    let document: Value = serde_json::from_slice(&bytes).unwrap();
    let one = document["dsseEnvelope"]["signatures"][0].clone();
    for signatures in [json!([]), json!([one, one])] {
        let mut document = document.clone();
        document["dsseEnvelope"]["signatures"] = signatures;
        let refused = open(&serde_json::to_vec(&document).unwrap(), &site).unwrap_err();
        assert!(matches!(refused, RecordError::Form(Refusal::Signatures(_))), "{refused}");
    }
}

#[test]
fn nobody_decides_alone() {
    let site = site();
    for owner in ["carol", "Carol", " carol "] {
        let alone = Waiver { owner: owner.to_owned(), ..waiver() };
        let refused = sign(&Record::Waiver(alone.clone()), &site.decider).unwrap_err();
        assert!(matches!(refused, RecordError::SamePerson { .. }), "{refused}");
        // Not even when another tool signed it.
        let predicate = serde_json::to_value(&alone).unwrap();
        let bytes = forced(Kind::Waiver, alone.control.as_bytes(), &predicate, &site.decider);
        assert!(matches!(open(&bytes, &site), Err(RecordError::SamePerson { .. })));
    }
    let own = PlanApproval { requester: "dave".to_owned(), ..approval() };
    assert!(matches!(sign(&Record::PlanApproval(own), &site.second), Err(RecordError::SamePerson { .. })));
}

#[test]
fn nobody_signs_in_anothers_name() {
    let site = site();
    let posing = Waiver { approver: "alice".to_owned(), ..waiver() };
    let refused = open(&sign(&Record::Waiver(posing), &site.decider).unwrap(), &site).unwrap_err();
    let told = RecordError::NotTheSigner { claimed: "alice".to_owned(), holder: "carol".to_owned() };
    assert_eq!(refused, told);
    // Where the site does not say whose key it is, the name is the signer's own word.
    let mut authority = Authority::default();
    let key = site.decider.public_key().clone();
    authority.admit(Role::Waivers, Holder { name: None, key });
    let posing = Waiver { approver: "alice".to_owned(), ..waiver() };
    let sealed = Sealed::read(&sign(&Record::Waiver(posing), &site.decider).unwrap()).unwrap();
    assert!(sealed.open(&authority).is_ok());
}

#[test]
fn what_makes_no_sense_is_refused_whoever_signed_it() {
    let site = site();
    let good = serde_json::to_value(waiver()).unwrap();
    let signed =
        |predicate: &Value| forced(Kind::Waiver, waiver().control.as_bytes(), predicate, &site.decider);
    assert!(open(&signed(&good), &site).is_ok());
    let cases = [
        ("expires", json!("31.12.2026")),
        ("expires", json!("2026-1-1")),
        ("expires", json!("2026-02-30")),
        ("expires", json!("9999")),
        ("scope", json!([])),
        ("scope", json!("web1")),
        ("reason", json!(" ")),
        ("ticket", json!("")),
        ("owner", json!("bob\u{1b}[2J")),
        ("more", json!(1)),
    ];
    for (field, value) in cases {
        let mut bad = good.clone();
        bad[field] = value;
        let refused = open(&signed(&bad), &site).unwrap_err();
        assert!(matches!(refused, RecordError::Invalid { .. }), "{bad}: {refused}");
    }
    let mut lacking = good.clone();
    lacking.as_object_mut().unwrap().remove("expires");
    assert!(open(&signed(&lacking), &site).is_err());
}

#[test]
fn a_statement_is_about_what_it_says_and_of_a_known_kind() {
    let site = site();
    let predicate = serde_json::to_value(waiver()).unwrap();
    let other = forced(Kind::Waiver, b"another_rule", &predicate, &site.decider);
    assert!(matches!(open(&other, &site), Err(RecordError::Subject(_))));
    let as_attestation = forced(Kind::Attestation, waiver().control.as_bytes(), &predicate, &site.decider);
    assert!(matches!(open(&as_attestation, &site), Err(RecordError::Invalid { .. })));
    // A release is no record, though its key be one that may sign records.
    let payload = intoto::encode("x", &bundle::digest(b"x"), "urn:groundfast:bundle:v1", &predicate);
    let release = dsse::sign(&payload, &site.decider).unwrap();
    assert!(matches!(open(&release, &site), Err(RecordError::Kind(_))));
    // The plan that is approved is the subject, so that it cannot be swapped.
    let predicate = serde_json::to_value(approval()).unwrap();
    let swapped = forced(Kind::PlanApproval, b"another plan", &predicate, &site.second);
    assert!(matches!(open(&swapped, &site), Err(RecordError::Subject(_))));
    assert!(open(&forced(Kind::PlanApproval, b"plan", &predicate, &site.second), &site).is_ok());
}

#[test]
fn a_record_holds_on_its_hosts_until_its_last_day() {
    let record = Record::Waiver(waiver());
    assert_eq!(record.standing("web1", "2026-12-30"), Standing::Holds { days_left: Some(1) });
    assert_eq!(record.standing("web2", "2026-12-31"), Standing::Holds { days_left: Some(0) });
    assert_eq!(record.standing("web1", "2026-10-01"), Standing::Holds { days_left: Some(91) });
    let expired = Standing::Expired { on: "2026-12-31".to_owned() };
    assert_eq!(record.standing("web1", "2027-01-01"), expired);
    assert_eq!(record.standing("web1", "no day"), expired, "an unreadable clock is no reason to go on");
    assert!(matches!(record.standing("web3", "2026-12-30"), Standing::Elsewhere { .. }));
    let everywhere = Record::Attestation(attestation());
    assert_eq!(everywhere.standing("web3", "2026-12-31"), Standing::Holds { days_left: Some(0) });
    assert_eq!(
        Record::AcceptedDrift(drift()).standing("web1", "2099-01-01"),
        Standing::Holds { days_left: None }
    );
    assert!(matches!(
        Record::AcceptedDrift(drift()).standing("web2", "2026-12-30"),
        Standing::Elsewhere { .. }
    ));
}
