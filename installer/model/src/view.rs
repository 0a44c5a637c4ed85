//! One reducer for everything that shows a run: screens, plain lines, JSON and the report.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::event::{Event, Kind, Level, StepEnd};
use crate::finding::{Finding, Summary};
use crate::plan::{StageKind, StepId};

/// Where a step stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StepStatus {
    /// Not yet begun.
    Waiting,
    /// Under way.
    Running,
    /// Over.
    Ended(StepEnd),
}

/// One step as it is shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepView {
    /// The stage it belongs to.
    pub stage: StageKind,
    /// What it does.
    pub title: String,
    /// Where it stands.
    pub status: StepStatus,
    /// What went wrong, if anything.
    pub message: Option<String>,
}

/// The state of a run, folded from its events.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct View {
    /// The run.
    pub run: String,
    /// Phases in order, with how they ended.
    pub phases: Vec<(String, Option<bool>)>,
    /// Steps by number.
    pub steps: BTreeMap<StepId, StepView>,
    /// Findings in order of arrival; a later one on the same control replaces the earlier.
    pub findings: Vec<Finding>,
    /// Messages in order.
    pub messages: Vec<(Level, String)>,
    /// The latest progress: what, done, total, unit.
    pub progress: Option<(String, u64, Option<u64>, String)>,
    /// How it ended.
    pub outcome: Option<String>,
}

impl View {
    /// Folds one event in.
    pub fn apply(&mut self, event: &Event) {
        self.run.clone_from(&event.run);
        match &event.kind {
            Kind::Phase { name } => self.phases.push((name.clone(), None)),
            Kind::PhaseEnded { name, ok } => {
                if let Some(phase) = self.phases.iter_mut().rev().find(|phase| phase.0 == *name) {
                    phase.1 = Some(*ok);
                }
            }
            Kind::Planned { stages } => self.announce(stages),
            Kind::StepStarted { step } => self.set(*step, StepStatus::Running, None),
            Kind::StepEnded { step, end, message } => {
                self.set(*step, StepStatus::Ended(*end), message.clone());
            }
            Kind::Progress { what, done, total, unit } => {
                self.progress = Some((what.clone(), *done, *total, unit.clone()));
            }
            Kind::Found(finding) => self.found(finding),
            Kind::Message { level, text } => self.messages.push((*level, text.clone())),
            Kind::Ended { outcome } => self.outcome = Some(outcome.clone()),
        }
    }

    /// Counts of the findings so far.
    pub fn summary(&self) -> Summary {
        Summary::of(&self.findings)
    }

    fn announce(&mut self, stages: &[(StageKind, Vec<(StepId, String)>)]) {
        for (stage, steps) in stages {
            for (id, title) in steps {
                let step = StepView {
                    stage: *stage,
                    title: title.clone(),
                    status: StepStatus::Waiting,
                    message: None,
                };
                self.steps.insert(*id, step);
            }
        }
    }

    fn set(&mut self, step: StepId, status: StepStatus, message: Option<String>) {
        if let Some(step) = self.steps.get_mut(&step) {
            step.status = status;
            step.message = message;
        }
    }

    fn found(&mut self, finding: &Finding) {
        match self.findings.iter_mut().find(|known| known.control == finding.control) {
            Some(known) => *known = finding.clone(),
            None => self.findings.push(finding.clone()),
        }
    }
}
