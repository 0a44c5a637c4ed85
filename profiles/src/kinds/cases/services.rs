//! Packages, units and what waits at a port.

use model::{Fact, State};

use super::*;

pub(super) fn package() -> Vec<Case> {
    let removed = r#"{ kind = "package", packages = ["bind", "bind9"], state = "removed" }"#;
    let installed =
        r#"{ kind = "package", packages = ["libpam-runtime"], state = "installed", version = "0:1.5.2-6" }"#;
    let newer =
        r#"{ kind = "package", packages = ["libpam-runtime"], state = "installed", version = "1.5.3" }"#;
    let newest = r#"{ kind = "package", packages = ["libpam-runtime"], state = "installed", version = "3" }"#;
    let guarded = r#"{ kind = "package", packages = ["sudo"], state = "removed" }"#;
    let leftovers = "Package: bind9\nStatus: deinstall ok config-files\nVersion: 1\n\n";
    vec![
        case(removed, m().with_packages(&["cron"]), Pass, "not installed"),
        case(removed, m().with("/var/lib/dpkg/status", leftovers), Pass, "not installed"),
        case(removed, m().with_packages(&["bind9"]), Fail, "bind9 1.5.2-6+deb12u1 is installed"),
        stuck(removed, m().with_packages(&["bind9"]).offline(), "not mended here: below another root"),
        stuck(guarded, m().with_packages(&["sudo"]), "not mended here: sudo would be removed"),
        case(installed, m().with_packages(&["libpam-runtime"]), Pass, "is installed"),
        stuck(installed, m().with_packages(&["cron"]), "unable to locate package libpam-runtime"),
        case(installed, m().with_packages(&["cron"]).offering("libpam-runtime"), Fail, "not installed"),
        stuck(newer, m().with_packages(&["libpam-runtime"]), "1.5.2"),
        case(newer, m().with_packages(&["libpam-runtime"]).offering("libpam-runtime"), Fail, "1.5.2"),
        stuck(
            newest,
            m().with_packages(&["libpam-runtime"]).offering("libpam-runtime"),
            "2 is the newest libpam-runtime at hand",
        ),
        case(removed, m(), Unknown, "no database of packages"),
        case(removed, Machine::blind(), Unknown, "permission denied"),
    ]
}

pub(super) fn unit() -> Vec<Case> {
    let off = r#"{ kind = "unit", units = ["cups.service", "cups.socket"], state = "disabled" }"#;
    let on = r#"{ kind = "unit", units = ["cron.service"], state = "enabled" }"#;
    let cups = |at: &str| {
        m().with(at, "[Service]\nExecStart=/x\n[Install]\nWantedBy=multi-user.target\nAlias=print.service\n")
    };
    let vendor = || cups("/usr/lib/systemd/system/cups.service");
    let wants = "/etc/systemd/system/multi-user.target.wants";
    let cron =
        || m().with("/lib/systemd/system/cron.service", "[Service]\n[Install]\nWantedBy=multi-user.target\n");
    let path = "/lib/systemd/system/cron.service";
    vec![
        case(off, m(), Pass, "not installed"),
        case(off, vendor(), Pass, "cups.service is disabled"),
        case(off, vendor().active("cups.service"), Fail, "cups.service is active"),
        case(
            off,
            vendor().with_link(&format!("{wants}/cups.service"), "/usr/lib/systemd/system/cups.service"),
            Fail,
            "enabled",
        ),
        case(
            off,
            vendor().with_link("/etc/systemd/system/print.service", "/usr/lib/systemd/system/cups.service"),
            Fail,
            "enabled",
        ),
        case(off, vendor().with_link("/etc/systemd/system/cups.service", "/dev/null"), Pass, "masked"),
        // The administrator's own unit file is in the way of a mask: its links go instead.
        case(
            off,
            cups("/etc/systemd/system/cups.service")
                .with_link(&format!("{wants}/cups.service"), "../cups.service"),
            Fail,
            "enabled",
        ),
        case(off, vendor().offline(), Pass, "cannot be seen here"),
        case(off, m().with("/etc/init.d/cups", "#!/bin/sh").with("/etc/rc3.d/S01cups", ""), Fail, "enabled"),
        case(off, Machine::blind(), Unknown, "permission denied"),
        case(
            on,
            cron().with_link(&format!("{wants}/cron.service"), path).active("cron.service"),
            Pass,
            "active",
        ),
        case(on, cron().with_link(&format!("{wants}/cron.service"), path), Fail, "inactive"),
        case(on, cron(), Fail, "disabled"),
        case(on, cron().with_link("/etc/systemd/system/cron.service", "/dev/null"), Fail, "masked"),
        stuck(on, m(), "not installed"),
        case(on, Machine::blind(), Unknown, "permission denied"),
    ]
}

pub(super) fn unit_count() -> Vec<Case> {
    let one = r#"{ kind = "unit_count", units = ["ufw.service", "nftables.service"], least = 1, most = 1 }"#;
    let some =
        r#"{ kind = "unit_count", units = ["rsyslog.service", "systemd-journald.service"], least = 1 }"#;
    let unit = "[Service]\n[Install]\nWantedBy=x.target\n";
    let enabled = |machine: Machine, name: &str| {
        machine.with(&format!("/usr/lib/systemd/system/{name}"), unit).with_link(
            &format!("/etc/systemd/system/x.target.wants/{name}"),
            &format!("/usr/lib/systemd/system/{name}"),
        )
    };
    let both = || enabled(enabled(m(), "ufw.service"), "nftables.service");
    vec![
        case(one, enabled(m(), "ufw.service").active("ufw.service"), Pass, "ufw.service active"),
        case(one, enabled(m(), "ufw.service").offline(), Pass, "cannot be seen here"),
        stuck(one, both().offline(), "ufw.service, nftables.service started at boot"),
        stuck(one, enabled(m(), "ufw.service"), "none active"),
        stuck(one, m(), "none active"),
        stuck(one, both().active("ufw.service").active("nftables.service"), "nftables.service active"),
        stuck(
            one,
            m().with("/usr/lib/systemd/system/ufw.service", unit).active("ufw.service"),
            "none started",
        ),
        case(
            some,
            m().offline().with("/usr/lib/systemd/system/systemd-journald.service", "[Service]\n"),
            Pass,
            "started",
        ),
        case(some, Machine::blind(), Unknown, "permission denied"),
    ]
}

pub(super) fn listeners() -> Vec<Case> {
    let probe = r#"{ kind = "listeners", ports = [25], packages = ["postfix"] }"#;
    let with = |port: i64, exposed: bool| {
        let parts = [
            ("protocol", State::text("tcp")),
            ("address", "::".into()),
            ("port", port.into()),
            ("exposed", exposed.into()),
        ];
        m().with_fact(Fact::Listeners, State::List(vec![State::record(parts)])).with_packages(&["postfix"])
    };
    vec![
        case(probe, with(25, false), Pass, "no such port"),
        case(probe, with(587, true), Pass, "no such port"),
        stuck(probe, with(25, true), "25/tcp is open on ::"),
        case(probe, m().with_packages(&["cron"]), Pass, "cannot be seen here"),
        case(probe, m().with_packages(&["postfix"]), Unknown, "postfix is installed"),
    ]
}
