//! Where data will lie: locks, rename, speed.

use model::{Evidence, Fact, HostPath, Judgement, Resource, Unread};
use serde::Deserialize;

use super::super::Kind;
use super::super::parts::Parts;
use super::place::Place;
use super::{flag, measured_at, not_applicable, number, text};

fn fact(path: HostPath) -> Fact {
    Fact::FileLocks { path }
}

/// Where a place is tried: the engine keeps volumes in a folder of their own, which may be another file system.
fn tried(place: &Place, socket: &HostPath, seen: &Evidence) -> Result<HostPath, Unread> {
    let path = place.path(socket, seen)?;
    match place {
        Place::Path(_) => Ok(path),
        Place::Engine => path.join("volumes").map_err(|error| Unread::Malformed(error.to_string())),
    }
}

fn needs(places: &[Place], socket: &HostPath, seen: &Evidence) -> Vec<Resource> {
    let asked = places.iter().filter_map(|place| place.needs(socket));
    let paths = places.iter().filter_map(|place| tried(place, socket, seen).ok());
    asked.chain(paths.map(|path| Resource::Fact(fact(path)))).collect()
}

/// `{ kind = "env_file_locking", paths, socket }`: `engine` among the paths is where the engine keeps volumes.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FileLocking {
    paths: Vec<Place>,
    socket: HostPath,
}

impl Kind for FileLocking {
    fn needs(&self, seen: &Evidence) -> Vec<Resource> {
        needs(&self.paths, &self.socket, seen)
    }

    fn judge(&self, seen: &Evidence) -> Judgement {
        let expected = "a local file system with working POSIX, OFD and flock locks and atomic rename";
        if self.paths.is_empty() {
            return not_applicable(expected, "no persistent path is declared");
        }
        let mut parts = Parts::default();
        for place in &self.paths {
            let path = tried(place, &self.socket, seen);
            let Some((path, found)) = measured_at(seen, path, fact, &mut parts) else { continue };
            let kind = text(found, "type");
            if flag(found, "network") {
                parts.seen(false, format!("{path} is on the network file system {kind}"));
            }
            if !flag(found, "writable") {
                parts.seen(false, format!("{path} is read-only"));
                continue;
            }
            for (field, good) in
                [("posix", "works"), ("ofd", "works"), ("flock", "works"), ("rename", "atomic")]
            {
                let what = text(found, field);
                parts.seen(what == good, format!("{path} ({kind}): {field} {what}"));
            }
        }
        parts.judge(expected)
    }
}

/// `{ kind = "env_fsync", paths, socket, limit_ms }`: paths as of [`FileLocking`].
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Fsync {
    paths: Vec<Place>,
    socket: HostPath,
    limit_ms: i64,
}

impl Kind for Fsync {
    fn needs(&self, seen: &Evidence) -> Vec<Resource> {
        needs(&self.paths, &self.socket, seen)
    }

    fn judge(&self, seen: &Evidence) -> Judgement {
        let expected = format!("99 of 100 forced writes within {} ms", self.limit_ms);
        if self.paths.is_empty() {
            return not_applicable(&expected, "no persistent path is declared");
        }
        let mut parts = Parts::default();
        for place in &self.paths {
            let path = tried(place, &self.socket, seen);
            let Some((path, found)) = measured_at(seen, path, fact, &mut parts) else { continue };
            let Some(spent) = number(found, "fsync_p99_us", &mut parts) else { continue };
            parts.seen(spent <= self.limit_ms.saturating_mul(1000), format!("{path}: {spent} µs"));
        }
        parts.judge(expected)
    }
}
