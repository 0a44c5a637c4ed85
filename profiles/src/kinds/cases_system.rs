//! Cases of the kinds about auditing, mounts and what else the system itself is made of.

#![allow(clippy::too_many_lines, reason = "tables of cases")]

use model::Verdict::{Fail, Notapplicable, Pass, Unknown};

use super::cases::{Case, case, m, stuck};
use crate::testbed::Machine;

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

pub(super) fn compound(word: &str) -> Vec<Case> {
    let leak = |text: String| -> &'static str { Box::leak(text.into_boxed_str()) };
    let line = |letter: &str| {
        format!(
            r#"{{ kind = "lines", files = ["/etc/{letter}"], pattern = '^{letter}$', add = {{ path = "/etc/{letter}", line = "{letter}", create = true }} }}"#
        )
    };
    let probe = leak(format!(r#"{{ kind = "{word}", of = [{}, {}] }}"#, line("a"), line("b")));
    let absent = r#"{ kind = "file", path = "/etc/c", mode = "0600" }"#;
    let with_absent = leak(format!(r#"{{ kind = "{word}", of = [{}, {absent}] }}"#, line("a")));
    let none = leak(format!(r#"{{ kind = "{word}", of = [{absent}, {absent}] }}"#));
    let one = || m().with("/etc/b", "b\n");
    let some = if word == "any" {
        case(probe, one(), Pass, "/etc/b:1")
    } else {
        case(probe, one(), Fail, "no line")
    };
    vec![
        case(probe, one().with("/etc/a", "a\n"), Pass, "/etc/a:1"),
        some,
        case(probe, m(), Fail, "no line"),
        case(probe, Machine::blind(), Unknown, "permission denied"),
        case(with_absent, m().with("/etc/a", "a\n"), Pass, "/etc/a:1"),
        case(with_absent, m(), Fail, "no line"),
        case(none, m(), Notapplicable, "not there"),
    ]
}

pub(super) fn boot_argument() -> Vec<Case> {
    let audit = r#"{ kind = "boot_argument", name = "audit", value = "1" }"#;
    let backlog =
        r#"{ kind = "boot_argument", name = "audit_backlog_limit", value = 8192, order = "at-least" }"#;
    let defaults = |text: &str| m().with("/etc/default/grub", text).with_folder("/etc/default/grub.d");
    let menu = |arguments: &str| {
        format!("menuentry 'Debian' {{\n\tlinux\t/boot/vmlinuz-6.1 root=/dev/sda1 ro {arguments}\n}}\n")
    };
    let good =
        "GRUB_CMDLINE_LINUX_DEFAULT=\"quiet\"\nGRUB_CMDLINE_LINUX=\"audit=1 audit_backlog_limit=8192\"\n";
    vec![
        case(audit, defaults(good), Pass, "audit=1 in /etc/default/grub"),
        case(audit, defaults("GRUB_CMDLINE_LINUX='audit=1'\n"), Pass, "audit=1"),
        case(
            audit,
            defaults("A=audit=1\nGRUB_CMDLINE_LINUX=quiet\nGRUB_CMDLINE_LINUX+=\" ${A}\" # c\n"),
            Pass,
            "audit=1",
        ),
        case(audit, defaults("#GRUB_CMDLINE_LINUX=\"audit=1\"\n"), Fail, "no audit in"),
        case(audit, defaults("GRUB_CMDLINE_LINUX=\"audit=1 audit=0\"\n"), Fail, "audit=0"),
        case(
            audit,
            defaults("GRUB_CMDLINE_LINUX=\"audit=1\"\nGRUB_CMDLINE_LINUX_DEFAULT=\"audit=0\"\n"),
            Fail,
            "audit=0",
        ),
        case(audit, defaults("GRUB_CMDLINE_LINUX=\"xaudit=1 audit=10\"\n"), Fail, "audit=10"),
        // What only the usual entries get does not reach recovery.
        case(audit, defaults("GRUB_CMDLINE_LINUX_DEFAULT=\"audit=1\"\n"), Fail, "for every entry"),
        case(
            audit,
            defaults("GRUB_CMDLINE_LINUX_DEFAULT=\"audit=1\"\nGRUB_DISABLE_RECOVERY=\"true\"\n"),
            Pass,
            "audit=1",
        ),
        case(audit, defaults(good).with("/boot/grub/grub.cfg", &menu("audit=1")), Pass, "grub.cfg:2"),
        stuck(
            audit,
            defaults(good).with("/boot/grub/grub.cfg", &menu("")),
            "no audit in /boot/grub/grub.cfg:2",
        ),
        stuck(audit, m().with("/etc/default/grub", ""), "no audit in"),
        stuck(audit, m(), "no boot menu"),
        case(audit, defaults("GRUB_CMDLINE_LINUX=\"$(cat /etc/x)\"\n"), Unknown, "output of a command"),
        case(audit, Machine::blind(), Unknown, "permission denied"),
        case(
            audit,
            m().with("/boot/loader/entries/a.conf", "title x\noptions $kernelopts quiet\n")
                .with("/boot/grub2/grubenv", "# GRUB\nkernelopts=root=/dev/x audit=1\n"),
            Pass,
            "a.conf",
        ),
        case(backlog, defaults(good), Pass, "8192"),
        case(backlog, defaults("GRUB_CMDLINE_LINUX=audit_backlog_limit=64\n"), Fail, "64"),
    ]
}

pub(super) fn present() -> Vec<Case> {
    let probe = r#"{ kind = "present", paths = ["/var/lib/aide/aide.db", "/var/lib/aide/aide.db.gz"] }"#;
    vec![
        case(probe, m().with("/var/lib/aide/aide.db.gz", "x"), Pass, "aide.db.gz is there"),
        stuck(probe, m().with("/var/lib/aide/aide.db.new", "x"), "none"),
        case(probe, Machine::blind(), Unknown, "permission denied"),
    ]
}

pub(super) fn no_wireless() -> Vec<Case> {
    let probe = r#"{ kind = "no_wireless" }"#;
    let card = |flags: &str| {
        m().with("/sys/class/net/eth0/flags", "0x1003\n")
            .with("/sys/class/net/wlan0/phy80211/index", "0")
            .with("/sys/class/net/wlan0/flags", flags)
    };
    vec![
        case(probe, card("0x1002\n"), Pass, "wlan0 is down"),
        stuck(probe, card("0x1003\n"), "wlan0 is up"),
        case(probe, m().with("/sys/class/net/eth0/flags", "0x1003\n"), Notapplicable, "no wireless"),
        case(probe, m(), Unknown, "does not run here"),
        case(probe, Machine::blind(), Unknown, "permission denied"),
    ]
}

pub(super) fn one_unit() -> Vec<Case> {
    let probe = r#"{ kind = "one_unit", units = ["chrony.service", "systemd-timesyncd.service"] }"#;
    let text = "[Install]\nWantedBy=multi-user.target\n";
    let files = || {
        m().with("/usr/lib/systemd/system/chrony.service", text)
            .with("/usr/lib/systemd/system/systemd-timesyncd.service", text)
    };
    let link = |machine: Machine, unit: &str| {
        machine.with_link(&format!("/etc/systemd/system/multi-user.target.wants/{unit}"), "/usr/lib/x")
    };
    let one = || link(files(), "chrony.service");
    vec![
        case(probe, files().active("chrony.service"), Pass, "chrony.service runs"),
        stuck(
            probe,
            files().active("chrony.service").active("systemd-timesyncd.service"),
            "timesyncd.service runs",
        ),
        stuck(probe, files(), "none"),
        case(probe, one().offline(), Pass, "chrony.service starts at boot"),
        stuck(probe, link(one(), "systemd-timesyncd.service").offline(), "timesyncd.service starts"),
        stuck(probe, m().offline(), "none"),
        case(probe, Machine::blind(), Unknown, "permission denied"),
    ]
}
