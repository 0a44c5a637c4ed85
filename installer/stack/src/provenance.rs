//! Which Compose file a project is made from.
//!
//! Compose makes anew only what changed, so after an upgrade the containers of one project name several files, and
//! Compose itself never looks at that label again. The file of the newest container is the one that is up, as long
//! as the files of the others say the same of their services.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use model::Digest;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::service::name_of;

/// The largest Compose file or mounted file, in bytes.
pub(crate) const MAX_FILE: u64 = 32 << 20;

/// The Compose file that a project's containers were made from; `None` when they do not agree on one.
pub(crate) fn file_of_project(containers: &[Value]) -> Option<&Path> {
    let newest = containers.iter().max_by_key(|container| created(container))?;
    let file = file_of(newest)?;
    let strangers: Vec<_> = containers.iter().filter(|container| file_of(container) != Some(file)).collect();
    if strangers.is_empty() {
        return Some(file);
    }
    let compose = whole(file)?;
    strangers.into_iter().all(|container| agrees(container, &compose)).then_some(file)
}

/// The services whose containers must be made anew for a project to be what `compose`, which lies at `file`, says.
/// When its containers could all stay, though another file is up, one of them is named: the newest tells what is up.
pub(crate) fn to_make_anew<'a>(containers: &'a [Value], file: &Path, compose: &Value) -> BTreeSet<&'a str> {
    let stays = |container: &&Value| file_of(container) == Some(file) || agrees(container, compose);
    let services = containers.iter().filter(|container| !stays(container)).filter_map(name_of);
    let mut anew: BTreeSet<_> = services.collect();
    if anew.is_empty() && file_of_project(containers) != Some(file) {
        anew.extend(containers.iter().filter_map(name_of).min());
    }
    anew
}

/// Whether a project's networks are not those of `compose`. Compose leaves a network that is there as it is.
pub(crate) fn networks_moved(containers: &[Value], file: &Path, compose: &Value) -> bool {
    let files: BTreeSet<_> = containers.iter().filter_map(file_of).filter(|other| *other != file).collect();
    files.into_iter().filter_map(whole).any(|other| other["networks"] != compose["networks"])
}

fn file_of(container: &Value) -> Option<&Path> {
    container["Config"]["Labels"]["com.docker.compose.project.config_files"].as_str().map(Path::new)
}

/// When a container was made, so that later is greater. The engine leaves zeros at the end of the fraction away.
fn created(container: &Value) -> &str {
    container["Created"].as_str().unwrap_or_default().trim_end_matches('Z')
}

/// Whether the file that a container was made from says the same of its service as `compose`.
fn agrees(container: &Value, compose: &Value) -> bool {
    let Some((service, file)) = name_of(container).zip(file_of(container)) else { return false };
    whole(file).is_some_and(|own| definition(&own, service) == definition(compose, service))
}

/// A file of ours, which is named by its digest, if it is as it was written.
fn whole(path: &Path) -> Option<Value> {
    let mut bytes = Vec::new();
    File::open(path).and_then(|file| file.take(MAX_FILE).read_to_end(&mut bytes)).ok()?;
    let digest = Digest::from_sha256(Sha256::digest(&bytes).into());
    let ours = path.file_name().is_some_and(|name| name.to_str() == Some(digest.hex().as_str()));
    ours.then(|| serde_json::from_slice(&bytes).ok()).flatten()
}

/// All that a Compose file says of one service: its own entry, the networks, and what else it names.
fn definition(compose: &Value, service: &str) -> Value {
    let own = &compose["services"][service];
    let named = |kind: &str| -> Value {
        let pairs = names(&own[kind]).into_iter().map(|name| (name.to_owned(), compose[kind][name].clone()));
        Value::Object(pairs.collect())
    };
    json!([own, compose["networks"], named("configs"), named("secrets"), named("volumes")])
}

