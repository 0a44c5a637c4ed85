//! Every kind against machines that pass, fail, cannot be read and have nothing there; and the law that a remedy
//! which was carried out makes the control pass.

#![allow(clippy::too_many_lines, reason = "tables of cases")]

mod identity;

use std::collections::{BTreeMap, BTreeSet};

mod desktop;
mod network;
mod texts;

use model::Verdict::{self, Fail, Notapplicable, Pass, Unknown};

use super::{KINDS, cases_system};
use crate::testbed::{Machine, control};

/// A probe on a machine, what it must come to, and whether its remedy mends it.
pub(super) struct Case {
    probe: &'static str,
    machine: Machine,
    verdict: Verdict,
    /// A part of what must be said.
    says: &'static str,
    mended: bool,
}

pub(super) fn case(probe: &'static str, machine: Machine, verdict: Verdict, says: &'static str) -> Case {
    Case { probe, machine, verdict, says, mended: verdict == Fail }
}

/// A failure that has no complete remedy.
pub(super) fn stuck(probe: &'static str, machine: Machine, says: &'static str) -> Case {
    Case { probe, machine, verdict: Fail, says, mended: false }
}

pub(super) fn m() -> Machine {
    Machine::default()
}

fn file() -> Vec<Case> {
    let mode = r#"{ kind = "file", path = "/etc/shadow", mode = "0640" }"#;
    let owner = r#"{ kind = "file", path = "/etc/shadow", owner = ["root"] }"#;
    let required = r#"{ kind = "file", path = "/etc/shadow", mode = "0640", absent = "fail" }"#;
    let logs = r#"{ kind = "file", path = "/var/log", name = '^.*\.log$', mode = "0640" }"#;
    let tree =
        r#"{ kind = "file", path = "/var/log", name = '.*', recursive = true, group = ["adm", "root"] }"#;
    let keys = r#"{ kind = "file", path = "/etc/ssh", name = '_key$', mode = "0600", group_mode = { ssh_keys = "0640" }, owner = ["root"], group = ["root", "ssh_keys"] }"#;
    let aside = r#"{ kind = "file", path = "/var/log", name = '.*', recursive = true, owner = ["root"], outside = ["/var/log/apt"] }"#;
    let told = r#"{ kind = "file", path = "/var/log/messages", owner = ["0"], assess_only = true }"#;
    let groups = "root:x:0:\nadm:x:4:\n";
    vec![
        case(mode, m().with_mode("/etc/shadow", 0o640, 0, 42), Pass, "0640"),
        case(mode, m().with_mode("/etc/shadow", 0o600, 0, 42), Pass, "0600"),
        case(mode, m().with_mode("/etc/shadow", 0o644, 0, 42), Fail, "mode of /etc/shadow is 0644"),
        case(mode, m().with_mode("/etc/shadow", 0o4600, 0, 42), Fail, "4600"),
        case(mode, m(), Notapplicable, "not there"),
        case(mode, Machine::blind(), Unknown, "permission denied"),
        case(owner, m().with_mode("/etc/shadow", 0o640, 1000, 42), Fail, "owner of /etc/shadow is 1000"),
        case(owner, m().with_mode("/etc/shadow", 0o640, 0, 42), Pass, "0"),
        stuck(required, m(), "not there"),
        case(
            logs,
            m().with_mode("/var/log/a.log", 0o666, 0, 0).with_mode("/var/log/b.txt", 0o666, 0, 0),
            Fail,
            "/var/log/a.log is 0666",
        ),
        case(logs, m().with_mode("/var/log/sub/a.log", 0o666, 0, 0), Pass, "no file"),
        case(logs, Machine::blind(), Unknown, "permission denied"),
        case(
            tree,
            m().with("/etc/group", groups).with_mode("/var/log/x/y", 0o600, 0, 7),
            Fail,
            "/var/log/x/y",
        ),
        case(tree, m().with("/etc/group", groups).with_mode("/var/log/x/y", 0o600, 0, 4), Pass, "no file"),
        // A group that does not exist is nobody's: what is left of the list decides.
        case(
            tree,
            m().with("/etc/group", "root:x:0:\n").with_mode("/var/log/x/y", 0o600, 0, 4),
            Fail,
            "y is 0600",
        ),
        case(
            keys,
            m().with("/etc/group", "ssh_keys:x:995:\n").with_mode("/etc/ssh/a_key", 0o640, 0, 995),
            Pass,
            "no file",
        ),
        case(
            keys,
            m().with("/etc/group", "ssh_keys:x:995:\n").with_mode("/etc/ssh/a_key", 0o640, 0, 0),
            Fail,
            "0640",
        ),
        case(keys, m().with("/etc/group", "").with_mode("/etc/ssh/a_key", 0o600, 0, 7), Fail, "0:7"),
        case(aside, m().with_mode("/var/log/apt/x", 0o600, 7, 0), Pass, "no file"),
        case(aside, m().with_mode("/var/log/aptitude", 0o600, 7, 0), Fail, "aptitude"),
        stuck(told, m().with_mode("/var/log/messages", 0o600, 5, 5), "is 5"),
    ]
}

