//! Accounts, PAM, sudoers and shell start-up files: tables of tricky texts, and the laws of `get` and `set`.

#![allow(
    clippy::unwrap_used,
    clippy::too_many_lines,
    reason = "a test that cannot be set up must stop; tables of cases"
)]

use std::collections::BTreeMap;

use model::Syntax::{self, Accounts, Pam, Shell, Sudoers};
use model::{HostPath, Lookup, State, Unread};
use proptest::prelude::*;
use syntax::{Lookups, Source, get, set};

struct Map(BTreeMap<String, String>);

impl Source for Map {
    fn text(&self, path: &HostPath) -> Result<Option<String>, Unread> {
        match self.0.get(path.as_str()).map(String::as_str) {
            Some("unreadable") => Err(Unread::Denied(path.to_string())),
            text => Ok(text.map(str::to_owned)),
        }
    }

    fn names(&self, folder: &HostPath) -> Result<Vec<String>, Unread> {
        let below = |path: &String| path.strip_prefix(&format!("{folder}/")).map(str::to_owned);
        let names = self.0.keys().filter_map(below);
        Ok(names.filter_map(|rest| rest.split('/').next().map(str::to_owned)).collect())
    }

    fn link(&self, _path: &HostPath) -> Result<Option<String>, Unread> {
        Ok(None)
    }
}

fn find(files: &[(&str, &str)], lookup: &Lookup) -> Result<State, Unread> {
    let map = Map(files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect());
    Lookups::new(&map).find(lookup)
}

/// One part of each record of a list.
fn parts(list: &State, part: &str) -> Vec<String> {
    list.items().iter().map(|item| item.get(part).map(ToString::to_string).unwrap_or_default()).collect()
}

#[test]
fn values_are_read_as_their_programs_read_them() {
    let table: &[(Syntax, &str, &str, Option<&str>)] = &[
        (
            Pam,
            "password required pam_unix.so obscure remember=5\n",
            "password pam_unix.so remember",
            Some("5"),
        ),
        (
            Pam,
            "-password [success=1 default=ignore] pam_unix.so nullok # c\n",
            "password pam_unix.so nullok",
            Some(""),
        ),
        (
            Pam,
            "password required \\\n /lib/security/pam_unix.so nullok\n",
            "password pam_unix.so nullok",
            Some(""),
        ),
        (Pam, "auth required pam_unix.so nullok\n", "password pam_unix.so nullok", None),
        (Pam, "auth required pam_unix.so #nullok\n", "auth pam_unix.so nullok", None),
        (Pam, "auth required pam_unix.so nullok_secure\n", "auth pam_unix.so nullok", None),
        (Pam, "auth a pam_unix.so x=1\nauth b pam_unix.so x=2\n", "auth pam_unix.so x", Some("1, 2")),
        (Pam, "auth a pam_unix.so x=1\nauth b pam_unix.so\n", "auth pam_unix.so x", Some("1, -")),
        (Accounts, "root:x:0:0::/root:/bin/bash\n", "root:6", Some("/bin/bash")),
        (Accounts, "toor:x:0\nroot:$y$h:1:2:3\nroot:!:9\n", "root:1", Some("*")),
        (Accounts, "root:!$y$h:1\n", "root:1", Some("!")),
        (Accounts, "root:*:1\n", "root:1", Some("!")),
        (Accounts, "root:x:0\n", "root:7", None),
        (Accounts, "root:x:0\n", "root:0", None),
        (Sudoers, "Defaults env_reset, use_pty\n", "use_pty", Some("")),
        (Sudoers, "Defaults use_pty\nDefaults !use_pty\n", "use_pty", Some("!")),
        (Sudoers, "Defaults:ann use_pty\n#Defaults use_pty\n", "use_pty", None),
        (
            Sudoers,
            "Defaults a=\"1,2\", \\\n  logfile = \"/var/log/s\" # why\n",
            "logfile",
            Some("/var/log/s"),
        ),
        (Sudoers, "Defaults timestamp_timeout=15\n", "timestamp_timeout", Some("15")),
        (Sudoers, "defaults use_pty\nDefaultsX use_pty\n", "use_pty", None),
        (Shell, "umask 022\n  umask 027 # c\n", "umask", Some("022, 027")),
        (Shell, "if x; then umask 002; else umask 022; fi\n", "umask", Some("002, 022")),
        (Shell, "# umask 022\necho umask 022\n", "umask", None),
        (Shell, "umask -S u=rwx,g=rx,o=\n", "umask", Some("u=rwx,g=rx,o=")),
        (Shell, "declare -xr TMOUT=900\n", "TMOUT", Some("900")),
        (Shell, "export TMOUT=\"600\"; readonly TMOUT\n", "TMOUT", Some("600")),
        (Shell, "TMOUT=1 program\nMY_TMOUT=3\n", "TMOUT", None),
    ];
    for (syntax, text, key, value) in table {
        assert_eq!(get(text, *syntax, key).as_deref(), *value, "{syntax:?} {text:?}");
    }
}

