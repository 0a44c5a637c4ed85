//! Packages changed by the real dnf and rpm, on a synthetic Red Hat machine with a repository of tiny packages.

use std::collections::BTreeMap;
use std::fs;
use std::time::{Duration, Instant};

use serde_json::Value;
use support::redhat::{RedHat, Rpm};
use support::transactions::{map, stages};
use support::{Run, finding};

const RULES: &str = "package_telnet_removed,package_vsftpd_removed,package_chrony_installed";
/// What every machine here has: the release and a shell for scripts.
const RELEASE: Rpm = Rpm(
    "redhat-release",
    "9.4-1",
    "Provides: system-release = 9.4-1\nProvides: system-release(releasever) = 9\n",
    "",
);
const SHELL: Rpm = Rpm("bash", "5-1", "Provides: /bin/sh\n", "");
const TELNET: Rpm = Rpm("telnet", "1.0-1", "", "");
const CHRONY_DATA: Rpm = Rpm("chrony-data", "99-1", "", "");
const FAILS: &str = "%pre\necho no luck >&2; exit 1\n";
const SLOW: &str = "%post\n[ -e /tmp/quick ] || { touch /tmp/slow; sleep 30; }\n";

const HARDEN: [&str; 6] =
    ["harden", "--profile", "cis-rhel9-l2-server", "--set", "var_timesync_service=chronyd", "--only"];

fn harden(machine: &RedHat, rules: &str, more: &[&str]) -> Run {
    machine.groundfast(&[&HARDEN[..], &[rules], more].concat())
}

/// What rpm itself says of the tiny packages.
fn packages(machine: &RedHat) -> BTreeMap<String, String> {
    let said = machine.sh("rpm -qa --qf '%{NAME} %{EPOCHNUM}:%{VERSION}-%{RELEASE}\\n'");
    let lines = said.lines().filter_map(|line| line.split_once(' '));
    let tiny = lines.filter(|(name, _)| !["redhat-release", "bash"].contains(name));
    tiny.map(|(name, version)| (name.to_owned(), version.to_owned())).collect()
}

fn told(document: &Value, control: &str, part: &str) -> String {
    finding(document, control)[part].as_str().unwrap_or_default().to_owned()
}

#[test]
fn packages_are_planned_changed_and_given_back() {
    let vsftpd = || Rpm("vsftpd", "3.0-1", "Epoch: 1\n", "");
    let installed =
        [RELEASE, SHELL, TELNET, Rpm("telnet-extra", "1.0-1", "Requires: telnet\n", ""), vsftpd()];
    let offered = [Rpm("chrony", "99-1", "Requires: chrony-data\n", ""), CHRONY_DATA, vsftpd()];
    let Some(machine) = RedHat::new(&installed, &offered) else { return };
    let before = map(&[("telnet", "0:1.0-1"), ("telnet-extra", "0:1.0-1"), ("vsftpd", "1:3.0-1")]);
    assert_eq!(packages(&machine), before);

    let planned = harden(&machine, RULES, &["--plan"]).expect_code(0).json();
    let owned = |all: &[&str]| all.iter().map(|one| (*one).to_owned()).collect::<Vec<_>>();
    let expected = [
        ("package".to_owned(), owned(&["chrony reversible", "chrony-data reversible", "vsftpd reversible"])),
        ("package".to_owned(), owned(&["telnet irreversible", "telnet-extra irreversible"])),
    ];
    assert_eq!(stages(&planned), expected, "every package that comes or goes, what does not come back apart");
    assert_eq!(packages(&machine), before, "a plan changes nothing");

    // What can be taken back is done; the rest fails, with the way to have it done.
    let done = harden(&machine, RULES, &["--yes"]).expect_code(3).json();
    assert_eq!(done["outcome"], "enforced");
    assert_eq!(told(&done, "package_vsftpd_removed", "verdict"), "fixed");
    assert_eq!(told(&done, "package_chrony_installed", "verdict"), "fixed");
    assert_eq!(told(&done, "package_telnet_removed", "verdict"), "fail");
    let mend = told(&done, "package_telnet_removed", "mend");
    assert!(mend.contains("--accept-irreversible"), "{mend}");
    let half =
        [("chrony", "0:99-1"), ("chrony-data", "0:99-1"), ("telnet", "0:1.0-1"), ("telnet-extra", "0:1.0-1")];
    assert_eq!(packages(&machine), map(&half));
    let _ = machine.groundfast(&["drift"]).expect_code(0);

    let _ = machine.groundfast(&["rollback", "--yes"]).expect_code(0);
    assert_eq!(packages(&machine), before, "all of it came back");

    let done = harden(&machine, RULES, &["--yes", "--accept-irreversible"]).expect_code(0).json();
    assert_eq!(told(&done, "package_telnet_removed", "verdict"), "fixed");
    assert_eq!(packages(&machine), map(&half[..2]));
    let again = harden(&machine, RULES, &["--plan"]).expect_code(0).json();
    assert_eq!(stages(&again), [], "a second plan is empty");

    let back = machine.groundfast(&["rollback", "--yes"]).expect_code(0);
    let said = &back.stderr;
    assert!(said.contains("stays as it is") && said.contains("telnet-extra"), "{said}");
    assert_eq!(packages(&machine), map(&[("vsftpd", "1:3.0-1")]), "what can come back did");
}

