//! The sample product's service: stores rows and lists them, and asks the decision point before every answer.
//!
//! Everything it talks over is TLS 1.3 with certificates of the site's authority on both sides. Its secrets
//! are mounted files. When the decision point does not answer, everything is denied.

mod config;
mod decide;
mod serve;
mod store;
mod tls;

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use tokio::net::TcpListener;

use crate::config::Config;
use crate::serve::App;

/// Why the service does not run.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("cannot use {0}: {1}")]
    File(String, String),
    #[error("cannot set up TLS: {0}")]
    Tls(String),
    #[error("the decision point: {0}")]
    Decide(String),
    #[error("the database: {0}")]
    Store(String),
    #[error("cannot listen on {0}: {1}")]
    Listen(String, std::io::Error),
    #[error("not healthy: {0}")]
    Unhealthy(String),
}

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    let ran = match arguments[..] {
        ["--healthy", config] => run(config, true),
        [config] => run(config, false),
        _ => {
            say("usage: companyos-app [--healthy] CONFIG.json");
            return ExitCode::from(2);
        }
    };
    match ran {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(&format!("companyos-app: {error}"));
            ExitCode::FAILURE
        }
    }
}

fn run(config: &str, healthy: bool) -> Result<(), Error> {
    let config = Config::read(Path::new(config))?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Error::File("the runtime".to_owned(), error.to_string()))?;
    if healthy { runtime.block_on(serve::ask_health(&config.health)) } else { runtime.block_on(work(config)) }
}

async fn work(config: Config) -> Result<(), Error> {
    let listener = listen(&config.listen).await?;
    let health = listen(&config.health).await?;
    let tls = tls::acceptor(&config)?;
    let app = Arc::new(App::new(&config)?);
    say(&format!("companyos-app: listening on {}", config.listen));
    tokio::spawn(Arc::clone(&app).serve_health(health));
    let mut stop = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())
        .map_err(|error| Error::Listen("signals".to_owned(), error))?;
    tokio::select! {
        _ = stop.recv() => Ok(()),
        ended = app.serve(listener, tls) => ended,
    }
}

async fn listen(address: &str) -> Result<TcpListener, Error> {
    TcpListener::bind(address).await.map_err(|error| Error::Listen(address.to_owned(), error))
}

/// Says something to whoever reads the container's log.
pub(crate) fn say(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}
