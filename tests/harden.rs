//! Hardening a scratch root: plan, enforce, drift, roll back, on real Debian files.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde_json::Value;
use support::{Scratch, finding, prepared, snapshot};

const PROFILE: &str = "cis-debian12-l1-server";

fn harden<'a>(root: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let mut arguments =
        vec!["harden", "--profile", PROFILE, "--root", root, "--no-progress", "--output", "json"];
    arguments.extend(more);
    arguments
}

fn verdicts(document: &Value, verdict: &str) -> usize {
    document["findings"].as_array().unwrap().iter().filter(|finding| finding["verdict"] == verdict).count()
}

/// Hardens. What is left needs a person (partitions, packages, how people log in), so the exit is 3.
fn hardened(scratch: &Scratch, root: &str, more: &[&str]) -> Value {
    let done = scratch.run(&harden(root, more)).expect_code(3).json();
    assert_eq!(done["outcome"], "enforced");
    let open = |finding: &&Value| matches!(finding["verdict"].as_str(), Some("fail" | "error" | "unknown"));
    for finding in done["findings"].as_array().unwrap().iter().filter(open) {
        assert_eq!(finding["remedy"], false, "what can be mended was mended: {finding}");
    }
    done
}

fn mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn a_root_is_hardened_watched_and_given_back() {
    let Some(debian) = prepared("GROUNDFAST_TEST_ROOT") else { return };
    let scratch = Scratch::new();
    let root = scratch.debian(&debian);
    let at = root.to_str().unwrap();
    rustix::fs::setxattr(root.join("etc/issue"), "user.note", b"kept", rustix::fs::XattrFlags::empty())
        .unwrap();
    let before = snapshot(&root);

    let planned = scratch.run(&harden(at, &["--plan"])).expect_code(0).json();
    assert_eq!(snapshot(&root), before, "a plan changes nothing");
    assert_eq!(planned["outcome"], "planned");
    assert_eq!(planned["findings"].as_array().unwrap().len(), 420);
    assert!(planned["plan"]["diffs"].as_array().unwrap().len() > 40, "a diff a rule");

    let done = hardened(&scratch, at, &["--yes"]);
    assert!(verdicts(&done, "fixed") > 60);

    let again = scratch.run(&harden(at, &["--plan"])).expect_code(0).json();
    assert_eq!(again["plan"]["stages"].as_array().unwrap().len(), 0, "a second plan is empty");
    let _ = scratch.run(&["drift", "--no-progress"]).expect_code(0);

    let rolled =
        scratch.run(&["rollback", "--yes", "--no-progress", "--output", "json"]).expect_code(0).json();
    assert_eq!(rolled["outcome"], "enforced");
    assert_eq!(snapshot(&root), before, "bytes, modes, owners and extended attributes are back");
}

#[test]
fn drift_names_what_was_tampered_with() {
    let Some(debian) = prepared("GROUNDFAST_TEST_ROOT") else { return };
    let scratch = Scratch::new();
    let root = scratch.debian(&debian);
    let at = root.to_str().unwrap();
    let _ = hardened(&scratch, at, &["--yes"]);
    let append = |name: &str, text: &str| {
        let path = root.join(name);
        let old = fs::read_to_string(&path).unwrap();
        fs::write(&path, old + text).unwrap();
    };
    let link = |target: &str, name: &str| {
        let _ = fs::remove_file(root.join(name));
        std::os::unix::fs::symlink(target, root.join(name)).unwrap();
    };
    let tampered: Vec<(&str, &str, Box<dyn Fn()>)> = vec![
        ("a widened mode", "file_permissions_etc_passwd", Box::new(|| mode(&root.join("etc/passwd"), 0o666))),
        (
            "a weakened key",
            "accounts_password_pam_minlen",
            Box::new(|| append("etc/security/pwquality.conf", "\nminlen = 6\n")),
        ),
        (
            "a parameter turned round in a later file",
            "sysctl_net_ipv4_conf_all_accept_redirects",
            Box::new(|| {
                fs::write(root.join("etc/sysctl.d/zzz.conf"), "net.ipv4.conf.all.accept_redirects = 1\n")
                    .unwrap()
            }),
        ),
        (
            "root let in over ssh",
            "sshd_disable_root_login",
            Box::new(|| {
                let path = root.join("etc/ssh/sshd_config.d/00-groundfast.conf");
                let old = fs::read_to_string(&path).unwrap();
                fs::write(&path, old.replace("PermitRootLogin no", "PermitRootLogin yes")).unwrap();
            }),
        ),
        (
            "a module let in again",
            "kernel_module_cramfs_disabled",
            Box::new(|| fs::remove_file(root.join("etc/modprobe.d/groundfast.conf")).unwrap()),
        ),
        (
            "a masked unit",
            "service_cron_enabled",
            Box::new(|| link("/dev/null", "etc/systemd/system/cron.service")),
        ),
        (
            "an edited file",
            "pin:file /etc/sysctl.d/99-zz-groundfast.conf",
            Box::new(|| append("etc/sysctl.d/99-zz-groundfast.conf", "# me\n")),
        ),
    ];
    let clean = scratch.run(&["drift", "--no-progress", "--output", "json"]).expect_code(0).json();
    for (what, control, tamper) in tampered {
        assert_eq!(finding(&clean, control)["verdict"], "pass", "{what}: it held before");
        tamper();
        let drift = scratch.run(&["drift", "--no-progress", "--output", "json"]).expect_code(3).json();
        assert_eq!(finding(&drift, control)["verdict"], "fail", "{what}");
        assert_eq!(drift["outcome"], "drifted");
    }
}

