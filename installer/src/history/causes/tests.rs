//! Each source tells a cause, and its good twin tells none.

use std::collections::{BTreeMap, BTreeSet};

use host::{Times, Touched};
use syntax::traces::Session;

use super::*;

const PATH: &str = "/etc/ssh/sshd_config";

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_000_000 + second).unwrap()
}

fn path() -> HostPath {
    PATH.parse().unwrap()
}

/// Traces of a file that changed at second 100.
fn changed() -> Traces {
    let times = Some(Times { changed: at(100), modified: at(100) });
    let touched = Touched { times, ..Touched::default() };
    Traces {
        touched: BTreeMap::from([(path(), touched)]),
        names: BTreeMap::from([(1000, "ann".to_owned())]),
        ..Traces::default()
    }
}

fn call(second: i64, login: Option<u32>, exe: &str) -> Access {
    let exe = exe.to_owned();
    Access { at: at(second).as_millisecond(), serial: 7, login, exe, paths: vec![PATH.to_owned()] }
}

fn handled(package: &str, began: i64, ended: i64) -> (Handled, Timestamp, Timestamp) {
    let text = |at: Timestamp| at.strftime("%Y-%m-%d %H:%M:%S").to_string();
    let handled = Handled {
        by: Recorder::Dpkg,
        package: package.to_owned(),
        action: "upgrade".to_owned(),
        from: Some("1".to_owned()),
        to: Some("2".to_owned()),
        began: text(at(began)),
        ended: text(at(ended)),
    };
    (handled, at(began), at(ended))
}

fn session(began: i64, ended: Option<i64>) -> Session {
    Session {
        user: "bob".to_owned(),
        line: "pts/0".to_owned(),
        from: "10.0.0.5".to_owned(),
        began: at(began).as_second(),
        ended: ended.map(|ended| at(ended).as_second()),
    }
}

fn cause(traces: &Traces) -> Option<Cause> {
    of_path(&path(), at(50), traces, &[])
}

#[test]
fn nothing_tells_nothing() {
    assert_eq!(cause(&changed()), None);
    assert_eq!(of_path(&"/etc/other".parse().unwrap(), at(50), &changed(), &[]), None);
}

#[test]
fn the_audit_log_names_the_person_or_the_program() {
    let mut traces = changed();
    traces.touched.get_mut(&path()).unwrap().accesses =
        vec![call(90, Some(7), "/bin/a"), call(99, Some(1000), "/bin/vi")];
    let told = cause(&traces).unwrap();
    assert_eq!(
        (told.by, told.who.as_deref(), told.confidence),
        (Mover::Person, Some("ann"), Confidence::Recorded)
    );
    assert!(told.says.contains("/bin/vi") && told.evidence[0].contains("record 7"), "{told:?}");
    traces.touched.get_mut(&path()).unwrap().accesses = vec![call(100, None, "/usr/sbin/agent")];
    let told = cause(&traces).unwrap();
    assert_eq!((told.by, told.who.as_deref()), (Mover::Program, Some("/usr/sbin/agent")));
    // Who touched it at another time did not make this change.
    traces.touched.get_mut(&path()).unwrap().accesses = vec![call(90, Some(1000), "/bin/vi")];
    assert_eq!(cause(&traces), None);
}

#[test]
fn a_package_moves_only_what_it_owns_and_while_it_is_handled() {
    let mut traces = changed();
    traces.handled = vec![handled("openssh-server", 98, 100)];
    assert_eq!(cause(&traces), None, "it owns nothing here");
    traces.touched.get_mut(&path()).unwrap().packages.insert("openssh-server".to_owned());
    let told = cause(&traces).unwrap();
    assert_eq!((told.by, told.confidence), (Mover::Package, Confidence::Likely));
    assert!(told.says.contains("openssh-server from 1 to 2"), "{told:?}");
    // The audit log agrees, and then it is recorded; a person at that moment counts more than the package.
    traces.touched.get_mut(&path()).unwrap().accesses = vec![call(100, None, "/usr/bin/dpkg")];
    let told = cause(&traces).unwrap();
    assert_eq!((told.by, told.confidence), (Mover::Package, Confidence::Recorded));
    traces.touched.get_mut(&path()).unwrap().accesses = vec![call(100, Some(1000), "/bin/vi")];
    assert_eq!(cause(&traces).unwrap().by, Mover::Person);
    traces.touched.get_mut(&path()).unwrap().accesses.clear();
    traces.handled = vec![handled("openssh-server", 60, 90)];
    assert_eq!(cause(&traces), None, "it was over by then");
}

