//! Settings of files: keys, lines, sshd, apt.

use super::*;

pub(super) fn setting() -> Vec<Case> {
    let minlen = r#"{ kind = "setting", path = "/etc/security/pwquality.conf", folders = ["/etc/security/pwquality.conf.d"], main_last = true, syntax = "key-value", key = "minlen", value = 14, order = "at-least" }"#;
    let credit = r#"{ kind = "setting", path = "/etc/security/pwquality.conf", syntax = "key-value", key = "dcredit", value = -1, order = "at-most" }"#;
    let repeat = r#"{ kind = "setting", path = "/etc/security/pwquality.conf", syntax = "key-value", key = "maxrepeat", value = 3, order = "at-most", least = 1 }"#;
    let bare = r#"{ kind = "setting", path = "/etc/security/pwquality.conf", syntax = "key-value", key = "enforce_for_root" }"#;
    let default = r#"{ kind = "setting", path = "/etc/security/pwquality.conf", syntax = "key-value", key = "dictcheck", value = 1, default = 1 }"#;
    let weak = r#"{ kind = "setting", path = "/etc/dnf/dnf.conf", syntax = "ini", key = "main.install_weak_deps", value = "False", also = ["0", "no"] }"#;
    let postfix = r#"{ kind = "setting", path = "/etc/postfix/main.cf", syntax = "postfix", key = "inet_interfaces", value = "loopback-only", service = "postfix.service" }"#;
    let (main_cf, unit) = ("/etc/postfix/main.cf", "/usr/lib/systemd/system/postfix.service");
    let journal = r#"{ kind = "setting", path = "/etc/systemd/journald.conf", folders = ["/etc/systemd/journald.conf.d"], syntax = "ini", key = "Journal.Storage", value = "persistent" }"#;
    let stacked = r#"{ kind = "setting", path = "/etc/security/pwquality.conf", folders = ["/etc/security/pwquality.conf.d"], main_last = true, pam = "pam_pwquality.so", syntax = "key-value", key = "minlen", value = 14, order = "at-least" }"#;
    let main = |text: &str| m().with("/etc/security/pwquality.conf", text);
    let debian = |conf: &str, arguments: &str| {
        main(conf)
            .with("/etc/pam.d/common-password", &format!("password requisite pam_pwquality.so {arguments}\n"))
    };
    let redhat = |arguments: &str| {
        main("minlen = 14\n")
            .with("/etc/pam.d/system-auth", "password requisite pam_pwquality.so\n")
            .with("/etc/pam.d/password-auth", &format!("password requisite pam_pwquality.so {arguments}\n"))
    };
    vec![
        // Arguments of the module win over its file.
        case(stacked, main("minlen = 14\n"), Pass, "minlen = 14 by"),
        case(stacked, debian("minlen = 14\n", "retry=3"), Pass, "minlen = 14 by"),
        case(stacked, debian("minlen = 14\n", "retry=3 minlen=8"), Fail, "8 at /etc/pam.d/common-password:1"),
        case(stacked, debian("minlen = 8\n", "minlen=14"), Pass, "14 at"),
        case(stacked, debian("minlen = 14\n", "minlen=20 # minlen=8"), Pass, "20 at"),
        case(stacked, redhat("retry=3"), Pass, "minlen = 14 by"),
        stuck(stacked, redhat("minlen=8"), "8 at /etc/pam.d/password-auth:1"),
        case(stacked, Machine::blind(), Unknown, "permission denied"),
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

pub(super) fn lines() -> Vec<Case> {
    let core = r#"{ kind = "lines", files = ["/etc/security/limits.conf", "/etc/security/limits.d/*.conf"],
        pattern = '^\s*\*\s+(?:hard|-)\s+core\s+(\S+)', value = "0",
        add = { path = "/etc/security/limits.d/99-zz-groundfast.conf", line = "* hard core 0", create = true } }"#;
    let none = r#"{ kind = "lines", files = ["/etc/yum.repos.d/*.repo"], state = "absent",
        pattern = '(?i)^\s*gpgcheck\s*=\s*(?:0|no|false)\s*$' }"#;
    let among = r#"{ kind = "lines", files = ["/etc/chrony.conf"], pattern = '^\s*server\s+(\S+)', among = "a.example,b.example" }"#;
    let once = r#"{ kind = "lines", files = ["/etc/x"], pattern = '^mode (\d+)', value = 5, order = "at-least", at_most = 1 }"#;
    let default = r#"{ kind = "lines", files = ["/etc/x"], pattern = '^user (\S+)', value = "chrony", default = "chrony" }"#;
    let there = r#"{ kind = "lines", files = ["/etc/x"], pattern = '^tool\s+all$', add = { path = "/etc/x", line = "tool all" } }"#;
    let limits = |text: &str| m().with("/etc/security/limits.conf", text);
    let x = |text: &str| m().with("/etc/x", text);
    vec![
        case(core, limits("*  hard core\t0\n"), Pass, "limits.conf:1"),
        case(core, limits("* - core 0 # no dumps\n"), Pass, "limits.conf:1"),
        case(core, limits("#* hard core 0\n"), Fail, "no line matches"),
        case(core, limits("root hard core 0\n* soft core 0\n"), Fail, "no line matches"),
        case(core, m(), Fail, "no line matches"),
        // A drop-in is read later, so a person has to change it.
        stuck(
            core,
            limits("* hard core 0\n").with("/etc/security/limits.d/a.conf", "* hard core unlimited\n"),
            "a.conf:1",
        ),
        case(
            core,
            limits("* hard core 1\n").with("/etc/security/limits.d/a.conf", "* hard core 0\n"),
            Pass,
            "a.conf:1",
        ),
        stuck(core, limits("* hard core 0\n* hard core 1\n"), "limits.conf:2"),
        case(core, Machine::blind(), Unknown, "permission denied"),
        case(none, m(), Pass, "no line"),
        case(none, m().with("/etc/yum.repos.d/a.repo", "[a]\ngpgcheck=1\n"), Pass, "no line"),
        stuck(none, m().with("/etc/yum.repos.d/a.repo", "[a]\nGPGCheck = No\n"), "a.repo:2"),
        case(none, m().with("/etc/yum.repos.d/a.txt", "gpgcheck=0\n"), Pass, "no line"),
        case(among, m().with("/etc/chrony.conf", "server z.example\nserver B.example iburst\n"), Pass, ":2"),
        stuck(among, m().with("/etc/chrony.conf", "server z.example\n"), "z.example"),
        stuck(among, m().with("/etc/chrony.conf", "! server a.example\n"), "no line"),
        case(once, x("mode 5\n"), Pass, "mode 5"),
        stuck(once, x("mode 4\n"), "mode 4"),
        stuck(once, x("mode 5\nmode 6\n"), "2 lines where 1 may be"),
        case(default, x(""), Pass, "by default"),
        stuck(default, x("user root\n"), "user root"),
        case(there, x("tool   all\n"), Pass, "/etc/x:1"),
        case(there, x("other\n"), Fail, "no line"),
        stuck(there, m(), "no line"),
    ]
}

