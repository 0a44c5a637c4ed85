//! `get` and `set`: tables of tricky files, and the laws that hold for any text.

use model::Syntax::{
    self, Assignments, Auditd, Fstab, Ini, KeyValue, Lines, LoginDefs, Modprobe, Postfix, Sshd, Sysctl,
};
use proptest::prelude::*;
use syntax::{get, set};

#[test]
fn values_are_read_as_their_programs_read_them() {
    let table: &[(Syntax, &str, &str, Option<&str>)] = &[
        (Sysctl, "a.b = 1\na.b=2\n", "a.b", Some("2")),
        (Sysctl, "-a/b = 1", "a.b", Some("1")),
        (Sysctl, "net/ipv4/conf/eth0.1/x = 1", "net.ipv4.conf.eth0/1.x", Some("1")),
        (Sysctl, "# a.b = 1\n; a.b = 2\n", "a.b", None),
        (Sysctl, "a.b = 1 # not a comment\n", "a.b", Some("1 # not a comment")),
        (Sysctl, "a.b\n", "a.b", None),
        (Sysctl, "A.b = 1\n", "a.b", None),
        (Sysctl, "a.b = 1\r\n", "a.b", Some("1")),
        (KeyValue, "minlen = 14 # c\n", "minlen", Some("14")),
        (KeyValue, "minlen=14#c\n", "minlen", Some("14")),
        (KeyValue, "minlen 14\n", "minlen", Some("14")),
        (KeyValue, "MINLEN = 14\nminlen = 8", "minlen", Some("8")),
        (KeyValue, "minlen == 14\n", "minlen", Some("= 14")),
        (KeyValue, "# enforce_for_root\n", "enforce_for_root", None),
        (KeyValue, " enforce_for_root\n", "enforce_for_root", Some("")),
        (KeyValue, "minlength = 3\n", "minlen", None),
        (LoginDefs, "PASS_MAX_DAYS\t99999\n", "PASS_MAX_DAYS", Some("99999")),
        (LoginDefs, "#PASS_MAX_DAYS 1\nPASS_MAX_DAYS 2\nPASS_MAX_DAYS 3\n", "PASS_MAX_DAYS", Some("3")),
        (LoginDefs, "A \"b c\" d\n", "A", Some("b c")),
        (Sshd, "PERMITROOTLOGIN no\nPermitRootLogin yes\n", "PermitRootLogin", Some("no")),
        (Sshd, "PermitRootLogin=no\n", "PermitRootLogin", Some("no")),
        (Sshd, "PermitRootLogin = \"no\" # why\n", "PermitRootLogin", Some("no")),
        (Sshd, "Banner \"/etc/my banner\"\n", "banner", Some("/etc/my banner")),
        (Sshd, "Match User x\nPermitRootLogin yes\n", "PermitRootLogin", None),
        (Sshd, "X no\nmatch all\nPermitRootLogin yes\n", "PermitRootLogin", None),
        (Sshd, "#PermitRootLogin yes\n\tPermitRootLogin no\r\n", "PermitRootLogin", Some("no")),
        (Modprobe, "install usb-storage /bin/false\n", "install usb_storage", Some("/bin/false")),
        (Modprobe, "install x \\\n  /bin/false\n", "install x", Some("/bin/false")),
        (Modprobe, "install x /bin/a\ninstall x /bin/b\n", "install x", Some("/bin/a")),
        (Modprobe, "blacklist x\n", "blacklist x", Some("")),
        (Modprobe, "#blacklist x\nblacklist xy\n", "blacklist x", None),
        (Ini, "[A]\nk=1\n[B]\nk=2\n[A]\nk = 3\n", "A.k", Some("3")),
        (Ini, "[A]\nk=1 \\\n# between\n  2\nl=3\n", "A.k", Some("1    2")),
        (Ini, "[A]\n;k=1\nK=2\n", "A.k", None),
        (Ini, "[A]\nk=\n", "A.k", Some("")),
        (Auditd, "max_log_file = 8\n", "max_log_file", Some("8")),
        (Auditd, "MAX_LOG_FILE  =  8 \n#max_log_file = 9\n", "max_log_file", Some("8")),
        (Auditd, "max_log_file = 8\nmax_log_file = 6\n", "max_log_file", Some("6")),
        (Auditd, "max_log_file=8\n", "max_log_file", None),
        (Auditd, "max_log_file\t= 8\n", "max_log_file", None),
        (Auditd, "max_log_file = 8 # c\n", "max_log_file", Some("8 # c")),
        (Lines, "  -w  /etc/group -p wa\n", "-w /etc/group -p wa", Some("")),
        (Lines, "#-w /etc/group -p wa\n", "-w /etc/group -p wa", None),
        (Fstab, "x /home ext4 nodev,noexec 0 2\n", "/home noexec", Some("")),
        (Fstab, "x /home ext4 noexec,exec 0 2\n", "/home noexec", None),
        (Fstab, "x /home ext4 noexec 0 2\ny /home ext4 rw 0 2\n", "/home noexec", None),
        (Fstab, "x /my\\040home ext4 nodev 0 2\n", "/my home nodev", Some("")),
        (Assignments, "A=1\nexport A=\"b c\" # d\n", "A", Some("b c")),
        (Assignments, "A='b\"c'd\n#A=2\n A=3\\\"", "A", Some("3\"")),
        (Assignments, "A=1; B=2\nA.b=3\nAB = 4\n", "A", Some("1")),
        (Postfix, "a = 1\n# c\n\n  2\nb = 3\n", "a", Some("1 2")),
        (Postfix, "a = 1\na=\n", "a", Some("")),
        (Postfix, "#a = 1\n a = 2\n", "a", None),
    ];
    for (syntax, text, key, value) in table {
        assert_eq!(get(text, *syntax, key).as_deref(), *value, "{syntax:?} {text:?}");
    }
}

