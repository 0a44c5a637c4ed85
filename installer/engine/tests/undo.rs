//! Whatever goes wrong at whatever step: enforced, exactly as before, or stranded with the truth told.

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

use engine::{Cancel, Outcome, Progress, Replay, Run, enforce, plan, recover};
use model::{
    Approval, Approved, Constraint, ControlId, Demand, Host, HostPath, Resource, State, Syntax, SysctlScope,
};
use proptest::prelude::*;
use support::{Fault, Memory, Recorder, stranger_state};

fn path(text: &str) -> HostPath {
    text.parse().unwrap()
}

fn sysctl(key: &str) -> Resource {
    Resource::Sysctl { key: key.into(), scope: SysctlScope::Running }
}

/// Everything that a plan may be made of, one demand each.
fn pool() -> Vec<Demand> {
    let demand = |resource: Resource, constraint: Constraint| Demand {
        by: ControlId::new(format!("c_{resource}").replace(' ', "_")),
        resource,
        constraint,
    };
    let setting = |key: &str| Resource::Setting {
        path: path("/etc/sysctl.d/99-zz-groundfast.conf"),
        syntax: Syntax::Sysctl,
        key: key.into(),
    };
    vec![
        demand(Resource::Mode { path: path("/etc/passwd") }, Constraint::ModeWithin(0o600)),
        demand(Resource::Owner { path: path("/etc/passwd") }, Constraint::Equals(State::Int(0))),
        demand(Resource::Mode { path: path("/etc/ssh/sshd_config") }, Constraint::ModeWithin(0o600)),
        demand(
            Resource::Setting {
                path: path("/etc/ssh/sshd_config"),
                syntax: Syntax::Sshd,
                key: "MaxAuthTries".into(),
            },
            Constraint::AtMost(4),
        ),
        demand(setting("kernel.randomize_va_space"), Constraint::Equals(State::Int(2))),
        demand(setting("net.ipv4.ip_forward"), Constraint::Equals(State::Int(0))),
        demand(sysctl("kernel.randomize_va_space"), Constraint::Equals(State::Int(2))),
        demand(sysctl("net.ipv4.ip_forward"), Constraint::Equals(State::Int(0))),
        demand(
            Resource::Content { path: path("/etc/issue") },
            Constraint::Holds("Authorised use only\n".into()),
        ),
        demand(Resource::Content { path: path("/etc/motd") }, Constraint::Equals(State::Absent)),
        demand(
            Resource::Link { path: path("/etc/systemd/system/cups.service") },
            Constraint::Equals(State::text("/dev/null")),
        ),
        demand(
            Resource::Activity { unit: "cups.service".into() },
            Constraint::Equals(State::text("inactive")),
        ),
        demand(package("auditd"), Constraint::Equals(State::text("1"))),
        demand(package("cups"), Constraint::Equals(State::Absent)),
    ]
}

fn package(name: &str) -> Resource {
    Resource::Package { name: name.into() }
}

fn machine(fault: Fault) -> Memory {
    let mut states = BTreeMap::new();
    for key in ["kernel.randomize_va_space", "net.ipv4.ip_forward"] {
        states.insert(sysctl(key), State::text("1"));
    }
    states.insert(Resource::Activity { unit: "cups.service".into() }, State::text("active"));
    for name in ["cups", "cups-client", "old-ftp", "sudo"] {
        states.insert(package(name), State::text("2"));
    }
    let memory = Memory::new(states, fault);
    memory.with_file("/etc/passwd", "root:x:0:0\n", 0o666);
    memory.with_file("/etc/ssh/sshd_config", "# ours\nMaxAuthTries 6\nPort 22\n", 0o644);
    memory.with_file("/etc/issue", "Debian\n", 0o644);
    memory.with_file("/etc/motd", "hello\n", 0o640);
    memory
}

fn approved(demands: &[Demand], memory: &Memory) -> Approved {
    let plan = pollster::block_on(plan(demands, memory, &memory.store)).unwrap();
    plan.approve(Approval { by: "test".into(), irreversible: false }).unwrap()
}

fn run<'a>(memory: &'a Memory, plan: &'a Approved, sink: &'a Recorder, cancel: &'a Cancel) -> Run<'a> {
    let (bytes, keep, guard) = (&memory.store, &memory.store, None);
    Run { plan, host: memory, bytes, keep, journal: memory, sink, cancel, guard }
}

