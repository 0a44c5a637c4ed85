//! Packages changed by a real apt and dpkg, in a Debian root of its own with a source of tiny packages.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use sha2::{Digest, Sha256};
use support::transactions::{map, stages};
use support::{Run, binary, finding, prepared};

const RULES: &str = "package_telnet_removed,package_vsftpd_removed,package_chrony_installed";
/// Mounts a Debian root with a layer of its own and the binary in it, and runs a command inside, all processes
/// of which end with it.
const INSIDE: &str = "set -e; cd \"$1\"; mount -t overlay overlay -o \"lowerdir=$2,upperdir=upper,workdir=work\" root; \
    mount -t proc proc root/proc; touch root/groundfast; mount --bind \"$3\" root/groundfast; shift 3; \
    exec chroot root env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root \"$@\"";

/// A Debian machine in a chroot, its own packages beside those of the source in `/repo`.
struct Machine {
    folder: tempfile::TempDir,
    debian: PathBuf,
}

/// One tiny package: name, version, more fields, maintainer scripts by name.
struct Tiny(&'static str, &'static str, &'static str, &'static [(&'static str, &'static str)]);

/// Starts its service as packages do; in a root where no service may start.
const STARTS: &str =
    "#!/bin/sh\nset -e\nif [ \"$1\" = configure ]; then invoke-rc.d chrony start || true; fi\n";
const SLOW: &str =
    "#!/bin/sh\nif [ \"$1\" = configure ] && [ ! -e /tmp/quick ]; then touch /tmp/slow; sleep 30; fi\n";
const FAILS: &str = "#!/bin/sh\n[ \"$1\" != configure ] || { echo no luck >&2; exit 1; }\n";

