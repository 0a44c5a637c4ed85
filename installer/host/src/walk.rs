//! The one walk: every query for files of an assessment is answered by a single pass over the tree.
//!
//! Directories are read by handle on all cores, links are never followed, and pseudo file systems are never
//! entered. Memory is bounded by the answers, which hold only what a query found worth reporting.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{CStr, CString};
use std::os::fd::OwnedFd;
use std::sync::{Arc, Condvar, Mutex, PoisonError};

use model::{Entry, FileQuery, HostPath, Node, State, Unread, Wanted};
use regex_lite::Regex;
use rustix::fs::{AtFlags, Dir, Mode, OFlags, Stat};

use crate::files::node;
use crate::tree::{Tree, unread};

/// File systems that hold no files of the machine (magic numbers of statfs(2)).
const PSEUDO: [i64; 12] = [
    0x9fa0,      // proc
    0x6265_6572, // sysfs
    0x0027_e0eb, // cgroup
    0x6367_7270, // cgroup2
    0x6462_6720, // debugfs
    0x7472_6163, // tracefs
    0x7363_6673, // securityfs
    0x1cd1,      // devpts
    0xcafe_4a11, // bpf
    0x6165_676c, // pstore
    0x1980_0202, // mqueue
    0x6265_6570, // configfs
];

/// One query with its name patterns compiled.
struct Wish<'q> {
    query: &'q FileQuery,
    name: Option<Regex>,
    except: Option<Regex>,
}

impl<'q> Wish<'q> {
    fn new(query: &'q FileQuery) -> Result<Self, regex_lite::Error> {
        let compile = |pattern: &Option<String>| pattern.as_deref().map(Regex::new).transpose();
        Ok(Self { query, name: compile(&query.name)?, except: compile(&query.except)? })
    }
}

/// Answers all queries with one pass. A query that makes no sense, or whose directory cannot be read, is
/// answered with why.
pub(crate) fn walk(tree: &Tree, queries: &[&FileQuery]) -> Vec<Result<State, Unread>> {
    let mut answers: Vec<Result<Vec<Entry>, Unread>> = queries.iter().map(|_| Ok(Vec::new())).collect();
    let mut wishes = BTreeMap::new();
    let known: Vec<_> = queries.iter().map(|query| by_number(tree, query)).collect();
    for (index, query) in known.iter().enumerate() {
        let wish = query.as_ref().map_err(Clone::clone).and_then(|query| {
            Wish::new(query).map_err(|error| Unread::Malformed(format!("pattern: {error}")))
        });
        match wish {
            Ok(wish) => drop(wishes.insert(index, wish)),
            Err(why) => answers[index] = Err(why),
        }
    }
    let roots = roots(wishes.values().map(|wish| wish.query));
    for (index, found) in Pass::new(tree, &wishes).run(roots) {
        match (found, &mut answers[index]) {
            (Ok(entry), Ok(entries)) => entries.push(entry),
            (Err(unread), answer @ Ok(_)) => *answer = Err(unread),
            _ => {}
        }
    }
    let sorted = |mut entries: Vec<Entry>| {
        entries.sort();
        State::Entries(entries)
    };
    answers.into_iter().map(|answer| answer.map(sorted)).collect()
}

/// The query with the numbers that have names looked up once, before anything is walked.
fn by_number(tree: &Tree, query: &FileQuery) -> Result<FileQuery, Unread> {
    let numbers = |file: &str| {
        let text = tree.text(file)?.ok_or_else(|| Unread::Failed(format!("{file} is not there")))?;
        Ok(syntax::accounts::passwd::numbers(&text))
    };
    let wanted = match &query.wanted {
        Wanted::OwnerUnknown => Wanted::OwnerNot(numbers("/etc/passwd")?),
        Wanted::GroupUnknown => Wanted::GroupNot(numbers("/etc/group")?),
        wanted => wanted.clone(),
    };
    Ok(FileQuery { wanted, ..query.clone() })
}

