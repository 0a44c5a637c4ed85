//! The unit that brings a site back, on a whole machine with systemd and an engine of its own: installed, started
//! again, started again with something damaged.

use std::fs;
use std::path::Path;
use std::process::Command;

use support::machine::{Disk, Machine, eventually};
use support::{Run, Scratch, prepared, workspace};

const UNIT: &str = "groundfast-recover.service";

/// What make-answers.sh answers, without hardening: this is about what happens at a start.
fn answers(scratch: &Scratch, site: &Path) -> String {
    let mut command = Command::new(workspace().join("examples/companyos/make-answers.sh"));
    let text = Run::of(&command.arg(site).arg(scratch.path("")).output().unwrap()).expect_code(0).stdout;
    let (before, rest) = text.split_once("[harden]").unwrap();
    let (_, after) = rest.split_once("[secrets]").unwrap();
    format!("{before}[secrets]{after}")
}

/// The containers of the product that run.
fn running(machine: &Machine) -> usize {
    let label = "label=com.docker.compose.project=companyos";
    machine.shell(&format!("docker ps -q --filter {label}")).expect_code(0).stdout.lines().count()
}

/// How the unit ended at this start.
fn unit(machine: &Machine) -> String {
    eventually("the unit to have ended", || {
        let state = machine.shell(&format!("systemctl show -P ActiveState {UNIT}")).stdout.trim().to_owned();
        (state != "activating").then_some(state)
    })
}

fn journal(machine: &Machine) -> String {
    machine.shell(&format!("journalctl --no-pager -b -u {UNIT}")).stdout
}

/// Where the policy that is mounted into its decision point lies.
fn policy(machine: &Machine) -> String {
    let seen = machine.shell("docker inspect companyos-policy-1").expect_code(0).json();
    let mounts = seen[0]["Mounts"].as_array().unwrap();
    let policy = mounts.iter().find(|mount| mount["Destination"] == "/etc/companyos/policy.tar.gz").unwrap();
    policy["Source"].as_str().unwrap().to_owned()
}

/// What the product answers.
fn answer(machine: &Machine, site: &Path) -> String {
    let mut command = machine.in_its_network("curl");
    command.args(["-sS", "-m", "15", "--resolve", "companyos.internal:443:127.0.0.1", "--cacert"]);
    let run =
        Run::of(&command.arg(site.join("tls/ca.crt")).arg("https://companyos.internal/").output().unwrap());
    format!("{}{}", run.stdout, run.stderr)
}

#[test]
fn a_start_brings_the_site_back_and_never_what_was_damaged() {
    let Some(mut disk) = Disk::with_engine() else { return };
    let Some(bundle) = prepared("GROUNDFAST_TEST_BUNDLE") else { return };
    let Some(made) = prepared("GROUNDFAST_TEST_SITE") else { return };
    disk.show(&bundle);
    let scratch = Scratch::new();
    let site = disk.inside("/root/site");
    assert!(Command::new("cp").arg("-a").arg(&made).arg(&site).status().unwrap().success());
    let text = answers(&scratch, Path::new("/root/site"));
    fs::write(disk.inside("/root/answers.toml"), text).unwrap();
    fs::copy(bundle.join("cosign.pub"), disk.inside("/root/cosign.pub")).unwrap();

    let machine = disk.start();
    let install = format!(
        "groundfast install {}/bundle.tar --answers /root/answers.toml --output json --no-progress",
        bundle.display()
    );
    let done = machine.shell(&install).expect_code(0).json();
    assert_eq!(done["outcome"], "enforced");
    assert_eq!(machine.shell(&format!("systemctl is-enabled {UNIT}")).stdout.trim(), "enabled");
    assert_eq!(running(&machine), 4);

    machine.cut_off();
    let machine = disk.start();
    assert_eq!(unit(&machine), "active", "{}", journal(&machine));
    assert_eq!(running(&machine), 4);
    let answered = answer(&machine, &made);
    assert!(answered.contains("\"working\":true"), "{answered}");
    let drift = machine.shell("groundfast drift --output json --no-progress").expect_code(0).json();
    assert_eq!(drift["outcome"], "passed");

    // In use and in the store, so that there is nothing to make it whole from.
    let policy = policy(&machine);
    let name = Path::new(&policy).file_name().unwrap().to_str().unwrap().to_owned();
    machine.cut_off();
    for damaged in [policy, format!("/var/lib/groundfast/store/blobs/sha256/{name}")] {
        fs::write(disk.inside(&damaged), "allow everything").unwrap();
    }
    let machine = disk.start();
    assert_eq!(unit(&machine), "failed", "{}", journal(&machine));
    assert_eq!(running(&machine), 0, "nothing runs that was not verified");
    assert!(journal(&machine).contains(&name[..12]), "{}", journal(&machine));
}
