//! A virtual machine for a test: it starts, does what a script says, tells it over its console, and is gone.
//!
//! The disk comes from `image.sh` and is never written to: what a machine writes is thrown away with it. One runs at a
//! time, without hardware virtualisation.

#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "test set-up makes its own places, and a broken set-up must stop the test"
)]

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

/// The security module that a machine is started with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Confinement {
    /// AppArmor.
    Apparmor,
    /// SELinux, enforcing.
    Selinux,
    /// Neither.
    None,
}

impl Confinement {
    fn arguments(self) -> &'static str {
        match self {
            Self::Apparmor => "security=apparmor",
            Self::Selinux => "security=selinux selinux=1 enforcing=1",
            Self::None => "apparmor=0 selinux=0",
        }
    }
}

/// What one step of a script printed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Its name.
    pub name: String,
    /// What it printed, both streams.
    pub printed: String,
    /// Its exit code.
    pub code: i32,
}

impl Step {
    /// Insists on an exit code.
    #[track_caller]
    pub fn expect_code(&self, code: i32) -> &Self {
        assert_eq!(self.code, code, "{}: {}", self.name, self.printed);
        self
    }

    /// The document that a command of ours printed among what it said.
    #[track_caller]
    pub fn json(&self) -> Value {
        let line = self.printed.lines().find(|line| line.starts_with('{'));
        serde_json::from_str(line.unwrap_or_default())
            .unwrap_or_else(|error| panic!("{error}: {}", self.printed))
    }

    /// The controls that came out with a verdict, each with what was seen.
    #[track_caller]
    pub fn controls(&self, verdict: &str) -> Vec<(String, String)> {
        let document = self.json();
        let findings = document["findings"].as_array().unwrap().iter();
        let text = |finding: &Value, part: &str| finding[part].as_str().unwrap_or_default().to_owned();
        let chosen = findings.filter(|finding| finding["verdict"] == verdict);
        chosen.map(|finding| (text(finding, "control"), text(finding, "actual"))).collect()
    }
}

/// What a machine did: the steps of a script, in order.
#[derive(Debug)]
pub struct Told(Vec<Step>);

impl Told {
    /// The next steps, by name.
    #[track_caller]
    pub fn take(&mut self, name: &str) -> Step {
        assert!(!self.0.is_empty(), "no step is left where {name} was expected");
        let step = self.0.remove(0);
        assert_eq!(step.name, name, "{}", step.printed);
        step
    }

    fn read(console: &str) -> Self {
        let mut steps: Vec<Step> = Vec::new();
        let mut open = false;
        for line in console.lines().map(|line| line.trim_end_matches('\r')) {
            match line.strip_prefix("== ") {
                Some(end) if end.starts_with("code ") && open => {
                    let code = end.split(' ').nth(1).and_then(|code| code.parse().ok());
                    if let (Some(step), Some(code)) = (steps.last_mut(), code) {
                        step.code = code;
                    }
                    open = false;
                }
                Some(name) => {
                    steps.push(Step { name: name.to_owned(), printed: String::new(), code: -1 });
                    open = true;
                }
                None if open => steps.iter_mut().last().unwrap().printed += &format!("{line}\n"),
                None => {}
            }
        }
        Self(steps)
    }
}

/// Starts a machine that runs a scenario of `scenarios/`, and waits for its end. `None`, said aloud, where `make
/// vm-test` did not prepare one.
pub fn run(confinement: Confinement, scenario: &str) -> Option<Told> {
    let Some(made) = std::env::var_os("GROUNDFAST_VM").map(PathBuf::from).filter(|made| made.is_dir()) else {
        eprintln!("left out: GROUNDFAST_VM names no machine; `make vm-test` prepares one");
        return None;
    };
    let scratch = tempfile::tempdir().unwrap();
    let disk = input(&made, scenario, scratch.path());
    let drive = |file: &Path, more: &str| format!("file={},format=raw,if=virtio,{more}", file.display());
    let output = Command::new("timeout")
        // Time inside goes by what was executed, so a busy machine outside makes nothing inside run into its deadline.
        .args(["2400", "qemu-system-x86_64", "-accel", "tcg", "-icount", "shift=3", "-cpu", "Nehalem"])
        .args(["-smp", "1", "-m", "1280", "-nodefaults", "-nographic", "-no-reboot", "-serial", "stdio"])
        .arg("-kernel")
        .arg(made.join("vmlinuz"))
        .arg("-initrd")
        .arg(made.join("initrd"))
        .args(["-append", &format!("console=ttyS0 quiet panic=-1 {}", confinement.arguments())])
        .args(["-drive", &drive(&made.join("disk.img"), "snapshot=on")])
        .args(["-drive", &drive(&disk, "readonly=on")])
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let console = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "the machine did not end: {console}");
    eprintln!("{console}");
    let mut told = Told::read(&console);
    told.take("engine").expect_code(0);
    Some(told)
}

/// The second disk: what goes into the machine.
fn input(made: &Path, scenario: &str, scratch: &Path) -> PathBuf {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = scratch.join("input");
    std::fs::create_dir(&folder).unwrap();
    let copy = |from: &Path, name: &str| {
        std::fs::copy(from, folder.join(name)).unwrap_or_else(|error| panic!("{}: {error}", from.display()))
    };
    for name in ["bundle.tar", "cosign.pub", "answers.toml", "groundfast"] {
        copy(&made.join("product").join(name), name);
    }
    copy(&own.join("guest/run.sh"), "run.sh");
    copy(&own.join(format!("scenarios/{scenario}.sh")), "scenario.sh");
    let disk = scratch.join("input.img");
    let made = Command::new("mkfs.ext4")
        .args(["-q", "-F", "-d"])
        .args([&folder, &disk])
        .arg("400M")
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .status();
    assert!(made.unwrap().success(), "no disk could be made of {}", folder.display());
    disk
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_console_is_read_by_steps() {
        let console = "noise\r\n== engine\r\n20.10\r\n== code 0 after 3 s\r\nbetween\r\n== drift\r\n⚠ said\r\n\
            {\"findings\":[{\"control\":\"a\",\"verdict\":\"fail\",\"actual\":\"x\"},{\"control\":\"b\",\"verdict\":\"pass\"}]}\r\n\
            == code 3 after 9 s\r\n== cut\r\nhalf";
        let mut told = Told::read(console);
        assert_eq!(told.take("engine").expect_code(0).printed, "20.10\n");
        let drift = told.take("drift");
        assert_eq!(drift.expect_code(3).controls("fail"), [("a".to_owned(), "x".to_owned())]);
        assert_eq!(told.take("cut").code, -1, "it never ended");
    }
}
