//! A site that is not ready for a product: what can be refused is refused before the first write, and nothing is
//! planned around a product that nobody can see. No engine is needed for any of it: there is none here.

use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use support::{Run, Scratch, snapshot};

/// The blockers of a preflight: what this machine is like is not the matter here.
const BLOCKERS: [&str; 18] = [
    "kernel",
    "distribution",
    "runtime",
    "compose",
    "cgroups",
    "kernel_features",
    "entropy",
    "clock_synchronised",
    "clock_offset",
    "file_locking",
    "dns",
    "port_443",
    "certificates",
    "cpu",
    "memory",
    "disk",
    "inodes",
    "listeners",
];

const SPEC: &str = r#"version = 1

[product]
name = "demo"
channel = "stable"
version = "1.0.0"
release = RELEASE
platforms = ["PLATFORM"]
expires = "2099-01-01T00:00:00Z"

[[image]]
name = "demo/app:1.0"
docker-archive = "app.tar"

[[compose]]
path = "compose.yaml"

[[needs.secret]]
name = "token"
service = "app"

[[needs.volume]]
name = "data"
service = "app"
database = true
"#;

const COMPOSE: &str = "services: { app: { image: \"demo/app:1.0\", secrets: [token] } }\n\
                       secrets: { token: { file: ./secrets/token } }\n";

/// A site with a root to harden, whose answers name an engine that is not there.
struct Place {
    scratch: Scratch,
}

impl Place {
    fn new() -> Self {
        let place = Self { scratch: Scratch::new() };
        fs::create_dir_all(place.scratch.path("root/etc/systemd/system/multi-user.target.wants")).unwrap();
        let token = place.scratch.write("token", "secret of the site\n");
        fs::set_permissions(&token, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
        let prefix = place.path("cosign");
        let _ = place.run(&["key", "generate", "--output-key-prefix", &prefix]).expect_code(0);
        place.image();
        place
    }

    fn path(&self, name: &str) -> String {
        self.scratch.path(name).display().to_string()
    }

    fn run(&self, arguments: &[&str]) -> Run {
        let mut command = self.scratch.command();
        Run::of(&command.env("GROUNDFAST_PASSPHRASE", "secret").args(arguments).output().unwrap())
    }

    /// The smallest image there is, as `docker save` writes it: one empty layer.
    fn image(&self) {
        let layer = vec![0; 1024];
        let config = json!({
            "architecture": architecture(), "os": "linux", "config": { "User": "2001" },
            "rootfs": { "type": "layers", "diff_ids": [format!("sha256:{}", hex::encode(Sha256::digest(&layer)))] },
        });
        let list =
            json!([{ "Config": "config.json", "RepoTags": ["demo/app:1.0"], "Layers": ["layer.tar"] }]);
        fs::create_dir_all(self.scratch.path("image")).unwrap();
        fs::write(self.scratch.path("image/layer.tar"), &layer).unwrap();
        self.scratch.write("image/config.json", &config.to_string());
        self.scratch.write("image/manifest.json", &list.to_string());
        let mut tar = self.scratch.command_of("tar");
        tar.args(["-C", &self.path("image"), "-cf", &self.path("app.tar")]);
        let _ = Run::of(&tar.args(["config.json", "layer.tar", "manifest.json"]).output().unwrap())
            .expect_code(0);
    }

    /// A signed release of the product.
    fn bundle(&self, release: u32, compose: &str) -> PathBuf {
        let spec = SPEC.replace("RELEASE", &release.to_string());
        let spec = spec.replace("PLATFORM", &format!("linux/{}", architecture()));
        let spec = self.scratch.write("bundle.toml", &spec).display().to_string();
        self.scratch.write("compose.yaml", compose);
        let (key, out) = (self.path("cosign.key"), self.path(&format!("{release}.tar")));
        let _ = self.run(&["bundle", "create", &spec, "--key", &key, "-o", &out]).expect_code(0);
        PathBuf::from(out)
    }

    /// Installs it with the secret at a reference; answers that name none leave it out.
    fn install(&self, bundle: &std::path::Path, token: Option<&str>, more: &[&str]) -> Run {
        let mut answers =
            String::from("version = 1\n[bundle]\nkey = \"cosign.pub\"\n[harden]\nroot = \"root\"\n");
        answers.push_str("[stack]\nsocket = \"no.sock\"\n");
        if let Some(token) = token {
            answers.push_str(&format!("[secrets]\ntoken = \"file:{token}\"\n"));
        }
        for control in BLOCKERS {
            answers.push_str(&format!(
                "[[preflight.waivers]]\ncontrol = \"env.{control}\"\nreason = \"a test\"\nowner = \"test\"\n\
                 expires = \"2099-01-01\"\n"
            ));
        }
        let answers = self.scratch.write("answers.toml", &answers).display().to_string();
        let bundle = bundle.display().to_string();
        let arguments = ["install", &bundle, "--answers", &answers, "--no-progress", "--output", "json"];
        self.run(&[&arguments[..], more].concat())
    }

    /// What lies in the data directory, but for the file of the lock.
    fn kept(&self) -> Vec<String> {
        let entries = fs::read_dir(self.scratch.path("data")).into_iter().flatten();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.filter(|name| name != "lock").collect()
    }
}

fn architecture() -> &'static str {
    if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" }
}

