//! A whole RHEL 9 root, hardened to level 2 and given back. It is synthetic: the files are written here as Red Hat ships
//! them, and the database of packages is made by the real rpm from packages without content.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use support::{Scratch, finding, snapshot};

const PACKAGES: &str = "aide audit audit-libs authselect bash chrony cronie crypto-policies dnf firewalld gdm \
    libpwquality libselinux nftables openssh-server pam rsyslog sudo systemd telnet yum";

/// Each file with its mode.
const FILES: &[(&str, u32, &str)] = &[
    (
        "etc/os-release",
        0o644,
        "NAME=\"Red Hat Enterprise Linux\"\nVERSION=\"9.4 (Plow)\"\nID=\"rhel\"\nID_LIKE=\"fedora\"\nVERSION_ID=\"9.4\"\n\
         PLATFORM_ID=\"platform:el9\"\nPRETTY_NAME=\"Red Hat Enterprise Linux 9.4 (Plow)\"\n",
    ),
    ("etc/redhat-release", 0o644, "Red Hat Enterprise Linux release 9.4 (Plow)\n"),
    (
        "etc/passwd",
        0o644,
        "root:x:0:0:root:/root:/bin/bash\nbin:x:1:1:bin:/bin:/sbin/nologin\nsshd:x:74:74::/usr/share/empty.sshd:/sbin/nologin\n\
         ann:x:1000:1000::/home/ann:/bin/bash\n",
    ),
    (
        "etc/shadow",
        0o000,
        "root:$6$a$b:19000:0:99999:7:::\nbin:*:19000:0:99999:7:::\nsshd:!!:19000::::::\nann:$6$a$b:19000:0:99999:7:::\n",
    ),
    ("etc/group", 0o644, "root:x:0:\nbin:x:1:\nwheel:x:10:ann\nssh_keys:x:101:\nsshd:x:74:\nann:x:1000:\n"),
    ("etc/gshadow", 0o000, "root:::\nbin:::\nwheel:::ann\nssh_keys:!::\nsshd:!::\nann:!::\n"),
    (
        "etc/login.defs",
        0o644,
        "PASS_MAX_DAYS\t99999\nPASS_MIN_DAYS\t0\nPASS_WARN_AGE\t7\nUMASK\t\t022\nENCRYPT_METHOD SHA512\n",
    ),
    (
        "etc/ssh/sshd_config",
        0o600,
        "# Drop-ins first\nInclude /etc/ssh/sshd_config.d/*.conf\nAuthorizedKeysFile .ssh/authorized_keys\nMaxAuthTries 6\n\
         Subsystem sftp /usr/libexec/openssh/sftp-server\n",
    ),
    (
        "etc/ssh/sshd_config.d/50-redhat.conf",
        0o600,
        "Include /etc/crypto-policies/back-ends/opensshserver.config\nSyslogFacility AUTHPRIV\nUsePAM yes\n\
         X11Forwarding yes\nPrintMotd no\n",
    ),
    ("etc/crypto-policies/config", 0o644, "DEFAULT\n"),
    ("etc/crypto-policies/state/current", 0o644, "DEFAULT\n"),
    (
        "etc/crypto-policies/back-ends/opensshserver.config",
        0o644,
        "Ciphers aes256-gcm@openssh.com,aes256-ctr\n",
    ),
    ("etc/sysctl.conf", 0o644, "# see sysctl.d\n"),
    (
        "etc/sysctl.d/50-site.conf",
        0o644,
        "net.ipv4.conf.all.accept_redirects = 1\nkernel.randomize_va_space = 2\n",
    ),
    ("usr/lib/sysctl.d/50-redhat.conf", 0o644, "net.ipv4.conf.*.rp_filter = 1\n"),
    (
        "etc/audit/auditd.conf",
        0o640,
        "log_file = /var/log/audit/audit.log\nmax_log_file = 8\nmax_log_file_action = ROTATE\n",
    ),
    ("etc/audit/rules.d/audit.rules", 0o600, "-D\n-b 8192\n-f 1\n-w /etc/passwd -p wa -k identity\n"),
    ("etc/authselect/authselect.conf", 0o644, "sssd\nwith-faillock\nwith-pwhistory\n"),
    ("usr/share/authselect/default/sssd/system-auth", 0o644, STACK),
    ("usr/share/authselect/default/sssd/password-auth", 0o644, STACK),
    ("etc/authselect/system-auth", 0o644, GENERATED),
    ("etc/authselect/password-auth", 0o644, GENERATED),
    (
        "etc/pam.d/su",
        0o644,
        "auth sufficient pam_rootok.so\nauth substack system-auth\naccount include system-auth\n",
    ),
    (
        "etc/pam.d/sshd",
        0o644,
        "auth substack password-auth\naccount include password-auth\nsession include password-auth\n",
    ),
    ("etc/security/pwquality.conf", 0o644, "# minlen = 8\n"),
    ("etc/security/faillock.conf", 0o644, "# deny = 3\n"),
    ("etc/security/pwhistory.conf", 0o644, "# remember = 10\n"),
    ("etc/libuser.conf", 0o644, "[defaults]\ncrypt_style = sha512\n"),
    ("etc/default/useradd", 0o644, "GROUP=100\nINACTIVE=-1\nSHELL=/bin/bash\n"),
    (
        "etc/sudoers",
        0o440,
        "Defaults env_reset\nroot ALL=(ALL) ALL\n%wheel ALL=(ALL) ALL\n#includedir /etc/sudoers.d\n",
    ),
    ("etc/dnf/dnf.conf", 0o644, "[main]\ngpgcheck=1\ninstallonly_limit=3\nbest=True\n"),
    (
        "etc/yum.repos.d/redhat.repo",
        0o644,
        "[baseos]\nname=BaseOS\nbaseurl=file:///mnt/BaseOS\nenabled=1\ngpgcheck=1\n",
    ),
    (
        "etc/yum.repos.d/site.repo",
        0o644,
        "[site]\nname=Site\nbaseurl=file:///srv/repo\nenabled=1\ngpgcheck=0\n",
    ),
    (
        "etc/rsyslog.conf",
        0o644,
        "global(workDirectory=\"/var/lib/rsyslog\")\ninclude(file=\"/etc/rsyslog.d/*.conf\" mode=\"optional\")\n\
         *.info;mail.none;authpriv.none;cron.none /var/log/messages\nauthpriv.* /var/log/secure\n\
         mail.* -/var/log/maillog\n*.emerg :omusrmsg:*\n",
    ),
    ("etc/rsyslog.d/app.conf", 0o644, "local0.* action(type=\"omfile\" file=\"/var/log/app.log\")\n"),
    ("var/log/messages", 0o600, "\n"),
    ("var/log/secure", 0o600, "\n"),
    ("var/log/app.log", 0o644, "\n"),
    ("etc/chrony.conf", 0o644, "pool 2.rhel.pool.ntp.org iburst\ndriftfile /var/lib/chrony/drift\n"),
    ("etc/sysconfig/chronyd", 0o644, "OPTIONS=\"-F 2\"\n"),
    ("etc/selinux/config", 0o644, "SELINUX=permissive\nSELINUXTYPE=targeted\n"),
    ("etc/fstab", 0o644, "/dev/sda1 / xfs defaults 0 0\ntmpfs /tmp tmpfs defaults 0 0\n"),
    ("etc/crontab", 0o644, "SHELL=/bin/bash\n"),
    ("etc/profile", 0o644, "umask 022\n"),
    ("etc/bashrc", 0o644, "umask 022\n"),
    ("etc/issue", 0o644, "\\S\nKernel \\r on an \\m\n"),
    ("etc/issue.net", 0o644, "\\S\n"),
    ("etc/motd", 0o644, ""),
    ("etc/systemd/journald.conf", 0o644, "[Journal]\n#Storage=auto\n"),
    ("etc/systemd/coredump.conf", 0o644, "[Coredump]\n#Storage=external\n"),
    (
        "usr/lib/systemd/system/sshd.service",
        0o644,
        "[Service]\nExecStart=/usr/sbin/sshd\n[Install]\nWantedBy=multi-user.target\n",
    ),
    (
        "usr/lib/systemd/system/auditd.service",
        0o644,
        "[Service]\nExecStart=/sbin/auditd\n[Install]\nWantedBy=multi-user.target\n",
    ),
    (
        "usr/lib/systemd/system/crond.service",
        0o644,
        "[Service]\nExecStart=/usr/sbin/crond\n[Install]\nWantedBy=multi-user.target\n",
    ),
    ("etc/dconf/profile/user", 0o644, "user-db:user\nsystem-db:local\n"),
];

