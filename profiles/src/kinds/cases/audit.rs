//! Rules of auditing.

use super::*;

/// A machine whose rules augenrules merges, with this file among them.
fn audited(rules: &str) -> Machine {
    let unit = "[Service]\nExecStart=/sbin/auditd\nExecStartPost=-/sbin/augenrules --load\n";
    m().with("/usr/lib/systemd/system/auditd.service", unit).with("/etc/audit/rules.d/50-site.rules", rules)
}

/// A machine on which auditctl loads one file.
fn by_auditctl(rules: &str) -> Machine {
    let unit = "[Service]\nExecStartPost=-/sbin/auditctl -R /etc/audit/audit.rules\n#ExecStartPost=-/sbin/augenrules\n";
    m().with("/usr/lib/systemd/system/auditd.service", unit).with("/etc/audit/audit.rules", rules)
}

pub(super) fn audit_rules() -> Vec<Case> {
    let chmod = r#"{ kind = "audit_rules", rules = [
        "-a always,exit -F arch=b32 -S chmod -F auid>=1000 -F auid!=unset -k perm_mod",
        "-a always,exit -F arch=b64 -S chmod -F auid>=1000 -F auid!=unset -k perm_mod"] }"#;
    let watch = r#"{ kind = "audit_rules", rules = ["-w /etc/group -p wa -k identity"] }"#;
    let inode = r#"{ kind = "audit_rules", rules = ["-a always,exit -F path=/var/lib/docker -F perm=wa -k docker"] }"#;
    let faillock = r#"{ kind = "audit_rules", watch = "/var/run/faillock", key = "logins" }"#;
    let locked = r#"{ kind = "audit_rules", rules = ["-e 2"] }"#;
    let goes_on = r#"{ kind = "audit_rules", rules = ["-c"] }"#;
    let usermod = r#"{ kind = "audit_rules", rules = ["-a always,exit -F path=/usr/sbin/usermod -F perm=x -F auid>=1000 -F auid!=unset -k usermod"] }"#;
    let denied = r#"{ kind = "audit_rules", rules = ["-a always,exit -F arch=b64 -S open -F exit=-EACCES -F auid>=1000 -F auid!=unset -k access"] }"#;
    let lacking = r#"{ kind = "audit_rules", may_lack = ["auid"], rules = ["-a always,exit -F arch=b64 -S init_module -F auid>=1000 -F auid!=unset -k modules"] }"#;
    let setuid = r#"{ kind = "audit_rules", rules = ["-a always,exit -F arch=b64 -S execve -C euid!=uid -F auid!=unset -k user_emulation"] }"#;
    let both = "-a always,exit -F arch=b32 -S chmod,fchmod -F auid>=1000 -F auid!=-1 -F key=x\n\
                -a exit,always -F arch=b64 -S fchmod -S chmod -F auid>=1000 -F auid!=4294967295 -k y\n";
    vec![
        case(chmod, audited(both), Pass, "50-site.rules:1"),
        case(chmod, audited(both).offline(), Pass, "cannot be seen here"),
        case(chmod, audited(""), Fail, "no -a always,exit -F arch=b32 -S chmod"),
        case(chmod, m(), Fail, "no -a"),
        case(chmod, audited(&both.replace("arch=b64", "arch=b32")), Fail, "arch=b64"),
        case(chmod, audited(&both.replace("always", "never")), Fail, "no -a"),
        case(chmod, audited(&both.replace("exit", "user")), Fail, "no -a"),
        case(chmod, audited(&both.replace(" chmod", " chmodx").replace("chmod,", "chown,")), Fail, "no -a"),
        case(chmod, audited(&both.replace("auid>=1000", "auid>=1001")), Fail, "no -a"),
        case(chmod, audited(&both.replace("-F auid>=1000 ", "")), Fail, "no -a"),
        case(chmod, audited(&both.replace("-F auid>=1000", "-F auid>=1000 -F uid=7")), Fail, "no -a"),
        case(chmod, audited(&both.replace("-a ", "#-a ")), Fail, "no -a"),
        // Each architecture in a file of its own, and a file with another name that nobody reads.
        case(
            chmod,
            audited(both.lines().next().unwrap())
                .with("/etc/audit/rules.d/9-b.rules", both.lines().nth(1).unwrap()),
            Pass,
            "9-b.rules:1",
        ),
        case(chmod, audited("").with("/etc/audit/rules.d/site.conf", both), Fail, "no -a"),
        // What augenrules overwrites does not count, and what auditctl does not read neither.
        case(chmod, audited("").with("/etc/audit/audit.rules", both), Fail, "no -a"),
        case(chmod, by_auditctl(both), Pass, "audit.rules:1"),
        case(chmod, by_auditctl("").with("/etc/audit/rules.d/a.rules", both), Fail, "no -a"),
        case(chmod, by_auditctl(&format!("{both}-D\n")), Fail, "no -a"),
        case(chmod, audited(&format!("{both}-D\n")), Pass, "50-site.rules:1"),
        case(chmod, Machine::blind(), Unknown, "permission denied"),
        case(watch, audited("-w /etc/group -p wa -k identity\n"), Pass, "50-site.rules:1"),
        case(watch, audited("-w /etc/group/ -p rwxa\n"), Pass, "50-site.rules:1"),
        case(watch, audited("-w /etc/group\n"), Pass, "50-site.rules:1"),
        case(watch, audited("-w /etc/group -p w -k identity\n"), Fail, "no -w"),
        case(watch, audited("-w /etc/group- -p wa -k identity\n"), Fail, "no -w"),
        case(watch, audited("-w /etc/group -p wa\n-W /etc/group -p wa\n"), Fail, "no -w"),
        case(watch, audited("-a always,exit -F path=/etc/group -F perm=wa -k x\n"), Pass, "50-site.rules:1"),
        case(watch, audited("-a always,exit -F arch=b64 -F dir=/etc/group -F perm=wa -k x\n"), Fail, "no -w"),
        case(
            watch,
            audited(
                "-a always,exit -F arch=b64 -F path=/etc/group -F perm=wa\n-a always,exit -F arch=b32 -F path=/etc/group -F perm=wa\n",
            ),
            Pass,
            "50-site.rules:2, /etc/audit/rules.d/50-site.rules:1",
        ),
        // auditctl stops at a rule that is there already.
        stuck(watch, audited("-w /etc/group -p wa\n-w /etc/group -p wa\n"), "repeats"),
        case(watch, audited("-c\n-w /etc/group -p wa\n-w /etc/group -p wa\n"), Pass, "50-site.rules:2"),
        case(inode, audited("-w /var/lib/docker -p wa -k docker\n"), Pass, "site"),
        case(inode, audited("-a always,exit -F path=/var/lib/docker -F perm=war -k d\n"), Pass, "site"),
        case(inode, audited("-w /var/lib/docker -p r -k docker\n"), Fail, "no -a"),
        case(faillock, audited("-w /var/run/faillock/ -p wa -k x\n"), Pass, "site"),
        case(faillock, audited(""), Fail, "no -w /var/run/faillock -p wa -k logins"),
        case(locked, audited("-e 2\n"), Pass, "-e 2"),
        case(locked, audited("-e 2\n-w /x -p wa\n"), Pass, "-e 2"),
        case(locked, audited("  -e   2  \n"), Pass, "-e 2"),
        stuck(locked, audited("-e 2\n-e 1\n"), "-e 1 by"),
        case(locked, audited(""), Fail, "no -e 2"),
        stuck(watch, by_auditctl("-e 2\n"), "refuses what follows"),
        case(goes_on, audited("-c\n"), Pass, "-c"),
        case(goes_on, audited(""), Fail, "no -c"),
        case(
            usermod,
            audited(
                "-a always,exit -F path=/usr/sbin/usermod -F perm=x -F auid>=1000 -F auid!=unset -F key=u\n",
            ),
            Pass,
            "site",
        ),
        case(
            usermod,
            audited("-a always,exit -F path=/usr/sbin/usermod -F auid>=1000 -F auid!=unset -k u\n"),
            Fail,
            "no -a",
        ),
        case(usermod, audited("-a always,exit -F path=/usr/sbin/usermod -F perm=x -k u\n"), Fail, "no -a"),
        case(
            denied,
            audited("-a always,exit -F arch=b64 -S open -F exit=-13 -F auid>=1000 -F auid!=unset -k a\n"),
            Pass,
            "site",
        ),
        case(
            denied,
            audited(
                "-a always,exit -F arch=b64 -S open -F a2&0100 -F exit=-EACCES -F auid>=1000 -F auid!=unset -k a\n",
            ),
            Fail,
            "no -a",
        ),
        case(
            denied,
            audited("-a always,exit -F arch=b64 -S open -F exit=-EPERM -F auid>=1000 -F auid!=unset -k a\n"),
            Fail,
            "no -a",
        ),
        case(lacking, audited("-a always,exit -F arch=b64 -S init_module -k modules\n"), Pass, "site"),
        case(
            setuid,
            audited("-a always,exit -F arch=b64 -S execve -C uid!=euid -F auid!=-1 -k u\n"),
            Pass,
            "site",
        ),
        case(
            setuid,
            audited("-a always,exit -F arch=b64 -S execve -C euid=uid -F auid!=-1 -k u\n"),
            Fail,
            "no -a",
        ),
    ]
}

