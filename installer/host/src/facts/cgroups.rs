//! Control groups: which version, which controllers.

use std::collections::BTreeSet;

use model::{State, Unread};

use super::tree::Tree;

/// Fields: `version` (1 or 2; a hybrid set-up is 1, as runtimes see it) and `controllers` (words).
pub(super) fn read(tree: &Tree) -> Result<State, Unread> {
    let mounts = tree.text("/proc/self/mountinfo")?.unwrap_or_default();
    let unified = tree.text("/sys/fs/cgroup/cgroup.controllers")?;
    let table = tree.text("/proc/cgroups")?;
    record(&mounts, unified.as_deref(), table.as_deref())
}

fn record(mounts: &str, unified: Option<&str>, table: Option<&str>) -> Result<State, Unread> {
    let kinds: BTreeSet<_> = mounts
        .lines()
        .filter_map(|line| line.split_once(" - ")?.1.split(' ').next())
        .filter(|kind| kind.starts_with("cgroup"))
        .collect();
    let (version, controllers): (i64, BTreeSet<String>) = match unified {
        Some(names) => (2, names.split_whitespace().map(str::to_owned).collect()),
        None if kinds.contains("cgroup") => (1, enabled(table.unwrap_or_default())),
        None if kinds.is_empty() => {
            return Err(Unread::NoAnswer("no cgroup file system is mounted".to_owned()));
        }
        None => return Err(Unread::Malformed("the cgroup file system is not at /sys/fs/cgroup".to_owned())),
    };
    Ok(State::record([("version", State::Int(version)), ("controllers", State::Words(controllers))]))
}

/// The controllers of `/proc/cgroups` that are switched on.
fn enabled(table: &str) -> BTreeSet<String> {
    let rows = table.lines().filter(|line| !line.starts_with('#'));
    rows.filter_map(|row| {
        let mut columns = row.split_whitespace();
        let name = columns.next()?;
        (columns.nth(2)? == "1").then(|| name.to_owned())
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str =
        "#subsys_name\thierarchy\tnum_cgroups\tenabled\ncpu\t3\t66\t1\nmemory\t0\t94\t0\npids\t5\t71\t1\n";

    #[test]
    fn both_versions_and_none() {
        let v1 = "28 25 0:25 / /sys/fs/cgroup/cpu rw shared:9 - cgroup cgroup rw,cpu\n";
        let hybrid = "27 25 0:24 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n28 25 0:25 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n";
        let v2 = "26 25 0:23 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n";
        let seen = |mounts, unified| record(mounts, unified, Some(TABLE)).map(|state| state.to_string());
        assert_eq!(seen(v1, None).unwrap(), "controllers cpu pids, version 1");
        assert_eq!(seen(hybrid, None).unwrap(), "controllers cpu pids, version 1");
        assert_eq!(
            seen(v2, Some("cpuset cpu io memory pids\n")).unwrap(),
            "controllers cpu cpuset io memory pids, version 2"
        );
        assert!(matches!(seen("", None), Err(Unread::NoAnswer(_))));
    }
}
