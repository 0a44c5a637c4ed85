//! Replacing, making and removing nodes, and every way in which it must not happen.

use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;

use model::{Blobs, Keep, Resource};

use super::*;

/// Bytes that a change may name.
#[derive(Default)]
struct Bytes(std::sync::Mutex<std::collections::BTreeMap<Digest, Vec<u8>>>);

impl Keep for Bytes {
    fn keep(&self, bytes: &mut dyn Read) -> Result<Digest, BlobError> {
        let mut all = Vec::new();
        bytes.read_to_end(&mut all)?;
        let digest = hash(&mut all.as_slice())?;
        self.0.lock().unwrap().insert(digest, all);
        Ok(digest)
    }
}

impl Blobs for Bytes {
    fn open(&self, digest: &Digest) -> Result<Box<dyn Read + Send>, BlobError> {
        let bytes = self.0.lock().unwrap().get(digest).cloned().ok_or(BlobError::Missing(*digest))?;
        Ok(Box::new(io::Cursor::new(bytes)))
    }
}

fn path(text: &str) -> HostPath {
    text.parse().unwrap()
}

fn file(bytes: &Bytes, text: &str, mode: u32) -> State {
    let content = Some(bytes.keep(&mut text.as_bytes()).unwrap());
    State::File(FileState { attributes: Attributes::of_root(Node::File, mode), content, target: None })
}

fn place() -> (tempfile::TempDir, Tree, Bytes) {
    let folder = tempfile::tempdir().unwrap();
    let tree = Tree::at(folder.path()).unwrap();
    (folder, tree, Bytes::default())
}

/// What is in a folder: a half-made change would show.
fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn a_file_is_made_replaced_and_removed_with_all_that_it_carries() {
    let (folder, tree, bytes) = place();
    let at = path("/conf");
    let (first, second) = (file(&bytes, "one\n", 0o640), file(&bytes, "two\n", 0o600));
    put_whole(&tree, &at, &State::Absent, &first, &bytes).unwrap();
    assert_eq!(whole(&tree, &at), Ok(first.clone()));
    rustix::fs::setxattr(folder.path().join("conf"), "user.note", b"kept", XattrFlags::empty()).unwrap();
    let noted = whole(&tree, &at).unwrap();
    assert_ne!(noted, first, "extended attributes are part of the state");
    put_whole(&tree, &at, &noted, &second, &bytes).unwrap();
    assert_eq!(whole(&tree, &at), Ok(second.clone()));
    put_whole(&tree, &at, &second, &noted, &bytes).unwrap();
    assert_eq!(whole(&tree, &at), Ok(noted.clone()), "the inverse brings bytes, mode and attributes back");
    put_whole(&tree, &at, &noted, &State::Absent, &bytes).unwrap();
    assert_eq!(names(folder.path()), Vec::<String>::new());
}

#[test]
fn links_and_directories_are_nodes_too() {
    let (folder, tree, bytes) = place();
    let link = |target: &str| {
        let attributes = Attributes::of_root(Node::Link, 0o777);
        State::File(FileState { attributes, content: None, target: Some(target.to_owned()) })
    };
    let directory = State::File(FileState {
        attributes: Attributes::of_root(Node::Directory, 0o755),
        content: None,
        target: None,
    });
    put_whole(&tree, &path("/d"), &State::Absent, &directory, &bytes).unwrap();
    put_whole(&tree, &path("/d/mask"), &State::Absent, &link("/dev/null"), &bytes).unwrap();
    assert_eq!(whole(&tree, &path("/d/mask")), Ok(link("/dev/null")));
    let text = file(&bytes, "unit\n", 0o644);
    put_whole(&tree, &path("/d/mask"), &link("/dev/null"), &text, &bytes).unwrap();
    assert_eq!(whole(&tree, &path("/d/mask")), Ok(text.clone()), "a file replaces the link, not its target");
    let full = put_whole(&tree, &path("/d"), &directory, &State::Absent, &bytes);
    assert!(matches!(full, Err(HostError::Failed(_))), "a directory with something in it stays: {full:?}");
    put_whole(&tree, &path("/d/mask"), &text, &State::Absent, &bytes).unwrap();
    put_whole(&tree, &path("/d"), &directory, &State::Absent, &bytes).unwrap();
    assert_eq!(names(folder.path()), Vec::<String>::new());
}

#[test]
fn a_change_of_somebody_else_is_never_overwritten() {
    let (folder, tree, bytes) = place();
    let at = path("/conf");
    std::fs::write(folder.path().join("conf"), "theirs\n").unwrap();
    let stale = put_whole(&tree, &at, &State::Absent, &file(&bytes, "ours\n", 0o600), &bytes);
    assert!(matches!(stale, Err(HostError::Stale(_))), "{stale:?}");
    let seen = attributes(&tree, &at).unwrap();
    std::fs::set_permissions(folder.path().join("conf"), std::fs::Permissions::from_mode(0o666)).unwrap();
    let stale = put_attributes(&tree, &at, &seen, &State::Attributes(Attributes::of_root(Node::File, 0o600)));
    assert!(matches!(stale, Err(HostError::Stale(_))), "{stale:?}");
    assert_eq!(std::fs::read_to_string(folder.path().join("conf")).unwrap(), "theirs\n");
}