#[test]
fn who_was_logged_in_is_said_as_no_more_than_that() {
    let mut traces = changed();
    traces.sessions = vec![session(10, Some(99))];
    assert_eq!(cause(&traces), None, "bob had gone");
    traces.sessions.push(session(95, None));
    let told = cause(&traces).unwrap();
    assert_eq!((told.who.as_deref(), told.confidence), (Some("bob"), Confidence::Possible));
    assert!(told.says.ends_with("logged in then: bob"), "{told:?}");
}

#[test]
fn what_changed_before_the_run_ended_is_no_cause() {
    let mut traces = changed();
    traces.sessions = vec![session(0, None)];
    assert!(of_path(&path(), at(99), &traces, &[]).is_some());
    assert_eq!(of_path(&path(), at(100), &traces, &[]), None);
}

#[test]
fn a_run_of_our_own_is_named() {
    let mut traces = changed();
    traces.sessions = vec![session(0, None)];
    let run = |began, ended, path: &str| OwnRun {
        run: "01A".to_owned(),
        command: "harden".to_owned(),
        began: at(began),
        ended: at(ended),
        paths: BTreeSet::from([path.parse().unwrap()]),
    };
    let told = of_path(&path(), at(50), &traces, &[run(99, 101, PATH)]).unwrap();
    assert_eq!((told.by, told.who.as_deref()), (Mover::Run, Some("01A")));
    for other in [run(99, 101, "/etc/other"), run(101, 102, PATH)] {
        assert_eq!(of_path(&path(), at(50), &traces, &[other]).unwrap().by, Mover::Person);
    }
}

#[test]
fn a_file_that_is_gone_is_told_by_its_directory() {
    let mut traces = changed();
    let touched = traces.touched.get_mut(&path()).unwrap();
    (touched.times, touched.above) = (None, Some(at(100)));
    touched.accesses = vec![call(100, Some(1000), "/bin/rm")];
    assert!(cause(&traces).unwrap().says.contains("is gone"));
}

#[test]
fn values_name_the_files_that_they_came_from() {
    let mut paths = BTreeSet::new();
    let inner = State::record([("at", State::text("/etc/a.conf:12")), ("value", State::text("/etc/none"))]);
    let state = State::record([("path", State::text("/etc/b")), ("match", State::List(vec![inner]))]);
    named(&state, &mut paths);
    let seen: Vec<_> = paths.iter().map(HostPath::as_str).collect();
    assert_eq!(seen, ["/etc/a.conf", "/etc/b"]);
}

#[test]
fn dnf_is_known_by_its_log_and_a_program_of_python() {
    let by_dnf = |traces: &mut Traces| {
        traces.touched.get_mut(&path()).unwrap().packages.insert("sudo".to_owned());
        let mut upgrade = handled("sudo", 95, 101);
        upgrade.0.by = Recorder::Dnf;
        traces.handled.push(upgrade);
    };
    let mut traces = changed();
    by_dnf(&mut traces);
    let likely = cause(&traces).unwrap();
    assert_eq!((likely.by, likely.confidence), (Mover::Package, Confidence::Likely));
    assert!(likely.says.contains("dnf's upgrade of the package sudo from 1 to 2"), "{}", likely.says);
    traces.touched.get_mut(&path()).unwrap().accesses.push(call(100, Some(1000), "/usr/bin/python3.9"));
    assert_eq!(cause(&traces).unwrap().confidence, Confidence::Recorded);
    // The good twin: an editor is no package manager, and neither is Python where dpkg did the work.
    traces.touched.get_mut(&path()).unwrap().accesses[0].exe = "/usr/bin/vi".to_owned();
    assert_eq!(cause(&traces).unwrap().by, Mover::Person);
    traces.touched.get_mut(&path()).unwrap().accesses[0].exe = "/usr/bin/python3.9".to_owned();
    traces.handled[0].0.by = Recorder::Dpkg;
    assert_eq!(cause(&traces).unwrap().by, Mover::Person);
}
