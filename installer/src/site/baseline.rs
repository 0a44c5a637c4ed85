//! Accepted drift: a change that somebody meant to make is what a control is held against from then on.

use std::path::Path;

use model::{About, Control, Demand, Evidence, Judgement, Resource};
use records::AcceptedDrift;

/// A control with an accepted change: it holds while everything is as it was accepted.
struct Baseline {
    control: Box<dyn Control>,
    accepted: AcceptedDrift,
    file: String,
}

/// Holds controls against what was accepted. `begun` tells when the run began whose traces a control looks at: what
/// was accepted before that is over, since the run made everything anew. Of several records the latest counts.
pub fn apply(
    controls: Vec<Box<dyn Control>>,
    accepted: &[(&Path, &AcceptedDrift)],
    begun: impl Fn(&str) -> Option<jiff::Timestamp>,
) -> Vec<Box<dyn Control>> {
    let with = |control: Box<dyn Control>| -> Box<dyn Control> {
        let id = control.id().as_str();
        let latest = accepted.iter().rfind(|(_, accepted)| accepted.control == id);
        match latest.filter(|(_, accepted)| begun(id).is_some_and(|begun| accepted.at > begun)) {
            Some((file, accepted)) => {
                let (accepted, file) = ((*accepted).clone(), file.display().to_string());
                Box::new(Baseline { control, accepted, file })
            }
            None => control,
        }
    };
    controls.into_iter().map(with).collect()
}

impl Baseline {
    fn holds(&self, seen: &Evidence) -> bool {
        self.accepted.baseline.iter().all(|moved| seen.see(&moved.resource).ok() == Some(&moved.to))
    }

    /// Whether it is again as the run had left it: that has moved, too.
    fn is_back(&self, seen: &Evidence) -> bool {
        let mut known = self.accepted.baseline.iter().filter(|moved| moved.from.is_some());
        known.any(|moved| seen.see(&moved.resource).ok() == moved.from.as_ref())
    }
}

impl Control for Baseline {
    fn about(&self) -> &About {
        self.control.about()
    }

    fn needs(&self, seen: &Evidence) -> Vec<Resource> {
        let own = self.accepted.baseline.iter().map(|moved| moved.resource.clone());
        let mut needs = self.control.needs(seen);
        needs.extend(own.filter(|resource| !needs.contains(resource)).collect::<Vec<_>>());
        needs
    }

    fn judge(&self, seen: &Evidence) -> Judgement {
        let AcceptedDrift { by, at, ticket, .. } = &self.accepted;
        let judged = self.control.judge(seen);
        let day = at.strftime("%Y-%m-%d");
        let accepted = format!("accepted by {by} on {day}, {ticket} ({})", self.file);
        if self.holds(seen) {
            return Judgement::of(true, judged.expected, format!("{}; {accepted}", judged.actual));
        }
        if self.is_back(seen) {
            return Judgement::of(false, format!("the change {accepted}"), judged.actual);
        }
        judged
    }

    fn remedy(&self, seen: &Evidence) -> Vec<Demand> {
        self.control.remedy(seen)
    }

    fn requires(&self, seen: &Evidence) -> Vec<Demand> {
        self.control.requires(seen)
    }

    fn is_left_out(&self) -> bool {
        self.control.is_left_out()
    }
}
