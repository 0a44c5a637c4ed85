//! The sample product as it would come out of a bundle, and a site to put it on. Nothing here is a double:
//! the images are those that `build-images.sh` wrote, the engine is the one that `DOCKER_HOST` names.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{Cursor, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use model::{BlobError, Blobs, Digest, HostPath, State};
use secrets::{Form, Injected, Reference, Shape, SiteKey, Wanted};
use sha2::{Digest as _, Sha256};
use stack::compose::{InjectedSecret, Rewritten, SignedImage, Site, rewrite};
use stack::{Docker, Engine, Image, Layer, Stack};

/// Bytes by digest: in memory, or a span of an image archive.
#[derive(Default)]
pub(crate) struct Store {
    memory: BTreeMap<Digest, Vec<u8>>,
    spans: BTreeMap<Digest, (PathBuf, u64, u64)>,
}

impl Blobs for Store {
    fn open(&self, digest: &Digest) -> Result<Box<dyn Read + Send>, BlobError> {
        if let Some(bytes) = self.memory.get(digest) {
            return Ok(Box::new(Cursor::new(bytes.clone())));
        }
        let (path, start, length) = self.spans.get(digest).ok_or(BlobError::Missing(*digest))?;
        let mut file = File::open(path)?;
        file.seek(SeekFrom::Start(*start))?;
        Ok(Box::new(file.take(*length)))
    }
}

impl Store {
    pub(crate) fn keep(&mut self, bytes: Vec<u8>) -> Digest {
        let digest = Digest::from_sha256(Sha256::digest(&bytes).into());
        self.memory.insert(digest, bytes);
        digest
    }

    /// Takes the parts of a `docker save` archive in.
    fn image(&mut self, path: &Path) -> Image {
        let mut archive = tar::Archive::new(File::open(path).unwrap());
        let mut texts = BTreeMap::new();
        for entry in archive.entries().unwrap() {
            let mut entry = entry.unwrap();
            let name = entry.path().unwrap().display().to_string();
            if let Some(id) = name.strip_suffix("/layer.tar") {
                let span = (path.to_owned(), entry.raw_file_position(), entry.size());
                self.spans.insert(format!("sha256:{id}").parse().unwrap(), span);
            } else if entry.header().entry_type().is_file() {
                let mut text = String::new();
                entry.read_to_string(&mut text).unwrap();
                texts.insert(name, text);
            }
        }
        let manifest: serde_json::Value = serde_json::from_str(&texts["manifest.json"]).unwrap();
        let config = &texts[manifest[0]["Config"].as_str().unwrap()];
        let id = self.keep(config.clone().into_bytes());
        let config: serde_json::Value = serde_json::from_str(config).unwrap();
        let layer = |diff: &serde_json::Value| {
            let diff_id = diff.as_str().unwrap().parse().unwrap();
            let media_type = "application/vnd.oci.image.layer.v1.tar".to_owned();
            Layer { blob: diff_id, media_type, diff_id }
        };
        let layers = config["rootfs"]["diff_ids"].as_array().unwrap().iter().map(layer).collect();
        let name = manifest[0]["RepoTags"][0].as_str().unwrap().to_owned();
        Image { id, name, user: config["config"]["User"].as_str().unwrap().to_owned(), layers }
    }
}

/// The sample product on a site of its own, taken away again when dropped.
pub(crate) struct Sample {
    pub(crate) project: String,
    socket: PathBuf,
    pub(crate) injected: Injected,
    pub(crate) secrets: Vec<Wanted>,
    pub(crate) images: Vec<Image>,
    pub(crate) store: Store,
    pub(crate) site: Site,
    pub(crate) compose: String,
    pub(crate) key: SiteKey,
    pub(crate) certificates: PathBuf,
    pub(crate) docker: Docker,
    folder: tempfile::TempDir,
}

