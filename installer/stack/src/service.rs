//! One service as it runs: what the engine says about its container, turned into a state.

use model::{Digest, HostPath, State};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::engine::{Engine, EngineError, only_file};
use crate::images::image_of;

/// The largest mounted file that is compared by digest, in bytes.
const MAX_PINNED: u64 = 32 << 20;

/// The name of the service that a container belongs to.
pub(crate) fn name_of(container: &Value) -> Option<&str> {
    container["Config"]["Labels"]["com.docker.compose.service"].as_str()
}

/// The state of one service: `image` (id), `running`, `health` (the engine's word, or `none`), `restarts`,
/// `user`, `pins` (digests of read-only mounted files by their path in the container), `exit` (last code).
/// Several containers of one service come out as `replicas`, which nothing that is wanted equals.
pub(crate) async fn state(
    engine: &Engine,
    containers: &[&Value],
    secrets: &HostPath,
) -> Result<State, EngineError> {
    let container = match containers {
        [] => return Ok(State::Absent),
        [one] => *one,
        many => {
            let number = i64::try_from(many.len()).unwrap_or(i64::MAX);
            return Ok(State::record([("replicas", State::Int(number))]));
        }
    };
    let status = &container["State"];
    let health = status["Health"]["Status"].as_str().unwrap_or("none");
    Ok(State::record([
        ("exit", State::Int(status["ExitCode"].as_i64().unwrap_or_default())),
        ("health", State::text(health)),
        ("image", image_of(container).map_or(State::Absent, State::Content)),
        ("pins", pins(engine, container, secrets).await?),
        ("restarts", State::Int(container["RestartCount"].as_i64().unwrap_or_default())),
        ("running", State::Flag(status["Running"].as_bool() == Some(true))),
        ("user", State::text(container["Config"]["User"].as_str().unwrap_or_default())),
    ]))
}

/// Digests of the files that are bound read-only into a container, as the container itself sees them.
async fn pins(engine: &Engine, container: &Value, secrets: &HostPath) -> Result<State, EngineError> {
    let id = container["Id"].as_str().unwrap_or_default();
    let mut pins = Vec::new();
    for mount in container["Mounts"].as_array().into_iter().flatten() {
        let source = mount["Source"].as_str().and_then(|path| path.parse::<HostPath>().ok());
        let secret = source.is_some_and(|source| source.is_under(secrets));
        if mount["Type"].as_str() != Some("bind") || mount["RW"].as_bool() != Some(false) || secret {
            continue;
        }
        let target = mount["Destination"].as_str().unwrap_or_default();
        let seen = match engine.archive(id, target).await {
            Ok(Some(archive)) => match only_file(&archive, MAX_PINNED) {
                Ok(bytes) => State::Content(Digest::from_sha256(Sha256::digest(&bytes).into())),
                Err(error) => State::text(error.to_string()),
            },
            Ok(None) => State::text("missing"),
            // Refused for this mount alone, as when its source vanished: that is an observation.
            Err(EngineError::Refused { message, .. }) => State::text(message),
            Err(error) => return Err(error),
        };
        pins.push((target.to_owned(), seen));
    }
    Ok(State::record(pins))
}

/// Why a service is not well, in one line, with the end of what it wrote; `None` when it is.
pub(crate) async fn complaint(engine: &Engine, container: &Value) -> Option<String> {
    let name = name_of(container)?;
    let status = &container["State"];
    let health = status["Health"]["Status"].as_str();
    let running = status["Running"].as_bool() == Some(true);
    let what = match (running, health) {
        (true, None | Some("healthy")) => return None,
        (true, Some(health)) => {
            let probes = status["Health"]["Log"].as_array().and_then(|probes| probes.last());
            let said = probes.and_then(|probe| probe["Output"].as_str()).unwrap_or_default().trim();
            format!("{name} is {health}: {}", brief(said))
        }
        (false, _) => {
            let oom = if status["OOMKilled"].as_bool() == Some(true) { ", out of memory" } else { "" };
            let error = status["Error"].as_str().filter(|error| !error.is_empty());
            let error = error.map(|error| format!(": {error}")).unwrap_or_default();
            format!("{name} ended with code {}{oom}{error}", status["ExitCode"])
        }
    };
    let logs = engine.logs(container["Id"].as_str().unwrap_or_default(), 10).await.unwrap_or_default();
    let logs = logs.trim_end();
    Some(if logs.is_empty() { what } else { format!("{what}; its last lines:\n{logs}") })
}

fn brief(text: &str) -> String {
    let line: String = text.chars().map(|one| if one.is_control() { ' ' } else { one }).take(300).collect();
    if line.is_empty() { "its health check says nothing".to_owned() } else { line }
}
