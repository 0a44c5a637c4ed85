//! Nodes of the file system: looked at without following the last link, replaced atomically and durably.
//!
//! A change of a file, link or folder makes a complete new node beside it (`.<name>.groundfast`), gives it its
//! attributes, syncs it and renames it into place, so that at any instant the old or the new one is there.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};

use model::{Attributes, BlobError, Blobs, Digest, FileState, HostError, HostPath, Node, State, Unread};
use rustix::fs::{AtFlags, FileType, Gid, Mode, OFlags, RenameFlags, Stat, Uid, XattrFlags};
use sha2::{Digest as _, Sha256};

use crate::tree::{Tree, unread};

/// Attributes that the system derives from mode, policy or content: carried over when a node is replaced, but
/// no part of its state. (The mask of an access list is the mode's group bits, so a mode change that is taken
/// back takes the list back too.)
const DERIVED: [&str; 5] = [
    "security.selinux",
    "security.ima",
    "security.evm",
    "system.posix_acl_access",
    "system.posix_acl_default",
];

/// The largest list of names and the largest value of extended attributes that Linux has (xattr(7)).
const XATTR_LIMIT: usize = 64 << 10;

/// Kind, mode, owner, group and extended attributes of what a path leads to, links followed inside the root.
pub(crate) fn attributes(tree: &Tree, path: &HostPath) -> Result<State, Unread> {
    let seen = Seen::at(tree, path, true).map_err(|error| unread(path.as_str(), &error))?;
    Ok(seen.map_or(State::Absent, |seen| State::Attributes(seen.attributes)))
}

/// The whole node at a path: attributes, and the digest of its bytes or the target of the link.
pub(crate) fn whole(tree: &Tree, path: &HostPath) -> Result<State, Unread> {
    let fail = |error: io::Error| unread(path.as_str(), &error);
    let Some(seen) = Seen::at(tree, path, false).map_err(fail)? else { return Ok(State::Absent) };
    let (mut content, mut target) = (None, None);
    match seen.attributes.node {
        Node::File => content = Some(hash(&mut seen.open(tree, path, false).map_err(fail)?).map_err(fail)?),
        Node::Link => target = Some(link_target(&seen.handle).map_err(fail)?),
        Node::Directory | Node::Special => {}
    }
    Ok(State::File(FileState { attributes: seen.attributes, content, target }))
}

/// The target of a symbolic link; absent when there is none.
pub(crate) fn link(tree: &Tree, path: &HostPath) -> Result<State, Unread> {
    let fail = |error: io::Error| unread(path.as_str(), &error);
    match tree.open(path.as_str(), OFlags::PATH | OFlags::NOFOLLOW).map_err(fail)? {
        Some(handle) => match rustix::fs::fstat(&handle).map(|stat| node(&stat)) {
            Ok(Node::Link) => link_target(&handle).map(State::Text).map_err(fail),
            Ok(_) => Ok(State::Absent),
            Err(error) => Err(fail(error.into())),
        },
        None => Ok(State::Absent),
    }
}

/// Opens the bytes of a regular file, the last part of its path not followed.
pub(crate) fn open(tree: &Tree, path: &HostPath) -> Result<File, Unread> {
    let fail = |error: io::Error| unread(path.as_str(), &error);
    let seen = Seen::at(tree, path, false).map_err(fail)?;
    let seen = seen.ok_or_else(|| Unread::Failed(format!("{path} is not there")))?;
    if seen.attributes.node != Node::File {
        return Err(Unread::Malformed(format!("{path} is not a regular file")));
    }
    seen.open(tree, path, false).map_err(fail)
}

/// A node that was looked at, held by a handle.
struct Seen {
    handle: OwnedFd,
    inode: (u64, u64),
    attributes: Attributes,
}

impl Seen {
    fn at(tree: &Tree, path: &HostPath, follow: bool) -> io::Result<Option<Self>> {
        let nofollow = if follow { OFlags::empty() } else { OFlags::NOFOLLOW };
        let Some(handle) = tree.open(path.as_str(), OFlags::PATH | nofollow)? else { return Ok(None) };
        let stat = rustix::fs::fstat(&handle)?;
        let inode = (stat.st_dev, stat.st_ino);
        let (mode, uid, gid) = (stat.st_mode & 0o7777, stat.st_uid, stat.st_gid);
        let attributes = Attributes { node: node(&stat), mode, uid, gid, xattrs: BTreeMap::new() };
        let mut seen = Self { handle, inode, attributes };
        if matches!(seen.attributes.node, Node::File | Node::Directory) {
            match seen.open(tree, path, follow) {
                Ok(file) => seen.attributes.xattrs = stated_xattrs(&file)?,
                // Whoever may not read a node may not change it either; its mode can be judged all the same.
                Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {}
                Err(error) => return Err(error),
            }
        }
        Ok(Some(seen))
    }

