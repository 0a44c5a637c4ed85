//! Controls on what a release brings to confine itself: AppArmor profiles, SELinux modules, labels of its volumes.
//!
//! Where the mechanism does not run they are not applicable, and say so. What runs and what the next start will run
//! are looked at apart: a profile that the kernel holds, and its file.

use model::{
    About, Constraint, Control, ControlId, Demand, Digest, Evidence, Fact, HostPath, Judgement, Reference,
    Resource, Severity, State, Unread, Verdict,
};

/// Something that a release brings to confine itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// A profile, in force and in the file of its name.
    Profile {
        /// Its name.
        name: String,
        /// Its text.
        content: Digest,
    },
    /// A module of SELinux' policy.
    Module {
        /// Its name.
        name: String,
        /// Its CIL.
        content: Digest,
    },
    /// The label of a volume.
    Volume {
        /// The volume's name.
        name: String,
        /// The folder that it is bound to; none where the engine keeps the volume, and labels it itself.
        folder: Option<HostPath>,
        /// The label.
        label: String,
    },
}

/// A part is in place, and in force.
pub struct Confined {
    about: About,
    part: Part,
}

impl Confined {
    /// Expects this part.
    pub fn new(part: Part) -> Self {
        let (id, title, rationale) = match &part {
            Part::Profile { name, .. } => (
                format!("apparmor.{name}"),
                format!("The AppArmor profile {name} is enforced"),
                "A profile that is not loaded, or only complains, stops nobody.",
            ),
            Part::Module { name, .. } => (
                format!("selinux.{name}"),
                format!("The SELinux module {name} is installed"),
                "What no module allows or names, the policy cannot keep apart.",
            ),
            Part::Volume { name, .. } => (
                format!("selinux.volume.{name}"),
                format!("The volume {name} has its SELinux label"),
                "The label of data decides who may touch it.",
            ),
        };
        let about = About {
            id: ControlId::new(id),
            title,
            severity: Severity::High,
            references: vec![Reference { source: "requirement".to_owned(), id: "4.3".to_owned() }],
            rationale: rationale.to_owned(),
            mend: "groundfast install FILE brings it back".to_owned(),
        };
        Self { about, part }
    }

    /// The measurement that tells whether the mechanism runs.
    fn mechanism(&self) -> Resource {
        Resource::Fact(match self.part {
            Part::Profile { .. } => Fact::Apparmor,
            Part::Module { .. } | Part::Volume { .. } => Fact::Selinux,
        })
    }

    fn runs(&self, seen: &Evidence) -> Result<bool, Unread> {
        let record = seen.see(&self.mechanism())?;
        Ok(match self.part {
            Part::Profile { .. } => record.get("enabled").and_then(State::as_flag) == Some(true),
            _ => record.get("mode").and_then(State::as_text).is_some_and(|mode| mode != "disabled"),
        })
    }

    /// What has to be in which state, each with what to call a wrong one by.
    fn wanted(&self) -> Vec<(Resource, State)> {
        match &self.part {
            Part::Profile { name, content } => {
                let Ok(path) = HostPath::literal("/etc/apparmor.d").join(name) else { return Vec::new() };
                vec![
                    (Resource::Content { path }, State::Content(*content)),
                    (Resource::Apparmor { profile: name.clone() }, State::text("enforce")),
                ]
            }
            Part::Module { name, content } => {
                let parts = [("content", State::Content(*content)), ("enabled", State::Flag(true))];
                vec![(Resource::SelinuxModule { name: name.clone() }, State::record(parts))]
            }
            Part::Volume { folder, label, .. } => {
                let labelled = |path: &HostPath| (Resource::Label { path: path.clone() }, State::text(label));
                folder.iter().map(labelled).collect()
            }
        }
    }

    fn expected(&self) -> String {
        match &self.part {
            Part::Profile { name, .. } => format!("{name} enforced, and its file as it was signed"),
            Part::Module { name, .. } => format!("{name} installed and enabled as it was signed"),
            Part::Volume { label, .. } => label.clone(),
        }
    }

    fn judge_parts(&self, seen: &Evidence) -> Judgement {
        let (mut wrong, mut right) = (Vec::new(), Vec::new());
        for (resource, wanted) in self.wanted() {
            match seen.see(&resource) {
                Err(unread) => {
                    return Judgement::other(
                        Verdict::Unknown,
                        self.expected(),
                        format!("{resource}: {unread}"),
                    );
                }
                Ok(state) if *state == wanted => right.push(format!("{resource} as expected")),
                Ok(state) => wrong.push(format!("{resource} is {state}")),
            }
        }
        let (holds, told) = if wrong.is_empty() { (true, right) } else { (false, wrong) };
        Judgement::of(holds, self.expected(), told.join("; "))
    }
}

impl Control for Confined {
    fn about(&self) -> &About {
        &self.about
    }

    fn needs(&self, seen: &Evidence) -> Vec<Resource> {
        let mut needs = vec![self.mechanism()];
        if self.runs(seen) == Ok(true) {
            needs.extend(self.wanted().into_iter().map(|(resource, _)| resource));
        }
        needs
    }

    fn judge(&self, seen: &Evidence) -> Judgement {
        let not_applicable = |why: &str| Judgement::other(Verdict::Notapplicable, self.expected(), why);
        match (self.runs(seen), &self.part) {
            (Err(unread), _) => Judgement::other(Verdict::Unknown, self.expected(), unread.to_string()),
            (Ok(false), Part::Profile { .. }) => not_applicable("AppArmor does not run here"),
            (Ok(false), _) => not_applicable("SELinux does not run here"),
            (Ok(true), Part::Volume { folder: None, .. }) => {
                not_applicable("the volume is kept by the engine, which labels it")
            }
            (Ok(true), _) => self.judge_parts(seen),
        }
    }

