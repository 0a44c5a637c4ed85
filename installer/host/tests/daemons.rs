//! Measurements against real daemons: chronyd, containerd, dockerd. Where one is not installed its test says
//! "left out". Each daemon has private sockets and folders, touches no network of the machine, and is ended by
//! the process that started it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::disallowed_methods,
    clippy::too_many_lines,
    clippy::type_complexity,
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "a test that cannot be set up must stop, and tests make their own places"
)]

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, SystemTime};

use host::Facts;
use model::{Fact, State, Unread};

/// A daemon that ends with its test.
struct Daemon(Child);

impl Drop for Daemon {
    fn drop(&mut self) {
        // SIGTERM first: a killed dockerd would leave its mounts.
        let _ = Command::new("kill").arg(self.0.id().to_string()).status();
        let _ = self.0.wait();
    }
}

fn start(program: &str, arguments: &[&str]) -> Option<Daemon> {
    let quiet = || Stdio::null();
    let child = Command::new(program).args(arguments).stdin(quiet()).stdout(quiet()).stderr(quiet()).spawn();
    match child {
        Ok(child) => Some(Daemon(child)),
        Err(error) => {
            println!("left out: {program}: {error}");
            None
        }
    }
}

/// Asks until the daemon answers, for half a minute at most.
async fn answer(facts: &Facts, fact: Fact) -> State {
    let deadline = SystemTime::now() + Duration::from_secs(30);
    loop {
        match facts.observe(&fact).await {
            Ok(State::Absent) | Err(_) if SystemTime::now() < deadline => {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            other => return other.unwrap(),
        }
    }
}

fn facts() -> Facts {
    Facts::new(Path::new("/"), SystemTime::now).unwrap()
}

#[tokio::test]
async fn chronyd_is_measured_and_so_is_a_clock_that_is_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let port = std::net::UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let file = folder.path().join("chrony.conf");
    let pid = folder.path().join("pid");
    let text = format!(
        "port {port}\ncmdport 0\nbindcmdaddress /\nbindaddress 127.0.0.1\nlocal stratum 3\nallow 127.0.0.1\npidfile {}\n",
        pid.display()
    );
    std::fs::write(&file, text).unwrap();
    // `-x`: it never touches the machine's clock.
    let Some(_daemon) = start("/usr/sbin/chronyd", &["-x", "-d", "-u", "root", "-f", file.to_str().unwrap()])
    else {
        return;
    };
    let server = format!("127.0.0.1:{port}");
    let right = answer(&facts(), Fact::ClockOffset { server: server.clone() }).await;
    let number = |state: &State, field: &str| state.get(field).and_then(State::as_int).unwrap();
    assert!(number(&right, "offset_us").abs() < 50_000, "{right}");
    assert_eq!(number(&right, "stratum"), 3);
    assert_eq!(number(&right, "samples"), 4);
    let late = Facts::new(Path::new("/"), || SystemTime::now() - Duration::from_millis(700)).unwrap();
    let wrong = late.observe(&Fact::ClockOffset { server }).await.unwrap();
    assert!((number(&wrong, "offset_us") - 700_000).abs() < 50_000, "{wrong}");
    assert!(number(&wrong, "uncertainty_us") < 100_000, "{wrong}");
}

#[tokio::test]
async fn containerd_tells_its_version_and_dockerd_is_none() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    let config = format!(
        "version = 2\nroot = \"{}\"\nstate = \"{}\"\ndisabled_plugins = [\"io.containerd.grpc.v1.cri\"]\n[grpc]\naddress = \"{}\"\n",
        at("root"),
        at("state"),
        at("c.sock")
    );
    std::fs::write(at("config.toml"), config).unwrap();
    let Some(_daemon) = start("/usr/bin/containerd", &["--config", &at("config.toml")]) else { return };
    let socket: model::HostPath = at("c.sock").parse().unwrap();
    let seen = answer(&facts(), Fact::Containerd { socket: socket.clone() }).await;
    let told = Command::new("/usr/bin/containerd").arg("--version").output().unwrap();
    let told = String::from_utf8(told.stdout).unwrap();
    let version = seen.get("version").and_then(State::as_text).unwrap();
    assert!(
        told.contains(version) && version.starts_with(|sign: char| sign.is_ascii_digit()),
        "{told} {version}"
    );
    let other = facts().observe(&Fact::Engine { socket }).await;
    assert!(matches!(other, Err(Unread::NoAnswer(_))), "{other:?}");
}

#[tokio::test]
async fn dockerd_tells_what_it_is_and_what_it_publishes() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    std::fs::write(at("daemon.json"), "{}").unwrap();
    let host = format!("unix://{}", at("d.sock"));
    let (data, exec, pid, config) = (at("data"), at("exec"), at("pid"), at("daemon.json"));
    let network =
        ["--bridge=none", "--iptables=false", "--ip6tables=false", "--ip-forward=false", "--group=root"];
    let own = [
        "--host",
        &host,
        "--data-root",
        &data,
        "--exec-root",
        &exec,
        "--pidfile",
        &pid,
        "--config-file",
        &config,
    ];
    let arguments: Vec<&str> = own.into_iter().chain(network).chain(["--storage-driver=vfs"]).collect();
    let Some(_daemon) = start("/usr/sbin/dockerd", &arguments) else { return };
    let socket: model::HostPath = at("d.sock").parse().unwrap();
    let seen = answer(&facts(), Fact::Engine { socket: socket.clone() }).await;
    assert_eq!(seen.get("name"), Some(&State::text("Docker Engine")));
    assert_eq!(seen.get("storage_driver"), Some(&State::text("vfs")));
    let version = seen.get("version").and_then(State::as_text).unwrap();
    let told = Command::new("/usr/sbin/dockerd").arg("--version").output().unwrap();
    assert!(String::from_utf8(told.stdout).unwrap().contains(version), "{seen}");
    assert_eq!(
        facts().observe(&Fact::Published { socket: socket.clone() }).await,
        Ok(State::List(Vec::new()))
    );
    let grpc = facts().observe(&Fact::Containerd { socket }).await;
    assert!(grpc.is_err(), "an HTTP/1 server is no containerd: {grpc:?}");
}
