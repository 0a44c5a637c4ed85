//! Bad input gives the right exit code and message, and changes nothing.

use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use support::{Run, Scratch, binary, prepared, snapshot};

#[test]
fn usage_errors_are_exit_2_and_say_what_is_allowed() {
    let scratch = Scratch::new();
    let cases: [(&[&str], &str); 7] = [
        (&["harden", "--profile", "cis-debian12-l1-servr", "--plan"], "cis-debian12-l1-server"),
        (
            &["harden", "--profile", "cis-debian12-l1-server", "--only", "no_such_rule", "--plan"],
            "no_such_rule",
        ),
        (
            &["harden", "--profile", "cis-debian12-l1-server", "--set", "var_nothing=1", "--plan"],
            "var_nothing",
        ),
        (&["harden", "--profile", "cis-debian12-l1-server", "--skip", "x", "--plan"], "--reason"),
        (&["explain", "nothing"], "nothing"),
        (&["preflight", "--skip", "env.kernel", "--reason", "x"], "only waived"),
        (&["rollback", "--yes"], "no run"),
    ];
    for (arguments, said) in cases {
        let run = scratch.run(arguments).expect_code(2);
        assert!(run.stderr.contains(said), "{arguments:?} says:\n{}", run.stderr);
    }
    // The good twin of the first: the right name works.
    let _ = scratch.run(&["harden", "--profile", "cis-debian12-l1-server", "--plan"]).expect_code(0);
    let _ = scratch.run(&["explain", "sysctl_kernel_randomize_va_space"]).expect_code(0);
}

#[test]
fn an_answer_file_is_checked_with_line_and_column() {
    let scratch = Scratch::new();
    let check = |text: &str| {
        let path = scratch.write("answers.toml", text);
        scratch.run(&["answers", "check", path.to_str().unwrap()])
    };
    let _ = check("version = 1\n").expect_code(0);
    let broken = check("version = 1\n[harden\n").expect_code(2);
    assert!(broken.stderr.contains("answers.toml:2:"), "{}", broken.stderr);
    let unknown = check("version = 1\n[harden]\nprofil = \"x\"\n").expect_code(2);
    assert!(
        unknown.stderr.contains("answers.toml:3:1") && unknown.stderr.contains("did you mean `profile`?")
    );
    let sample = scratch.run(&["answers", "init"]).expect_code(0).stdout;
    let _ = check(&sample).expect_code(0);
}

#[test]
fn an_error_is_a_document_too() {
    let scratch = Scratch::new();
    let run = scratch.run(&["harden", "--profile", "nope", "--plan", "--output", "json"]).expect_code(2);
    let document = run.json();
    assert_eq!(document["exit"], 2);
    assert!(document["error"]["summary"].as_str().unwrap().contains("nope"));
}

#[test]
fn a_mistake_on_the_command_line_is_a_document_too() {
    let scratch = Scratch::new();
    for arguments in [
        &["bundle", "verify", "--output", "json"][..],
        &["--output=json", "bundle", "verify", "x.tar", "--no-such-flag"],
        &["--output", "json", "instal"],
        &["--output", "json"],
    ] {
        let run = scratch.run(arguments).expect_code(2);
        let document = run.json();
        assert_eq!((&document["exit"], &document["outcome"]), (&2.into(), &"error".into()), "{arguments:?}");
        let summary = document["error"]["summary"].as_str().unwrap();
        assert!(!summary.is_empty() && !run.stderr.is_empty(), "{arguments:?}: {run:?}");
    }
    let document = scratch.run(&["--output", "json", "instal"]).json();
    assert!(document["error"]["summary"].as_str().unwrap().contains("instal"), "{document}");
    // The good twins: for people there is no document, and help is no mistake.
    assert_eq!(scratch.run(&["bundle", "verify"]).expect_code(2).stdout, "");
    let help = scratch.run(&["--output", "json", "--help"]).expect_code(0);
    assert!(help.stdout.contains("Usage") && help.stderr.is_empty(), "{help:?}");
}