#[test]
fn one_key_is_set_and_the_rest_stays() {
    let table: &[(Syntax, &str, &str, Option<&str>, &str)] = &[
        (Sysctl, "", "a.b", Some("1"), "a.b = 1\n"),
        (Sysctl, "# c\nx = 1", "a.b", Some("1"), "# c\nx = 1\na.b = 1"),
        (Sysctl, "# c\r\nx = 1\r\n", "a.b", Some("1"), "# c\r\nx = 1\r\na.b = 1\r\n"),
        (Sysctl, "a.b = 0\nc.d = 2\n", "a.b", Some("1"), "a.b = 1\nc.d = 2\n"),
        (Sysctl, "a.b = 0\na.b = 3\n", "a.b", None, ""),
        (Sysctl, "a/b=1\n", "a.b", Some("1"), "a/b=1\n"),
        (KeyValue, "  minlen = 8 # why\n", "minlen", Some("14"), "  minlen = 14 # why\n"),
        (
            KeyValue,
            "# enforce_for_root\n",
            "enforce_for_root",
            Some(""),
            "# enforce_for_root\nenforce_for_root\n",
        ),
        (LoginDefs, "UMASK\t022\n", "UMASK", Some("027"), "UMASK 027\n"),
        (Sshd, "A b\nMatch all\n A c\n", "X", Some("y"), "A b\nX y\nMatch all\n A c\n"),
        (Sshd, "x no\nX maybe\nMatch all\n X z\n", "X", Some("y"), "X y\nX maybe\nMatch all\n X z\n"),
        (Sshd, "Match all\n A c", "X", Some("y"), "X y\nMatch all\n A c"),
        (Modprobe, "x \\", "blacklist y", Some(""), "x \\\n\nblacklist y"),
        (
            Modprobe,
            "install y \\\n /sbin/z\n#c\n",
            "install y",
            Some("/bin/false"),
            "install y /bin/false\n#c\n",
        ),
        (Ini, "[A]\nk=1\n\n[B]\n", "A.l", Some("2"), "[A]\nk=1\nl=2\n\n[B]\n"),
        (Ini, "[A]\nk=1\n", "B.l", Some("2"), "[A]\nk=1\n[B]\nl=2\n"),
        (Auditd, "# c\nnum_logs = 5\n", "num_logs", Some("9"), "# c\nnum_logs = 9\n"),
        (Lines, "-D\n", "-w /x -p wa", Some(""), "-D\n-w /x -p wa\n"),
        (Lines, "-D\n-w  /x -p wa\n", "-w /x -p wa", None, "-D\n"),
        (
            Fstab,
            "x\t/home\text4\tdefaults,exec\t0 2\r\ny / ext4 rw 0 1\n",
            "/home noexec",
            Some(""),
            "x\t/home\text4\tdefaults,noexec\t0 2\r\ny / ext4 rw 0 1\n",
        ),
        (Fstab, "x /home ext4\n", "/home nodev", Some(""), "x /home ext4 nodev\n"),
        (Fstab, "x /home ext4 nodev 0 0\n", "/home nodev", None, "x /home ext4 defaults 0 0\n"),
        (Fstab, "# c", "/dev/shm nodev", Some(""), "# c\ntmpfs /dev/shm tmpfs rw,nodev 0 0\n"),
        (Assignments, "# a\nA=\"x\" # why\n", "A", Some("y z"), "# a\nA=\"y z\" # why\n"),
        (Assignments, "A=1\n", "B", Some("$x"), "A=1\nB=\"\\$x\"\n"),
        (Postfix, "a = 1,\n 2\nb = 3\n", "a", Some("4"), "a = 4\nb = 3\n"),
    ];
    for (syntax, text, key, value, wanted) in table {
        assert_eq!(set(text, *syntax, key, *value).as_deref(), Ok(*wanted), "{syntax:?} {text:?}");
    }
}

