//! What makes each control of the environment fail.

use model::{Fact, State};

use super::machine::*;

/// What makes each control fail: control, fact, what is measured instead, a word of what is then told.
pub(super) fn faults() -> Vec<(&'static str, Fact, State, &'static str)> {
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
        (
            "env.clock_synchronised",
            with(Fact::ClockDiscipline, &[("daemons", words("systemd-timesyncd")), ("timesyncd", no())]),
            "has reached no server",
        ),
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
        (
            "env.runtime_access",
            with(Fact::RuntimeAccess, &[("sudo", State::List(vec![sudo("mallory", "mallory")]))]),
            "mallory by sudo",
        ),
        (
            "env.runtime_access",
            with(Fact::RuntimeAccess, &[("sudo", State::List(vec![sudo("%adm", "root mallory")]))]),
            "mallory by sudo (%adm)",
        ),
        (
            "env.runtime_access",
            with(Fact::RuntimeAccess, &[("root", words("root toor"))]),
            "toor by user id 0",
        ),
        (
            "env.operator_keys",
            (
                Fact::SuperuserKeys,
                State::List(vec![
                    key("SHA256:ann", "ann"),
                    key("SHA256:mallory", "root"),
                    key("SHA256:ca", "*"),
                ]),
            ),
            "SHA256:mallory (laptop) opens root, /home/ann/.ssh/authorized_keys:1; SHA256:ca (laptop) opens any",
        ),
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
