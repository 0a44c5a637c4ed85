//! A pin: a resource is still what a run made it. What drift adds to the controls of the run.

use model::{
    About, Constraint, Control, ControlId, Demand, Evidence, Judgement, Resource, Severity, State, Verdict,
};

/// Holds as long as a resource is in the state that a run gave it.
#[derive(Clone)]
pub struct Pin {
    about: About,
    resource: Resource,
    state: State,
    constraint: Constraint,
}

impl Pin {
    /// The same pin under the name of the control that asked for the state.
    #[must_use]
    pub fn known_as(mut self, id: ControlId) -> Self {
        self.about.id = id;
        self
    }

    /// A pin with words of its own. `constraint` is how the state is asked for, where that is not by itself: a
    /// text to write, where the state is its digest.
    pub fn asking(about: About, resource: Resource, state: State, constraint: Constraint) -> Self {
        Self { about, resource, state, constraint }
    }

    /// A pin of `resource` to `state`, left behind by `run`.
    pub fn new(resource: Resource, state: State, run: &str) -> Self {
        let about = About {
            id: ControlId::new(format!("pin:{resource}")),
            title: format!("{resource} is as run {run} left it"),
            severity: Severity::Medium,
            references: Vec::new(),
            rationale: "Groundfast put this into place; whatever moved it since was somebody else."
                .to_owned(),
            mend: "run the same command again to bring it back, or accept the change".to_owned(),
        };
        let constraint = Constraint::Equals(state.clone());
        Self::asking(about, resource, state, constraint)
    }
}

impl Control for Pin {
    fn about(&self) -> &About {
        &self.about
    }

    fn needs(&self, _: &Evidence) -> Vec<Resource> {
        vec![self.resource.clone()]
    }

    fn judge(&self, seen: &Evidence) -> Judgement {
        match seen.see(&self.resource) {
            Ok(state) => Judgement::of(*state == self.state, self.state.to_string(), state.to_string()),
            Err(unread) => Judgement::other(Verdict::Unknown, self.state.to_string(), unread.to_string()),
        }
    }

    fn remedy(&self, _: &Evidence) -> Vec<Demand> {
        let (resource, constraint) = (self.resource.clone(), self.constraint.clone());
        vec![Demand { resource, constraint, by: self.about.id.clone() }]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::{SysctlScope, Unread};

    #[test]
    fn a_pin_holds_fails_and_says_when_it_cannot_tell() {
        let resource = Resource::Sysctl { key: "a.b".into(), scope: SysctlScope::Running };
        let pin = Pin::new(resource.clone(), State::text("1"), "01A");
        for (seen, verdict) in [
            (Ok(State::text("1")), Verdict::Pass),
            (Ok(State::text("0")), Verdict::Fail),
            (Ok(State::Absent), Verdict::Fail),
            (Err(Unread::Denied("x".into())), Verdict::Unknown),
        ] {
            let evidence = Evidence::from_iter([(resource.clone(), seen)]);
            assert_eq!(pin.judge(&evidence).verdict, verdict);
        }
    }
}
