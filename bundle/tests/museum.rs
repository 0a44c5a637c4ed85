//! The museum of attacks: each bad bundle beside a good twin that goes through the same hands.
#![allow(clippy::disallowed_methods, clippy::unwrap_used, reason = "test set-up")]

mod support;

use std::fs;

use bundle::archive::{BLOCK, Header, padding};
use bundle::keys::{FileKey, Signer};
use bundle::member::{INDEX, LAYOUT, ROOT_FILE, SIGNATURE};
use bundle::{Bundle, Error, Expectations, MemberFault, Refusal, Root, Trust};
use serde_json::{Value, json};
use support::{Part, Product, SPEC, now, put_together, take_apart};

/// A product with its bundle `b.tar`, taken apart.
fn start() -> (Product, Vec<Part>) {
    let product = Product::new();
    product.create(SPEC, "b.tar").unwrap();
    let parts = take_apart(&product.path("b.tar"));
    (product, parts)
}

/// Puts the parts together and verifies the result completely.
fn verdict(product: &Product, parts: &[Part]) -> Result<(), Refusal> {
    put_together(parts, &product.path("x.tar"));
    refusal(product.verify(&product.path("x.tar")).map(|_| ()))
}

fn refusal(result: Result<(), Error>) -> Result<(), Refusal> {
    match result {
        Ok(()) => Ok(()),
        Err(Error::Refused(refusal)) => Err(refusal),
        Err(other) => panic!("not a refusal: {other:?}"),
    }
}

fn part<'a>(parts: &'a mut [Part], name: &str) -> &'a mut Part {
    parts.iter_mut().find(|part| part.name == name).unwrap()
}

fn edit(part: &mut Part, change: impl FnOnce(&mut Value)) {
    let mut value: Value = serde_json::from_slice(&part.bytes).unwrap();
    change(&mut value);
    part.bytes = serde_json::to_vec(&value).unwrap();
}

/// The last blob, which is no document that verification reads before the blobs.
fn a_layer(parts: &[Part]) -> usize {
    parts.iter().position(|part| part.bytes.starts_with(&[0x28, 0xb5, 0x2f, 0xfd])).unwrap()
}

#[test]
fn the_good_twin_goes_through_the_same_hands() {
    let (product, mut parts) = start();
    assert_eq!(verdict(&product, &parts), Ok(()));
    product.resign(&mut parts, |_| ());
    assert_eq!(verdict(&product, &parts), Ok(()));
}

#[test]
fn members_must_be_exactly_those_that_were_signed() {
    let (product, good) = start();
    let (first, second) = (good[4].clone(), good[5].clone());
    let with = |change: &dyn Fn(&mut Vec<Part>)| {
        let mut parts = good.clone();
        change(&mut parts);
        verdict(&product, &parts)
    };
    let stranger = format!("blobs/sha256/{}", bundle::digest(b"stranger").hex());
    let add = |parts: &mut Vec<Part>| {
        parts.push(Part { name: stranger.clone(), bytes: b"stranger".to_vec() });
        parts[4..].sort_by(|a, b| a.name.cmp(&b.name));
    };
    assert_eq!(with(&add), Err(Refusal::Unlisted(stranger.clone())));
    assert_eq!(with(&|parts| drop(parts.remove(4))), Err(Refusal::Missing(first.name.clone())));
    assert_eq!(with(&|parts| drop(parts.pop())), Err(Refusal::Missing(good.last().unwrap().name.clone())));
    assert_eq!(with(&|parts| parts.insert(5, first.clone())), Err(Refusal::Duplicate(first.name.clone())));
    let order = Refusal::Member { member: first.name.clone(), reason: MemberFault::Order };
    assert_eq!(with(&|parts| parts.swap(4, 5)), Err(order));
    let upper = first.name.to_uppercase().replace("BLOBS/SHA256", "blobs/sha256");
    assert_eq!(
        with(&|parts| parts.insert(5, Part { name: upper.clone(), bytes: first.bytes.clone() })),
        Err(Refusal::Duplicate(upper.clone()))
    );
    assert_eq!(
        with(&|parts| parts[4].name = "blobs/sha256/short".into()),
        Err(Refusal::Unlisted("blobs/sha256/short".into()))
    );
    assert_eq!(
        with(&|parts| parts.push(Part { name: "zz-extra".into(), bytes: vec![] })),
        Err(Refusal::Unlisted("zz-extra".into()))
    );
    assert!(matches!(with(&|parts| parts.swap(0, 1)), Err(Refusal::NotABundle(_))));
    assert!(matches!(with(&|parts| parts.truncate(3)), Err(Refusal::NotABundle(_))));
    assert!(matches!(
        with(&|parts| part(parts, &second.name).bytes.push(0)),
        Err(Refusal::Mismatch { field: "size", .. })
    ));
}