#[test]
fn who_may_not_change_the_machine_is_told_at_once() {
    let scratch = Scratch::new();
    std::fs::set_permissions(scratch.path(""), PermissionsExt::from_mode(0o711)).unwrap();
    std::fs::create_dir(scratch.path("data")).unwrap();
    let nobody = |arguments: &[&str]| {
        let mut command = Command::new("setpriv");
        scratch.prepare(&mut command);
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]).arg(binary()).args(arguments);
        Run::of(&command.output().unwrap())
    };
    let harden = ["harden", "--profile", "cis-debian12-l1-server", "--yes", "--no-progress"];
    for arguments in
        [&harden[..], &["install", "x.tar", "--answers", "x.toml"], &["resume"], &["recover"], &["rollback"]]
    {
        let refused = nobody(arguments).expect_code(1);
        assert!(refused.stderr.contains("user 65534"), "{arguments:?}: {}", refused.stderr);
        assert!(refused.stderr.contains("run it as root"), "{arguments:?}: {}", refused.stderr);
    }
    assert_eq!(std::fs::read_dir(scratch.path("data")).unwrap().count(), 0, "nothing was written");
    // The good twin: a look is for everybody, and what root is told is about the matter.
    let _ = nobody(&["profile", "list"]).expect_code(0);
    assert!(scratch.run(&["rollback"]).expect_code(2).stderr.contains("no run"));
}

/// Runs the binary on a root below a mount of its own, in a mount namespace of its own.
fn mounted(scratch: &Scratch, options: &str, prepare: &str) -> Run {
    let root = scratch.path("root");
    let script = format!(
        "set -e; mkdir -p /mnt; mount -t tmpfs -o size=24m tmpfs {root}-mount; cp -a {root}/. {root}-mount/; {prepare}; \
         {options}; set +e; {binary} harden --profile cis-debian12-l1-server --only cis:1.1.1,cis:7.1 --root {root}-mount --yes --no-progress; \
         code=$?; mount -o remount,rw {root}-mount; rm -rf {root}; cp -a {root}-mount {root}; exit $code",
        root = root.display(),
        binary = binary().display(),
    );
    std::fs::create_dir_all(format!("{}-mount", root.display())).unwrap();
    let mut command = Command::new("unshare");
    scratch.prepare(command.args(["-m", "sh", "-c", &script]));
    Run::of(&command.output().unwrap())
}

#[test]
fn a_read_only_root_fails_and_is_left_as_it_was() {
    let Some(debian) = prepared("GROUNDFAST_TEST_ROOT") else { return };
    let scratch = Scratch::new();
    let root = scratch.debian(&debian);
    let before = snapshot(&root);
    let run =
        mounted(&scratch, &format!("mount -o remount,ro {}-mount", root.display()), "true").expect_code(5);
    assert!(run.stdout.to_lowercase().contains("read-only"), "{}", run.stdout);
    assert_eq!(snapshot(&root), before);
    // The good twin: the same mount, writable.
    let _ = mounted(&scratch, "true", "true").expect_code(0);
    assert_ne!(snapshot(&root), before);
}

#[test]
fn a_full_disk_fails_and_is_taken_back() {
    let Some(debian) = prepared("GROUNDFAST_TEST_ROOT") else { return };
    let scratch = Scratch::new();
    let root = scratch.debian(&debian);
    let before = snapshot(&root);
    let fill = format!(
        "dd if=/dev/zero of={0}-mount/filler bs=4k 2>/dev/null || true; rm -f /dev/null.none",
        root.display()
    );
    let drop_filler = |mut seen: std::collections::BTreeMap<String, String>| {
        seen.remove("filler");
        seen
    };
    let run = mounted(&scratch, "true", &fill).expect_code(5);
    assert!(run.stdout.contains("No space left"), "{}", run.stdout);
    assert_eq!(drop_filler(snapshot(&root)), before);
}

#[test]
fn a_second_run_is_told_who_holds_the_lock() {
    let Some(debian) = prepared("GROUNDFAST_TEST_ROOT") else { return };
    let scratch = Scratch::new();
    let root = scratch.debian(&debian);
    std::fs::create_dir_all(scratch.path("data")).unwrap();
    let held = std::fs::File::create(scratch.path("data/lock")).unwrap();
    std::fs::write(scratch.path("data/lock"), "install run 01X, process 7").unwrap();
    rustix::fs::flock(&held, rustix::fs::FlockOperation::LockExclusive).unwrap();
    let profile = ["harden", "--profile", "cis-debian12-l1-server", "--only", "cis:1.1.1,cis:7.1"];
    let arguments = [&profile[..], &["--root", root.to_str().unwrap(), "--yes"]].concat();
    let refused = scratch.run(&arguments).expect_code(4);
    assert!(refused.stderr.contains("install run 01X, process 7"), "{}", refused.stderr);
    drop(held);
    let _ = scratch.run(&arguments).expect_code(0);
}
