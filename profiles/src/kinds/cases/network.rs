//! Packet filters.

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
        case(chains, input(""), Fail, "no chain for forward"),
        stuck(chains, m(), "not there"),
        case(
            chains,
            m().with(NFT, "include \"/etc/nftables.d/*.nft\"").with("/etc/nftables.d/a.nft", three),
            Pass,
            "input",
        ),
        case(table, input(""), Pass, "1 tables"),
        case(table, m().with(NFT, "#!/usr/sbin/nft -f\nflush ruleset\n"), Fail, "0 tables"),
        case(
            permanent,
            m().with(NFT, "include \"/etc/a.nft\"\n").with("/etc/a.nft", three),
            Pass,
            "1 files included",
        ),
        case(permanent, m().with(NFT, "flush ruleset\n"), Fail, "0 files"),
        case(deny, input("policy drop;"), Pass, "input drop"),
        stuck(deny, input("# policy drop;\n"), "input accept"),
        case(deny, Machine::blind(), Unknown, "permission denied"),
        case(
            loopback,
            input("iif lo accept; ip saddr 127.0.0.0/8 counter drop; ip6 saddr ::1 drop;"),
            Pass,
            "drops ::1",
        ),
        case(loopback, input("iif lo accept; ip saddr 127.0.0.0/8 counter drop;"), Fail, "no rule drops ::1"),
        case(
            loopback,
            input("iif lo tcp dport 22 accept; ip saddr 127.0.0.0/8 drop; ip6 saddr ::1 drop;"),
            Fail,
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
