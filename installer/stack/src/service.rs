//! One service as it runs: what the engine says about its container, turned into a state.

use std::path::Path;

use model::{Digest, HostPath, State};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::compose;
use crate::engine::{Engine, EngineError, only_file};
use crate::images::image_of;

/// The largest mounted file that is compared by digest, in bytes.
const MAX_PINNED: u64 = 32 << 20;

/// The name of the service that a container belongs to.
pub(crate) fn name_of(container: &Value) -> Option<&str> {
    container["Config"]["Labels"]["com.docker.compose.service"].as_str()
}

/// Whether a container runs.
pub(crate) fn runs(container: &Value) -> bool {
    container["State"]["Running"].as_bool() == Some(true)
}

/// The user that a container runs as; empty is root.
pub(crate) fn user_of(container: &Value) -> &str {
    container["Config"]["User"].as_str().unwrap_or_default()
}

/// The AppArmor profile that a container was made to run under; `None` when it names none.
pub(crate) fn profile_of(container: &Value) -> Option<&str> {
    let options = container["HostConfig"]["SecurityOpt"].as_array();
    options.into_iter().flatten().filter_map(Value::as_str).find_map(compose::apparmor_of)
}

/// The profile that a container is under: the one it was made for, unless the kernel confines what runs in it
/// otherwise. A profile that was unloaded lets go of its processes, and loading it again does not bring them back.
pub(crate) fn profile_in_force(container: &Value) -> Option<String> {
    let named = profile_of(container)?;
    let pid = container["State"]["Pid"].as_i64().filter(|_| runs(container));
    let seen = pid.and_then(|pid| confined(Path::new("/"), pid));
    Some(seen.filter(|seen| *seen != format!("{named} (enforce)")).unwrap_or_else(|| named.to_owned()))
}

/// Whether Compose made a container for a service, and would find it again. Labels of the project alone make
/// nothing of Compose's own.
pub(crate) fn is_composes(container: &Value) -> bool {
    let label = |part: &str| container["Config"]["Labels"][format!("com.docker.compose.{part}")].as_str();
    label("oneoff") == Some("False")
        && ["config-hash", "container-number"].iter().all(|part| label(part).is_some())
}

/// How far a container has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Condition {
    /// It runs, and is healthy if it can say so.
    Well,
    /// It runs, and its health is not known yet.
    Coming,
    /// It ended, or says that it is not healthy.
    Ill,
}

/// The condition of the least well of these services.
pub(crate) fn condition(services: &[&str], containers: &[Value]) -> Condition {
    let one = |name: &&str| {
        let container = containers.iter().find(|container| name_of(container) == Some(*name));
        match container.filter(|container| runs(container)) {
            None => Condition::Ill,
            Some(container) => match container["State"]["Health"]["Status"].as_str() {
                None | Some("healthy" | "none") => Condition::Well,
                Some("starting") => Condition::Coming,
                Some(_) => Condition::Ill,
            },
        }
    };
    services.iter().map(one).max().unwrap_or(Condition::Well)
}

/// The state of one service: `image` (id), `running`, `health` (the engine's word, or `none`), `restarts`,
/// `user`, `pins` (digests of read-only mounted files by their path in the container), `exit` (last code), `confined`
/// (as what AppArmor confines its first process, absent where that does not run).
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
    let confined = confined(Path::new("/"), status["Pid"].as_i64().unwrap_or_default());
    Ok(State::record([
        ("confined", State::from(confined)),
        ("exit", State::Int(status["ExitCode"].as_i64().unwrap_or_default())),
        ("health", State::text(health)),
        ("image", image_of(container).map_or(State::Absent, State::Content)),
        ("pins", pins(engine, container, secrets).await?),
        ("restarts", State::Int(container["RestartCount"].as_i64().unwrap_or_default())),
        ("running", State::Flag(runs(container))),
        ("user", State::text(user_of(container))),
    ]))
}

