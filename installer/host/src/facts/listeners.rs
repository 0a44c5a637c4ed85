//! Sockets that wait for others, from proc_net(5), with the process behind each.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use model::{State, Unread};

use super::tree::Tree;

const TABLES: [(&str, &str); 4] = [
    ("tcp", "/proc/net/tcp"),
    ("tcp", "/proc/net/tcp6"),
    ("udp", "/proc/net/udp"),
    ("udp", "/proc/net/udp6"),
];

/// The state number of a listening TCP socket, and of a UDP socket that nobody has connected.
const LISTEN: &str = "0A";
const CLOSE: &str = "07";

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Listener {
    protocol: &'static str,
    port: u16,
    address: IpAddr,
    inode: u64,
}

/// A list of records `protocol` (`tcp`, `udp`), `address`, `port`, `exposed` (a flag: reachable from other
/// hosts, as far as the address goes), `process` and `pid` (absent when it belongs to the kernel, to another
/// namespace or to somebody whose processes we may not look into).
pub(super) fn read(tree: &Tree) -> Result<State, Unread> {
    let mut listeners = Vec::new();
    for (protocol, path) in TABLES {
        match tree.text(path)? {
            Some(table) => parse(protocol, &table, &mut listeners)?,
            // Without IPv6 its tables are missing; without IPv4 there is nothing to judge.
            None if path.ends_with('6') => {}
            None => return Err(Unread::NoAnswer(format!("there is no {path}"))),
        }
    }
    listeners.sort();
    let owners = owners(tree)?;
    Ok(State::List(listeners.iter().map(|listener| record(listener, &owners)).collect()))
}

fn record(listener: &Listener, owners: &BTreeMap<u64, (i64, String)>) -> State {
    let owner = owners.get(&listener.inode);
    State::record([
        ("protocol", State::text(listener.protocol)),
        ("address", State::text(listener.address.to_string())),
        ("port", State::Int(listener.port.into())),
        ("exposed", State::Flag(is_exposed(listener.address))),
        ("process", State::from(owner.map(|(_, name)| name.clone()))),
        ("pid", State::from(owner.map(|(pid, _)| *pid))),
    ])
}

fn parse(protocol: &'static str, table: &str, into: &mut Vec<Listener>) -> Result<(), Unread> {
    let waiting = if protocol == "tcp" { LISTEN } else { CLOSE };
    for line in table.lines().skip(1) {
        let columns: Vec<&str> = line.split_whitespace().collect();
        let [_, local, _, state, _, _, _, _, _, inode, ..] = columns[..] else {
            return Err(Unread::Malformed(format!("/proc/net/{protocol}: `{line}`")));
        };
        if state != waiting {
            continue;
        }
        let strange = || Unread::Malformed(format!("/proc/net/{protocol}: address `{local}`"));
        let (address, port) = local.split_once(':').ok_or_else(strange)?;
        let address = address_of(address).ok_or_else(strange)?;
        let port = u16::from_str_radix(port, 16).map_err(|_| strange())?;
        into.push(Listener { protocol, port, address, inode: inode.parse().unwrap_or(0) });
    }
    Ok(())
}

/// An address as the kernel prints it: 32-bit words in the byte order of the machine.
fn address_of(hex: &str) -> Option<IpAddr> {
    if !hex.is_ascii() || !hex.len().is_multiple_of(8) {
        return None;
    }
    let mut bytes = Vec::with_capacity(16);
    for word in hex.as_bytes().chunks(8) {
        let word = u32::from_str_radix(std::str::from_utf8(word).ok()?, 16).ok()?;
        bytes.extend(word.to_ne_bytes());
    }
    if let Ok(four) = <[u8; 4]>::try_from(bytes.as_slice()) {
        return Some(Ipv4Addr::from(four).into());
    }
    let six = Ipv6Addr::from(<[u8; 16]>::try_from(bytes.as_slice()).ok()?);
    Some(six.to_ipv4_mapped().map_or(six.into(), IpAddr::from))
}

fn is_exposed(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(four) => !four.is_loopback(),
        IpAddr::V6(six) => !six.is_loopback(),
    }
}

/// The process behind each socket, by inode.
fn owners(tree: &Tree) -> Result<BTreeMap<u64, (i64, String)>, Unread> {
    let mut owners = BTreeMap::new();
    for number in tree.names("/proc")? {
        let Ok(pid) = number.parse::<i64>() else { continue };
        let folder = format!("/proc/{pid}/fd");
        // Processes end while we look, and those of others are closed to us: both leave the owner unknown.
        for descriptor in tree.names(&folder).unwrap_or_default() {
            let Ok(target) = std::fs::read_link(tree.outside(&format!("{folder}/{descriptor}"))) else {
                continue;
            };
            let target = target.to_string_lossy();
            let inode =
                target.strip_prefix("socket:[").and_then(|rest| rest.strip_suffix(']')?.parse::<u64>().ok());
            if let Some(inode) = inode {
                let name = tree.line(&format!("/proc/{pid}/comm")).ok().flatten();
                owners.entry(inode).or_insert_with(|| (pid, name.unwrap_or_default()));
            }
        }
    }
    Ok(owners)
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, UdpSocket};
    use std::path::Path;

    use super::*;

    const HEAD: &str =
        "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n";

    #[test]
    fn real_rows() {
        let tcp = "   0: 00000000:01BB 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1606 1 0 100 0 0 10 0\n   1: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 77 1 0 100 0 0 10 0\n   2: 020200C0:81E4 507100CB:0050 06 00000000:00000000 03:00001564 00000000     0        0 0 3 0\n";
        let tcp6 = "   0: 00000000000000000000000001000000:0016 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 9 1 0 100 0 0 10 0\n   1: 0000000000000000FFFF00000100007F:0050 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 8 1 0 100 0 0 10 0\n";
        let mut seen = Vec::new();
        parse("tcp", &format!("{HEAD}{tcp}"), &mut seen).unwrap();
        parse("tcp", &format!("{HEAD}{tcp6}"), &mut seen).unwrap();
        let text: Vec<_> = seen
            .iter()
            .map(|one| format!("{}:{} {}", one.address, one.port, is_exposed(one.address)))
            .collect();
        assert_eq!(text, ["0.0.0.0:443 true", "127.0.0.1:8080 false", "::1:22 false", "127.0.0.1:80 false"]);
        for bad in [
            "   0: 00000000",
            "   0: zz:01BB 0:0 0A 0 0 0 0 0 1 1",
            "   0: 00000000:XYZW 0:0 0A 0 0 0 0 0 1 1",
        ] {
            assert!(parse("tcp", &format!("{HEAD}{bad}\n"), &mut Vec::new()).is_err(), "{bad}");
        }
    }

    #[test]
    fn our_own_sockets_are_seen_with_their_process() {
        let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
        let udp = UdpSocket::bind("0.0.0.0:0").unwrap();
        let seen = read(&Tree::at(Path::new("/")).unwrap()).unwrap();
        let find = |protocol: &str, port: u16| {
            let port = State::Int(port.into());
            let is = |one: &&State| {
                one.get("protocol") == Some(&State::text(protocol)) && one.get("port") == Some(&port)
            };
            seen.items().iter().find(is).unwrap().clone()
        };
        let ours = find("tcp", tcp.local_addr().unwrap().port());
        assert_eq!(ours.get("pid"), Some(&State::Int(std::process::id().into())));
        assert_eq!(ours.get("exposed"), Some(&State::Flag(false)));
        assert_eq!(find("udp", udp.local_addr().unwrap().port()).get("exposed"), Some(&State::Flag(true)));
    }
}
