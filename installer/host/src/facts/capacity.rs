//! What the machine has to offer: CPUs, memory, disk.

use std::path::{Path, PathBuf};

use model::{HostPath, State, Unread};

use super::tree::{Tree, unread};

/// Types of file system whose data lies on another machine or behind a user-space server.
const NETWORK: &[&str] = &[
    "9p",
    "acfs",
    "afs",
    "ceph",
    "cifs",
    "glusterfs",
    "gpfs",
    "lustre",
    "ncpfs",
    "nfs",
    "nfs4",
    "ocfs2",
    "orangefs",
    "pvfs2",
    "smb3",
    "smbfs",
    "virtiofs",
];

/// Fields: `cpus` (that this process may run on), `memory` and `memory_available` in bytes.
pub(super) fn read(tree: &Tree) -> Result<State, Unread> {
    let text = tree.text("/proc/meminfo")?.unwrap_or_default();
    let cpus = rustix::thread::sched_getaffinity(None)
        .map_err(|error| Unread::Failed(format!("asking for the CPUs: {error}")))?
        .count();
    record(&text, cpus)
}

fn record(meminfo: &str, cpus: u32) -> Result<State, Unread> {
    let memory = kibibytes(meminfo, "MemTotal")
        .ok_or_else(|| Unread::Malformed("/proc/meminfo names no MemTotal".to_owned()))?;
    Ok(State::record([
        ("cpus", State::Int(cpus.into())),
        ("memory", State::Int(memory)),
        ("memory_available", State::from(kibibytes(meminfo, "MemAvailable"))),
    ]))
}

/// One line of `/proc/meminfo`, in bytes.
fn kibibytes(meminfo: &str, key: &str) -> Option<i64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':'))?;
    let number: i64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    number.checked_mul(1024)
}

/// Fields: `at` (the path itself, or the nearest directory above it that exists: where it would come to lie),
/// `device` (`MAJOR:MINOR`: the same number is the same room), `type`, `network` (a flag), `read_only` (a flag),
/// `total`, `free` (for others than root) in bytes, `inodes`, `inodes_free` (both absent where the file system makes
/// inodes as needed).
pub(super) fn read_file_system(tree: &Tree, path: &HostPath) -> Result<State, Unread> {
    let at = nearest(path)?;
    let numbers = rustix::fs::statvfs(&at).map_err(|error| unread(&at, &error.into()))?;
    let device = rustix::fs::stat(&at).map_err(|error| unread(&at, &error.into()))?.st_dev;
    let device = format!("{}:{}", rustix::fs::major(device), rustix::fs::minor(device));
    let kind = kind_at(&tree.text("/proc/self/mountinfo")?.unwrap_or_default(), &at)
        .ok_or_else(|| Unread::Malformed(format!("/proc/self/mountinfo does not cover {}", at.display())))?;
    let number = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
    let bytes = |blocks: u64| number(blocks.saturating_mul(numbers.f_frsize));
    let counted = numbers.f_files > 0;
    Ok(State::record([
        ("at", State::text(at.to_string_lossy())),
        ("device", State::Text(device)),
        ("network", State::Flag(is_network(&kind))),
        ("type", State::text(kind)),
        ("read_only", State::Flag(numbers.f_flag.contains(rustix::fs::StatVfsMountFlags::RDONLY))),
        ("total", State::Int(bytes(numbers.f_blocks))),
        ("free", State::Int(bytes(numbers.f_bavail))),
        ("inodes", State::from(counted.then(|| number(numbers.f_files)))),
        ("inodes_free", State::from(counted.then(|| number(numbers.f_favail)))),
    ]))
}

/// Whether a type of file system keeps its data elsewhere.
pub(super) fn is_network(kind: &str) -> bool {
    NETWORK.contains(&kind) || kind == "fuse" || kind.starts_with("fuse.")
}

/// The path, or the nearest directory above it that exists, links resolved.
pub(super) fn nearest(path: &HostPath) -> Result<PathBuf, Unread> {
    let mut at = Path::new(path.as_str());
    loop {
        match at.canonicalize() {
            Ok(real) => return Ok(real),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => match at.parent() {
                Some(parent) => at = parent,
                None => return Err(unread(at, &error)),
            },
            Err(error) => return Err(unread(at, &error)),
        }
    }
}

