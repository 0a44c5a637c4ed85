//! Every control of the environment profile on a machine that passes, one that fails, and one that is silent.

#![allow(clippy::too_many_lines, reason = "tables of cases")]

use std::collections::{BTreeMap, BTreeSet};

use model::{Control, Evidence, Fact, Resource, State, Unread, Verdict};

mod faults;
mod machine;

use faults::faults;
use machine::{Machine, containerd, engine, good, listener, module, offset, published, record};

use super::is_at_least;
use crate::{Catalogue, Tailoring};

fn controls(set: &[(&str, &str)]) -> BTreeMap<String, Box<dyn Control>> {
    let declared = [
        ("ntp_servers", "ntp.site"),
        ("persistent_paths", "/data"),
        ("disk", "/data=100"),
        ("inodes", "/data=100"),
        ("certificate_chain", "/c"),
        ("certificate_key", "/k"),
        ("certificate_authority", "/a"),
        ("certificate_names", "app.site"),
        ("dns_names", "app.site"),
        ("confinement", "selinux"),
        ("modules", "overlay,ip_tables|nf_tables"),
        ("operator_keys", "SHA256:ann"),
    ];
    let set =
        declared.iter().chain(set).map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let catalogue =
        Catalogue::empty().with("environment.toml", include_str!("../../../environment.toml")).unwrap();
    let all = catalogue.resolve("environment", &Tailoring { set, ..Tailoring::default() }).unwrap();
    all.into_iter().map(|control| (control.id().as_str().to_owned(), control)).collect()
}

fn evidence(machine: Machine) -> Evidence {
    machine.into_iter().map(|(fact, state)| (Resource::Fact(fact), Ok(state))).collect()
}

#[test]
fn every_kind_of_the_environment_is_used_by_a_control_and_so_is_tested() {
    let profile = include_str!("../../../environment.toml");
    for kind in crate::KINDS.iter().filter(|kind| kind.starts_with("env_")) {
        assert!(profile.contains(&format!("kind = \"{kind}\"")), "{kind}");
    }
}

#[test]
fn every_control_passes_on_a_good_machine() {
    let seen = evidence(good());
    for (id, control) in controls(&[]) {
        let judged = control.judge(&seen);
        assert_eq!(judged.verdict, Verdict::Pass, "{id}: {judged:?}");
        assert!(!control.needs(&seen).is_empty(), "{id} asks nothing");
        assert!(control.needs(&seen).iter().all(|need| seen.knows(need)), "{id} asks what was not measured");
    }
}

#[test]
fn every_control_fails_on_its_fault_and_says_what_it_is() {
    let controls = controls(&[]);
    let mut covered = BTreeSet::new();
    for (id, fact, state, told) in faults() {
        let mut seen = evidence(good());
        seen.insert(Resource::Fact(fact), Ok(state));
        let judged = controls[id].judge(&seen);
        assert_eq!(judged.verdict, Verdict::Fail, "{id} ({told}): {judged:?}");
        assert!(judged.actual.contains(told), "{id}: `{}` does not tell `{told}`", judged.actual);
        assert!(!controls[id].about().mend.is_empty(), "{id}");
        covered.insert(id);
    }
    assert_eq!(
        covered.into_iter().collect::<Vec<_>>(),
        controls.keys().map(String::as_str).collect::<Vec<_>>()
    );
}

#[test]
fn silence_is_unknown_never_pass_nor_fail() {
    let silent = || Err(Unread::NoAnswer("silence".to_owned()));
    for (id, control) in controls(&[]) {
        let all: Evidence = good().into_iter().map(|(fact, _)| (Resource::Fact(fact), silent())).collect();
        let judged = control.judge(&all);
        assert_eq!(judged.verdict, Verdict::Unknown, "{id}: {judged:?}");
        assert_eq!(control.judge(&Evidence::new()).verdict, Verdict::Unknown, "{id}");
        for need in control.needs(&all) {
            let mut seen = evidence(good());
            seen.insert(need.clone(), silent());
            // What only explains a failure may be silent without harm, and so may one of several alternatives.
            let optional = matches!(&need, Resource::Fact(Fact::Runtimes | Fact::Containerd { .. }))
                || need == Resource::Fact(module("ip_tables"));
            let expected = if optional { Verdict::Pass } else { Verdict::Unknown };
            let judged = control.judge(&seen);
            assert_eq!(judged.verdict, expected, "{id} without {need}: {judged:?}");
        }
    }
}

