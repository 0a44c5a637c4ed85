//! Accounts, homes, PAM, shells and sudo.

use std::collections::BTreeMap;

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

fn account() -> Vec<Case> {
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
    let su = r#"{ kind = "account", test = "group-empty", group = "shadow" }"#;
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
        stuck(members, groups("root:x:0:\n"), "there is no group shadow"),
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

fn aging() -> Vec<Case> {
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

fn homes() -> Vec<Case> {
    let exist = r#"{ kind = "homes", test = "exist" }"#;
    let owner = r#"{ kind = "homes", test = "dot-owner" }"#;
    let group = r#"{ kind = "homes", test = "dot-group" }"#;
    let forward = r#"{ kind = "homes", test = "no-file", names = [".forward"] }"#;
    let mine = r#"{ kind = "homes", test = "owner" }"#;
    let first = r#"{ kind = "homes", test = "group" }"#;
    let mode = r#"{ kind = "homes", test = "mode", mode = "0750" }"#;
    let dots = r#"{ kind = "homes", test = "dot-mode", mode = "0740" }"#;
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
        stuck(dots, home().with_mode("/home/ann/.profile", 0o644, 1000, 1000), "has mode 0644"),
        case(dots, home().with_mode("/home/ann/.profile", 0o740, 1000, 1000), Pass, "no home"),
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

fn unowned() -> Vec<Case> {
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

fn shell() -> Vec<Case> {
    let umask =
        r#"{ kind = "shell", name = "umask", files = ["/etc/bash.bashrc"], value = "027", order = "masks" }"#;
    let root = r#"{ kind = "shell", name = "umask", files = ["/root/.bashrc", "/root/.profile"], value = "027", order = "masks", unset = true }"#;
    let tmout = r#"{ kind = "shell", name = "TMOUT", files = ["/etc/profile"], folders = ["/etc/profile.d"], value = 900, order = "at-most", least = 1, locked = true, ours = "/etc/profile.d/zz-groundfast.sh" }"#;
    let bashrc = |text: &str| m().with("/etc/bash.bashrc", text);
    let profile = |text: &str| m().with("/etc/profile", text);
    vec![
        case(umask, bashrc("umask 027\n"), Pass, "umask 027 by /etc/bash.bashrc:1"),
        case(umask, bashrc("umask 0077\n"), Pass, "0077"),
        case(umask, bashrc("umask u=rwx,g=rx,o=\n"), Pass, "u=rwx"),
        case(umask, bashrc("umask u=rwx,g=rwx,o=\n"), Fail, "g=rwx"),
        case(umask, bashrc("umask 022\n"), Fail, "022"),
        case(umask, bashrc("if x; then\n umask 002\nelse\n umask 027\nfi\n"), Fail, "002"),
        case(umask, bashrc("#umask 027\n"), Fail, "nothing sets umask"),
        case(umask, m(), Fail, "nothing sets umask"),
        case(umask, bashrc("umask $MASK\n"), Fail, "$MASK"),
        case(umask, Machine::blind(), Unknown, "permission denied"),
        case(root, m(), Pass, "nothing sets umask"),
        case(root, m().with("/root/.profile", "umask 022\n"), Fail, "022"),
        case(tmout, profile("declare -xr TMOUT=900\n"), Pass, "TMOUT 900"),
        case(tmout, profile("TMOUT=600\nreadonly TMOUT\nexport TMOUT\n"), Pass, "600"),
        case(tmout, profile("typeset -xr TMOUT=1200 # c\n"), Fail, "1200"),
        case(tmout, profile("TMOUT=0; readonly TMOUT; export TMOUT\n"), Fail, "TMOUT 0"),
        case(tmout, profile("TMOUT=900\n"), Fail, "not both read-only"),
        case(tmout, profile("# declare -xr TMOUT=900\n"), Fail, "nothing sets TMOUT"),
        case(
            tmout,
            profile("declare -xr TMOUT=900\n").with("/etc/profile.d/a.sh", "export TMOUT=7200\n"),
            Fail,
            "7200",
        ),
        case(tmout, m().with("/etc/profile.d/a.csh", "declare -xr TMOUT=900\n"), Fail, "nothing sets"),
    ]
}

fn root_path() -> Vec<Case> {
    let absolute = r#"{ kind = "root-path", test = "absolute" }"#;
    let directories = r#"{ kind = "root-path", test = "directories" }"#;
    let owned = r#"{ kind = "root-path", test = "owned" }"#;
    let no_write = r#"{ kind = "root-path", test = "no-write" }"#;
    let set = |path: &str| {
        let usual = m().with_directory("/usr/bin", 0o755, 0, 0).with_directory("/opt/bin", 0o775, 5, 0);
        usual.with("/etc/environment", &format!("PATH={path}\n"))
    };
    vec![
        case(absolute, set("\"/usr/sbin:/usr/bin\""), Pass, "/usr/bin"),
        stuck(absolute, set("/usr/bin:."), "`.`"),
        stuck(absolute, set("/usr/bin::/bin"), "``"),
        stuck(absolute, set("/usr/bin:"), "``"),
        stuck(absolute, set("/usr/bin:bin"), "`bin`"),
        stuck(absolute, set("/usr/bin:/usr/../bin"), "`/usr/../bin`"),
        case(absolute, set("/usr/bin${PATH:+:${PATH}}"), Pass, "/usr/bin"),
        case(absolute, set("$PATH:$HOME/bin"), Pass, "/root/bin"),
        case(absolute, set("$1:/usr/bin"), Pass, "what `$1`"),
        case(absolute, m(), Pass, "no file names"),
        stuck(
            absolute,
            m().with("/etc/login.defs", "ENV_SUPATH PATH=/usr/bin:x\n"),
            "`x` by /etc/login.defs:1",
        ),
        case(absolute, Machine::blind(), Unknown, "permission denied"),
        case(directories, set("/usr/bin/"), Pass, "/usr/bin"),
        stuck(directories, set("/usr/bin:/none"), "`/none` by /etc/environment:1 is not there"),
        stuck(directories, set("/usr/bin:/etc/environment"), "is file"),
        case(owned, set("/usr/bin:/none"), Pass, "/usr/bin"),
        stuck(owned, set("/opt/bin"), "5:0"),
        case(no_write, set("/usr/bin:/none"), Pass, "/usr/bin"),
        case(no_write, set("/usr/bin:/opt/bin"), Fail, "0775"),
    ]
}

fn sudoers() -> Vec<Case> {
    let pty = r#"{ kind = "sudoers", option = "use_pty" }"#;
    let log = r#"{ kind = "sudoers", option = "logfile", value = "/var/log/sudo.log" }"#;
    let timeout =
        r#"{ kind = "sudoers", option = "timestamp_timeout", value = 15, order = "at-most", least = 0 }"#;
    let asks = r#"{ kind = "sudoers", never = ["authenticate"], tags = ["NOPASSWD"] }"#;
    let main = |text: &str| m().with("/etc/sudoers", text);
    let include = "@includedir /etc/sudoers.d\n";
    let rule = "%sudo ALL=(ALL:ALL) ALL\n";
    vec![
        case(pty, main("Defaults env_reset, use_pty\n"), Pass, "/etc/sudoers:1"),
        case(pty, main("Defaults !use_pty\nDefaults use_pty\n"), Pass, "/etc/sudoers:2"),
        case(pty, main("Defaults use_pty\nDefaults !use_pty\n"), Fail, "use_pty !"),
        case(pty, main("#Defaults use_pty\n"), Fail, "nothing sets use_pty"),
        case(pty, main(include), Fail, "nothing sets use_pty"),
        case(pty, main(include).with("/etc/sudoers.d/a", "Defaults use_pty\n"), Pass, "/etc/sudoers.d/a:1"),
        // sudo passes over names that hold a dot.
        case(pty, main(include).with("/etc/sudoers.d/a.conf", "Defaults use_pty\n"), Fail, "nothing sets"),
        case(pty, main(include).with("/etc/sudoers.d/zzz", "Defaults !use_pty\n"), Fail, "zzz:1"),
        stuck(pty, main("Defaults use_pty\nDefaults:ann !use_pty\n"), "for :ann"),
        stuck(pty, m(), "nothing sets use_pty"),
        case(pty, Machine::blind(), Unknown, "permission denied"),
        case(log, main("Defaults logfile=\"/var/log/sudo.log\"\n"), Pass, "sudo.log"),
        case(log, main("Defaults use_pty, \\\n  logfile = /var/log/sudo.log\n"), Pass, "sudo.log"),
        case(log, main("Defaults logfile=/tmp/x\n"), Fail, "/tmp/x"),
        case(timeout, main("Defaults timestamp_timeout=0\n"), Pass, "0"),
        case(timeout, main("Defaults timestamp_timeout = 15\n"), Pass, "15"),
        case(timeout, main("Defaults timestamp_timeout=-1\n"), Fail, "-1"),
        case(
            timeout,
            main("Defaults timestamp_timeout=3\nDefaults timestamp_timeout=5\n"),
            Fail,
            "different values: 3, 5",
        ),
        case(timeout, main("Defaults !timestamp_timeout\n"), Fail, "!"),
        case(asks, main(rule), Pass, "none is there"),
        case(asks, m(), Pass, "no sudoers"),
        stuck(asks, main(&format!("{rule}ann ALL=(ALL) NOPASSWD: ALL\n")), "NOPASSWD by /etc/sudoers:2"),
        stuck(asks, main("Defaults:ann !authenticate\n"), "!authenticate by /etc/sudoers:1"),
        case(asks, main("#ann ALL=(ALL) NOPASSWD: ALL\nDefaults authenticate\n"), Pass, "none"),
    ]
}

fn pam() -> Vec<Case> {
    let enabled = r#"{ kind = "pam", files = ["/etc/pam.d/common-password"], types = ["password"], module = "pam_pwquality.so", control = ["required", "requisite"] }"#;
    let remember = r#"{ kind = "pam", files = ["/etc/pam.d/common-password"], types = ["password"], module = "pam_pwhistory.so", option = "remember", value = 24, order = "at-least", mend = true }"#;
    let conf = r#"{ kind = "pam", files = ["/etc/pam.d/common-password"], types = ["password"], module = "pam_pwhistory.so", option = "remember", value = 24, order = "at-least", conf = "/etc/security/pwhistory.conf" }"#;
    let authtok = r#"{ kind = "pam", files = ["/etc/pam.d/common-password"], types = ["password"], module = "pam_unix.so", args = ["use_authtok"], after = true, mend = true }"#;
    let nullok = r#"{ kind = "pam", files = ["/etc/pam.d/common-auth", "/etc/pam.d/common-password"], types = ["auth", "password"], module = "pam_unix.so", without = ["nullok"], mend = true }"#;
    let told = r#"{ kind = "pam", files = ["/etc/pam.d/system-auth"], types = ["auth"], module = "pam_unix.so", without = ["nullok"] }"#;
    let hash = r#"{ kind = "pam", files = ["/etc/pam.d/common-password"], types = ["password"], module = "pam_unix.so", hash = "yescrypt|sha512", mend = true }"#;
    let password = |text: &str| m().with("/etc/pam.d/common-password", text);
    let history = |args: &str| password(&format!("password requisite pam_pwhistory.so {args}\n"));
    let unix = |args: &str| {
        password(&format!(
            "password requisite pam_pwquality.so retry=3\npassword [success=1 default=ignore] pam_unix.so {args}\n"
        ))
    };
    vec![
        case(enabled, unix(""), Pass, "is requisite"),
        stuck(enabled, password("password optional pam_pwquality.so\n"), "is optional"),
        stuck(enabled, password("#password requisite pam_pwquality.so\n"), "no pam_pwquality.so"),
        stuck(enabled, m(), "not there"),
        case(
            enabled,
            password("@include more\n").with("/etc/pam.d/more", "password required pam_pwquality.so\n"),
            Pass,
            "required",
        ),
        case(enabled, Machine::blind(), Unknown, "permission denied"),
        case(remember, history("remember=24 use_authtok"), Pass, "remember 24"),
        case(remember, history("remember=5"), Fail, "remember 5"),
        case(remember, history("use_authtok # remember=24"), Fail, "no remember"),
        stuck(remember, password(""), "no pam_pwhistory.so"),
        case(
            conf,
            history("").with("/etc/security/pwhistory.conf", "remember = 24\n"),
            Pass,
            "pwhistory.conf:1",
        ),
        case(conf, history(""), Fail, "nor in /etc/security/pwhistory.conf"),
        // The argument wins over the file.
        stuck(
            conf,
            history("remember=3").with("/etc/security/pwhistory.conf", "remember = 24\n"),
            "remember 3",
        ),
        case(authtok, unix("use_authtok"), Pass, "use_authtok"),
        case(authtok, unix("obscure"), Fail, "without use_authtok"),
        case(authtok, password("password required pam_unix.so\n"), Pass, "comes first"),
        case(nullok, unix(""), Pass, "without nullok"),
        case(nullok, unix("nullok yescrypt"), Fail, "with nullok"),
        case(
            nullok,
            unix("").with("/etc/pam.d/common-auth", "auth required pam_unix.so nullok\n"),
            Fail,
            "common-auth:1",
        ),
        case(nullok, m(), Notapplicable, "not there"),
        stuck(told, m().with("/etc/pam.d/system-auth", "auth sufficient pam_unix.so nullok\n"), "nullok"),
        case(hash, unix("obscure yescrypt"), Pass, "yescrypt"),
        case(hash, unix("sha512"), Pass, "sha512"),
        case(hash, unix("md5"), Fail, "md5"),
        case(hash, unix("sha512 yescrypt"), Fail, "sha512, yescrypt"),
        case(hash, unix("obscure"), Fail, "no hash"),
        stuck(hash, password("password required pam_deny.so\n"), "no pam_unix.so"),
    ]
}

fn faillock() -> Vec<Case> {
    let enabled = r#"{ kind = "faillock", auth = ["/etc/pam.d/common-auth"], account = ["/etc/pam.d/common-account"] }"#;
    let deny = r#"{ kind = "faillock", auth = ["/etc/pam.d/common-auth"], account = ["/etc/pam.d/common-account"], option = "deny", value = 4, order = "at-most", least = 1 }"#;
    let root = r#"{ kind = "faillock", auth = ["/etc/pam.d/common-auth"], account = ["/etc/pam.d/common-account"], option = "root_unlock_time", value = 60, order = "at-least", or = "even_deny_root" }"#;
    let with = |preauth: &str, authfail: &str, account: &str| {
        let auth = format!(
            "auth {preauth}\nauth [success=2 default=ignore] pam_unix.so\nauth {authfail}\nauth requisite pam_deny.so\n"
        );
        m().with("/etc/pam.d/common-auth", &auth)
            .with("/etc/pam.d/common-account", &format!("account {account}\n"))
    };
    let before = "required pam_faillock.so preauth silent";
    let after = "[default=die] pam_faillock.so authfail";
    let account = "required pam_faillock.so";
    let whole = || with(before, after, account);
    let conf = |text: &str| whole().with("/etc/security/faillock.conf", text);
    vec![
        case(enabled, whole(), Pass, "around pam_unix.so"),
        case(enabled, with("requisite pam_faillock.so preauth", after, account), Pass, "around"),
        stuck(
            enabled,
            with("sufficient pam_faillock.so preauth", after, account),
            "no binding pam_faillock.so preauth",
        ),
        stuck(enabled, with(before, "optional pam_x.so", account), "authfail after"),
        stuck(enabled, with(before, after, "required pam_unix.so"), "account stack"),
        stuck(enabled, with(before, "required pam_unix.so", account), "2 entries"),
        stuck(enabled, m(), "not there"),
        case(enabled, Machine::blind(), Unknown, "permission denied"),
        case(deny, conf("deny = 4\n"), Pass, "deny 4 by /etc/security/faillock.conf:1"),
        case(deny, conf("deny = 3\n"), Pass, "deny 3"),
        case(deny, conf("deny = 0\n"), Fail, "deny 0"),
        case(deny, conf("deny = 5\n"), Fail, "deny 5"),
        case(deny, conf("# deny = 3\n"), Fail, "no deny"),
        // An argument wins over the file, and is not changed here.
        stuck(
            deny,
            with("required pam_faillock.so preauth deny=9", after, account)
                .with("/etc/security/faillock.conf", "deny = 3\n"),
            "deny 9",
        ),
        stuck(deny, m().with("/etc/security/faillock.conf", "deny = 3\n"), "not there"),
        case(root, conf("even_deny_root\n"), Pass, "even_deny_root"),
        case(root, conf("root_unlock_time = 60\n"), Pass, "60"),
        case(root, conf(""), Fail, "no root_unlock_time"),
    ]
}

pub(super) fn tables() -> BTreeMap<&'static str, Vec<Case>> {
    BTreeMap::from([
        ("account", account().into_iter().chain(aging()).collect()),
        ("faillock", faillock()),
        ("homes", homes()),
        ("pam", pam()),
        ("root-path", root_path()),
        ("shell", shell()),
        ("sudoers", sudoers()),
        ("unowned", unowned()),
    ])
}