#[test]
fn what_must_stay_and_what_is_not_at_hand_is_told_and_not_done() {
    let installed = [
        RELEASE,
        SHELL,
        Rpm("httpd", "1-1", "", ""),
        Rpm("docker-ce", "99-1", "Requires: httpd\n", ""),
        Rpm("squid", "1-1", "", ""),
        Rpm("dnf", "4-1", "Requires: squid\n", ""),
        TELNET,
    ];
    let offered = [Rpm("chrony", "99-1", "Requires: nowhere\n", ""), Rpm("aide", "1-1", "", "")];
    let Some(machine) = RedHat::new(&installed, &offered) else { return };
    // The repository is known, and its packages are elsewhere.
    machine.sh("rm /repo/aide-*.rpm");
    let rules = "package_httpd_removed,package_squid_removed,package_chrony_installed,package_aide_installed,\
                 package_sudo_installed,package_telnet_removed";
    let document = harden(&machine, rules, &["--plan"]).expect_code(0).json();
    for (control, why) in [
        ("package_httpd_removed", "docker-ce would be removed, but containers run by it"),
        ("package_squid_removed", "removing the following protected packages: dnf"),
        ("package_chrony_installed", "nothing provides nowhere"),
        ("package_aide_installed", "would have to be fetched over a network"),
        ("package_sudo_installed", "Unable to find a match: sudo"),
    ] {
        let finding = finding(&document, control);
        assert_eq!((&finding["verdict"], &finding["remedy"]), (&"fail".into(), &false.into()), "{finding}");
        assert!(told(&document, control, "actual").contains(why), "{finding}");
    }
    // The good twin, in the same run.
    assert_eq!(finding(&document, "package_telnet_removed")["remedy"], true);
    let _ = harden(&machine, rules, &["--yes", "--accept-irreversible"]).expect_code(3);
    let left = packages(&machine);
    assert_eq!(left.keys().map(String::as_str).collect::<Vec<_>>(), ["dnf", "docker-ce", "httpd", "squid"]);
}

#[test]
fn what_only_goes_needs_no_list_of_a_repository() {
    let Some(machine) = RedHat::new(&[RELEASE, SHELL, TELNET], &[]) else { return };
    machine.sh("rm -r /var/cache/dnf /repo");
    let done = harden(&machine, RULES, &["--yes", "--accept-irreversible"]).expect_code(3).json();
    assert_eq!(told(&done, "package_telnet_removed", "verdict"), "fixed");
    let actual = told(&done, "package_chrony_installed", "actual");
    assert!(actual.contains("no cache for 'tiny'"), "{actual}");
}

#[test]
fn a_package_that_fails_to_install_is_taken_away_again() {
    let chrony = Rpm("chrony", "99-1", "Requires: chrony-data\n", FAILS);
    let offered = [chrony, CHRONY_DATA];
    let Some(machine) = RedHat::new(&[RELEASE, SHELL, TELNET], &offered) else { return };
    let run = harden(&machine, RULES, &["--yes"]).expect_code(5);
    assert_eq!(run.json()["outcome"], "rolled-back", "{}", run.stdout);
    assert!(
        run.stderr.contains("Transaction failed") || run.stdout.contains("Transaction failed"),
        "{run:?}"
    );
    assert_eq!(packages(&machine), map(&[("telnet", "0:1.0-1")]));
}