/// The type of the file system that a resolved path lies on, from proc_pid_mountinfo(5): the longest mount
/// point wins, the later one among equals.
pub(super) fn kind_at(mountinfo: &str, path: &Path) -> Option<String> {
    let mounts = mountinfo.lines().filter_map(|line| {
        let (front, back) = line.split_once(" - ")?;
        let point = unescaped(front.split(' ').nth(4)?);
        path.starts_with(&point).then(|| (point.len(), back.split(' ').next().unwrap_or_default().to_owned()))
    });
    mounts.max_by_key(|(length, _)| *length).map(|(_, kind)| kind)
}

/// A mount point with its octal escapes (`\040` for a space) resolved.
fn unescaped(field: &str) -> String {
    let mut plain = Vec::new();
    let mut rest = field.as_bytes();
    while let [first, others @ ..] = rest {
        let code = others.get(..3).and_then(|digits| std::str::from_utf8(digits).ok());
        match code.filter(|_| *first == b'\\').and_then(|digits| u8::from_str_radix(digits, 8).ok()) {
            Some(byte) => {
                plain.push(byte);
                rest = &others[3..];
            }
            None => {
                plain.push(*first);
                rest = others;
            }
        }
    }
    String::from_utf8_lossy(&plain).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOUNTS: &str = "\
22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
30 22 0:40 / /srv rw,relatime shared:9 - nfs4 nas:/export rw,vers=4.2
31 22 0:41 / /mnt/with\\040space rw - fuse.sshfs a@b:/ rw
32 22 0:42 / /over rw - tmpfs tmpfs rw
33 22 0:43 / /over rw - xfs /dev/sdb rw
34 22 0:44 / /share rw shared:4 master:7 - cifs //nas/share rw
";

    #[test]
    fn the_innermost_and_latest_mount_counts() {
        for (path, kind) in [
            ("/", "ext4"),
            ("/srvother", "ext4"),
            ("/srv/data/pg", "nfs4"),
            ("/mnt/with space/x", "fuse.sshfs"),
            ("/over", "xfs"),
            ("/share/a", "cifs"),
        ] {
            assert_eq!(kind_at(MOUNTS, Path::new(path)).as_deref(), Some(kind), "{path}");
        }
        assert_eq!(kind_at("", Path::new("/")), None);
    }

    #[test]
    fn network_file_systems_are_known() {
        for kind in ["nfs", "nfs4", "cifs", "smb3", "ceph", "9p", "fuse.sshfs", "fuse.glusterfs", "fuse"] {
            assert!(is_network(kind), "{kind}");
        }
        for kind in ["ext4", "xfs", "btrfs", "zfs", "overlay", "tmpfs", "fuseblk"] {
            assert!(!is_network(kind), "{kind}");
        }
    }

    #[test]
    fn memory_is_in_bytes() {
        let text = "MemTotal:       24689924 kB\nMemFree:  1 kB\nMemAvailable:   23690000 kB\n";
        let seen = record(text, 2).unwrap();
        assert_eq!(seen.get("memory"), Some(&State::Int(24_689_924 * 1024)));
        assert_eq!(seen.get("memory_available"), Some(&State::Int(23_690_000 * 1024)));
        assert!(record("MemFree: 3 kB\n", 2).is_err());
        assert!(record("MemTotal: many kB\n", 2).is_err());
    }

    #[test]
    fn a_path_not_there_yet_is_measured_where_it_would_lie() {
        let folder = tempfile::tempdir().unwrap();
        let deep: HostPath = format!("{}/a/b", folder.path().display()).parse().unwrap();
        let tree = Tree::at(Path::new("/")).unwrap();
        let seen = read_file_system(&tree, &deep).unwrap();
        assert_eq!(
            seen.get("at"),
            Some(&State::text(folder.path().canonicalize().unwrap().to_string_lossy()))
        );
        let (free, total) = (seen.get("free").unwrap().as_int(), seen.get("total").unwrap().as_int());
        assert!(free > Some(0) && free <= total, "{seen}");
        let device = |path: &str| {
            let seen = read_file_system(&tree, &path.parse().unwrap()).unwrap();
            seen.get("device").and_then(State::as_text).unwrap().to_owned()
        };
        assert_eq!(device(deep.as_str()), device(folder.path().to_str().unwrap()));
        assert_ne!(device("/proc"), device("/sys"));
        let proc = read_file_system(&tree, &"/proc/self".parse().unwrap()).unwrap();
        assert_eq!(proc.get("type"), Some(&State::text("proc")));
    }
}
