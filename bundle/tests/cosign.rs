//! The real cosign, and the real python-tuf, on what is signed here; and keys that the real cosign made.
//!
//! Without them each test says that it was left out.
#![allow(clippy::disallowed_methods, clippy::unwrap_used, clippy::print_stdout, reason = "test set-up")]

mod support;

use std::fs;
use std::process::Command;

use bundle::keys::Signer;
use bundle::member::SIGNATURE;
use bundle::statement::{PREDICATE_TYPE, blob_path};
use bundle::{Delegated, RecordRole, Root};
use harness::cosign::{attested, cosign};
use model::Secret;
use support::{Product, SPEC, take_apart};

#[test]
fn cosign_accepts_our_signature_over_the_root_index_and_nothing_else() {
    let product = Product::new();
    let created = product.create(SPEC, "b.tar").unwrap();
    let parts = take_apart(&product.path("b.tar"));
    let bytes = |name: &str| parts.iter().find(|part| part.name == name).unwrap().bytes.clone();
    fs::write(product.path("bundle.sigstore.json"), bytes(SIGNATURE)).unwrap();
    fs::write(product.path("root-index.json"), bytes(&blob_path(&created.statement.root))).unwrap();
    fs::write(product.path("other.json"), "{}").unwrap();
    fs::write(product.path("cosign.pub"), product.key.public_key().to_pem()).unwrap();
    fs::write(product.path("stranger.pub"), Product::new().key.public_key().to_pem()).unwrap();
    let verify = |key: &str, subject: &str| {
        attested(product.dir.path(), key, "bundle.sigstore.json", PREDICATE_TYPE, subject)
    };
    let Some(good) = verify("cosign.pub", "root-index.json") else { return };
    assert!(good.status.success(), "{}", String::from_utf8_lossy(&good.stderr));
    for (key, subject) in [("cosign.pub", "other.json"), ("stranger.pub", "root-index.json")] {
        let bad = verify(key, subject).unwrap();
        assert!(!bad.status.success(), "{key} {subject}");
    }
}

#[test]
fn keys_that_cosign_made_open_here_and_keys_made_here_open_there() {
    let product = Product::new();
    let dir = product.dir.path();
    let Some(made) = cosign(dir, &["generate-key-pair", "--output-key-prefix", "real"]) else { return };
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let secret = |text: &str| Secret::new(text.as_bytes().to_vec());
    let key = bundle::open_key(&product.path("real.key"), &secret("hunter2")).unwrap();
    let public = fs::read_to_string(product.path("real.pub")).unwrap();
    assert_eq!(key.public_key().to_pem(), public);
    assert!(bundle::open_key(&product.path("real.key"), &secret("hunter3")).is_err());
    let expires = "2031-01-01T00:00:00Z".parse().unwrap();
    bundle::generate(&product.path("ours"), &secret("hunter2"), expires, &Delegated::new()).unwrap();
    let shown = cosign(dir, &["public-key", "--key", "ours.key"]).unwrap();
    assert!(shown.status.success(), "{}", String::from_utf8_lossy(&shown.stderr));
    assert_eq!(String::from_utf8_lossy(&shown.stdout), fs::read_to_string(product.path("ours.pub")).unwrap());
}

#[test]
fn python_tuf_agrees_with_our_root() {
    let product = Product::new();
    fs::write(product.path("root.json"), &product.root).unwrap();
    let decider = Product::new().key.public_key().clone();
    let delegated = Delegated::from([(RecordRole::Waivers, vec![decider])]);
    let expires = "2031-01-01T00:00:00Z".parse().unwrap();
    let delegating = Root::first_with(&product.key, expires, &delegated).unwrap();
    fs::write(product.path("delegating.json"), delegating).unwrap();
    let altered = String::from_utf8(product.root.clone()).unwrap().replace("2031", "2032");
    fs::write(product.path("altered.json"), altered).unwrap();
    let script = "import sys\ntry:\n    from tuf.api.metadata import Metadata, Root\nexcept ImportError:\n    sys.exit(77)\nroot = Metadata[Root].from_file(sys.argv[1])\nroot.verify_delegate('root', root)\n";
    let check = |file: &str| {
        Command::new("python3").args(["-c", script, file]).current_dir(product.dir.path()).output()
    };
    let Ok(good) = check("root.json") else { return println!("left out: no python3") };
    if good.status.code() == Some(77) {
        return println!("left out: no python-tuf (pip install tuf)");
    }
    assert!(good.status.success(), "{}", String::from_utf8_lossy(&good.stderr));
    let delegating = check("delegating.json").unwrap();
    assert!(delegating.status.success(), "{}", String::from_utf8_lossy(&delegating.stderr));
    assert!(!check("altered.json").unwrap().status.success());
}
