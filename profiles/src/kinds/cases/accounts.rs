//! Accounts, homes and files that no account owns.

use super::*;

const ROOT: &str = "root:x:0:0:root:/root:/bin/bash\n";
const DAEMON: &str = "daemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin\n";
const ANN: &str = "ann:x:1000:1000::/home/ann:/bin/bash\n";

fn passwd(extra: &str) -> Machine {
    m().with("/etc/passwd", &format!("{ROOT}{DAEMON}{ANN}{extra}"))
}

/// The usual users with these lines in `/etc/shadow`.
fn shadow(lines: &str) -> Machine {
    passwd("").with("/etc/shadow", lines)
}

fn groups(text: &str) -> Machine {
    passwd("").with("/etc/group", text)
}

pub(super) fn account() -> Vec<Case> {
    let usual = "root:x:0:\ndaemon:x:1:\nann:x:1000:\nshadow:x:42:\n";
    let uid = r#"{ kind = "account", test = "unique-uid" }"#;
    let name = r#"{ kind = "account", test = "unique-name" }"#;
    let gid = r#"{ kind = "account", test = "unique-gid" }"#;
    let group = r#"{ kind = "account", test = "unique-group" }"#;
    let only_root = r#"{ kind = "account", test = "only-root-uid" }"#;
    let root_gid = r#"{ kind = "account", test = "only-root-gid" }"#;
    let root_group = r#"{ kind = "account", test = "only-root-group" }"#;
    let shadowed = r#"{ kind = "account", test = "shadowed" }"#;
    let empty = r#"{ kind = "account", test = "no-empty-password" }"#;
    let exist = r#"{ kind = "account", test = "groups-exist" }"#;
    let members = r#"{ kind = "account", test = "group-empty", group = "shadow", mend = true }"#;
    let su = r#"{ kind = "account", test = "group-empty", group = "shadow", required = true }"#;
    let no_shell = r#"{ kind = "account", test = "system-no-shell" }"#;
    let locked = r#"{ kind = "account", test = "system-locked" }"#;
    let invalid = r#"{ kind = "account", test = "invalid-shell-locked" }"#;
    let password = r#"{ kind = "account", test = "root-password" }"#;
    let controlled = r#"{ kind = "account", test = "root-controlled" }"#;
    let nologin = r#"{ kind = "account", test = "nologin-no-shell" }"#;
    vec![
        case(uid, passwd(""), Pass, "nothing is otherwise"),
        stuck(uid, passwd("bob:x:1000:1::/:/bin/sh\n"), "1000: ann, bob"),
        case(uid, m(), Unknown, "no /etc/passwd"),
        case(uid, Machine::blind(), Unknown, "permission denied"),
        // Comments and lines for other services are no users.
        case(uid, passwd("#bob:x:1000:1::/:/bin/sh\n+::::::\n"), Pass, "nothing"),
        case(name, passwd(""), Pass, "nothing"),
        stuck(name, passwd("ann:x:1001:1::/:/bin/sh\n"), "ann"),
        case(gid, groups(usual), Pass, "nothing"),
        stuck(gid, groups(&format!("{usual}bob:x:42:\n")), "42: shadow, bob"),
        case(gid, m(), Unknown, "no /etc/group"),
        stuck(group, groups(&format!("{usual}ann:x:7:\n")), "ann"),
        case(only_root, passwd(""), Pass, "nothing"),
        stuck(only_root, passwd("toor:x:0:0::/:/bin/sh\n"), "toor"),
        case(root_gid, passwd("sync:x:4:0::/bin:/bin/sync\n"), Pass, "nothing"),
        stuck(root_gid, passwd("bob:x:1001:0::/:/bin/sh\n"), "bob has the first group 0"),
        stuck(root_group, groups(&format!("{usual}wheel:x:0:\n")), "wheel"),
        case(root_group, groups(usual), Pass, "nothing"),
        case(shadowed, passwd(""), Pass, "nothing"),
        stuck(shadowed, passwd("bob:$1$a$b:1001:1::/:/bin/sh\n"), "bob"),
        case(empty, shadow("root:*:1::::::\nann:$y$a$b:1::::::\n"), Pass, "nothing"),
        // A system account may be locked at once, a person only after being asked.
        case(empty, shadow("daemon::1::::::\n"), Fail, "daemon"),
        stuck(empty, shadow("ann::1::::::\n"), "ann"),
        case(exist, groups(usual), Pass, "nothing"),
        stuck(exist, groups("root:x:0:\ndaemon:x:1:\n"), "ann has the first group 1000"),
        case(members, groups(usual), Pass, "nothing"),
        case(members, groups("shadow:x:42:ann,bob\n"), Fail, "members ann, bob"),
        stuck(su, groups("shadow:x:42:ann\n"), "members ann"),
        case(members, groups("root:x:0:\n"), Pass, "nothing"),
        stuck(su, groups("root:x:0:\n"), "there is no group shadow"),
        stuck(members, groups("shadow:x:1000:\n"), "ann has the first group 1000"),
        case(no_shell, passwd("sync:x:4:65534::/bin:/bin/sync\nbob:x:5:5::/:/bin/false\n"), Pass, "nothing"),
        case(no_shell, passwd("pg:x:106:106::/:/bin/bash\n"), Fail, "pg with shell /bin/bash"),
        case(no_shell, passwd("pg:x:106:106::/:\n"), Fail, "means /bin/sh"),
        case(
            no_shell,
            passwd("bob:x:600:600::/:/bin/sh\n").with("/etc/login.defs", "UID_MIN 500\n#UID_MIN 1000\n"),
            Pass,
            "nothing",
        ),
        case(
            no_shell,
            passwd("bob:x:600:600::/:/bin/sh\n")
                .with("/etc/login.defs", "SYS_UID_MIN 100\nSYS_UID_MAX 600\n"),
            Fail,
            "bob",
        ),
        case(locked, shadow("daemon:*:1::::::\nann:$y$a$b:1::::::\n"), Pass, "nothing"),
        case(locked, shadow("daemon:!$y$a$b:1::::::\n"), Pass, "nothing"),
        case(locked, shadow("daemon:$y$a$b:1::::::\n"), Fail, "daemon"),
        case(locked, passwd(""), Unknown, "/etc/shadow has no line"),
        case(
            invalid,
            shadow("root:*:1::::::\nann:$y$a$b:1::::::\n").with("/etc/shells", "# c\n/bin/bash # ours\n"),
            Pass,
            "nothing",
        ),
        stuck(
            invalid,
            shadow("ann:$y$a$b:1::::::\n").with("/etc/shells", "/bin/sh\n"),
            "ann with shell /bin/bash",
        ),
        case(invalid, shadow("ann:!!:1::::::\n").with("/etc/shells", "/bin/sh\n"), Pass, "nothing"),
        case(
            invalid,
            passwd("pg:x:106:106::/:/bin/x\n")
                .with("/etc/shells", "/bin/bash\n/usr/sbin/nologin\n")
                .with("/etc/shadow", "pg:$y$a$b:1::::::\nann:*:1::::::\n"),
            Fail,
            "pg with shell /bin/x",
        ),
        // A shell that ends every login is none either, so a password is of no use there.
        case(
            invalid,
            passwd("pg:x:106:106::/:/usr/sbin/nologin\n")
                .with("/etc/shells", "/bin/bash\n")
                .with("/etc/shadow", "pg:$y$a$b:1::::::\nann:*:1::::::\n"),
            Fail,
            "pg with shell /usr/sbin/nologin",
        ),
        case(
            invalid,
            passwd("pg:x:106:106::/:/usr/sbin/nologin\n")
                .with("/etc/shells", "/bin/bash\n")
                .with("/etc/shadow", "pg:!:1::::::\nann:*:1::::::\n"),
            Pass,
            "nothing",
        ),
        case(password, shadow("root:$6$a$b:1::::::\n"), Pass, "nothing"),
        stuck(password, shadow("root:*:1::::::\n"), "root's password is locked"),
        case(controlled, shadow("root:*:1::::::\n"), Pass, "nothing"),
        stuck(controlled, shadow("root::1::::::\n"), "root's password is empty"),
        stuck(controlled, shadow("ann:*:1::::::\n"), "root's password is missing"),
        case(nologin, m().with("/etc/shells", "/bin/sh\n#/sbin/nologin\n"), Pass, "nothing"),
        case(
            nologin,
            m().with("/etc/shells", "/bin/sh\n/usr/sbin/nologin\n/sbin/nologin # c\n"),
            Fail,
            "/sbin/nologin",
        ),
        case(nologin, m(), Pass, "nothing"),
        case(nologin, Machine::blind(), Unknown, "permission denied"),
    ]
}