#[test]
fn whom_a_netgroup_lets_in_is_unknown_unless_it_is_declared() {
    let mut seen = evidence(good());
    let known = good().into_iter().find(|(fact, _)| *fact == Fact::RuntimeAccess).unwrap().1;
    let State::Record(mut fields) = known else { panic!("no record") };
    let netgroup = record(&[("who", "+admins".into()), ("people", State::Absent)]);
    fields.insert("sudo".to_owned(), State::List(vec![netgroup]));
    seen.insert(Resource::Fact(Fact::RuntimeAccess), Ok(State::Record(fields)));
    let verdict =
        |operators| controls(&[("operators", operators)])["env.runtime_access"].judge(&seen).verdict;
    assert_eq!(verdict("root"), Verdict::Unknown);
    assert_eq!(verdict("root,+admins"), Verdict::Pass);
}

#[test]
fn without_declared_keys_those_that_open_root_are_listed_and_not_judged() {
    let mut seen = evidence(good());
    let undeclared = &controls(&[("operator_keys", "")])["env.operator_keys"];
    let judged = undeclared.judge(&seen);
    assert_eq!(judged.verdict, Verdict::Notchecked);
    assert!(judged.actual.contains("SHA256:ann"), "{}", judged.actual);
    seen.insert(Resource::Fact(Fact::SuperuserKeys), Ok(State::List(Vec::new())));
    assert_eq!(undeclared.judge(&seen).verdict, Verdict::Pass);
    seen.insert(Resource::Fact(Fact::SuperuserKeys), Ok(State::Absent));
    assert_eq!(undeclared.judge(&seen).verdict, Verdict::Notapplicable);
}

#[test]
fn port_443_held_by_ourselves_is_right_and_by_another_project_wrong() {
    let port = |project: &str| {
        let one = record(&[
            ("protocol", "tcp".into()),
            ("address", "0.0.0.0".into()),
            ("port", 443.into()),
            ("container", "web".into()),
            ("project", project.into()),
        ]);
        let mut seen = evidence(good());
        seen.insert(Resource::Fact(Fact::Listeners), Ok(State::List(vec![listener(443, "0.0.0.0", true)])));
        seen.insert(Resource::Fact(published()), Ok(State::List(vec![one])));
        controls(&[("project", "ours")])["env.port_443"].judge(&seen).verdict
    };
    assert_eq!(port("ours"), Verdict::Pass);
    assert_eq!(port("theirs"), Verdict::Fail);
}

#[test]
fn timesyncd_counts_once_it_has_reached_a_server_or_when_it_is_not_alone() {
    for (daemons, reached, expected) in [
        ("systemd-timesyncd", true, Verdict::Pass),
        ("systemd-timesyncd", false, Verdict::Fail),
        ("chronyd systemd-timesyncd", false, Verdict::Pass),
    ] {
        let disciplined = record(&[
            ("synchronised", true.into()),
            ("esterror_us", 900.into()),
            ("daemons", machine::words(daemons)),
            ("timesyncd", reached.into()),
        ]);
        let mut seen = evidence(good());
        seen.insert(Resource::Fact(Fact::ClockDiscipline), Ok(disciplined));
        let judged = controls(&[])["env.clock_synchronised"].judge(&seen);
        assert_eq!(judged.verdict, expected, "{daemons}, reached {reached}: {judged:?}");
    }
}

#[test]
fn an_offset_too_uncertain_to_tell_is_unknown() {
    for (measured, uncertainty, expected) in [
        (499_000, 500, Verdict::Pass),
        (499_000, 2_000, Verdict::Unknown),
        (501_000, 2_000, Verdict::Unknown),
        (503_000, 2_000, Verdict::Fail),
    ] {
        let mut seen = evidence(good());
        seen.insert(
            Resource::Fact(Fact::ClockOffset { server: "ntp.site".into() }),
            Ok(offset(measured, uncertainty)),
        );
        assert_eq!(
            controls(&[])["env.clock_offset"].judge(&seen).verdict,
            expected,
            "{measured} ± {uncertainty}"
        );
    }
}

#[test]
fn kubernetes_takes_containerd_and_no_compose() {
    let controls = controls(&[("target", "kubernetes")]);
    let mut seen = evidence(good());
    seen.insert(Resource::Fact(engine()), Ok(State::Absent));
    assert_eq!(controls["env.runtime"].judge(&seen).verdict, Verdict::Pass);
    assert_eq!(controls["env.compose"].judge(&seen).verdict, Verdict::Notapplicable);
    seen.insert(Resource::Fact(containerd()), Ok(record(&[("version", "1.5.9".into())])));
    assert_eq!(controls["env.runtime"].judge(&seen).verdict, Verdict::Fail);
}