#[test]
fn changed_bytes_are_found_wherever_they_are_and_never_unpacked() {
    let (product, good) = start();
    let layer = a_layer(&good);
    for at in 0..good.len() {
        let mut parts = good.clone();
        let Some(last) = parts[at].bytes.last_mut() else { continue };
        *last ^= 1;
        assert!(verdict(&product, &parts).is_err(), "{}", parts[at].name);
    }
    let mut parts = good;
    parts[layer].bytes[10] ^= 1;
    put_together(&parts, &product.path("x.tar"));
    // Metadata holds, so verification passes up to the blob itself, which must not get its name.
    let opened = Bundle::open(&product.path("x.tar")).unwrap();
    let verified = opened.verify(&product.trust(), &Expectations::default(), None, now()).unwrap();
    let store = bundle::Store::open(&product.path("store")).unwrap();
    let named = parts[layer].name.clone();
    let expected = Refusal::Digest(named.replace("blobs/sha256/", "sha256:"));
    assert_eq!(refusal(verified.unpack(&store, now(), &()).map(|_| ())), Err(expected));
    assert!(!product.path("store").join(&named).exists());
    assert_eq!(fs::read_dir(product.path("store/staging")).unwrap().count(), 0);
    assert!(store.state().unwrap().channels.is_empty());
}

#[test]
fn a_truncated_bundle_is_refused_at_every_boundary() {
    let (product, parts) = start();
    let whole = fs::read(product.path("b.tar")).unwrap();
    let mut boundaries = vec![0];
    for part in &parts {
        let size = part.bytes.len();
        let header = boundaries.last().unwrap() + BLOCK;
        boundaries.extend([header, header + size / 2, header + size, header + size + padding(size as u64)]);
    }
    boundaries.extend([whole.len() - BLOCK, whole.len() - 1]);
    let open = |bytes: &[u8]| {
        fs::write(product.path("cut.tar"), bytes).unwrap();
        refusal(product.verify(&product.path("cut.tar")).map(|_| ()))
    };
    assert_eq!(open(&whole), Ok(()));
    for cut in boundaries.into_iter().filter(|cut| *cut < whole.len()) {
        assert!(matches!(open(&whole[..cut]), Err(Refusal::Truncated(_))), "cut at {cut}");
    }
    assert_eq!(open(&[whole.as_slice(), b"x"].concat()), Err(Refusal::Trailing(1)));
    assert!(matches!(open(&[0; 4096]), Err(Refusal::Trailing(_))));
    assert!(open(b"").is_err());
}

/// Rewrites the header of the first blob and recomputes its checksum.
fn with_header(product: &Product, change: impl FnOnce(&mut [u8])) -> Result<(), Refusal> {
    let mut bytes = fs::read(product.path("b.tar")).unwrap();
    let mut at = 0;
    for part in take_apart(&product.path("b.tar")).iter().take(4) {
        at += BLOCK + part.bytes.len() + padding(part.bytes.len() as u64);
    }
    let block = &mut bytes[at..at + BLOCK];
    change(block);
    block[148..156].fill(b' ');
    let sum: u64 = block.iter().map(|byte| u64::from(*byte)).sum();
    block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    fs::write(product.path("h.tar"), &bytes).unwrap();
    refusal(product.verify(&product.path("h.tar")).map(|_| ()))
}

