//! Files: their modes and owners, whether they are there, what they are, where they are mounted.

use model::Node;

use super::*;

pub(super) fn file() -> Vec<Case> {
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

pub(super) fn presence() -> Vec<Case> {
    let allow = r#"{ kind = "presence", paths = ["/etc/cron.allow"], present = true, create = "0640" }"#;
    let deny = r#"{ kind = "presence", paths = ["/etc/cron.deny"], present = false }"#;
    let filled = r#"{ kind = "presence", paths = ["/etc/authselect/authselect.conf"], present = true, filled = true }"#;
    vec![
        case(allow, m().with("/etc/cron.allow", ""), Pass, "is there"),
        case(allow, m(), Fail, "is not there"),
        case(deny, m(), Pass, "is not there"),
        case(deny, m().with("/etc/cron.deny", "x\n"), Fail, "is there"),
        case(deny, Machine::blind(), Unknown, "permission denied"),
        case(filled, m().with("/etc/authselect/authselect.conf", "sssd\n"), Pass, "is filled"),
        stuck(filled, m().with("/etc/authselect/authselect.conf", "\n"), "is empty"),
        stuck(filled, m(), "is not there"),
    ]
}

pub(super) fn link() -> Vec<Case> {
    let probe = r#"{ kind = "link", path = "/etc/systemd/system/default.target", targets = ["/usr/lib/systemd/system/multi-user.target", "/lib/systemd/system/multi-user.target"] }"#;
    let to = |target: &str| m().with_link("/etc/systemd/system/default.target", target);
    vec![
        case(probe, to("/lib/systemd/system/multi-user.target"), Pass, "multi-user"),
        case(probe, to("/usr/lib/systemd/system/graphical.target"), Fail, "graphical"),
        case(probe, m(), Fail, "no such link"),
        case(probe, Machine::blind(), Unknown, "permission denied"),
    ]
}

pub(super) fn sticky() -> Vec<Case> {
    let probe = r#"{ kind = "sticky", under = "/" }"#;
    let directory = |mode: u32| m().with_node("/var/drop", Node::Directory, mode);
    vec![
        case(probe, directory(0o1777), Pass, "no directory"),
        case(probe, directory(0o775).with_node("/var/file", Node::File, 0o777), Pass, "no directory"),
        case(probe, directory(0o777), Fail, "/var/drop is 0777"),
        case(probe, Machine::blind(), Unknown, "permission denied"),
    ]
}

pub(super) fn mount() -> Vec<Case> {
    let point = r#"{ kind = "mount", point = "/home" }"#;
    let option = r#"{ kind = "mount", point = "/home", option = "nodev" }"#;
    let shm = r#"{ kind = "mount", point = "/dev/shm", option = "noexec", required = true }"#;
    let tmp = r#"{ kind = "mount", point = "/tmp", option = "noexec" }"#;
    let table = |text: &str| m().with("/etc/fstab", text);
    let now = |machine: Machine, line: &str| machine.with("/proc/self/mountinfo", line);
    let home = "UUID=1 /home ext4 defaults,nodev 0 2\n";
    let mounted = "25 1 8:1 / /home rw,nodev - ext4 /dev/sda2 rw\n";
    let unit =
        "[Mount]\nWhat=tmpfs\nWhere=/tmp\nOptions=mode=1777,noexec\n[Install]\nWantedBy=local-fs.target\n";
    vec![
        case(point, now(table(""), mounted), Pass, "is mounted"),
        stuck(point, now(table(home), "1 0 8:1 / / rw - ext4 /dev/sda1 rw\n"), "not mounted now"),
        case(point, table(home).offline(), Pass, "planned by /etc/fstab:1"),
        stuck(point, table("#UUID=1 /home ext4 defaults 0 2\n"), "nothing mounts it"),
        stuck(point, m(), "nothing mounts it"),
        case(point, Machine::blind(), Unknown, "permission denied"),
        case(option, table(home), Pass, "nodev by /etc/fstab:1"),
        case(option, table("UUID=1 /home/ ext4 rw,nodev 0 2\n"), Pass, "nodev by"),
        case(option, table("UUID=1\t/home\text4\tdefaults\t0\t2\n"), Fail, "missing in /etc/fstab:1"),
        case(option, table("UUID=1 /home ext4\n"), Fail, "missing"),
        case(option, table("UUID=1 /home ext4 nodev,dev 0 2"), Fail, "missing"),
        case(option, table("UUID=1 /home ext4 user 0 2"), Pass, "nodev by"),
        case(option, table("UUID=1 /home ext4 xnodev 0 2"), Fail, "missing"),
        case(option, now(table(home), mounted), Pass, "mounted with nodev now"),
        stuck(option, now(table(home), &mounted.replace(",nodev", "")), "mounted without nodev now"),
        // The last mount at a place is the one on top.
        stuck(
            option,
            now(table(home), &format!("{mounted}30 1 8:2 / /home rw - ext4 /dev/sdb rw\n")),
            "without",
        ),
        case(option, table("UUID=1 / ext4 defaults 0 1\n"), Notapplicable, "no mount of its own"),
        case(option, m(), Notapplicable, "no mount of its own"),
        case(option, Machine::blind(), Unknown, "permission denied"),
        case(shm, table("tmpfs /dev/shm tmpfs rw,nosuid,noexec 0 0\n"), Pass, "noexec by"),
        case(shm, table("tmpfs /dev/shm tmpfs defaults 0 0\n"), Fail, "missing"),
        case(shm, table(""), Fail, "no line of fstab"),
        case(tmp, m().with("/etc/systemd/system/tmp.mount", unit), Notapplicable, "no mount"),
        case(
            tmp,
            m().with("/usr/lib/systemd/system/tmp.mount", unit).with_link(
                "/etc/systemd/system/local-fs.target.wants/tmp.mount",
                "/usr/lib/systemd/system/tmp.mount",
            ),
            Pass,
            "noexec by tmp.mount",
        ),
        // fstab wins over the system's own unit.
        case(
            tmp,
            table("tmpfs /tmp tmpfs nosuid 0 0\n")
                .with("/usr/lib/systemd/system/tmp.mount", unit)
                .with("/usr/lib/systemd/system/local-fs.target.wants/tmp.mount", unit),
            Fail,
            "missing in /etc/fstab:1",
        ),
        stuck(
            tmp,
            m().with("/usr/lib/systemd/system/tmp.mount", &unit.replace(",noexec", ""))
                .with("/usr/lib/systemd/system/local-fs.target.wants/tmp.mount", unit),
            "missing in tmp.mount",
        ),
    ]
}

pub(super) fn banner() -> Vec<Case> {
    let issue = r#"{ kind = "banner", path = "/etc/issue", text = "Authorised users only.", required = true, names = ["debian"] }"#;
    let motd = r#"{ kind = "banner", path = "/etc/motd", text = "Authorised users only." }"#;
    let at = |text: &str| m().with("/etc/issue", text);
    vec![
        case(issue, at("Authorised users only.\n"), Pass, "tells nothing"),
        case(issue, at("Debian GNU/Linux 12 \\n \\l\n"), Fail, "debian"),
        case(issue, at("Hello on \\s \\r\n"), Fail, "\\r, \\s"),
        case(issue, at("\n  \n"), Fail, "no text"),
        case(issue, m(), Fail, "no text"),
        case(issue, Machine::blind(), Unknown, "permission denied"),
        case(motd, m(), Pass, "no text"),
        case(motd, m().with("/etc/motd", "Running \\v\n"), Fail, "\\v"),
    ]
}
