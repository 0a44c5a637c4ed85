//! Mandatory access control.

use model::{Fact, State};

use super::*;

pub(super) fn selinux() -> Vec<Case> {
    let enforcing = r#"{ kind = "selinux", modes = ["enforcing"] }"#;
    let on = r#"{ kind = "selinux", modes = ["enforcing", "permissive"] }"#;
    let policy = r#"{ kind = "selinux", policy = "targeted" }"#;
    let config = |text: &str| m().with("/etc/selinux/config", text);
    vec![
        case(enforcing, config("# SELINUX=disabled\nSELINUX=enforcing\n"), Pass, "cannot be seen here"),
        case(enforcing, config("SELINUX=permissive\n"), Fail, "says permissive"),
        stuck(
            enforcing,
            config("SELINUX=enforcing\n").with("/sys/fs/selinux/enforce", "0"),
            "running permissive",
        ),
        stuck(
            enforcing,
            config("SELINUX=enforcing\n").with("/sys/kernel/security/lsm", "lockdown,apparmor"),
            "running disabled",
        ),
        stuck(enforcing, config("SELINUX=disabled\n"), "says disabled"),
        stuck(enforcing, m(), "names no mode"),
        case(on, config("SELINUX=disabled\n"), Fail, "says disabled"),
        case(on, config("SELINUX=permissive\nSELINUX=disabled\n"), Pass, "permissive"),
        case(policy, config("SELINUXTYPE=mls\nSELINUXTYPE=targeted \n"), Pass, "targeted"),
        stuck(policy, config("SELINUXTYPE=mls\n"), "policy mls"),
        case(policy, Machine::blind(), Unknown, "permission denied"),
    ]
}

pub(super) fn apparmor() -> Vec<Case> {
    let enforced = r#"{ kind = "apparmor", complain = false }"#;
    let held = r#"{ kind = "apparmor", complain = true }"#;
    let with = |all: i64, enforced: i64, complaining: i64| {
        let parts = [
            ("profiles", State::Int(all)),
            ("enforced", enforced.into()),
            ("complaining", complaining.into()),
        ];
        m().with_fact(Fact::Apparmor, State::record(parts))
    };
    vec![
        case(enforced, with(3, 3, 0), Pass, "3 enforce"),
        stuck(enforced, with(3, 2, 1), "1 complain"),
        stuck(enforced, with(0, 0, 0), "of 0 profiles"),
        case(held, with(3, 2, 1), Pass, "1 complain"),
        case(
            held,
            m().with_fact(
                Fact::Apparmor,
                State::record([
                    ("profiles", State::Int(2)),
                    ("enforced", State::Int(1)),
                    ("complaining", State::Int(1)),
                    ("files", State::Flag(true)),
                ]),
            ),
            Pass,
            "by /etc/apparmor.d",
        ),
        stuck(held, with(3, 1, 1), "of 3 profiles"),
        case(
            held,
            m().with_fact(
                Fact::Apparmor,
                State::record([("enabled", false)].map(|(k, v)| (k, State::Flag(v)))),
            ),
            Unknown,
            "which profiles",
        ),
    ]
}