/// How the interrupted run is taken up again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum After {
    Recover,
    Resume,
}

fn enforce_with(memory: &mut Memory, plan: &Approved, after: After) -> Outcome {
    let (sink, cancel) = (Recorder::default(), Cancel::default());
    let outcome = pollster::block_on(enforce(&run(memory, plan, &sink, &cancel), Progress::none()));
    if !memory.crashed() {
        return outcome;
    }
    memory.reboot();
    let replay = Replay::of(&memory.journal()).unwrap();
    let run = run(memory, plan, &sink, &cancel);
    if let Some(sealed) = &replay.sealed {
        assert_eq!(*sealed, outcome.to_string(), "a sealed journal tells how the run ended");
        return outcome;
    }
    if after == After::Resume && replay.failed.is_none() {
        return pollster::block_on(enforce(&run, Progress::of(&replay)));
    }
    pollster::block_on(recover(&run, &replay, "interrupted")).unwrap()
}

/// The law. `strangers` are the resources somebody else wrote to: those keep the stranger's state.
fn check(before: &BTreeMap<Resource, State>, memory: &Memory, plan: &Approved, outcome: &Outcome) {
    let now = memory.states();
    let state =
        |states: &BTreeMap<Resource, State>, r: &Resource| states.get(r).cloned().unwrap_or(State::Absent);
    match outcome {
        Outcome::Enforced => {
            for step in plan.plan().steps() {
                let seen = pollster::block_on(model::Observe::observe(
                    memory,
                    std::slice::from_ref(&step.change.resource),
                ));
                assert_eq!(seen[0], Ok(step.change.to.clone()), "enforced means seen");
            }
        }
        Outcome::RolledBack { .. } => {
            assert_eq!(memory.meddled_with(), [], "a stranger's change makes it no roll back");
            for resource in before.keys().chain(now.keys()) {
                assert_eq!(state(before, resource), state(&now, resource), "rolled back means as before");
            }
        }
        Outcome::Stranded { left, .. } => {
            let told: BTreeSet<_> = left.iter().map(|left| left.resource.clone()).collect();
            for step in plan.plan().steps() {
                let seen = pollster::block_on(model::Observe::observe(
                    memory,
                    std::slice::from_ref(&step.change.resource),
                ));
                let differs = seen[0] != Ok(step.change.from.clone());
                let meddled = memory.meddled_with().contains(&step.change.resource);
                assert!(
                    !differs || told.contains(&step.change.resource) || meddled,
                    "{} is not told",
                    step.change
                );
            }
        }
        other => panic!("an outcome without a law: {other:?}"),
    }
    for resource in memory.meddled_with() {
        let seen = pollster::block_on(model::Observe::observe(memory, std::slice::from_ref(&resource)));
        let kept = seen[0] == Ok(stranger_state(&resource));
        assert!(kept, "{resource}: a stranger's change was overwritten");
    }
}

fn exhaust(demands: &[Demand]) -> (usize, BTreeSet<String>) {
    let clean = machine(Fault::None);
    let plan = approved(demands, &clean);
    let (sink, cancel) = (Recorder::default(), Cancel::default());
    let outcome = pollster::block_on(enforce(&run(&clean, &plan, &sink, &cancel), Progress::none()));
    assert_eq!(outcome, Outcome::Enforced);
    check(&machine(Fault::None).states(), &clean, &plan, &outcome);
    let (mut cases, mut outcomes) = (0, BTreeSet::new());
    // Undoing takes further operations, so faults strike there too.
    for n in 0..clean.operations() * 2 {
        for fault in [
            Fault::Fails(n),
            Fault::Lies(n),
            Fault::CrashBefore(n),
            Fault::CrashAfter(n),
            Fault::StrangerBefore(n),
            Fault::StrangerAfter(n),
            Fault::HandlerFails(n),
        ] {
            for after in [After::Recover, After::Resume] {
                let mut memory = machine(fault);
                let before = memory.states();
                let plan = approved(demands, &memory);
                let outcome = enforce_with(&mut memory, &plan, after);
                check(&before, &memory, &plan, &outcome);
                let alone = matches!(fault, Fault::Fails(_) | Fault::CrashBefore(_) | Fault::CrashAfter(_));
                let forward = n < clean.operations();
                let stranded = matches!(outcome, Outcome::Stranded { .. });
                assert!(!(alone && forward && stranded), "{fault:?}: one fault on the way must not strand");
                outcomes.insert(outcome.to_string());
                cases += 1;
            }
        }
    }
    (cases, outcomes)
}

