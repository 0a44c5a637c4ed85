//! Rules: controls made of a probe and the conditions under which it counts.

use std::sync::Arc;

use model::{About, Control, Demand, Evidence, Judgement, Resource, Verdict};

use crate::condition::{Answer, Condition};
use crate::kinds::{Probe, unread};
use crate::variable::Values;

/// A control of a profile with its variables bound.
pub(crate) struct Rule {
    pub(crate) about: About,
    pub(crate) when: Vec<Condition>,
    pub(crate) probe: Probe,
    pub(crate) values: Arc<Values>,
}

impl Rule {
    /// The first condition that does not hold or could not be told.
    fn obstacle(&self, seen: &Evidence) -> Option<Answer> {
        let answers: Vec<_> = self.when.iter().map(|condition| condition.holds(seen, &self.values)).collect();
        let failed = answers.iter().find(|answer| matches!(answer, Answer::Fails(_)));
        failed.or_else(|| answers.iter().find(|answer| **answer != Answer::Holds)).cloned()
    }
}

impl Control for Rule {
    fn about(&self) -> &About {
        &self.about
    }

    fn needs(&self, seen: &Evidence) -> Vec<Resource> {
        let mut needs: Vec<_> = self.when.iter().flat_map(Condition::needs).collect();
        if !matches!(self.obstacle(seen), Some(Answer::Fails(_))) {
            needs.extend(self.probe.kind().needs(seen));
        }
        needs
    }

    fn judge(&self, seen: &Evidence) -> Judgement {
        match self.obstacle(seen) {
            None => self.probe.kind().judge(seen),
            Some(Answer::Unread(why)) => unread(&self.about.title, &why),
            Some(Answer::Fails(reason)) => {
                Judgement::other(Verdict::Notapplicable, &self.about.title, reason)
            }
            // `obstacle` never answers this; should it ever, nothing may pass.
            Some(Answer::Holds) => {
                Judgement::other(Verdict::Error, &self.about.title, "contradictory conditions")
            }
        }
    }

    fn by_hand(&self) -> Option<&str> {
        self.probe.kind().by_hand()
    }

    fn remedy(&self, seen: &Evidence) -> Vec<Demand> {
        if self.judge(seen).verdict != Verdict::Fail {
            return Vec::new();
        }
        let asks = self.probe.kind().remedy(seen).into_iter();
        asks.map(|ask| Demand {
            resource: ask.resource,
            constraint: ask.constraint,
            by: self.about.id.clone(),
        })
        .collect()
    }
}

/// A control that is not judged: the site left it out, or nothing here can. It stays in the list, with the reason.
pub(crate) struct Skipped {
    pub(crate) about: About,
    pub(crate) reason: String,
    /// Whether the site left it out, so that nobody's word is asked for.
    pub(crate) left_out: bool,
}

impl Control for Skipped {
    fn about(&self) -> &About {
        &self.about
    }

    fn needs(&self, _seen: &Evidence) -> Vec<Resource> {
        Vec::new()
    }

    fn judge(&self, _seen: &Evidence) -> Judgement {
        Judgement::other(Verdict::Notchecked, &self.about.title, self.reason.clone())
    }

    fn is_left_out(&self) -> bool {
        self.left_out
    }

    fn by_hand(&self) -> Option<&str> {
        Some(&self.reason)
    }
}
