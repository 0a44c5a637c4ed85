//! A good bundle, made, verified, unpacked, resumed, extracted.
#![allow(clippy::disallowed_methods, clippy::unwrap_used, reason = "test set-up")]

mod support;

use std::fs;
use std::io::Read;
use std::sync::atomic::{AtomicU64, Ordering};

use bundle::{Bundle, Error, Expectations, Progress, Refusal, Store};
use model::Blobs;
use support::{Product, SPEC, now};

#[test]
fn the_same_inputs_give_the_same_root_and_all_but_the_signature_byte_for_byte() {
    let product = Product::new();
    let first = product.create(SPEC, "one.tar").unwrap();
    let second = product.create(SPEC, "two.tar").unwrap();
    assert_eq!(first.statement, second.statement);
    let (one, two) =
        (support::take_apart(&product.path("one.tar")), support::take_apart(&product.path("two.tar")));
    for (a, b) in one.iter().zip(&two).filter(|(a, _)| a.name != bundle::member::SIGNATURE) {
        assert!(a.name == b.name && a.bytes == b.bytes, "{} {}", a.name, b.name);
    }
    let other = product.create(&SPEC.replace("release = 7", "release = 8"), "three.tar").unwrap();
    assert_ne!(first.statement.root, other.statement.root);
}

#[test]
fn contents_are_typed_and_match_what_went_in() {
    let product = Product::new();
    product.create(SPEC, "b.tar").unwrap();
    let verified = product.verify(&product.path("b.tar")).unwrap();
    let store = Store::open(&product.path("store")).unwrap();
    let contents = verified.unpack(&store, now(), &()).unwrap();
    let names: Vec<_> = contents.images.iter().map(|image| (&*image.name, &*image.user)).collect();
    assert_eq!(names, [("demo/app:1.2.3", "10001"), ("demo/db:1.2.3", "postgres:postgres")]);
    let compose = contents.compose().next().unwrap();
    assert_eq!(contents.bytes(compose, &store).unwrap(), b"services: {}\n");
    let titles: Vec<_> = contents.role("config").map(|file| &*file.title).collect();
    assert_eq!(titles, ["config/nested/empty.txt", "config/nginx.conf"]);
    assert_eq!(contents.declarations.cpu, 1);
    let policy = contents.bytes(contents.policy().unwrap(), &store).unwrap();
    let mut entries = tar::Archive::new(flate2::read::GzDecoder::new(policy.as_slice()));
    let paths: Vec<_> =
        entries.entries().unwrap().map(|entry| entry.unwrap().path().unwrap().into_owned()).collect();
    assert_eq!(paths, [std::path::Path::new("main.rego")]);
    // The layer unpacks to what the configuration promises.
    let image = &contents.images[0];
    let mut layer = Vec::new();
    let compressed = store.open(&image.layers[0].digest).unwrap();
    zstd::Decoder::new(compressed).unwrap().read_to_end(&mut layer).unwrap();
    assert_eq!(bundle::digest(&layer), image.diff_ids[0]);
    // The release can be read again from the store alone.
    assert_eq!(store.release(&contents.root, &product.pinned()).unwrap(), contents);
    assert!(store.release(&contents.root, &Product::new().trust()).is_err());
}

/// Cancels after so many bytes, and counts them.
struct Until(u64, AtomicU64);

impl Progress for Until {
    fn advance(&self, bytes: u64) {
        self.1.fetch_add(bytes, Ordering::Relaxed);
    }

    fn cancelled(&self) -> bool {
        self.1.load(Ordering::Relaxed) >= self.0
    }
}

#[test]
fn an_interrupted_unpack_goes_on_and_a_second_one_writes_nothing() {
    let product = Product::new();
    let created = product.create(SPEC, "b.tar").unwrap();
    let verified = product.verify(&product.path("b.tar")).unwrap();
    let store = Store::open(&product.path("store")).unwrap();
    let unpack = |limit| {
        let until = Until(limit, AtomicU64::new(0));
        (verified.unpack(&store, now(), &until), until.1.into_inner())
    };
    let (cancelled, first) = unpack(1200);
    assert!(matches!(cancelled, Err(Error::Cancelled)));
    let staged = fs::read_dir(product.path("store/staging")).unwrap().count();
    assert_eq!(staged, 0, "the unfinished part is removed");
    assert!(store.state().unwrap().channels.is_empty());
    let (done, second) = unpack(u64::MAX);
    done.unwrap();
    let root =
        created.statement.predicate.blobs.iter().find(|blob| blob.path.ends_with("root.json")).unwrap();
    let total = created.statement.predicate.total_size - root.size;
    assert!(second < total && first + second >= total, "{first} + {second} of {total}");
    assert_eq!(unpack(u64::MAX).1, 0);
    // A blob that rotted in the store is written again.
    let blob = fs::read_dir(product.path("store/blobs/sha256")).unwrap().next().unwrap().unwrap().path();
    fs::write(&blob, "rotten").unwrap();
    let (healed, third) = unpack(u64::MAX);
    assert!(healed.is_ok() && third > 0);
    assert_ne!(fs::read(&blob).unwrap(), b"rotten");
}

