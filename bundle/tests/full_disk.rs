//! A full disk, for real: a small tmpfs in a mount namespace of the test's own.
#![allow(clippy::disallowed_methods, clippy::unwrap_used, clippy::print_stdout, reason = "test set-up")]

mod support;

use std::path::PathBuf;
use std::process::Command;

use bundle::{Error, Refusal, Store};
use support::{Product, SPEC, now};

/// Set for the inner run: the directory that is the small tmpfs, and what must come of unpacking into it.
const PLACE: &str = "GROUNDFAST_TEST_PLACE";
const EXPECTED: &str = "GROUNDFAST_TEST_EXPECTED";

/// Runs `inner` in a mount namespace with a tmpfs of this size; does nothing without the right to mount.
fn unpack_into(size: &str, expected: &str) {
    let dir = tempfile::tempdir().unwrap();
    let script = r#"mount -t tmpfs -o "size=$1" tmpfs "$2" || exit 77; exec "$3" --exact inner --ignored"#;
    let run = Command::new("unshare")
        .args(["--mount", "--", "sh", "-c", script, "sh", size])
        .arg(dir.path())
        .arg(std::env::current_exe().unwrap())
        .env(PLACE, dir.path())
        .env(EXPECTED, expected)
        .output();
    match run.map(|output| (output.status.code(), output)) {
        Ok((Some(0), output)) => assert!(String::from_utf8_lossy(&output.stdout).contains("1 passed")),
        Ok((Some(1 | 77), output)) if !String::from_utf8_lossy(&output.stdout).contains("running") => {
            println!("left out: no right to mount");
        }
        Ok((_, output)) => panic!("{}", String::from_utf8_lossy(&output.stdout)),
        Err(error) => println!("left out: no unshare ({error})"),
    }
}

#[test]
fn room_suffices() {
    unpack_into("1m", "done");
}

#[test]
fn a_disk_that_fills_up_gives_a_typed_error_and_leaves_no_unfinished_blob() {
    unpack_into("24k", "full");
}

#[test]
fn a_disk_that_cannot_suffice_is_refused_before_the_first_blob() {
    unpack_into("4k", "refused");
}

#[test]
#[ignore = "run by the others, inside their mount namespace"]
fn inner() {
    let place = PathBuf::from(std::env::var_os(PLACE).unwrap());
    let product = Product::new();
    // Bytes that do not compress, so that the bundle is larger than the smallest disk.
    let noise: Vec<u8> =
        (0..400_u32).flat_map(|at| *bundle::digest(&at.to_le_bytes()).as_bytes()).take(6000).collect();
    std::fs::write(product.path("config/noise.bin"), noise).unwrap();
    product.create(SPEC, "b.tar").unwrap();
    let verified = product.verify(&product.path("b.tar")).unwrap();
    let store = Store::open(&place.join("store")).unwrap();
    let unpacked = verified.unpack(&store, now(), &());
    match std::env::var(EXPECTED).unwrap().as_str() {
        "done" => assert!(unpacked.is_ok(), "{unpacked:?}"),
        "full" => assert!(matches!(unpacked, Err(Error::NoSpace { .. })), "{unpacked:?}"),
        _ => assert!(matches!(unpacked, Err(Error::Refused(Refusal::Space { .. }))), "{unpacked:?}"),
    }
    for blob in std::fs::read_dir(place.join("store/blobs/sha256")).unwrap() {
        let blob = blob.unwrap();
        let bytes = std::fs::read(blob.path()).unwrap();
        assert_eq!(bundle::digest(&bytes).hex(), blob.file_name().to_string_lossy());
    }
    assert_eq!(std::fs::read_dir(place.join("store/staging")).unwrap().count(), 0);
}
