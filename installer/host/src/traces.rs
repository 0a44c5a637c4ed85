//! What a system wrote down about who touched a path: file times, packages, audit records, log-ins.
//!
//! All of it is read below the root, so a mounted disk tells as much as a running machine. What cannot be read is
//! said, since its silence means nothing then.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use model::{HostPath, Unread};
use rustix::fs::OFlags;
use syntax::rpm;
use syntax::traces::{Access, Handled, Recorder, Session, accesses, handled, handled_by_dnf, sessions};

use crate::tree::{Tree, unread};

const DPKG_LOGS: [&str; 2] = ["/var/log/dpkg.log.1", "/var/log/dpkg.log"];
const DPKG_LISTS: &str = "/var/lib/dpkg/info";
const DNF_LOGS: [&str; 2] = ["/var/log/dnf.rpm.log.1", "/var/log/dnf.rpm.log"];
const AUDIT_LOGS: [&str; 2] = ["/var/log/audit/audit.log.1", "/var/log/audit/audit.log"];
const LOGINS: [&str; 2] = ["/var/log/wtmp.1", "/var/log/wtmp"];

/// When a node changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Times {
    /// Whenever anything about it did: bytes, mode, owner, name.
    pub changed: Timestamp,
    /// Its bytes, or the entries of a directory; whoever may write it can set this.
    pub modified: Timestamp,
}

/// What is known of one path.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Touched {
    /// Its times; `None` when it is not there.
    pub times: Option<Times>,
    /// When the nearest directory above it that is there got or lost an entry, where it is not there itself.
    pub above: Option<Timestamp>,
    /// The packages that own it.
    pub packages: BTreeSet<String>,
    /// What the audit log has on it, oldest first.
    pub accesses: Vec<Access>,
}

/// Everything that was written down.
#[derive(Clone, Debug, Default)]
pub struct Traces {
    /// By path.
    pub touched: BTreeMap<HostPath, Touched>,
    /// What was done to packages that own one of the paths, with its begin and end, oldest first.
    pub handled: Vec<(Handled, Timestamp, Timestamp)>,
    /// Who was logged in when.
    pub sessions: Vec<Session>,
    /// The names of users.
    pub names: BTreeMap<u32, String>,
    /// What could not be read, and why.
    pub unread: Vec<String>,
}

impl Traces {
    /// Reads everything about some paths.
    pub(crate) fn read(tree: &Tree, paths: &BTreeSet<HostPath>) -> Self {
        let mut traces = Self::default();
        for path in paths {
            let touched = traces.told(touched(tree, path));
            traces.touched.insert(path.clone(), touched);
        }
        traces.own(tree);
        let installed = traces.own_rpm(tree);
        traces.hear(tree);
        traces.follow(tree, installed);
        for path in LOGINS {
            let bytes = tree.tail(path);
            let bytes = traces.told(bytes).unwrap_or_default();
            traces.sessions.extend(sessions(&bytes));
        }
        let passwd = tree.text("/etc/passwd");
        traces.names = names(&traces.told(passwd).unwrap_or_default());
        traces
    }

    /// Which packages own the paths: the lists of dpkg, which name every file that a package brought.
    fn own(&mut self, tree: &Tree) {
        let lists = tree.names(DPKG_LISTS);
        for name in self.told(lists) {
            let Some(package) = name.strip_suffix(".list") else { continue };
            let text = tree.text(&format!("{DPKG_LISTS}/{name}"));
            let text = self.told(text).unwrap_or_default();
            for line in text.lines() {
                let plain = line.parse::<HostPath>().ok();
                if let Some(touched) = plain.and_then(|path| self.touched.get_mut(&path)) {
                    touched.packages.insert(package.split(':').next().unwrap_or(package).to_owned());
                }
            }
        }
    }

    /// The same by rpm's database, which also says when each of them was installed.
    fn own_rpm(&mut self, tree: &Tree) -> Vec<Handled> {
        let paths: BTreeSet<HostPath> = self.touched.keys().cloned().collect();
        let owners = rpm::owners(tree, &paths);
        let mut installed = Vec::new();
        for owner in self.told(owners) {
            let time = owner.installed.and_then(|at| Timestamp::from_second(at).ok());
            installed.extend(time.map(|time| entered(&owner, time)));
            if let Some(touched) = self.touched.get_mut(&owner.path) {
                touched.packages.insert(owner.package);
            }
        }
        installed
    }

    /// What was done to those packages. dnf's log says more than the database, and so comes after it.
    fn follow(&mut self, tree: &Tree, mut done: Vec<Handled>) {
        let (dpkg, dnf) = (texts(tree, &DPKG_LOGS), texts(tree, &DNF_LOGS));
        done.extend(handled_by_dnf(&self.told(dnf)));
        done.extend(handled(&self.told(dpkg)));
        let zone = zone(tree);
        let owns =
            |one: &Handled| self.touched.values().any(|touched| touched.packages.contains(&one.package));
        self.handled = done.into_iter().filter(owns).filter_map(|one| timed(one, &zone)).collect();
    }

    /// What the audit log has on the paths.
    fn hear(&mut self, tree: &Tree) {
        let text = texts(tree, &AUDIT_LOGS);
        let text = self.told(text);
        for access in accesses(&text) {
            for path in access.paths.iter().filter_map(|path| path.parse::<HostPath>().ok()) {
                if let Some(touched) = self.touched.get_mut(&path) {
                    touched.accesses.push(access.clone());
                }
            }
        }
    }

    /// What was read, or nothing and a note why.
    fn told<T: Default>(&mut self, read: Result<T, Unread>) -> T {
        read.unwrap_or_else(|why| {
            self.unread.push(why.to_string());
            T::default()
        })
    }
}