#[test]
fn only_skip_and_set_choose_what_is_judged() {
    let Some(debian) = prepared("GROUNDFAST_TEST_ROOT") else { return };
    let scratch = Scratch::new();
    let root = scratch.debian(&debian);
    let at = root.to_str().unwrap();
    let one =
        scratch.run(&harden(at, &["--only", "sshd_set_max_auth_tries", "--plan"])).expect_code(0).json();
    assert_eq!(one["findings"].as_array().unwrap().len(), 1);
    let loose = ["--only", "sshd_set_max_auth_tries", "--set", "sshd_max_auth_tries_value=9", "--plan"];
    let set = scratch.run(&harden(at, &loose)).expect_code(0).json();
    assert_eq!(finding(&one, "sshd_set_max_auth_tries")["verdict"], "fail", "6 is more than 4");
    assert_eq!(finding(&set, "sshd_set_max_auth_tries")["verdict"], "pass", "6 is at most 9");
    let skip = ["--skip", "sshd_set_max_auth_tries", "--reason", "bastion", "--plan"];
    let skipped = scratch.run(&harden(at, &skip)).expect_code(0).json();
    let skipped = finding(&skipped, "sshd_set_max_auth_tries");
    assert_eq!(skipped["verdict"], "notchecked");
    assert!(skipped["actual"].as_str().unwrap().contains("bastion"), "{skipped}");
}

#[test]
fn a_stored_plan_is_enforced_or_refused_as_stale() {
    let Some(debian) = prepared("GROUNDFAST_TEST_ROOT") else { return };
    let scratch = Scratch::new();
    let root = scratch.debian(&debian);
    let at = root.to_str().unwrap();
    let plan = scratch.path("plan.json");
    let plan = plan.to_str().unwrap();
    let _ = scratch.run(&harden(at, &["--plan-out", plan])).expect_code(0);
    mode(&root.join("etc/passwd"), 0o666);
    let before = snapshot(&root);
    let stale = scratch.run(&harden(at, &["--plan-in", plan])).expect_code(4);
    assert!(stale.stderr.contains("stale"), "{}", stale.stderr);
    assert_eq!(snapshot(&root), before, "nothing was changed");
    mode(&root.join("etc/passwd"), 0o644);
    let _ = hardened(&scratch, at, &["--plan-in", plan]);
}

#[test]
fn without_approval_the_plan_is_printed_and_nothing_changes() {
    let Some(debian) = prepared("GROUNDFAST_TEST_ROOT") else { return };
    let scratch = Scratch::new();
    let root = scratch.debian(&debian);
    let before = snapshot(&root);
    let run = scratch.run(&["harden", "--profile", PROFILE, "--root", root.to_str().unwrap()]).expect_code(2);
    assert!(run.stdout.contains("plan sha256:"), "{}", run.stdout);
    assert!(run.stderr.contains("--yes"), "{}", run.stderr);
    assert_eq!(snapshot(&root), before);
    assert!(!scratch.path("data").join("runs").exists(), "no run was begun");
}

#[test]
fn a_rule_without_a_remedy_stays_failed_and_makes_exit_3() {
    let Some(debian) = prepared("GROUNDFAST_TEST_ROOT") else { return };
    let scratch = Scratch::new();
    let root = scratch.debian(&debian);
    let status = root.join("var/lib/dpkg/status");
    let text = fs::read_to_string(&status).unwrap();
    fs::write(&status, text.replace("Package: rsyslog\n", "Package: other\n")).unwrap();
    let done = hardened(&scratch, root.to_str().unwrap(), &["--yes"]);
    let left = finding(&done, "package_rsyslog_installed");
    assert_eq!((&left["verdict"], &left["remedy"]), (&"fail".into(), &false.into()), "{left}");
    assert!(left["mend"].as_str().unwrap().contains("apt install rsyslog"), "{left}");
}
