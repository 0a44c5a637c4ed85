//! PAM as it is configured: what would lock people out, and what would not.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot be set up must stop")]

use std::collections::BTreeMap;

use model::{HostPath, Unread};
use syntax::Source;
use syntax::accounts::login;

struct Map(BTreeMap<String, String>);

impl Source for Map {
    fn text(&self, path: &HostPath) -> Result<Option<String>, Unread> {
        match self.0.get(path.as_str()) {
            Some(text) if text == "unreadable" => Err(Unread::Denied(path.to_string())),
            other => Ok(other.cloned()),
        }
    }

    fn names(&self, folder: &HostPath) -> Result<Vec<String>, Unread> {
        let below = |path: &String| path.strip_prefix(folder.as_str())?.strip_prefix('/').map(str::to_owned);
        let rests = self.0.keys().filter_map(below);
        Ok(rests.map(|rest| rest.split('/').next().unwrap().to_owned()).collect())
    }

    fn link(&self, _: &HostPath) -> Result<Option<String>, Unread> {
        Ok(None)
    }
}

const AUTH: &str = "auth [success=1 default=ignore] pam_unix.so nullok\nauth requisite pam_deny.so\nauth required pam_permit.so\n";
const ACCOUNT: &str = "account [success=1 new_authtok_reqd=done default=ignore] pam_unix.so\naccount requisite pam_deny.so\naccount required pam_permit.so\n";
const SSHD: &str = "# sshd\n@include common-auth\naccount required pam_nologin.so\n@include common-account\n\
    session [success=ok ignore=ignore module_unknown=ignore default=bad] pam_selinux.so close\n\
    -session optional pam_systemd.so\n";

/// Debian's own files, with some of them replaced.
fn system(replaced: &[(&str, &str)]) -> Map {
    let mut files = BTreeMap::new();
    for module in ["pam_unix", "pam_deny", "pam_permit", "pam_nologin", "pam_selinux", "pam_faillock"] {
        files.insert(format!("/usr/lib/x86_64-linux-gnu/security/{module}.so"), String::new());
    }
    for (name, text) in
        [("sshd", SSHD), ("common-auth", AUTH), ("common-account", ACCOUNT), ("login", SSHD), ("sudo", SSHD)]
            .iter()
            .chain(replaced)
    {
        files.insert(format!("/etc/pam.d/{name}"), (*text).to_owned());
    }
    Map(files)
}

fn faults(replaced: &[(&str, &str)]) -> Vec<String> {
    login::faults(&system(replaced)).unwrap()
}

#[test]
fn what_debian_and_red_hat_ship_lets_people_in() {
    assert_eq!(faults(&[]), [""; 0]);
    let faillock = "auth required pam_faillock.so preauth\nauth [success=1 default=ignore] pam_unix.so\n\
        auth [default=die] pam_faillock.so authfail\nauth required pam_faillock.so authsucc\n";
    assert_eq!(faults(&[("common-auth", faillock)]), [""; 0]);
    let sufficient = "auth sufficient pam_unix.so\nauth required pam_deny.so\n";
    assert_eq!(faults(&[("common-auth", sufficient)]), [""; 0]);
    let substack =
        "auth substack password-auth\nauth required pam_nologin.so\naccount include password-auth\n";
    let password = "auth sufficient pam_unix.so\nauth required pam_deny.so\naccount required pam_unix.so\n";
    assert_eq!(faults(&[("sshd", substack), ("password-auth", password)]), [""; 0]);
    let continued = "auth required \\\n  pam_unix.so\n";
    assert_eq!(faults(&[("common-auth", continued), ("old.dpkg-dist", "not a rule at all")]), [""; 0]);
}

#[test]
fn what_lets_nobody_in_is_found() {
    let in_all = |group: &str| {
        ["sshd", "login", "sudo"]
            .map(|service| format!("/etc/pam.d/{service}: no {group} can succeed any more"))
    };
    for auth in [
        "auth required pam_deny.so\nauth sufficient pam_unix.so\n",
        "auth requisite pam_deny.so\nauth required pam_permit.so\n",
        // One jump too short, one too long.
        "auth [success=ignore default=ignore] pam_unix.so\nauth requisite pam_deny.so\n",
        "auth [success=5 default=ignore] pam_unix.so\nauth requisite pam_deny.so\n",
        // Nothing says yes.
        "auth [success=1 default=ignore] pam_unix.so\nauth requisite pam_deny.so\n",
        "",
    ] {
        assert_eq!(faults(&[("common-auth", auth)]), in_all("auth"), "{auth}");
    }
    let account = "account required pam_deny.so\n";
    assert_eq!(faults(&[("common-account", account)]), in_all("account"));
    // A substack that ends for good does not end the whole stack well.
    let substack = "auth substack inner\nauth required pam_deny.so\naccount required pam_unix.so\n";
    let inner = "auth sufficient pam_permit.so\n";
    assert_eq!(
        faults(&[("sshd", substack), ("inner", inner)]),
        ["/etc/pam.d/sshd: no auth can succeed any more"]
    );
}

#[test]
fn what_does_not_hold_together_is_named_with_its_line() {
    for (line, fault) in [
        ("auth required pam_faillok.so", "the module pam_faillok.so is not installed"),
        ("auth required /lib/security/pam_mine.so", "the module /lib/security/pam_mine.so is not installed"),
        ("@include common-nothing", "it includes common-nothing, which is not there"),
        ("auth substack nothing", "it includes nothing, which is not there"),
        ("auth requird pam_unix.so", "an unknown control"),
        ("auht required pam_unix.so", "an unknown type"),
        ("auth [success=1 pam_unix.so", "a `[` without its `]`"),
        ("auth required", "no module"),
    ] {
        assert_eq!(faults(&[("other", &format!("# x\n{line}\n"))]), [format!("/etc/pam.d/other:2: {fault}")]);
    }
    assert_eq!(
        faults(&[("other", "-auth required pam_gone.so\n")]),
        [""; 0],
        "a dash says it may be missing"
    );
}

#[test]
fn what_cannot_be_read_is_no_answer() {
    assert!(matches!(login::faults(&system(&[("common-auth", "unreadable")])), Err(Unread::Denied(_))));
    let circle = login::faults(&system(&[("common-auth", "@include common-auth\n")]));
    assert!(matches!(circle, Err(Unread::Malformed(_))), "{circle:?}");
}
