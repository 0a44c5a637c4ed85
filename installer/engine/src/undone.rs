//! Remedies that undo what another control holds: found by judging every control again on what it would see.

use model::{Blobs, Control, ControlId, Demand, Keep, Observe, Plan, Verdict};
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
        let (seen, bytes) = (&self.before.evidence, Several(vec![planned, self.bytes]));
        let after = predict(seen, seen.iter().map(|(resource, _)| resource), whole, self.source, &bytes);
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
        Ok(self.judged(own, control).await? == Verdict::Pass)
    }

    /// Who makes a control fail: the first whose remedy is enough, together with the control's own.
    async fn culprit(&self, victim: &dyn Control) -> Result<Option<ControlId>, PlanError> {
        let mut others: Vec<&ControlId> = self.before.demands.iter().map(|demand| &demand.by).collect();
        others.sort();
        others.dedup();
        for other in others.into_iter().filter(|other| *other != victim.id()) {
            let both =
                self.before.demands.iter().filter(|demand| demand.by == *other || demand.by == *victim.id());
            if self.judged(both.collect(), victim).await? == Verdict::Fail {
                return Ok(Some(other.clone()));
            }
        }
        Ok(None)
    }

    /// The verdict of a control if only these demands were met.
    async fn judged(&self, demands: Vec<&Demand>, control: &dyn Control) -> Result<Verdict, PlanError> {
        let memory = MemoryBlobs::default();
        let keep: &dyn Keep = &memory;
        let demands: Vec<Demand> = demands.into_iter().cloned().collect();
        let part = plan(&demands, self.host, keep).await?;
        let (seen, bytes) = (&self.before.evidence, Several(vec![&memory, self.bytes]));
        let after = predict(seen, control.needs(seen).iter(), &part, self.source, &bytes);
        Ok(control.judge(&after).verdict)
    }
}