#[test]
fn one_key_is_set_and_the_rest_stays() {
    let table: &[(Syntax, &str, &str, Option<&str>, &str)] = &[
        (
            Pam,
            "# c\npassword  required   pam_unix.so  nullok yescrypt # why\nauth a pam_unix.so nullok\n",
            "password pam_unix.so nullok",
            None,
            "# c\npassword  required   pam_unix.so yescrypt # why\nauth a pam_unix.so nullok\n",
        ),
        (
            Pam,
            "password requisite pam_pwhistory.so remember=3 use_authtok",
            "password pam_pwhistory.so remember",
            Some("24"),
            "password requisite pam_pwhistory.so remember=24 use_authtok",
        ),
        (
            Pam,
            "password a pam_unix.so\npassword b pam_unix.so x\n",
            "password pam_unix.so x",
            Some(""),
            "password a pam_unix.so x\npassword b pam_unix.so x\n",
        ),
        (Accounts, "a:x:1\nroot:x:0:0\n", "root:2", Some("5"), "a:x:1\nroot:x:5:0\n"),
        (Accounts, "root:$y$h:1\n", "root:1", Some("!"), "root:!$y$h:1\n"),
        (Sudoers, "Defaults use_pty\n", "logfile", Some("/l"), "Defaults use_pty\nDefaults logfile=/l\n"),
        (
            Sudoers,
            "Defaults a, !use_pty, b\nx ALL=ALL\n",
            "use_pty",
            Some(""),
            "Defaults a, b\nx ALL=ALL\nDefaults use_pty\n",
        ),
        (Shell, "", "umask", Some("027"), "umask 027\n"),
        (Shell, "x", "TMOUT", Some("9"), "x\nTMOUT=9; readonly TMOUT; export TMOUT\n"),
        (
            Shell,
            "if a; then\n  umask 002\nelse\n  umask 022 # c\nfi\n",
            "umask",
            Some("027"),
            "if a; then\n  umask 027\nelse\n  umask 027 # c\nfi\n",
        ),
        (Shell, "declare -xr TMOUT=1200\n", "TMOUT", Some("900"), "declare -xr TMOUT=900\n"),
    ];
    for (syntax, text, key, value, wanted) in table {
        assert_eq!(set(text, *syntax, key, *value).as_deref(), Ok(*wanted), "{syntax:?} {text:?}");
    }
}

#[test]
fn what_cannot_be_written_is_refused() {
    let table: &[(Syntax, &str, &str, Option<&str>)] = &[
        (Pam, "auth a pam_unix.so\n", "password pam_unix.so nullok", Some("")),
        (Pam, "auth a pam_unix.so\n", "auth pam_unix.so x", Some("1 2")),
        (Accounts, "a:x:1\n", "root:2", Some("1")),
        (Accounts, "root:x:1\n", "root:2", Some("1:2")),
        (Accounts, "root:!:1\n", "root:1", Some("*")),
        (Accounts, "root:x:1\n", "root:2", None),
        (Sudoers, "", "logfile", Some("a\nb")),
        (Shell, "", "umask", Some("0 2")),
    ];
    for (syntax, text, key, value) in table {
        assert!(set(text, *syntax, key, *value).is_err(), "{syntax:?} {value:?}");
    }
}

#[test]
fn accounts_are_told_without_their_hashes() {
    let passwd = "# c\n\nroot:x:0:0:r:/root:/bin/bash\nann:$1$a$b:1000:1000::/home/ann:/bin/sh\n+nis::::::\n";
    let shadow = "root:$y$j9T$secret:19000:1:365:7:30::\nann::19000:0:99999:7:::\n";
    let users = find(&[("/etc/passwd", passwd), ("/etc/shadow", shadow)], &Lookup::Users).unwrap();
    assert_eq!(parts(&users, "name"), ["root", "ann"]);
    assert_eq!(parts(&users, "password"), ["set", "empty"]);
    assert_eq!(parts(&users, "elsewhere"), ["yes", "no"]);
    assert_eq!(parts(&users, "inactive"), ["30", ""]);
    assert!(!format!("{users:?}").contains("secret"));
    for (field, word) in
        [("!", "locked"), ("*", "locked"), ("!!", "locked"), ("!$y$x", "locked"), ("abc", "other")]
    {
        let shadow = format!("root:{field}:1::::::\n");
        let users = find(&[("/etc/passwd", passwd), ("/etc/shadow", &shadow)], &Lookup::Users).unwrap();
        assert_eq!(parts(&users, "password"), [word, ""]);
    }
    let unreadable = find(&[("/etc/passwd", passwd), ("/etc/shadow", "unreadable")], &Lookup::Users);
    assert!(matches!(unreadable, Err(Unread::Denied(_))));
    assert_eq!(find(&[], &Lookup::Users), Ok(State::Absent));
    let groups = find(&[("/etc/group", "a:x:1:b, c\nd:x:2:\n")], &Lookup::Groups).unwrap();
    assert_eq!(parts(&groups, "members"), ["b c", ""]);
    assert_eq!(find(&[], &Lookup::Groups), Ok(State::Absent));
}

