//! Proxy variables: what the shell, the systemd manager and the container runtime have each been told.

use std::collections::BTreeMap;

use model::{State, Unread};
use serde_json::Value;
use syntax::text::assignments;

use super::tree::Tree;

/// The variables, as they are named in every place, with the field that they become.
const VARIABLES: [(&str, &str); 3] = [("HTTP_PROXY", "http"), ("HTTPS_PROXY", "https"), ("NO_PROXY", "no")];

type Variables = BTreeMap<&'static str, String>;

/// Fields, each a record of `http`, `https` and `no` (what is not set is absent): `operator` (the environment of
/// this run), `shell` (`/etc/environment`, `/etc/profile.d`), `systemd` (the manager's default environment),
/// `docker` (unit and `daemon.json`), `containerd` (unit), `client` (`~/.docker/config.json`, given to every
/// container). Names and passwords in addresses are replaced by `***`.
pub(super) fn read(tree: &Tree, environment: &BTreeMap<String, String>) -> Result<State, Unread> {
    let mut docker = unit(tree, "docker")?;
    docker.extend(daemon(tree)?);
    Ok(State::record([
        ("operator", record(&pick(environment))),
        ("shell", record(&shell(tree)?)),
        ("systemd", record(&manager(tree)?)),
        ("docker", record(&docker)),
        ("containerd", record(&unit(tree, "containerd")?)),
        ("client", record(&client(tree, environment)?)),
    ]))
}

fn record(variables: &Variables) -> State {
    State::record(
        VARIABLES.map(|(_, field)| (field, State::from(variables.get(field).map(|value| redacted(value))))),
    )
}

/// The proxy variables of an environment; the lower-case name counts where there is no upper-case one.
fn pick(environment: &BTreeMap<String, String>) -> Variables {
    let find = |name: &str| environment.get(name).or_else(|| environment.get(&name.to_lowercase()));
    VARIABLES
        .iter()
        .filter_map(|(name, field)| Some((*field, find(name)?.clone())))
        .filter(|(_, value)| !value.is_empty())
        .collect()
}

fn shell(tree: &Tree) -> Result<Variables, Unread> {
    let mut found = assignments::read(&tree.text("/etc/environment")?.unwrap_or_default());
    found.extend(assignments::read(&tree.text("/etc/profile")?.unwrap_or_default()));
    for name in tree.names("/etc/profile.d")?.iter().filter(|name| name.ends_with(".sh")) {
        found.extend(assignments::read(&tree.text(&format!("/etc/profile.d/{name}"))?.unwrap_or_default()));
    }
    Ok(pick(&found))
}

fn manager(tree: &Tree) -> Result<Variables, Unread> {
    let files = with_drop_ins(tree, "system.conf", &["/usr/lib/systemd", "/etc/systemd", "/run/systemd"])?;
    let mut found = BTreeMap::new();
    for text in files {
        for key in ["DefaultEnvironment", "ManagerEnvironment"] {
            found.extend(environment_of(&text, key).0);
        }
    }
    Ok(pick(&found))
}

fn unit(tree: &Tree, name: &str) -> Result<Variables, Unread> {
    let folders =
        ["/usr/lib/systemd/system", "/lib/systemd/system", "/run/systemd/system", "/etc/systemd/system"];
    let mut found = BTreeMap::new();
    for text in with_drop_ins(tree, &format!("{name}.service"), &folders)? {
        let (variables, files) = environment_of(&text, "Environment");
        found.extend(variables);
        for file in files {
            found.extend(assignments::read(&tree.text(&file)?.unwrap_or_default()));
        }
    }
    Ok(pick(&found))
}

/// The text of a file (the last folder that has it wins) followed by its drop-ins, in order of their names.
fn with_drop_ins(tree: &Tree, name: &str, folders: &[&str]) -> Result<Vec<String>, Unread> {
    let mut main = None;
    let mut drop_ins: BTreeMap<String, String> = BTreeMap::new();
    for folder in folders {
        main = tree.text(&format!("{folder}/{name}"))?.or(main);
        for file in
            tree.names(&format!("{folder}/{name}.d"))?.into_iter().filter(|file| file.ends_with(".conf"))
        {
            let text = tree.text(&format!("{folder}/{name}.d/{file}"))?.unwrap_or_default();
            drop_ins.insert(file, text);
        }
    }
    Ok(main.into_iter().chain(drop_ins.into_values()).collect())
}

/// The assignments under `key`, and the files that `EnvironmentFile=` names (systemd.exec(5)).
fn environment_of(text: &str, key: &str) -> (BTreeMap<String, String>, Vec<String>) {
    let (mut found, mut files) = (BTreeMap::new(), Vec::new());
    for line in text.replace("\\\n", " ").lines() {
        let Some((name, value)) = line.trim().split_once('=') else { continue };
        match name.trim() {
            name if name == key && value.trim().is_empty() => found.clear(),
            name if name == key => found.extend(assignments::words(value).iter().filter_map(|word| {
                word.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned()))
            })),
            "EnvironmentFile" => {
                files.extend(assignments::words(value.trim().trim_start_matches('-')).into_iter().next());
            }
            _ => {}
        }
    }
    (found, files)
}

