//! A whole machine in a container: Debian with systemd and sshd, a private network without a route, started and
//! stopped at will. Nothing of it touches the machine that the tests run on.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::{Run, binary, prepared};

mod engine;

const NSPAWN: &str = "/usr/bin/systemd-nspawn";
/// How an operator logs in: the container's only network is its own.
pub const SSH: &str = "ssh -q -o BatchMode=yes -o StrictHostKeyChecking=no root@127.0.0.1";

/// The root file system of a machine, which outlives its starts.
pub struct Disk {
    folder: tempfile::TempDir,
    /// The data of an engine of its own.
    engine: Option<PathBuf>,
    /// Folders that the machine sees at their own paths, read-only.
    shown: Vec<PathBuf>,
}

impl Disk {
    /// The prepared Debian root, what is written laid over it, with the built binary and a key for its operator; `None` where that, or
    /// what runs it, is not there.
    pub fn new() -> Option<Self> {
        let debian = prepared("GROUNDFAST_TEST_ROOT")?;
        if !Path::new(NSPAWN).exists() {
            eprintln!("left out: {NSPAWN} is not there; `make test` installs systemd-container");
            return None;
        }
        let disk = Self { folder: tempfile::tempdir().unwrap(), engine: None, shown: Vec::new() };
        let [upper, work] = ["upper", "work"].map(|name| disk.folder.path().join(name));
        for folder in [&upper, &work, &disk.root()] {
            fs::create_dir(folder).unwrap();
        }
        let [lower, upper, work] = [&debian, &upper, &work].map(|path| path.display().to_string());
        let options = format!("lowerdir={lower},upperdir={upper},workdir={work}");
        let mount = Command::new("mount")
            .args(["-t", "overlay", "overlay", "-o", &options])
            .arg(disk.root())
            .status();
        assert!(mount.unwrap().success(), "mounting an overlay");
        fs::copy(binary(), disk.root().join("usr/local/bin/groundfast")).unwrap();
        let made = "mkdir -p -m 700 /root/.ssh && ssh-keygen -q -t ed25519 -N '' -f /root/.ssh/id_ed25519 \
                    && cp /root/.ssh/id_ed25519.pub /root/.ssh/authorized_keys";
        let keyed = Command::new("chroot").arg(disk.root()).args(["/bin/sh", "-c", made]).status().unwrap();
        assert!(keyed.success());
        Some(disk)
    }

    /// Where it is.
    pub fn root(&self) -> PathBuf {
        self.folder.path().join("root")
    }

    /// Lets the machine see a folder at its own path.
    pub fn show(&mut self, folder: &Path) {
        self.shown.push(folder.to_owned());
    }

    /// Starts the machine with systemd and waits until it is up.
    pub fn start(&self) -> Machine {
        let mut command = Command::new(NSPAWN);
        command.arg(format!("--directory={}", self.root().display()));
        command.args([
            "--quiet",
            "--boot",
            "--register=no",
            "--keep-unit",
            "--private-network",
            "--console=pipe",
        ]);
        command.args(self.shown.iter().map(|folder| format!("--bind-ro={}", folder.display())));
        if let Some(data) = &self.engine {
            command.arg("--capability=all").arg(format!("--bind={}:/var/lib/docker", data.display()));
            command.arg("--system-call-filter=add_key keyctl bpf");
        }
        let container = quiet(&mut command).spawn().unwrap();
        // What begins the container is replaced by what runs in it.
        let leader = leader(&container, "systemd");
        let machine = Machine { container, leader };
        eventually("systemd to be up", || {
            let state = machine.shell("systemctl is-system-running").stdout;
            matches!(state.trim(), "running" | "degraded").then_some(())
        });
        // It stands for a machine with a kernel of its own, whose rules concern it.
        let _ = machine.shell("rm /run/systemd/container").expect_code(0);
        machine
    }