#[test]
fn pam_stacks_follow_their_includes() {
    let lookup = |kind: &str| Lookup::Pam { path: "/etc/pam.d/su".parse().unwrap(), kind: kind.to_owned() };
    let files = [
        (
            "/etc/pam.d/su",
            "auth required pam_a.so\n@include common-auth\nauth substack other\nauth include gone\nAUTH x pam_z.so\n",
        ),
        (
            "/etc/pam.d/common-auth",
            "auth [success=1 default=ignore] pam_unix.so nullok\naccount required pam_b.so\n",
        ),
        ("/usr/lib/pam.d/other", "auth sufficient pam_c.so a=1 [b c]\n"),
    ];
    let stack = find(&files, &lookup("auth")).unwrap();
    assert_eq!(parts(&stack, "module"), ["pam_a.so", "pam_unix.so", "pam_c.so", "pam_z.so"]);
    assert_eq!(parts(&stack, "control")[1], "[success=1 default=ignore]");
    assert_eq!(parts(&stack, "args")[2], "a=1, [b c]");
    assert_eq!(parts(&stack, "at")[2], "/usr/lib/pam.d/other:1");
    assert_eq!(parts(&find(&files, &lookup("account")).unwrap(), "module"), ["pam_b.so"]);
    assert_eq!(find(&[], &lookup("auth")), Ok(State::Absent));
    let circle = [("/etc/pam.d/su", "auth include su\n")];
    assert!(matches!(find(&circle, &lookup("auth")), Err(Unread::Malformed(_))));
}

#[test]
fn sudoers_includes_follow_visudos_rules() {
    let files = [
        (
            "/etc/sudoers",
            "Defaults use_pty\nDefaults:%wheel, root !authenticate\n#1000 ALL=(ALL) NOPASSWD: ALL # c\n#includedir /etc/sudoers.d\n",
        ),
        (
            "/etc/sudoers.d/10-a",
            "Defaults logfile=\"/var/log/sudo.log\"\nann ALL=(ALL:ALL) SETENV: NOPASSWD : /bin/ls\n",
        ),
        ("/etc/sudoers.d/20.conf", "Defaults !use_pty\n"),
        ("/etc/sudoers.d/30~", "Defaults !use_pty\n"),
    ];
    let record = find(&files, &Lookup::Sudoers).unwrap();
    let defaults = record.get("defaults").unwrap();
    assert_eq!(parts(defaults, "name"), ["use_pty", "authenticate", "logfile"]);
    assert_eq!(parts(defaults, "value"), ["", "!", "/var/log/sudo.log"]);
    assert_eq!(parts(defaults, "scope"), ["", ":%wheel, root", ""]);
    assert_eq!(parts(record.get("tags").unwrap(), "tag"), ["NOPASSWD", "SETENV", "NOPASSWD"]);
    assert_eq!(record.get("folder"), Some(&State::Flag(true)));
    assert_eq!(find(&[], &Lookup::Sudoers), Ok(State::Absent));
    let circle = find(&[("/etc/sudoers", "@include sudoers\n")], &Lookup::Sudoers);
    assert!(matches!(circle, Err(Unread::Malformed(_))));
}

#[test]
fn start_up_files_are_read_in_their_order() {
    let lookup = Lookup::Shell {
        files: vec!["/etc/profile".parse().unwrap()],
        folders: vec!["/etc/profile.d".parse().unwrap()],
        name: "TMOUT".to_owned(),
    };
    let files = [
        ("/etc/profile", "TMOUT=900\n"),
        ("/etc/profile.d/b.sh", "TMOUT=600; export TMOUT\n"),
        ("/etc/profile.d/a.sh", "readonly TMOUT\n"),
        ("/etc/profile.d/x.csh", "TMOUT=1\n"),
        ("/etc/profile.d/sh.local", "TMOUT=300\n"),
    ];
    let record = find(&files, &lookup).unwrap();
    assert_eq!(parts(record.get("set").unwrap(), "value"), ["900", "600", "300"]);
    assert_eq!(record.get("readonly"), Some(&State::Flag(true)));
    assert_eq!(record.get("exported"), Some(&State::Flag(true)));
}

