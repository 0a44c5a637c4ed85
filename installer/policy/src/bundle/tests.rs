use std::fs;

use super::*;

const RULE: &str = "package a\nimport rego.v1\nallow := true\n";

fn tar_of(files: &[(&str, &str)]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (path, content) in files {
        let mut header = tar::Header::new_ustar();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        // Written by hand, since the builder refuses the hostile names that the tests are about.
        header.as_mut_bytes()[..path.len()].copy_from_slice(path.as_bytes());
        header.set_cksum();
        builder.append(&header, content.as_bytes()).unwrap();
    }
    builder.into_inner().unwrap()
}

fn store(bytes: &[u8]) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("policy.tar");
    #[expect(clippy::disallowed_methods, reason = "test set-up")]
    fs::write(&path, bytes).unwrap();
    (folder, path)
}

#[test]
fn a_tar_and_its_gzip_hold_the_same_policy() {
    use std::io::Write;
    let tar = tar_of(&[("./a.rego", RULE), ("x/data.json", "{\"n\":1}"), ("a_test.rego", "broken")]);
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(&tar).unwrap();
    for bytes in [tar, gzip.finish().unwrap()] {
        let (_folder, path) = store(&bytes);
        let bundle = Bundle::read(&path, None).unwrap();
        assert_eq!(bundle.modules.keys().collect::<Vec<_>>(), ["a.rego"]);
        assert_eq!(bundle.data, [(vec!["x".to_owned()], serde_json::json!({ "n": 1 }))]);
        assert_eq!(bundle.digest.as_bytes(), sha2::Sha256::digest(&bytes).as_slice());
    }
}

#[test]
fn other_bytes_than_the_pinned_ones_are_refused() {
    let (_folder, path) = store(&tar_of(&[("a.rego", RULE)]));
    let digest = digest_of(&path).unwrap();
    assert!(Bundle::read(&path, Some(&digest)).is_ok());
    let (_folder, other) = store(&tar_of(&[("a.rego", &RULE.replace("true", "!!!!"))]));
    assert!(
        matches!(Bundle::read(&other, Some(&digest)), Err(BundleError::Pinned { pinned, .. }) if pinned == digest)
    );
}

#[test]
fn hostile_archives_are_refused() {
    let many: Vec<_> = (0..=MAX_FILES).map(|number| format!("{number}.rego")).collect();
    let many: Vec<_> = many.iter().map(|name| (name.as_str(), RULE)).collect();
    let cases: [(&str, Vec<u8>); 6] = [
        ("climbs out", tar_of(&[("a/../../b.rego", RULE)])),
        ("twice", tar_of(&[("a.rego", RULE), ("./a.rego", RULE)])),
        ("no policy", tar_of(&[("data.json", "{}")])),
        ("broken data", tar_of(&[("a.rego", RULE), ("data.json", "{")])),
        ("too many files", tar_of(&many)),
        ("not a tar", vec![7; 2048]),
    ];
    for (what, bytes) in cases {
        let (_folder, path) = store(&bytes);
        assert!(Bundle::read(&path, None).is_err(), "{what}");
    }
}

#[test]
fn a_bomb_is_refused_before_it_fills_the_memory() {
    use std::io::Write;
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    gzip.write_all(&tar_of(&[("a.rego", &" ".repeat(MAX_BYTES as usize + 1))])).unwrap();
    let (_folder, path) = store(&gzip.finish().unwrap());
    assert!(matches!(Bundle::read(&path, None), Err(BundleError::TooLarge(_))));
}

#[test]
fn a_folder_is_read_without_following_links() {
    let folder = tempfile::tempdir().unwrap();
    #[expect(clippy::disallowed_methods, reason = "test set-up")]
    fs::write(folder.path().join("a.rego"), RULE).unwrap();
    let before = Bundle::read(folder.path(), None).unwrap();
    assert_eq!(before.modules.len(), 1);
    std::os::unix::fs::symlink("/etc/passwd", folder.path().join("b.rego")).unwrap();
    assert!(matches!(Bundle::read(folder.path(), None), Err(BundleError::Content(_))));
}