#[test]
fn every_step_and_every_fault_keeps_the_law() {
    let (cases, outcomes) = exhaust(&pool());
    assert!(cases > 500, "{cases} cases");
    let expected = ["enforced", "rolled-back", "stranded"].map(String::from);
    assert_eq!(outcomes, BTreeSet::from(expected), "every way to end was reached");
}

#[test]
fn a_crash_with_resume_ends_in_the_same_state_as_no_crash() {
    let clean = machine(Fault::None);
    let plan = approved(&pool(), &clean);
    let (sink, cancel) = (Recorder::default(), Cancel::default());
    pollster::block_on(enforce(&run(&clean, &plan, &sink, &cancel), Progress::none()));
    for n in 0..clean.operations() {
        for fault in [Fault::CrashBefore(n), Fault::CrashAfter(n)] {
            let mut memory = machine(fault);
            let plan = approved(&pool(), &memory);
            assert_eq!(enforce_with(&mut memory, &plan, After::Resume), Outcome::Enforced, "{fault:?}");
            assert_eq!(memory.states(), clean.states(), "{fault:?}");
        }
    }
}

#[test]
fn cancelling_rolls_back_and_says_so() {
    let memory = machine(Fault::None);
    let before = memory.states();
    let plan = approved(&pool(), &memory);
    let (sink, cancel) = (Recorder::default(), Cancel::default());
    cancel.ask();
    let outcome = pollster::block_on(enforce(&run(&memory, &plan, &sink, &cancel), Progress::none()));
    assert!(matches!(&outcome, Outcome::RolledBack { cancelled: true, .. }), "{outcome:?}");
    assert_eq!(memory.states(), before);
}

#[test]
fn a_failing_check_takes_the_files_back_and_tells_nobody() {
    let memory = machine(Fault::HandlerFails(0));
    let before = memory.states();
    let plan = approved(&pool(), &memory);
    let (sink, cancel) = (Recorder::default(), Cancel::default());
    let outcome = pollster::block_on(enforce(&run(&memory, &plan, &sink, &cancel), Progress::none()));
    assert!(matches!(&outcome, Outcome::RolledBack { .. }), "{outcome:?}");
    assert_eq!(memory.states(), before);
    assert_eq!(memory.handled(), [model::Handler::CheckSshd], "no daemon has read the new files");
}

#[test]
fn a_failing_handler_takes_the_files_back_and_tells_the_daemon_again() {
    let memory = machine(Fault::HandlerFails(1));
    let before = memory.states();
    let plan = approved(&pool(), &memory);
    let (sink, cancel) = (Recorder::default(), Cancel::default());
    let outcome = pollster::block_on(enforce(&run(&memory, &plan, &sink, &cancel), Progress::none()));
    assert!(
        matches!(&outcome, Outcome::RolledBack { why, .. } if why.contains("handler failed")),
        "{outcome:?}"
    );
    assert_eq!(memory.states(), before);
    assert!(memory.handled().len() > 1, "the daemon was told about the old files");
}

#[test]
fn a_second_plan_is_empty() {
    let memory = machine(Fault::None);
    let plan = approved(&pool(), &memory);
    let (sink, cancel) = (Recorder::default(), Cancel::default());
    pollster::block_on(enforce(&run(&memory, &plan, &sink, &cancel), Progress::none()));
    assert!(approved(&pool(), &memory).plan().is_empty());
}

#[test]
fn reversing_a_run_gives_everything_back() {
    let memory = machine(Fault::None);
    let before = memory.states();
    let forward = approved(&pool(), &memory);
    let (sink, cancel) = (Recorder::default(), Cancel::default());
    pollster::block_on(enforce(&run(&memory, &forward, &sink, &cancel), Progress::none()));
    let made = Replay::of(&memory.journal()).unwrap().begun;
    let backward = engine::reverse(&[(forward.plan(), &made)]);
    let backward = backward.approve(Approval { by: "test".into(), irreversible: false }).unwrap();
    let outcome = pollster::block_on(enforce(&run(&memory, &backward, &sink, &cancel), Progress::none()));
    assert_eq!(outcome, Outcome::Enforced);
    assert_eq!(memory.states(), before);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]
    #[test]
    fn any_subset_of_demands_keeps_the_law(picked in prop::collection::vec(any::<bool>(), 14)) {
        let demands: Vec<_> = pool().into_iter().zip(picked).filter(|(_, p)| *p).map(|(d, _)| d).collect();
        exhaust(&demands);
    }
}

