//! `groundfast bundle …`: make, verify and look into signed bundles.

use std::path::{Path, PathBuf};

use bundle::spec::Spec;
use bundle::{Bundle, Error, Expectations, Inputs, Store, Trust, Verified};
use clap::{Args, Subcommand};
use host::Runs;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::answers::passphrase;
use crate::cli::{Format, Global};
use crate::failure::{Exit, Failure};
use crate::history;
use crate::output;
use crate::output::document::Document;
use crate::output::progress::Progress;

mod engine_stream;

use engine_stream::DockerSocket;

/// What can be done with bundles.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Make a bundle from a spec and sign it.
    #[command(after_help = "Examples:
  groundfast bundle create product.toml --key cosign.key -o product.tar
  SOURCE_DATE_EPOCH=1767225600 groundfast bundle create product.toml --key cosign.key -o product.tar")]
    Create(Create),
    /// Verify a bundle: signature, time, every blob. Writes nothing.
    #[command(after_help = "Examples:
  groundfast bundle verify product.tar --key cosign.pub
  groundfast bundle verify product.tar --trust /var/lib/groundfast/trust")]
    Verify {
        /// The bundle.
        file: PathBuf,
        #[command(flatten)]
        trusted: Trusted,
    },
    /// Show what a bundle says about itself, without verifying it.
    #[command(after_help = "Examples:
  groundfast bundle inspect product.tar
  groundfast bundle inspect product.tar --output json | jq .result.contents.images")]
    Inspect {
        /// The bundle.
        file: PathBuf,
    },
    /// Print the JSON Schema of the bundle spec.
    #[command(after_help = "Examples:
  groundfast bundle schema > bundle-spec.schema.json")]
    Schema,
    /// Verify a bundle and write it out: an OCI layout, and every other file by its name below files/.
    #[command(after_help = "Examples:
  groundfast bundle extract product.tar out --key cosign.pub
  skopeo inspect oci:out:demo/app:1.0")]
    Extract {
        /// The bundle.
        file: PathBuf,
        /// The directory to write to; it must be new or empty.
        dir: PathBuf,
        #[command(flatten)]
        trusted: Trusted,
    },
}

/// Arguments of `bundle create`.
#[derive(Debug, Args)]
pub struct Create {
    /// The bundle spec.
    spec: PathBuf,
    /// The private key that signs, in cosign's form.
    #[arg(long, value_name = "KEY")]
    key: PathBuf,
    /// The bundle to write.
    #[arg(short = 'o', long = "output-file", value_name = "FILE")]
    out: PathBuf,
    /// The root of trust that goes with the key; without it root.json beside the key.
    #[arg(long, value_name = "FILE")]
    root_of_trust: Option<PathBuf>,
    /// Read the passphrase from this file; else from GROUNDFAST_PASSPHRASE, COSIGN_PASSWORD or the terminal.
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
    /// The time to date the bundle with, in seconds since 1970, so that it can be made again byte for byte.
    #[arg(long, value_name = "SECONDS", env = "SOURCE_DATE_EPOCH")]
    source_date_epoch: Option<u32>,
    /// The engine's socket, for images with `engine = "…"`.
    #[arg(
        long,
        value_name = "SOCKET",
        default_value = "/var/run/docker.sock",
        env = "GROUNDFAST_DOCKER_SOCKET"
    )]
    docker_socket: PathBuf,
}

/// Whom to trust, and where to expect the bundle to belong.
#[derive(Debug, Args)]
pub struct Trusted {
    /// Trust this public key (PEM, ECDSA P-256).
    #[arg(long, value_name = "PUB", conflicts_with = "trust")]
    key: Option<PathBuf>,
    /// Trust the root.json in this directory; without --key, the one below --data-dir.
    #[arg(long, value_name = "DIR")]
    trust: Option<PathBuf>,
    /// Refuse a bundle of another product.
    #[arg(long, value_name = "NAME")]
    product: Option<String>,
    /// Refuse a bundle of another channel.
    #[arg(long, value_name = "NAME")]
    channel: Option<String>,
    /// Refuse a bundle that is not for this platform, such as linux/amd64.
    #[arg(long, value_name = "OS/ARCH")]
    platform: Option<String>,
}

/// Runs the command.
///
/// # Errors
/// With the exit code and everything the operator should read.
pub fn run(verb: Verb, global: &Global) -> Result<Exit, Failure> {
    let started = Timestamp::now();
    let (command, (text, result)) = match verb {
        Verb::Schema => {
            let schema = schemars::schema_for!(Spec).to_value();
            output::result(Format::Json, "", &schema);
            return Ok(Exit::Done);
        }
        Verb::Create(create) => ("bundle create", create.run(global, started)?),
        Verb::Verify { file, trusted } => ("bundle verify", verify(&file, &trusted, global, started)?),
        Verb::Inspect { file } => ("bundle inspect", inspect(&file)?),
        Verb::Extract { file, dir, trusted } => {
            ("bundle extract", extract(&file, &dir, &trusted, global, started)?)
        }
    };
    output::result(global.output, &text, &document(command, started, result));
    Ok(Exit::Done)
}

/// Text for people, and the same as a JSON value.
type Report = (String, Value);

