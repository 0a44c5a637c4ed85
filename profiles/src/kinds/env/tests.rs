//! Every control of the environment profile on a machine that passes, one that fails, and one that is silent.

#![allow(clippy::too_many_lines, reason = "tables of cases")]

use std::collections::{BTreeMap, BTreeSet};

use model::{Control, Evidence, Fact, Resource, State, Unread, Verdict};

use super::is_at_least;
use crate::{Catalogue, Tailoring};

const SOCKET: &str = "/run/docker.sock";

/// A measured machine, by fact.
type Machine = Vec<(Fact, State)>;

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
    ];
    let set =
        declared.iter().chain(set).map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let catalogue =
        Catalogue::empty().with("environment.toml", include_str!("../../../environment.toml")).unwrap();
    let all = catalogue.resolve("environment", &Tailoring { set, ..Tailoring::default() }).unwrap();
    all.into_iter().map(|control| (control.id().as_str().to_owned(), control)).collect()
}

fn record(parts: &[(&str, State)]) -> State {
    State::record(parts.iter().map(|(name, state)| (*name, state.clone())))
}

fn words(text: &str) -> State {
    State::Words(text.split_whitespace().map(str::to_owned).collect())
}

fn yes() -> State {
    State::Flag(true)
}

fn no() -> State {
    State::Flag(false)
}

fn engine() -> Fact {
    Fact::Engine { socket: SOCKET.parse().unwrap() }
}

fn containerd() -> Fact {
    Fact::Containerd { socket: "/run/containerd/containerd.sock".parse().unwrap() }
}

fn published() -> Fact {
    Fact::Published { socket: SOCKET.parse().unwrap() }
}

fn module(name: &str) -> Fact {
    Fact::KernelModule { name: name.to_owned() }
}

fn listener(port: i64, address: &str, exposed: bool) -> State {
    record(&[
        ("protocol", "tcp".into()),
        ("port", port.into()),
        ("address", address.into()),
        ("exposed", exposed.into()),
        ("process", "nc".into()),
    ])
}

/// A machine on which every control passes.
fn good() -> Machine {
    let module_there = record(&[("loaded", no()), ("builtin", yes()), ("available", no())]);
    let module_missing = record(&[("loaded", no()), ("builtin", no()), ("available", no())]);
    let no_proxy = "localhost,127.0.0.1";
    let proxied = record(&[("http", "http://p:1".into()), ("no", no_proxy.into())]);
    vec![
        (Fact::Kernel, record(&[("release", "5.10.0-28-amd64".into()), ("version", "5.10.0".into())])),
        (
            Fact::Distribution,
            record(&[
                ("id", "almalinux".into()),
                ("id_like", State::texts(["rhel", "fedora"])),
                ("version", "9.4".into()),
            ]),
        ),
        (Fact::Capacity, record(&[("cpus", 4.into()), ("memory", (8_i64 << 30).into())])),
        (
            Fact::FileSystem { path: "/data".parse().unwrap() },
            record(&[
                ("free", (1_i64 << 30).into()),
                ("inodes", 5000.into()),
                ("inodes_free", 1000.into()),
                ("read_only", no()),
            ]),
        ),
        (engine(), record(&[("name", "Docker Engine".into()), ("version", "20.10.24+dfsg1".into())])),
        (containerd(), record(&[("version", "1.6.20~ds1".into())])),
        (Fact::Runtimes, record(&[("docker", yes()), ("podman", no())])),
        (published(), State::List(Vec::new())),
        (Fact::Compose, record(&[("version", "2.26.1-4".into())])),
        (Fact::Cgroups, record(&[("version", 2.into()), ("controllers", words("cpu memory pids io"))])),
        (module("overlay"), module_there.clone()),
        (module("ip_tables"), module_missing),
        (module("nf_tables"), module_there),
        (
            Fact::Entropy,
            record(&[
                ("initialised", yes()),
                ("available", 256.into()),
                ("pool", 256.into()),
                ("cpu", words("rdrand")),
                ("feeders", words("")),
                ("rate", 200_000_000.into()),
            ]),
        ),
        (
            Fact::ClockDiscipline,
            record(&[("synchronised", yes()), ("esterror_us", 900.into()), ("daemons", words("chronyd"))]),
        ),
        (Fact::ClockOffset { server: "ntp.site".into() }, offset(3_000, 1_000)),
        (Fact::FileLocks { path: "/data".parse().unwrap() }, locks("ext4", "works")),
        (
            Fact::Selinux,
            record(&[("mode", "enforcing".into()), ("policy", "targeted".into()), ("container", yes())]),
        ),
        (Fact::Apparmor, record(&[("enabled", yes()), ("parser", yes()), ("profiles", 20.into())])),
        (
            Fact::Resolve { name: "app.site".into() },
            record(&[("found", yes()), ("addresses", State::texts(["10.0.0.1"]))]),
        ),
        (
            Fact::Resolve { name: "groundfast-no-such-name.invalid".into() },
            record(&[("found", no()), ("addresses", State::List(Vec::new()))]),
        ),
        (
            Fact::Listeners,
            State::List(vec![listener(22, "0.0.0.0", true), listener(5432, "127.0.0.1", false)]),
        ),
        (Fact::Proxies, record(&[("shell", proxied.clone()), ("docker", proxied)])),
        (
            Fact::Audit,
            record(&[
                ("daemon", yes()),
                ("configured", words("/usr/bin /var/lib/docker /etc/docker /run")),
                ("loaded", words("/usr /var/lib /etc/docker /run")),
            ]),
        ),
        (
            Fact::RuntimeAccess,
            record(&[
                ("docker", words("")),
                ("sudo", words("root %sudo")),
                ("root", words("root")),
                ("root_ssh", "no".into()),
                ("root_ssh_match", words("")),
                ("socket_mode", State::Mode(0o660)),
            ]),
        ),
        (certificate(), served(&[])),
    ]
}