    /// Opens the node for reading, by its name again but only if it is still the same node. (A path handle
    /// can be neither read nor asked for extended attributes, and `/proc` may be missing in a chroot.)
    fn open(&self, tree: &Tree, path: &HostPath, follow: bool) -> io::Result<File> {
        let nofollow = if follow { OFlags::empty() } else { OFlags::NOFOLLOW };
        let opened = tree.open(path.as_str(), OFlags::RDONLY | OFlags::NONBLOCK | nofollow)?;
        let file = File::from(opened.ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))?);
        let stat = rustix::fs::fstat(&file)?;
        if (stat.st_dev, stat.st_ino) == self.inode {
            Ok(file)
        } else {
            Err(io::Error::other("it was replaced while it was being looked at"))
        }
    }
}

/// Changes attributes of an existing node. Owner first, since a change of owner clears set-id bits.
pub(crate) fn put_attributes(
    tree: &Tree,
    path: &HostPath,
    from: &State,
    to: &State,
) -> Result<(), HostError> {
    let fail = |error: io::Error| host_error(path, &error);
    let State::Attributes(wanted) = to else {
        return Err(HostError::Unsupported(format!("attributes of {path} cannot become {to}")));
    };
    let seen = Seen::at(tree, path, true).map_err(fail)?;
    let seen = seen.ok_or_else(|| HostError::Stale(path.to_string()))?;
    if State::Attributes(seen.attributes.clone()) != *from || seen.attributes.node != wanted.node {
        return Err(HostError::Stale(path.to_string()));
    }
    let file = seen.open(tree, path, true).map_err(fail)?;
    apply(&file, &seen.attributes, wanted).map_err(fail)?;
    file.sync_all().map_err(fail)
}

/// Replaces, makes or removes a node.
pub(crate) fn put_whole(
    tree: &Tree,
    path: &HostPath,
    from: &State,
    to: &State,
    bytes: &dyn Blobs,
) -> Result<(), HostError> {
    let fail = |error: io::Error| host_error(path, &error);
    let parent = parent(tree, path)?;
    let seen = whole(tree, path).map_err(|error| HostError::Failed(error.to_string()))?;
    if seen != *from {
        return Err(HostError::Stale(path.to_string()));
    }
    match to {
        State::Absent => remove(&parent, path, from)?,
        State::File(wanted) => match wanted.attributes.node {
            Node::File => write_file(tree, &parent, path, wanted, bytes)?,
            Node::Link => write_link(&parent, path, wanted).map_err(fail)?,
            Node::Directory => make_directory(tree, &parent, path, wanted)?,
            Node::Special => return Err(HostError::Unsupported(format!("{path} is a special file"))),
        },
        _ => return Err(HostError::Unsupported(format!("{path} cannot become {to}"))),
    }
    rustix::fs::fsync(&parent).map_err(|error| fail(error.into()))
}

/// Removes the half-written node that an interrupted change may have left beside a path.
pub(crate) fn settle(tree: &Tree, path: &HostPath) -> Result<(), HostError> {
    let Some(above) = path.parent() else { return Ok(()) };
    let opened = tree.open(above.as_str(), OFlags::PATH | OFlags::DIRECTORY);
    let Some(parent) = opened.map_err(|error| host_error(path, &error))? else { return Ok(()) };
    // Looked at first: a read-only file system refuses to remove even what is not there.
    let stat = match rustix::fs::statat(&parent, beside(path), AtFlags::SYMLINK_NOFOLLOW) {
        Err(rustix::io::Errno::NOENT | rustix::io::Errno::NOTDIR) => return Ok(()),
        other => other.map_err(|error| host_error(path, &error.into()))?,
    };
    // A folder that was being made: nothing was put into it yet.
    let folder = rustix::fs::FileType::from_raw_mode(stat.st_mode).is_dir();
    let how = if folder { AtFlags::REMOVEDIR } else { AtFlags::empty() };
    rustix::fs::unlinkat(&parent, beside(path), how).map_err(|error| host_error(path, &error.into()))
}

fn beside(path: &HostPath) -> String {
    format!(".{}.groundfast", path.name())
}

