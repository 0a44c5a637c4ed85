//! Packet filters, open ports, services that run, mandatory access control.

use model::{Fact, State};

use super::*;

const NFT: &str = "/etc/nftables.conf";

pub(super) fn firewall() -> Vec<Case> {
    let chains = r#"{ kind = "firewall", filter = "nftables", asks = "chains" }"#;
    let table = r#"{ kind = "firewall", filter = "nftables", asks = "table" }"#;
    let permanent = r#"{ kind = "firewall", filter = "nftables", asks = "permanent" }"#;
    let deny = r#"{ kind = "firewall", filter = "nftables", asks = "default", hooks = ["input"], policies = ["drop"] }"#;
    let loopback = r#"{ kind = "firewall", filter = "nftables", asks = "loopback" }"#;
    let input = |rules: &str| {
        m().with(
            NFT,
            &format!("table inet f {{ chain i {{ type filter hook input priority 0; {rules} }} }}\n"),
        )
    };
    let three = "add table ip f\nadd chain ip f i { type filter hook input priority 0; }\n\
                 add chain ip f o { type filter hook output priority 0; }\nadd chain ip f w { type filter hook forward priority 0; }\n";
    vec![
        case(chains, m().with(NFT, three), Pass, "a chain for forward"),
        stuck(chains, input(""), "no chain for forward"),
        stuck(chains, m(), "not there"),
        case(
            chains,
            m().with(NFT, "include \"/etc/nftables.d/*.nft\"").with("/etc/nftables.d/a.nft", three),
            Pass,
            "input",
        ),
        case(table, input(""), Pass, "1 tables"),
        stuck(table, m().with(NFT, "#!/usr/sbin/nft -f\nflush ruleset\n"), "0 tables"),
        case(
            permanent,
            m().with(NFT, "include \"/etc/a.nft\"\n").with("/etc/a.nft", three),
            Pass,
            "1 files included",
        ),
        stuck(permanent, m().with(NFT, "flush ruleset\n"), "0 files"),
        case(deny, input("policy drop;"), Pass, "input drop"),
        stuck(deny, input("# policy drop;\n"), "input accept"),
        case(deny, Machine::blind(), Unknown, "permission denied"),
        case(
            loopback,
            input("iif lo accept; ip saddr 127.0.0.0/8 counter drop; ip6 saddr ::1 drop;"),
            Pass,
            "drops ::1",
        ),
        stuck(loopback, input("iif lo accept; ip saddr 127.0.0.0/8 counter drop;"), "no rule drops ::1"),
        stuck(
            loopback,
            input("iif lo tcp dport 22 accept; ip saddr 127.0.0.0/8 drop; ip6 saddr ::1 drop;"),
            "no rule lets all in",
        ),
    ]
    .into_iter()
    .chain(tables_of_iptables())
    .chain(ufw())
    .collect()
}

fn tables_of_iptables() -> Vec<Case> {
    let deny = r#"{ kind = "firewall", filter = "iptables", asks = "default", hooks = ["input", "output", "forward"], policies = ["drop"] }"#;
    let loopback = r#"{ kind = "firewall", filter = "iptables", asks = "loopback" }"#;
    let six = r#"{ kind = "firewall", filter = "ip6tables", asks = "loopback" }"#;
    let open = r#"{ kind = "firewall", filter = "iptables", asks = "open-ports" }"#;
    let saved = |text: &str| m().with("/etc/iptables/rules.v4", &format!("*filter\n{text}COMMIT\n"));
    let all = ":INPUT DROP [0:0]\n:FORWARD DROP [0:0]\n:OUTPUT DROP [0:0]\n";
    let own = "-A INPUT -i lo -j ACCEPT\n-A OUTPUT -o lo -j ACCEPT\n-A INPUT -s 127.0.0.0/8 -j DROP\n";
    let listening = |machine: Machine| {
        let ssh = [
            ("protocol", "tcp".into()),
            ("address", "0.0.0.0".into()),
            ("port", 22_i64.into()),
            ("exposed", true.into()),
        ];
        machine.with_fact(Fact::Listeners, State::List(vec![State::record(ssh)]))
    };
    vec![
        case(deny, saved(all), Pass, "forward drop"),
        stuck(deny, saved(":INPUT DROP [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT DROP\n"), "forward accept"),
        case(loopback, saved(&format!("{all}{own}")), Pass, "a rule lets all out"),
        stuck(loopback, saved(&format!("{all}-A INPUT -i lo -j ACCEPT\n")), "no rule lets all out"),
        case(
            six,
            m().with("/etc/iptables/rules.v6", &format!("*filter\n{all}-A INPUT -i lo -j ACCEPT\n-A OUTPUT -o lo -j ACCEPT\n-A INPUT -s ::1/128 -j DROP\n")),
            Pass,
            "drops ::1",
        ),
        case(open, listening(saved("-A INPUT -p tcp --dport 22 -j ACCEPT\n")), Pass, "no open port"),
        stuck(open, listening(saved("-A INPUT -p udp --dport 22 -j ACCEPT\n")), "no rule for 22/tcp"),
        case(open, saved(""), Unknown, "listening sockets"),
    ]
}

