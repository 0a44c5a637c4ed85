//! A real site to install on: a scratch root, an answer file, secrets and certificates, and the engine that the
//! runner prepared, reached from inside its network namespace.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::{Run, Scratch, binary, prepared, workspace};

/// The Compose project of the sample product.
pub const PROJECT: &str = "companyos";
/// The name that people type.
pub const HOST: &str = "companyos.internal";

/// A site of its own on the prepared engine. Dropping it takes containers, volumes, secrets and images away.
pub struct Site {
    /// Its scratch place.
    pub scratch: Scratch,
    /// The root that is hardened.
    pub root: PathBuf,
    bundle: PathBuf,
    docker_host: String,
    docker_config: PathBuf,
    netns: PathBuf,
}

impl Site {
    /// A fresh site. `None`, said aloud, when the runner did not prepare what it needs.
    pub fn new() -> Option<Self> {
        let debian = prepared("GROUNDFAST_TEST_ROOT")?;
        let bundle = prepared("GROUNDFAST_TEST_BUNDLE")?;
        let made = prepared("GROUNDFAST_TEST_SITE")?;
        let docker_config = prepared("DOCKER_CONFIG")?;
        let netns = prepared("GROUNDFAST_ENGINE_NETNS")?;
        let docker_host = std::env::var("DOCKER_HOST").unwrap();
        let scratch = Scratch::new();
        let root = scratch.debian(&debian);
        let site = Self { scratch, root, bundle, docker_host, docker_config, netns };
        let own = site.scratch.path("site");
        let copied = Command::new("cp").arg("-a").arg(made).arg(&own).status().unwrap();
        assert!(copied.success());
        fs::copy(site.bundle.join("cosign.pub"), site.scratch.path("cosign.pub")).unwrap();
        let mut answers = Command::new(workspace().join("examples/companyos/make-answers.sh"));
        answers.arg(&own).arg(site.scratch.path("")).env("socket", site.socket());
        site.scratch.write("answers.toml", &Run::of(&answers.output().unwrap()).expect_code(0).stdout);
        site.clear();
        Some(site)
    }

    /// The socket of the engine.
    pub fn socket(&self) -> &str {
        self.docker_host.strip_prefix("unix://").unwrap()
    }

    /// The signed bundle of the sample product.
    pub fn bundle(&self) -> PathBuf {
        self.bundle.join("bundle.tar")
    }

    /// The data directory.
    pub fn data(&self) -> PathBuf {
        self.scratch.path("data")
    }

    /// Any program inside the engine's network namespace, with a bare environment.
    pub fn inside(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new("nsenter");
        self.scratch.prepare(&mut command);
        command
            .env("DOCKER_CONFIG", &self.docker_config)
            .env("DOCKER_HOST", &self.docker_host)
            .arg(format!("--net={}", self.netns.display()))
            .arg(program);
        command
    }

    /// The binary inside that namespace, without progress, its result as JSON.
    pub fn groundfast(&self, arguments: &[&str]) -> Run {
        let mut command = self.inside(binary());
        Run::of(&command.args(arguments).args(["--no-progress", "--output", "json"]).output().unwrap())
    }

    /// The arguments that install the bundle with the answers.
    pub fn install_arguments(&self) -> Vec<String> {
        let text = |path: PathBuf| path.display().to_string();
        let answers = text(self.scratch.path("answers.toml"));
        vec!["install".to_owned(), text(self.bundle()), "--answers".to_owned(), answers]
    }

