//! Remedies that undo what another control holds are found before anything changes.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::disallowed_methods,
    reason = "a test that cannot be set up must stop, and tests make their own places"
)]

use std::collections::BTreeMap;

use engine::{Context, MemoryBlobs, Outlook, PlanError, assess, plan};
use model::{
    About, Attributes, Constraint, Control, ControlId, Demand, Digest, Evidence, FileState, Fut, HostPath,
    Judgement, Keep, Lookup, Move, Node, Observe, Resource, Severity, State, Syntax, SysctlScope,
    Transaction, Unread, Verdict,
};
use syntax::{Lookups, Source};

/// A machine that is nothing but texts.
#[derive(Clone, Default)]
struct Texts(BTreeMap<HostPath, String>);

impl Texts {
    fn with(mut self, path: &str, text: &str) -> Self {
        self.0.insert(path.parse().unwrap(), text.to_owned());
        self
    }

    fn look(&self, resource: &Resource) -> Result<State, Unread> {
        let lookups = Lookups::new(self);
        match resource {
            Resource::File { path } => Ok(self.0.get(path).map_or(State::Absent, |text| {
                let content = MemoryBlobs::default().keep(&mut text.as_bytes()).unwrap();
                let attributes = Attributes::of_root(Node::File, 0o644);
                State::File(FileState { attributes, content: Some(content), target: None })
            })),
            Resource::Attributes { .. } => Ok(State::Attributes(Attributes::of_root(Node::Directory, 0o755))),
            Resource::Effective(lookup) => lookups.find(lookup),
            Resource::Sysctl { key, scope: SysctlScope::Persistent } => lookups.persistent_sysctl(key),
            Resource::Package { name } => {
                Ok(lookups.packages()?.version(name).map_or(State::Absent, State::text))
            }
            Resource::Transaction { remove, .. } => {
                let gone = |name: &String| Move {
                    package: name.clone(),
                    from: State::text("1"),
                    to: State::Absent,
                    back: true,
                };
                let moves = remove.iter().map(gone).collect();
                Ok(Transaction { moves, ..Transaction::default() }.to_state())
            }
            other => Err(Unread::Unsupported(other.to_string())),
        }
    }
}

impl Observe for Texts {
    fn observe<'a>(&'a self, wanted: &'a [Resource]) -> Fut<'a, Vec<Result<State, Unread>>> {
        let states = wanted.iter().map(|resource| self.look(resource)).collect();
        Box::pin(async move { states })
    }

    fn read<'a>(&'a self, resource: &'a Resource, into: &'a dyn Keep) -> Fut<'a, Result<Digest, Unread>> {
        let text = resource.path().and_then(|path| self.0.get(path)).cloned().unwrap_or_default();
        Box::pin(async move { Ok(into.keep(&mut text.as_bytes()).unwrap()) })
    }
}

impl Source for Texts {
    fn text(&self, path: &HostPath) -> Result<Option<String>, Unread> {
        Ok(self.0.get(path).cloned())
    }

    fn names(&self, folder: &HostPath) -> Result<Vec<String>, Unread> {
        let inside = self.0.keys().filter(|path| path.parent().as_ref() == Some(folder));
        Ok(inside.map(|path| path.name().to_owned()).collect())
    }

    fn link(&self, _: &HostPath) -> Result<Option<String>, Unread> {
        Ok(None)
    }
}

/// Wants a part of what is looked up to be so, and demands what it is given.
struct Rule {
    about: About,
    looks_at: Resource,
    part: &'static str,
    wants: State,
    demands: Vec<(Resource, Constraint)>,
}