fn sysctl() -> Vec<Case> {
    let forward = r#"{ kind = "sysctl", key = "net.ipv4.ip_forward", value = "0" }"#;
    let ptrace = r#"{ kind = "sysctl", key = "kernel.yama.ptrace_scope", value = 1, order = "at-least" }"#;
    let on = || m().running("net.ipv4.ip_forward", "1");
    let off = || m().running("net.ipv4.ip_forward", "0");
    let line = "net.ipv4.ip_forward = 0\n";
    vec![
        case(
            forward,
            off().with("/etc/sysctl.d/10-a.conf", line),
            Pass,
            "running 0; set to 0 at boot by /etc/sysctl.d/10-a.conf:1",
        ),
        case(forward, on().with("/etc/sysctl.d/10-a.conf", line), Fail, "running 1"),
        case(forward, off(), Fail, "no file sets it"),
        case(forward, on(), Fail, "running 1"),
        // A later file wins over ours, a file of the same name in /etc hides the vendor's.
        case(
            forward,
            off().with("/etc/sysctl.d/99-zzz.conf", "net.ipv4.ip_forward=1\n"),
            Fail,
            "99-zzz.conf:1",
        ),
        case(
            forward,
            off()
                .with("/etc/sysctl.d/10-a.conf", line)
                .with("/usr/lib/sysctl.d/10-a.conf", "net.ipv4.ip_forward=1\n"),
            Pass,
            "/etc/sysctl.d/10-a.conf",
        ),
        case(
            forward,
            off().with("/etc/sysctl.d/a.conf", line).with("/etc/sysctl.conf", "net/ipv4/ip_forward=1\n"),
            Fail,
            "lets win",
        ),
        case(
            forward,
            off()
                .with("/etc/sysctl.conf", "net.ipv4.ip_forward=1\n")
                .with_link("/etc/sysctl.d/99-sysctl.conf", "../sysctl.conf"),
            Fail,
            "1",
        ),
        case(forward, m(), Notapplicable, "no such parameter"),
        case(forward, m().offline().with("/etc/sysctl.d/10-a.conf", line), Pass, "cannot be seen here"),
        case(forward, m().offline(), Fail, "no file sets it"),
        case(forward, Machine::blind(), Unknown, "permission denied"),
        case(
            ptrace,
            m().running("kernel.yama.ptrace_scope", "2")
                .with("/etc/sysctl.d/a.conf", "kernel.yama.ptrace_scope=3"),
            Pass,
            "2",
        ),
        case(
            ptrace,
            m().running("kernel.yama.ptrace_scope", "0")
                .with("/etc/sysctl.d/a.conf", "kernel.yama.ptrace_scope=3"),
            Fail,
            "0",
        ),
    ]
}