pub(super) fn aging() -> Vec<Case> {
    let past = r#"{ kind = "account", test = "last-change" }"#;
    let max = r#"{ kind = "account", test = "max-age", value = 365 }"#;
    let min = r#"{ kind = "account", test = "min-age", value = 1 }"#;
    let warn = r#"{ kind = "account", test = "warn-age", value = 7 }"#;
    let inactive = r#"{ kind = "account", test = "inactive", value = 45 }"#;
    let line = |fields: &str| shadow(&format!("root:*:::::::\nann:$y$a$b:{fields}:::\n"));
    vec![
        case(past, line("20000:0:99999:7"), Pass, "nothing"),
        stuck(past, line("20010:0:99999:7"), "ann changed its password 10 days from now"),
        case(past, shadow("ann:!:20010::::::\n"), Pass, "nothing"),
        case(past, line(":0:99999:7"), Pass, "nothing"),
        case(past, passwd(""), Unknown, "no line"),
        case(max, line("19900:0:365:7"), Pass, "nothing"),
        case(max, line("19900:0:90:7"), Pass, "nothing"),
        case(max, line("19900:0:99999:7"), Fail, "ann has 99999"),
        case(max, line("19900:0::7"), Fail, "ann has none"),
        case(max, line("19900:0:0:7"), Fail, "ann has 0"),
        // A password that would expire at once is left for its owner to change.
        stuck(max, line("19000:0:99999:7"), "ann has 99999"),
        stuck(max, line("0:0:99999:7"), "ann has 99999"),
        case(max, shadow("ann::19900:0:99999:7:::\n"), Fail, "ann"),
        case(max, Machine::blind(), Unknown, "permission denied"),
        case(min, line("19900:1:365:7"), Pass, "nothing"),
        case(min, line("19900:0:365:7"), Fail, "ann has 0"),
        case(min, line("19900::365:7"), Fail, "ann has none"),
        case(warn, line("19900:1:365:14"), Pass, "nothing"),
        case(warn, line("19900:1:365:3"), Fail, "ann has 3"),
        case(inactive, shadow("ann:$y$a$b:19900:1:365:7:30::\n"), Pass, "nothing"),
        case(inactive, shadow("ann:$y$a$b:19900:1:365:7:90::\n"), Fail, "ann has 90"),
        case(inactive, shadow("ann:$y$a$b:19900:1:365:7:-1::\n"), Fail, "ann has -1"),
        case(inactive, shadow("ann:$y$a$b:19000:1:99999:7:::\n"), Fail, "ann has none"),
        stuck(inactive, shadow("ann:$y$a$b:19000:1:365:7:::\n"), "ann has none"),
    ]
}

