//! Remedies on a whole Debian root: all that can be mended is, the system's own tools agree, and what would undo
//! another rule is refused.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::disallowed_methods,
    clippy::print_stderr,
    reason = "a test that cannot be set up must stop, and tests make their own places"
)]

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use support::{Run, Scratch, finding, prepared, snapshot};

const STACKS: [&str; 4] = ["auth", "account", "password", "session"];

fn harden(scratch: &Scratch, root: &Path, more: &[&str]) -> Run {
    let mut arguments =
        vec!["harden", "--profile", "cis-debian12-l2-server", "--no-progress", "--output", "json"];
    arguments.extend(["--root", root.to_str().unwrap()]);
    arguments.extend(more);
    scratch.run(&arguments)
}

/// The whole prepared root, copied.
fn whole(scratch: &Scratch) -> Option<PathBuf> {
    let debian = prepared("GROUNDFAST_TEST_ROOT")?;
    let root = scratch.path("whole");
    let status = Command::new("cp").arg("-a").arg(&debian).arg(&root).status().unwrap();
    assert!(status.success(), "copying {}", debian.display());
    Some(root)
}

fn steps(document: &Value) -> usize {
    document["plan"]["stages"].as_array().unwrap().len()
}

/// The lines of the stacks that pam-auth-update writes, without what it pads them with.
fn stacks(root: &Path) -> BTreeMap<&'static str, String> {
    let read = |kind| (kind, fs::read_to_string(root.join(format!("etc/pam.d/common-{kind}"))).unwrap());
    STACKS.into_iter().map(read).collect()
}

#[test]
fn a_level_2_root_is_mended_as_pam_auth_update_would_and_given_back() {
    let scratch = Scratch::new();
    let Some(root) = whole(&scratch) else { return };
    let before = snapshot(&root);
    let done = harden(&scratch, &root, &["--yes"]).expect_code(3).json();
    let verdicts = |verdict: &str| {
        let all = done["findings"].as_array().unwrap();
        all.iter().filter(|finding| finding["verdict"] == verdict).count()
    };
    assert!(verdicts("fixed") >= 104, "{} rules were mended", verdicts("fixed"));
    for (id, line) in [
        ("accounts_passwords_pam_faillock_enabled", "auth\t[default=die] pam_faillock.so authfail\n"),
        ("accounts_passwords_pam_faillock_deny", "auth\trequisite pam_faillock.so preauth\n"),
        ("accounts_password_pam_pwhistory_enabled", "requisite pam_pwhistory.so use_authtok"),
        ("accounts_password_pam_pwhistory_remember", " remember=24"),
        ("no_empty_passwords_unix", "auth\t[success=2 default=ignore]\tpam_unix.so\n"),
    ] {
        assert_eq!(finding(&done, id)["verdict"], "fixed", "{id}");
        assert!(stacks(&root).values().any(|text| text.contains(line)), "{line}");
    }
    assert_eq!(
        steps(&harden(&scratch, &root, &["--plan"]).expect_code(0).json()),
        0,
        "a second plan is empty"
    );

    // The system's own tool finds its profiles in what was written, and changes nothing that matters.
    let ours = stacks(&root);
    let again = scratch.path("again");
    assert!(Command::new("cp").arg("-a").arg(&root).arg(&again).status().unwrap().success());
    let tool = Command::new("chroot")
        .arg(&again)
        .args(["env", "-i", "DEBIAN_FRONTEND=noninteractive", "PATH=/usr/sbin:/usr/bin:/sbin:/bin"])
        .args(["pam-auth-update", "--package"])
        .output()
        .unwrap();
    assert!(tool.status.success() && tool.stderr.is_empty(), "{tool:?}");
    let theirs = stacks(&again);
    for kind in STACKS {
        // A module that is no longer the first is told to try the password that was given already.
        assert_eq!(
            theirs[kind].replace("pam_unix.so try_first_pass\n", "pam_unix.so\n"),
            ours[kind],
            "{kind}"
        );
    }
    let judged = harden(&scratch, &again, &["--plan"]).expect_code(0).json();
    assert_eq!(steps(&judged), 0, "what the tool wrote passes");

    let _ = scratch.run(&["rollback", "--yes", "--no-progress", "--output", "json"]).expect_code(0);
    assert_eq!(snapshot(&root), before, "bytes, modes, owners and extended attributes are back");
}

#[test]
fn a_remedy_that_undoes_another_rule_is_refused_before_any_change() {
    let Some(debian) = prepared("GROUNDFAST_TEST_ROOT") else { return };
    let scratch = Scratch::new();
    let root = scratch.debian(&debian);
    let units = root.join("etc/systemd/system");
    // A site that keeps its time by a chrony of its own.
    fs::write(
        root.join("usr/lib/systemd/system/chrony.service"),
        "[Unit]\nDescription=clock\n[Service]\nExecStart=/bin/true\n[Install]\nWantedBy=multi-user.target\n",
    )
    .unwrap();
    symlink("/usr/lib/systemd/system/chrony.service", units.join("multi-user.target.wants/chrony.service"))
        .unwrap();
    for link in ["sysinit.target.wants/systemd-timesyncd.service", "dbus-org.freedesktop.timesync1.service"] {
        fs::remove_file(units.join(link)).unwrap();
    }
    let before = snapshot(&root);
    let refused = harden(&scratch, &root, &["--yes"]).expect_code(1);
    let said = &refused.stderr;
    assert!(said.contains("service_timesyncd_configured makes ntp_single_service_active fail"), "{said}");
    assert!(said.contains("nothing was changed") && said.contains("--skip"), "{said}");
    assert_eq!(snapshot(&root), before);
    // The way out that is named, for both rules that want the other clock.
    let skip = ["--skip", "service_timesyncd_enabled", "--skip", "service_timesyncd_configured"];
    let way: Vec<_> = skip.into_iter().chain(["--reason", "the site has chrony", "--plan"]).collect();
    let planned = harden(&scratch, &root, &way).expect_code(0).json();
    assert_eq!(finding(&planned, "ntp_single_service_active")["verdict"], "pass");
}
