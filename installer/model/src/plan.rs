//! Plans: what would change, in order, and what was approved.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::change::{Change, Handler};
use crate::control::ControlId;
use crate::digest::Digest;
use crate::door::Door;

/// The kinds of stage, in the order in which they are carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StageKind {
    /// Packages of the system.
    Package,
    /// Modules of SELinux' policy: files may be labelled with what they define.
    Policy,
    /// Files, links, directories, settings and their attributes.
    File,
    /// What the running kernel holds: its parameters, AppArmor's profiles.
    Kernel,
    /// Units started and stopped.
    Unit,
    /// Images loaded into the engine.
    Image,
    /// Secrets injected.
    Secret,
    /// The stack brought up.
    Stack,
}

impl fmt::Display for StageKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Package => "packages",
            Self::Policy => "SELinux modules",
            Self::File => "files",
            Self::Kernel => "running kernel",
            Self::Unit => "units",
            Self::Image => "images",
            Self::Secret => "secrets",
            Self::Stack => "stack",
        })
    }
}

/// The number of a step in its plan, counted from 1 over all stages.
pub type StepId = u32;

/// What a step may cost the operator.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Risk {
    /// It can be taken back exactly.
    #[default]
    Reversible,
    /// There is no re-readable way back; it comes last and needs its own approval.
    Irreversible,
}

/// One change with its place in the plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// Its number.
    pub id: StepId,
    /// What changes.
    pub change: Change,
    /// The controls that asked for it.
    pub by: Vec<ControlId>,
    /// Whether it can be taken back.
    #[serde(default)]
    pub risk: Risk,
}

/// Changes that belong together, and what has to be told to whom once they are all made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stage {
    /// What kind of changes.
    pub kind: StageKind,
    /// The changes in order.
    pub steps: Vec<Step>,
    /// Handlers to run once, after the last step.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub handlers: Vec<Handler>,
}

/// All that would change, in order. Printing it is the dry run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// Version of this format; 1.
    pub v: u32,
    /// Digest over everything else in the plan, in canonical JSON.
    pub digest: Digest,
    /// The stages in order.
    pub stages: Vec<Stage>,
}

impl Plan {
    /// Every step of every stage, in order.
    pub fn steps(&self) -> impl DoubleEndedIterator<Item = &Step> {
        self.stages.iter().flat_map(|stage| &stage.steps)
    }

    /// Whether nothing would change.
    pub fn is_empty(&self) -> bool {
        self.steps().next().is_none()
    }

    /// How many steps there are.
    pub fn len(&self) -> usize {
        self.steps().count()
    }

    /// The ways in that it may close; a plan that holds any is guarded (see [`Guard`](crate::Guard)).
    pub fn doors(&self) -> BTreeSet<Door> {
        self.steps().filter_map(|step| Door::of(&step.change.resource)).collect()
    }

    /// How many steps cannot be taken back.
    pub fn irreversible(&self) -> usize {
        self.steps().filter(|step| step.risk == Risk::Irreversible).count()
    }

    /// Approves this plan, and nothing else, for enforcement.
    ///
    /// # Errors
    /// Gives the plan back when it holds irreversible steps that the approval does not cover.
    pub fn approve(self, by: Approval) -> Result<Approved, Plan> {
        if self.irreversible() > 0 && !by.irreversible { Err(self) } else { Ok(Approved { plan: self, by }) }
    }
}

/// Who approved a plan and how far.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approval {
    /// `--yes`, `answers`, or the operator's name.
    pub by: String,
    /// Whether steps that cannot be taken back are approved too.
    pub irreversible: bool,
}

/// A plan that somebody approved: the only thing the engine enforces.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approved {
    plan: Plan,
    by: Approval,
}

impl Approved {
    /// The plan.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Who approved it.
    pub fn approval(&self) -> &Approval {
        &self.by
    }

    /// The stages by step, for finding a step's stage.
    pub fn step(&self, id: StepId) -> Option<&Step> {
        self.plan.steps().find(|step| step.id == id)
    }

    /// Steps by the control that asked for them.
    pub fn by_control(&self) -> BTreeMap<&ControlId, Vec<&Step>> {
        let mut map: BTreeMap<&ControlId, Vec<&Step>> = BTreeMap::new();
        for step in self.plan.steps() {
            for control in &step.by {
                map.entry(control).or_default().push(step);
            }
        }
        map
    }
}
