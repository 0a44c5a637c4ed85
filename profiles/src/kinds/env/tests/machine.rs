//! A machine on which every control of the environment passes, and the pieces that it is made of.

use model::{Fact, State};

pub(super) const SOCKET: &str = "/run/docker.sock";

/// A measured machine, by fact.
pub(super) type Machine = Vec<(Fact, State)>;

pub(super) fn record(parts: &[(&str, State)]) -> State {
    State::record(parts.iter().map(|(name, state)| (*name, state.clone())))
}

pub(super) fn words(text: &str) -> State {
    State::Words(text.split_whitespace().map(str::to_owned).collect())
}

pub(super) fn yes() -> State {
    State::Flag(true)
}

pub(super) fn no() -> State {
    State::Flag(false)
}

pub(super) fn engine() -> Fact {
    Fact::Engine { socket: SOCKET.parse().unwrap() }
}

pub(super) fn containerd() -> Fact {
    Fact::Containerd { socket: "/run/containerd/containerd.sock".parse().unwrap() }
}

pub(super) fn published() -> Fact {
    Fact::Published { socket: SOCKET.parse().unwrap() }
}

pub(super) fn module(name: &str) -> Fact {
    Fact::KernelModule { name: name.to_owned() }
}

pub(super) fn listener(port: i64, address: &str, exposed: bool) -> State {
    record(&[
        ("protocol", "tcp".into()),
        ("port", port.into()),
        ("address", address.into()),
        ("exposed", exposed.into()),
        ("process", "nc".into()),
    ])
}

/// A machine on which every control passes.
pub(super) fn good() -> Machine {
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
                ("sudo", State::List(vec![sudo("root", "root"), sudo("%sudo", "mallory")])),
                ("root", words("root")),
                ("root_ssh", "no".into()),
                ("root_ssh_match", words("")),
                ("socket_mode", State::Mode(0o660)),
            ]),
        ),
        (Fact::SuperuserKeys, State::List(vec![key("SHA256:ann", "ann")])),
        (certificate(), served(&[])),
    ]
}

pub(super) fn offset(offset: i64, uncertainty: i64) -> State {
    record(&[
        ("offset_us", offset.into()),
        ("uncertainty_us", uncertainty.into()),
        ("address", "10.0.0.9:123".into()),
    ])
}

pub(super) fn locks(kind: &str, flock: &str) -> State {
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

pub(super) fn certificate() -> Fact {
    let path = |path: &str| path.parse().unwrap();
    Fact::Certificate { chain: path("/c"), key: path("/k"), authority: path("/a") }
}

/// A good certificate with some fields replaced.
pub(super) fn served(other: &[(&str, State)]) -> State {
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

pub(super) fn sudo(who: &str, people: &str) -> State {
    record(&[("who", who.into()), ("people", words(people))])
}

pub(super) fn key(fingerprint: &str, user: &str) -> State {
    record(&[
        ("key", fingerprint.into()),
        ("user", user.into()),
        ("comment", "laptop".into()),
        ("at", "/home/ann/.ssh/authorized_keys:1".into()),
    ])
}
