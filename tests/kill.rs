//! A real `kill -9` at every system call that makes something durable, then `resume` or `recover`.

use std::process::Command;

use support::{Run, Scratch, binary, prepared, snapshot};

const HARDEN: [&str; 6] =
    ["harden", "--profile", "cis-debian12-l1-server", "--yes", "--no-progress", "--root"];

/// Runs `harden` and kills it at the n-th call that writes, syncs or renames. `None` when it was not reached.
fn killed_at(scratch: &Scratch, root: &str, n: usize) -> Option<Run> {
    let calls = "fsync,fdatasync,rename,renameat,renameat2,unlinkat,fchmod,fchown,symlinkat,mkdirat";
    let mut command = Command::new("strace");
    scratch.prepare(&mut command);
    command.args(["-f", "-qq", "-o", "/dev/null", "-e", &format!("trace={calls}")]);
    command.args(["-e", &format!("inject={calls}:signal=KILL:when={n}")]);
    let output = command.arg(binary()).args(HARDEN).arg(root).output().unwrap();
    let run = Run::of(&output);
    (run.code == 137).then_some(run)
}

/// Which kills are tried: every one with `GROUNDFAST_TEST_FULL`, else every seventh.
fn kills() -> impl Iterator<Item = usize> {
    let step = if std::env::var_os("GROUNDFAST_TEST_FULL").is_some() { 1 } else { 7 };
    (1..).step_by(step)
}

#[test]
fn a_kill_at_any_point_is_resumed_to_the_same_end_or_taken_back_to_the_start() {
    let Some(debian) = prepared("GROUNDFAST_TEST_ROOT") else { return };
    let clean = Scratch::new();
    let root = clean.debian(&debian);
    let before = snapshot(&root);
    let _ = clean.run(&[&HARDEN[..], &[root.to_str().unwrap()]].concat()).expect_code(3);
    let hardened = snapshot(&root);
    assert_ne!(before, hardened);

    let (mut resumed, mut recovered, mut early) = (0, 0, 0);
    for n in kills() {
        let scratch = Scratch::new();
        let root = scratch.debian(&debian);
        let at = root.to_str().unwrap();
        if killed_at(&scratch, at, n).is_none() {
            break;
        }
        let status = scratch.run(&["status", "--output", "json", "--no-progress"]).expect_code(0).json();
        let state = status["result"]["runs"][0]["state"].clone();
        if state != "interrupted" {
            // Power went before the run began or after it was sealed: there is nothing to take up.
            let now = snapshot(&root);
            assert!(now == before || now == hardened, "kill {n}: neither before nor after");
            early += 1;
            continue;
        }
        let refused = scratch.run(&[&HARDEN[..], &[at]].concat()).expect_code(4);
        assert!(refused.stderr.contains("groundfast resume"), "{}", refused.stderr);
        if n % 2 == 0 {
            let _ = scratch.run(&["recover", "--no-progress"]).expect_code(0);
            assert_eq!(snapshot(&root), before, "kill {n}, recover");
            recovered += 1;
        } else {
            let _ = scratch.run(&["resume", "--no-progress"]).expect_code(0);
            assert_eq!(snapshot(&root), hardened, "kill {n}, resume");
            resumed += 1;
        }
    }
    assert!(
        resumed >= 3 && recovered >= 3 && early >= 1,
        "{resumed} resumed, {recovered} recovered, {early} early"
    );
}
