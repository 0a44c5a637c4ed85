//! The lock-out guard on whole machines: taken back by the timer, at the next start, by a process that waits;
//! confirmed from a new login and from no other.

use std::time::{Duration, Instant};

use serde_json::Value;
use support::machine::{Disk, Machine, eventually};

const UNIT: &str = "/etc/systemd/system/groundfast-revert.service";
const CHANGED: &str = "/etc/ssh/sshd_config.d/00-groundfast.conf";

/// Hardens one rule of sshd, which is then to be confirmed within a time.
fn harden(within: &str) -> String {
    format!(
        "groundfast harden --profile cis-debian12-l1-server --only sshd_set_max_auth_tries --yes \
         --no-progress --confirm-within {within}"
    )
}

fn tries(machine: &Machine) -> String {
    machine.shell("sshd -T | grep -i maxauthtries").stdout.trim().to_owned()
}

fn status(machine: &Machine) -> Value {
    machine.shell("groundfast status --output json --no-progress").expect_code(0).json()["result"].clone()
}

/// How the last run stands.
fn last(machine: &Machine) -> String {
    let status = status(machine);
    status["runs"].as_array().unwrap().last().unwrap()["state"].as_str().unwrap().to_owned()
}

fn is_taken_back(machine: &Machine) {
    eventually("the run to be taken back", || (last(machine) == "rolled-back").then_some(()));
    assert_eq!(tries(machine), "maxauthtries 6");
    // The guard goes only after the run was sealed.
    let look = format!("ls {CHANGED} {UNIT} /etc/systemd/system/*/groundfast-revert.service");
    eventually("nothing to be left behind", || machine.shell(&look).stdout.is_empty().then_some(()));
    // Whoever took it back holds the lock until it is gone.
    let free = || (machine.shell("flock --nonblock /var/lib/groundfast/lock true").code == 0).then_some(());
    eventually("the lock to be free", free);
    assert_eq!(status(machine)["guard"], Value::Null);
}

#[test]
fn with_systemd_a_run_stays_only_when_a_new_login_confirms_it() {
    let Some(disk) = Disk::new() else { return };
    let machine = disk.start();
    assert_eq!(tries(&machine), "maxauthtries 6");

    the_last_way_in_is_not_closed(&machine);
    nobody_confirms(&machine);
    a_refused_configuration_is_never_told(&machine);
    a_new_login_confirms(&machine);
    the_console_confirms(&machine);

    // The plug is pulled before anybody confirmed.
    let _ = machine.login(&harden("10min")).expect_code(0);
    assert_eq!(tries(&machine), "maxauthtries 4");
    machine.cut_off();
    let machine = disk.start();
    is_taken_back(&machine);
    let log = machine.shell("journalctl --no-pager -u groundfast-revert.service").stdout;
    assert!(log.contains("nobody confirmed it"), "the unit of the start did it: {log}");
    let order = machine.shell("systemctl is-active ssh.service").stdout;
    assert_eq!(order.trim(), "active");
    let _ = machine.login("true").expect_code(0);
}

/// Root is the only operator here, and comes in by key.
fn the_last_way_in_is_not_closed(machine: &Machine) {
    let only = "groundfast harden --profile cis-debian12-l1-server --yes --no-progress --only sshd_disable_root_login";
    let stopped = machine.login(only).expect_code(3);
    let said = "nobody: root can no longer";
    assert!(
        stopped.stdout.contains("access.operators") && stopped.stdout.contains(said),
        "{}",
        stopped.stdout
    );
    assert_eq!(status(machine)["runs"], serde_json::json!([]), "no run was begun");
}

