//! PAM, the shell that a login starts, and sudo.

use super::*;

pub(super) fn pam() -> Vec<Case> {
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
        // First in the stack it would refuse every password with it: what comes before is for a person to choose.
        stuck(authtok, password("password required pam_unix.so\n"), "without use_authtok"),
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

pub(super) fn faillock() -> Vec<Case> {
    let enabled = r#"{ kind = "faillock", auth = ["/etc/pam.d/common-auth"], account = ["/etc/pam.d/common-account"] }"#;
    let deny = r#"{ kind = "faillock", auth = ["/etc/pam.d/common-auth"], account = ["/etc/pam.d/common-account"], option = "deny", value = 4, order = "at-most", least = 1 }"#;
    let unlock = r#"{ kind = "faillock", auth = ["/etc/pam.d/common-auth"], account = ["/etc/pam.d/common-account"], option = "unlock_time", value = 900, order = "at-least", also = ["0"] }"#;
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
        // 0 is for ever.
        case(unlock, conf("unlock_time = 0\n"), Pass, "unlock_time 0"),
        case(unlock, conf("unlock_time = 600\n"), Fail, "unlock_time 600"),
        case(root, conf("even_deny_root\n"), Pass, "even_deny_root"),
        case(root, conf("root_unlock_time = 60\n"), Pass, "60"),
        case(root, conf(""), Fail, "no root_unlock_time"),
    ]
}

pub(super) fn shell() -> Vec<Case> {
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

pub(super) fn root_path() -> Vec<Case> {
    let absolute = r#"{ kind = "root_path", test = "absolute" }"#;
    let directories = r#"{ kind = "root_path", test = "directories" }"#;
    let owned = r#"{ kind = "root_path", test = "owned" }"#;
    let no_write = r#"{ kind = "root_path", test = "no-write" }"#;
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

pub(super) fn sudoers() -> Vec<Case> {
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
        // sudo knows parts of a minute.
        case(timeout, main("Defaults timestamp_timeout = +2.5\n"), Pass, "+2.5"),
        case(timeout, main("Defaults timestamp_timeout=.5\n"), Pass, ".5"),
        case(timeout, main("Defaults timestamp_timeout=15.0\n"), Pass, "15.0"),
        case(timeout, main("Defaults timestamp_timeout=15.1\n"), Fail, "15.1"),
        case(timeout, main("Defaults timestamp_timeout=-0.5\n"), Fail, "-0.5"),
        case(timeout, main("Defaults timestamp_timeout=1.x\n"), Fail, "1.x"),
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