#[test]
fn a_vendors_old_kernel_counts_and_a_declared_nothing_is_not_judged() {
    let mut seen = evidence(good());
    let el8 = record(&[("release", "4.18.0-513.el8.x86_64".into()), ("version", "4.18.0".into())]);
    seen.insert(Resource::Fact(Fact::Kernel), Ok(el8));
    assert_eq!(controls(&[])["env.kernel"].judge(&seen).verdict, Verdict::Pass);
    let strict = controls(&[("kernel_vendor", ""), ("ntp_servers", ""), ("persistent_paths", "")]);
    assert_eq!(strict["env.kernel"].judge(&seen).verdict, Verdict::Fail);
    assert_eq!(strict["env.clock_offset"].judge(&seen).verdict, Verdict::Notchecked);
    assert_eq!(strict["env.file_locking"].judge(&seen).verdict, Verdict::Notapplicable);
}

#[test]
fn what_the_engine_keeps_is_measured_where_the_engine_keeps_it() {
    let root = |root: &str| {
        record(&[("name", "Docker Engine".into()), ("version", "24".into()), ("root", root.into())])
    };
    let volumes = || Fact::FileLocks { path: "/srv/docker/volumes".parse().unwrap() };
    let seen = |locks: State, engine_is: State| {
        let mut seen = evidence(good());
        seen.insert(Resource::Fact(volumes()), Ok(locks));
        seen.insert(Resource::Fact(engine()), Ok(engine_is));
        seen
    };
    let controls = controls(&[("persistent_paths", "engine")]);
    for (id, locks, engine_is, expected) in [
        ("env.file_locking", machine::locks("ext4", "works"), root("/srv/docker"), Verdict::Pass),
        ("env.file_locking", machine::locks("nfs4", "works"), root("/srv/docker"), Verdict::Fail),
        ("env.file_locking", machine::locks("ext4", "works"), State::Absent, Verdict::Unknown),
        ("env.file_locking", machine::locks("ext4", "works"), root(""), Verdict::Unknown),
        ("env.fsync", machine::locks("ext4", "works"), root("/srv/docker"), Verdict::Pass),
        ("env.fsync", machine::locks("ext4", "works"), State::Absent, Verdict::Unknown),
    ] {
        let judged = controls[id].judge(&seen(locks, engine_is.clone()));
        assert_eq!(judged.verdict, expected, "{id} {engine_is}: {judged:?}");
    }
    // Where that is has to be asked first.
    let needs = |seen: &Evidence| controls["env.file_locking"].needs(seen);
    assert_eq!(needs(&Evidence::new()), [Resource::Fact(engine())]);
    let known = [(Resource::Fact(engine()), Ok(root("/srv/docker")))].into_iter().collect();
    assert!(needs(&known).contains(&Resource::Fact(volumes())));
}

#[test]
fn room_on_one_file_system_is_needed_once_for_each() {
    let room = |device: &str| {
        let part = [
            ("free", State::Int(150 << 20)),
            ("read_only", State::Flag(false)),
            ("device", State::text(device)),
        ];
        Ok(record(&part))
    };
    let judged = |store: &str, engines: &str| {
        let file_system = |path: &str| Resource::Fact(Fact::FileSystem { path: path.parse().unwrap() });
        let mut seen = evidence(good());
        seen.insert(Resource::Fact(engine()), Ok(record(&[("root", "/srv/docker".into())])));
        seen.insert(file_system("/store"), room(store));
        seen.insert(file_system("/srv/docker"), room(engines));
        controls(&[("disk", "engine=100,/store=100")])["env.disk"].judge(&seen)
    };
    assert_eq!(judged("8:1", "8:2").verdict, Verdict::Pass);
    let both = judged("8:1", "8:1");
    assert_eq!(both.verdict, Verdict::Fail);
    assert_eq!(both.actual, "/srv/docker and /store: 150 MiB free of 200 needed");
}

#[test]
fn versions_are_compared_by_number() {
    for (version, least, expected) in [
        ("20.10.24+dfsg1", "20.10", Some(true)),
        ("20.9", "20.10", Some(false)),
        ("2", "2.0.0", Some(true)),
        ("1.6.20~ds1", "1.6", Some(true)),
        ("20.04", "20.04", Some(true)),
        ("v2", "2", None),
        ("", "1", None),
    ] {
        assert_eq!(is_at_least(version, least), expected, "{version} {least}");
    }
}