#[test]
fn headers_have_one_form_only() {
    let (product, _) = start();
    assert_eq!(with_header(&product, |_| ()), Ok(()));
    let fault = |result: Result<(), Refusal>| match result {
        Err(Refusal::Member { reason, .. }) => reason,
        other => panic!("{other:?}"),
    };
    for (flag, name) in [
        (b'1', "hard link"),
        (b'2', "symbolic link"),
        (b'3', "device"),
        (b'5', "directory"),
        (b'6', "fifo"),
        (b'S', "sparse file"),
    ] {
        assert_eq!(fault(with_header(&product, |block| block[156] = flag)), MemberFault::Kind(name));
    }
    for (flag, name) in [(b'x', "pax"), (b'g', "pax"), (b'L', "GNU long name"), (b'K', "GNU long name")] {
        assert_eq!(fault(with_header(&product, |block| block[156] = flag)), MemberFault::Extension(name));
    }
    assert_eq!(
        fault(with_header(&product, |block| block[100..107].copy_from_slice(b"0004755"))),
        MemberFault::Mode(0o4755)
    );
    assert_eq!(
        fault(with_header(&product, |block| block[108..115].copy_from_slice(b"0001750"))),
        MemberFault::Owner(1000, 0)
    );
    assert_eq!(fault(with_header(&product, |block| block[124] = b'9')), MemberFault::Field("size"));
    for name in [&b"../../etc/passwd\0"[..], b"/etc/passwd\0", b"a\\b\0"] {
        assert_eq!(
            fault(with_header(&product, |block| block[..name.len()].copy_from_slice(name))),
            MemberFault::Name
        );
    }
    // Bytes behind the end of the name, a prefix, a link name, a user name: another reader might use them.
    for at in [99, 157, 265, 345] {
        assert_eq!(fault(with_header(&product, |block| block[at] = b'x')), MemberFault::Form, "{at}");
    }
    let huge = with_header(&product, |block| block[124..136].copy_from_slice(b"77777777777\0"));
    assert!(matches!(huge, Err(Refusal::Truncated(_))));
}

#[test]
fn a_leading_member_cannot_be_a_bomb() {
    let (product, parts) = start();
    let mut bytes = Vec::new();
    for (at, part) in parts.iter().take(3).enumerate() {
        let size = if at == 2 { 1 << 40 } else { part.bytes.len() as u64 };
        let header = Header { name: part.name.clone(), size, mtime: 0 };
        support::append(&mut bytes, &header.encode().unwrap(), &part.bytes);
    }
    fs::write(product.path("x.tar"), bytes).unwrap();
    let refused = refusal(product.verify(&product.path("x.tar")).map(|_| ()));
    assert!(matches!(refused, Err(Refusal::TooLarge { size, .. }) if size == 1 << 40), "{refused:?}");
}

#[test]
fn the_signature_is_one_of_a_trusted_key_over_the_right_type() {
    let (product, good) = start();
    let with = |change: &dyn Fn(&mut Value)| {
        let mut parts = good.clone();
        edit(part(&mut parts, SIGNATURE), change);
        verdict(&product, &parts)
    };
    assert_eq!(with(&|_| ()), Ok(()), "rewriting the document alone changes nothing");
    let signatures =
        |list: Value| move |document: &mut Value| document["dsseEnvelope"]["signatures"] = list.clone();
    assert_eq!(with(&signatures(json!([]))), Err(Refusal::Signatures(0)));
    let double = |document: &mut Value| {
        let first = document["dsseEnvelope"]["signatures"][0].clone();
        document["dsseEnvelope"]["signatures"].as_array_mut().unwrap().push(first);
    };
    assert_eq!(with(&double), Err(Refusal::Signatures(2)));
    let confused = |document: &mut Value| document["dsseEnvelope"]["payloadType"] = json!("application/json");
    assert_eq!(with(&confused), Err(Refusal::PayloadType("application/json".into())));
    let hint = FileKey::generate().unwrap().public_key().hint();
    let forged = |document: &mut Value| document["verificationMaterial"]["publicKey"]["hint"] = json!(hint);
    assert!(matches!(with(&forged), Err(Refusal::UnknownKey { .. })));
    let bad = |document: &mut Value| document["dsseEnvelope"]["signatures"][0]["sig"] = json!("MAYCAQECAQE=");
    assert!(matches!(with(&bad), Err(Refusal::BadSignature(_))));
    let empty = |document: &mut Value| document["dsseEnvelope"]["signatures"][0]["sig"] = json!("");
    assert!(matches!(with(&empty), Err(Refusal::BadSignature(_))));
    let version =
        |document: &mut Value| document["mediaType"] = json!("application/vnd.dev.sigstore.bundle.v0.9+json");
    assert!(matches!(with(&version), Err(Refusal::Document { .. })));
}