fn ufw() -> Vec<Case> {
    let active = r#"{ kind = "firewall", filter = "ufw", asks = "active" }"#;
    let deny = r#"{ kind = "firewall", filter = "ufw", asks = "default", hooks = ["input"], policies = ["drop", "reject"] }"#;
    let loopback = r#"{ kind = "firewall", filter = "ufw", asks = "loopback" }"#;
    let on = || m().with("/etc/ufw/ufw.conf", "# ENABLED=no\nENABLED=yes\nLOGLEVEL=low\n");
    let default = |text: &str| on().with("/etc/default/ufw", text);
    let before = "*filter\n-A ufw-before-input -i lo -j ACCEPT\n-A ufw-before-output -o lo -j ACCEPT\n";
    let user = "*filter\n:ufw-user-input - [0:0]\n### tuple ### deny any any 0.0.0.0/0 any 127.0.0.0/8 in\n-A ufw-user-input -s 127.0.0.0/8 -j DROP\n";
    vec![
        case(active, on(), Pass, "says enabled"),
        stuck(active, m().with("/etc/ufw/ufw.conf", "ENABLED=no\n"), "not enabled"),
        stuck(active, m(), "not there"),
        case(deny, default("DEFAULT_INPUT_POLICY=\"REJECT\"\n"), Pass, "input reject"),
        stuck(deny, default("DEFAULT_INPUT_POLICY=\"ACCEPT\"\n"), "input accept"),
        stuck(deny, default(""), "no policy"),
        case(
            loopback,
            default("IPV6=no\n").with("/etc/ufw/before.rules", before).with("/etc/ufw/user.rules", user),
            Pass,
            "drops",
        ),
        stuck(
            loopback,
            default("IPV6=yes\n").with("/etc/ufw/before.rules", before).with("/etc/ufw/user.rules", user),
            "no rule drops ::1",
        ),
    ]
}

pub(super) fn zone() -> Vec<Case> {
    let trusted = r#"{ kind = "firewalld_zone", zone = "trusted", asks = "loopback-trusted" }"#;
    let restricted = r#"{ kind = "firewalld_zone", zone = "trusted", asks = "loopback-restricted" }"#;
    let (vendor, site) = ("/usr/lib/firewalld/zones/trusted.xml", "/etc/firewalld/zones/trusted.xml");
    let lo = "<zone target=\"ACCEPT\"><interface name=\"lo\"/></zone>";
    let rule = |address: &str| {
        format!(
            "<rule><source address=\"{address}\"/><destination address=\"{address}\" invert=\"True\"/><drop/></rule>"
        )
    };
    let both = format!("<zone>{}{}</zone>", rule("127.0.0.1"), rule("::1"));
    vec![
        case(trusted, m().with(vendor, lo), Pass, "names lo"),
        stuck(trusted, m().with(vendor, lo).with(site, "<zone></zone>"), "does not name lo"),
        stuck(trusted, m(), "no zone"),
        case(trusted, Machine::blind(), Unknown, "permission denied"),
        case(restricted, m().with(site, &both), Pass, "drops ::1"),
        stuck(
            restricted,
            m().with(site, &format!("<zone>{}</zone>", rule("127.0.0.1"))),
            "does not drop ::1",
        ),
    ]
}

pub(super) fn listeners() -> Vec<Case> {
    let probe = r#"{ kind = "listeners", ports = [25], packages = ["postfix"] }"#;
    let with = |port: i64, exposed: bool| {
        let parts = [
            ("protocol", State::text("tcp")),
            ("address", "::".into()),
            ("port", port.into()),
            ("exposed", exposed.into()),
        ];
        m().with_fact(Fact::Listeners, State::List(vec![State::record(parts)])).with_packages(&["postfix"])
    };
    vec![
        case(probe, with(25, false), Pass, "no such port"),
        case(probe, with(587, true), Pass, "no such port"),
        stuck(probe, with(25, true), "25/tcp is open on ::"),
        case(probe, m().with_packages(&["cron"]), Pass, "cannot be seen here"),
        case(probe, m().with_packages(&["postfix"]), Unknown, "postfix is installed"),
    ]
}

