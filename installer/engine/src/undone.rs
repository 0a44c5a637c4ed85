//! Remedies that undo what another control holds: found by judging every control again on what it would see.

use model::{Blobs, Control, ControlId, Demand, Evidence, Keep, Observe, Plan, Verdict};
use syntax::Source;

use crate::assess::Assessment;
use crate::blobs::{MemoryBlobs, Several};
use crate::plan::{PlanError, plan};
use crate::predict::predict;

/// What planning looks at.
pub struct Outlook<'a> {
    /// The controls that were assessed.
    pub controls: &'a [Box<dyn Control>],
    /// What came of it.
    pub before: &'a Assessment,
    /// Where the plan is for.
    pub host: &'a dyn Observe,
    /// Its files.
    pub source: &'a dyn Source,
    /// Bytes that plans may name besides their own.
    pub bytes: &'a dyn Blobs,
}

impl Outlook<'_> {
    /// Refuses a plan after which a control fails that passes now, or that a remedy of its own would mend alone.
    ///
    /// # Errors
    /// [`PlanError::Undone`] with both controls; as [`plan`] when a part of the plan cannot be planned alone.
    pub async fn refuse_undoing(&self, whole: &Plan, planned: &dyn Blobs) -> Result<(), PlanError> {
        let after = predict(&self.before.evidence, whole, self.source, &Several(vec![planned, self.bytes]));
        for control in self.controls {
            let judged = control.judge(&after);
            if judged.verdict != Verdict::Fail || !self.should_hold(control.as_ref()).await? {
                continue;
            }
            let by = self.culprit(control.as_ref()).await?;
            let (victim, wanted) = (control.id().clone(), judged.expected);
            return Err(PlanError::Undone { by, victim, wanted, would_be: judged.actual });
        }
        Ok(())
    }

    /// Whether a control passes now, or would with its own remedy alone.
    async fn should_hold(&self, control: &dyn Control) -> Result<bool, PlanError> {
        let own: Vec<_> = self.before.demands_of(control.id()).collect();
        if own.is_empty() {
            return Ok(control.judge(&self.before.evidence).verdict == Verdict::Pass);
        }
        Ok(control.judge(&self.with(own).await?).verdict == Verdict::Pass)
    }

    /// Who makes a control fail: the first whose remedy is enough, together with the control's own.
    async fn culprit(&self, victim: &dyn Control) -> Result<Option<ControlId>, PlanError> {
        let mut others: Vec<&ControlId> = self.before.demands.iter().map(|demand| &demand.by).collect();
        others.sort();
        others.dedup();
        for other in others.into_iter().filter(|other| *other != victim.id()) {
            let both =
                self.before.demands.iter().filter(|demand| demand.by == *other || demand.by == *victim.id());
            if victim.judge(&self.with(both.collect()).await?).verdict == Verdict::Fail {
                return Ok(Some(other.clone()));
            }
        }
        Ok(None)
    }

    /// What would be seen if only these demands were met.
    async fn with(&self, demands: Vec<&Demand>) -> Result<Evidence, PlanError> {
        let memory = MemoryBlobs::default();
        let keep: &dyn Keep = &memory;
        let demands: Vec<Demand> = demands.into_iter().cloned().collect();
        let part = plan(&demands, self.host, keep).await?;
        let bytes = Several(vec![&memory, self.bytes]);
        Ok(predict(&self.before.evidence, &part, self.source, &bytes))
    }
}
