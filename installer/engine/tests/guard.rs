//! The guard around a run that may lock its operator out.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::disallowed_methods,
    reason = "a test that cannot be set up must stop, and tests make their own places"
)]

mod support;

use std::collections::BTreeMap;
use std::sync::Mutex;

use engine::{Cancel, Outcome, Progress, Replay, Run, confirm, enforce, plan, recover};
use model::{
    Approval, Approved, Constraint, ControlId, Demand, Fut, Guard, HostError, Moment, Resource, State,
    SysctlScope,
};
use support::{Fault, Memory, Recorder};

/// A guard that counts, and fails at the n-th arming.
#[derive(Default)]
struct Watch {
    armed: Mutex<Vec<usize>>,
    disarmed: Mutex<usize>,
    fails_at: Option<usize>,
}

impl Watch {
    fn times(&self) -> usize {
        self.armed.lock().unwrap().len()
    }

    fn disarmed(&self) -> bool {
        *self.disarmed.lock().unwrap() > 0
    }
}

impl Guard for Watch {
    fn arm(&self) -> Fut<'_, Result<Moment, HostError>> {
        let mut armed = self.armed.lock().unwrap();
        let n = armed.len();
        armed.push(n);
        let fails = self.fails_at == Some(n);
        Box::pin(async move {
            if fails { Err(HostError::Failed("no timer".into())) } else { Ok(at(600_000 + n as u64)) }
        })
    }

    fn disarm(&self) -> Fut<'_, Result<(), HostError>> {
        *self.disarmed.lock().unwrap() += 1;
        Box::pin(async { Ok(()) })
    }

    fn now(&self) -> Result<Moment, HostError> {
        Ok(at(5_000))
    }
}

fn at(millis: u64) -> Moment {
    Moment { boot: "boot".into(), millis }
}

fn demand(resource: Resource, state: State) -> Demand {
    Demand { by: ControlId::new("c"), resource, constraint: Constraint::Equals(state) }
}

fn sysctl(key: &str) -> Resource {
    Resource::Sysctl { key: key.into(), scope: SysctlScope::Running }
}

/// One change that may lock somebody out, and one that cannot.
fn demands() -> [Demand; 2] {
    let mode = Resource::Mode { path: "/etc/ssh/sshd_config".parse().unwrap() };
    [demand(mode, State::Mode(0o600)), demand(sysctl("kernel.a"), State::text("2"))]
}

fn machine(fault: Fault) -> Memory {
    let memory = Memory::new(BTreeMap::from([(sysctl("kernel.a"), State::text("1"))]), fault);
    memory.with_file("/etc/ssh/sshd_config", "Port 22\n", 0o644);
    memory
}

fn approved(memory: &Memory, demands: &[Demand]) -> Approved {
    let plan = pollster::block_on(plan(demands, memory, &memory.store)).unwrap();
    plan.approve(Approval { by: "test".into(), irreversible: false }).unwrap()
}