fn sshd() -> Vec<Case> {
    let root = r#"{ kind = "sshd", key = "PermitRootLogin", value = "no" }"#;
    let empty = r#"{ kind = "sshd", key = "PermitEmptyPasswords", value = "no" }"#;
    let interval =
        r#"{ kind = "sshd", key = "ClientAliveInterval", value = 300, order = "at-most", least = 1 }"#;
    let level = r#"{ kind = "sshd", key = "LogLevel", value = "INFO", also = ["VERBOSE"] }"#;
    let macs = r#"{ kind = "sshd", key = "MACs", value = "hmac-sha2-512,hmac-sha2-256", order = "subset", explicit = true }"#;
    let startups = r#"{ kind = "sshd", key = "MaxStartups", value = "10:30:60" }"#;
    let main = |text: &str| m().with("/etc/ssh/sshd_config", text);
    let include = "Include /etc/ssh/sshd_config.d/*.conf\n";
    vec![
        case(root, main("permitrootlogin NO\nPermitRootLogin yes\n"), Pass, "NO by /etc/ssh/sshd_config:1"),
        case(root, main("#PermitRootLogin no\n"), Fail, "prohibit-password by default"),
        case(root, main("PermitRootLogin yes\n"), Fail, "sshd_config:1"),
        case(root, main(include), Fail, "by default"),
        case(root, main(&format!("{include}PermitRootLogin yes\n")), Fail, "yes"),
        case(root, main(&format!("PermitRootLogin yes\n{include}")), Fail, "yes"),
        case(
            root,
            main(include).with("/etc/ssh/sshd_config.d/50-a.conf", "PermitRootLogin=no"),
            Pass,
            "50-a.conf:1",
        ),
        // A file that sorts before our drop-in keeps winning, so it is the one to change.
        case(
            root,
            main(include).with("/etc/ssh/sshd_config.d/00-aaa.conf", "PermitRootLogin yes"),
            Fail,
            "00-aaa.conf",
        ),
        stuck(root, main("PermitRootLogin no\nMatch User x\n PermitRootLogin yes\n"), "inside a Match block"),
        case(root, main("PermitRootLogin no\nMatch User x\n PermitRootLogin no\n"), Pass, "no"),
        case(empty, main(""), Pass, "no by default"),
        case(root, m(), Notapplicable, "no SSH server"),
        case(root, Machine::blind(), Unknown, "permission denied"),
        case(interval, main("ClientAliveInterval 5m # comment\n"), Pass, "5m"),
        case(interval, main("ClientAliveInterval 15\n"), Pass, "15"),
        case(interval, main(""), Fail, "0 by default"),
        case(interval, main("ClientAliveInterval 301\n"), Fail, "301"),
        case(level, main("LogLevel VERBOSE\n"), Pass, "VERBOSE"),
        case(level, main("LogLevel QUIET\n"), Fail, "QUIET"),
        case(startups, main("MaxStartups 5:50:20\n"), Pass, "5:50:20"),
        case(startups, main("MaxStartups 10\n"), Pass, "10"),
        case(startups, main("MaxStartups 10:30:61\n"), Fail, "61"),
        case(startups, main(""), Fail, "10:30:100 by default"),
        case(macs, main("MACs hmac-sha2-256,hmac-sha2-512\n"), Pass, "hmac-sha2-256"),
        case(macs, main("macs hmac-sha2-256,hmac-md5\n"), Fail, "hmac-md5"),
        case(macs, main("#MACs hmac-sha2-256\n"), Fail, "left to the default"),
        case(macs, main("MACs -hmac-md5\n"), Unknown, "changes a default"),
    ]
}

fn module() -> Vec<Case> {
    let probe = r#"{ kind = "module", name = "usb-storage" }"#;
    let unloaded = || m().with("/proc/modules", "nf_tables 1 2 - Live 0x0\n");
    let there = || {
        unloaded().with("/lib/modules/6.1.0/modules.dep", "kernel/drivers/usb/storage/usb-storage.ko.xz: x\n")
    };
    let known = || there().with("/lib/modules/6.1.0/modules.builtin", "kernel/fs/ext4/ext4.ko\n");
    let blocked = "install usb_storage /bin/false\nblacklist usb-storage\n";
    vec![
        case(probe, known().with("/etc/modprobe.d/a.conf", blocked), Pass, "blacklisted"),
        case(probe, known(), Fail, "no install command"),
        case(
            probe,
            known().with("/etc/modprobe.d/a.conf", "blacklist usb-storage"),
            Fail,
            "no install command",
        ),
        case(
            probe,
            known().with("/etc/modprobe.d/a.conf", "install usb-storage /sbin/x"),
            Fail,
            "runs /sbin/x",
        ),
        case(probe, unloaded(), Fail, "no install command"),
        case(
            probe,
            m().with("/proc/modules", "")
                .with("/lib/modules/6.1.0/modules.dep", "")
                .with("/lib/modules/6.1.0/modules.builtin", ""),
            Pass,
            "no installed kernel has it",
        ),
        stuck(
            probe,
            m().with("/proc/modules", "usb_storage 1\n").with("/etc/modprobe.d/a.conf", blocked),
            "loaded now",
        ),
        stuck(
            probe,
            known().with("/lib/modules/6.1.0/modules.builtin", "kernel/usb-storage.ko\n"),
            "built into",
        ),
        case(probe, m().with("/etc/modprobe.d/a.conf", blocked), Pass, "cannot be seen here"),
        case(probe, Machine::blind(), Unknown, "permission denied"),
    ]
}