const STACK: &str = "{imply \"with-smartcard\" if \"with-smartcard-required\"}\n\
    auth required pam_env.so\n\
    auth required pam_faillock.so preauth silent {include if \"with-faillock\"}\n\
    auth sufficient pam_unix.so {if not \"without-nullok\":nullok}\n\
    auth required pam_faillock.so authfail {include if \"with-faillock\"}\n\
    auth required pam_deny.so\n\
    account required pam_faillock.so {include if \"with-faillock\"}\n\
    account required pam_unix.so\n\
    password requisite pam_pwquality.so local_users_only\n\
    password requisite pam_pwhistory.so use_authtok {include if \"with-pwhistory\"}\n\
    password sufficient pam_unix.so sha512 shadow use_authtok\n\
    session required pam_unix.so\n";

const GENERATED: &str = "auth required pam_env.so\nauth required pam_faillock.so preauth silent\n\
    auth sufficient pam_unix.so nullok\nauth required pam_faillock.so authfail\nauth required pam_deny.so\n\
    account required pam_faillock.so\naccount required pam_unix.so\npassword requisite pam_pwquality.so local_users_only\n\
    password requisite pam_pwhistory.so use_authtok\npassword sufficient pam_unix.so sha512 shadow use_authtok\n\
    session required pam_unix.so\n";