fn remove(name: &str) -> Demand {
    let by = ControlId::new(format!("no_{name}"));
    Demand { resource: package(name), constraint: Constraint::Equals(State::Absent), by }
}

#[test]
fn packages_come_first_and_what_does_not_come_back_goes_last() {
    let memory = machine(Fault::None);
    let demands = [pool(), vec![remove("old-ftp")]].concat();
    let plan = pollster::block_on(plan(&demands, &memory, &memory.store)).unwrap();
    let kinds: Vec<_> = plan.stages.iter().map(|stage| stage.kind).collect();
    use model::StageKind::{File, Kernel, Package, Unit};
    assert_eq!(kinds, [Package, File, Kernel, Unit, Package]);
    let names = |stage: usize| {
        let steps = plan.stages[stage].steps.iter();
        steps.map(|step| step.change.resource.to_string()).collect::<Vec<_>>()
    };
    let first = ["package auditd-data", "package auditd", "package cups-client", "package cups"];
    assert_eq!(names(0), first, "whatever comes and goes is a step");
    assert_eq!(names(4), ["package old-ftp"]);
    assert_eq!(plan.irreversible(), 1);
    let first = engine::packages_first(&plan).unwrap();
    assert_eq!((first.len(), first.irreversible()), (4, 0));
    let client = plan.steps().find(|step| step.change.resource == package("cups-client")).unwrap();
    assert_eq!(client.by, [ControlId::new("c_package_cups")], "whoever asked for cups");
    assert!(plan.approve(Approval { by: "test".into(), irreversible: false }).is_err());
}

#[test]
fn a_transaction_that_must_not_be_made_is_no_plan() {
    let memory = machine(Fault::None);
    let error = pollster::block_on(plan(&[remove("sudo")], &memory, &memory.store)).unwrap_err();
    let told = error.to_string();
    assert!(told.contains("sudo would be removed") && told.contains("no_sudo"), "{told}");
}

#[test]
fn what_cannot_be_taken_back_is_told_whatever_goes_wrong() {
    let demands = [pool(), vec![remove("old-ftp"), remove("old-tftp")]].concat();
    let ready = |fault| {
        let memory = machine(fault);
        memory.set(package("old-tftp"), State::text("1"));
        let plan = pollster::block_on(plan(&demands, &memory, &memory.store)).unwrap();
        let plan = plan.approve(Approval { by: "test".into(), irreversible: true }).unwrap();
        (memory, plan)
    };
    let (mut clean, plan) = ready(Fault::None);
    assert_eq!(enforce_with(&mut clean, &plan, After::Recover), Outcome::Enforced);
    let mut outcomes = BTreeSet::new();
    for n in 0..clean.operations() {
        for fault in [
            Fault::Fails(n),
            Fault::Lies(n),
            Fault::CrashBefore(n),
            Fault::CrashAfter(n),
            Fault::StrangerBefore(n),
            Fault::StrangerAfter(n),
        ] {
            for after in [After::Recover, After::Resume] {
                let (mut memory, plan) = ready(fault);
                let before = memory.states();
                let outcome = enforce_with(&mut memory, &plan, after);
                check(&before, &memory, &plan, &outcome);
                let gone = |name: &str| !memory.states().contains_key(&package(name));
                if let Outcome::RolledBack { .. } = outcome {
                    assert!(!gone("old-ftp") && !gone("old-tftp"), "{fault:?}");
                }
                outcomes.insert(outcome.to_string());
            }
        }
    }
    let expected = ["enforced", "rolled-back", "stranded"].map(String::from);
    assert_eq!(outcomes, BTreeSet::from(expected));
}