/// The names in a list of either of Compose's spellings.
fn names(list: &Value) -> Vec<&str> {
    let items = list.as_array().into_iter().flatten();
    items.filter_map(|item| item["source"].as_str().or_else(|| item.as_str()?.split(':').next())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Files(tempfile::TempDir);

    impl Files {
        /// Writes a Compose file under its digest.
        fn file(&self, compose: &Value) -> String {
            let bytes = compose.to_string();
            let name = Digest::from_sha256(Sha256::digest(bytes.as_bytes()).into()).hex();
            let path = self.0.path().join(name);
            #[expect(clippy::disallowed_methods, reason = "tests make their own places")]
            std::fs::write(&path, bytes).unwrap();
            path.display().to_string()
        }
    }

    fn compose(db: &str, app: &str, networks: &Value, conf: &str) -> Value {
        json!({
            "services": {
                "db": { "image": db, "configs": [{ "source": "conf", "target": "/conf" }] },
                "app": { "image": app },
            },
            "networks": networks,
            "configs": { "conf": { "file": conf }, "other": { "file": app } },
        })
    }

    fn container(service: &str, file: &str, created: &str) -> Value {
        json!({ "Created": created, "Config": { "Labels": {
            "com.docker.compose.service": service,
            "com.docker.compose.project.config_files": file,
        } } })
    }

    #[test]
    fn the_newest_file_is_up_when_the_others_say_the_same() {
        let files = Files(tempfile::tempdir().unwrap());
        let nets = json!({ "data": { "internal": true } });
        let one = files.file(&compose("db:1", "app:1", &nets, "/a"));
        let next = compose("db:1", "app:2", &nets, "/a");
        let two = files.file(&next);
        let up = [
            container("db", &one, "2026-01-01T00:00:05.1Z"),
            container("app", &two, "2026-01-01T00:00:05.12Z"),
        ];
        assert_eq!(file_of_project(&up), Some(Path::new(&two)));
        assert!(to_make_anew(&up, Path::new(&two), &next).is_empty());
        // The other way round the newest is not what the first was made from.
        let mixed =
            [container("db", &two, "2026-01-02T00:00:00Z"), container("app", &one, "2026-01-01T00:00:00Z")];
        assert_eq!(file_of_project(&mixed), None);
        assert_eq!(to_make_anew(&mixed, Path::new(&two), &next), ["app"].into());
    }

    #[test]
    fn what_a_service_names_is_part_of_what_it_is() {
        let files = Files(tempfile::tempdir().unwrap());
        let nets = json!({ "data": { "internal": true } });
        let first = compose("db:1", "app:1", &nets, "/a");
        let one = files.file(&first);
        let up = [container("db", &one, "1"), container("app", &one, "2")];
        let conf = compose("db:1", "app:1", &nets, "/b");
        assert_eq!(to_make_anew(&up, Path::new(&files.file(&conf)), &conf), ["db"].into());
        let open = compose("db:1", "app:1", &json!({ "data": { "internal": false } }), "/a");
        let file = files.file(&open);
        assert_eq!(to_make_anew(&up, Path::new(&file), &open), ["app", "db"].into());
        assert!(networks_moved(&up, Path::new(&file), &open));
        assert!(!networks_moved(&up, Path::new(&files.file(&conf)), &conf));
    }

    #[test]
    fn one_is_made_anew_when_all_could_stay_and_none_when_the_file_is_up() {
        let files = Files(tempfile::tempdir().unwrap());
        let mut without = compose("db:1", "app:1", &json!({}), "/a");
        let one = files.file(&without);
        let up = [container("db", &one, "1"), container("app", &one, "2")];
        assert!(to_make_anew(&up, Path::new(&one), &without).is_empty());
        without["services"]["more"] = json!({ "image": "more:1" });
        assert_eq!(to_make_anew(&up, Path::new(&files.file(&without)), &without), ["app"].into());
    }

    #[test]
    fn a_damaged_file_speaks_for_nobody() {
        let files = Files(tempfile::tempdir().unwrap());
        let next = compose("db:1", "app:2", &json!({}), "/a");
        let (one, two) = (files.file(&compose("db:1", "app:1", &json!({}), "/a")), files.file(&next));
        let up = [container("db", &one, "1"), container("app", &two, "2")];
        assert_eq!(file_of_project(&up), Some(Path::new(&two)));
        #[expect(clippy::disallowed_methods, reason = "tests damage what they made")]
        std::fs::write(&one, "{}").unwrap();
        assert_eq!(file_of_project(&up), None);
        assert_eq!(to_make_anew(&up, Path::new(&two), &next), ["db"].into());
    }
}
