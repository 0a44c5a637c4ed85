//! Files and messages with a format of their own.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use bundle::keys::PublicKey;
use bundle::layout::{Index, Manifest};
use bundle::{Refusal, Root, Statement, dsse, spec};
use model::{Event, Plan, View};
use profiles::Catalogue;
use stack::compose;

fn text(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes).ok()
}

pub(crate) fn bundle_archive(bytes: &[u8]) {
    let read = |at: u64, buffer: &mut [u8]| {
        let start = usize::try_from(at).unwrap_or(usize::MAX);
        let end = start.saturating_add(buffer.len());
        let part = bytes.get(start..end).ok_or_else(|| Refusal::Truncated("a member".to_owned()))?;
        buffer.copy_from_slice(part);
        Ok(())
    };
    if let Ok(members) = bundle::walk(bytes.len() as u64, read) {
        for member in members {
            assert!(
                member.offset.saturating_add(member.size) <= bytes.len() as u64,
                "a member ends in the file"
            );
        }
    }
}

pub(crate) fn bundle_spec(bytes: &[u8]) {
    let _ = text(bytes).map(|text| spec::Spec::parse(text, "bundle.toml").is_ok());
}

/// A Compose file for a site that has nothing: whatever is let through runs only images that are known.
pub(crate) fn compose(bytes: &[u8]) {
    let site = compose::Site {
        images: BTreeMap::new(),
        files: BTreeMap::new(),
        folder: None,
        secrets: BTreeMap::new(),
        env_secrets: BTreeMap::new(),
        volumes: BTreeSet::new(),
        proxies: BTreeMap::new(),
    };
    if let Some(Ok(rewritten)) = text(bytes).map(|text| compose::rewrite(text, &site)) {
        assert!(rewritten.services.is_empty(), "a service without an image of the release was let through");
    }
}

pub(crate) fn dsse(bytes: &[u8]) {
    if let Ok(signed) = dsse::Signed::parse(bytes) {
        assert!(signed.authentic(&[]).is_err(), "no key vouches for anything");
    }
}

/// Events as JSON Lines: whatever is read can be shown, and is written as it was read.
pub(crate) fn events(bytes: &[u8]) {
    let mut view = View::default();
    for line in text(bytes).into_iter().flat_map(str::lines) {
        if let Ok(event) = serde_json::from_str::<Event>(line) {
            view.apply(&event);
            let again = serde_json::to_string(&event).ok().and_then(|line| serde_json::from_str(&line).ok());
            assert_eq!(again, Some(event));
        }
    }
}

pub(crate) fn journal(bytes: &[u8]) {
    let lines = text(bytes).into_iter().flat_map(str::lines);
    let entries: Vec<_> = lines.filter_map(|line| serde_json::from_str(line).ok()).collect();
    if let Ok(replay) = engine::Replay::of(&entries) {
        let begun: BTreeSet<_> = replay.begun.iter().collect();
        assert_eq!(begun.len(), replay.begun.len(), "each step is begun once");
    }
}

pub(crate) fn oci_index(bytes: &[u8]) {
    let _ = (Index::parse(bytes).is_ok(), Manifest::parse(bytes).is_ok());
}

pub(crate) fn plan(bytes: &[u8]) {
    if let Ok(plan) = serde_json::from_slice::<Plan>(bytes) {
        let again = serde_json::to_vec(&plan).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok());
        assert_eq!(again, Some(plan));
    }
}

/// A profile that is taken resolves or says why not.
pub(crate) fn profile(bytes: &[u8]) {
    let Some(text) = text(bytes) else { return };
    if let Ok(catalogue) = Catalogue::empty().with("fuzz.toml", text) {
        let names: Vec<_> = catalogue.profiles().map(|profile| profile.id).collect();
        for name in names {
            let _ = catalogue.resolve(&name, &profiles::Tailoring::default()).is_ok();
        }
    }
}

pub(crate) fn public_key(bytes: &[u8]) {
    if let Some(Ok(key)) = text(bytes).map(PublicKey::from_pem) {
        let again = PublicKey::from_pem(&key.to_pem()).map(|key| key.hint());
        assert_eq!(again.ok(), Some(key.hint()), "a key is printed as it was read");
        assert!(!key.verifies(b"message", bytes), "the file of a key is no signature");
    }
}

pub(crate) fn root(bytes: &[u8]) {
    if let Ok(root) = Root::parse(bytes) {
        let _ = (root.signed_by(&root).is_ok(), root.release_keys().is_ok());
        assert!(root.follows(&root).is_err(), "no version follows itself");
    }
}

pub(crate) fn secret_reference(bytes: &[u8]) {
    if let Some(Ok(reference)) = text(bytes).map(str::parse::<secrets::Reference>) {
        assert_eq!(reference.to_string().parse().ok(), Some(reference));
    }
}

/// A statement that is taken is printed in a form that is taken again as the same.
pub(crate) fn statement(bytes: &[u8]) {
    if let Ok(statement) = Statement::parse(bytes) {
        assert_eq!(Statement::parse(&statement.encode()).ok(), Some(statement));
    }
}

/// The order of versions is one, and dpkg's database is read whatever is in it.
pub(crate) fn versions(bytes: &[u8]) {
    let Some(text) = text(bytes) else { return };
    let versions: Vec<_> = text.split_whitespace().take(6).collect();
    let compare = syntax::packages::dpkg::compare_versions;
    for a in &versions {
        assert_eq!(compare(a, a), Ordering::Equal);
        for b in &versions {
            assert_eq!(compare(a, b), compare(b, a).reverse(), "{a} {b}");
            for c in versions.iter().filter(|c| compare(a, b).is_le() && compare(b, c).is_le()) {
                assert!(compare(a, c).is_le(), "{a} {b} {c}");
            }
        }
    }
    let _ = syntax::packages::dpkg::Packages::parse(text).version("cron");
}