pub(super) fn audit_privileged() -> Vec<Case> {
    let probe = r#"{ kind = "audit_privileged", key = "privileged" }"#;
    let rule = "-a always,exit -F path=/usr/bin/su -F perm=x -F auid>=1000 -F auid!=unset -k privileged\n";
    let su = |rules: &str| audited(rules).with_mode("/usr/bin/su", 0o4755, 0, 0);
    let mount = "25 1 8:1 / /home rw,nosuid,relatime shared:1 - ext4 /dev/sda2 rw\n";
    vec![
        case(probe, su(rule), Pass, "/usr/bin/su"),
        case(probe, su(&rule.replace("-F perm=x ", "")), Pass, "/usr/bin/su"),
        case(probe, su(""), Fail, "no -a always,exit -F path=/usr/bin/su"),
        case(probe, su(&rule.replace("/su ", "/sudo ")), Fail, "/usr/bin/su"),
        case(probe, su(rule).with_mode("/opt/tool", 0o2755, 0, 0), Fail, "/opt/tool"),
        case(probe, su(rule).with_mode("/opt/tool", 0o755, 0, 0), Pass, "/usr/bin/su"),
        case(
            probe,
            su(rule).with_mode("/home/a/su", 0o4755, 0, 0).with("/proc/self/mountinfo", mount),
            Pass,
            "/usr/bin/su",
        ),
        case(probe, su(rule).with_mode("/home/a/su", 0o4755, 0, 0), Fail, "/home/a/su"),
        case(probe, audited(""), Pass, "no such program"),
        case(probe, Machine::blind(), Unknown, "permission denied"),
    ]
}