fn daemon(tree: &Tree) -> Result<Variables, Unread> {
    let path = "/etc/docker/daemon.json";
    let settings = json(tree, path)?;
    Ok(keyed(&settings["proxies"], ["http-proxy", "https-proxy", "no-proxy"]))
}

fn client(tree: &Tree, environment: &BTreeMap<String, String>) -> Result<Variables, Unread> {
    let folder = match (environment.get("DOCKER_CONFIG"), environment.get("HOME")) {
        (Some(folder), _) => folder.clone(),
        (None, Some(home)) => format!("{home}/.docker"),
        (None, None) => return Ok(Variables::new()),
    };
    let settings = json(tree, &format!("{folder}/config.json"))?;
    Ok(keyed(&settings["proxies"]["default"], ["httpProxy", "httpsProxy", "noProxy"]))
}

fn json(tree: &Tree, path: &str) -> Result<Value, Unread> {
    match tree.text(path)? {
        Some(text) => {
            serde_json::from_str(&text).map_err(|error| Unread::Malformed(format!("{path}: {error}")))
        }
        None => Ok(Value::Null),
    }
}

fn keyed(object: &Value, names: [&str; 3]) -> Variables {
    let pairs = names.iter().zip(VARIABLES);
    pairs.filter_map(|(name, (_, field))| Some((field, object[*name].as_str()?.to_owned()))).collect()
}

/// An address without the name and password in it.
fn redacted(value: &str) -> String {
    let (scheme, rest) = match value.split_once("://") {
        Some((scheme, rest)) => (format!("{scheme}://"), rest),
        None => (String::new(), value),
    };
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    match authority.rsplit_once('@') {
        Some((_, host)) => format!("{scheme}***@{host}{path}"),
        None => value.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::tests::scratch;

    #[test]
    fn every_place_is_read() {
        let (_folder, tree) = scratch(&[
            ("etc/environment", "http_proxy=http://shell:3128\n"),
            ("etc/profile.d/proxy.sh", "export NO_PROXY=\"localhost,.corp\"\n"),
            (
                "etc/systemd/system.conf",
                "[Manager]\nDefaultEnvironment=\"HTTP_PROXY=http://manager:3128\" X=1\n",
            ),
            ("usr/lib/systemd/system/docker.service", "[Service]\nEnvironment=HTTP_PROXY=http://old:1\n"),
            (
                "etc/systemd/system/docker.service.d/proxy.conf",
                "[Service]\nEnvironment=\"HTTP_PROXY=http://me:secret@unit:3128\" \\\n  'NO_PROXY=a b,c'\nEnvironmentFile=-/etc/default/docker\n",
            ),
            ("etc/default/docker", "HTTPS_PROXY=http://file:3128\n"),
            ("etc/docker/daemon.json", "{\"proxies\": {\"https-proxy\": \"http://json:3128\"}}"),
            (
                "root/.docker/config.json",
                "{\"proxies\": {\"default\": {\"httpProxy\": \"http://client:3128\"}}}",
            ),
        ]);
        let environment = BTreeMap::from([
            ("HOME".to_owned(), "/root".to_owned()),
            ("no_proxy".to_owned(), "op".to_owned()),
        ]);
        let seen = read(&tree, &environment).unwrap();
        let get = |place: &str, field: &str| seen.get(place).unwrap().get(field).and_then(State::as_text);
        assert_eq!(get("operator", "no"), Some("op"));
        assert_eq!(get("shell", "http"), Some("http://shell:3128"));
        assert_eq!(get("shell", "no"), Some("localhost,.corp"));
        assert_eq!(get("systemd", "http"), Some("http://manager:3128"));
        assert_eq!(get("docker", "http"), Some("http://***@unit:3128"));
        assert_eq!(get("docker", "no"), Some("a b,c"));
        assert_eq!(get("docker", "https"), Some("http://json:3128"), "daemon.json overrides the environment");
        assert_eq!(get("containerd", "http"), None);
        assert_eq!(get("client", "http"), Some("http://client:3128"));
    }

    #[test]
    fn nothing_set_is_an_answer_and_broken_json_none() {
        let (_folder, tree) = scratch(&[]);
        assert_eq!(read(&tree, &BTreeMap::new()).unwrap().get("shell").unwrap().get("http"), None);
        let (_folder, tree) = scratch(&[("etc/docker/daemon.json", "{")]);
        assert!(matches!(read(&tree, &BTreeMap::new()), Err(Unread::Malformed(_))));
    }

    #[test]
    fn passwords_never_come_through() {
        for (value, expected) in [
            ("http://proxy:3128", "http://proxy:3128"),
            ("http://u:p@proxy:3128/", "http://***@proxy:3128/"),
            ("u:p@proxy", "***@proxy"),
            ("http://u:p@ss@proxy", "http://***@proxy"),
            ("localhost,.corp", "localhost,.corp"),
        ] {
            assert_eq!(redacted(value), expected);
        }
    }
}
