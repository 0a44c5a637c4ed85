//! Docker and Kubernetes.

use model::{Fact, State};

use super::*;

pub(super) fn docker_option() -> Vec<Case> {
    let icc = r#"{ kind = "docker_option", key = "icc", value = "false", default = "true" }"#;
    let none = r#"{ kind = "docker_option", key = "insecure-registries", flag = "insecure-registry", absent = true }"#;
    let set = r#"{ kind = "docker_option", key = "userns-remap" }"#;
    let driver = r#"{ kind = "docker_option", key = "storage-driver", deny = ["aufs"] }"#;
    let hosts = r#"{ kind = "docker_option", key = "hosts", flag = "host", lacks = "tcp:" }"#;
    let json = |text: &str| m().with("/etc/docker/daemon.json", text);
    let unit = |command: &str| {
        m().with(
            "/usr/lib/systemd/system/docker.service",
            &format!("[Service]\nExecStart=/usr/bin/dockerd {command}\n"),
        )
    };
    vec![
        case(icc, json("{\"icc\": false}"), Pass, "false by /etc/docker/daemon.json"),
        case(icc, unit("--icc=false"), Pass, "by docker.service"),
        stuck(
            icc,
            unit("--icc=false").with(
                "/etc/systemd/system/docker.service.d/a.conf",
                "[Service]\nExecStart=\nExecStart=/usr/bin/dockerd\n",
            ),
            "true by default",
        ),
        stuck(icc, m(), "true by default"),
        case(icc, json("{"), Unknown, "daemon.json"),
        case(icc, Machine::blind(), Unknown, "permission denied"),
        case(none, json("{\"insecure-registries\": []}"), Pass, "nothing sets"),
        stuck(none, json("{\"insecure-registries\": [\"a:5000\", \"b\"]}"), "a:5000,b"),
        case(set, json("{\"userns-remap\": \"default\"}"), Pass, "default"),
        stuck(set, m(), "nothing sets"),
        case(driver, m(), Pass, "nothing sets"),
        stuck(driver, json("{\"storage-driver\": \"aufs\"}"), "aufs"),
        case(hosts, m(), Pass, "nothing sets"),
        case(hosts, unit("-H fd://"), Pass, "fd://"),
        stuck(hosts, unit("-H fd:// -H tcp://0.0.0.0:2375"), "tcp://0.0.0.0:2375"),
        stuck(hosts, json("{\"hosts\": [\"tcp://[::]:2375\"]}"), "tcp:"),
    ]
}

pub(super) fn container() -> Vec<Case> {
    let socket = || "/run/docker.sock".parse().unwrap();
    let probe = |test: &str| -> &'static str {
        format!("{{ kind = \"container\", socket = \"/run/docker.sock\", test = \"{test}\" }}").leak()
    };
    let running = |parts: Vec<(&'static str, State)>| {
        let parts = parts.into_iter().chain([("name", State::text("web"))]);
        m().with_fact(Fact::Containers { socket: socket() }, State::List(vec![State::record(parts)]))
    };
    let bare = || running(Vec::new());
    let mount = |source: &str, propagation: &str| {
        let mount = State::record(
            [("source", source), ("propagation", propagation)].map(|(k, v)| (k, State::text(v))),
        );
        running(vec![("mounts", State::List(vec![mount]))])
    };
    let port = |address: &str, port: i64| {
        let port = State::record([("address", State::text(address)), ("port", State::Int(port))]);
        running(vec![("ports", State::List(vec![port]))])
    };
    let options = |option: &str| running(vec![("security", State::texts([option]))]);
    let text = |part: &'static str, text: &str| running(vec![(part, State::text(text))]);
    let number = |part: &'static str, number: i64| running(vec![(part, State::Int(number))]);
    let mut cases = vec![
        case(
            probe("privileged"),
            m().with_fact(Fact::Containers { socket: socket() }, State::Absent),
            Notapplicable,
            "no engine",
        ),
        case(probe("privileged"), m(), Unknown, "containers of"),
        case(
            probe("privileged"),
            m().with_fact(Fact::Containers { socket: socket() }, State::List(Vec::new())),
            Pass,
            "0 running",
        ),
        case(probe("privileged"), bare(), Pass, "1 running"),
        stuck(probe("privileged"), running(vec![("privileged", true.into())]), "web is privileged"),
    ];
    let good: [(&str, Machine, Machine); 25] = [
        ("host-ipc", text("ipc", "private"), text("ipc", "host")),
        ("host-network", text("network", "bridge"), text("network", "host")),
        ("host-pid", bare(), text("pid", "host")),
        ("host-userns", bare(), text("userns", "host")),
        ("host-uts", bare(), text("uts", "host")),
        ("memory", number("memory", 1), bare()),
        ("cpu-shares", number("cpu_shares", 512), number("cpu_shares", 1024)),
        ("pids", number("pids", 100), number("pids", -1)),
        ("read-only", running(vec![("read_only", true.into())]), bare()),
        ("health-check", running(vec![("health", true.into())]), bare()),
        ("root-user", text("user", "1000"), bare()),
        ("app-armor", text("apparmor", "docker-default"), text("apparmor", "unconfined")),
        ("cgroup-parent", bare(), text("cgroup", "/mine")),
        ("seccomp", bare(), options("seccomp=unconfined")),
        ("no-new-privileges", options("no-new-privileges:true"), options("no-new-privileges:false")),
        (
            "restart-policy",
            running(vec![("restart", "on-failure".into()), ("retries", 5_i64.into())]),
            text("restart", "always"),
        ),
        ("default-bridge", text("network", "site_default"), text("network", "bridge")),
        ("devices", number("devices", 0), number("devices", 2)),
        ("selinux", text("selinux", "system_u:system_r:container_t:s0:c1,c2"), bare()),
        ("capabilities", bare(), running(vec![("capabilities", State::texts(["NET_ADMIN"]))])),
        ("privileged-ports", port("10.0.0.1", 8080), port("10.0.0.1", 80)),
        ("every-interface", port("10.0.0.1", 80), port("0.0.0.0", 80)),
        ("docker-socket", mount("/srv", "rprivate"), mount("/var/run/docker.sock", "rprivate")),
        ("propagation", mount("/srv", "rprivate"), mount("/srv", "rshared")),
        ("sensitive-folders", mount("/etc/web", "rprivate"), mount("/etc", "rprivate")),
    ];
    for (test, passes, fails) in good {
        cases.push(case(probe(test), passes, Pass, "none otherwise"));
        cases.push(stuck(probe(test), fails, "web "));
    }
    cases
}

