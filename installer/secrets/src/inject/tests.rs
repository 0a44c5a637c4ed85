//! These mount a real tmpfs and so need root; without it they say that they were left out.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::PathBuf;

use model::BlobError;

use super::*;
use crate::{Shape, Wanted};

struct NoBlobs;

impl Blobs for NoBlobs {
    fn open(&self, digest: &Digest) -> Result<Box<dyn Read + Send>, BlobError> {
        Err(BlobError::Missing(*digest))
    }
}

struct Site {
    folder: tempfile::TempDir,
    host: Injected,
}

impl Drop for Site {
    fn drop(&mut self) {
        self.host.unmount().unwrap();
    }
}

impl Site {
    fn new() -> Option<Self> {
        if !rustix::process::geteuid().is_root() {
            eprintln!("left out: mounting a tmpfs needs root");
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        let inside = folder.path().join("run/secrets").to_str().unwrap().parse().unwrap();
        Some(Self { host: Injected::new(inside, SiteKey::from_bytes([7; 32])), folder })
    }

    #[expect(clippy::disallowed_methods, reason = "test set-up")]
    fn wanted(&self, value: &str) -> Wanted {
        let source = self.folder.path().join("source");
        fs::write(&source, value).unwrap();
        fs::set_permissions(&source, fs::Permissions::from_mode(0o600)).unwrap();
        Wanted {
            target: self.host.folder.join("key").unwrap(),
            reference: Reference::File(source.to_str().unwrap().parse().unwrap()),
            shape: Shape::Any,
            form: Form::File,
            mode: 0o400,
            uid: 2001,
            gid: 2002,
        }
    }

    fn put(&self, wanted: &Wanted, from: &State, to: &State) -> Result<(), HostError> {
        let change = Change { resource: wanted.resource(), from: from.clone(), to: to.clone() };
        run(self.host.put(&change, &NoBlobs))
    }

    fn see(&self, wanted: &Wanted) -> State {
        run(self.host.observe(&[wanted.resource()])).remove(0).unwrap()
    }

    fn target(&self) -> PathBuf {
        self.folder.path().join("run/secrets/key")
    }
}

fn run<T>(future: Fut<'_, T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

#[test]
fn what_was_put_is_what_is_seen_and_can_be_taken_back() {
    let Some(site) = Site::new() else { return };
    let wanted = site.wanted("first");
    let first = wanted.state(&site.host.key).unwrap();
    assert_eq!(site.see(&wanted), State::Absent);
    site.put(&wanted, &State::Absent, &first).unwrap();
    assert_eq!(site.see(&wanted), first);
    let found = fs::metadata(site.target()).unwrap();
    assert_eq!((found.mode() & 0o7777, found.uid(), found.gid()), (0o400, 2001, 2002));
    let folder = fs::metadata(site.target().parent().unwrap()).unwrap();
    assert_eq!(folder.mode() & 0o7777, 0o700);

    // The source changes, the new value is injected and then undone without the old source.
    let second = site.wanted("second").state(&site.host.key).unwrap();
    site.put(&wanted, &first, &second).unwrap();
    assert_eq!(fs::read(site.target()).unwrap(), b"second");
    site.put(&wanted, &second, &first).unwrap();
    assert_eq!((site.see(&wanted), fs::read(site.target()).unwrap()), (first.clone(), b"first".to_vec()));

    // Once sealed, only the source can give a value.
    site.put(&wanted, &first, &second).unwrap();
    site.host.seal().unwrap();
    assert!(matches!(site.put(&wanted, &second, &first), Err(HostError::Failed(_))));
    assert_eq!(site.see(&wanted), second, "a change that failed changed nothing");
    site.put(&wanted, &second, &State::Absent).unwrap();
    assert_eq!(site.see(&wanted), State::Absent);
}

#[test]
fn the_place_goes_with_the_last_secret_and_not_before() {
    let Some(site) = Site::new() else { return };
    let wanted = site.wanted("first");
    let first = wanted.state(&site.host.key).unwrap();
    site.host.seal().unwrap();
    site.put(&wanted, &State::Absent, &first).unwrap();
    site.host.seal().unwrap();
    assert!(site.host.mounted().unwrap(), "a secret lies there");
    site.put(&wanted, &first, &State::Absent).unwrap();
    assert!(site.host.mounted().unwrap(), "the run may yet have to put it back");
    // Whoever looks around in there keeps the place, and does not make the end of the run a failure.
    let looking = site.host.open().unwrap();
    site.host.seal().unwrap();
    assert!(site.host.mounted().unwrap());
    drop(looking);
    site.host.seal().unwrap();
    assert!(!site.host.mounted().unwrap());
    // The next one finds its place again.
    site.put(&wanted, &State::Absent, &first).unwrap();
    assert_eq!(site.see(&wanted), first);
}

#[test]
fn a_strangers_change_is_never_overwritten() {
    let Some(site) = Site::new() else { return };
    let wanted = site.wanted("first");
    let first = wanted.state(&site.host.key).unwrap();
    site.put(&wanted, &State::Absent, &first).unwrap();
    #[expect(clippy::disallowed_methods, reason = "the stranger")]
    fs::set_permissions(site.target(), fs::Permissions::from_mode(0o444)).unwrap();
    assert!(matches!(site.put(&wanted, &first, &State::Absent), Err(HostError::Stale(_))));
    assert!(site.target().exists());
}

#[test]
fn a_value_that_was_not_planned_is_not_injected() {
    let Some(site) = Site::new() else { return };
    let planned = site.wanted("planned").state(&site.host.key).unwrap();
    let wanted = site.wanted("swapped since");
    let refused = site.put(&wanted, &State::Absent, &planned).unwrap_err();
    assert!(refused.to_string().contains("another value"), "{refused}");
    assert_eq!(site.see(&wanted), State::Absent);
}

#[test]
fn values_never_show() {
    let Some(site) = Site::new() else { return };
    let wanted = site.wanted("hunter2");
    let state = wanted.state(&site.host.key).unwrap();
    site.put(&wanted, &State::Absent, &state).unwrap();
    let resolved = wanted.resolve().unwrap();
    let seen = format!(
        "{state:?} {state} {wanted:?} {resolved:?} {}",
        serde_json::to_string(&site.see(&wanted)).unwrap()
    );
    assert!(!seen.contains("hunter2"), "{seen}");
}

#[test]
fn only_names_directly_in_the_folder_are_served() {
    let host = Injected::new("/run/nowhere/secrets".parse().unwrap(), SiteKey::from_bytes([7; 32]));
    for path in
        ["/etc/shadow", "/run/nowhere/secrets/a/b", "/run/nowhere/secrets", "/run/nowhere/secrets/.previous"]
    {
        let seen = run(host.observe(&[Resource::Secret { path: path.parse().unwrap() }])).remove(0);
        assert!(matches!(seen, Err(Unread::Unsupported(_))), "{path}");
    }
}
