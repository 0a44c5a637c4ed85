//! The measurements as a whole: they answer on this machine, keep their deadline, and know what files can tell.

use super::*;

/// A scratch root directory with these files in it.
pub(crate) fn scratch(files: &[(&str, &str)]) -> (tempfile::TempDir, Tree) {
    let folder = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let path = folder.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    let tree = Tree::at(folder.path()).unwrap();
    (folder, tree)
}

fn path(text: &str) -> model::HostPath {
    text.parse().unwrap()
}

/// Every fact there is.
fn all() -> Vec<Fact> {
    vec![
        Fact::Kernel,
        Fact::Distribution,
        Fact::Capacity,
        Fact::FileSystem { path: path("/var") },
        Fact::Engine { socket: path("/no/such.sock") },
        Fact::Containerd { socket: path("/no/such.sock") },
        Fact::Published { socket: path("/no/such.sock") },
        Fact::Runtimes,
        Fact::Compose,
        Fact::Cgroups,
        Fact::KernelModule { name: "overlay".into() },
        Fact::Entropy,
        Fact::ClockDiscipline,
        Fact::Selinux,
        Fact::Apparmor,
        Fact::Resolve { name: "localhost".into() },
        Fact::Listeners,
        Fact::Proxies,
        Fact::Audit,
        Fact::RuntimeAccess,
        Fact::SuperuserKeys,
        Fact::Certificate { chain: path("/no/c"), key: path("/no/k"), authority: path("/no/a") },
    ]
}

#[tokio::test]
async fn this_machine_answers_everything_in_the_order_asked() {
    let facts = Arc::new(Facts::new(Path::new("/"), SystemTime::now).unwrap());
    let wanted = all();
    let seen = facts.observe_all(&wanted).await;
    assert_eq!(seen.len(), wanted.len());
    for (fact, seen) in wanted.iter().zip(&seen) {
        assert!(seen.is_ok(), "{fact}: {seen:?}");
    }
    assert!(seen[0].as_ref().unwrap().get("release").is_some());
    assert_eq!(seen[4], Ok(State::Absent));
}

#[tokio::test]
async fn an_unpacked_root_tells_what_lies_in_files_and_no_more() {
    let (folder, _) = scratch(&[("etc/os-release", "ID=debian\nVERSION_ID=12\n")]);
    let facts = Facts::new(folder.path(), SystemTime::now).unwrap();
    for fact in all() {
        let seen = facts.observe(&fact).await;
        match told_by_files(&fact) {
            true => assert!(seen.is_ok(), "{fact}: {seen:?}"),
            false => assert!(matches!(seen, Err(Unread::Unsupported(_))), "{fact}: {seen:?}"),
        }
    }
}

#[tokio::test]
async fn the_deadline_holds() {
    // A server that never answers: bound here, so that nobody else can answer.
    let silent = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let server = silent.local_addr().unwrap().to_string();
    let facts =
        Facts::new(Path::new("/"), SystemTime::now).unwrap().with_deadline(Duration::from_millis(100));
    let seen = facts.observe(&Fact::ClockOffset { server }).await;
    assert!(matches!(&seen, Err(Unread::NoAnswer(why)) if why.contains("0.1 s")), "{seen:?}");
}

#[test]
fn a_root_that_is_not_there_is_an_error() {
    assert!(Facts::new(Path::new("/no/such/root"), SystemTime::now).is_err());
}
