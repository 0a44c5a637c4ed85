//! A real `kill -9` at every system call that makes something durable, then `resume` or `recover`.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use support::{Run, Scratch, binary, prepared, snapshot};

type Tree = BTreeMap<String, String>;

const HARDEN: [&str; 6] =
    ["harden", "--profile", "cis-debian12-l1-server", "--yes", "--no-progress", "--root"];

/// The system calls that change something or make it durable; strace counts each of them by itself.
const CALLS: [&str; 9] =
    ["fdatasync", "fsync", "rename", "renameat", "fchmod", "fchown", "symlinkat", "mkdirat", "unlinkat"];

/// Runs `harden` and kills it as it enters the n-th call of this kind. `None` when there was no n-th.
fn killed_at(scratch: &Scratch, root: &str, call: &str, n: usize) -> Option<Run> {
    let mut command = Command::new("strace");
    scratch.prepare(&mut command);
    command.args(["-f", "-qq", "-o", "/dev/null", "-e", &format!("trace={call}")]);
    command.args(["-e", &format!("inject={call}:signal=KILL:when={n}")]);
    let output = command.arg(binary()).args(HARDEN).arg(root).output().unwrap();
    let run = Run::of(&output);
    (run.code == 137).then_some(run)
}

/// How many kills of each kind are left out between two: none with `GROUNDFAST_TEST_FULL`.
fn stride() -> usize {
    if std::env::var_os("GROUNDFAST_TEST_FULL").is_some() { 1 } else { 9 }
}

#[test]
fn a_kill_at_any_point_is_resumed_to_the_same_end_or_taken_back_to_the_start() {
    let Some(debian) = prepared("GROUNDFAST_TEST_ROOT") else { return };
    let clean = Scratch::new();
    let root = clean.debian(&debian);
    let before = snapshot(&root);
    // Partitions and the like need a person, so the exit is 3.
    let _ = clean.run(&[&HARDEN[..], &[root.to_str().unwrap()]].concat()).expect_code(3);
    let hardened = snapshot(&root);
    assert_ne!(before, hardened);

    let (mut resumed, mut recovered, mut early) = (0, 0, 0);
    for call in CALLS {
        for n in (1..).step_by(stride()) {
            let scratch = Scratch::new();
            let root = scratch.debian(&debian);
            if killed_at(&scratch, root.to_str().unwrap(), call, n).is_none() {
                break;
            }
            match taken_up(&scratch, &root, n, [&before, &hardened]) {
                Some(true) => resumed += 1,
                Some(false) => recovered += 1,
                None => early += 1,
            }
        }
    }
    let all = (resumed, recovered, early);
    assert!(resumed >= 3 && recovered >= 3 && early >= 1, "(resumed, recovered, never begun): {all:?}");
}

/// Takes up what a kill left: carries on with every other, takes the others back, and looks at the tree. `None`
/// when the run had not begun or was over.
fn taken_up(scratch: &Scratch, root: &Path, n: usize, [before, hardened]: [&Tree; 2]) -> Option<bool> {
    let status = scratch.run(&["status", "--output", "json", "--no-progress"]).expect_code(0).json();
    if status["result"]["runs"][0]["state"] != "interrupted" {
        let now = snapshot(root);
        assert!(now == *before || now == *hardened, "kill {n}: neither before nor after");
        return None;
    }
    let refused = scratch.run(&[&HARDEN[..], &[root.to_str().unwrap()]].concat()).expect_code(4);
    assert!(refused.stderr.contains("groundfast resume"), "{}", refused.stderr);
    // The counts of a stride are odd and even in turn.
    let carry_on = (n / stride()).is_multiple_of(2);
    let (verb, end) = if carry_on { ("resume", hardened) } else { ("recover", before) };
    let left = snapshot(root);
    let shown = scratch.run(&[verb, "--plan", "--no-progress", "--output", "json"]).expect_code(0).json();
    assert_eq!(
        (shown["outcome"].as_str(), &snapshot(root)),
        (Some("planned"), &left),
        "a look changes nothing"
    );
    let _ = scratch.run(&[verb, "--no-progress"]).expect_code(0);
    assert_eq!(snapshot(root), *end, "kill {n}, {verb}");
    Some(carry_on)
}