    /// What could not be read, as where another root than the running machine's is hardened, is left alone.
    fn remedy(&self, seen: &Evidence) -> Vec<Demand> {
        let wanted = self.wanted();
        if self.runs(seen) != Ok(true) || wanted.iter().any(|(resource, _)| seen.see(resource).is_err()) {
            return Vec::new();
        }
        let demand = |(resource, state)| Demand {
            resource,
            constraint: Constraint::Equals(state),
            by: self.about.id.clone(),
        };
        wanted.into_iter().map(demand).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(byte: u8) -> Digest {
        Digest::from_sha256([byte; 32])
    }

    fn parts() -> Vec<Part> {
        vec![
            Part::Profile { name: "app".into(), content: digest(1) },
            Part::Module { name: "app".into(), content: digest(1) },
            Part::Volume {
                name: "data".into(),
                folder: Some("/srv/data".parse().unwrap()),
                label: "system_u:object_r:app_t:s0".into(),
            },
        ]
    }

    fn mechanism(control: &Confined, runs: bool) -> State {
        match control.part {
            Part::Profile { .. } => State::record([("enabled", State::Flag(runs))]),
            _ => State::record([("mode", State::text(if runs { "permissive" } else { "disabled" }))]),
        }
    }

    fn evidence(control: &Confined) -> Evidence {
        let base: Evidence = [(control.mechanism(), Ok(mechanism(control, true)))].into_iter().collect();
        let wanted = control.wanted().into_iter().map(|(resource, state)| (resource, Ok(state)));
        assert_eq!(control.needs(&base).len(), 1 + control.wanted().len());
        [(control.mechanism(), Ok(mechanism(control, true)))].into_iter().chain(wanted).collect()
    }

    fn with(control: &Confined, number: usize, seen: Result<State, Unread>) -> Judgement {
        let mut all: Vec<_> =
            control.wanted().into_iter().map(|(resource, state)| (resource, Ok(state))).collect();
        all[number].1 = seen;
        all.push((control.mechanism(), Ok(mechanism(control, true))));
        control.judge(&all.into_iter().collect())
    }

    #[test]
    fn a_part_passes_fails_and_admits_not_knowing() {
        for part in parts() {
            let control = Confined::new(part);
            let good = evidence(&control);
            assert_eq!(control.judge(&good).verdict, Verdict::Pass, "{}", control.id());
            assert_eq!(control.remedy(&good).len(), control.wanted().len());
            assert!(control.remedy(&good).iter().all(|demand| seen_admits(demand, &good)));
            for number in 0..control.wanted().len() {
                let absent = with(&control, number, Ok(State::Absent));
                assert_eq!(absent.verdict, Verdict::Fail, "{}", control.id());
                assert!(absent.actual.contains("absent"), "{}", absent.actual);
                let unread = Err(Unread::Denied("x".into()));
                assert_eq!(with(&control, number, unread).verdict, Verdict::Unknown, "{}", control.id());
            }
        }
    }

    fn seen_admits(demand: &Demand, seen: &Evidence) -> bool {
        seen.see(&demand.resource).is_ok_and(|state| demand.constraint.admits(state))
    }

    #[test]
    fn what_could_not_be_read_is_left_alone() {
        for part in parts() {
            let control = Confined::new(part);
            let runs: Evidence = [(control.mechanism(), Ok(mechanism(&control, true)))].into_iter().collect();
            assert!(control.remedy(&runs).is_empty(), "nothing else was read yet");
        }
    }

    #[test]
    fn where_it_does_not_run_it_is_not_applicable_and_asks_for_nothing() {
        for part in parts() {
            let control = Confined::new(part);
            let off: Evidence = [(control.mechanism(), Ok(mechanism(&control, false)))].into_iter().collect();
            assert_eq!(control.judge(&off).verdict, Verdict::Notapplicable);
            assert!(control.judge(&off).actual.contains("does not run here"));
            assert_eq!(control.needs(&off), [control.mechanism()]);
            assert!(control.remedy(&off).is_empty());
            let unread: Evidence =
                [(control.mechanism(), Err(Unread::Denied("x".into())))].into_iter().collect();
            assert_eq!(control.judge(&unread).verdict, Verdict::Unknown);
            assert!(control.remedy(&unread).is_empty());
        }
    }

    #[test]
    fn every_way_to_weaken_a_part_fails() {
        let [profile, module, volume] = parts().try_into().unwrap();
        let profile = Confined::new(profile);
        for (number, seen) in
            [(0, State::Content(digest(2))), (1, State::text("complain")), (1, State::text("unconfined"))]
        {
            assert_eq!(with(&profile, number, Ok(seen)).verdict, Verdict::Fail);
        }
        let of = |content, enabled| {
            State::record([("content", State::Content(digest(content))), ("enabled", State::Flag(enabled))])
        };
        for seen in [of(1, false), of(2, true)] {
            assert_eq!(with(&Confined::new(module.clone()), 0, Ok(seen)).verdict, Verdict::Fail);
        }
        let other = State::text("system_u:object_r:default_t:s0");
        assert_eq!(with(&Confined::new(volume), 0, Ok(other)).verdict, Verdict::Fail);
    }

    #[test]
    fn a_volume_of_the_engine_is_the_engines_to_label() {
        let part = Part::Volume { name: "data".into(), folder: None, label: "u:r:t:s0".into() };
        let control = Confined::new(part);
        let on: Evidence = [(control.mechanism(), Ok(mechanism(&control, true)))].into_iter().collect();
        assert_eq!(control.judge(&on).verdict, Verdict::Notapplicable);
        assert!(control.remedy(&on).is_empty());
    }
}
