//! Real receivers on the loopback: rsyslogd and an HTTPS server in Python, each its own process with its own
//! configuration, ended with the test.
#![allow(dead_code, unreachable_pub, reason = "each test binary uses its part")]

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use alerts::{Alert, Change, Kind, Look, What};
use model::{ControlId, Severity, Verdict};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa, KeyPair};
use serde_json::Value;

/// A place with an authority, certificates and keys; a second authority is a stranger.
pub struct Site {
    folder: tempfile::TempDir,
}

impl Site {
    pub fn new() -> Self {
        let site = Self { folder: tempfile::tempdir().unwrap() };
        for name in ["ca", "strange-ca"] {
            let mut params = CertificateParams::new(Vec::new()).unwrap();
            params.distinguished_name.push(rcgen::DnType::CommonName, name);
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
            site.write(&format!("{name}.pem"), &issuer.pem());
            if name == "ca" {
                site.leaf(&issuer, "server", &["127.0.0.1", "localhost"]);
                site.leaf(&issuer, "client", &["site-7.test"]);
            } else {
                site.leaf(&issuer, "strange", &["site-7.test"]);
            }
        }
        site
    }

    fn leaf(&self, issuer: &CertifiedIssuer<'static, KeyPair>, name: &str, names: &[&str]) {
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        let mut params = CertificateParams::new(names).unwrap();
        params.distinguished_name.push(rcgen::DnType::CommonName, name);
        params.extended_key_usages =
            vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        let key = KeyPair::generate().unwrap();
        self.write(&format!("{name}.pem"), &params.signed_by(&key, issuer).unwrap().pem());
        self.write(&format!("{name}.key"), &key.serialize_pem());
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        path
    }

    /// A reference to a secret here.
    pub fn secret(&self, name: &str) -> String {
        format!("file:{}", self.path(name).display())
    }
}

/// A process that ends with its test.
pub struct Daemon(Child);

impl Daemon {
    pub fn start(command: &mut Command) -> Self {
        Self(command.stdin(Stdio::null()).spawn().unwrap())
    }

    /// The first line that it prints.
    pub fn first_line(&mut self) -> String {
        let mut line = String::new();
        BufReader::new(self.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
        line.trim().to_owned()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Asks until there is an answer, for 20 seconds at most.
#[track_caller]
pub fn eventually<T>(what: &str, ask: impl Fn() -> Option<T>) -> T {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(Instant::now() < deadline, "waited for {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// The lines of a file that a receiver writes, read as JSON.
pub fn received(path: &Path) -> Vec<Value> {
    let text = fs::read_to_string(path).unwrap_or_default();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .collect()
}

/// An alert with two changes.
pub fn alert(id: &str) -> Alert {
    let look = Look {
        host: "site-7",
        site: "plant 7",
        at: "2026-11-22T10:00:00.123456789Z",
        run: "01R",
        outcome: "drifted",
        findings: &[],
    };
    let change = |change, control: &str, title: &str| Change {
        change,
        control: ControlId::new(control),
        title: title.to_owned(),
        severity: Severity::High,
        verdict: Verdict::Fail,
        since: "2026-11-22T10:00:00Z".to_owned(),
        cause: None,
    };
    let changes = vec![
        change(What::Moved, "pin:content /etc/motd", "the \"motd\" is [as] it größer was"),
        change(What::Back, "sshd_disable_root_login", "root does not log in"),
    ];
    look.alert(id, Kind::Drift, changes)
}
