//! A small product to bundle, and ways to take a bundle apart and put it together again, wrongly.
#![allow(dead_code, unreachable_pub, reason = "each test binary uses its part of this")]
#![allow(clippy::disallowed_methods, reason = "test set-up")]

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use bundle::archive::{BLOCK, END, Header, padding};
use bundle::keys::{FileKey, Signer};
use bundle::spec::Spec;
use bundle::{Bundle, Created, Engine, Error, Expectations, Inputs, Root, Statement, Trust, Verified};
use tempfile::TempDir;

pub const SPEC: &str = r#"version = 1

[product]
name = "demo"
channel = "stable"
version = "1.2.3"
release = 7
platforms = ["linux/amd64"]
created = "2026-01-01T00:00:00Z"
expires = "2030-01-01T00:00:00Z"

[[image]]
name = "demo/app:1.2.3"
docker-archive = "app.tar"

[[image]]
name = "demo/db:1.2.3"
engine = "db"

[[compose]]
path = "compose.yaml"

[policy]
path = "policy"

[[file]]
role = "config"
path = "config"

[needs]
cpu = 1
memory = "64MiB"
"#;

/// The engine that the spec names: it has one image.
pub struct OneImage(pub Vec<u8>);

impl Engine for OneImage {
    fn save(&self, name: &str) -> io::Result<Box<dyn Read>> {
        if name != "db" {
            return Err(io::Error::other(format!("no image {name}")));
        }
        Ok(Box::new(io::Cursor::new(self.0.clone())))
    }
}

pub struct Product {
    pub dir: TempDir,
    pub key: FileKey,
    pub root: Vec<u8>,
}

pub fn now() -> jiff::Timestamp {
    "2026-11-22T00:00:00Z".parse().unwrap()
}

/// A tar as `docker save` of engine 20.10 writes it: one uncompressed layer of `bytes`.
pub fn docker_archive(tag: &str, user: &str, bytes: &[u8]) -> Vec<u8> {
    let mut layer = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_ustar();
    header.set_size(bytes.len() as u64);
    header.set_mode(0o755);
    layer.append_data(&mut header, "app", bytes).unwrap();
    let layer = layer.into_inner().unwrap();
    let config = serde_json::json!({
        "architecture": "amd64", "os": "linux", "config": { "User": user },
        "rootfs": { "type": "layers", "diff_ids": [bundle::digest(&layer)] },
    });
    let config = serde_json::to_vec(&config).unwrap();
    let id = bundle::digest(&config).hex();
    let list =
        serde_json::json!([{ "Config": format!("{id}.json"), "RepoTags": [tag], "Layers": ["l/layer.tar"] }]);
    let mut archive = tar::Builder::new(Vec::new());
    for (name, bytes) in [
        (format!("{id}.json"), config),
        ("l/VERSION".to_owned(), b"1.0".to_vec()),
        ("l/layer.tar".to_owned(), layer),
        ("manifest.json".to_owned(), serde_json::to_vec(&list).unwrap()),
    ] {
        let mut header = tar::Header::new_ustar();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        archive.append_data(&mut header, name, bytes.as_slice()).unwrap();
    }
    archive.into_inner().unwrap()
}

impl Product {
    pub fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        fs::write(at("app.tar"), docker_archive("demo/app:1.2.3", "10001", &vec![7; 100_000])).unwrap();
        fs::write(at("compose.yaml"), "services: {}\n").unwrap();
        for folder in ["policy", "config/nested"] {
            fs::create_dir_all(at(folder)).unwrap();
        }
        fs::write(at("policy/main.rego"), "package main\ndefault allow := false\n").unwrap();
        fs::write(at("config/nginx.conf"), "events {}\n").unwrap();
        fs::write(at("config/nested/empty.txt"), "").unwrap();
        let key = FileKey::generate().unwrap();
        let root = Root::first(&key, "2031-01-01T00:00:00Z".parse().unwrap()).unwrap();
        Self { dir, key, root }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub fn create(&self, spec: &str, out: &str) -> Result<Created, Error> {
        let spec = Spec::parse(spec, "demo.toml").unwrap();
        let inputs = Inputs {
            base: self.dir.path(),
            engine: &OneImage(docker_archive("db:latest", "postgres:postgres", &[9; 5000])),
            signer: &self.key,
            root: &self.root,
            now: now(),
            mtime: 0,
        };
        bundle::create(&spec, &inputs, &self.path(out), &())
    }

    pub fn trust(&self) -> Trust {
        Trust::Key(self.key.public_key().clone())
    }

    pub fn pinned(&self) -> Trust {
        Trust::Root(Box::new(Root::parse(&self.root).unwrap()))
    }

    /// Opens, verifies and checks every blob.
    pub fn verify(&self, path: &Path) -> Result<Bundle<Verified>, Error> {
        self.verify_as(path, &self.trust(), &Expectations::default())
    }

    pub fn verify_as(
        &self,
        path: &Path,
        trust: &Trust,
        site: &Expectations,
    ) -> Result<Bundle<Verified>, Error> {
        let verified = Bundle::open(path)?.verify(trust, site, None, now())?;
        verified.check(&())?;
        Ok(verified)
    }

    /// Signs another statement in place of the one in `parts`.
    pub fn resign(&self, parts: &mut [Part], change: impl FnOnce(&mut Statement)) {
        let part = parts.iter_mut().find(|part| part.name == bundle::member::SIGNATURE).unwrap();
        let signed = bundle::dsse::Signed::parse(&part.bytes).unwrap();
        let mut statement = Statement::parse(signed.unchecked_payload()).unwrap();
        change(&mut statement);
        part.bytes = bundle::dsse::sign(&statement.encode(), &self.key).unwrap();
    }
}

/// A member taken out of an archive.
#[derive(Clone)]
pub struct Part {
    pub name: String,
    pub bytes: Vec<u8>,
}

pub fn take_apart(path: &Path) -> Vec<Part> {
    let bytes = fs::read(path).unwrap();
    let mut reader = tar::Archive::new(bytes.as_slice());
    let parts = reader.entries().unwrap().map(|entry| {
        let mut entry = entry.unwrap();
        let name = entry.path().unwrap().to_string_lossy().into_owned();
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).unwrap();
        Part { name, bytes }
    });
    parts.collect()
}

pub fn put_together(parts: &[Part], path: &Path) {
    let mut out = Vec::new();
    for part in parts {
        let header = Header { name: part.name.clone(), size: part.bytes.len() as u64, mtime: 0 };
        append(&mut out, &header.encode().unwrap(), &part.bytes);
    }
    out.extend_from_slice(&END);
    fs::write(path, out).unwrap();
}

pub fn append(out: &mut Vec<u8>, header: &[u8; BLOCK], bytes: &[u8]) {
    out.extend_from_slice(header);
    out.extend_from_slice(bytes);
    out.resize(out.len() + padding(bytes.len() as u64), 0);
}
