//! Assessment: batched rounds of observation, then one verdict a control.

use std::collections::{BTreeMap, BTreeSet};

use model::{
    Attestation, Control, ControlId, Demand, Evidence, Finding, Judgement, Kind, Observe, Resource, Sink,
    Unread, Verdict, Waiver,
};

use crate::cover::{self, Decided};

/// How often controls are asked what else they need.
const ROUNDS: usize = 4;

/// What a verdict depends on besides the machine.
#[derive(Clone, Debug, Default)]
pub struct Context {
    /// Decisions to live with a failing control.
    pub waivers: Vec<Waiver>,
    /// Words on controls that no machine can judge.
    pub attestations: Vec<Attestation>,
    /// What is known of records that do not count, by control: told where they would have.
    pub notes: BTreeMap<ControlId, Vec<String>>,
    /// The day of the assessment, `YYYY-MM-DD`; expired waivers no longer cover anything.
    pub today: String,
}

/// The outcome of an assessment.
#[derive(Clone, Debug, Default)]
pub struct Assessment {
    /// One finding a control, in the order of the controls.
    pub findings: Vec<Finding>,
    /// What the failing controls demand, waived ones left out.
    pub demands: Vec<Demand>,
    /// Everything that was seen.
    pub evidence: Evidence,
    /// How many batches of observation were needed.
    pub rounds: usize,
}

impl Assessment {
    /// The findings that make an exit code 3: failed, or could not be checked.
    pub fn open(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|finding| finding.verdict.is_finding())
    }

    /// The demands of one control.
    pub fn demands_of<'a>(&'a self, control: &'a ControlId) -> impl Iterator<Item = &'a Demand> {
        self.demands.iter().filter(move |demand| demand.by == *control)
    }
}

/// Judges all controls on one host. It holds only [`Observe`], so it cannot change anything.
pub async fn assess(
    controls: &[Box<dyn Control>],
    host: &dyn Observe,
    context: &Context,
    sink: &dyn Sink,
) -> Assessment {
    let mut assessment = Assessment::default();
    for round in 0..ROUNDS {
        let wanted = wanted(controls, &assessment.evidence);
        if wanted.is_empty() {
            break;
        }
        assessment.rounds += 1;
        observe_round(host, wanted, round, &mut assessment.evidence).await;
    }
    for control in controls {
        let (finding, demands) = judge(control.as_ref(), &assessment.evidence, context);
        sink.emit(Kind::Found(Box::new(finding.clone())));
        assessment.findings.push(finding);
        assessment.demands.extend(demands);
    }
    let required = required(controls, &assessment);
    assessment.demands.extend(required);
    assessment
}

/// What controls require of resources that others demand to be changed, so that planning finds the contradiction.
fn required(controls: &[Box<dyn Control>], assessment: &Assessment) -> Vec<Demand> {
    let touched: BTreeSet<_> = assessment.demands.iter().map(|demand| &demand.resource).collect();
    let required = controls.iter().flat_map(|control| control.requires(&assessment.evidence));
    required.filter(|demand| touched.contains(&demand.resource)).collect()
}

fn wanted(controls: &[Box<dyn Control>], seen: &Evidence) -> BTreeSet<Resource> {
    controls.iter().flat_map(|control| control.needs(seen)).filter(|resource| !seen.knows(resource)).collect()
}

/// Observes one batch. A walk is asked for in the first round or not at all, so that there is only one.
async fn observe_round(
    host: &dyn Observe,
    wanted: BTreeSet<Resource>,
    round: usize,
    evidence: &mut Evidence,
) {
    let (late, wanted): (Vec<_>, Vec<_>) =
        wanted.into_iter().partition(|resource| round > 0 && matches!(resource, Resource::Files(_)));
    for resource in late {
        let why = "files are looked for in the first round only".to_owned();
        evidence.insert(resource, Err(Unread::Unsupported(why)));
    }
    let states = host.observe(&wanted).await;
    for (resource, state) in wanted.into_iter().zip(states) {
        evidence.insert(resource, state);
    }
}

fn judge(control: &dyn Control, evidence: &Evidence, context: &Context) -> (Finding, Vec<Demand>) {
    let about = control.about();
    let mut judgement = control.judge(evidence);
    let failed = judgement.verdict == Verdict::Fail;
    let Decided { waiver, attestation } = cover::decide(control, &mut judgement, context);
    let Judgement { verdict, expected, actual } = judgement;
    let demands = if failed && waiver.is_none() { control.remedy(evidence) } else { Vec::new() };
    let finding = Finding {
        control: about.id.clone(),
        title: about.title.clone(),
        severity: about.severity,
        verdict,
        expected,
        actual,
        evidence: shown(control, evidence),
        refs: about.references.iter().map(ToString::to_string).collect(),
        remedy: !demands.is_empty(),
        mend: if verdict.is_finding() || waiver.is_some() { mend(control) } else { String::new() },
        waiver,
        attestation,
        cause: None,
    };
    (finding, demands)
}

/// What would mend a failure by hand, and why it has to be by hand where it always has.
fn mend(control: &dyn Control) -> String {
    let mend = &control.about().mend;
    let why = control.by_hand().filter(|why| !why.is_empty());
    why.map_or_else(|| mend.clone(), |why| format!("{mend} (left to a person: {why})"))
}

/// The resources that a control looked at, with what was seen of each.
fn shown(control: &dyn Control, evidence: &Evidence) -> Vec<String> {
    control
        .needs(evidence)
        .iter()
        .filter(|resource| evidence.knows(resource))
        .map(|resource| match evidence.see(resource) {
            Ok(state) => format!("{resource}: {state}"),
            Err(unread) => format!("{resource}: {unread}"),
        })
        .collect()
}