pub(super) fn homes() -> Vec<Case> {
    let exist = r#"{ kind = "homes", test = "exist" }"#;
    let owner = r#"{ kind = "homes", test = "dot-owner" }"#;
    let group = r#"{ kind = "homes", test = "dot-group" }"#;
    let forward = r#"{ kind = "homes", test = "no-file", names = [".forward"] }"#;
    let mine = r#"{ kind = "homes", test = "owner" }"#;
    let first = r#"{ kind = "homes", test = "group" }"#;
    let mode = r#"{ kind = "homes", test = "mode", mode = "0750" }"#;
    let dots = r#"{ kind = "homes", test = "dot-mode", mode = "0740" }"#;
    let some = r#"{ kind = "homes", test = "dot-mode", mode = "0740", pattern = "^\\.\\w*rc$" }"#;
    let history = r#"{ kind = "homes", test = "dot-mode", names = [".bash_history"], mode = "0600" }"#;
    let trust = r#"{ kind = "homes", test = "no-file", names = [".rhosts"], files = ["/etc/hosts.equiv"] }"#;
    let home = || passwd("").with_directory("/home/ann", 0o700, 1000, 1000);
    vec![
        case(exist, home(), Pass, "no home"),
        stuck(exist, passwd(""), "/home/ann of ann"),
        stuck(exist, passwd("").with("/home/ann", "a file"), "/home/ann of ann"),
        // Who cannot log in, and nobody, need none.
        case(
            exist,
            home().with("/etc/passwd", "svc:x:1001:1::/none:/bin/false\nnobody:x:65534:1::/none:/bin/sh\n"),
            Pass,
            "no home",
        ),
        case(exist, m(), Unknown, "no /etc/passwd"),
        case(exist, Machine::blind(), Unknown, "permission denied"),
        case(owner, home().with_mode("/home/ann/.profile", 0o644, 1000, 7), Pass, "no home"),
        stuck(owner, home().with_mode("/home/ann/.profile", 0o644, 0, 1000), "/home/ann/.profile has 0"),
        case(owner, home().with_mode("/home/ann/profile", 0o644, 0, 0), Pass, "no home"),
        stuck(group, home().with_mode("/home/ann/.profile", 0o644, 1000, 7), ".profile has 7"),
        case(group, home().with_mode("/home/ann/.profile", 0o644, 7, 1000), Pass, "no home"),
        case(forward, home().with("/home/ann/.forwarded", ""), Pass, "no home"),
        stuck(forward, home().with("/home/ann/.forward", ""), "/home/ann/.forward"),
        stuck(
            forward,
            home().with_directory("/home/gone", 0o700, 7, 7).with("/home/gone/.forward", ""),
            "/home/gone/.forward",
        ),
        case(mine, home(), Pass, "no home"),
        stuck(mine, passwd("").with_directory("/home/ann", 0o700, 0, 1000), "/home/ann is"),
        stuck(first, passwd("").with_directory("/home/ann", 0o700, 1000, 0), "/home/ann is"),
        case(mode, passwd("").with_directory("/home/ann", 0o750, 1000, 1000), Pass, "no home"),
        stuck(mode, passwd("").with_directory("/home/ann", 0o755, 1000, 1000), "0755"),
        case(mode, passwd(""), Pass, "no home"),
        // The home of somebody who cannot log in is no one's workplace.
        case(
            mode,
            passwd("svc:x:1001:1::/home/svc:/usr/sbin/nologin\n").with_directory("/home/svc", 0o777, 1001, 1),
            Pass,
            "no home",
        ),
        stuck(dots, home().with_mode("/home/ann/.profile", 0o644, 1000, 1000), "has mode 0644"),
        case(dots, home().with_mode("/home/ann/.profile", 0o740, 1000, 1000), Pass, "no home"),
        case(some, home().with_mode("/home/ann/.profile", 0o644, 1000, 1000), Pass, "no home"),
        stuck(some, home().with_mode("/home/ann/.xrc", 0o644, 1000, 1000), ".xrc has mode 0644"),
        case(history, home().with_mode("/home/ann/.profile", 0o644, 1000, 1000), Pass, "no home"),
        stuck(history, home().with_mode("/home/ann/.bash_history", 0o644, 1000, 1000), "0644"),
        stuck(trust, home().with("/etc/hosts.equiv", "+\n"), "/etc/hosts.equiv"),
        case(trust, home(), Pass, "no home"),
        stuck(
            forward,
            passwd("bob:x:1001:1001::/srv/bob:/usr/sbin/nologin\n").with("/srv/bob/.forward", ""),
            "/srv/bob/.forward",
        ),
    ]
}