pub(super) fn docker_file() -> Vec<Case> {
    let key = r#"{ kind = "docker_file", option = "tlskey", mode = "0400" }"#;
    let owner = r#"{ kind = "docker_file", option = "tlskey", owner = ["root"], group = ["root"] }"#;
    let told = || m().with("/etc/docker/daemon.json", "{\"tlskey\": \"/etc/docker/key.pem\"}");
    let there = |mode: u32, uid: u32| told().with_mode("/etc/docker/key.pem", mode, uid, uid);
    vec![
        case(key, m(), Notapplicable, "nothing sets tlskey"),
        case(key, told(), Notapplicable, "not there"),
        case(key, there(0o400, 0), Pass, "0400"),
        case(key, there(0o644, 0), Fail, "0644"),
        case(owner, there(0o644, 0), Pass, "owner"),
        case(owner, there(0o400, 7), Fail, "7"),
        case(key, m().with("/etc/docker/daemon.json", "{\"tlskey\": \"key.pem\"}"), Unknown, "names no path"),
        case(key, Machine::blind(), Unknown, "permission denied"),
    ]
}

pub(super) fn swarm() -> Vec<Case> {
    let off = r#"{ kind = "swarm", socket = "/run/docker.sock" }"#;
    let review = r#"{ kind = "swarm", socket = "/run/docker.sock", review = true }"#;
    let engine =
        |state: State| m().with_fact(Fact::Engine { socket: "/run/docker.sock".parse().unwrap() }, state);
    let with = |swarm: &str| engine(State::record([("swarm", State::text(swarm))]));
    vec![
        case(off, with("inactive"), Pass, "inactive"),
        stuck(off, with("active"), "active"),
        stuck(off, with("locked"), "locked"),
        case(off, engine(State::Absent), Notapplicable, "no engine"),
        case(off, engine(State::record([("version", State::text("20.10"))])), Unknown, "swarm"),
        case(off, m(), Unknown, "container engine"),
        case(review, with("inactive"), Notapplicable, "inactive"),
        case(review, with("active"), Verdict::Notchecked, "active"),
    ]
}

pub(super) fn kubernetes() -> Vec<Case> {
    let api = "/etc/kubernetes/manifests/kube-apiserver.yaml";
    let anonymous = r#"{ kind = "kubernetes", path = "/etc/kubernetes/manifests/kube-apiserver.yaml", name = "--anonymous-auth", value = "false", default = "true" }"#;
    let modes = r#"{ kind = "kubernetes", path = "/etc/kubernetes/manifests/kube-apiserver.yaml", name = "--authorization-mode", holds = ["Node", "RBAC"], lacks = ["AlwaysAllow"] }"#;
    let token = r#"{ kind = "kubernetes", path = "/etc/kubernetes/manifests/kube-apiserver.yaml", name = "--token-auth-file", absent = true }"#;
    let port = r#"{ kind = "kubernetes", path = "/var/lib/kubelet/config.yaml", name = "readOnlyPort", value = 0, default = 0 }"#;
    let with = |flag: &str| {
        m().with(api, &format!("spec:\n  containers:\n  - command:\n    - kube-apiserver\n    - {flag}\n"))
    };
    vec![
        case(anonymous, with("--anonymous-auth=false"), Pass, "false in"),
        stuck(anonymous, with("--anonymous-auth=true"), "true in"),
        stuck(anonymous, with("--x=1"), "true by default"),
        case(anonymous, m(), Notapplicable, "not there"),
        case(anonymous, Machine::blind(), Unknown, "permission denied"),
        case(modes, with("--authorization-mode=Node,RBAC"), Pass, "Node,RBAC"),
        stuck(modes, with("--authorization-mode=Node,RBAC,AlwaysAllow"), "AlwaysAllow"),
        stuck(modes, with("--authorization-mode=RBAC"), "RBAC"),
        case(token, with("--x=1"), Pass, "does not set"),
        stuck(token, with("--token-auth-file=/etc/t"), "/etc/t"),
        case(port, m().with("/var/lib/kubelet/config.yaml", "kind: x\n"), Pass, "0 by default"),
        stuck(port, m().with("/var/lib/kubelet/config.yaml", "readOnlyPort: 10255\n"), "10255"),
        case(
            port,
            m().with("/var/lib/kubelet/config.yaml", "readOnlyPort: &a 1\n"),
            Unknown,
            "not read here",
        ),
    ]
}
