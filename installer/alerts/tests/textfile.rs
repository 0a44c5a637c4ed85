//! The file for node exporter: whole, readable, never through a link.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::disallowed_methods,
    reason = "a test that cannot be set up must stop, and tests make their own places"
)]

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

use alerts::write_textfile;

#[test]
fn it_takes_the_place_of_what_was_there() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("groundfast.prom");
    write_textfile(&path, "a 1\n").unwrap();
    write_textfile(&path, "a 2\n").unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), "a 2\n");
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o644);

    // Whoever owns the folder may put a link there; what it leads to stays as it is.
    let victim = folder.path().join("victim");
    fs::write(&victim, "mine").unwrap();
    fs::remove_file(&path).unwrap();
    symlink(&victim, &path).unwrap();
    symlink(&victim, folder.path().join(format!(".groundfast.prom.{}", std::process::id()))).unwrap();
    write_textfile(&path, "a 3\n").unwrap();
    assert_eq!(fs::read_to_string(&victim).unwrap(), "mine");
    assert_eq!(fs::read_to_string(&path).unwrap(), "a 3\n");
    assert!(!fs::symlink_metadata(&path).unwrap().is_symlink());
    let left: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left.len(), 2, "nothing is left beside it: {left:?}");
    assert!(write_textfile(&folder.path().join("none/groundfast.prom"), "a").is_err());
}