#[test]
fn what_would_be_read_back_otherwise_is_refused() {
    let table: &[(Syntax, &str, &str)] = &[
        (Sysctl, "a.b", "1\nkernel.x = 2"),
        (Sysctl, "a.b", " 1"),
        (KeyValue, "minlen", "1 # 2"),
        (LoginDefs, "K", "a\"b"),
        (Sshd, "Banner", "a #b"),
        (Sshd, "Match", "all"),
        (Modprobe, "install x", "a\\\nb"),
        (Ini, "A.k", "a\n[B]"),
        (Auditd, "num_logs", " 5"),
        (Lines, "-w /x", "5"),
        (Lines, "# -w /x", ""),
        (Fstab, "/home nodev", ""),
        (Fstab, "/dev/shm nodev,x", ""),
    ];
    for (syntax, key, value) in table {
        assert!(set("", *syntax, key, Some(value)).is_err(), "{syntax:?} {value:?}");
    }
}

const ALL: [(Syntax, &str, &str); 11] = [
    (Sysctl, "net.ipv4.ip_forward", "0"),
    (KeyValue, "minlen", "14"),
    (LoginDefs, "UMASK", "027"),
    (Sshd, "PermitRootLogin", "no"),
    (Modprobe, "install cramfs", "/bin/false"),
    (Ini, "Journal.Storage", "persistent"),
    (Auditd, "num_logs", "5"),
    (Lines, "-w /etc/group -p wa", ""),
    (Fstab, "/dev/shm nodev", ""),
    (Assignments, "ENABLED", "yes"),
    (Postfix, "inet_interfaces", "loopback-only"),
];