pub(super) fn unowned() -> Vec<Case> {
    let user = r#"{ kind = "unowned", by = "user" }"#;
    let group = r#"{ kind = "unowned", by = "group" }"#;
    let usual = || groups("root:x:0:\n");
    vec![
        case(user, usual().with_mode("/srv/x", 0o644, 1000, 99), Pass, "no file"),
        stuck(user, usual().with_mode("/srv/x", 0o644, 99, 0), "/srv/x has 99"),
        stuck(user, usual().with_directory("/srv/x", 0o755, 99, 0), "/srv/x has 99"),
        case(user, usual().with_mode("/var/lib/docker/x", 0o644, 99, 0), Pass, "no file"),
        case(user, Machine::blind(), Unknown, "permission denied"),
        stuck(group, usual().with_mode("/srv/x", 0o644, 0, 99), "/srv/x has 99"),
        case(group, usual(), Pass, "no file"),
    ]
}

pub(super) fn group_members() -> Vec<Case> {
    let docker = r#"{ kind = "group_members", group = "docker", allowed = ["ann"] }"#;
    let passwd =
        "root:x:0:0::/root:/bin/sh\nann:x:1000:1000::/home/ann:/bin/sh\nbob:x:1001:998::/home/bob:/bin/sh\n";
    let groups = |docker: &str, passwd: &str| {
        m().with("/etc/group", &format!("root:x:0:\n{docker}")).with("/etc/passwd", passwd)
    };
    vec![
        case(docker, groups("docker:x:998:ann\n", ""), Pass, "ann"),
        case(docker, groups("docker:x:997:\n", passwd), Pass, "nobody"),
        case(docker, groups("", passwd), Notapplicable, "no group docker"),
        stuck(docker, groups("docker:x:997:ann,carl\n", passwd), "carl"),
        stuck(docker, groups("docker:x:998:\n", passwd), "bob"),
        case(docker, Machine::blind(), Unknown, "permission denied"),
    ]
}
