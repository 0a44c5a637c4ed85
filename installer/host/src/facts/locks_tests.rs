use std::os::unix::fs::PermissionsExt;

use super::*;
use crate::facts::lockpeer::lock_peer;

/// The second process: this test binary once more, running [`holds_a_lock_when_asked`] alone.
fn peer() -> LockPeer {
    let arguments = ["--exact", "facts::locks::tests::holds_a_lock_when_asked", "--nocapture"];
    LockPeer { program: std::env::current_exe().unwrap(), arguments: arguments.map(str::to_owned).to_vec() }
}

fn script(body: &str) -> LockPeer {
    LockPeer { program: "/bin/bash".into(), arguments: vec!["-c".into(), body.into()] }
}

/// As a test it does nothing; as the second process it finds kind and path after its own name.
#[test]
fn holds_a_lock_when_asked() {
    let mut arguments = std::env::args().skip_while(|argument| argument != "--nocapture").skip(1);
    let (Some(kind), Some(path)) = (arguments.next(), arguments.next()) else { return };
    println!();
    lock_peer(kind.parse().unwrap(), Path::new(&path), &mut io::stdin(), &mut io::stdout()).unwrap();
}

fn folder() -> (tempfile::TempDir, HostPath) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().canonicalize().unwrap().to_str().unwrap().parse().unwrap();
    (folder, path)
}

fn is_clean(folder: &tempfile::TempDir) -> bool {
    std::fs::read_dir(folder.path()).unwrap().next().is_none()
}

#[tokio::test]
async fn a_local_file_system_passes_and_nothing_stays_behind() {
    let (folder, path) = folder();
    let below = path.join("not/yet").unwrap();
    let seen = measure(&below, Some(&peer())).await.unwrap();
    for kind in ["posix", "ofd", "flock"] {
        assert_eq!(seen.get(kind), Some(&State::text("works")), "{kind}: {seen}");
    }
    assert_eq!(seen.get("rename"), Some(&State::text("atomic")));
    assert_eq!(seen.get("writable"), Some(&State::Flag(true)));
    assert_eq!(seen.get("at"), Some(&State::text(path.as_str())));
    let spent = |name| seen.get(name).and_then(State::as_int).unwrap();
    assert!(0 < spent("fsync_p50_us") && spent("fsync_p50_us") <= spent("fsync_p99_us"), "{seen}");
    assert!(spent("fsync_p99_us") <= spent("fsync_max_us"), "{seen}");
    assert!(is_clean(&folder));
}

#[tokio::test]
async fn locks_that_do_not_exclude_are_found() {
    let (folder, path) = folder();
    let seen = measure(&path, Some(&script("echo held; exec cat"))).await.unwrap();
    for kind in ["posix", "ofd", "flock"] {
        assert_eq!(seen.get(kind), Some(&State::text("two processes held it at once")), "{kind}");
    }
    assert!(is_clean(&folder));
}

#[tokio::test]
async fn locks_that_outlive_their_holder_are_found() {
    let (folder, path) = folder();
    let file = folder.path().join("file");
    create(&file).unwrap();
    // A child of the holder keeps the lock for as long as our end of its input is open.
    let lingering =
        script("exec 9<>\"$1\"; flock -n 9; exec 8<&0; cat <&8 >/dev/null 2>&1 & echo held; wait");
    let outcome = tried(LockKind::Flock, &file, &lingering).await.unwrap();
    assert_eq!(outcome, "stays held after its holder died");
    drop(path);
}

#[tokio::test]
async fn a_peer_that_fails_is_no_verdict_on_the_file_system() {
    let (folder, path) = folder();
    for peer in [script("echo broken >&2; exit 1"), script("exit 0")] {
        let seen = measure(&path, Some(&peer)).await;
        assert!(matches!(seen, Err(Unread::Failed(_))), "{seen:?}");
    }
    let missing = LockPeer { program: "/no/such/program".into(), arguments: Vec::new() };
    assert!(measure(&path, Some(&missing)).await.is_err());
    assert!(matches!(measure(&path, None).await, Err(Unread::Unsupported(_))));
    assert!(is_clean(&folder));
}

#[tokio::test]
async fn giving_up_half_way_leaves_nothing_behind() {
    let (folder, path) = folder();
    let mute = script("exec cat");
    let seen = tokio::time::timeout(std::time::Duration::from_millis(200), measure(&path, Some(&mute))).await;
    assert!(seen.is_err());
    assert!(is_clean(&folder));
}

#[tokio::test]
async fn a_place_where_nobody_may_write() {
    let seen = measure(&"/proc/sys".parse().unwrap(), Some(&peer())).await;
    assert!(seen.is_err(), "{seen:?}");
    let (folder, path) = folder();
    std::fs::write(folder.path().join("plain"), "").unwrap();
    std::fs::set_permissions(folder.path().join("plain"), std::fs::Permissions::from_mode(0o600)).unwrap();
    let file = measure(&path.join("plain").unwrap(), Some(&peer())).await;
    assert!(matches!(file, Err(Unread::Failed(_))), "{file:?}");
}

#[test]
fn percentiles_by_nearest_rank() {
    let values: Vec<i64> = (1..=50).collect();
    for (share, expected) in [(50, 25), (99, 50), (100, 50), (1, 1), (2, 1), (3, 2)] {
        assert_eq!(percentile(&values, share), expected, "{share}");
    }
    assert_eq!(percentile(&[], 50), 0);
}