impl Sample {
    /// `None`, and a line that says why, when there is no engine or the images were not built.
    pub(crate) fn new() -> Option<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap();
        #[expect(clippy::disallowed_methods, reason = "the runner names the engine and the images")]
        let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let folder_of =
            |name: &str, default: &str| variable(name).map_or_else(|| root.join(default), PathBuf::from);
        let images = folder_of("GROUNDFAST_SAMPLE_IMAGES", "target/images");
        let certificates = folder_of("GROUNDFAST_SAMPLE_SITE", "target/site");
        let Some(socket) =
            variable("DOCKER_HOST").and_then(|host| host.strip_prefix("unix://").map(PathBuf::from))
        else {
            eprintln!("left out: DOCKER_HOST names no engine (scripts/engine.sh)");
            return None;
        };
        if !images.join("policy.tar").exists() || !certificates.join("tls/ca.crt").exists() {
            eprintln!("left out: build-images.sh and make-certificates.sh of the sample product did not run");
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        let docker = Docker {
            program: "docker".into(),
            config: variable("DOCKER_CONFIG").map(PathBuf::from),
            path: variable("PATH").unwrap().into(),
        };
        let mut store = Store::default();
        let images: Vec<_> = ["db", "nginx", "app", "policy"]
            .map(|name| store.image(&images.join(format!("{name}.tar"))))
            .into();
        let example = root.join("examples/companyos");
        let files = files(&example, &certificates, folder.path(), &mut store);
        let inside = |name: &str| -> HostPath { folder.path().join(name).to_str().unwrap().parse().unwrap() };
        let key = || SiteKey::from_bytes([9; 32]);
        let secrets = secrets(&certificates, &inside("secrets"));
        let fingerprint = |wanted: &Wanted| {
            let state = wanted.state(&key()).unwrap();
            let fingerprint = state.get("fingerprint").and_then(State::as_text).unwrap().to_owned();
            (wanted.target.name().to_owned(), InjectedSecret { path: wanted.target.clone(), fingerprint })
        };
        let site = Site {
            images: images
                .iter()
                .map(|image| (image.name.clone(), SignedImage { id: image.id, user: image.user.clone() }))
                .collect(),
            files,
            folder: Some(inside("stack")),
            secrets: secrets.iter().map(fingerprint).collect(),
            profiles: ["companyos-app".to_owned()].into(),
            proxies: [("NO_PROXY".to_owned(), "10.0.0.0/8".to_owned())].into(),
            ..Site::default()
        };
        Some(Self {
            project: format!("groundfast-test-{}", std::process::id()),
            socket,
            injected: Injected::new(inside("secrets"), key()),
            secrets,
            images,
            store,
            site,
            compose: fs::read_to_string(example.join("compose.yaml")).unwrap(),
            key: key(),
            certificates,
            docker,
            folder,
        })
    }

    /// The backend, giving services so long to become healthy.
    pub(crate) fn backend(&self, healthy_within: Duration) -> Stack {
        let inside =
            |name: &str| -> HostPath { self.folder.path().join(name).to_str().unwrap().parse().unwrap() };
        Stack::new(
            Engine::new(&self.socket),
            self.docker.clone(),
            inside("stack"),
            inside("secrets"),
            healthy_within,
        )
        .with_images(self.images.clone())
    }