fn parent(tree: &Tree, path: &HostPath) -> Result<OwnedFd, HostError> {
    let above =
        path.parent().ok_or_else(|| HostError::Unsupported("the root cannot be replaced".to_owned()))?;
    let opened = tree.open(above.as_str(), OFlags::RDONLY | OFlags::DIRECTORY);
    let opened = opened.map_err(|error| host_error(path, &error))?;
    opened.ok_or_else(|| HostError::Failed(format!("{path}: {above} is not there")))
}

fn write_file(
    tree: &Tree,
    parent: &OwnedFd,
    path: &HostPath,
    wanted: &FileState,
    bytes: &dyn Blobs,
) -> Result<(), HostError> {
    let fail = |error: io::Error| host_error(path, &error);
    let digest = wanted.content.ok_or_else(|| HostError::Failed(format!("{path}: no content is planned")))?;
    settle(tree, path)?;
    let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let made = rustix::fs::openat(parent, beside(path), flags, Mode::from_raw_mode(0o600));
    let mut file = File::from(made.map_err(|error| fail(error.into()))?);
    let written = copy(bytes, &digest, &mut file)
        .and_then(|()| carry_over(tree, path, &file).map_err(fail))
        .and_then(|()| {
            apply(&file, &Attributes::of_root(Node::File, 0o600), &wanted.attributes).map_err(fail)
        })
        .and_then(|()| file.sync_all().map_err(fail))
        .and_then(|()| {
            rustix::fs::renameat(parent, beside(path), parent, path.name())
                .map_err(|error| fail(error.into()))
        });
    if written.is_err() {
        settle(tree, path)?;
    }
    written
}

/// Copies bytes by digest, checking them on the way.
fn copy(bytes: &dyn Blobs, digest: &Digest, file: &mut File) -> Result<(), HostError> {
    let full = |error: io::Error| match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => HostError::NoSpace(error.to_string()),
        _ => HostError::Failed(error.to_string()),
    };
    let mut reader = bytes.open(digest).map_err(|error| HostError::Failed(error.to_string()))?;
    let (mut hash, mut buffer) = (Sha256::new(), vec![0; 64 << 10]);
    loop {
        let read = reader.read(&mut buffer).map_err(full)?;
        if read == 0 {
            break;
        }
        hash.update(&buffer[..read]);
        file.write_all(&buffer[..read]).map_err(full)?;
    }
    let seen = Digest::from_sha256(hash.finalize().into());
    if seen == *digest { Ok(()) } else { Err(HostError::Failed(BlobError::Corrupt(*digest).to_string())) }
}

