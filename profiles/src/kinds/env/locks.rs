//! Where data will lie: locks, rename, speed.

use model::{Evidence, Fact, HostPath, Judgement, Resource};
use serde::Deserialize;

use super::super::Kind;
use super::super::parts::Parts;
use super::{flag, measured, not_applicable, number, text};

fn fact(path: &HostPath) -> Fact {
    Fact::FileLocks { path: path.clone() }
}

fn needs(paths: &[HostPath]) -> Vec<Resource> {
    paths.iter().map(|path| Resource::Fact(fact(path))).collect()
}

/// `{ kind = "env_file_locking", paths }`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FileLocking {
    paths: Vec<HostPath>,
}

impl Kind for FileLocking {
    fn needs(&self, _seen: &Evidence) -> Vec<Resource> {
        needs(&self.paths)
    }

    fn judge(&self, seen: &Evidence) -> Judgement {
        let expected = "a local file system with working POSIX, OFD and flock locks and atomic rename";
        if self.paths.is_empty() {
            return not_applicable(expected, "no persistent path is declared");
        }
        let mut parts = Parts::default();
        for path in &self.paths {
            let Some(found) = measured(seen, fact(path), &mut parts) else { continue };
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

/// `{ kind = "env_fsync", paths, limit_ms }`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Fsync {
    paths: Vec<HostPath>,
    limit_ms: i64,
}

impl Kind for Fsync {
    fn needs(&self, _seen: &Evidence) -> Vec<Resource> {
        needs(&self.paths)
    }

    fn judge(&self, seen: &Evidence) -> Judgement {
        let expected = format!("99 of 100 forced writes within {} ms", self.limit_ms);
        if self.paths.is_empty() {
            return not_applicable(&expected, "no persistent path is declared");
        }
        let mut parts = Parts::default();
        for path in &self.paths {
            let Some(found) = measured(seen, fact(path), &mut parts) else { continue };
            let Some(spent) = number(found, "fsync_p99_us", &mut parts) else { continue };
            parts.seen(spent <= self.limit_ms.saturating_mul(1000), format!("{path}: {spent} µs"));
        }
        parts.judge(expected)
    }
}