    /// The same over the same engine and Compose, which is told not to wait.
    pub(crate) fn hasty_backend(&self, healthy_within: Duration) -> Stack {
        let program = self.folder.path().join("docker");
        let script = "#!/bin/sh\nfor word do shift; case $word in --wait|--wait-timeout) ;; \
                      [0-9]|[0-9][0-9]|[0-9][0-9][0-9]) ;; *) set -- \"$@\" \"$word\" ;; esac; done\nexec docker \"$@\"\n";
        fs::write(&program, script).unwrap();
        fs::set_permissions(&program, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        let inside =
            |name: &str| -> HostPath { self.folder.path().join(name).to_str().unwrap().parse().unwrap() };
        let docker = Docker { program, ..self.docker.clone() };
        Stack::new(Engine::new(&self.socket), docker, inside("stack"), inside("secrets"), healthy_within)
    }

    /// The Compose file for this site, kept in the store.
    pub(crate) fn rewritten(&mut self, text: &str) -> Rewritten {
        let rewritten = rewrite(text, &self.site).unwrap();
        self.store.keep(rewritten.text.clone().into_bytes());
        rewritten
    }

    /// Asks the product over HTTPS as a person would: status and body.
    pub(crate) fn curl(&self, path: &str, role: &str, more: &[&str]) -> (u16, String) {
        let tokens = fs::read_to_string(self.certificates.join("secrets/app-tokens")).unwrap();
        let token = tokens.lines().find_map(|line| line.strip_prefix(role)).map_or("", str::trim);
        let header = format!("Authorization: Bearer {token}");
        let said = run(Command::new("curl")
            .args([
                "-s",
                "-m",
                "15",
                "--tlsv1.3",
                "--resolve",
                "companyos.internal:443:127.0.0.1",
                "--cacert",
            ])
            .arg(self.certificates.join("tls/ca.crt"))
            .args(["-H", &header, "-w", "\n%{http_code}"])
            .args(more)
            .arg(format!("https://companyos.internal{path}")));
        let (body, status) = said.rsplit_once('\n').unwrap();
        (status.parse().unwrap(), body.to_owned())
    }

    /// Runs `docker` as somebody would who tampers with the site.
    pub(crate) fn docker(&self, arguments: &[&str]) -> String {
        let mut command = Command::new(&self.docker.program);
        command.args(arguments);
        if let Some(config) = &self.docker.config {
            command.env("DOCKER_CONFIG", config);
        }
        run(&mut command)
    }

    /// The name that Compose gives a service's container.
    pub(crate) fn container(&self, service: &str) -> String {
        format!("{}-{service}-1", self.project)
    }
}

impl Drop for Sample {
    fn drop(&mut self) {
        self.docker(&["compose", "-p", &self.project, "down", "--volumes", "--remove-orphans", "-t", "2"]);
        self.injected.unmount().unwrap();
    }
}

fn run(command: &mut Command) -> String {
    let output = command.output().unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// The release's files by the path that the Compose file uses.
fn files(example: &Path, site: &Path, scratch: &Path, store: &mut Store) -> BTreeMap<String, Digest> {
    let policy = scratch.join("policy.tar.gz");
    run(Command::new("tar").arg("-C").arg(example.join("policy")).arg("-czf").arg(&policy).arg("."));
    let mut files = BTreeMap::from([("policy.tar.gz".to_owned(), store.keep(fs::read(policy).unwrap()))]);
    for name in [
        "app.json",
        "db/postgresql.conf",
        "db/pg_hba.conf",
        "db/pg_ident.conf",
        "db/init.sql",
        "nginx/nginx.conf",
    ] {
        files.insert(name.to_owned(), store.keep(fs::read(example.join(name)).unwrap()));
    }
    for name in ["ca", "app", "db", "nginx", "policy"] {
        let name = format!("tls/{name}.crt");
        let bytes = fs::read(site.join(&name)).unwrap();
        files.insert(name, store.keep(bytes));
    }
    files
}

fn secrets(site: &Path, folder: &HostPath) -> Vec<Wanted> {
    let wanted = |name: &str, uid: u32, shape: Shape| Wanted {
        target: folder.join(name).unwrap(),
        reference: Reference::File(site.join("secrets").join(name).to_str().unwrap().parse().unwrap()),
        shape,
        form: Form::File,
        mode: 0o400,
        uid,
        gid: uid,
    };
    vec![
        wanted("db-tls-key", 2001, Shape::PrivateKey),
        wanted("nginx-tls-key", 2002, Shape::PrivateKey),
        wanted("app-tls-key", 2003, Shape::PrivateKey),
        wanted("app-tokens", 2003, Shape::Any),
        wanted("policy-tls-key", 2004, Shape::PrivateKey),
    ]
}