impl Create {
    fn run(&self, global: &Global, now: Timestamp) -> Result<Report, Failure> {
        let doing = format!("cannot make a bundle from {}", self.spec.display());
        let read = |path: &Path| {
            std::fs::read(path).map_err(|error| {
                Failure::new(Exit::Error, format!("{doing}: cannot read {}", path.display())).because(&error)
            })
        };
        let text = String::from_utf8_lossy(&read(&self.spec)?).into_owned();
        let spec = Spec::parse(&text, &self.spec.display().to_string());
        let spec = spec.map_err(|error| failed(&doing, &error.into()))?;
        let root_path = self.root_of_trust.clone().unwrap_or_else(|| self.key.with_file_name("root.json"));
        let root = read(&root_path).map_err(|failure| {
            failure.hint("`groundfast key generate` makes a key with its root; `--existing KEY` makes one for cosign's key")
        })?;
        let secret = passphrase::get(self.passphrase_file.as_deref(), false)?;
        let signer = bundle::open_key(&self.key, &secret)
            .map_err(|error| failed(&format!("cannot use the key {}", self.key.display()), &error))?;
        let epoch = self.source_date_epoch.map(i64::from);
        let inputs = Inputs {
            base: self.spec.parent().unwrap_or(Path::new("")),
            engine: &DockerSocket(self.docker_socket.clone()),
            signer: &signer,
            root: &root,
            now: epoch.and_then(|epoch| Timestamp::from_second(epoch).ok()).unwrap_or(now),
            mtime: self.source_date_epoch.map_or(0, u64::from),
        };
        let created = bundle::create(&spec, &inputs, &self.out, &Progress::new(global.no_progress))
            .map_err(|error| failed(&doing, &error))?;
        let text =
            format!("wrote {} ({} bytes)\n{}", self.out.display(), created.size, created.statement.text());
        let result =
            json!({ "file": self.out, "size": created.size, "release": created.statement.document() });
        Ok((text, result))
    }
}

impl Trusted {
    fn trust(&self, global: &Global) -> Result<Trust, Failure> {
        if let Some(path) = &self.key {
            return Trust::key_file(path)
                .map_err(|error| failed(&format!("cannot use the public key {}", path.display()), &error));
        }
        let dir = self.trust.clone().unwrap_or_else(|| global.data_dir.join("trust"));
        Trust::dir(&dir).map_err(|error| {
            failed(&format!("cannot use the root of trust in {}", dir.display()), &error)
                .hint("name whom to trust: --key cosign.pub, or --trust DIR with a root.json")
        })
    }

    /// Opens a bundle and verifies everything but the blobs, against what this machine has already seen.
    fn open(&self, file: &Path, global: &Global, now: Timestamp) -> Result<Bundle<Verified>, Failure> {
        let trust = self.trust(global)?;
        let site = Expectations {
            product: self.product.clone(),
            channel: self.channel.clone(),
            platform: self.platform.clone(),
            installer: env!("CARGO_PKG_VERSION").parse().ok(),
            installed: history::installed(&Runs::new(&global.data_dir))?,
        };
        let store = Store::at(&global.data_dir.join("store"));
        let opened = Bundle::open(file).and_then(|bundle| bundle.verify(&trust, &site, Some(&store), now));
        opened.map_err(|error| failed(&format!("cannot verify {}", file.display()), &error))
    }
}

fn verify(file: &Path, trusted: &Trusted, global: &Global, now: Timestamp) -> Result<Report, Failure> {
    let verified = trusted.open(file, global, now)?;
    verified
        .check(&Progress::new(global.no_progress))
        .map_err(|error| failed(&format!("cannot verify {}", file.display()), &error))?;
    let statement = verified.statement();
    let text =
        format!("verified: signature, time, {} blobs\n{}", statement.predicate.count, statement.text());
    Ok((text, json!({ "file": file, "release": statement.document() })))
}

fn inspect(file: &Path) -> Result<Report, Failure> {
    let claims = Bundle::open(file).and_then(|bundle| bundle.claims());
    let claims = claims.map_err(|error| failed(&format!("cannot inspect {}", file.display()), &error))?;
    let text = format!(
        "NOT VERIFIED: this is what the bundle says about itself\n{}signed by  {}\n{}",
        claims.statement.text(),
        claims.hint,
        claims.contents.text()
    );
    let result = json!({
        "file": file,
        "verified": false,
        "keyHint": claims.hint,
        "release": claims.statement.document(),
        "contents": claims.contents.document(),
    });
    Ok((text, result))
}

fn extract(
    file: &Path,
    dir: &Path,
    trusted: &Trusted,
    global: &Global,
    now: Timestamp,
) -> Result<Report, Failure> {
    let verified = trusted.open(file, global, now)?;
    verified
        .extract(dir, &Progress::new(global.no_progress))
        .map_err(|error| failed(&format!("cannot extract {}", file.display()), &error))?;
    let statement = verified.statement();
    let text = format!("verified and extracted to {}\n{}", dir.display(), statement.text());
    Ok((text, json!({ "file": file, "directory": dir, "release": statement.document() })))
}

/// The JSON document of a command that did its work.
pub fn document(command: &str, started: Timestamp, result: Value) -> Value {
    let mut document = Document::new(command, &host::name(), &started.to_string());
    document.finished = Timestamp::now().to_string();
    document.result = result;
    document.json()
}

/// A failure with the exit code that its kind has.
pub fn failed(doing: &str, error: &Error) -> Failure {
    let (exit, hint) = match error {
        Error::Refused(_) => (Exit::Refused, None),
        Error::Spec(_) => (Exit::Usage, Some("correct the spec")),
        Error::Cancelled => (Exit::Cancelled, None),
        Error::NoSpace { .. } => (Exit::Error, Some("make room and run the same command again")),
        _ => (Exit::Error, None),
    };
    let failure = Failure::new(exit, doing).because(error);
    match hint {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}
