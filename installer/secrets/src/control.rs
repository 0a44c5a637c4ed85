//! The control that an injected secret is what was injected.

use model::{
    About, Constraint, Control, ControlId, Demand, Evidence, HostPath, Judgement, Resource, Severity, State,
    Verdict,
};

/// An injected secret has the value, mode, owner and place that were planned.
pub struct SecretInPlace {
    about: About,
    resource: Resource,
    expected: State,
}

/// The parts of a secret's state, and how a difference in each reads.
const PARTS: [(&str, &str); 7] = [
    ("fingerprint", "its value was changed"),
    ("mode", "mode"),
    ("uid", "owner"),
    ("gid", "group"),
    ("reference", "source"),
    ("form", "form"),
    ("volatile", "on a tmpfs"),
];

impl SecretInPlace {
    /// Expects this state (see [`crate::Wanted::state`], or the one that a sealed run recorded) at this path.
    pub fn new(path: HostPath, expected: State) -> Self {
        let about = About {
            id: ControlId::new(format!("secret.{}", path.name())),
            title: format!("The secret {} is injected as planned, for its owner only", path.name()),
            severity: Severity::High,
            references: Vec::new(),
            rationale: "A secret that others can read, or that somebody replaced, protects nothing."
                .to_owned(),
            mend: "groundfast secrets inject".to_owned(),
        };
        Self { about, resource: Resource::Secret { path }, expected }
    }

    fn differences(&self, seen: &State) -> Vec<String> {
        let State::Record(_) = seen else { return vec![seen.to_string()] };
        let part = |state: &State, name: &str| state.get(name).cloned().unwrap_or(State::Absent);
        PARTS
            .iter()
            .filter(|(name, _)| part(seen, name) != part(&self.expected, name))
            .map(|(name, words)| match *name {
                "fingerprint" => (*words).to_owned(),
                _ => format!("{words} {} instead of {}", part(seen, name), part(&self.expected, name)),
            })
            .collect()
    }
}

impl Control for SecretInPlace {
    fn about(&self) -> &About {
        &self.about
    }

    fn needs(&self, _seen: &Evidence) -> Vec<Resource> {
        vec![self.resource.clone()]
    }

    fn judge(&self, seen: &Evidence) -> Judgement {
        let mode = self.expected.get("mode").cloned().unwrap_or(State::Absent);
        let wanted = format!("injected on a tmpfs, mode {mode}, value as planned");
        match seen.see(&self.resource) {
            Err(unread) => Judgement::other(Verdict::Unknown, wanted, unread.to_string()),
            Ok(state) => {
                let differences = self.differences(state);
                let actual =
                    if differences.is_empty() { "as planned".to_owned() } else { differences.join("; ") };
                Judgement::of(differences.is_empty(), wanted, actual)
            }
        }
    }

    fn remedy(&self, _seen: &Evidence) -> Vec<Demand> {
        let constraint = Constraint::Equals(self.expected.clone());
        vec![Demand { resource: self.resource.clone(), constraint, by: self.about.id.clone() }]
    }
}

#[cfg(test)]
mod tests {
    use model::Unread;

    use super::*;

    fn state(mode: u32, fingerprint: &str) -> State {
        State::record([
            ("fingerprint", State::text(fingerprint)),
            ("mode", State::Mode(mode)),
            ("volatile", State::Flag(true)),
        ])
    }

    #[test]
    fn it_passes_fails_and_admits_not_knowing() {
        let control = SecretInPlace::new("/run/s/key".parse().unwrap(), state(0o400, "aa"));
        let judge = |seen: Result<State, Unread>| {
            control.judge(&[(control.resource.clone(), seen)].into_iter().collect())
        };
        assert_eq!(judge(Ok(state(0o400, "aa"))).verdict, Verdict::Pass);
        let widened = judge(Ok(state(0o444, "aa")));
        assert_eq!((widened.verdict, widened.actual.as_str()), (Verdict::Fail, "mode 0444 instead of 0400"));
        let changed = judge(Ok(state(0o400, "bb")));
        assert_eq!((changed.verdict, changed.actual.as_str()), (Verdict::Fail, "its value was changed"));
        assert_eq!(judge(Ok(State::Absent)).verdict, Verdict::Fail);
        assert_eq!(judge(Err(Unread::Denied("x".to_owned()))).verdict, Verdict::Unknown);
        assert_eq!(control.judge(&Evidence::new()).verdict, Verdict::Unknown);
    }
}