#[test]
fn reversing_leaves_what_cannot_be_taken_back_and_names_it() {
    let mut memory = machine(Fault::None);
    let before = memory.states();
    let demands = [pool(), vec![remove("old-ftp")]].concat();
    let forward = pollster::block_on(plan(&demands, &memory, &memory.store)).unwrap();
    let forward = forward.approve(Approval { by: "test".into(), irreversible: true }).unwrap();
    assert_eq!(enforce_with(&mut memory, &forward, After::Recover), Outcome::Enforced);
    let made = Replay::of(&memory.journal()).unwrap().begun;
    let runs: [(&model::Plan, &[model::StepId]); 1] = [(forward.plan(), &made)];
    let stays: Vec<_> = engine::lasting(&runs).iter().map(|step| step.change.to_string()).collect();
    assert_eq!(stays, ["package old-ftp: 2 → absent"]);
    let backward =
        engine::reverse(&runs).approve(Approval { by: "test".into(), irreversible: false }).unwrap();
    assert_eq!(enforce_with(&mut memory, &backward, After::Recover), Outcome::Enforced);
    let mut expected = before;
    expected.remove(&package("old-ftp"));
    assert_eq!(memory.states(), expected);
}

#[test]
fn a_run_in_two_parts_is_taken_back_as_one() {
    for fails in [false, true] {
        let mut memory = machine(Fault::None);
        let before = memory.states();
        let whole = approved(&pool(), &memory);
        let first = engine::packages_first(whole.plan()).unwrap();
        let first = first.approve(Approval { by: "test".into(), irreversible: false }).unwrap();
        let (sink, cancel) = (Recorder::default(), Cancel::default());
        let begun = pollster::block_on(engine::enforce_first(
            &run(&memory, &first, &sink, &cancel),
            Progress::none(),
        ));
        let progress = begun.unwrap_or_else(|outcome| panic!("{outcome:?}"));
        assert_eq!(Replay::of(&memory.journal()).unwrap().sealed, None, "it is not over yet");
        let rest = pollster::block_on(plan(&pool(), &memory, &memory.store)).unwrap();
        assert!(rest.stages.iter().all(|stage| stage.kind != model::StageKind::Package), "they are there");
        let both = engine::extend(first.plan(), rest).approve(first.approval().clone()).unwrap();
        let ids: Vec<_> = both.plan().steps().map(|step| step.id).collect();
        assert_eq!(ids, (1..=both.plan().len() as u32).collect::<Vec<_>>());
        if fails {
            memory.fault = Fault::HandlerFails(0);
        }
        let outcome = pollster::block_on(enforce(&run(&memory, &both, &sink, &cancel), progress));
        check(&before, &memory, &both, &outcome);
        let replay = Replay::of(&memory.journal()).unwrap();
        assert_eq!(replay.plan, Some(both.plan().digest));
        assert_eq!(replay.sealed, Some(outcome.to_string()));
        assert_eq!(matches!(outcome, Outcome::RolledBack { .. }), fails, "{outcome:?}");
        assert_eq!(memory.states() == before, fails);
    }
}

/// The trait object is what the engine sees; this keeps the memory machine honest about it.
#[test]
fn the_memory_machine_refuses_a_stale_change() {
    let memory = machine(Fault::None);
    let change = model::Change {
        resource: sysctl("net.ipv4.ip_forward"),
        from: State::text("7"),
        to: State::text("0"),
    };
    let result = pollster::block_on(Host::put(&memory, &change, &memory.store));
    assert!(matches!(result, Err(model::HostError::Stale(_))));
}

/// Two demands on the attributes of one file, of which a kill may leave only the first in effect.
fn half_made(after: After, seen: u32) -> (Memory, Outcome, State) {
    let demand =
        |resource: Resource, constraint: Constraint| Demand { by: ControlId::new("c"), resource, constraint };
    let demands = [
        demand(Resource::Owner { path: path("/etc/crontab") }, Constraint::Equals(State::Int(0))),
        demand(Resource::Mode { path: path("/etc/crontab") }, Constraint::ModeWithin(0o600)),
    ];
    // Operations: the run's start, the intent, the put.
    let mut memory = machine(Fault::CrashBefore(2));
    memory.with_file("/etc/crontab", "", 0o666);
    owned_by(&memory, 7);
    let before = memory.states()[&Resource::File { path: path("/etc/crontab") }].clone();
    let plan = approved(&demands, &memory);
    let (sink, cancel) = (Recorder::default(), Cancel::default());
    pollster::block_on(enforce(&run(&memory, &plan, &sink, &cancel), Progress::none()));
    assert!(memory.crashed());
    memory.reboot();
    owned_by(&memory, seen);
    let replay = Replay::of(&memory.journal()).unwrap();
    let again = run(&memory, &plan, &sink, &cancel);
    let outcome = match after {
        After::Resume => pollster::block_on(enforce(&again, Progress::of(&replay))),
        After::Recover => pollster::block_on(recover(&again, &replay, "the run was interrupted")).unwrap(),
    };
    (memory, outcome, before)
}

