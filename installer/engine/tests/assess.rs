//! Rounds, the single walk, waivers, conflicts.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::disallowed_methods,
    clippy::too_many_lines,
    clippy::type_complexity,
    clippy::print_stderr,
    reason = "a test that cannot be set up must stop, and tests make their own places"
)]

mod support;

use std::collections::{BTreeMap, BTreeSet};

use engine::{Context, PlanError, assess, diff, plan};
use model::{
    About, Attestation, Constraint, Control, ControlId, Demand, Evidence, FileQuery, HostPath, Judgement,
    Kind, Resource, Severity, State, Syntax, SysctlScope, Verdict, Waiver, Wanted,
};
use support::{Fault, Memory, Recorder};

fn path(text: &str) -> HostPath {
    text.parse().unwrap()
}

fn sysctl(key: &str) -> Resource {
    Resource::Sysctl { key: key.into(), scope: SysctlScope::Running }
}

fn walk(under: &str) -> Resource {
    let query = FileQuery {
        under: path(under),
        recursive: true,
        name: None,
        except: None,
        kinds: BTreeSet::new(),
        wanted: Wanted::ModeHas(0o4000),
    };
    Resource::Files(query)
}

/// Wants a chain of resources, each only after the one before was seen, and passes when the last is `1`.
struct Chain {
    about: About,
    wants: Vec<Resource>,
}

impl Chain {
    fn boxed(id: &str, wants: Vec<Resource>) -> Box<dyn Control> {
        let about = About {
            id: ControlId::new(id),
            title: id.into(),
            severity: Severity::Medium,
            references: vec![],
            rationale: String::new(),
            mend: "set it to 1".into(),
        };
        Box::new(Self { about, wants })
    }
}

impl Control for Chain {
    fn about(&self) -> &About {
        &self.about
    }

    fn needs(&self, seen: &Evidence) -> Vec<Resource> {
        let known = self.wants.iter().take_while(|want| seen.knows(want)).count();
        self.wants.iter().take(known + 1).cloned().collect()
    }

    fn judge(&self, seen: &Evidence) -> Judgement {
        match seen.see(&self.wants[self.wants.len() - 1]) {
            Ok(state) => Judgement::of(*state == State::text("1"), "1", state.to_string()),
            Err(unread) => Judgement::other(Verdict::Unknown, "1", unread.to_string()),
        }
    }

    fn remedy(&self, _: &Evidence) -> Vec<Demand> {
        let resource = self.wants[self.wants.len() - 1].clone();
        vec![Demand { resource, constraint: Constraint::Equals(State::text("1")), by: self.about.id.clone() }]
    }
}

fn context(waived: Option<(&str, &str)>) -> Context {
    let waivers = waived.map(|(control, expires)| Waiver {
        control: ControlId::new(control),
        reason: "lab".into(),
        owner: "ops".into(),
        ticket: None,
        approver: None,
        expires: expires.into(),
        signed_by: None,
    });
    Context { waivers: waivers.into_iter().collect(), today: "2026-11-22".into(), ..Context::default() }
}

fn verdicts(controls: &[Box<dyn Control>], memory: &Memory, context: &Context) -> Vec<Verdict> {
    let sink = Recorder::default();
    let assessment = pollster::block_on(assess(controls, memory, context, &sink));
    let found = sink.0.lock().unwrap().iter().filter(|kind| matches!(kind, Kind::Found(_))).count();
    assert_eq!(found, controls.len(), "every finding is an event");
    assessment.findings.iter().map(|finding| finding.verdict).collect()
}

#[test]
fn all_controls_share_one_batch_a_round_and_one_walk() {
    let memory = Memory::new(BTreeMap::from([(sysctl("a"), State::text("1"))]), Fault::None);
    let controls = vec![
        Chain::boxed("a", vec![sysctl("a")]),
        Chain::boxed("walks", vec![walk("/usr"), sysctl("a")]),
        Chain::boxed("walks too", vec![walk("/var"), sysctl("b"), sysctl("a")]),
    ];
    let found = verdicts(&controls, &memory, &Context::default());
    assert_eq!(found, [Verdict::Pass; 3]);
    assert_eq!(memory.batches(), [3, 1], "three resources at once, then the one that was still missing");
    assert_eq!(memory.walks(), 1);
}

#[test]
fn a_walk_that_comes_late_is_refused_not_walked() {
    let memory = Memory::new(BTreeMap::new(), Fault::None);
    let controls = vec![Chain::boxed("late", vec![sysctl("a"), walk("/usr")])];
    assert_eq!(verdicts(&controls, &memory, &Context::default()), [Verdict::Unknown]);
    assert_eq!(memory.walks(), 0);
}