/// Where the pass has to begin: the directories asked for, those below a recursive one left out.
fn roots<'q>(queries: impl Iterator<Item = &'q FileQuery> + Clone) -> BTreeSet<HostPath> {
    let below = |path: &HostPath| {
        queries.clone().any(|other| other.recursive && *path != other.under && path.is_under(&other.under))
    };
    queries.clone().map(|query| query.under.clone()).filter(|path| !below(path)).collect()
}

/// Something found for the query of this number, or why it cannot be answered.
type Found = (usize, Result<Entry, Unread>);

struct Pass<'p> {
    tree: &'p Tree,
    wishes: &'p BTreeMap<usize, Wish<'p>>,
    queue: Mutex<Queue>,
    changed: Condvar,
}

#[derive(Default)]
struct Queue {
    waiting: Vec<Waiting>,
    busy: usize,
    idle: usize,
}

/// A directory that is to be read. It is opened when its turn comes: a process may hold only so many open files, and
/// a directory may have any number of others in it.
struct Waiting {
    path: HostPath,
    /// The directory that it is in, and its name there.
    place: (Arc<Folder>, CString),
    /// The device that it is on.
    device: u64,
}

/// An open directory.
struct Folder {
    path: HostPath,
    handle: OwnedFd,
    /// The device that it is on, when that is known to hold files: what is on the same one need not be asked again.
    device: Option<u64>,
}

impl<'p> Pass<'p> {
    fn new(tree: &'p Tree, wishes: &'p BTreeMap<usize, Wish<'p>>) -> Self {
        Self { tree, wishes, queue: Mutex::default(), changed: Condvar::new() }
    }

    fn run(self, roots: BTreeSet<HostPath>) -> Vec<Found> {
        let mut found = Vec::new();
        for path in roots {
            match self.tree.open(path.as_str(), OFlags::RDONLY | OFlags::DIRECTORY) {
                Ok(Some(handle)) => self.directory(Folder { path, handle, device: None }, &mut found),
                Ok(None) => {}
                Err(error) => self.unreadable(&path, &unread(path.as_str(), &error), &mut found),
            }
        }
        let workers = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let parts = std::thread::scope(|scope| {
            let workers: Vec<_> = (0..workers).map(|_| scope.spawn(|| self.work())).collect();
            workers.into_iter().map(std::thread::ScopedJoinHandle::join).collect::<Vec<_>>()
        });
        for part in parts {
            match part {
                Ok(part) => found.extend(part),
                // A worker that broke off has lost what it saw, so no query may look complete.
                Err(_) => {
                    let broke = Unread::Failed("the walk broke off".to_owned());
                    found.extend(self.wishes.keys().map(|index| (*index, Err(broke.clone()))));
                }
            }
        }
        found
    }

    fn push(&self, waiting: Waiting) {
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        queue.waiting.push(waiting);
        if queue.idle > 0 {
            self.changed.notify_one();
        }
    }