fn touched(tree: &Tree, path: &HostPath) -> Result<Touched, Unread> {
    if let Some(times) = times(tree, path)? {
        return Ok(Touched { times: Some(times), ..Touched::default() });
    }
    let mut above = path.parent();
    while let Some(folder) = above {
        if let Some(times) = times(tree, &folder)? {
            return Ok(Touched { above: Some(times.modified), ..Touched::default() });
        }
        above = folder.parent();
    }
    Ok(Touched::default())
}

/// The times of a node itself, not of what it links to.
fn times(tree: &Tree, path: &HostPath) -> Result<Option<Times>, Unread> {
    let flags = OFlags::PATH | OFlags::NOFOLLOW;
    let handle = tree.open(path.as_str(), flags).map_err(|error| unread(path.as_str(), &error))?;
    let Some(handle) = handle else { return Ok(None) };
    let found = rustix::fs::fstat(&handle).map_err(|error| unread(path.as_str(), &error.into()))?;
    let time =
        |seconds: i64, nanos: u64| Timestamp::new(seconds, i32::try_from(nanos).unwrap_or_default()).ok();
    let changed = time(found.st_ctime, found.st_ctime_nsec);
    let modified = time(found.st_mtime, found.st_mtime_nsec);
    Ok(changed.zip(modified).map(|(changed, modified)| Times { changed, modified }))
}

/// The ends of several logs, one after the other.
fn texts(tree: &Tree, paths: &[&str]) -> Result<String, Unread> {
    let mut text = String::new();
    for path in paths {
        text.push_str(&String::from_utf8_lossy(&tree.tail(path)?.unwrap_or_default()));
        text.push('\n');
    }
    Ok(text)
}

/// The time zone in which the machine writes its logs; UTC where it has none.
fn zone(tree: &Tree) -> TimeZone {
    let bytes = tree.bytes("/etc/localtime").ok().flatten();
    bytes.and_then(|bytes| TimeZone::tzif("local", &bytes).ok()).unwrap_or(TimeZone::UTC)
}

fn timed(one: Handled, zone: &TimeZone) -> Option<(Handled, Timestamp, Timestamp)> {
    let at = |text: &str| {
        let local = || zone.to_timestamp(text.parse::<DateTime>().ok()?).ok();
        text.parse::<Timestamp>().ok().or_else(local)
    };
    let (began, ended) = (at(&one.began)?, at(&one.ended)?);
    Some((one, began, ended))
}

/// That a package was installed, as rpm's database tells it.
fn entered(owner: &rpm::Owner, time: Timestamp) -> Handled {
    Handled {
        by: Recorder::Rpm,
        package: owner.package.clone(),
        action: "install".to_owned(),
        from: None,
        to: Some(owner.version.clone()),
        began: time.to_string(),
        ended: time.to_string(),
    }
}

fn names(passwd: &str) -> BTreeMap<u32, String> {
    let entry = |line: &str| {
        let mut fields = line.split(':');
        let name = fields.next()?.to_owned();
        Some((fields.nth(1)?.parse().ok()?, name))
    };
    passwd.lines().rev().filter_map(entry).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn root(files: &[(&str, &str)]) -> (tempfile::TempDir, Tree) {
        let folder = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = folder.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        let tree = Tree::at(folder.path()).unwrap();
        (folder, tree)
    }

    #[test]
    fn a_root_tells_owner_package_and_record() {
        let audit = "type=SYSCALL msg=audit(1.5:7): success=yes auid=1000 exe=\"/bin/vi\"\n\
                     type=PATH msg=audit(1.5:7): name=\"/etc/sudoers\"\n";
        let (_folder, tree) = root(&[
            ("etc/sudoers", "x"),
            ("etc/passwd", "root:x:0:0::/:/bin/sh\nann:x:1000:1000::/:/bin/sh\n"),
            ("var/lib/dpkg/info/sudo.list", "/.\n/etc\n/etc/sudoers\n"),
            ("var/lib/dpkg/info/cron.list", "/etc/crontab\n"),
            (
                "var/log/dpkg.log",
                "2026-05-01 10:00:01 upgrade sudo:amd64 1 2\n2026-05-01 10:00:01 upgrade cron:amd64 1 2\n",
            ),
            ("var/log/audit/audit.log", audit),
        ]);
        let [sudoers, gone] =
            ["/etc/sudoers", "/etc/none/gone"].map(|path| path.parse::<HostPath>().unwrap());
        let traces = Traces::read(&tree, &BTreeSet::from([sudoers.clone(), gone.clone()]));
        let seen = &traces.touched[&sudoers];
        assert!(seen.times.is_some() && seen.above.is_none());
        assert_eq!(seen.packages, BTreeSet::from(["sudo".to_owned()]));
        assert_eq!(seen.accesses.len(), 1);
        assert_eq!(traces.handled.len(), 1, "only what owns a path is of interest");
        assert_eq!(traces.handled[0].1.to_string(), "2026-05-01T10:00:01Z");
        assert_eq!(traces.names[&1000], "ann");
        let gone = &traces.touched[&gone];
        assert!(gone.times.is_none() && gone.above.is_some());
        assert!(traces.unread.is_empty(), "{:?}", traces.unread);
    }

    #[test]
    fn a_bare_root_tells_times_only() {
        let (_folder, tree) = root(&[("etc/motd", "x")]);
        let motd: HostPath = "/etc/motd".parse().unwrap();
        let traces = Traces::read(&tree, &BTreeSet::from([motd.clone()]));
        assert!(traces.touched[&motd].times.is_some());
        assert!(traces.handled.is_empty() && traces.sessions.is_empty() && traces.unread.is_empty());
    }
}