#[test]
fn bytes_that_are_missing_or_wrong_leave_nothing_behind() {
    let (folder, tree, bytes) = place();
    let wanted = file(&bytes, "good\n", 0o600);
    bytes.0.lock().unwrap().values_mut().for_each(|value| *value = b"evil\n".to_vec());
    assert!(put_whole(&tree, &path("/conf"), &State::Absent, &wanted, &bytes).is_err());
    bytes.0.lock().unwrap().clear();
    assert!(put_whole(&tree, &path("/conf"), &State::Absent, &wanted, &bytes).is_err());
    assert_eq!(names(folder.path()), Vec::<String>::new());
}

#[test]
fn what_an_interrupted_change_left_is_settled() {
    let (folder, tree, bytes) = place();
    std::fs::write(folder.path().join(".conf.groundfast"), "half").unwrap();
    settle(&tree, &path("/conf")).unwrap();
    assert_eq!(names(folder.path()), Vec::<String>::new());
    std::fs::write(folder.path().join(".conf.groundfast"), "half").unwrap();
    put_whole(&tree, &path("/conf"), &State::Absent, &file(&bytes, "whole\n", 0o600), &bytes).unwrap();
    assert_eq!(names(folder.path()), ["conf"], "the next change of the same file is not in its way");
}

#[test]
fn a_link_cannot_lead_a_change_out_of_the_root() {
    let (folder, _, bytes) = place();
    let outside = folder.path().join("outside");
    std::fs::create_dir_all(folder.path().join("root/etc")).unwrap();
    std::fs::create_dir(&outside).unwrap();
    std::fs::write(outside.join("conf"), "theirs\n").unwrap();
    symlink(&outside, folder.path().join("root/absolute")).unwrap();
    symlink("../outside", folder.path().join("root/relative")).unwrap();
    symlink("/etc", folder.path().join("root/inside")).unwrap();
    let tree = Tree::at(&folder.path().join("root")).unwrap();
    for way in ["/absolute/conf", "/relative/conf"] {
        assert_eq!(whole(&tree, &path(way)), Ok(State::Absent), "{way}");
        let led = put_whole(&tree, &path(way), &State::Absent, &file(&bytes, "ours\n", 0o600), &bytes);
        assert!(led.is_err(), "{way}");
    }
    assert_eq!(std::fs::read_to_string(outside.join("conf")).unwrap(), "theirs\n");
    // The good twin: an absolute link that stays inside is followed inside.
    put_whole(&tree, &path("/inside/conf"), &State::Absent, &file(&bytes, "ours\n", 0o600), &bytes).unwrap();
    assert!(folder.path().join("root/etc/conf").exists());
}

#[test]
fn attributes_change_in_place_and_set_id_bits_survive_a_change_of_owner() {
    let (folder, tree, _) = place();
    let inside = folder.path().join("tool");
    std::fs::write(&inside, "x").unwrap();
    std::fs::set_permissions(&inside, std::fs::Permissions::from_mode(0o4755)).unwrap();
    let before = attributes(&tree, &path("/tool")).unwrap();
    let inode = std::fs::metadata(&inside).unwrap().ino();
    let State::Attributes(old) = before.clone() else { panic!("{before}") };
    let to = State::Attributes(Attributes { uid: 7, gid: 8, ..old });
    put_attributes(&tree, &path("/tool"), &before, &to).unwrap();
    assert_eq!(attributes(&tree, &path("/tool")), Ok(to.clone()));
    put_attributes(&tree, &path("/tool"), &to, &before).unwrap();
    assert_eq!(attributes(&tree, &path("/tool")), Ok(before));
    assert_eq!(std::fs::metadata(&inside).unwrap().ino(), inode, "the file itself was never replaced");
}

#[test]
fn only_regular_files_have_bytes() {
    let (folder, tree, _) = place();
    std::fs::create_dir(folder.path().join("d")).unwrap();
    symlink("d", folder.path().join("l")).unwrap();
    std::fs::write(folder.path().join("f"), "text").unwrap();
    let read = |name: &str| open(&tree, &path(name)).is_ok();
    assert!(read("/f") && !read("/d") && !read("/l") && !read("/nothing"));
    let resource = Resource::File { path: path("/f") };
    assert_eq!(resource.stage(), Some(model::StageKind::File));
}

#[test]
fn a_folder_has_its_name_only_when_it_is_whole() {
    let (folder, tree, bytes) = place();
    let directory = |mode: u32| {
        let attributes = Attributes::of_root(Node::Directory, mode);
        State::File(FileState { attributes, content: None, target: None })
    };
    // What a kill between making and naming left.
    std::fs::create_dir(folder.path().join(".d.groundfast")).unwrap();
    settle(&tree, &path("/d")).unwrap();
    assert_eq!(names(folder.path()), Vec::<String>::new());
    std::fs::create_dir(folder.path().join(".d.groundfast")).unwrap();
    put_whole(&tree, &path("/d"), &State::Absent, &directory(0o750), &bytes).unwrap();
    assert_eq!(whole(&tree, &path("/d")), Ok(directory(0o750)));
    assert_eq!(names(folder.path()), ["d"]);
    // It fails whole, too: an attribute that cannot be given leaves nothing behind.
    let State::File(mut bad) = directory(0o750) else { unreachable!("a node") };
    bad.attributes.xattrs.insert("user.x".to_owned(), "not hexadecimal".to_owned());
    assert!(put_whole(&tree, &path("/e"), &State::Absent, &State::File(bad), &bytes).is_err());
    assert_eq!(names(folder.path()), ["d"]);
}