    fn next(&self) -> Option<Waiting> {
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(next) = queue.waiting.pop() {
                queue.busy += 1;
                return Some(next);
            }
            if queue.busy == 0 {
                self.changed.notify_all();
                return None;
            }
            queue.idle += 1;
            queue = self.changed.wait(queue).unwrap_or_else(PoisonError::into_inner);
            queue.idle -= 1;
        }
    }

    fn work(&self) -> Vec<Found> {
        let mut found = Vec::new();
        while let Some(next) = self.next() {
            self.enter(next, &mut found);
            let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
            queue.busy -= 1;
            if queue.busy == 0 {
                self.changed.notify_all();
            }
        }
        found
    }

    fn directory(&self, folder: Folder, found: &mut Vec<Found>) {
        let folder = Arc::new(folder);
        let path = &folder.path;
        let concerned: Vec<(usize, &Wish<'_>)> = self
            .wishes
            .iter()
            .filter(|(_, wish)| {
                let query = wish.query;
                *path == query.under || query.recursive && path.is_under(&query.under)
            })
            .map(|(index, wish)| (*index, wish))
            .collect();
        let entries = match Dir::read_from(&folder.handle) {
            Ok(entries) => entries,
            Err(error) => return self.unreadable(path, &unread(path.as_str(), &error.into()), found),
        };
        for entry in entries {
            match entry {
                Ok(entry) => self.entry(&folder, entry.file_name(), &concerned, found),
                Err(error) => self.unreadable(path, &unread(path.as_str(), &error.into()), found),
            }
        }
    }

    fn entry(
        &self,
        folder: &Arc<Folder>,
        name: &CStr,
        concerned: &[(usize, &Wish<'_>)],
        found: &mut Vec<Found>,
    ) {
        if matches!(name.to_bytes(), b"." | b"..") {
            return;
        }
        let Ok(stat) = rustix::fs::statat(&folder.handle, name, AtFlags::SYMLINK_NOFOLLOW) else {
            // It vanished between listing and looking: then it is not there.
            return;
        };
        let text = name.to_string_lossy();
        for (index, _) in concerned.iter().filter(|(_, wish)| matches(wish, &text, &stat)) {
            let Ok(here) = folder.path.join(&text) else { continue };
            let (mode, uid, gid) = (stat.st_mode & 0o7777, stat.st_uid, stat.st_gid);
            if name.to_str().is_err() {
                let why = format!("{here}: the name is not UTF-8, so it cannot be named here");
                found.push((*index, Err(Unread::Malformed(why))));
            } else {
                let entry = Entry { path: here, node: node(&stat), mode, uid, gid };
                found.push((*index, Ok(entry)));
            }
        }
        let descend = concerned.iter().any(|(_, wish)| wish.query.recursive);
        if node(&stat) == Node::Directory
            && descend
            && let Ok(path) = folder.path.join(&text)
        {
            self.push(Waiting { path, place: (Arc::clone(folder), name.to_owned()), device: stat.st_dev });
        }
    }

    fn enter(&self, Waiting { path, place: (above, name), device }: Waiting, found: &mut Vec<Found>) {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        match rustix::fs::openat(&above.handle, &name, flags, Mode::empty()) {
            Ok(handle) if above.device != Some(device) && pseudo(&handle) => {}
            Ok(handle) => {
                drop(above);
                self.directory(Folder { path, handle, device: Some(device) }, found);
            }
            Err(rustix::io::Errno::NOENT | rustix::io::Errno::NOTDIR | rustix::io::Errno::LOOP) => {}
            Err(error) => self.unreadable(&path, &unread(path.as_str(), &error.into()), found),
        }
    }

    /// Every query that would have looked here can no longer be answered completely.
    fn unreadable(&self, path: &HostPath, why: &Unread, found: &mut Vec<Found>) {
        for (index, wish) in self.wishes {
            if *path == wish.query.under || wish.query.recursive && path.is_under(&wish.query.under) {
                found.push((*index, Err(why.clone())));
            }
        }
    }
}

fn pseudo(directory: &OwnedFd) -> bool {
    rustix::fs::fstatfs(directory).is_ok_and(|stat| PSEUDO.contains(&stat.f_type))
}

fn matches(wish: &Wish<'_>, name: &str, stat: &Stat) -> bool {
    let query = wish.query;
    let mode = stat.st_mode & 0o7777;
    (query.kinds.is_empty() || query.kinds.contains(&node(stat)))
        && match &query.wanted {
            Wanted::Any => true,
            Wanted::ModeBeyond(mask) => mode & !mask != 0,
            Wanted::ModeHas(bits) => mode & bits != 0,
            Wanted::OwnerNot(owners) => !owners.contains(&stat.st_uid),
            Wanted::GroupNot(groups) => !groups.contains(&stat.st_gid),
            // Made into the two before it by `by_number`.
            Wanted::OwnerUnknown | Wanted::GroupUnknown => true,
        }
        // Last, because a pattern costs more than everything before it.
        && wish.name.as_ref().is_none_or(|pattern| pattern.is_match(name))
        && !wish.except.as_ref().is_some_and(|pattern| pattern.is_match(name))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};
    use std::path::Path;

    use super::*;

    fn query(under: &str, recursive: bool, name: Option<&str>, wanted: Wanted) -> FileQuery {
        let (under, name) = (under.parse().unwrap(), name.map(str::to_owned));
        FileQuery { under, recursive, name, except: None, kinds: BTreeSet::from([Node::File]), wanted }
    }

    fn names(answer: &Result<State, Unread>) -> Vec<String> {
        match answer {
            Ok(State::Entries(entries)) => entries.iter().map(|entry| entry.path.to_string()).collect(),
            other => panic!("{other:?}"),
        }
    }

    fn sample() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join("var/log/deep/deeper")).unwrap();
        for (name, mode) in
            [("var/log/a.log", 0o640), ("var/log/b.log", 0o666), ("var/log/deep/deeper/c.log", 0o777)]
        {
            let path = folder.path().join(name);
            std::fs::write(&path, "x").unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        }
        symlink("/", folder.path().join("var/log/loop")).unwrap();
        folder
    }

    #[test]
    fn one_pass_answers_every_query() {
        let folder = sample();
        let tree = Tree::at(folder.path()).unwrap();
        let flat = query("/var/log", false, None, Wanted::ModeBeyond(0o640));
        let deep = query("/var/log", true, Some(r"\.log$"), Wanted::ModeBeyond(0o640));
        let all = query("/var", true, Some(r"^a\."), Wanted::Any);
        let answers = walk(&tree, &[&flat, &deep, &all]);
        assert_eq!(names(&answers[0]), ["/var/log/b.log"]);
        assert_eq!(names(&answers[1]), ["/var/log/b.log", "/var/log/deep/deeper/c.log"]);
        assert_eq!(names(&answers[2]), ["/var/log/a.log"]);
    }

    #[test]
    fn nodes_without_a_name_for_their_owner_are_found() {
        let folder = sample();
        let owner = std::os::unix::fs::MetadataExt::uid(&std::fs::metadata(folder.path()).unwrap());
        let tree = Tree::at(folder.path()).unwrap();
        let unknown = query("/var/log", true, None, Wanted::OwnerUnknown);
        assert!(
            matches!(&walk(&tree, &[&unknown])[0], Err(Unread::Failed(why)) if why.contains("/etc/passwd"))
        );
        std::fs::create_dir(folder.path().join("etc")).unwrap();
        let passwd = |number: u32| {
            std::fs::write(folder.path().join("etc/passwd"), format!("a:x:{number}:0::/:/bin/sh\n")).unwrap();
            names(&walk(&tree, &[&unknown])[0]).len()
        };
        assert_eq!((passwd(owner), passwd(owner + 1)), (0, 3));
    }

    #[test]
    fn a_directory_may_have_more_in_it_than_a_process_may_open() {
        use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
        let folder = tempfile::tempdir().unwrap();
        let many = 1500;
        (0..many).for_each(|number| std::fs::create_dir(folder.path().join(number.to_string())).unwrap());
        let tree = Tree::at(folder.path()).unwrap();
        // Fewer than there are directories; the tests of this crate hold far fewer open.
        setrlimit(Resource::Nofile, Rlimit { current: Some(1000), ..getrlimit(Resource::Nofile) }).unwrap();
        let all =
            FileQuery { kinds: BTreeSet::from([Node::Directory]), ..query("/", true, None, Wanted::Any) };
        assert_eq!(names(&walk(&tree, &[&all])[0]).len(), many);
    }

    #[test]
    fn a_missing_directory_holds_nothing_and_a_bad_pattern_is_told() {
        let tree = Tree::at(sample().path()).unwrap();
        let absent = query("/nowhere", true, None, Wanted::Any);
        let broken = query("/var", true, Some("("), Wanted::Any);
        let answers = walk(&tree, &[&absent, &broken]);
        assert_eq!(names(&answers[0]), Vec::<String>::new());
        assert!(matches!(answers[1], Err(Unread::Malformed(_))));
    }

    #[test]
    fn pseudo_file_systems_are_not_entered() {
        let tree = Tree::at(Path::new("/")).unwrap();
        let cmdline = FileQuery { recursive: true, ..query("/proc/self", true, Some("^no$"), Wanted::Any) };
        assert!(names(&walk(&tree, &[&cmdline])[0]).is_empty());
        let directory = tree.open("/proc", OFlags::RDONLY | OFlags::DIRECTORY).unwrap().unwrap();
        assert!(pseudo(&directory));
    }
}