fn rule(
    id: &str,
    looks_at: Resource,
    (part, wants): (&'static str, State),
    demands: Vec<(Resource, Constraint)>,
) -> Box<dyn Control> {
    let about = About {
        id: ControlId::new(id),
        title: id.into(),
        severity: Severity::Medium,
        references: vec![],
        rationale: String::new(),
        mend: String::new(),
    };
    Box::new(Rule { about, looks_at, part, wants, demands })
}

impl Control for Rule {
    fn about(&self) -> &About {
        &self.about
    }

    fn needs(&self, _: &Evidence) -> Vec<Resource> {
        vec![self.looks_at.clone()]
    }

    fn judge(&self, seen: &Evidence) -> Judgement {
        match seen.see(&self.looks_at) {
            Ok(state) => {
                let is = state.get(self.part).cloned().unwrap_or(State::Absent);
                Judgement::of(is == self.wants, self.wants.to_string(), is.to_string())
            }
            Err(why) => Judgement::other(Verdict::Unknown, self.wants.to_string(), why.to_string()),
        }
    }

    fn remedy(&self, seen: &Evidence) -> Vec<Demand> {
        let by = self.about.id.clone();
        let demand = |(resource, constraint): &(Resource, Constraint)| Demand {
            resource: resource.clone(),
            constraint: constraint.clone(),
            by: by.clone(),
        };
        let fails = self.judge(seen).verdict == Verdict::Fail;
        self.demands.iter().filter(|_| fails).map(demand).collect()
    }
}

fn sysctl(key: &str) -> Resource {
    Resource::Sysctl { key: key.into(), scope: SysctlScope::Persistent }
}

fn writes(file: &str, key: &str, value: &str) -> (Resource, Constraint) {
    let path = format!("/etc/sysctl.d/{file}").parse().unwrap();
    let resource = Resource::Setting { path, syntax: Syntax::Sysctl, key: key.into() };
    (resource, Constraint::Equals(State::text(value)))
}

fn refused(machine: &Texts, controls: &[Box<dyn Control>]) -> Result<(), PlanError> {
    pollster::block_on(async {
        let sink = Silent;
        let before = assess(controls, machine, &Context::default(), &sink).await;
        let (planned, none) = (MemoryBlobs::default(), MemoryBlobs::default());
        let plan = plan(&before.demands, machine, &planned).await?;
        assert!(!plan.is_empty(), "there is something to undo");
        let outlook = Outlook { controls, before: &before, host: machine, source: machine, bytes: &none };
        outlook.refuse_undoing(&plan, &planned).await
    })
}

struct Silent;

impl model::Sink for Silent {
    fn emit(&self, _: model::Kind) {}
}

fn names(error: PlanError) -> (Option<String>, String) {
    match error {
        PlanError::Undone { by, victim, .. } => (by.map(|by| by.to_string()), victim.to_string()),
        other => panic!("{other}"),
    }
}

#[test]
fn a_remedy_that_makes_a_passing_control_fail_is_refused_and_both_are_named() {
    let machine = Texts::default().with("/etc/sysctl.d/50-site.conf", "net.ipv4.ip_forward = 1\n");
    let text = |value: &str| ("value", State::text(value));
    let forwards = || rule("stack.needs", sysctl("net.ipv4.ip_forward"), text("1"), vec![]);
    let closes = |key: &str| {
        let demands = vec![writes("99-ours.conf", key, "0")];
        rule("no_forwarding", sysctl(key), text("0"), demands)
    };
    let error = refused(&machine, &[forwards(), closes("net.ipv4.ip_forward")]).unwrap_err();
    let told = error.to_string();
    assert!(told.starts_with("the remedy of no_forwarding makes stack.needs fail"), "{told}");
    assert_eq!(names(error), (Some("no_forwarding".into()), "stack.needs".into()));
    // The same remedy for something else undoes nothing.
    refused(&machine, &[forwards(), closes("net.ipv4.conf.all.log_martians")]).unwrap();
}

#[test]
fn remedies_that_undo_each_other_without_one_resource_in_common_are_refused() {
    let machine = Texts::default();
    let key = "kernel.sysrq";
    let asks = |id: &str, file: &str, value: &str| {
        rule(id, sysctl(key), ("value", State::text(value)), vec![writes(file, key, value)])
    };
    let error = refused(&machine, &[asks("a", "50-a.conf", "0"), asks("b", "60-b.conf", "1")]).unwrap_err();
    assert_eq!(names(error), (Some("b".into()), "a".into()));
    refused(&machine, &[asks("a", "50-a.conf", "0"), asks("b", "60-b.conf", "0")]).unwrap();
    // What its own remedy would not mend alone is nobody else's doing.
    let futile =
        rule("a", sysctl(key), ("value", State::text("0")), vec![writes("50-a.conf", "kernel.x", "0")]);
    refused(&machine, &[futile, asks("b", "60-b.conf", "1")]).unwrap();
}

#[test]
fn a_package_that_goes_takes_its_units_along() {
    let unit = "/usr/lib/systemd/system/chrony.service";
    let status = |name: &str| format!("Package: {name}\nStatus: install ok installed\nVersion: 1\n\n");
    let machine = Texts::default()
        .with("/var/lib/dpkg/status", &(status("chrony") + &status("telnet")))
        .with("/var/lib/dpkg/info/chrony.list", &format!("/usr\n/usr/lib/systemd\n{unit}\n"))
        .with("/var/lib/dpkg/info/telnet.list", "/usr\n/usr/bin/telnet\n")
        .with(unit, "[Unit]\n[Install]\nWantedBy=multi-user.target\n");
    let exists = Resource::Effective(Lookup::Unit { name: "chrony.service".into() });
    let clock = || rule("service_chrony", exists.clone(), ("exists", State::Flag(true)), vec![]);
    let removed = |name: &str| {
        let looks_at = Resource::Effective(Lookup::Package { name: name.into() });
        let demands = vec![(Resource::Package { name: name.into() }, Constraint::Equals(State::Absent))];
        rule("package_removed", looks_at, ("installed", State::Flag(false)), demands)
    };
    let error = refused(&machine, &[clock(), removed("chrony")]).unwrap_err();
    assert_eq!(names(error), (Some("package_removed".into()), "service_chrony".into()));
    refused(&machine, &[clock(), removed("telnet")]).unwrap();
}