fn nobody_confirms(machine: &Machine) {
    let mut old = machine.stay();
    let done = old.run(&harden("20s")).expect_code(0);
    assert!(done.stdout.contains("`groundfast confirm`"), "{}", done.stdout);
    assert_eq!(
        (last(machine).as_str(), tries(machine).as_str()),
        ("awaiting-confirmation", "maxauthtries 4")
    );
    assert_eq!(machine.shell("systemctl is-enabled groundfast-revert.service").stdout.trim(), "enabled");
    assert_eq!(machine.shell("systemctl is-active groundfast-deadline.timer").stdout.trim(), "active");
    let left = status(machine)["guard"]["left_seconds"].as_u64().unwrap();
    assert!((1..=20).contains(&left), "{left}");

    let refused = old.run("groundfast confirm").expect_code(4);
    assert!(refused.stdout.contains("this login began before"), "{}", refused.stdout);
    // A new session and terminal of the old login is still the old login.
    let refused = old.run("script -qec 'setsid -w groundfast confirm' /dev/null").expect_code(4);
    assert!(refused.stdout.contains("this login began before"), "{}", refused.stdout);
    let refused = machine.shell("groundfast confirm").expect_code(4);
    assert!(refused.stderr.contains("from no login"), "{}", refused.stderr);
    let second = machine.login(&harden("20s")).expect_code(4);
    assert!(
        second.stderr.contains("groundfast confirm") && second.stderr.contains("groundfast rollback"),
        "{}",
        second.stderr
    );
    is_taken_back(machine);
    let _ = machine.login("groundfast confirm").expect_code(2);
}

/// A file of somebody else's that sshd refuses: the check stops the run before sshd hears of it.
fn a_refused_configuration_is_never_told(machine: &Machine) {
    let _ = machine.shell("echo MaxAuthTrees 4 >/etc/ssh/sshd_config.d/50-typo.conf").expect_code(0);
    let failed = machine.login(&harden("10min")).expect_code(5);
    assert!(failed.stdout.contains("MaxAuthTrees"), "what sshd said is told: {}", failed.stdout);
    let _ = machine.shell("rm /etc/ssh/sshd_config.d/50-typo.conf").expect_code(0);
    is_taken_back(machine);
    let _ = machine.login("true").expect_code(0);
}

fn a_new_login_confirms(machine: &Machine) {
    let _ = machine.login(&harden("10min")).expect_code(0);
    let kept = machine.login("groundfast confirm").expect_code(0);
    assert!(kept.stdout.contains("is kept: this login over ssh"), "{}", kept.stdout);
    assert_eq!((last(machine).as_str(), tries(machine).as_str()), ("enforced", "maxauthtries 4"));
    let _ = machine.shell(&format!("test ! -e {UNIT}")).expect_code(0);
    let _ = machine.shell("systemctl is-active groundfast-deadline.timer").expect_code(3);
    let _ = machine.shell("groundfast drift --no-progress").expect_code(0);
}

/// Taking back is guarded as well, and the console is a login too.
fn the_console_confirms(machine: &Machine) {
    let _ = machine.login("groundfast rollback --yes --no-progress --confirm-within 10min").expect_code(0);
    assert_eq!(
        (last(machine).as_str(), tries(machine).as_str()),
        ("awaiting-confirmation", "maxauthtries 6")
    );
    let console =
        "(sleep 1; echo groundfast confirm; sleep 4; echo exit) | script -qec 'login -f root' /dev/null";
    let console = machine.shell(console);
    assert!(console.stdout.contains("is kept: this login over login"), "{}", console.stdout);
    assert_eq!(last(machine), "enforced");
}

#[test]
fn without_systemd_a_process_waits_for_the_deadline() {
    let Some(disk) = Disk::new() else { return };
    let machine = disk.start_without_systemd();
    let _ = machine.login(&harden("6s")).expect_code(0);
    assert_eq!(tries(&machine), "maxauthtries 4");
    is_taken_back(&machine);

    let begun = Instant::now();
    let _ = machine.login(&harden("6s")).expect_code(0);
    let _ = machine.login("groundfast confirm").expect_code(0);
    eventually("the deadline to pass", || (begun.elapsed() > Duration::from_secs(12)).then_some(()));
    assert_eq!((last(&machine).as_str(), tries(&machine).as_str()), ("enforced", "maxauthtries 4"));
    let _ = machine.shell("pgrep -f [r]ecover..*unconfirmed").expect_code(1);

    // The operator may also take it back at once.
    let _ = machine.login("groundfast rollback --yes --no-progress --confirm-within 10min").expect_code(0);
    let _ = machine.login("groundfast rollback --yes --no-progress").expect_code(0);
    assert_eq!((last(&machine).as_str(), tries(&machine).as_str()), ("rolled-back", "maxauthtries 4"));

    // Only --yes declines the guard, and it is said.
    let declined = machine.login("groundfast rollback --yes --no-progress --confirm-within 0").expect_code(0);
    assert!(declined.stderr.contains("not guarded"), "{}", declined.stderr);
    assert_eq!((last(&machine).as_str(), tries(&machine).as_str()), ("enforced", "maxauthtries 6"));
}
