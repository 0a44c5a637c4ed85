//! Reading below a root directory, bounded, without being led out of it by a link.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use model::Unread;
use rustix::fs::{CWD, Mode, OFlags, ResolveFlags, Stat};

/// The largest file that any measurement reads, in bytes.
const LIMIT: u64 = 8 << 20;

/// A root directory. Links are resolved as the machine that lives there would resolve them.
#[derive(Clone, Debug)]
pub(crate) struct Tree {
    directory: Arc<OwnedFd>,
    root: PathBuf,
    live: bool,
    chroot: bool,
}

impl Tree {
    /// Opens a root directory; `/` is the running machine.
    pub(crate) fn at(root: &Path) -> io::Result<Self> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let directory = Arc::new(rustix::fs::openat(CWD, root, flags, Mode::empty())?);
        let live = root == Path::new("/");
        Ok(Self { directory, root: root.to_owned(), live, chroot: live && is_chroot() })
    }

    /// Whether this is the running machine.
    pub(crate) fn is_live(&self) -> bool {
        self.live
    }

    /// Whether the kernel and the daemons that run are this root's: not below another root, and not in a chroot, where
    /// they are those of the machine around it.
    pub(crate) fn runs(&self) -> bool {
        self.live && !self.chroot
    }

    /// The same, as if no other system were around it.
    #[cfg(test)]
    pub(crate) fn running(self) -> Self {
        Self { live: true, chroot: false, ..self }
    }

    /// The name of a path for system calls that take no directory handle (sockets, programs).
    pub(crate) fn outside(&self, path: &str) -> PathBuf {
        self.root.join(path.trim_start_matches('/'))
    }

    /// The text of a file, bytes that are no UTF-8 replaced; `None` when it is not there.
    pub(crate) fn text(&self, path: &str) -> Result<Option<String>, Unread> {
        Ok(self.bytes(path)?.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()))
    }

    /// The bytes of a file; `None` when it is not there.
    pub(crate) fn bytes(&self, path: &str) -> Result<Option<Vec<u8>>, Unread> {
        let Some(handle) = self.handle(path, OFlags::RDONLY | OFlags::NONBLOCK)? else { return Ok(None) };
        let mut bytes = Vec::new();
        match File::from(handle).take(LIMIT + 1).read_to_end(&mut bytes) {
            Ok(read) if read as u64 > LIMIT => {
                Err(Unread::Malformed(format!("{path} is larger than {LIMIT} bytes")))
            }
            Ok(_) => Ok(Some(bytes)),
            Err(error) => Err(unread(path, &error)),
        }
    }

    /// The last bytes of a file that only grows, at most the limit of them; `None` when it is not there.
    pub(crate) fn tail(&self, path: &str) -> Result<Option<Vec<u8>>, Unread> {
        let Some(handle) = self.handle(path, OFlags::RDONLY | OFlags::NONBLOCK)? else { return Ok(None) };
        let mut file = File::from(handle);
        let mut bytes = Vec::new();
        let read = file.metadata().and_then(|found| {
            file.seek(SeekFrom::Start(found.len().saturating_sub(LIMIT)))?;
            file.take(LIMIT).read_to_end(&mut bytes)
        });
        read.map(|_| Some(bytes)).map_err(|error| unread(path, &error))
    }

    /// The first line of a file without white space around it; `None` when it is not there.
    pub(crate) fn line(&self, path: &str) -> Result<Option<String>, Unread> {
        Ok(self.text(path)?.map(|text| text.lines().next().unwrap_or_default().trim().to_owned()))
    }

    /// The names in a directory, sorted; none when it is not there.
    pub(crate) fn names(&self, path: &str) -> Result<Vec<String>, Unread> {
        let Some(handle) = self.handle(path, OFlags::RDONLY | OFlags::DIRECTORY)? else {
            return Ok(Vec::new());
        };
        let failed = |error: rustix::io::Errno| unread(path, &error.into());
        let mut names = Vec::new();
        for entry in rustix::fs::Dir::read_from(handle).map_err(failed)? {
            let name = entry.map_err(failed)?.file_name().to_string_lossy().into_owned();
            if name != "." && name != ".." {
                names.push(name);
            }
        }
        names.sort();
        Ok(names)
    }

    /// Whether a path leads to something.
    pub(crate) fn exists(&self, path: &str) -> Result<bool, Unread> {
        Ok(self.handle(path, OFlags::PATH)?.is_some())
    }

    /// Type, mode and owner of what a path leads to; `None` when it is not there.
    pub(crate) fn stat(&self, path: &str) -> Result<Option<rustix::fs::Stat>, Unread> {
        let Some(handle) = self.handle(path, OFlags::PATH)? else { return Ok(None) };
        rustix::fs::fstat(&handle).map(Some).map_err(|error| unread(path, &error.into()))
    }

    /// Opens what a path leads to; `None` when it is not there.
    ///
    /// # Errors
    /// Whatever the system says, but for what means that nothing is there.
    pub(crate) fn open(&self, path: &str, flags: OFlags) -> io::Result<Option<OwnedFd>> {
        let flags = flags | OFlags::CLOEXEC;
        let opened = if self.live {
            rustix::fs::openat(CWD, path, flags, Mode::empty())
        } else {
            let inside = path.trim_start_matches('/');
            let inside = if inside.is_empty() { "." } else { inside };
            rustix::fs::openat2(&*self.directory, inside, flags, Mode::empty(), ResolveFlags::IN_ROOT)
        };
        match opened {
            Ok(handle) => Ok(Some(handle)),
            Err(rustix::io::Errno::NOENT | rustix::io::Errno::NOTDIR) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    fn handle(&self, path: &str, flags: OFlags) -> Result<Option<OwnedFd>, Unread> {
        self.open(path, flags).map_err(|error| unread(path, &error))
    }
}

/// Whether the first process has another root directory, as systemd tells a chroot. Who cannot look at it, without
/// `/proc` or the right to, goes by the service manager, which has its folder where it runs.
fn is_chroot() -> bool {
    let place = |stat: Stat| (stat.st_dev, stat.st_ino);
    match rustix::fs::stat("/proc/1/root") {
        Ok(first) => rustix::fs::stat("/").is_ok_and(|ours| place(ours) != place(first)),
        Err(_) => rustix::fs::stat("/run/systemd/system").is_err(),
    }
}

/// Why reading a path failed.
pub(crate) fn unread(path: impl AsRef<Path>, error: &io::Error) -> Unread {
    let path = path.as_ref().display();
    match error.kind() {
        io::ErrorKind::PermissionDenied => Unread::Denied(path.to_string()),
        _ => Unread::Failed(format!("reading {path}: {error}")),
    }
}

/// The names of running processes (the kernel cuts them to 15 bytes), with duplicates.
pub(crate) fn processes(tree: &Tree) -> Result<Vec<String>, Unread> {
    let numbers =
        tree.names("/proc")?.into_iter().filter(|name| name.bytes().all(|byte| byte.is_ascii_digit()));
    let mut names = Vec::new();
    for number in numbers {
        // A process that has ended meanwhile is not running; that is an answer, not an error.
        if let Ok(Some(name)) = tree.line(&format!("/proc/{number}/comm")) {
            names.push(name);
        }
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn links_stay_inside_the_root() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join("usr/lib")).unwrap();
        std::fs::create_dir(folder.path().join("etc")).unwrap();
        std::fs::write(folder.path().join("usr/lib/os-release"), "ID=inside").unwrap();
        symlink("/usr/lib/os-release", folder.path().join("etc/os-release")).unwrap();
        symlink("../../../../../../etc/hostname", folder.path().join("etc/out")).unwrap();
        let tree = Tree::at(folder.path()).unwrap();
        assert_eq!(tree.text("/etc/os-release").unwrap().as_deref(), Some("ID=inside"));
        assert_eq!(tree.text("/etc/out").unwrap(), None);
        assert_eq!(tree.names("/etc").unwrap(), ["os-release", "out"]);
        assert_eq!(tree.names("/nowhere").unwrap(), Vec::<String>::new());
    }

    #[test]
    fn a_huge_file_is_refused_rather_than_read() {
        let folder = tempfile::tempdir().unwrap();
        File::create(folder.path().join("huge")).unwrap().set_len(LIMIT + 1).unwrap();
        File::create(folder.path().join("large")).unwrap().set_len(LIMIT).unwrap();
        let tree = Tree::at(folder.path()).unwrap();
        assert!(matches!(tree.bytes("/huge"), Err(Unread::Malformed(_))));
        assert_eq!(tree.bytes("/large").unwrap().unwrap().len() as u64, LIMIT);
    }
}
