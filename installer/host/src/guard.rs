//! The guard of a run on the machine that it changes: a boot-persistent unit, a timer, or a process that waits.
//!
//! With systemd a unit in `/etc` takes the run back at the next start, and a transient timer does at the deadline.
//! Without systemd a detached process of this program waits for the deadline. All of them call the one command that
//! looks into the journal and decides; so a guard that is left over does no harm.
#![expect(clippy::disallowed_methods, reason = "the guard puts its own unit and process into place")]

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use model::{Fut, Guard, HostError, Moment};

use crate::run;

const UNIT: &str = "/etc/systemd/system/groundfast-revert.service";
const LINK: &str = "/etc/systemd/system/multi-user.target.wants/groundfast-revert.service";
const TARGET: &str = "../groundfast-revert.service";
/// The transient timer and the service that it starts. It is another service than the one of the start of the
/// machine, whose order before sshd would let a reload of sshd wait for the very job that asks for it.
const TIMER: &str = "groundfast-deadline";
const SYSTEMCTL: &str = "/usr/bin/systemctl";
const SYSTEMD_RUN: &str = "/usr/bin/systemd-run";
/// Gone after a start of the machine, so no place for a program that has to run then.
const PASSING: [&str; 3] = ["/tmp", "/run", "/dev"];

/// Why something about time or logins cannot be told.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Unguarded(pub(crate) String);

/// Takes a run back by calling a command of this program.
pub struct Revert {
    program: PathBuf,
    arguments: Vec<String>,
    within: Duration,
    systemd: bool,
}

impl Revert {
    /// A guard that has `program` called with `arguments` after `within`, or at the next start of the machine.
    pub fn new(program: PathBuf, arguments: Vec<String>, within: Duration) -> Self {
        let systemd = Path::new("/run/systemd/system").is_dir();
        Self { program, arguments, within, systemd }
    }

    async fn arm_systemd(&self) -> Result<(), HostError> {
        if PASSING.iter().any(|folder| self.program.starts_with(folder)) {
            let program = self.program.display();
            let why = format!("{program} is gone after a start of the machine; put it into /usr/local/bin");
            return Err(HostError::Failed(why));
        }
        // The way back over a start of the machine comes first, then the clock.
        place(&self.unit()).map_err(|error| HostError::Failed(format!("writing {UNIT}: {error}")))?;
        systemctl(&["daemon-reload"]).await?;
        self.stop_timer().await;
        let (unit, after) = (format!("--unit={TIMER}"), format!("--on-active={}s", self.within.as_secs()));
        let program = self.program.to_string_lossy();
        let mut arguments: Vec<&str> =
            vec!["--quiet", "--collect", &unit, &after, "--timer-property=AccuracySec=1s", "--", &program];
        arguments.extend(self.arguments.iter().map(String::as_str));
        let started = run::output(Path::new(SYSTEMD_RUN), &arguments).await;
        started.map(drop).map_err(|error| HostError::Failed(format!("starting the timer: {error}")))
    }

    /// A timer that is not there need not be stopped.
    async fn stop_timer(&self) {
        let _ = systemctl(&["stop", &format!("{TIMER}.timer")]).await;
    }

    /// A process that waits by itself; it leaves our session as it begins.
    fn arm_process(&self) -> Result<(), HostError> {
        let mut command = Command::new(&self.program);
        command
            .args(&self.arguments)
            .env_clear()
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
            .current_dir("/");
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let failed =
            |error: io::Error| HostError::Failed(format!("starting the process that waits: {error}"));
        command.spawn().map(drop).map_err(failed)
    }

    fn unit(&self) -> String {
        let words: Vec<String> =
            self.arguments.iter().map(|word| format!(" \"{}\"", word.replace('%', "%%"))).collect();
        format!(
            "# Made by groundfast, and removed by it once the run is confirmed or taken back.\n\
             [Unit]\n\
             Description=Take back a run that nobody confirmed\n\
             After=local-fs.target systemd-sysctl.service docker.service containerd.service\n\
             Before=ssh.service sshd.service groundfast-recover.service\n\n\
             [Service]\n\
             Type=oneshot\n\
             TimeoutStartSec=15min\n\
             ExecStart=\"{}\"{}\n\n\
             [Install]\n\
             WantedBy=multi-user.target\n",
            self.program.display(),
            words.concat(),
        )
    }
}