    /// Installs the bundle with the answers.
    pub fn install(&self, more: &[&str]) -> Run {
        let arguments = self.install_arguments();
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).chain(more.iter().copied()).collect();
        self.groundfast(&arguments)
    }

    /// Installs another bundle with the answers.
    pub fn install_bundle(&self, bundle: &Path, more: &[&str]) -> Run {
        let answers = self.scratch.path("answers.toml").display().to_string();
        let bundle = bundle.display().to_string();
        self.groundfast(&[&["install", &bundle, "--answers", &answers], more].concat())
    }

    /// The sample product once more, its spec and Compose file changed by `change` (name, text), signed with the same
    /// key.
    #[track_caller]
    pub fn bundle_with(&self, name: &str, change: impl Fn(&str, String) -> String) -> PathBuf {
        let folder = self.scratch.path(name);
        let sample = workspace().join("examples/companyos");
        assert!(Command::new("cp").arg("-a").arg(&sample).arg(&folder).status().unwrap().success());
        for file in ["bundle.toml", "compose.yaml"] {
            let text = fs::read_to_string(folder.join(file)).unwrap();
            let changed = change(file, text.clone());
            let images = workspace().join("target/images").display().to_string();
            fs::write(folder.join(file), changed.replace("../../target/images", &images)).unwrap();
        }
        let bundle = self.scratch.path(&format!("{name}.tar"));
        let mut command = self.inside(binary());
        command.env("GROUNDFAST_PASSPHRASE", "test").args(["bundle", "create", "--no-progress"]);
        command.arg(folder.join("bundle.toml")).arg("--key").arg(self.bundle.join("cosign.key"));
        let _ = Run::of(&command.arg("-o").arg(&bundle).output().unwrap()).expect_code(0);
        bundle
    }

    /// Looks for drift.
    pub fn drift(&self) -> Run {
        self.groundfast(&["drift"])
    }

    /// Calls docker and insists that it works; gives its stdout, trimmed.
    #[track_caller]
    pub fn docker(&self, arguments: &[&str]) -> String {
        let run = Run::of(&self.inside("docker").args(arguments).output().unwrap());
        assert_eq!(run.code, 0, "docker {arguments:?}: {}", run.stderr);
        run.stdout.trim().to_owned()
    }

    /// The container of a service, running or not.
    #[track_caller]
    pub fn container(&self, service: &str) -> String {
        let label = format!("label=com.docker.compose.service={service}");
        let id = self.docker(&["ps", "-aq", "--no-trunc", "--filter", &label]);
        assert!(!id.is_empty() && !id.contains('\n'), "one container of {service}: {id}");
        id
    }

    /// The ids of all containers of the project, sorted.
    pub fn containers(&self) -> Vec<String> {
        let label = format!("label=com.docker.compose.project={PROJECT}");
        let ids = self.docker(&["ps", "-aq", "--no-trunc", "--filter", &label]);
        let mut ids: Vec<String> = ids.lines().map(str::to_owned).collect();
        ids.sort();
        ids
    }

    /// What the engine says about a container.
    pub fn inspect(&self, id: &str) -> Value {
        let all: Value = serde_json::from_str(&self.docker(&["inspect", id])).unwrap();
        all[0].clone()
    }

    /// Asks the product with curl: the status, a newline, the body.
    pub fn curl(&self, more: &[&str]) -> Run {
        let mut command = self.inside("curl");
        command.args(["-sS", "-m", "15", "-o", "-", "-w", "\n%{http_code} %{redirect_url}", "--cacert"]);
        command.arg(self.scratch.path("site/tls/ca.crt"));
        for port in ["443", "80"] {
            command.args(["--resolve", &format!("{HOST}:{port}:127.0.0.1")]);
        }
        Run::of(&command.args(more).output().unwrap())
    }

    /// The bearer token of a role.
    pub fn token(&self, role: &str) -> String {
        let text = fs::read_to_string(self.scratch.path("site/secrets/app-tokens")).unwrap();
        let of_role = |line: &str| line.strip_prefix(role).map(|token| token.trim().to_owned());
        text.lines().find_map(of_role).unwrap()
    }

    /// A file with the header that presents a role's token, so that the token is in no argument.
    pub fn header(&self, role: &str) -> String {
        let text = format!("Authorization: Bearer {}\n", self.token(role));
        format!("@{}", self.scratch.write(&format!("header-{role}"), &text).display())
    }

    /// Everything secret about this site, a line each: tokens and the lines of keys.
    pub fn secret_values(&self) -> Vec<String> {
        let mut values = vec![self.token("reader"), self.token("writer")];
        for entry in fs::read_dir(self.scratch.path("site/secrets")).unwrap() {
            let path = entry.unwrap().path();
            if path.display().to_string().ends_with("-tls-key") {
                let text = fs::read_to_string(path).unwrap();
                let lines = text.lines().filter(|line| !line.starts_with("-----") && line.len() >= 16);
                values.extend(lines.map(str::to_owned));
            }
        }
        assert!(values.len() >= 10, "two tokens and four keys or more");
        values
    }

    /// Whether a tmpfs lies at the secrets' folder.
    pub fn secrets_mounted(&self) -> bool {
        let at = self.data().join("secrets");
        let mounts = fs::read_to_string("/proc/self/mounts").unwrap();
        mounts.lines().any(|line| line.split(' ').nth(1) == Some(&at.display().to_string()))
    }

    /// Takes the secrets' tmpfs away, as a start of the machine does.
    pub fn unmount_secrets(&self) {
        if self.secrets_mounted() {
            rustix::mount::unmount(self.data().join("secrets"), rustix::mount::UnmountFlags::DETACH).unwrap();
        }
    }

    /// Removes what an installed or half-installed product leaves on the engine.
    fn clear(&self) {
        let label = format!("label=com.docker.compose.project={PROJECT}");
        let quietly = |arguments: &[&str]| {
            let output = self.inside("docker").args(arguments).stderr(Stdio::null()).output();
            output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default()
        };
        for (list, remove) in [
            (["ps", "-aq"], vec!["rm", "-f"]),
            (["network", "ls"], vec!["network", "rm"]),
            (["volume", "ls"], vec!["volume", "rm", "-f"]),
        ] {
            let quiet = if list[0] == "ps" { vec![] } else { vec!["-q"] };
            let ids = quietly(&[&list[..], &quiet, &["--filter", &label]].concat());
            let ids: Vec<&str> = ids.lines().collect();
            if !ids.is_empty() {
                quietly(&[remove, ids].concat());
            }
        }
        let images = quietly(&["images", "-aq", "--no-trunc"]);
        let images: Vec<&str> = images.lines().collect();
        if !images.is_empty() && self.socket().starts_with("/run/groundfast-") {
            quietly(&[vec!["rmi", "-f"], images].concat());
        }
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        self.clear();
        let at = self.data().join("secrets");
        while self.secrets_mounted() {
            if rustix::mount::unmount(&at, rustix::mount::UnmountFlags::DETACH).is_err() {
                break;
            }
        }
    }
}

/// The default routes of a network namespace, one a line.
pub fn default_routes(site: &Site) -> String {
    let run = Run::of(&site.inside("ip").args(["route", "show", "default"]).output().unwrap()).expect_code(0);
    run.stdout
}

/// Appends to a file, keeping its mode and owner.
pub fn append(path: &Path, text: &str) {
    let mut bytes = fs::read(path).unwrap();
    bytes.extend(text.as_bytes());
    fs::write(path, bytes).unwrap();
}
