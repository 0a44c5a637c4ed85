//! Taking runs back as a plan like any other: stored, approved, refused when somebody else was there.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use support::{Run, Scratch, snapshot};

const CONTROL: &str = "file_permissions_etc_shadow,banner_etc_issue_cis";

/// A root with little in it, hardened by one run, and what it was before.
struct Hardened {
    scratch: Scratch,
    root: PathBuf,
    before: std::collections::BTreeMap<String, String>,
}

impl Hardened {
    fn new() -> Self {
        let scratch = Scratch::new();
        let _ = scratch.write("root/etc/os-release", "ID=debian\nVERSION_ID=\"12\"\n");
        let _ = scratch.write("root/etc/group", "root:x:0:\nshadow:x:42:\n");
        let _ = scratch.write("root/etc/passwd", "root:x:0:0:root:/root:/bin/sh\n");
        let _ = scratch.write("root/etc/issue", "Debian GNU/Linux 12 \\n \\l\n");
        let shadow = scratch.write("root/etc/shadow", "root:*:19000:0:99999:7:::\n");
        fs::set_permissions(shadow, fs::Permissions::from_mode(0o644)).unwrap();
        let root = scratch.path("root");
        let before = snapshot(&root);
        let hardened = Self { scratch, root, before };
        let _ = hardened.harden().expect_code(0);
        assert_ne!(snapshot(&hardened.root), hardened.before);
        hardened
    }

    fn harden(&self) -> Run {
        let root = self.root.to_str().unwrap();
        let profile = ["harden", "--profile", "cis-debian12-l1-server", "--only", CONTROL];
        self.scratch.run(&[&profile[..], &["--root", root, "--yes", "--no-progress"]].concat())
    }

    fn rollback(&self, more: &[&str]) -> Run {
        self.scratch.run(&[&["rollback", "--no-progress", "--output", "json"], more].concat())
    }

    #[track_caller]
    fn is_back(&self) {
        assert_eq!(snapshot(&self.root), self.before);
    }
}

#[test]
fn a_stored_plan_is_taken_back_exactly() {
    let site = Hardened::new();
    let hardened = snapshot(&site.root);
    let plan = site.scratch.path("plan.json");
    let plan = plan.to_str().unwrap();
    assert!(
        site.rollback(&["--plan-in", "/nonexistent", "--yes"]).expect_code(2).stderr.contains("/nonexistent")
    );
    let stored = site.rollback(&["--plan-out", plan]).expect_code(0).json();
    assert_eq!(stored["outcome"], "planned");
    assert!(fs::read_to_string(plan).unwrap().contains(stored["plan"]["digest"].as_str().unwrap()));
    let whole = fs::read_to_string(plan).unwrap();
    fs::write(plan, whole.replace("\"mode\": 420", "\"mode\": 511")).unwrap();
    let altered = site.rollback(&["--plan-in", plan]).expect_code(2);
    assert!(altered.stderr.contains("altered"), "{}", altered.stderr);
    // An approval that is given has to count, though taking back needs none.
    let unsigned = site.scratch.write("approval.json", "{}");
    let _ = site.rollback(&["--yes", "--approval", unsigned.to_str().unwrap()]).expect_code(4);
    assert_eq!(snapshot(&site.root), hardened, "nothing was changed yet");
    fs::write(plan, whole).unwrap();
    assert_eq!(site.rollback(&["--plan-in", plan]).expect_code(0).json()["outcome"], "enforced");
    site.is_back();
}

#[test]
fn runs_that_changed_nothing_are_taken_back_with_the_one_before_them() {
    let site = Hardened::new();
    let _ = site.harden().expect_code(0);
    let _ = site.harden().expect_code(0);
    let _ = site.rollback(&["--yes"]).expect_code(0);
    site.is_back();
    let nothing = site.rollback(&["--yes"]).expect_code(2);
    assert!(nothing.stderr.contains("no run to take back"), "{}", nothing.stderr);
}

#[test]
fn what_a_stranger_changed_since_is_named_before_anything_is_written() {
    let site = Hardened::new();
    let left = fs::read_to_string(site.root.join("etc/issue")).unwrap();
    fs::write(site.root.join("etc/issue"), format!("{left}a line of mine\n")).unwrap();
    let edited = snapshot(&site.root);
    let runs = || fs::read_dir(site.scratch.path("data/runs")).unwrap().count();
    let begun = runs();
    let refused = site.rollback(&["--yes"]).expect_code(4);
    for said in ["/etc/issue", "next:", "drift", "groundfast rollback 0"] {
        assert!(refused.stderr.contains(said), "{said}: {}", refused.stderr);
    }
    assert!(!refused.stderr.contains("the plan was made when"), "{}", refused.stderr);
    assert_eq!((snapshot(&site.root), runs()), (edited, begun), "nothing was written");
    // The good twin: as the run left it.
    fs::write(site.root.join("etc/issue"), left).unwrap();
    let _ = site.rollback(&["--yes"]).expect_code(0);
    site.is_back();
}

#[test]
fn a_plan_that_nobody_approved_is_one_document() {
    let site = Hardened::new();
    let refused = site.rollback(&[]).expect_code(2).json();
    assert_eq!((&refused["outcome"], &refused["exit"]), (&"error".into(), &2.into()));
    assert!(refused["plan"]["digest"].as_str().unwrap().starts_with("sha256:"), "{refused}");
    let text = site.scratch.run(&["rollback"]).expect_code(2);
    assert!(text.stdout.contains("plan sha256:") && text.stderr.contains("--yes"), "{text:?}");
}