impl Guard for Revert {
    fn arm(&self) -> Fut<'_, Result<Moment, HostError>> {
        Box::pin(async move {
            let now = Guard::now(self)?;
            let millis = u64::try_from(self.within.as_millis()).unwrap_or(u64::MAX);
            if self.systemd {
                self.arm_systemd().await?
            } else {
                self.arm_process()?
            }
            Ok(Moment { millis: now.millis.saturating_add(millis), ..now })
        })
    }

    fn disarm(&self) -> Fut<'_, Result<(), HostError>> {
        Box::pin(disarm())
    }

    fn now(&self) -> Result<Moment, HostError> {
        now().map_err(|error| HostError::Failed(error.to_string()))
    }
}

/// Removes the unit and the timer, where they are. A process that waits sees by itself that it is over.
///
/// # Errors
/// When the unit cannot be removed.
pub async fn disarm() -> Result<(), HostError> {
    if fs::symlink_metadata(UNIT).is_err() && fs::symlink_metadata(LINK).is_err() {
        return Ok(());
    }
    let _ = systemctl(&["stop", &format!("{TIMER}.timer")]).await;
    for path in [LINK, UNIT] {
        match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(HostError::Failed(format!("removing {path}: {error}")));
            }
            _ => {}
        }
    }
    if Path::new("/run/systemd/system").is_dir() { systemctl(&["daemon-reload"]).await } else { Ok(()) }
}

/// This moment: the kernel's boot id, and its clock since then.
///
/// # Errors
/// When the kernel does not tell its boot id.
pub fn now() -> Result<Moment, Unguarded> {
    let path = "/proc/sys/kernel/random/boot_id";
    let boot = fs::read_to_string(path).map_err(|error| Unguarded(format!("reading {path}: {error}")))?;
    let clock = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    let seconds = u64::try_from(clock.tv_sec).unwrap_or_default();
    let millis = seconds * 1000 + u64::try_from(clock.tv_nsec).unwrap_or_default() / 1_000_000;
    Ok(Moment { boot: boot.trim().to_owned(), millis })
}

/// Leaves the session and terminal of whoever began this process, so that their end does not end it. A process
/// that leads a session already stays as it is.
pub fn detach() {
    let _ = rustix::process::setsid();
}

/// Writes the unit and enables it, durably: it is there for a start of the machine that nobody asked for.
fn place(text: &str) -> io::Result<()> {
    let beside = format!("{UNIT}.new");
    let mut file = fs::File::create(&beside)?;
    io::Write::write_all(&mut file, text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&beside, UNIT)?;
    let wants = Path::new(LINK).parent().unwrap_or(Path::new("/"));
    fs::create_dir_all(wants)?;
    match std::os::unix::fs::symlink(TARGET, LINK) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    for folder in [Path::new(UNIT).parent(), Some(wants)].into_iter().flatten() {
        fs::File::open(folder)?.sync_all()?;
    }
    Ok(())
}

async fn systemctl(arguments: &[&str]) -> Result<(), HostError> {
    let failed = |error| HostError::Failed(format!("systemctl {}: {error}", arguments.join(" ")));
    run::output(Path::new(SYSTEMCTL), arguments).await.map(drop).map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_unit_calls_one_command_before_anybody_can_log_in() {
        let arguments = ["recover", "--unconfirmed", "--data-dir", "/var/lib/50%"].map(String::from).to_vec();
        let guard = Revert::new("/usr/local/bin/groundfast".into(), arguments, Duration::from_secs(9));
        let text = guard.unit();
        let starts: Vec<_> = text.lines().filter(|line| line.starts_with("Exec")).collect();
        assert_eq!(
            starts,
            [
                "ExecStart=\"/usr/local/bin/groundfast\" \"recover\" \"--unconfirmed\" \"--data-dir\" \"/var/lib/50%%\""
            ]
        );
        assert!(text.contains("\nBefore=ssh.service sshd.service "), "{text}");
        assert!(text.contains("\nWantedBy=multi-user.target\n"));
    }

    #[test]
    fn time_goes_on_within_one_start_of_the_machine() {
        let (first, second) = (now().unwrap(), now().unwrap());
        assert_eq!(first.boot, second.boot);
        assert!(second.millis >= first.millis && first.millis > 0);
    }
}
