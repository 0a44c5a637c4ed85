//! What people decided about a control: a waiver of a failure, a word on what no machine can judge.

use model::{Attestation, Control, Judgement, Verdict, Waiver};

use crate::assess::Context;

/// The decision that a verdict now rests on.
#[derive(Default)]
pub(crate) struct Decided {
    pub(crate) waiver: Option<Waiver>,
    pub(crate) attestation: Option<Attestation>,
}

/// Lets decisions bear on a judgement: a finding that is covered becomes `waived`, a control that only a person can
/// judge passes on an attestation, and says on whose word. What does not count any more is told.
pub(crate) fn decide(control: &dyn Control, judgement: &mut Judgement, context: &Context) -> Decided {
    let id = control.id();
    let today = context.today.as_str();
    let attestable = judgement.verdict == Verdict::Notchecked && !control.is_left_out();
    if !judgement.verdict.is_finding() && !attestable {
        return Decided::default();
    }
    let mut notes: Vec<String> = context.notes.get(id).into_iter().flatten().cloned().collect();
    if attestable {
        let mut own = context.attestations.iter().filter(|attestation| attestation.control == *id);
        if let Some(attestation) = own.clone().find(|attestation| attestation.holds_on(today)) {
            judgement.verdict = Verdict::Pass;
            let Attestation { by, expires, statement, .. } = attestation;
            judgement.actual = format!("attested by {by} until {expires}: {statement}");
            return Decided { attestation: Some(attestation.clone()), ..Decided::default() };
        }
        let expired =
            own.next().map(|one| format!("the attestation of {} expired on {}", one.by, one.expires));
        notes.extend(expired);
    } else {
        let mut own = context.waivers.iter().filter(|waiver| waiver.control == *id);
        if let Some(waiver) = own.clone().find(|waiver| waiver.holds_on(today)) {
            judgement.verdict = Verdict::Waived;
            return Decided { waiver: Some(waiver.clone()), ..Decided::default() };
        }
        let expired = own.next().map(|one| format!("the waiver of {} expired on {}", one.owner, one.expires));
        notes.extend(expired);
    }
    for note in notes {
        judgement.actual.push_str(&format!(" ({note})"));
    }
    Decided::default()
}
