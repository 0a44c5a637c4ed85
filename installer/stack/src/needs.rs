//! What a container host needs of the machine: no hardening rule may take it away unnoticed.

use model::{
    About, Constraint, Control, ControlId, Demand, Evidence, HostPath, Judgement, Reference, Resource,
    Severity, State, Syntax, SysctlScope, Verdict,
};

/// What the file of the module rules would say to keep images from being mounted.
const NO_OVERLAY: (&str, &str) = ("/etc/modprobe.d/groundfast.conf", "install overlay");

/// The kernel forwards packets to published ports and can mount images. It only requires, it demands nothing: an
/// engine turns forwarding on by itself when it starts.
pub struct StackNeeds {
    about: About,
}

impl StackNeeds {
    /// The needs of any release that publishes ports.
    pub fn new() -> Self {
        let reference = Reference { source: "requirement".to_owned(), id: "3".to_owned() };
        let about = About {
            id: ControlId::new("stack.needs"),
            title: "The machine lets containers run and be reached".to_owned(),
            severity: Severity::High,
            references: vec![reference],
            rationale: "Published ports need forwarding, images need overlays: hardening must leave both."
                .to_owned(),
            mend: "leave out the rule that forbids it: `tailoring = [\"container-host\"]` under [harden]"
                .to_owned(),
        };
        Self { about }
    }
}

impl Default for StackNeeds {
    fn default() -> Self {
        Self::new()
    }
}

fn forwarding() -> Resource {
    Resource::Sysctl { key: "net.ipv4.ip_forward".to_owned(), scope: SysctlScope::Running }
}

impl Control for StackNeeds {
    fn about(&self) -> &About {
        &self.about
    }

    fn needs(&self, _seen: &Evidence) -> Vec<Resource> {
        vec![forwarding()]
    }

    fn judge(&self, seen: &Evidence) -> Judgement {
        let expected = "net.ipv4.ip_forward = 1";
        match seen.see(&forwarding()) {
            Err(why) => Judgement::other(Verdict::Unknown, expected, why.to_string()),
            Ok(state) if state.as_int() == Some(1) => Judgement::of(true, expected, "1"),
            Ok(state) => {
                let actual = format!("{state}; the engine turns it on when it publishes a port");
                Judgement::other(Verdict::Informational, expected, actual)
            }
        }
    }

    fn requires(&self, _seen: &Evidence) -> Vec<Demand> {
        let (path, key) = NO_OVERLAY;
        let overlay = Resource::Setting {
            path: HostPath::literal(path),
            syntax: Syntax::Modprobe,
            key: key.to_owned(),
        };
        let equals = |resource, state| Demand {
            resource,
            constraint: Constraint::Equals(state),
            by: self.about.id.clone(),
        };
        vec![equals(forwarding(), State::text("1")), equals(overlay, State::Absent)]
    }
}