/// As what AppArmor confines a process, as `app (enforce)`: the kernel's own word, whatever the engine was asked for.
/// `None` where AppArmor does not run.
fn confined(root: &Path, pid: i64) -> Option<String> {
    let read = |path: String| std::fs::read_to_string(root.join(path));
    let enabled = read("sys/module/apparmor/parameters/enabled".to_owned()).ok()?;
    if enabled.trim() != "Y" {
        return None;
    }
    if pid == 0 {
        return Some("nothing: it does not run".to_owned());
    }
    // The second place is that of kernels before 5.1, which other modules share.
    let told = read(format!("proc/{pid}/attr/apparmor/current"))
        .or_else(|_| read(format!("proc/{pid}/attr/current")));
    let shown = |text: String| text.trim_end_matches(['\0', '\n']).to_owned();
    Some(told.map_or_else(|error| format!("unknown: {error}"), shown))
}

/// Digests of the files that are bound read-only into a container, as the container itself sees them.
pub(crate) async fn pins(
    engine: &Engine,
    container: &Value,
    secrets: &HostPath,
) -> Result<State, EngineError> {
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
    let what = match (runs(container), health) {
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

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn container(name: &str, running: bool, health: Option<&str>) -> Value {
        let health = health.map_or(Value::Null, |status| json!({ "Status": status }));
        json!({ "Config": { "Labels": { "com.docker.compose.service": name } },
                "State": { "Running": running, "Health": health } })
    }

    #[test]
    fn a_project_is_as_well_as_the_least_well_of_its_services() {
        let seen = [
            container("plain", true, None),
            container("good", true, Some("healthy")),
            container("late", true, Some("starting")),
            container("sick", true, Some("unhealthy")),
            container("gone", false, Some("healthy")),
        ];
        for (services, expected) in [
            (&["plain", "good"][..], Condition::Well),
            (&["good", "late"], Condition::Coming),
            (&["late", "sick"], Condition::Ill),
            (&["good", "gone"], Condition::Ill),
            (&["good", "nowhere"], Condition::Ill),
        ] {
            assert_eq!(condition(services, &seen), expected, "{services:?}");
        }
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "a scratch root")]
    fn what_confines_a_process_is_the_kernels_word() {
        let folder = tempfile::tempdir().unwrap();
        let put = |path: &str, text: &str| {
            let path = folder.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        assert_eq!(confined(folder.path(), 7), None, "no such module");
        put("sys/module/apparmor/parameters/enabled", "N\n");
        assert_eq!(confined(folder.path(), 7), None);
        put("sys/module/apparmor/parameters/enabled", "Y\n");
        assert!(confined(folder.path(), 7).unwrap().starts_with("unknown: "));
        put("proc/7/attr/current", "app (complain)\n\0");
        assert_eq!(confined(folder.path(), 7).as_deref(), Some("app (complain)"));
        put("proc/7/attr/apparmor/current", "app (enforce)\n");
        assert_eq!(confined(folder.path(), 7).as_deref(), Some("app (enforce)"));
        assert!(confined(folder.path(), 0).unwrap().contains("does not run"));
    }

    #[test]
    fn the_profile_is_read_in_both_spellings() {
        let with = |options: &[&str]| json!({ "HostConfig": { "SecurityOpt": options } });
        for (options, expected) in [
            (&["no-new-privileges:true", "apparmor=app"][..], Some("app")),
            (&["apparmor:unconfined"], Some("unconfined")),
            (&["apparmored=app", "label=type:x"], None),
            (&[], None),
        ] {
            assert_eq!(profile_of(&with(options)), expected);
        }
    }

    #[test]
    fn only_what_compose_finds_again_is_its_own() {
        let labels = |parts: &[&str]| {
            let all: serde_json::Map<String, Value> = parts
                .iter()
                .map(|part| part.split_once('=').unwrap())
                .map(|(name, value)| (format!("com.docker.compose.{name}"), json!(value)))
                .collect();
            json!({ "Config": { "Labels": all } })
        };
        let own = ["project=p", "service=app", "oneoff=False", "config-hash=0", "container-number=1"];
        assert!(is_composes(&labels(&own)));
        for missing in 2..own.len() {
            let some: Vec<_> =
                own.iter().enumerate().filter(|(at, _)| *at != missing).map(|(_, one)| *one).collect();
            assert!(!is_composes(&labels(&some)), "without {}", own[missing]);
        }
        assert!(!is_composes(&labels(&["oneoff=True", "config-hash=0", "container-number=1"])));
    }
}