#[test]
fn another_key_is_refused_even_under_the_trusted_hint() {
    let (product, mut parts) = start();
    let thief = FileKey::generate().unwrap();
    let signature = part(&mut parts, SIGNATURE);
    let payload = bundle::dsse::Signed::parse(&signature.bytes).unwrap().unchecked_payload().to_vec();
    signature.bytes = bundle::dsse::sign(&payload, &thief).unwrap();
    assert!(matches!(verdict(&product, &parts), Err(Refusal::UnknownKey { .. })));
    edit(part(&mut parts, SIGNATURE), |document| {
        document["verificationMaterial"]["publicKey"]["hint"] = json!(product.key.public_key().hint());
    });
    assert!(matches!(verdict(&product, &parts), Err(Refusal::BadSignature(_))));
    let path = product.path("x.tar");
    let trusting_the_thief =
        product.verify_as(&path, &Trust::Key(thief.public_key().clone()), &Expectations::default());
    assert!(trusting_the_thief.is_err());
}

#[test]
fn a_pinned_root_decides_which_keys_count() {
    let (product, _) = start();
    let path = product.path("b.tar");
    let site = Expectations::default();
    assert!(product.verify_as(&path, &product.pinned(), &site).is_ok());
    let other = Product::new();
    let refused = refusal(product.verify_as(&path, &other.pinned(), &site).map(|_| ()));
    assert!(matches!(refused, Err(Refusal::Root(_))), "{refused:?}");
    let expired = Root::first(&product.key, "2026-11-01T00:00:00Z".parse().unwrap()).unwrap();
    let aged =
        Product { root: expired, dir: tempfile::tempdir().unwrap(), key: FileKey::generate().unwrap() };
    assert!(aged.create(SPEC, "b.tar").is_err(), "its root does not let this key sign");
    let aged = Product { key: product.key, root: aged.root, dir: product.dir };
    aged.create(SPEC, "aged.tar").unwrap();
    let refused = refusal(aged.verify_as(&aged.path("aged.tar"), &aged.pinned(), &site).map(|_| ()));
    assert!(matches!(&refused, Err(Refusal::Root(text)) if text.contains("expired")), "{refused:?}");
}

#[test]
fn time_and_place_must_fit() {
    let (product, good) = start();
    let site = |change: &dyn Fn(&mut Expectations)| {
        let mut site = Expectations {
            product: Some("demo".into()),
            channel: Some("stable".into()),
            platform: Some("linux/amd64".into()),
            installer: Some("0.1.0".parse().unwrap()),
            installed: None,
        };
        change(&mut site);
        refusal(product.verify_as(&product.path("b.tar"), &product.trust(), &site).map(|_| ()))
    };
    assert_eq!(site(&|_| ()), Ok(()));
    let wrong = |refused: Result<(), Refusal>| match refused {
        Err(Refusal::Wrong { what, .. }) => what,
        other => panic!("{other:?}"),
    };
    assert_eq!(wrong(site(&|site| site.product = Some("other".into()))), "product");
    assert_eq!(wrong(site(&|site| site.channel = Some("beta".into()))), "channel");
    assert_eq!(wrong(site(&|site| site.platform = Some("linux/arm64".into()))), "platform");
    assert_eq!(wrong(site(&|site| site.installer = Some("0.0.9".parse().unwrap()))), "installer");
    let dated = |created: &str, expires: &str| {
        let mut parts = good.clone();
        product.resign(&mut parts, |statement| {
            statement.predicate.created = created.parse().unwrap();
            statement.predicate.expires = expires.parse().unwrap();
        });
        verdict(&product, &parts)
    };
    assert_eq!(dated("2026-01-01T00:00:00Z", "2026-11-22T00:00:01Z"), Ok(()));
    assert!(matches!(dated("2026-01-01T00:00:00Z", "2026-11-22T00:00:00Z"), Err(Refusal::Expired { .. })));
    assert!(matches!(dated("2026-12-01T00:00:00Z", "2027-11-22T00:00:00Z"), Err(Refusal::ClockBack { .. })));
}

