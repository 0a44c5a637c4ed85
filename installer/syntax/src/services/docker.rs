//! What dockerd is told: its flags in the unit, and `/etc/docker/daemon.json`. It refuses to start when both set the
//! same option, so either may be looked at first.

use model::{HostPath, State, Unread};
use serde_json::Value;

use crate::source::{Source, drop_ins};
use crate::text::{ini, lines};

const FILE: &str = "/etc/docker/daemon.json";

/// An option, as [`model::Lookup::DockerOption`] describes it.
pub(crate) fn option(source: &dyn Source, key: &str, flag: &str) -> Result<State, Unread> {
    let file = HostPath::literal(FILE);
    if let Some(text) = source.text(&file)?.filter(|text| !text.trim().is_empty()) {
        let settings: Value =
            serde_json::from_str(&text).map_err(|error| Unread::Malformed(format!("{FILE}: {error}")))?;
        if let Some(value) = settings.get(key) {
            return Ok(State::record([("value", State::text(shown(value))), ("at", State::text(FILE))]));
        }
    }
    let value = command(source)?.and_then(|command| flag_value(&command, flag));
    Ok(value.map_or(State::Absent, |value| {
        State::record([("value", State::text(value)), ("at", State::text("docker.service"))])
    }))
}

/// A value as text; lists with commas, the names of tables.
fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(shown).collect::<Vec<_>>().join(","),
        Value::Object(parts) => parts.keys().cloned().collect::<Vec<_>>().join(","),
        other => other.to_string(),
    }
}

/// The command that starts dockerd: of several `ExecStart` the last one, an empty one takes those before away.
fn command(source: &dyn Source) -> Result<Option<String>, Unread> {
    let folders = [
        "/etc/systemd/system",
        "/usr/local/lib/systemd/system",
        "/usr/lib/systemd/system",
        "/lib/systemd/system",
    ];
    let mut texts = Vec::new();
    for folder in folders.map(HostPath::literal) {
        let Ok(path) = folder.join("docker.service") else { continue };
        if let Some(text) = source.text(&path)? {
            texts.push(text);
            break;
        }
    }
    let drops: Vec<_> = folders
        .map(HostPath::literal)
        .iter()
        .filter_map(|folder| folder.join("docker.service.d").ok())
        .collect();
    texts.extend(drop_ins(source, &drops)?.into_iter().map(|(_, text)| text));
    let mut command = None;
    for text in texts {
        for entry in
            ini::entries(&lines::split(&text)).into_iter().filter(|entry| entry.key == "Service.ExecStart")
        {
            command = Some(entry.value).filter(|value| !value.is_empty());
        }
    }
    Ok(command)
}

/// The values of `--flag=value`, `--flag value` or `--flag`, several of them with commas.
fn flag_value(command: &str, flag: &str) -> Option<String> {
    let words: Vec<&str> = command.split_ascii_whitespace().collect();
    let name = format!("--{flag}");
    // The one option with a short name that is looked for.
    let short = if flag == "host" { "-H" } else { &name };
    let mut values = Vec::new();
    for (at, word) in words.iter().enumerate() {
        match word.strip_prefix(&name).or_else(|| word.strip_prefix(short)) {
            Some("") => match words.get(at + 1).filter(|next| !next.starts_with('-')) {
                Some(next) => values.push(*next),
                None => values.push("true"),
            },
            Some(rest) => values.extend(rest.strip_prefix('=').map(|value| value.trim_matches('"'))),
            None => {}
        }
    }
    (!values.is_empty()).then(|| values.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_are_read_as_dockerd_takes_them() {
        let command = "/usr/bin/dockerd -H fd:// --icc=false --live-restore --log-level warn --insecure-registry a --insecure-registry=b";
        assert_eq!(flag_value(command, "icc").as_deref(), Some("false"));
        assert_eq!(flag_value(command, "live-restore").as_deref(), Some("true"));
        assert_eq!(flag_value(command, "log-level").as_deref(), Some("warn"));
        assert_eq!(flag_value(command, "insecure-registry").as_deref(), Some("a,b"));
        assert_eq!(flag_value(command, "log"), None);
        assert_eq!(flag_value(command, "host").as_deref(), Some("fd://"));
        let open = "/usr/bin/dockerd -H=unix:///run/docker.sock --host tcp://0.0.0.0:2375";
        assert_eq!(flag_value(open, "host").as_deref(), Some("unix:///run/docker.sock,tcp://0.0.0.0:2375"));
    }
}
