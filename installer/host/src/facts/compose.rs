//! The Compose plugin, asked the way the docker client asks its plugins.

use std::collections::BTreeMap;

use model::{State, Unread};
use serde_json::Value;

use super::run;
use super::tree::Tree;

const FOLDERS: [&str; 4] = [
    "/usr/local/lib/docker/cli-plugins",
    "/usr/local/libexec/docker/cli-plugins",
    "/usr/lib/docker/cli-plugins",
    "/usr/libexec/docker/cli-plugins",
];

/// Fields: `version` (without a leading `v`) and `at` (the plugin). [`State::Absent`] when there is no plugin;
/// a stand-alone `docker-compose` of version 1 does not count.
pub(super) async fn read(tree: &Tree, environment: &BTreeMap<String, String>) -> Result<State, Unread> {
    let own = match (environment.get("DOCKER_CONFIG"), environment.get("HOME")) {
        (Some(folder), _) => Some(format!("{folder}/cli-plugins")),
        (None, Some(home)) => Some(format!("{home}/.docker/cli-plugins")),
        (None, None) => None,
    };
    for folder in own.into_iter().chain(FOLDERS.map(str::to_owned)) {
        let path = format!("{folder}/docker-compose");
        if tree.exists(&path)? {
            let answer = run::output(&tree.outside(&path), &["docker-cli-plugin-metadata"]).await?;
            return record(&answer, &path);
        }
    }
    Ok(State::Absent)
}

fn record(metadata: &str, path: &str) -> Result<State, Unread> {
    let strange = |why: &str| Unread::Malformed(format!("{path} answered no plugin metadata: {why}"));
    let metadata: Value = serde_json::from_str(metadata).map_err(|error| strange(&error.to_string()))?;
    let version = metadata["Version"].as_str().ok_or_else(|| strange("no Version"))?;
    Ok(State::record([
        ("version", State::text(version.strip_prefix('v').unwrap_or(version))),
        ("at", State::text(path)),
    ]))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;
    use std::path::Path;

    use super::*;

    #[test]
    fn metadata_of_real_plugins() {
        let debian = r#"{"SchemaVersion":"0.1.0","Vendor":"Docker Inc.","Version":"2.26.1-4","ShortDescription":"Docker Compose"}"#;
        let docker = r#"{"SchemaVersion":"0.1.0","Vendor":"Docker Inc.","Version":"v2.39.1","ShortDescription":"Docker Compose"}"#;
        for (text, version) in [(debian, "2.26.1-4"), (docker, "2.39.1")] {
            assert_eq!(record(text, "/x").unwrap().get("version"), Some(&State::text(version)));
        }
        assert!(record("docker-compose version 1.29.2", "/x").is_err());
        assert!(record("{}", "/x").is_err());
    }

    #[tokio::test]
    async fn the_plugin_of_the_operator_comes_first_and_a_broken_one_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let plugins = folder.path().join("cli-plugins");
        std::fs::create_dir(&plugins).unwrap();
        let plugin = plugins.join("docker-compose");
        let environment = BTreeMap::from([("DOCKER_CONFIG".to_owned(), folder.path().display().to_string())]);
        let tree = Tree::at(Path::new("/")).unwrap();
        for (script, version) in
            [("#!/bin/sh\necho '{\"Version\":\"v2.20.2\"}'\n", Some("2.20.2")), ("#!/bin/sh\nexit 3\n", None)]
        {
            std::fs::write(&plugin, script).unwrap();
            std::fs::set_permissions(&plugin, std::fs::Permissions::from_mode(0o755)).unwrap();
            let seen = read(&tree, &environment).await;
            let seen = seen.ok().and_then(|state| state.get("version")?.as_text().map(str::to_owned));
            assert_eq!(seen.as_deref(), version);
        }
    }
}
