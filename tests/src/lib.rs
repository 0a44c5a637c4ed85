//! The harness of the end-to-end tests: the built binary, scratch roots, snapshots of trees.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use sha2::{Digest, Sha256};

pub mod cosign;
pub mod machine;
pub mod redhat;
pub mod site;
pub mod transactions;

/// What one call of the binary gave.
#[must_use]
#[derive(Debug)]
pub struct Run {
    /// The exit code; 128 plus the signal when it was killed.
    pub code: i32,
    /// What it printed on stdout.
    pub stdout: String,
    /// What it said on stderr.
    pub stderr: String,
}

impl Run {
    /// What a command gave.
    pub fn of(output: &Output) -> Self {
        use std::os::unix::process::ExitStatusExt;
        let code = output.status.code().unwrap_or_else(|| 128 + output.status.signal().unwrap_or(0));
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Self { code, stdout: text(&output.stdout), stderr: text(&output.stderr) }
    }

    /// Insists on an exit code.
    #[track_caller]
    pub fn expect_code(self, code: i32) -> Self {
        assert_eq!(self.code, code, "stdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self
    }

    /// The document on stdout.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("{error} in stdout:\n{}\nstderr:\n{}", self.stdout, self.stderr))
    }
}

/// The folder of the workspace.
pub fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// The built binary, beside the tests' own.
pub fn binary() -> PathBuf {
    let deps = std::env::current_exe().unwrap();
    let path = deps.parent().and_then(Path::parent).unwrap().join("groundfast");
    assert!(path.exists(), "{} is not built: run `cargo build --workspace` first", path.display());
    path
}

/// A prepared thing that the test runner names in the environment; without it the test is left out, and says so.
pub fn prepared(variable: &str) -> Option<PathBuf> {
    let value = std::env::var_os(variable).map(PathBuf::from).filter(|path| path.exists());
    if value.is_none() {
        eprintln!("left out: {variable} is not set; `make test` prepares it");
    }
    value
}

/// A scratch place with a data directory of its own.
pub struct Scratch {
    folder: tempfile::TempDir,
}

impl Default for Scratch {
    fn default() -> Self {
        Self::new()
    }
}

impl Scratch {
    /// A fresh place.
    pub fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    /// A path in it.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A file in it.
    pub fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    }

    /// The binary with the data directory of this place and a bare environment.
    pub fn command(&self) -> Command {
        let mut command = Command::new(binary());
        self.prepare(&mut command);
        command
    }

    /// Any program with that environment.
    pub fn command_of(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        self.prepare(&mut command);
        command
    }

    /// Gives any command that environment.
    pub fn prepare(&self, command: &mut Command) {
        command
            .env_clear()
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
            .env("HOME", self.folder.path())
            .env("GROUNDFAST_DATA_DIR", self.path("data"))
            .stdin(Stdio::null());
    }

    /// Runs the binary.
    pub fn run(&self, arguments: &[&str]) -> Run {
        Run::of(&self.command().args(arguments).output().unwrap())
    }

    /// A Debian 12 root to harden: what matters of a debootstrapped one, copied.
    pub fn debian(&self, from: &Path) -> PathBuf {
        let root = self.path("root");
        fs::create_dir_all(&root).unwrap();
        let parts = [
            "etc",
            "var/log",
            "var/lib/dpkg/status",
            "usr/lib/systemd",
            "usr/lib/sysctl.d",
            "usr/lib/modprobe.d",
            "root",
        ];
        for part in parts.iter().filter(|part| from.join(part).exists()) {
            let to = root.join(part);
            fs::create_dir_all(to.parent().unwrap()).unwrap();
            let status = Command::new("cp").arg("-a").arg(from.join(part)).arg(&to).status().unwrap();
            assert!(status.success(), "copying {part}");
        }
        // The folders in which its start-up files look for programs, which are not needed themselves.
        for folder in ["bin", "sbin", "games", "local/bin", "local/sbin", "local/games"] {
            fs::create_dir_all(root.join("usr").join(folder)).unwrap();
        }
        for name in ["bin", "lib", "sbin"] {
            std::os::unix::fs::symlink(format!("usr/{name}"), root.join(name)).unwrap();
        }
        root
    }
}

/// Everything in a tree: kind, mode, owner, link target, content and extended attributes by path.
pub fn snapshot(root: &Path) -> BTreeMap<String, String> {
    let mut seen = BTreeMap::new();
    look(root, root, &mut seen);
    seen
}

fn look(root: &Path, at: &Path, seen: &mut BTreeMap<String, String>) {
    for entry in fs::read_dir(at).unwrap() {
        let path = entry.unwrap().path();
        let meta = fs::symlink_metadata(&path).unwrap();
        let content = if meta.is_symlink() {
            fs::read_link(&path).unwrap().display().to_string()
        } else if meta.is_file() {
            hex::encode(Sha256::digest(fs::read(&path).unwrap()))
        } else {
            String::new()
        };
        let mode = meta.permissions().mode();
        let state = format!("{mode:o} {}:{} {content} {}", meta.uid(), meta.gid(), xattrs(&path));
        seen.insert(path.strip_prefix(root).unwrap().display().to_string(), state);
        if meta.is_dir() {
            look(root, &path, seen);
        }
    }
}

fn xattrs(path: &Path) -> String {
    let mut names = vec![0_u8; 4096];
    let length = rustix::fs::llistxattr(path, &mut names).unwrap_or(0);
    let mut all = String::new();
    for name in names[..length].split(|byte| *byte == 0).filter(|name| !name.is_empty()) {
        let name = String::from_utf8_lossy(name);
        let mut value = vec![0_u8; 4096];
        let length = rustix::fs::lgetxattr(path, name.as_ref(), &mut value).unwrap_or(0);
        all.push_str(&format!("{name}={} ", hex::encode(&value[..length])));
    }
    all
}

/// The finding of one control in a document.
#[track_caller]
pub fn finding<'d>(document: &'d Value, control: &str) -> &'d Value {
    let findings = document["findings"].as_array().unwrap();
    findings
        .iter()
        .find(|finding| finding["control"] == control)
        .unwrap_or_else(|| panic!("no finding of {control}"))
}