#[test]
fn what_can_be_refused_is_refused_before_the_first_write() {
    let place = Place::new();
    let root = snapshot(&place.scratch.path("root"));
    let second = place.bundle(2, COMPOSE);
    let refused = |what: &str, bundle: &std::path::Path, token: Option<&str>, code: i32, word: &str| {
        let run = place.install(bundle, token, &[]).expect_code(code);
        assert!(run.stderr.contains(word), "{what}: {}", run.stderr);
        assert_eq!(place.kept(), Vec::<String>::new(), "{what}: nothing is kept");
        assert_eq!(snapshot(&place.scratch.path("root")), root, "{what}: the root is as it was");
    };
    refused("a secret that nobody names", &second, None, 2, "token");
    refused("a secret that is not there", &second, Some("nowhere"), 1, "nowhere");
    let as_root = COMPOSE.replace("secrets: [token]", "secrets: [token], user: root");
    let third = place.bundle(3, &as_root);
    refused("a service that would run as root", &third, Some("token"), 4, "services.app.user");
    // Nothing was accepted with any of them, so an older release is none: it comes as far as the engine.
    let first = place.bundle(1, COMPOSE);
    let run = place.install(&first, Some("token"), &[]).expect_code(3);
    assert!(run.stderr.contains("could not be checked"), "{}", run.stderr);
}

#[test]
fn nothing_is_planned_around_a_product_that_nobody_can_see() {
    let place = Place::new();
    let root = snapshot(&place.scratch.path("root"));
    let bundle = place.bundle(1, COMPOSE);
    for more in [&[][..], &["--plan"], &["--yes"], &["--plan-out", "plan.json"]] {
        let run = place.install(&bundle, Some("token"), more).expect_code(3);
        assert!(
            run.stderr.contains("could not be checked") && run.stderr.contains("no.sock"),
            "{}",
            run.stderr
        );
        assert!(run.stderr.contains("nothing was changed"), "{}", run.stderr);
        let document = run.json();
        assert_eq!(document["outcome"], "findings", "{more:?}");
        let findings = document["findings"].as_array().unwrap();
        let verdict = |id: &str| findings.iter().find(|one| one["control"] == id).map(|one| &one["verdict"]);
        let unknown = Value::from("unknown");
        for control in ["image.demo/app:1.0", "stack.demo", "service.app.healthy"] {
            assert_eq!(verdict(control), Some(&unknown), "{control}");
        }
        // What the engine would have told is not passed over in silence either.
        assert_eq!(verdict("env.file_locking"), Some(&Value::from("waived")));
        assert_eq!(place.kept(), Vec::<String>::new(), "{more:?}");
        assert!(!place.scratch.path("plan.json").exists(), "{more:?}");
        assert_eq!(snapshot(&place.scratch.path("root")), root, "{more:?}: no unit was put there");
    }
}