#[test]
fn documents_have_one_reading_and_agree_with_each_other() {
    let (product, good) = start();
    let with = |name: &str, from: &str, to: &str| {
        let mut parts = good.clone();
        let member = part(&mut parts, name);
        let text = String::from_utf8(member.bytes.clone()).unwrap();
        assert!(text.contains(from), "{name}: {from}");
        member.bytes = text.replacen(from, to, 1).into_bytes();
        verdict(&product, &parts)
    };
    assert!(matches!(with(LAYOUT, "1.0.0", "1.0.1"), Err(Refusal::Document { .. })));
    assert!(matches!(with(INDEX, "demo/app:1.2.3", "demo/app:6.6.6"), Err(Refusal::IndexDiffers(_))));
    assert!(matches!(with(INDEX, "{", "{ "), Err(Refusal::IndexDiffers(_))));
    assert!(with(ROOT_FILE, "\"version\":1", "\"version\":9").is_err());
    let twice = with(SIGNATURE, "\"dsseEnvelope\"", "\"mediaType\":\"x\",\"dsseEnvelope\"");
    assert!(matches!(&twice, Err(Refusal::Document { reason, .. }) if reason.contains("twice")), "{twice:?}");
    // The root in the bundle is covered by the signature, though it is not in the root index.
    let mut parts = good.clone();
    part(&mut parts, ROOT_FILE).bytes =
        Root::first(&product.key, "2035-01-01T00:00:00Z".parse().unwrap()).unwrap();
    assert_eq!(verdict(&product, &parts), Err(Refusal::Digest(ROOT_FILE.to_owned())));
}

#[test]
fn even_a_signed_list_must_fit_the_content() {
    let (product, good) = start();
    let with = |change: &dyn Fn(&mut bundle::Statement)| {
        let mut parts = good.clone();
        product.resign(&mut parts, change);
        verdict(&product, &parts)
    };
    assert_eq!(with(&|_| ()), Ok(()));
    let layer = good[a_layer(&good)].name.clone();
    let retyped = with(&|statement| {
        let blob = statement.predicate.blobs.iter_mut().find(|blob| blob.path == layer).unwrap();
        blob.media_type = "application/json".to_owned();
    });
    assert!(matches!(retyped, Err(Refusal::Mismatch { field: "media type", .. })), "{retyped:?}");
    let other_root = with(&|statement| {
        statement.root = statement.predicate.blobs.iter().find(|blob| blob.path == layer).unwrap().digest;
    });
    assert!(other_root.is_err());
    // A blob that is signed and present, but belongs to nothing.
    let mut parts = good;
    let name = format!("blobs/sha256/{}", bundle::digest(b"orphan").hex());
    parts.push(Part { name: name.clone(), bytes: b"orphan".to_vec() });
    parts[4..].sort_by(|a, b| a.name.cmp(&b.name));
    product.resign(&mut parts, |statement| {
        let digest = bundle::digest(b"orphan");
        let blob = bundle::statement::Blob { path: name, digest, size: 6, media_type: "text/plain".into() };
        let release = &mut statement.predicate;
        release.blobs.push(blob);
        release.blobs.sort_by(|a, b| a.path.cmp(&b.path));
        release.total_size += 6;
        release.count += 1;
    });
    assert!(
        matches!(verdict(&product, &parts), Err(Refusal::Graph(text)) if text.contains("belongs to nothing"))
    );
}

#[test]
fn what_cannot_be_taken_in_is_named_while_creating() {
    let product = Product::new();
    let create = |from: &str, to: &str| {
        assert!(SPEC.contains(from));
        product.create(&SPEC.replacen(from, to, 1), "b.tar").err().map(|error| error.to_string())
    };
    assert_eq!(create("cpu = 1", "cpu = 1"), None);
    let cases = [
        (
            "docker-archive = \"app.tar\"",
            "docker-archive = \"app.tar\"\nreference = \"no:such\"",
            "only: demo/app:1.2.3",
        ),
        ("engine = \"db\"", "engine = \"nothing\"", "no image nothing"),
        ("linux/amd64", "linux/arm64", "no variant for linux/arm64"),
    ];
    for (from, to, reason) in cases {
        let text = create(from, to).unwrap_or_default();
        assert!(text.contains(reason), "{text}");
    }
    fs::write(product.path("app.tar"), support::docker_archive("demo/app:1.2.3", "root", b"x")).unwrap();
    assert!(create("cpu = 1", "cpu = 1").unwrap().contains("runs as root"));
    assert_eq!(create("app.tar\"", "app.tar\"\nnon-root = false"), None);
    fs::write(product.path("app.tar"), b"not a tar").unwrap();
    assert!(create("cpu = 1", "cpu = 1").is_some());
    std::os::unix::fs::symlink("/etc/passwd", product.path("config/link")).unwrap();
    fs::write(product.path("app.tar"), support::docker_archive("demo/app:1.2.3", "1", b"x")).unwrap();
    assert!(create("cpu = 1", "cpu = 1").unwrap().contains("not a regular file"));
    let left: Vec<_> =
        fs::read_dir(product.dir.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(!left.iter().any(|name| name.to_string_lossy().starts_with(".groundfast-")), "{left:?}");
}
