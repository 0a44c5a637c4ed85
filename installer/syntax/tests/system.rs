//! Audit rules, mounts and boot arguments: laws that hold for any text, and the shell's own word on its syntax.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::disallowed_methods,
    reason = "a test that cannot be set up must stop, and tests make their own places"
)]

use std::collections::BTreeMap;
use std::process::Command;

use model::{HostPath, Lookup, State, Syntax, Unread};
use proptest::prelude::*;
use syntax::{Lookups, Source, set};

/// Files by path.
struct Files(BTreeMap<String, String>);

impl Files {
    fn of(files: &[(&str, &str)]) -> Self {
        Self(files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect())
    }

    fn find(&self, lookup: &Lookup) -> State {
        Lookups::new(self).find(lookup).unwrap()
    }
}

impl Source for Files {
    fn text(&self, path: &HostPath) -> Result<Option<String>, Unread> {
        Ok(self.0.get(path.as_str()).cloned())
    }

    fn names(&self, folder: &HostPath) -> Result<Vec<String>, Unread> {
        let below = |path: &String| path.strip_prefix(folder.as_str())?.strip_prefix('/').map(str::to_owned);
        let mut names: Vec<_> = self.0.keys().filter_map(below).filter(|name| !name.contains('/')).collect();
        names.dedup();
        Ok(names)
    }

    fn link(&self, _: &HostPath) -> Result<Option<String>, Unread> {
        Ok(None)
    }
}

const RULES: [&str; 4] = [
    "-a always,exit -F arch=b64 -S chmod -F auid>=1000 -F auid!=unset -k perm_mod",
    "-w /etc/group -p wa -k identity",
    "-a always,exit -F path=/usr/bin/su -F perm=x -F auid>=1000 -F auid!=unset -k privileged",
    "-c",
];

fn rule(line: &str) -> Lookup {
    Lookup::AuditRule { line: line.to_owned(), may_lack: Vec::new() }
}

/// Lines that look like audit rules, each at most once, and rubbish.
fn rules() -> impl Strategy<Value = String> {
    let line = prop_oneof![
        3 => "(-a (always|never),(exit|user)|-w /etc/(group|passwd)|-W /etc/x|-D|-e [01]|#) ?(-S (chmod|open,chown)|-F (auid>=1000|arch=b64|path=/x)|-p [rwxa]{1,3}|-k k)?",
        1 => "\\PC{0,20}",
    ];
    prop::collection::btree_set(line, 0..8).prop_map(|lines| lines.into_iter().collect::<Vec<_>>().join("\n"))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_rule_that_is_written_is_held(text in rules(), which in 0..RULES.len()) {
        let before = Files::of(&[("/etc/audit/rules.d/a.rules", &text)]);
        let held = before.find(&rule(RULES[which]));
        let path = held.get("path").unwrap().to_string();
        let written = set("", Syntax::Lines, RULES[which], Some("")).unwrap();
        let mut after = before;
        if held.get("at").is_none() {
            after.0.insert(path, written);
        }
        prop_assert!(after.find(&rule(RULES[which])).get("at").is_some());
    }

    #[test]
    fn an_option_that_is_written_is_in_force(options in "[a-z,=0-9]{0,24}", option in "nodev|nosuid|noexec") {
        let line = format!("/dev/sda2 /home ext4 {options} 0 2\n");
        let key = format!("/home {option}");
        let written = set(&line, Syntax::Fstab, &key, Some("")).unwrap();
        let record = Files::of(&[("/etc/fstab", &written)]).find(&Lookup::Mount { point: HostPath::literal("/home") });
        let Some(State::Words(words)) = record.get("planned-options") else { panic!("{record:?}") };
        prop_assert!(words.contains(&option), "{written}");
    }

    #[test]
    fn nothing_panics(text in "\\PC*|[\\x00-\\x7f]*", line in "-\\PC{0,20}") {
        let paths = ["/etc/audit/rules.d/a.rules", "/etc/audit/audit.rules", "/etc/fstab", "/proc/self/mountinfo",
            "/etc/default/grub", "/boot/grub/grub.cfg", "/boot/loader/entries/a.conf", "/usr/lib/systemd/system/auditd.service"];
        let files = Files::of(&paths.map(|path| (path, text.as_str())));
        let pattern = "^(.*)=".to_owned();
        for lookup in [
            rule(&line),
            Lookup::Mount { point: HostPath::literal("/home") },
            Lookup::BootArgument { name: "audit".to_owned() },
            Lookup::Lines { files: paths.map(HostPath::literal).to_vec(), pattern },
        ] {
            drop(Lookups::new(&files).find(&lookup));
        }
        syntax::audit::holds_rule(&text, &line, &[]);
    }
}

#[test]
fn what_the_kernel_prints_is_understood() {
    let kernel = "-a always,exit -F arch=b64 -S chmod,fchmod -F auid>=1000 -F auid!=-1 -F key=perm_mod\n\
                  -w /etc/group -p wa -k identity\n\
                  -a always,exit -S all -F path=/usr/bin/su -F perm=x -F auid>=1000 -F auid!=-1 -F key=p\n\
                  -e 2\n";
    for line in [RULES[0], RULES[1], RULES[2], "-e 2"] {
        assert_eq!(syntax::audit::holds_rule(kernel, line, &[]), Some(true), "{line}");
        assert_eq!(syntax::audit::holds_rule("No rules\n-e 1\n", line, &[]), Some(false), "{line}");
    }
    assert_eq!(syntax::audit::holds_rule(kernel, "-c", &[]), None);
}

#[test]
fn the_defaults_of_grub_are_read_as_a_shell_reads_them() {
    let table = [
        "GRUB_CMDLINE_LINUX=\"audit=1 quiet\"",
        "GRUB_CMDLINE_LINUX='audit=1'",
        "GRUB_CMDLINE_LINUX=audit=1 # why",
        "A=audit\nGRUB_CMDLINE_LINUX=\"$A=1 ${A}_x\"",
        "GRUB_CMDLINE_LINUX=\"audit=0\"\nGRUB_CMDLINE_LINUX=\"$GRUB_CMDLINE_LINUX audit=1\"",
        "GRUB_CMDLINE_LINUX='$A=1'",
        "GRUB_CMDLINE_LINUX=\"a=\\\"b c\\\" audit=1\"",
        "GRUB_CMDLINE_LINUX=\"audit=1\"'x'y",
        "#GRUB_CMDLINE_LINUX=audit=1",
        "export GRUB_CMDLINE_LINUX=audit=1",
    ];
    for text in table {
        let shell = format!(
            "{text}\nfor word in $GRUB_CMDLINE_LINUX; do case $word in audit=*) v=${{word#audit=}};; esac; done; printf %s \"$v\""
        );
        let shell = Command::new("/bin/sh").args(["-c", &shell]).output().unwrap();
        let wanted = String::from_utf8(shell.stdout).unwrap();
        let record = Files::of(&[("/etc/default/grub", text)])
            .find(&Lookup::BootArgument { name: "audit".to_owned() });
        let lines = record.get("lines").unwrap().items();
        let value = lines[0].get("value").map(ToString::to_string).unwrap_or_default();
        assert_eq!(value, wanted, "{text}");
    }
}