#[test]
fn a_package_that_nobody_signed_is_not_installed_where_signatures_are_checked() {
    let offered = [Rpm("chrony", "99-1", "", "")];
    let Some(machine) = RedHat::new(&[RELEASE, SHELL], &offered) else { return };
    let rule = "package_chrony_installed";
    machine.repository("gpgcheck=1\ngpgkey=file:///etc/key\n");
    let refused = harden(&machine, rule, &["--yes"]).expect_code(3).json();
    let actual = told(&refused, rule, "actual");
    assert!(actual.contains("You have enabled checking of packages via GPG keys"), "{actual}");
    assert_eq!(packages(&machine), map(&[]));
    machine.repository("gpgcheck=0\n");
    let done = harden(&machine, rule, &["--yes"]).expect_code(0).json();
    assert_eq!(told(&done, rule, "verdict"), "fixed");
}

/// Starts a run that waits in a script of a package, and pulls the plug there.
fn interrupted(machine: &RedHat) {
    let words = [&["/groundfast"], &HARDEN[..], &[RULES, "--yes", "--no-progress"]].concat();
    let said = fs::File::create(machine.path("said")).unwrap();
    let mut running = machine.command(&words).stdout(said.try_clone().unwrap()).stderr(said).spawn().unwrap();
    let started = Instant::now();
    while !machine.path("tmp/slow").exists() {
        assert!(started.elapsed() < Duration::from_secs(300), "the script never ran");
        let ended = running.try_wait().unwrap();
        assert!(ended.is_none(), "{}", fs::read_to_string(machine.path("said")).unwrap());
        std::thread::sleep(Duration::from_millis(50));
    }
    running.kill().unwrap();
    running.wait().unwrap();
    machine.write("tmp/quick", "");
    let _ = harden(machine, RULES, &["--yes"]).expect_code(4);
}

#[test]
fn power_lost_within_a_transaction_is_resumed_or_taken_back() {
    let both = [("chrony", "0:99-1"), ("chrony-data", "0:99-1"), ("telnet", "0:1.0-1")];
    for (verb, end) in [("resume", &both[..]), ("recover", &both[2..])] {
        let offered = [Rpm("chrony", "99-1", "Requires: chrony-data\n", SLOW), CHRONY_DATA];
        let Some(machine) = RedHat::new(&[RELEASE, SHELL, TELNET], &offered) else { return };
        interrupted(&machine);
        let _ = machine.groundfast(&[verb]).expect_code(0);
        assert_eq!(packages(&machine), map(end), "{verb}");
        assert_eq!(machine.sh("rpm -Va --nofiles"), "", "rpm finds its database whole");
    }
}

#[test]
fn drift_names_the_package_that_dnf_upgraded() {
    const RULE: &str = "set_password_hashing_algorithm_libuserconf";
    let clobbers = "%post\necho clobbered > /etc/libuser.conf\n";
    let offered = [Rpm("libuser", "2-1", "", clobbers)];
    let Some(machine) = RedHat::new(&[RELEASE, SHELL, Rpm("libuser", "1-1", "", "")], &offered) else {
        return;
    };
    let done = harden(&machine, RULE, &["--yes"]).expect_code(0).json();
    assert_eq!(told(&done, RULE, "verdict"), "fixed");
    let drift = || machine.groundfast(&["drift"]).expect_code(3).json();
    // Logs have whole seconds: what is to be told apart must not be near.
    std::thread::sleep(Duration::from_secs(4));
    machine.sh("dnf -q -y upgrade libuser");
    let cause = finding(&drift(), RULE)["cause"].clone();
    assert_eq!((&cause["by"], &cause["who"]), (&"package".into(), &"libuser".into()), "{cause}");
    assert!(
        cause["says"].as_str().unwrap().contains("dnf's upgrade of the package libuser from 1-1 to 2-1"),
        "{cause}"
    );

    // Without dnf's log rpm's database still tells when; and what somebody does later is no package's doing.
    machine.sh("rm /var/log/dnf.rpm.log");
    let cause = finding(&drift(), RULE)["cause"].clone();
    assert!(
        cause["says"].as_str().unwrap().contains("rpm's install of the package libuser (2-1)"),
        "{cause}"
    );
    std::thread::sleep(Duration::from_secs(4));
    machine.sh("echo edited > /etc/libuser.conf");
    let cause = finding(&drift(), RULE)["cause"].clone();
    assert_ne!(cause["by"], "package", "{cause}");
}