impl Machine {
    /// A machine with these packages installed, and those in its source.
    fn new(installed: &[Tiny], offered: &[Tiny]) -> Option<Self> {
        let debian = fs::canonicalize(prepared("GROUNDFAST_TEST_ROOT")?).unwrap();
        let machine = Self { folder: tempfile::tempdir().unwrap(), debian };
        for part in ["upper/repo", "upper/old", "upper/etc/apt/sources.list.d", "work", "root"] {
            fs::create_dir_all(machine.path(part)).unwrap();
        }
        fs::set_permissions(machine.folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        // Debian's own lists are large; a machine with a source of its own needs none of them.
        if !offered.is_empty() {
            fs::write(machine.path("upper/etc/apt/sources.list"), "").unwrap();
        }
        let source = "deb [trusted=yes allow-insecure=yes] file:/repo ./\n";
        fs::write(machine.path("upper/etc/apt/sources.list.d/tiny.list"), source).unwrap();
        let index: String = offered.iter().map(|tiny| machine.build(tiny, "repo")).collect();
        fs::write(machine.path("upper/repo/Packages"), index).unwrap();
        for tiny in installed {
            machine.build(tiny, "old");
        }
        machine.sh(
            "apt-get update -q -o Dir::Etc::sourcelist=sources.list.d/tiny.list -o Dir::Etc::sourceparts=- \
             -o APT::Get::List-Cleanup=0 && if ls /old/*.deb; then dpkg -i /old/*.deb; fi",
        );
        Some(machine)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Builds a package into a folder; answers its paragraph of an index.
    fn build(&self, Tiny(name, version, fields, scripts): &Tiny, into: &str) -> String {
        let tree = self.path(&format!("build-{name}-{version}"));
        fs::create_dir_all(tree.join("DEBIAN")).unwrap();
        fs::create_dir_all(tree.join("etc/init.d")).unwrap();
        let control = format!(
            "Package: {name}\nVersion: {version}\nArchitecture: all\nMaintainer: T <t@example.org>\n{fields}"
        );
        fs::write(tree.join("DEBIAN/control"), format!("{control}Description: tiny\n")).unwrap();
        fs::write(tree.join(format!("etc/{name}.conf")), "x\n").unwrap();
        fs::write(tree.join("DEBIAN/conffiles"), format!("/etc/{name}.conf\n")).unwrap();
        let service = tree.join(format!("etc/init.d/{name}"));
        fs::write(
            &service,
            "#!/bin/sh\n### BEGIN INIT INFO\n# Provides: x\n### END INIT INFO\ntouch /started\n",
        )
        .unwrap();
        fs::set_permissions(&service, fs::Permissions::from_mode(0o755)).unwrap();
        for (script, text) in *scripts {
            let path = tree.join("DEBIAN").join(script);
            fs::write(&path, text).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        }
        let file = format!("{name}_{version}_all.deb");
        let to = self.path("upper").join(into).join(&file);
        let built =
            Command::new("dpkg-deb").args(["-b", "--root-owner-group"]).arg(&tree).arg(&to).output().unwrap();
        assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
        let bytes = fs::read(&to).unwrap();
        let (size, sum) = (bytes.len(), hex::encode(Sha256::digest(&bytes)));
        format!("{control}Filename: ./{file}\nSize: {size}\nSHA256: {sum}\nDescription: tiny\n\n")
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new("unshare");
        command.args(["--mount", "--pid", "--fork", "--kill-child", "sh", "-c", INSIDE, "inside"]);
        command.arg(self.folder.path()).arg(&self.debian).arg(binary()).args(words).stdin(Stdio::null());
        command
    }

    #[track_caller]
    fn sh(&self, script: &str) -> String {
        let run = Run::of(&self.command(&["sh", "-c", script]).output().unwrap());
        run.expect_code(0).stdout
    }

    fn groundfast(&self, words: &[&str]) -> Run {
        let words = [&["/groundfast"], words, &["--no-progress", "--output", "json"]].concat();
        Run::of(&self.command(&words).output().unwrap())
    }

    fn harden(&self, rules: &str, more: &[&str]) -> Run {
        self.groundfast(&[&harden(rules)[..], more].concat())
    }

    /// What dpkg says of the tiny packages.
    fn packages(&self) -> BTreeMap<String, String> {
        let names = "telnet telnet-extra vsftpd chrony chrony-data ypserv docker.io slow slow-data";
        let said = self.sh(&format!(
            "dpkg-query -W -f '${{Package}} ${{Version}} ${{db:Status-Status}}\\n' {names} 2>/dev/null || true"
        ));
        let lines = said.lines().filter_map(|line| line.split_once(' '));
        let there =
            lines.filter(|(_, state)| !state.ends_with("config-files") && !state.ends_with("not-installed"));
        there.map(|(name, state)| (name.to_owned(), state.replace(" installed", ""))).collect()
    }
}

fn harden(rules: &str) -> [&str; 7] {
    [
        "harden",
        "--profile",
        "cis-debian12-l2-server",
        "--set",
        "var_timesync_service=chronyd",
        "--only",
        rules,
    ]
}

fn ready() -> Option<Machine> {
    let installed = [
        Tiny("telnet", "1.0", "", &[]),
        Tiny("telnet-extra", "1.0", "Depends: telnet\n", &[]),
        Tiny("vsftpd", "1:3.0", "", &[]),
    ];
    let offered = [
        Tiny("chrony", "99:1", "Depends: chrony-data\n", &[("postinst", STARTS)]),
        Tiny("chrony-data", "99:1", "", &[]),
    ];
    let machine = Machine::new(&installed, &offered)?;
    // The package that can come back is in apt's cache.
    machine.sh("mkdir -p /var/cache/apt/archives && cp /old/vsftpd_1:3.0_all.deb '/var/cache/apt/archives/vsftpd_1%3a3.0_all.deb'");
    Some(machine)
}

fn verdict(document: &Value, control: &str) -> String {
    finding(document, control)["verdict"].as_str().unwrap().to_owned()
}

const BEFORE: [(&str, &str); 3] = [("telnet", "1.0"), ("telnet-extra", "1.0"), ("vsftpd", "1:3.0")];

#[test]
fn packages_are_planned_changed_and_given_back() {
    let Some(machine) = ready() else { return };
    let before = map(&BEFORE);
    assert_eq!(machine.packages(), before);

    let planned = machine.harden(RULES, &["--plan"]).expect_code(0).json();
    let owned = |all: &[&str]| all.iter().map(|one| (*one).to_owned()).collect::<Vec<_>>();
    let expected = [
        ("package".to_owned(), owned(&["chrony reversible", "chrony-data reversible", "vsftpd reversible"])),
        ("package".to_owned(), owned(&["telnet irreversible", "telnet-extra irreversible"])),
    ];
    assert_eq!(stages(&planned), expected, "every package that comes or goes, what does not come back apart");
    assert_eq!(machine.packages(), before, "a plan changes nothing");

    // What can be taken back is done; the rest fails, with the way to have it done.
    let done = machine.harden(RULES, &["--yes"]).expect_code(3).json();
    assert_eq!(done["outcome"], "enforced");
    assert_eq!(verdict(&done, "package_vsftpd_removed"), "fixed");
    assert_eq!(verdict(&done, "package_chrony_installed"), "fixed");
    assert_eq!(verdict(&done, "package_telnet_removed"), "fail");
    let mend = finding(&done, "package_telnet_removed")["mend"].as_str().unwrap().to_owned();
    assert!(mend.contains("--accept-irreversible"), "{mend}");
    let half =
        map(&[("chrony", "99:1"), ("chrony-data", "99:1"), ("telnet", "1.0"), ("telnet-extra", "1.0")]);
    assert_eq!(machine.packages(), half);
    assert_eq!(
        machine.sh("ls /started /usr/sbin/policy-rc.d 2>/dev/null || true"),
        "",
        "no service was started"
    );
    let _ = machine.groundfast(&["drift"]).expect_code(0);

    let _ = machine.groundfast(&["rollback", "--yes"]).expect_code(0);
    assert_eq!(machine.packages(), before, "all of it came back");

    let done = machine.harden(RULES, &["--yes", "--accept-irreversible"]).expect_code(0).json();
    assert_eq!(verdict(&done, "package_telnet_removed"), "fixed");
    assert_eq!(machine.packages(), map(&[("chrony", "99:1"), ("chrony-data", "99:1")]));
    let again = machine.harden(RULES, &["--plan"]).expect_code(0).json();
    assert_eq!(stages(&again), [], "a second plan is empty");

    let back = machine.groundfast(&["rollback", "--yes"]).expect_code(0);
    assert!(
        back.stderr.contains("stays as it is") && back.stderr.contains("telnet-extra"),
        "{}",
        back.stderr
    );
    assert_eq!(machine.packages(), map(&[("vsftpd", "1:3.0")]), "what can come back did");
}

#[test]
fn what_must_stay_and_what_is_not_at_hand_is_told_and_not_done() {
    let installed = [
        Tiny("ypserv", "1", "", &[]),
        Tiny("docker.io", "99:1", "Depends: ypserv\n", &[]),
        Tiny("telnet", "1.0", "", &[]),
    ];
    let Some(machine) = Machine::new(&installed, &[]) else { return };
    let rules = "package_ypserv_removed,package_chrony_installed,package_telnet_removed";
    let document = machine.harden(rules, &["--plan"]).expect_code(0).json();
    let actual = |control: &str| finding(&document, control)["actual"].as_str().unwrap().to_owned();
    for (control, why) in [
        ("package_ypserv_removed", "docker.io would be removed, but containers run by it"),
        ("package_chrony_installed", "would have to be fetched over a network"),
    ] {
        assert_eq!(verdict(&document, control), "fail");
        assert_eq!(finding(&document, control)["remedy"], false, "{control}");
        assert!(actual(control).contains(why), "{}", actual(control));
    }
    // The good twin, in the same run.
    assert_eq!(finding(&document, "package_telnet_removed")["remedy"], true);
    let _ = machine.harden(rules, &["--yes", "--accept-irreversible"]).expect_code(3);
    assert_eq!(machine.packages(), map(&[("docker.io", "99:1"), ("ypserv", "1")]));
}

#[test]
fn a_root_that_is_not_the_running_machine_is_judged_and_not_mended() {
    let Some(machine) = ready() else { return };
    machine.sh("mkdir -p /image/var/lib/dpkg && cp /var/lib/dpkg/status /image/var/lib/dpkg/");
    let document = machine.harden(RULES, &["--root", "/image", "--plan"]).expect_code(0).json();
    assert_eq!(stages(&document), []);
    for control in RULES.split(',') {
        let finding = finding(&document, control);
        assert_eq!(finding["verdict"], "fail", "{finding}");
        assert!(finding["actual"].as_str().unwrap().contains("not below another root"), "{finding}");
    }
}

#[test]
fn a_package_that_fails_to_install_is_taken_away_again() {
    let offered = [
        Tiny("chrony", "99:1", "Depends: chrony-data\n", &[("postinst", FAILS)]),
        Tiny("chrony-data", "99:1", "", &[]),
    ];
    let Some(machine) = Machine::new(&[Tiny("telnet", "1.0", "", &[])], &offered) else { return };
    let run = machine.harden(RULES, &["--yes"]).expect_code(5);
    assert_eq!(run.json()["outcome"], "rolled-back", "{}", run.stdout);
    assert_eq!(machine.packages(), map(&[("telnet", "1.0")]));
    assert_eq!(machine.sh("dpkg --audit"), "");
}

/// Starts a run that waits in a maintainer script, and pulls the plug there.
fn interrupted(machine: &Machine) {
    let words = [&["/groundfast"], &harden(RULES)[..], &["--yes", "--no-progress"]].concat();
    let said = fs::File::create(machine.path("said")).unwrap();
    let mut running = machine.command(&words).stdout(said.try_clone().unwrap()).stderr(said).spawn().unwrap();
    let started = Instant::now();
    while !Path::new(&machine.path("upper/tmp/slow")).exists() {
        assert!(started.elapsed() < Duration::from_secs(300), "the script never ran");
        let ended = running.try_wait().unwrap();
        assert!(ended.is_none(), "{}", fs::read_to_string(machine.path("said")).unwrap());
        std::thread::sleep(Duration::from_millis(50));
    }
    running.kill().unwrap();
    running.wait().unwrap();
    machine.sh("touch /tmp/quick");
    assert!(
        machine.packages().values().any(|state| state.contains("half-configured")),
        "{:?}",
        machine.packages()
    );
    let _ = machine.harden(RULES, &["--yes"]).expect_code(4);
}

#[test]
fn power_lost_within_a_transaction_is_resumed_or_taken_back() {
    let offered = || {
        [
            Tiny("chrony", "99:1", "Depends: chrony-data\n", &[("postinst", SLOW)]),
            Tiny("chrony-data", "99:1", "", &[]),
        ]
    };
    for (verb, end) in [
        ("resume", map(&[("chrony", "99:1"), ("chrony-data", "99:1"), ("telnet", "1.0")])),
        ("recover", map(&[("telnet", "1.0")])),
    ] {
        let Some(machine) = Machine::new(&[Tiny("telnet", "1.0", "", &[])], &offered()) else { return };
        interrupted(&machine);
        let _ = machine.groundfast(&[verb]).expect_code(0);
        assert_eq!(machine.packages(), end, "{verb}");
        assert_eq!(machine.sh("dpkg --audit"), "");
        assert_eq!(
            machine.sh("ls /usr/sbin/policy-rc.d 2>/dev/null || true"),
            "",
            "what kept services quiet is gone"
        );
    }
}