#[test]
fn nobody_is_asked_more_than_four_times() {
    let chain: Vec<_> = ["a", "b", "c", "d"].map(sysctl).into();
    let all = BTreeMap::from_iter(["a", "b", "c", "d", "e"].map(|key| (sysctl(key), State::text("1"))));
    let memory = Memory::new(all, Fault::None);
    let four = vec![Chain::boxed("four", chain.clone())];
    assert_eq!(verdicts(&four, &memory, &Context::default()), [Verdict::Pass]);
    let five = vec![Chain::boxed("five", [chain, vec![sysctl("e")]].concat())];
    assert_eq!(verdicts(&five, &memory, &Context::default()), [Verdict::Unknown]);
}

#[test]
fn a_waiver_covers_until_its_last_day_and_takes_the_demand_away() {
    let memory = Memory::new(BTreeMap::new(), Fault::None);
    let controls = vec![Chain::boxed("a", vec![sysctl("a")])];
    for (expires, verdict) in [("2026-11-22", Verdict::Waived), ("2026-11-21", Verdict::Fail)] {
        let context = context(Some(("a", expires)));
        let assessment = pollster::block_on(assess(&controls, &memory, &context, &Recorder::default()));
        assert_eq!(assessment.findings[0].verdict, verdict, "{expires}");
        assert_eq!(assessment.demands.is_empty(), verdict == Verdict::Waived);
    }
}

fn demand(by: &str, resource: Resource, constraint: Constraint) -> Demand {
    Demand { resource, constraint, by: ControlId::new(by) }
}

#[test]
fn demands_that_exclude_each_other_name_both_controls() {
    let memory = Memory::new(BTreeMap::new(), Fault::None);
    let both = [
        demand("cis", sysctl("net.ipv4.ip_forward"), Constraint::Equals(State::text("0"))),
        demand("docker", sysctl("net.ipv4.ip_forward"), Constraint::Equals(State::text("1"))),
    ];
    let error = pollster::block_on(plan(&both, &memory, &memory.store)).unwrap_err();
    assert_eq!(error.to_string(), "running sysctl net.ipv4.ip_forward: cis asks for 0 but docker asks for 1");
}

#[test]
fn a_file_and_a_key_in_it_overlap() {
    let memory = Memory::new(BTreeMap::new(), Fault::None);
    let here = path("/etc/x.conf");
    let key = Resource::Setting { path: here.clone(), syntax: Syntax::Sysctl, key: "a".into() };
    let whole = Resource::Content { path: here };
    let both = [
        demand("banner", whole.clone(), Constraint::Holds("text\n".into())),
        demand("setting", key, Constraint::Equals(State::Int(1))),
    ];
    let error = pollster::block_on(plan(&both, &memory, &memory.store)).unwrap_err();
    assert!(matches!(&error, PlanError::Overlap { .. }), "{error}");
    assert!(error.to_string().contains("banner") && error.to_string().contains("setting"), "{error}");
    let alone = pollster::block_on(plan(&both[..1], &memory, &memory.store)).unwrap();
    assert_eq!(alone.len(), 2, "the file and the directory it needs");
}