    /// Starts the machine without systemd: sshd by itself in namespaces of its own.
    pub fn start_without_systemd(&self) -> Machine {
        let inside = "ip link set lo up && mount -t proc proc \"$0/proc\" && mount --bind /dev \"$0/dev\" \
                      && exec chroot \"$0\" /bin/sh -c 'mkdir -p /run/sshd; /usr/sbin/sshd; while :; do sleep 1; done'";
        let mut command = Command::new("unshare");
        command
            .args(["--mount", "--pid", "--net", "--fork", "--kill-child", "/bin/sh", "-c", inside])
            .arg(self.root());
        let container = quiet(&mut command).spawn().unwrap();
        let leader = leader(&container, "sh");
        let machine = Machine { container, leader };
        eventually("sshd to answer", || (machine.shell(&format!("{SSH} true")).code == 0).then_some(()));
        machine
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        self.clear_control_groups();
        let _ = Command::new("umount").arg("--lazy").arg(self.root()).status();
    }
}

/// A machine that runs. It is cut off when it is dropped.
pub struct Machine {
    container: Child,
    leader: u32,
}

impl Machine {
    /// A shell script inside, over no login at all.
    pub fn shell(&self, script: &str) -> Run {
        Run::of(&self.inside(script).output().unwrap())
    }

    /// A program of this machine, in the other's network.
    pub fn in_its_network(&self, program: &str) -> Command {
        let mut command = Command::new("nsenter");
        command.arg("--target").arg(self.leader.to_string()).args(["--net", program]);
        command
    }

    /// A shell script over a login of its own.
    pub fn login(&self, script: &str) -> Run {
        self.shell(&format!("{SSH} {}", quoted(script)))
    }

    /// A login that stays open.
    pub fn stay(&self) -> Open {
        let mut child = self
            .inside(&format!("{SSH} /bin/sh"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (to, from) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
        let mut open = Open { child, to, from };
        let _ = open.run("true").expect_code(0);
        open
    }

    fn inside(&self, script: &str) -> Command {
        let mut command = Command::new("nsenter");
        command.arg("--target").arg(self.leader.to_string());
        command
            .args(["--mount", "--pid", "--net", "--uts", "--ipc", "--root", "--wd", "/bin/sh", "-c", script]);
        command.env_clear().env("PATH", "/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin").env("HOME", "/root");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Pulls the plug.
    pub fn cut_off(self) {
        drop(self);
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        let _ = Command::new("kill").args(["-KILL", &self.leader.to_string()]).status();
        let _ = self.container.kill();
        let _ = self.container.wait();
    }
}

/// A login that is open.
pub struct Open {
    child: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
}

impl Open {
    /// Runs one command in it; what it says on stderr comes with stdout.
    pub fn run(&mut self, script: &str) -> Run {
        writeln!(self.to, "( {script} ) 2>&1 </dev/null; code=$?; echo; echo ended-$code").unwrap();
        let mut stdout = String::new();
        loop {
            let mut line = String::new();
            assert_ne!(self.from.read_line(&mut line).unwrap(), 0, "the login ended:\n{stdout}");
            match line.trim().strip_prefix("ended-") {
                Some(code) => return Run { code: code.parse().unwrap(), stdout, stderr: String::new() },
                None => stdout.push_str(&line),
            }
        }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The first process inside, once it has the name of what runs there.
fn leader(container: &Child, name: &str) -> u32 {
    let children = format!("/proc/{0}/task/{0}/children", container.id());
    eventually("the container to begin", || {
        let leader: u32 = fs::read_to_string(&children).ok()?.split_whitespace().next()?.parse().ok()?;
        let named = fs::read_to_string(format!("/proc/{leader}/comm")).ok()?;
        (named.trim() == name).then_some(leader)
    })
}

fn quiet(command: &mut Command) -> &mut Command {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null())
}

fn quoted(script: &str) -> String {
    format!("'{}'", script.replace('\'', "'\\''"))
}

/// Asks until there is an answer, for a minute at most.
#[track_caller]
pub fn eventually<T>(what: &str, ask: impl Fn() -> Option<T>) -> T {
    let deadline = Instant::now() + Duration::from_secs(180);
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(Instant::now() < deadline, "waited three minutes for {what}");
        sleep(Duration::from_millis(200));
    }
}