pub(super) fn sshd() -> Vec<Case> {
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
        // With a value that it does not know sshd does not start, whichever line would win.
        stuck(root, main("PermitRootLogin no\nPermitRootLogin never\n"), "does not start with never"),
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

pub(super) fn sshd_any() -> Vec<Case> {
    let probe = r#"{ kind = "sshd_any", keys = ["AllowUsers", "AllowGroups", "DenyUsers", "DenyGroups"] }"#;
    let main = |text: &str| m().with("/etc/ssh/sshd_config", text);
    vec![
        case(probe, main("allowgroups wheel\n"), Pass, "AllowGroups wheel"),
        stuck(probe, main("AllowUsers\n"), "none is set"),
        stuck(probe, main("Match User x\nDenyUsers y\n"), "none is set"),
        case(probe, m(), Notapplicable, "no SSH server"),
        case(probe, Machine::blind(), Unknown, "permission denied"),
    ]
}

pub(super) fn apt() -> Vec<Case> {
    let probe = r#"{ kind = "apt", off = ["APT::Install-Recommends", "APT::Install-Suggests"] }"#;
    let at = |name: &str, text: &str| m().with(&format!("/etc/apt/apt.conf.d/{name}"), text);
    let off = "APT { Install-Recommends \"0\"; Install-Suggests no; };\n";
    vec![
        case(probe, at("60x", off), Pass, "Recommends is 0"),
        case(
            probe,
            at("60x.conf", off).with("/etc/apt/apt.conf.d/70y", "apt::install-suggests 1;"),
            Fail,
            "Suggests is 1",
        ),
        case(probe, at("60x.dpkg-old", off), Fail, "nothing sets"),
        case(probe, at("60x", "// APT::Install-Recommends \"0\";\n"), Fail, "nothing sets"),
        case(probe, m(), Fail, "nothing sets"),
        case(probe, Machine::blind(), Unknown, "permission denied"),
    ]
}
