//! What `model` writes reads as the shape, and comes out of it unchanged: nothing is missing and nothing is extra.

use model::{
    Cause, Change, Confidence, ControlId, Event, Finding, HostPath, Kind, Level, Mover, Resource, Severity,
    StageKind, State, StepEnd, Verdict, Waiver,
};
use serde::Serialize;
use serde::de::DeserializeOwned;

fn same<Shape: Serialize + DeserializeOwned>(real: &impl Serialize) {
    let written = serde_json::to_value(real).unwrap();
    let shape: Shape =
        serde_json::from_value(written.clone()).unwrap_or_else(|error| panic!("{error} in {written}"));
    assert_eq!(serde_json::to_value(shape).unwrap(), written);
}

fn finding(verdict: Verdict, severity: Severity, waived: bool) -> Finding {
    let waiver = waived.then(|| Waiver {
        control: ControlId::new("env.kernel"),
        reason: "until the new host comes".to_owned(),
        owner: "ops".to_owned(),
        ticket: Some("OPS-1".to_owned()),
        approver: None,
        expires: "2027-01-31".to_owned(),
        signed_by: Some("hint".to_owned()),
    });
    let attestation = (verdict == Verdict::Pass).then(|| model::Attestation {
        control: ControlId::new("env.kernel"),
        statement: "seen".to_owned(),
        by: "ops".to_owned(),
        evidence: Some(bundle::digest(b"photo")),
        expires: "2027-01-31".to_owned(),
        signed_by: "hint".to_owned(),
    });
    Finding {
        control: ControlId::new("env.kernel"),
        title: "title".to_owned(),
        severity,
        verdict,
        expected: "5.4".to_owned(),
        actual: "4.19".to_owned(),
        evidence: vec!["kernel: 4.19".to_owned()],
        refs: vec!["requirement:4.1".to_owned()],
        remedy: false,
        mend: if waived { "upgrade".to_owned() } else { String::new() },
        waiver,
        attestation,
        cause: (verdict == Verdict::Fail).then(|| Cause {
            by: Mover::Person,
            who: Some("ann".to_owned()),
            at: "2026-05-01T10:00:00Z".to_owned(),
            says: "ann did it".to_owned(),
            confidence: Confidence::Recorded,
            evidence: vec!["/var/log/audit/audit.log, record 7".to_owned()],
        }),
    }
}

#[test]
fn findings_of_every_verdict_and_severity_have_the_shape() {
    use Verdict::{Error, Fail, Fixed, Informational, Notapplicable, Notchecked, Pass, Unknown, Waived};
    let verdicts = [Pass, Fail, Error, Unknown, Notapplicable, Notchecked, Informational, Fixed, Waived];
    let severities = [Severity::Info, Severity::Low, Severity::Medium, Severity::High, Severity::Blocker];
    for verdict in verdicts {
        for severity in severities {
            same::<super::Finding>(&finding(verdict, severity, verdict == Waived));
        }
    }
    let counted = verdicts.map(|verdict| finding(verdict, Severity::Low, false));
    same::<super::Summary>(&model::Summary::of(&counted));
}

#[test]
fn a_shape_that_lacks_or_adds_a_field_is_noticed() {
    let mut written = serde_json::to_value(finding(Verdict::Pass, Severity::Low, false)).unwrap();
    written["more"] = true.into();
    assert!(serde_json::from_value::<super::Finding>(written.clone()).is_err());
    let object = written.as_object_mut().unwrap();
    object.remove("more");
    object.remove("title");
    assert!(serde_json::from_value::<super::Finding>(written).is_err());
}

#[test]
fn events_of_every_kind_have_the_shape() {
    let stages = [
        StageKind::Package,
        StageKind::Policy,
        StageKind::File,
        StageKind::Kernel,
        StageKind::Unit,
        StageKind::Image,
        StageKind::Secret,
        StageKind::Stack,
    ];
    let stages = stages.map(|kind| (kind, vec![(1, "a step".to_owned())])).to_vec();
    let mut kinds = vec![
        Kind::Phase { name: "harden".to_owned() },
        Kind::PhaseEnded { name: "harden".to_owned(), ok: true },
        Kind::Planned { stages },
        Kind::StepStarted { step: 1 },
        Kind::Progress { what: "blob".to_owned(), done: 1, total: Some(2), unit: "bytes".to_owned() },
        Kind::Found(Box::new(finding(Verdict::Waived, Severity::Medium, true))),
        Kind::Ended { outcome: "enforced".to_owned() },
    ];
    for end in [StepEnd::Done, StepEnd::Unneeded, StepEnd::Failed, StepEnd::Undone, StepEnd::Stranded] {
        kinds.push(Kind::StepEnded { step: 1, end, message: None });
    }
    for level in [Level::Info, Level::Warn, Level::Error] {
        kinds.push(Kind::Message { level, text: "text".to_owned() });
    }
    for kind in kinds {
        let (run, host, at) = ("01J".to_owned(), "box".to_owned(), "2026-11-22T00:00:00Z".to_owned());
        same::<super::Event>(&Event { v: 1, run, seq: 1, host, at, kind });
    }
}

#[test]
fn steps_have_the_shape() {
    let path: HostPath = "/etc/issue".parse().unwrap();
    let change = Change { resource: Resource::File { path }, from: State::Absent, to: State::text("to") };
    for risk in [model::Risk::Reversible, model::Risk::Irreversible] {
        let by = vec![ControlId::new("banner_etc_issue")];
        same::<super::Step>(&model::Step { id: 1, change: change.clone(), by, risk });
    }
}
