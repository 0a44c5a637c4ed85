//! `groundfast policy`: the decision point as a service.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, Subcommand};
use model::Digest;
use policy::{Limits, Policy, Server, TlsFiles};
use serde_json::json;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

use crate::cli::Format;
use crate::failure::{Exit, Failure};
use crate::output;

/// What to do with the policy.
#[derive(Debug, Subcommand)]
pub enum Action {
    /// Answer `POST /v1/data/<path>` and `GET /health` until stopped; everything that goes wrong is a refusal.
    #[command(after_help = "Examples:\n  groundfast policy serve --bundle policy.tar --digest sha256:…\n  \
                            groundfast policy serve --bundle policy/ --local local.rego --addr 127.0.0.1:8181")]
    Serve(Serve),
    /// Ask a decision point that listens without TLS whether it is healthy; for health checks.
    #[command(after_help = "Examples:
  groundfast policy ping
  groundfast policy ping --addr 127.0.0.1:8181 --timeout 1")]
    Ping {
        /// Where it listens.
        #[arg(long, default_value = "127.0.0.1:8181")]
        addr: SocketAddr,
        /// How long to wait, in seconds.
        #[arg(long, default_value_t = 3)]
        timeout: u64,
    },
    /// Print the digest that pins a policy file or folder.
    #[command(after_help = "Examples:
  groundfast policy digest policy.tar
  groundfast policy digest policy/ -o json")]
    Digest {
        /// The file or folder.
        path: PathBuf,
    },
}

/// Flags of `policy serve`.
#[derive(Debug, Args)]
pub struct Serve {
    /// The base policy: a tar archive (plain or gzip), a folder or one `.rego` file.
    #[arg(long, value_name = "FILE|DIR")]
    bundle: PathBuf,
    /// The digest that the base policy must have; other bytes are refused.
    #[arg(long, value_name = "sha256:HEX")]
    digest: Option<Digest>,
    /// A local policy (`package local`, rule `deny`) that may only restrict.
    #[arg(long, value_name = "FILE|DIR")]
    local: Option<PathBuf>,
    /// Where to listen.
    #[arg(long, default_value = "127.0.0.1:8181")]
    addr: SocketAddr,
    /// PEM certificate chain to offer TLS 1.3 with.
    #[arg(long, value_name = "FILE", requires_all = ["tls_key", "tls_client_ca"])]
    tls_cert: Option<PathBuf>,
    /// PEM private key of the certificate.
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
    /// PEM authorities; with TLS only clients with a certificate from one of them are heard.
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_client_ca: Option<PathBuf>,
    /// A second address without TLS that answers as the first does; for health checks on loopback.
    #[arg(long, value_name = "ADDR", value_parser = loopback)]
    health_addr: Option<SocketAddr>,
}

fn loopback(text: &str) -> Result<SocketAddr, String> {
    let address: SocketAddr = text.parse().map_err(|error| format!("{error}"))?;
    if address.ip().is_loopback() { Ok(address) } else { Err("must be a loopback address".to_owned()) }
}

/// Runs one of the actions.
///
/// # Errors
/// When the policy is not the pinned one or unusable, or an address cannot be listened on.
pub fn run(action: Action, format: Format) -> Result<Exit, Failure> {
    match action {
        Action::Digest { path } => digest(&path, format),
        Action::Ping { addr, timeout } => {
            let health =
                runtime()?.block_on(policy::ping(addr, Duration::from_secs(timeout))).map_err(|error| {
                    Failure::new(Exit::Error, format!("{addr} is not healthy")).because(&error)
                })?;
            let document = serde_json::from_str(&health).unwrap_or_default();
            output::result(format, &health, &document);
            Ok(Exit::Done)
        }
        Action::Serve(flags) => runtime()?.block_on(serve(flags)),
    }
}

fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new(Exit::Error, "cannot start the runtime").because(&error))
}

fn digest(path: &Path, format: Format) -> Result<Exit, Failure> {
    let digest = policy::digest_of(path)
        .map_err(|error| Failure::new(Exit::Error, "cannot name the policy").because(&error))?;
    output::result(
        format,
        &digest.to_string(),
        &json!({ "v": 1, "command": "policy digest", "digest": digest }),
    );
    Ok(Exit::Done)
}

async fn serve(flags: Serve) -> Result<Exit, Failure> {
    let limits = Limits::default();
    let policy = Policy::load(&flags.bundle, flags.digest.as_ref(), flags.local.as_ref(), &limits).map_err(
        |error| {
            let exit = match &error {
                policy::LoadError::Bundle(policy::BundleError::Pinned { .. }) => Exit::Refused,
                policy::LoadError::Bundle(policy::BundleError::Read { .. }) => Exit::Error,
                _ => Exit::Usage,
            };
            Failure::new(exit, "cannot serve the policy").because(&error)
        },
    )?;
    let tls = match (flags.tls_cert, flags.tls_key, flags.tls_client_ca) {
        (Some(chain), Some(key), Some(clients)) => Some(
            TlsFiles { chain, key, clients }
                .acceptor()
                .map_err(|error| Failure::new(Exit::Error, "cannot offer TLS").because(&error))?,
        ),
        _ => None,
    };
    let mut stop = signal(SignalKind::terminate())
        .map_err(|error| Failure::new(Exit::Error, "cannot wait for signals").because(&error))?;
    let listener = listen(flags.addr).await?;
    let bound = listener.local_addr().unwrap_or(flags.addr);
    output::say(&format!("decision point: policy {} on {bound}", policy.digest()));
    let server = Server::new(policy, limits);
    if let Some(address) = flags.health_addr {
        tokio::spawn(server.clone().serve(listen(address).await?, None, std::future::pending()));
    }
    let stopped = async {
        tokio::select! {
            _ = stop.recv() => {}
            _ = tokio::signal::ctrl_c() => {}
        }
    };
    server.serve(listener, tls, stopped).await.map_err(|error| {
        Failure::new(Exit::Error, format!("cannot listen on {bound} any longer")).because(&error)
    })?;
    Ok(Exit::Done)
}

async fn listen(address: SocketAddr) -> Result<TcpListener, Failure> {
    TcpListener::bind(address)
        .await
        .map_err(|error| Failure::new(Exit::Error, format!("cannot listen on {address}")).because(&error))
}