fn offset(offset: i64, uncertainty: i64) -> State {
    record(&[
        ("offset_us", offset.into()),
        ("uncertainty_us", uncertainty.into()),
        ("address", "10.0.0.9:123".into()),
    ])
}

fn locks(kind: &str, flock: &str) -> State {
    record(&[
        ("type", kind.into()),
        ("network", (kind == "nfs4").into()),
        ("writable", yes()),
        ("posix", "works".into()),
        ("ofd", "works".into()),
        ("flock", flock.into()),
        ("rename", "atomic".into()),
        ("fsync_p99_us", 4_000.into()),
    ])
}

fn certificate() -> Fact {
    let path = |path: &str| path.parse().unwrap();
    Fact::Certificate { chain: path("/c"), key: path("/k"), authority: path("/a") }
}

/// A good certificate with some fields replaced.
fn served(other: &[(&str, State)]) -> State {
    let good = [
        ("subject", State::text("CN=app")),
        ("issuer", State::text("CN=Customer CA")),
        ("names", State::texts(["*.site"])),
        ("trusted", yes()),
        ("self_signed", no()),
        ("key_matches", yes()),
        ("started", yes()),
        ("tls13", yes()),
        ("days_left", State::Int(100)),
        ("key_mode", State::Mode(0o600)),
    ];
    let kept = good.into_iter().filter(|(name, _)| other.iter().all(|(replaced, _)| replaced != name));
    State::record(kept.chain(other.iter().cloned()))
}