pub(super) fn active() -> Vec<Case> {
    let one = r#"{ kind = "active", units = ["ufw.service", "nftables.service"], least = 1, most = 1 }"#;
    let some = r#"{ kind = "active", units = ["rsyslog.service", "systemd-journald.service"], least = 1 }"#;
    let unit = "[Service]\n[Install]\nWantedBy=x.target\n";
    let enabled = |machine: Machine, name: &str| {
        machine.with(&format!("/usr/lib/systemd/system/{name}"), unit).with_link(
            &format!("/etc/systemd/system/x.target.wants/{name}"),
            &format!("/usr/lib/systemd/system/{name}"),
        )
    };
    let both = || enabled(enabled(m(), "ufw.service"), "nftables.service");
    vec![
        case(one, enabled(m(), "ufw.service").active("ufw.service"), Pass, "ufw.service active"),
        case(one, enabled(m(), "ufw.service").offline(), Pass, "cannot be seen here"),
        stuck(one, both().offline(), "ufw.service, nftables.service started at boot"),
        stuck(one, enabled(m(), "ufw.service"), "none active"),
        stuck(one, m(), "none active"),
        case(
            some,
            m().offline().with("/usr/lib/systemd/system/systemd-journald.service", "[Service]\n"),
            Pass,
            "started",
        ),
        case(some, Machine::blind(), Unknown, "permission denied"),
    ]
}

pub(super) fn selinux() -> Vec<Case> {
    let enforcing = r#"{ kind = "selinux", modes = ["enforcing"] }"#;
    let on = r#"{ kind = "selinux", modes = ["enforcing", "permissive"] }"#;
    let policy = r#"{ kind = "selinux", policy = "targeted" }"#;
    let config = |text: &str| m().with("/etc/selinux/config", text);
    vec![
        case(enforcing, config("# SELINUX=disabled\nSELINUX=enforcing\n"), Pass, "cannot be seen here"),
        case(enforcing, config("SELINUX=permissive\n"), Fail, "says permissive"),
        stuck(
            enforcing,
            config("SELINUX=enforcing\n").with("/sys/fs/selinux/enforce", "0"),
            "running permissive",
        ),
        stuck(
            enforcing,
            config("SELINUX=enforcing\n").with("/sys/kernel/security/lsm", "lockdown,apparmor"),
            "running disabled",
        ),
        stuck(enforcing, config("SELINUX=disabled\n"), "says disabled"),
        stuck(enforcing, m(), "names no mode"),
        case(on, config("SELINUX=disabled\n"), Fail, "says disabled"),
        case(on, config("SELINUX=permissive\nSELINUX=disabled\n"), Pass, "permissive"),
        case(policy, config("SELINUXTYPE=mls\nSELINUXTYPE=targeted \n"), Pass, "targeted"),
        stuck(policy, config("SELINUXTYPE=mls\n"), "policy mls"),
        case(policy, Machine::blind(), Unknown, "permission denied"),
    ]
}

pub(super) fn apparmor() -> Vec<Case> {
    let enforced = r#"{ kind = "apparmor", complain = false }"#;
    let held = r#"{ kind = "apparmor", complain = true }"#;
    let with = |all: i64, enforced: i64, complaining: i64| {
        let parts = [
            ("profiles", State::Int(all)),
            ("enforced", enforced.into()),
            ("complaining", complaining.into()),
        ];
        m().with_fact(Fact::Apparmor, State::record(parts))
    };
    vec![
        case(enforced, with(3, 3, 0), Pass, "3 enforce"),
        stuck(enforced, with(3, 2, 1), "1 complain"),
        stuck(enforced, with(0, 0, 0), "of 0 profiles"),
        case(held, with(3, 2, 1), Pass, "1 complain"),
        stuck(held, with(3, 1, 1), "of 3 profiles"),
        case(
            held,
            m().with_fact(
                Fact::Apparmor,
                State::record([("enabled", false)].map(|(k, v)| (k, State::Flag(v)))),
            ),
            Unknown,
            "which profiles",
        ),
    ]
}

pub(super) fn sshd_any() -> Vec<Case> {
    let probe = r#"{ kind = "sshd_any", keys = ["AllowUsers", "AllowGroups", "DenyUsers", "DenyGroups"] }"#;
    let main = |text: &str| m().with("/etc/ssh/sshd_config", text);
    vec![
        case(probe, main("allowgroups wheel\n"), Pass, "AllowGroups wheel"),
        stuck(probe, main("AllowUsers\n"), "none is set"),
        stuck(probe, main("Match User x\nDenyUsers y\n"), "none is set"),
        case(probe, m(), Notapplicable, "no SSH server"),
        case(probe, Machine::blind(), Unknown, "permission denied"),
    ]
}

pub(super) fn docker_option() -> Vec<Case> {
    let icc = r#"{ kind = "docker_option", key = "icc", value = "false", default = "true" }"#;
    let none = r#"{ kind = "docker_option", key = "insecure-registries", flag = "insecure-registry", absent = true }"#;
    let set = r#"{ kind = "docker_option", key = "userns-remap" }"#;
    let driver = r#"{ kind = "docker_option", key = "storage-driver", deny = ["aufs"] }"#;
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
    let good: [(&str, Machine, Machine); 22] = [
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
