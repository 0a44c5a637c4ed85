//! Runs `docker compose`: by argument list, with an environment of its own, within a time limit.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use model::HostError;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::Command;

/// How much of a command's output is kept, from its end, in bytes.
const KEPT: usize = 16 << 10;

/// How to call the Docker command line.
#[derive(Clone, Debug)]
pub struct Docker {
    /// The program.
    pub program: PathBuf,
    /// `DOCKER_CONFIG`: the folder that holds `cli-plugins`; the program's own default without it.
    pub config: Option<PathBuf>,
    /// `PATH` for the program and its plugins.
    pub path: OsString,
}

/// How a command ended.
pub(crate) struct Ended {
    pub(crate) success: bool,
    /// The end of what it said.
    pub(crate) said: String,
}

impl Docker {
    /// Runs `docker compose` against the engine at `socket`. Nothing of our own environment is handed on.
    pub(crate) async fn compose(
        &self,
        socket: &std::path::Path,
        arguments: &[OsString],
        limit: Duration,
    ) -> Result<Ended, HostError> {
        let mut host = OsString::from("unix://");
        host.push(socket);
        #[expect(clippy::disallowed_methods, reason = "the backend of Compose projects")]
        let mut command = Command::from(std::process::Command::new(&self.program));
        command.env_clear().env("PATH", &self.path).env("HOME", "/nonexistent").env("DOCKER_HOST", host);
        // Plain lines: the output is for messages, nobody watches it.
        command.env("COMPOSE_ANSI", "never").env("COMPOSE_PROGRESS", "plain");
        if let Some(config) = &self.config {
            command.env("DOCKER_CONFIG", config);
        }
        command.arg("compose").args(arguments);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        let what = self.program.display();
        let mut child = command
            .spawn()
            .map_err(|error| HostError::Failed(format!("cannot run {what} compose: {error}")))?;
        let (out, err) = (child.stdout.take(), child.stderr.take());
        let finished = async {
            let (said, complained, status) = tokio::join!(tail(out), tail(err), child.wait());
            (said + &complained, status)
        };
        let Ok((said, status)) = tokio::time::timeout(limit, finished).await else {
            return Err(HostError::Failed(format!(
                "{what} compose did not end within {} s",
                limit.as_secs()
            )));
        };
        let status =
            status.map_err(|error| HostError::Failed(format!("cannot wait for {what} compose: {error}")))?;
        Ok(Ended { success: status.success(), said })
    }
}

/// Reads to the end and keeps the last part.
async fn tail(stream: Option<impl AsyncRead + Unpin>) -> String {
    let Some(mut stream) = stream else { return String::new() };
    let mut kept = Vec::new();
    let mut buffer = [0; 4096];
    while let Ok(read @ 1..) = stream.read(&mut buffer).await {
        kept.extend_from_slice(&buffer[..read]);
        if kept.len() > 2 * KEPT {
            kept.drain(..kept.len() - KEPT);
        }
    }
    String::from_utf8_lossy(&kept[kept.len().saturating_sub(KEPT)..]).into_owned()
}