/// Gives the new node the derived attributes (label, access list) of the one it replaces.
fn carry_over(tree: &Tree, path: &HostPath, file: &File) -> io::Result<()> {
    let Some(seen) = Seen::at(tree, path, false)? else { return Ok(()) };
    if seen.attributes.node != Node::File {
        return Ok(());
    }
    let old = seen.open(tree, path, false)?;
    for name in xattr_names(&old)?.iter().filter(|name| DERIVED.contains(&name.as_str())) {
        let value = xattr_value(&old, name)?;
        match rustix::fs::fsetxattr(file, name.as_str(), &value, XattrFlags::empty()) {
            // Kernels without the module, and file systems that label by mount, refuse what they own.
            Ok(()) | Err(rustix::io::Errno::OPNOTSUPP | rustix::io::Errno::PERM) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

fn write_link(parent: &OwnedFd, path: &HostPath, wanted: &FileState) -> io::Result<()> {
    let target = wanted.target.as_deref().unwrap_or_default();
    match rustix::fs::unlinkat(parent, beside(path), AtFlags::empty()) {
        Ok(()) | Err(rustix::io::Errno::NOENT) => {}
        Err(error) => return Err(error.into()),
    }
    rustix::fs::symlinkat(target, parent, beside(path))?;
    let owner = (Uid::from_raw(wanted.attributes.uid), Gid::from_raw(wanted.attributes.gid));
    rustix::fs::chownat(parent, beside(path), Some(owner.0), Some(owner.1), AtFlags::SYMLINK_NOFOLLOW)?;
    rustix::fs::renameat(parent, beside(path), parent, path.name())?;
    Ok(())
}

/// Makes a folder beside its place and gives it its name when it is whole. It never takes the place of another.
fn make_directory(
    tree: &Tree,
    parent: &OwnedFd,
    path: &HostPath,
    wanted: &FileState,
) -> Result<(), HostError> {
    let fail = |error: rustix::io::Errno| host_error(path, &error.into());
    settle(tree, path)?;
    rustix::fs::mkdirat(parent, beside(path), Mode::from_raw_mode(0o700)).map_err(fail)?;
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let made = rustix::fs::openat(parent, beside(path), flags, Mode::empty()).map_err(fail)?;
    let made = File::from(made);
    let named = apply(&made, &Attributes::of_root(Node::Directory, 0o700), &wanted.attributes)
        .and_then(|()| made.sync_all())
        .map_err(|error| host_error(path, &error))
        .and_then(|()| {
            let flags = RenameFlags::NOREPLACE;
            rustix::fs::renameat_with(parent, beside(path), parent, path.name(), flags).map_err(fail)
        });
    if named.is_err() {
        settle(tree, path)?;
    }
    named
}

fn remove(parent: &OwnedFd, path: &HostPath, from: &State) -> Result<(), HostError> {
    let directory = matches!(from, State::File(file) if file.attributes.node == Node::Directory);
    let flags = if directory { AtFlags::REMOVEDIR } else { AtFlags::empty() };
    rustix::fs::unlinkat(parent, path.name(), flags).map_err(|error| host_error(path, &error.into()))
}

fn apply(file: &File, present: &Attributes, wanted: &Attributes) -> io::Result<()> {
    if (present.uid, present.gid) != (wanted.uid, wanted.gid) {
        rustix::fs::fchown(file, Some(Uid::from_raw(wanted.uid)), Some(Gid::from_raw(wanted.gid)))?;
    }
    rustix::fs::fchmod(file, Mode::from_raw_mode(wanted.mode))?;
    for (name, value) in &wanted.xattrs {
        let value = hex::decode(value).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
        rustix::fs::fsetxattr(file, name.as_str(), &value, XattrFlags::empty())?;
    }
    for name in present.xattrs.keys().filter(|name| !wanted.xattrs.contains_key(*name)) {
        rustix::fs::fremovexattr(file, name.as_str())?;
    }
    Ok(())
}

/// The extended attributes that are part of a node's state, values in hexadecimal.
fn stated_xattrs(file: &File) -> io::Result<BTreeMap<String, String>> {
    let mut xattrs = BTreeMap::new();
    for name in xattr_names(file)? {
        if !DERIVED.contains(&name.as_str()) {
            let value = hex::encode(xattr_value(file, &name)?);
            xattrs.insert(name, value);
        }
    }
    Ok(xattrs)
}

pub(crate) fn node(stat: &Stat) -> Node {
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile => Node::File,
        FileType::Directory => Node::Directory,
        FileType::Symlink => Node::Link,
        _ => Node::Special,
    }
}

fn link_target(handle: &OwnedFd) -> io::Result<String> {
    let target = rustix::fs::readlinkat(handle, "", Vec::new())?;
    target
        .into_string()
        .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "the link's target is not UTF-8"))
}

fn xattr_names(file: impl AsFd) -> io::Result<Vec<String>> {
    let mut names = vec![0_u8; XATTR_LIMIT];
    let length = match rustix::fs::flistxattr(file, &mut names) {
        Ok(length) => length,
        Err(rustix::io::Errno::OPNOTSUPP) => 0,
        Err(error) => return Err(error.into()),
    };
    let list = names[..length].split(|byte| *byte == 0).filter(|name| !name.is_empty());
    Ok(list.map(|name| String::from_utf8_lossy(name).into_owned()).collect())
}

fn xattr_value(file: impl AsFd, name: &str) -> io::Result<Vec<u8>> {
    let mut value = vec![0_u8; XATTR_LIMIT];
    let length = rustix::fs::fgetxattr(file, name, &mut value)?;
    value.truncate(length);
    Ok(value)
}

/// The digest of everything a reader yields.
pub(crate) fn hash(reader: &mut dyn Read) -> io::Result<Digest> {
    let (mut hash, mut buffer) = (Sha256::new(), vec![0; 64 << 10]);
    loop {
        let read = reader.read(&mut buffer)?;
        if read == 0 {
            return Ok(Digest::from_sha256(hash.finalize().into()));
        }
        hash.update(&buffer[..read]);
    }
}

pub(crate) fn host_error(path: &HostPath, error: &io::Error) -> HostError {
    let text = format!("{path}: {error}");
    match error.kind() {
        io::ErrorKind::PermissionDenied => HostError::Denied(text),
        io::ErrorKind::ReadOnlyFilesystem => HostError::ReadOnly(text),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => HostError::NoSpace(text),
        _ => HostError::Failed(text),
    }
}

#[cfg(test)]
#[path = "files_tests.rs"]
mod tests;