fn package() -> Vec<Case> {
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

fn setting() -> Vec<Case> {
    let minlen = r#"{ kind = "setting", path = "/etc/security/pwquality.conf", folders = ["/etc/security/pwquality.conf.d"], main_last = true, syntax = "key-value", key = "minlen", value = 14, order = "at-least" }"#;
    let credit = r#"{ kind = "setting", path = "/etc/security/pwquality.conf", syntax = "key-value", key = "dcredit", value = -1, order = "at-most" }"#;
    let repeat = r#"{ kind = "setting", path = "/etc/security/pwquality.conf", syntax = "key-value", key = "maxrepeat", value = 3, order = "at-most", least = 1 }"#;
    let bare = r#"{ kind = "setting", path = "/etc/security/pwquality.conf", syntax = "key-value", key = "enforce_for_root" }"#;
    let default = r#"{ kind = "setting", path = "/etc/security/pwquality.conf", syntax = "key-value", key = "dictcheck", value = 1, default = 1 }"#;
    let weak = r#"{ kind = "setting", path = "/etc/dnf/dnf.conf", syntax = "ini", key = "main.install_weak_deps", value = "False", also = ["0", "no"] }"#;
    let postfix = r#"{ kind = "setting", path = "/etc/postfix/main.cf", syntax = "postfix", key = "inet_interfaces", value = "loopback-only", service = "postfix.service" }"#;
    let (main_cf, unit) = ("/etc/postfix/main.cf", "/usr/lib/systemd/system/postfix.service");
    let journal = r#"{ kind = "setting", path = "/etc/systemd/journald.conf", folders = ["/etc/systemd/journald.conf.d"], syntax = "ini", key = "Journal.Storage", value = "persistent" }"#;
    let main = |text: &str| m().with("/etc/security/pwquality.conf", text);
    vec![
        case(minlen, main("minlen = 14 # c\n"), Pass, "minlen = 14 by /etc/security/pwquality.conf:1"),
        case(minlen, main("minlen = 14\nminlen = 8\n"), Fail, "pwquality.conf:2"),
        case(minlen, main("# minlen = 20\n"), Fail, "nothing sets minlen"),
        case(minlen, m().with("/etc/security/pwquality.conf.d/a.conf", "minlen = 15"), Pass, "a.conf:1"),
        case(
            minlen,
            main("MINLEN 8").with("/etc/security/pwquality.conf.d/a.conf", "minlen = 15"),
            Fail,
            "pwquality.conf:1",
        ),
        case(minlen, m(), Fail, "nothing sets minlen"),
        case(minlen, Machine::blind(), Unknown, "permission denied"),
        case(credit, main("dcredit = -2"), Pass, "-2"),
        case(credit, main("dcredit = 1"), Fail, "1"),
        case(repeat, main("maxrepeat = 0"), Fail, "0"),
        case(repeat, main("maxrepeat = 2"), Pass, "2"),
        case(bare, main(" enforce_for_root\n"), Pass, "enforce_for_root by"),
        case(bare, main("#enforce_for_root\n"), Fail, "nothing sets"),
        case(default, main(""), Pass, "by default"),
        case(default, main("dictcheck=0"), Fail, "0"),
        case(weak, m().with("/etc/dnf/dnf.conf", "[main]\ninstall_weak_deps=0\n"), Pass, "0 by"),
        case(weak, m().with("/etc/dnf/dnf.conf", "[main]\n"), Fail, "nothing sets"),
        case(
            postfix,
            m().with(main_cf, "inet_interfaces = all\n").with(unit, "[Install]\nWantedBy=x.target\n"),
            Pass,
            "does not start",
        ),
        case(postfix, m().with(main_cf, "inet_interfaces = all\n"), Fail, "all by"),
        case(
            postfix,
            m().with(main_cf, "inet_interfaces = loopback-only,\n  10.0.0.1\n").with(unit, "[Service]\n"),
            Fail,
            "10.0.0.1",
        ),
        case(
            journal,
            m().with("/etc/systemd/journald.conf.d/z.conf", "[Journal]\nStorage=auto\n"),
            Fail,
            "z.conf:2",
        ),
        case(
            journal,
            m().with("/etc/systemd/journald.conf", "[Journal]\nStorage=persistent\n"),
            Pass,
            "persistent",
        ),
    ]
}

fn unit() -> Vec<Case> {
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

fn tables() -> BTreeMap<&'static str, Vec<Case>> {
    let mut tables = identity::tables();
    tables.extend([
        ("audit_privileged", cases_system::audit_privileged()),
        ("audit_rules", cases_system::audit_rules()),
        ("mount", cases_system::mount()),
        ("all", cases_system::compound("all")),
        ("any", cases_system::compound("any")),
        ("boot_argument", cases_system::boot_argument()),
        ("lines", cases_system::lines()),
        ("no_wireless", cases_system::no_wireless()),
        ("one_unit", cases_system::one_unit()),
        ("present", cases_system::present()),
        ("file", file()),
        ("module", module()),
        ("package", package()),
        ("setting", setting()),
        ("sshd", sshd()),
        ("sysctl", sysctl()),
        ("unit", unit()),
        ("active", network::active()),
        ("apparmor", network::apparmor()),
        ("apt", texts::apt()),
        ("banner", texts::banner()),
        ("container", network::container()),
        ("docker_option", network::docker_option()),
        ("dconf", desktop::dconf()),
        ("dconf_compiled", desktop::compiled()),
        ("firewall", network::firewall()),
        ("firewalld_zone", network::zone()),
        ("kubernetes", network::kubernetes()),
        ("link", texts::link()),
        ("listeners", network::listeners()),
        ("presence", texts::presence()),
        ("selinux", network::selinux()),
        ("sshd_any", network::sshd_any()),
        ("sticky", texts::sticky()),
    ]);
    tables
}

#[test]
fn what_a_person_has_to_judge_is_never_checked() {
    for machine in [m(), Machine::blind()] {
        let judgement = machine.judge(control(r#"{ kind = "review" }"#).as_ref());
        assert_eq!(judgement.verdict, Verdict::Notchecked);
    }
}

#[test]
fn every_kind_passes_fails_and_cannot_be_told() {
    let tables = tables();
    // The kinds of the environment have tables of their own, beside them; a review has one answer only.
    let ours = KINDS.iter().copied().filter(|kind| !kind.starts_with("env_") && *kind != "review");
    assert_eq!(tables.keys().copied().collect::<BTreeSet<_>>(), ours.collect());
    for (kind, cases) in tables {
        let verdicts: BTreeSet<_> = cases.iter().map(|case| case.verdict).collect();
        for wanted in [Pass, Fail, Unknown] {
            assert!(verdicts.contains(&wanted), "no {wanted} case for {kind}");
        }
    }
}

#[test]
fn cases_come_out_as_they_must() {
    for (kind, cases) in tables() {
        for (number, case) in cases.into_iter().enumerate() {
            let control = control(case.probe);
            let judgement = case.machine.judge(control.as_ref());
            assert_eq!(judgement.verdict, case.verdict, "{kind} case {number}: {judgement:?}");
            assert!(judgement.actual.contains(case.says), "{kind} case {number}: {judgement:?}");
        }
    }
}

#[test]
fn a_remedy_carried_out_makes_the_control_pass() {
    for (kind, cases) in tables() {
        for (number, mut case) in cases.into_iter().enumerate() {
            let control = control(case.probe);
            let demands = case.machine.remedy(control.as_ref());
            if case.verdict != Fail {
                assert!(demands.is_empty(), "{kind} case {number} is not a failure and demands {demands:?}");
                continue;
            }
            demands.iter().for_each(|demand| case.machine.satisfy(demand));
            let after = case.machine.judge(control.as_ref());
            assert_eq!(
                after.verdict == Pass,
                case.mended,
                "{kind} case {number}: {after:?} after {demands:?}"
            );
            if case.mended {
                assert!(
                    case.machine.remedy(control.as_ref()).is_empty(),
                    "{kind} case {number} demands again"
                );
            }
        }
    }
}