fn with<T>(memory: &Memory, plan: &Approved, guard: &Watch, act: impl FnOnce(&Run<'_>) -> T) -> T {
    let (sink, cancel) = (Recorder::default(), Cancel::default());
    let (bytes, keep, guard) = (&memory.store, &memory.store, Some(guard as &dyn Guard));
    act(&Run { plan, host: memory, bytes, keep, journal: memory, sink: &sink, cancel: &cancel, guard })
}

fn enforced(memory: &Memory, plan: &Approved, guard: &Watch) -> Outcome {
    with(memory, plan, guard, |run| pollster::block_on(enforce(run, Progress::none())))
}

fn taken_back(memory: &Memory, plan: &Approved, guard: &Watch) -> Outcome {
    let replay = Replay::of(&memory.journal()).unwrap();
    with(memory, plan, guard, |run| pollster::block_on(recover(run, &replay, "nobody confirmed it")).unwrap())
}

fn records(memory: &Memory) -> Vec<String> {
    memory.journal().iter().map(|entry| entry["record"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_run_that_may_close_a_door_waits_to_be_confirmed() {
    let (memory, guard) = (machine(Fault::None), Watch::default());
    let plan = approved(&memory, &demands());
    let outcome = enforced(&memory, &plan, &guard);
    assert!(matches!(&outcome, Outcome::Awaiting { until, .. } if *until == at(600_001)), "{outcome:?}");
    assert_eq!(guard.times(), 2, "armed before the first change, and again when all was done");
    let records = records(&memory);
    let first = |what: &str| records.iter().position(|record| record == what).unwrap();
    assert!(first("armed") < first("intent"), "{records:?}");
    assert_eq!(records.last().unwrap(), "awaiting", "it is not sealed");
    let replay = Replay::of(&memory.journal()).unwrap();
    assert_eq!((replay.awaiting, replay.armed, replay.sealed), (Some(at(5_000)), Some(at(600_001)), None));
    assert!(!guard.disarmed());

    confirm(&memory).unwrap();
    let replay = Replay::of(&memory.journal()).unwrap();
    assert_eq!((replay.sealed.as_deref(), replay.awaiting), (Some("enforced"), None));
}

#[test]
fn what_nobody_confirms_is_taken_back_and_the_guard_goes() {
    let (memory, guard) = (machine(Fault::None), Watch::default());
    let before = memory.states();
    let plan = approved(&memory, &demands());
    enforced(&memory, &plan, &guard);
    assert_ne!(memory.states(), before);
    let outcome = taken_back(&memory, &plan, &guard);
    assert!(
        matches!(&outcome, Outcome::RolledBack { why, .. } if why == "nobody confirmed it"),
        "{outcome:?}"
    );
    assert_eq!(memory.states(), before);
    assert!(guard.disarmed());
    assert_eq!(Replay::of(&memory.journal()).unwrap().sealed.as_deref(), Some("rolled-back"));
}

#[test]
fn what_cannot_lock_anybody_out_is_not_guarded() {
    let (memory, guard) = (machine(Fault::None), Watch::default());
    let plan = approved(&memory, &demands()[1..]);
    assert_eq!(enforced(&memory, &plan, &guard), Outcome::Enforced);
    assert_eq!(guard.times(), 0);
}

#[test]
fn without_a_working_guard_nothing_is_changed_for_good() {
    for n in [0, 1] {
        let (memory, guard) = (machine(Fault::None), Watch { fails_at: Some(n), ..Watch::default() });
        let before = memory.states();
        let plan = approved(&memory, &demands());
        let outcome = enforced(&memory, &plan, &guard);
        assert!(
            matches!(&outcome, Outcome::RolledBack { why, .. } if why.contains("no timer")),
            "{outcome:?}"
        );
        assert_eq!(memory.states(), before);
        assert_eq!(
            records(&memory).contains(&"intent".to_owned()),
            n == 1,
            "the first comes before any change"
        );
    }
}

#[test]
fn a_guarded_run_that_loses_power_anywhere_comes_back_whole() {
    let clean = machine(Fault::None);
    enforced(&clean, &approved(&clean, &demands()), &Watch::default());
    let mut awaiting = 0;
    for n in 0..clean.operations() {
        for fault in [Fault::CrashBefore(n), Fault::CrashAfter(n)] {
            let (mut memory, guard) = (machine(fault), Watch::default());
            let before = memory.states();
            let plan = approved(&memory, &demands());
            enforced(&memory, &plan, &guard);
            memory.reboot();
            awaiting += usize::from(Replay::of(&memory.journal()).unwrap().awaiting.is_some());
            let outcome = taken_back(&memory, &plan, &guard);
            assert!(matches!(outcome, Outcome::RolledBack { .. }), "{fault:?}: {outcome:?}");
            assert_eq!(memory.states(), before, "{fault:?}");
        }
    }
    assert_eq!(awaiting, 1, "a loss just after the last record leaves a run that waits");
}

#[test]
fn a_unit_starts_again_only_after_its_files_are_back() {
    let unit = Resource::Activity { unit: "cups.service".into() };
    let mask = Resource::Link { path: "/etc/systemd/system/cups.service".parse().unwrap() };
    let memory = Memory::new(BTreeMap::from([(unit.clone(), State::text("active"))]), Fault::None);
    let demands = [demand(mask, State::text("/dev/null")), demand(unit, State::text("inactive"))];
    let plan = approved(&memory, &demands);
    assert_eq!(enforced(&memory, &plan, &Watch::default()), Outcome::Enforced);
    let made = Replay::of(&memory.journal()).unwrap().begun;
    let backward = engine::reverse(&[(plan.plan(), &made)]);
    let order: Vec<String> = backward.steps().map(|step| step.change.resource.to_string()).collect();
    assert_eq!(order.first().unwrap(), "file /etc/systemd/system/cups.service");
    assert_eq!(order.last().unwrap(), "activity of cups.service");
}