/// Lines that look like settings of every syntax, and rubbish.
fn any_text() -> impl Strategy<Value = String> {
    let line = prop_oneof![
        3 => "(net.ipv4.ip_forward|net/ipv4/ip_forward|ENABLED|inet_interfaces|minlen|MINLEN|UMASK|PermitRootLogin|permitrootlogin|install cramfs|Storage|\\[Journal\\]|\\[X\\]|Match all|#|;|blacklist cramfs|num_logs|-w /etc/group|x /dev/shm tmpfs)( ?= ?| |\t)?[a-z0-9 #\"\\\\]{0,6}",
        1 => "\\PC{0,20}",
        1 => "[ \t\r\\\\=#\"']{0,6}",
    ];
    let ending = prop_oneof![4 => Just("\n"), 1 => Just("\r\n")];
    (prop::collection::vec((line, ending), 0..8), any::<bool>()).prop_map(|(lines, finished)| {
        let mut text: String = lines.into_iter().flat_map(|(line, end)| [line, end.to_owned()]).collect();
        if !finished {
            text.truncate(text.trim_end_matches(['\r', '\n']).len());
        }
        text
    })
}

/// Whether `part` comes out of `whole` by leaving lines away.
fn is_part(part: &str, whole: &str) -> bool {
    let mut whole = whole.lines();
    part.lines().all(|line| whole.any(|other| other == line))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_set_is_read_back(text in any_text(), which in 0..ALL.len()) {
        let (syntax, key, value) = ALL[which];
        let once = set(&text, syntax, key, Some(value)).unwrap();
        prop_assert_eq!(get(&once, syntax, key), Some(value.to_owned()));
        prop_assert_eq!(set(&once, syntax, key, Some(value)), Ok(once.clone()));
    }

    #[test]
    fn what_is_taken_out_is_gone_and_nothing_else(text in any_text(), which in 0..ALL.len()) {
        let (syntax, key, _) = ALL[which];
        let without = set(&text, syntax, key, None).unwrap();
        prop_assert_eq!(get(&without, syntax, key), None);
        prop_assert!(is_part(&without, &text), "{:?}", without);
    }

    #[test]
    fn other_lines_stay_as_they_were(text in any_text(), which in 0..ALL.len()) {
        let (syntax, key, value) = ALL[which];
        let was_there = get(&text, syntax, key).is_some();
        let once = set(&text, syntax, key, Some(value)).unwrap();
        // An option is added to the line of its mount, if there is one.
        let has_line = was_there || syntax == Fstab && !is_part(&text, &once);
        if !has_line {
            prop_assert!(is_part(&text, &once), "{:?}", once);
        } else if !matches!(syntax, Syntax::Modprobe | Syntax::Ini) {
            let changed = text.split_inclusive('\n').zip(once.split_inclusive('\n')).filter(|(a, b)| a != b).count();
            prop_assert!(changed <= 1, "{:?}", once);
            prop_assert_eq!(text.split_inclusive('\n').count(), once.split_inclusive('\n').count());
        }
    }

    #[test]
    fn other_keys_keep_their_values(text in any_text(), which in 0..ALL.len()) {
        let (syntax, key, value) = ALL[which];
        let once = set(&text, syntax, key, Some(value)).unwrap();
        for other in ["minclass", "net.ipv4.tcp_syncookies", "UsePAM", "install hfs", "X.Storage", "x"] {
            prop_assert_eq!(get(&text, syntax, other), get(&once, syntax, other));
        }
    }

    #[test]
    fn nothing_panics(text in "\\PC*|[\\x00-\\x7f]*", key in "\\PC{0,8}", value in "\\PC{0,8}") {
        for (syntax, ..) in ALL {
            let _ = get(&text, syntax, &key);
            if let Ok(once) = set(&text, syntax, &key, Some(&value)) {
                prop_assert_eq!(get(&once, syntax, &key), Some(value.clone()));
            }
        }
        syntax::text::assignments::read(&text);
        syntax::text::assignments::words(&text);
        syntax::packages::dpkg::Packages::parse(&text);
        syntax::sshd::seconds(&text);
    }
}