fn owned_by(memory: &Memory, uid: u32) {
    let resource = Resource::File { path: path("/etc/crontab") };
    let State::File(mut file) = memory.states()[&resource].clone() else { unreachable!("a file") };
    file.attributes.uid = uid;
    memory.set(resource, State::File(file));
}

#[test]
fn attributes_halfway_between_our_own_states_are_carried_on_or_taken_back() {
    let at = |memory: &Memory| memory.states()[&Resource::File { path: path("/etc/crontab") }].clone();
    let (memory, outcome, before) = half_made(After::Recover, 0);
    assert!(matches!(outcome, Outcome::RolledBack { .. }), "{outcome:?}");
    assert_eq!(at(&memory), before);
    let (memory, outcome, _) = half_made(After::Resume, 0);
    assert_eq!(outcome, Outcome::Enforced);
    let State::File(file) = at(&memory) else { unreachable!("a file") };
    assert_eq!((file.attributes.uid, file.attributes.mode), (0, 0o600));
    // The bad twin: an owner that neither state has is somebody else's doing.
    let (memory, outcome, _) = half_made(After::Recover, 4711);
    assert!(matches!(outcome, Outcome::Stranded { .. }), "{outcome:?}");
    let State::File(file) = at(&memory) else { unreachable!("a file") };
    assert_eq!(file.attributes.uid, 4711, "their change is still there");
}

#[test]
fn a_file_that_vanishes_needs_no_change_and_fails_nothing() {
    let demands: Vec<_> = pool()
        .into_iter()
        .filter(|demand| matches!(&demand.resource, Resource::Mode { .. } | Resource::Sysctl { .. }))
        .collect();
    let passwd = Resource::File { path: path("/etc/passwd") };
    // Between a control's look and the plan.
    let memory = machine(Fault::None);
    memory.set(passwd.clone(), State::Absent);
    let plan = approved(&demands, &memory);
    assert!(plan.plan().steps().all(|step| step.change.resource.path() != Some(&path("/etc/passwd"))));
    // Between the plan and the change.
    let memory = machine(Fault::None);
    let plan = approved(&demands, &memory);
    memory.set(passwd.clone(), State::Absent);
    let (sink, cancel) = (Recorder::default(), Cancel::default());
    let outcome = pollster::block_on(enforce(&run(&memory, &plan, &sink, &cancel), Progress::none()));
    assert_eq!(outcome, Outcome::Enforced);
    let states = memory.states();
    assert!(!states.contains_key(&passwd));
    assert_eq!(states[&sysctl("net.ipv4.ip_forward")], State::text("0"), "the others were changed");
}

#[test]
fn what_only_we_write_goes_back_past_the_states_that_nobody_can_make_again() {
    let secret = Resource::Secret { path: path("/run/secrets/key") };
    let wanted = |state: &str| {
        let constraint = Constraint::Equals(State::text(state));
        vec![Demand { resource: secret.clone(), constraint, by: ControlId::new("c") }]
    };
    let memory = machine(Fault::None);
    let before = memory.states();
    let (sink, cancel) = (Recorder::default(), Cancel::default());
    let mut plans = Vec::new();
    for (found, state) in [(None, "first"), (Some("tampered"), "second")] {
        if let Some(found) = found {
            memory.set(secret.clone(), State::text(found));
        }
        let plan = approved(&wanted(state), &memory);
        pollster::block_on(enforce(&run(&memory, &plan, &sink, &cancel), Progress::none()));
        plans.push(plan);
    }
    let backward = engine::reverse(&[(plans[1].plan(), &[1]), (plans[0].plan(), &[1])]);
    let changes: Vec<_> = backward.steps().map(|step| step.change.clone()).collect();
    let whole = model::Change { resource: secret, from: State::text("second"), to: State::Absent };
    assert_eq!(changes, [whole]);
    let backward = backward.approve(Approval { by: "test".into(), irreversible: false }).unwrap();
    let outcome = pollster::block_on(enforce(&run(&memory, &backward, &sink, &cancel), Progress::none()));
    assert_eq!(outcome, Outcome::Enforced);
    assert_eq!(memory.states(), before);
}