/// What makes each control fail: control, fact, what is measured instead, a word of what is then told.
fn faults() -> Vec<(&'static str, Fact, State, &'static str)> {
    let path = |path: &str| path.parse().unwrap();
    let room = |free: i64, inodes: i64| {
        record(&[
            ("free", free.into()),
            ("inodes", 9.into()),
            ("inodes_free", inodes.into()),
            ("read_only", no()),
        ])
    };
    let with = |fact: Fact, parts: &[(&str, State)]| {
        let state = good().into_iter().find(|(known, _)| *known == fact).unwrap().1;
        let State::Record(mut fields) = state else { panic!("{fact} is no record") };
        fields.extend(parts.iter().map(|(name, state)| ((*name).to_owned(), state.clone())));
        (fact, State::Record(fields))
    };
    let mut all: Vec<(&str, (Fact, State), &str)> = vec![
        (
            "env.kernel",
            (Fact::Kernel, record(&[("release", "4.19.0-26-amd64".into()), ("version", "4.19.0".into())])),
            "4.19",
        ),
        ("env.distribution", with(Fact::Distribution, &[("version", "7.9".into())]), "almalinux 7.9"),
        (
            "env.distribution",
            (
                Fact::Distribution,
                record(&[
                    ("id", "linuxmint".into()),
                    ("id_like", State::texts(["ubuntu", "debian"])),
                    ("version", "21".into()),
                ]),
            ),
            "linuxmint",
        ),
        ("env.runtime", (engine(), State::Absent), "containerd 1.6.20~ds1 runs"),
        ("env.runtime", with(engine(), &[("version", "19.03.15".into())]), "19.03"),
        ("env.runtime", with(engine(), &[("name", "Podman Engine".into())]), "Podman"),
        ("env.compose", (Fact::Compose, State::Absent), "no Compose"),
        ("env.compose", with(Fact::Compose, &[("version", "1.29.2".into())]), "1.29.2"),
        ("env.cgroups", with(Fact::Cgroups, &[("controllers", words("cpu pids"))]), "without memory"),
        (
            "env.kernel_features",
            with(module("nf_tables"), &[("builtin", no())]),
            "ip_tables|nf_tables is missing",
        ),
        ("env.entropy", with(Fact::Entropy, &[("initialised", no())]), "not initialised"),
        ("env.entropy", with(Fact::Entropy, &[("cpu", words(""))]), "no hardware source"),
        ("env.entropy", with(Fact::Entropy, &[("rate", 10.into())]), "10 bytes/s"),
        ("env.entropy", with(Fact::Entropy, &[("available", 12.into())]), "12 bits"),
        ("env.clock_synchronised", with(Fact::ClockDiscipline, &[("synchronised", no())]), "unsynchronised"),
        ("env.clock_synchronised", with(Fact::ClockDiscipline, &[("esterror_us", 600_000.into())]), "600000"),
        (
            "env.clock_offset",
            (Fact::ClockOffset { server: "ntp.site".into() }, offset(-700_000, 1_000)),
            "-700000",
        ),
        (
            "env.file_locking",
            (Fact::FileLocks { path: path("/data") }, locks("nfs4", "works")),
            "network file system nfs4",
        ),
        (
            "env.file_locking",
            (Fact::FileLocks { path: path("/data") }, locks("ext4", "not supported")),
            "flock not supported",
        ),
        (
            "env.file_locking",
            with(Fact::FileLocks { path: path("/data") }, &[("writable", no())]),
            "read-only",
        ),
        (
            "env.fsync",
            with(Fact::FileLocks { path: path("/data") }, &[("fsync_p99_us", 60_000.into())]),
            "60000",
        ),
        ("env.selinux", with(Fact::Selinux, &[("container", no())]), "without container"),
        ("env.apparmor", with(Fact::Apparmor, &[("parser", no())]), "missing"),
        ("env.confinement", with(Fact::Selinux, &[("mode", "disabled".into())]), "SELinux is off"),
        (
            "env.dns",
            with(Fact::Resolve { name: "app.site".into() }, &[("found", no())]),
            "there is no app.site",
        ),
        (
            "env.dns",
            with(Fact::Resolve { name: "groundfast-no-such-name.invalid".into() }, &[("found", yes())]),
            "invalid is",
        ),
        (
            "env.listeners",
            (Fact::Listeners, State::List(vec![listener(8080, "0.0.0.0", true)])),
            "8080/tcp on 0.0.0.0 by nc",
        ),
        ("env.port_443", (Fact::Listeners, State::List(vec![listener(443, "::", true)])), "held by nc"),
        (
            "env.proxy",
            (
                Fact::Proxies,
                record(&[
                    ("shell", record(&[("http", "http://p:1".into()), ("no", "localhost,127.0.0.1".into())])),
                    ("docker", record(&[])),
                ]),
            ),
            "not set in docker",
        ),
        ("env.audit", with(Fact::Audit, &[("daemon", no())]), "does not run"),
        ("env.audit", with(Fact::Audit, &[("loaded", words("/usr/bin"))]), "the kernel do not watch"),
        ("env.audit", with(Fact::Audit, &[("configured", words(""))]), "rules files do not watch"),
        (
            "env.runtime_access",
            with(Fact::RuntimeAccess, &[("docker", words("mallory"))]),
            "mallory by the docker group",
        ),
        ("env.runtime_access", with(Fact::RuntimeAccess, &[("sudo", words("mallory"))]), "mallory by sudo"),
        (
            "env.runtime_access",
            with(Fact::RuntimeAccess, &[("root_ssh", "yes".into())]),
            "PermitRootLogin yes",
        ),
        ("env.runtime_access", with(Fact::RuntimeAccess, &[("socket_mode", State::Mode(0o666))]), "0666"),
        ("env.cpu", with(Fact::Capacity, &[("cpus", 1.into())]), "1 CPUs"),
        ("env.memory", with(Fact::Capacity, &[("memory", (1_i64 << 30).into())]), "1024 MiB"),
        ("env.disk", (Fact::FileSystem { path: path("/data") }, room(99 << 20, 1000)), "99 MiB"),
        ("env.inodes", (Fact::FileSystem { path: path("/data") }, room(1 << 40, 99)), "99 inodes"),
    ];
    let stranger = record(&[
        ("protocol", "tcp".into()),
        ("address", "0.0.0.0".into()),
        ("port", 9000.into()),
        ("container", "other".into()),
    ]);
    all.push(("env.listeners", (published(), State::List(vec![stranger])), "published by container other"));
    for (field, value, told) in [
        ("trusted", no(), "customer's CA"),
        ("self_signed", yes(), "self-signed"),
        ("key_matches", no(), "key is not"),
        ("started", no(), "not valid yet"),
        ("tls13", no(), "TLS 1.3"),
        ("days_left", State::Int(3), "3 days"),
        ("key_mode", State::Mode(0o644), "0644"),
        ("names", State::texts(["other.test"]), "not valid for app.site"),
    ] {
        all.push(("env.certificates", (certificate(), served(&[(field, value)])), told));
    }
    all.push(("env.certificates", (certificate(), record(&[("missing", words("/k"))])), "/k not there"));
    all.into_iter().map(|(control, (fact, state), told)| (control, fact, state, told)).collect()
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