#[test]
fn extraction_writes_a_layout_and_files_and_overwrites_nothing() {
    let product = Product::new();
    product.create(SPEC, "b.tar").unwrap();
    let verified = product.verify(&product.path("b.tar")).unwrap();
    let dir = product.path("out");
    verified.extract(&dir, &()).unwrap();
    assert_eq!(fs::read_to_string(dir.join("files/config/config/nginx.conf")).unwrap(), "events {}\n");
    for part in support::take_apart(&product.path("b.tar")) {
        assert_eq!(fs::read(dir.join(&part.name)).unwrap(), part.bytes, "{}", part.name);
    }
    assert!(!dir.join(".staging").exists());
    assert!(matches!(verified.extract(&dir, &()), Err(Error::Refused(Refusal::Exists(_)))));
}

#[test]
fn collection_removes_what_no_release_needs() {
    let product = Product::new();
    let store = Store::open(&product.path("store")).unwrap();
    let unpack = |spec: &str, name: &str| {
        product.create(spec, name).unwrap();
        product.verify(&product.path(name)).unwrap().unpack(&store, now(), &()).unwrap()
    };
    unpack(SPEC, "one.tar");
    let newer = unpack(&SPEC.replace("release = 7", "release = 8"), "two.tar");
    assert!(store.collect(&[&newer]).unwrap() > 0);
    assert_eq!(store.collect(&[&newer]).unwrap(), 0);
    for blob in newer.release.blobs.iter().filter(|blob| blob.path.starts_with("blobs/")) {
        assert!(store.open(&blob.digest).is_ok());
    }
}

#[test]
fn a_site_does_not_go_back_in_releases_or_in_time() {
    let product = Product::new();
    let store = Store::open(&product.path("store")).unwrap();
    product.create(SPEC, "seven.tar").unwrap();
    product.create(&SPEC.replace("release = 7", "release = 6"), "six.tar").unwrap();
    product.create(&SPEC.replace("cpu = 1", "cpu = 2"), "other.tar").unwrap();
    product
        .create(&SPEC.replace("stable", "beta").replace("release = 7", "release = 6"), "beta.tar")
        .unwrap();
    let verify = |name: &str, now| {
        let opened = Bundle::open(&product.path(name))?;
        opened.verify(&product.trust(), &Expectations::default(), Some(&store), now).map(|_| ())
    };
    assert!(verify("six.tar", now()).is_ok(), "nothing was seen yet");
    product.verify(&product.path("seven.tar")).unwrap().unpack(&store, now(), &()).unwrap();
    assert!(verify("seven.tar", now()).is_ok());
    assert!(verify("beta.tar", now()).is_ok(), "another channel counts for itself");
    let refused = |result: Result<(), Error>| match result {
        Err(Error::Refused(refusal)) => refusal,
        other => panic!("{other:?}"),
    };
    assert_eq!(refused(verify("six.tar", now())), Refusal::Rollback { offered: 6, seen: 7 });
    assert_eq!(refused(verify("other.tar", now())), Refusal::Reused(7));
    let earlier = "2026-11-20T00:00:00Z".parse().unwrap();
    assert!(matches!(refused(verify("seven.tar", earlier)), Refusal::ClockBack { .. }));
}

#[test]
fn the_installed_release_may_be_mended_after_a_newer_one_was_seen() {
    let product = Product::new();
    let store = Store::open(&product.path("store")).unwrap();
    product.create(&SPEC.replace("release = 7", "release = 6"), "six.tar").unwrap();
    product.create(SPEC, "seven.tar").unwrap();
    let other = SPEC.replace("release = 7", "release = 6").replace("cpu = 1", "cpu = 2");
    product.create(&other, "other-six.tar").unwrap();
    let unpack = |name: &str, site: &Expectations| {
        let verified =
            Bundle::open(&product.path(name))?.verify(&product.trust(), site, Some(&store), now())?;
        verified.unpack(&store, now(), &()).map(|contents| contents.root)
    };
    let six = unpack("six.tar", &Expectations::default()).unwrap();
    unpack("seven.tar", &Expectations::default()).unwrap();
    let installed = Expectations { installed: Some(six), ..Expectations::default() };
    assert_eq!(unpack("six.tar", &installed).unwrap(), six, "what is installed may be mended");
    let refused = |result: Result<_, Error>| match result {
        Err(Error::Refused(refusal)) => refusal,
        other => panic!("{other:?}"),
    };
    // Mending does not forget the newer release, and no other old one slips in with it.
    let too_old = Refusal::Rollback { offered: 6, seen: 7 };
    assert_eq!(refused(unpack("six.tar", &Expectations::default())), too_old);
    assert_eq!(refused(unpack("other-six.tar", &installed)), too_old);
    unpack("seven.tar", &installed).unwrap();
}