#[test]
fn a_mode_an_owner_and_a_key_of_one_file_become_one_change_with_a_diff() {
    let memory = Memory::new(BTreeMap::new(), Fault::None);
    memory.with_file("/etc/ssh/sshd_config", "# ours\nMaxAuthTries 6\nPort 22\n", 0o644);
    let here = path("/etc/ssh/sshd_config");
    let key = Resource::Setting { path: here.clone(), syntax: Syntax::Sshd, key: "MaxAuthTries".into() };
    let demands = [
        demand("mode", Resource::Mode { path: here.clone() }, Constraint::ModeWithin(0o600)),
        demand("owner", Resource::Owner { path: here }, Constraint::Equals(State::Int(0))),
        demand("tries", key, Constraint::AtMost(4)),
    ];
    let plan = pollster::block_on(plan(&demands, &memory, &memory.store)).unwrap();
    assert_eq!(plan.len(), 1);
    let text = pollster::block_on(diff(&plan.stages[0].steps[0].change, &memory, &memory.store));
    insta::assert_snapshot!(text, @r"
    --- /etc/ssh/sshd_config
    +++ /etc/ssh/sshd_config
    @@ -1,3 +1,3 @@
     # ours
    -MaxAuthTries 6
    +MaxAuthTries 4
     Port 22
    /etc/ssh/sshd_config: mode 0644 → 0600
    ");
}

#[test]
fn the_digest_names_the_plan() {
    let memory = Memory::new(BTreeMap::from([(sysctl("a"), State::text("0"))]), Fault::None);
    let one = [demand("x", sysctl("a"), Constraint::Equals(State::text("1")))];
    let other = [demand("x", sysctl("a"), Constraint::Equals(State::text("2")))];
    let digest =
        |demands: &[Demand]| pollster::block_on(plan(demands, &memory, &memory.store)).unwrap().digest;
    assert_eq!(digest(&one), digest(&one));
    assert_ne!(digest(&one), digest(&other));
}

#[test]
fn a_waiver_that_does_not_count_is_told_where_it_would_have() {
    let memory = Memory::new(BTreeMap::from([(sysctl("a"), State::text("0"))]), Fault::None);
    let actual = |context: &Context| {
        let controls = vec![Chain::boxed("a", vec![sysctl("a")])];
        let found = pollster::block_on(assess(&controls, &memory, context, &Recorder::default())).findings;
        (found[0].verdict, found[0].actual.clone())
    };
    assert_eq!(actual(&context(Some(("a", "2026-11-22")))), (Verdict::Waived, "0".to_owned()));
    let expired = (Verdict::Fail, "0 (the waiver of ops expired on 2026-11-21)".to_owned());
    assert_eq!(actual(&context(Some(("a", "2026-11-21")))), expired);
    assert_eq!(actual(&context(Some(("b", "2026-11-21")))), (Verdict::Fail, "0".to_owned()));
    let notes = BTreeMap::from([(ControlId::new("a"), vec!["w.json: altered".to_owned()])]);
    let noted = Context { notes, ..context(None) };
    assert_eq!(actual(&noted), (Verdict::Fail, "0 (w.json: altered)".to_owned()));
    // One that counts beside one that does not is enough.
    let both = Context { notes: noted.notes, ..context(Some(("a", "2026-12-31"))) };
    assert_eq!(actual(&both), (Verdict::Waived, "0".to_owned()));
}

/// What only a person can judge, or what the site left out.
struct Manual {
    about: About,
    left_out: bool,
}

impl Control for Manual {
    fn about(&self) -> &About {
        &self.about
    }

    fn needs(&self, _: &Evidence) -> Vec<Resource> {
        Vec::new()
    }

    fn judge(&self, _: &Evidence) -> Judgement {
        Judgement::other(Verdict::Notchecked, "locked", "nobody looked")
    }

    fn is_left_out(&self) -> bool {
        self.left_out
    }
}

#[test]
fn a_word_makes_only_what_a_person_judges_pass_and_says_whose_it_is() {
    let chain = Chain::boxed("a", vec![sysctl("a")]);
    let manual = |left_out| -> Box<dyn Control> {
        Box::new(Manual { about: About { id: ControlId::new("a"), ..chain.about().clone() }, left_out })
    };
    let judged = |control: Box<dyn Control>, control_id: &str, expires: &str| {
        let memory = Memory::new(BTreeMap::from([(sysctl("a"), State::text("0"))]), Fault::None);
        let attestation = Attestation {
            control: ControlId::new(control_id),
            statement: "seen".into(),
            by: "carol".into(),
            evidence: None,
            expires: expires.into(),
            signed_by: "hint".into(),
        };
        let context = Context { attestations: vec![attestation], ..context(None) };
        let controls = vec![control];
        pollster::block_on(assess(&controls, &memory, &context, &Recorder::default())).findings.remove(0)
    };
    let attested = judged(manual(false), "a", "2026-11-22");
    assert_eq!(attested.verdict, Verdict::Pass);
    assert_eq!(attested.actual, "attested by carol until 2026-11-22: seen");
    assert!(attested.attestation.is_some());
    for finding in [
        judged(manual(false), "b", "2026-11-22"),
        judged(manual(false), "a", "2026-11-21"),
        judged(manual(true), "a", "2026-11-22"),
    ] {
        assert_eq!(finding.verdict, Verdict::Notchecked, "{finding:?}");
        assert_eq!(finding.attestation, None);
    }
    let expired = judged(manual(false), "a", "2026-11-21").actual;
    assert!(expired.ends_with("(the attestation of carol expired on 2026-11-21)"), "{expired}");
    let machine = judged(Chain::boxed("a", vec![sysctl("a")]), "a", "2026-11-22");
    assert_eq!(machine.verdict, Verdict::Fail, "what a machine can judge, nobody talks away");
}