#[track_caller]
fn done(command: &mut Command) {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// Packages without content, all from one specification.
fn build(place: &Path) -> Vec<PathBuf> {
    let part =
        |name: &str| format!("%package -n {name}\nSummary: x\n%description -n {name}\nx\n%files -n {name}\n");
    let parts: String = PACKAGES.split_whitespace().map(part).collect();
    let spec = format!(
        "Name: synthetic\nVersion: 9\nRelease: 1\nSummary: x\nLicense: none\nBuildArch: noarch\n%description\nx\n{parts}"
    );
    fs::write(place.join("x.spec"), spec).unwrap();
    let top = format!("_topdir {}", place.display());
    done(Command::new("rpmbuild").args(["-bb", "--quiet", "--define", &top]).arg(place.join("x.spec")));
    fs::read_dir(place.join("RPMS/noarch")).unwrap().map(|entry| entry.unwrap().path()).collect()
}

/// The root; `None` where there is no rpm.
fn rhel(scratch: &Scratch) -> Option<PathBuf> {
    if Command::new("rpmbuild").arg("--version").output().is_err() {
        eprintln!("left out: rpm is not installed; `scripts/packages.sh test` does");
        return None;
    }
    let root = scratch.path("root");
    for (name, mode, text) in FILES {
        let path = scratch.write(&format!("root/{name}"), text);
        fs::set_permissions(path, fs::Permissions::from_mode(*mode)).unwrap();
    }
    for folder in "var/lib/rpm root home/ann etc/cron.d etc/cron.daily etc/cron.hourly etc/cron.weekly etc/cron.monthly \
                   etc/sudoers.d etc/modprobe.d var/log/audit etc/ssh/keys tmp boot/grub2 etc/profile.d"
        .split_whitespace()
    {
        fs::create_dir_all(root.join(folder)).unwrap();
    }
    for name in ["system-auth", "password-auth"] {
        symlink(format!("/etc/authselect/{name}"), root.join("etc/pam.d").join(name)).unwrap();
    }
    symlink("usr/lib", root.join("lib")).unwrap();
    let place = scratch.path("rpms");
    fs::create_dir_all(&place).unwrap();
    let packages = build(&place);
    let install = ["--justdb", "--nodeps", "--nosignature", "-i"];
    let database = root.join("var/lib/rpm");
    done(Command::new("rpm").arg("--dbpath").arg(&database).args(install).args(&packages));
    Some(root)
}

fn verdicts(document: &Value, verdict: &str) -> usize {
    document["findings"].as_array().unwrap().iter().filter(|finding| finding["verdict"] == verdict).count()
}

#[test]
fn a_synthetic_rhel_9_is_hardened_to_level_2_and_given_back() {
    let scratch = Scratch::new();
    let Some(root) = rhel(&scratch) else { return };
    let harden = |more: &[&str]| {
        let words = ["harden", "--profile", "cis-rhel9-l2-server", "--root", root.to_str().unwrap()];
        scratch.run(&[&words[..], &["--no-progress", "--output", "json"], more].concat())
    };
    let before = snapshot(&root);
    let planned = harden(&["--plan"]).expect_code(0).json();
    assert_eq!(snapshot(&root), before, "a plan changes nothing");
    assert!(planned["findings"].as_array().unwrap().len() > 400);
    for (control, verdict) in [
        ("ensure_gpgcheck_globally_activated", "pass"),
        ("ensure_gpgcheck_never_disabled", "fail"),
        ("ensure_redhat_gpgkey_installed", "fail"),
        ("accounts_password_pam_modules_in_authselect_profile", "pass"),
        ("rsyslog_files_ownership", "pass"),
        ("rsyslog_files_permissions", "fail"),
        ("package_telnet_removed", "fail"),
        ("package_sudo_installed", "pass"),
        ("package_vsftpd_removed", "pass"),
    ] {
        assert_eq!(finding(&planned, control)["verdict"], verdict, "{}", finding(&planned, control));
    }

    let done = harden(&["--yes"]).expect_code(3).json();
    assert_eq!(done["outcome"], "enforced");
    let open = |finding: &&Value| matches!(finding["verdict"].as_str(), Some("fail" | "error" | "unknown"));
    for finding in done["findings"].as_array().unwrap().iter().filter(open) {
        assert_eq!(finding["remedy"], false, "what can be mended was mended: {finding}");
    }
    assert!(verdicts(&done, "fixed") > 100, "{} fixed", verdicts(&done, "fixed"));
    for control in ["ensure_gpgcheck_never_disabled", "rsyslog_files_permissions", "sshd_set_max_auth_tries"]
    {
        assert_eq!(finding(&done, control)["verdict"], "fixed");
    }
    let repository = fs::read_to_string(root.join("etc/yum.repos.d/site.repo")).unwrap();
    assert!(repository.contains("[site]") && repository.contains("gpgcheck=1"), "{repository}");

    let again = harden(&["--plan"]).expect_code(0).json();
    assert_eq!(again["plan"]["stages"].as_array().unwrap().len(), 0, "a second plan is empty");
    let _ = scratch.run(&["drift", "--no-progress"]).expect_code(0);

    let back = scratch.run(&["rollback", "--yes", "--no-progress", "--output", "json"]).expect_code(0).json();
    assert_eq!(back["outcome"], "enforced");
    assert_eq!(snapshot(&root), before, "bytes, modes and owners are back");
}