const KEYS: [(Syntax, &str, &str); 6] = [
    (Pam, "password pam_unix.so remember", "5"),
    (Pam, "auth pam_unix.so nullok", ""),
    (Accounts, "root:3", "7"),
    (Sudoers, "use_pty", ""),
    (Sudoers, "logfile", "/var/log/x"),
    (Shell, "umask", "027"),
];

fn any_text() -> impl Strategy<Value = String> {
    let line = prop_oneof![
        2 => "(auth|password|-auth) (required|\\[success=1 default=ignore\\]) pam_unix.so( nullok| remember=[0-9]| x| #c)?( \\\\)?",
        2 => "(root|ann):[x!*]?:[0-9]{0,2}:[0-9]{0,2}:",
        2 => "Defaults(:ann)? (!?use_pty|logfile=[a-z]|env_reset|a=\"b,c\")(, ?(use_pty|x))?( \\\\)?",
        2 => "( |then )?(umask 0[0-7]{2}|export umask|TMOUT=9)(;| #)?",
        1 => "\\PC{0,20}",
        1 => "[ \t\r\\\\=#\"':,;]{0,6}",
    ];
    prop::collection::vec(line, 0..8).prop_map(|lines| lines.join("\n"))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_set_is_read_back(text in any_text(), which in 0..KEYS.len()) {
        let (syntax, key, value) = KEYS[which];
        if let Ok(once) = set(&text, syntax, key, Some(value)) {
            prop_assert_eq!(get(&once, syntax, key), Some(value.to_owned()));
            prop_assert_eq!(set(&once, syntax, key, Some(value)), Ok(once));
        } else {
            // Only where there is no line to change, or where a quote or a continuation swallows what follows it.
            let swallows = text.contains(['\\', '"', '\'']);
            prop_assert!(matches!(syntax, Pam | Accounts) && get(&text, syntax, key).is_none() || swallows);
        }
    }

    #[test]
    fn other_keys_keep_their_values(text in any_text(), which in 0..KEYS.len()) {
        let (syntax, key, value) = KEYS[which];
        if let Ok(once) = set(&text, syntax, key, Some(value)) {
            for other in ["password pam_unix.so x", "auth pam_unix.so remember", "ann:2", "root:2", "env_reset", "x", "TMOUT"] {
                prop_assert_eq!(get(&text, syntax, other), get(&once, syntax, other), "{}", other);
            }
        }
    }

    #[test]
    fn other_lines_stay_as_they_were(text in any_text(), which in 0..KEYS.len()) {
        let (syntax, key, value) = KEYS[which];
        if let Ok(once) = set(&text, syntax, key, Some(value)) {
            let words = ["pam_unix", "root:", "Defaults", "umask"];
            let foreign = |text: &str| {
                let lines = text.lines().filter(|line| !words.iter().any(|word| line.contains(word)));
                lines.map(|line| line.trim().to_owned()).filter(|line| !line.is_empty()).collect::<Vec<_>>()
            };
            if !text.contains('\\') {
                prop_assert_eq!(foreign(&text), foreign(&once));
            }
        }
    }

    #[test]
    fn nothing_panics(text in "\\PC*|[\\x00-\\x7f]*", key in "\\PC{0,8}", value in "\\PC{0,8}") {
        for (syntax, ours, _) in KEYS {
            for key in [key.as_str(), ours] {
                let _ = get(&text, syntax, key);
                let _ = set(&text, syntax, key, None);
                if let Ok(once) = set(&text, syntax, key, Some(&value)) {
                    prop_assert_eq!(get(&once, syntax, key), Some(value.clone()));
                }
            }
        }
        let files = [("/etc/passwd", &text), ("/etc/shadow", &text), ("/etc/group", &text), ("/etc/sudoers", &text), ("/etc/profile", &text)];
        let files = files.map(|(path, text)| (path, text.as_str()));
        let path: HostPath = "/etc/profile".parse().unwrap();
        for lookup in [
            Lookup::Users,
            Lookup::Groups,
            Lookup::Sudoers,
            Lookup::Pam { path: path.clone(), kind: "auth".to_owned() },
            Lookup::Shell { files: vec![path.clone()], folders: Vec::new(), name: "umask".to_owned() },
        ] {
            let _ = find(&files, &lookup);
        }
    }
}
