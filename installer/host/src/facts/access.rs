//! Who can reach the container runtime, and with which keys: the docker group, sudo, root over ssh.

use std::collections::BTreeSet;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use model::{State, Unread};
use sha2::{Digest, Sha256};
use syntax::accounts::superusers::Superusers;
use syntax::sshd::keys::{Key, superusers_keys};

use super::access_files::permit_root_login;
use super::tree::Tree;

/// Fields: `docker` (words: members of the group `docker`, by group or primary group), `sudo` (a list of records `who`,
/// a user, `%group` or `#id` whom sudoers lets become root, and `people`, words: the accounts that it stands for, absent
/// when the local files do not tell), `root` (words: accounts with uid 0), `root_ssh` (what sshd makes of
/// `PermitRootLogin` outside `Match` blocks, or absent when there is no sshd), `root_ssh_match` (words: what `Match`
/// blocks make of it), `socket_mode` (of `/run/docker.sock`, or absent).
pub(super) fn read(tree: &Tree) -> Result<State, Unread> {
    let known = Superusers::read(tree)?;
    let sudo = known.sudo.iter().map(|who| {
        let people = known.people(who).map_or(State::Absent, State::Words);
        State::record([("who", State::text(who)), ("people", people)])
    });
    let ssh = permit_root_login(tree)?;
    let (root_ssh, matched) =
        ssh.map_or((None, BTreeSet::new()), |found| (Some(found.outside), found.matched));
    let socket = tree.stat("/run/docker.sock")?.map(|stat| State::Mode(stat.st_mode & 0o7777));
    Ok(State::record([
        ("docker", State::Words(known.members("docker"))),
        ("sudo", State::List(sudo.collect())),
        ("root", State::Words(known.roots())),
        ("root_ssh", State::from(root_ssh)),
        ("root_ssh_match", State::Words(matched)),
        ("socket_mode", socket.unwrap_or(State::Absent)),
    ]))
}

/// The keys that open accounts which can become root: absent when there is no sshd, else a list of records `user`, `key`
/// (its fingerprint as ssh-keygen(1) prints it), `comment`, `at`.
pub(super) fn read_keys(tree: &Tree) -> Result<State, Unread> {
    let record = |key: Key| {
        State::record([
            ("key", State::text(fingerprint(&key.blob))),
            ("user", State::text(key.user)),
            ("comment", State::text(key.comment)),
            ("at", State::text(key.at)),
        ])
    };
    let keys = superusers_keys(tree)?;
    Ok(keys.map_or(State::Absent, |keys| State::List(keys.into_iter().map(record).collect())))
}

/// `SHA256:` and the digest of a key; the key itself where it is no base64, which sshd does not take either.
fn fingerprint(blob: &str) -> String {
    match STANDARD.decode(blob) {
        Ok(bytes) => format!("SHA256:{}", STANDARD_NO_PAD.encode(Sha256::digest(bytes))),
        Err(_) => blob.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::tests::scratch;

    #[test]
    fn all_three_ways_in() {
        let (_folder, tree) = scratch(&[
            (
                "etc/passwd",
                "root:x:0:0::/root:/bin/bash\ntoor:x:0:0::/:/bin/sh\nann:x:1000:998::/:/bin/sh\nbob:x:1001:1001::/:/bin/sh\n",
            ),
            ("etc/group", "docker:x:998:bob,carl\nsudo:x:27:ann\n"),
            (
                "etc/sudoers",
                "Defaults env_reset\nroot ALL=(ALL:ALL) ALL\n%sudo ALL=(ALL:ALL) ALL\n@includedir /etc/sudoers.d\n",
            ),
            (
                "etc/sudoers.d/ops",
                "OPS ALL = NOPASSWD: /usr/bin/docker ps\nUser_Alias OPS = dora, \\\n  eve\nfred ALL=/usr/bin/uptime\n",
            ),
            ("etc/sudoers.d/old.bak", "mallory ALL=ALL\n"),
            (
                "etc/ssh/sshd_config",
                "Include /etc/ssh/sshd_config.d/*.conf\nPermitRootLogin yes\nMatch Address 10.0.0.0/8\n  PermitRootLogin prohibit-password\n",
            ),
            ("etc/ssh/sshd_config.d/10-root.conf", "permitrootlogin = no\n"),
        ]);
        let seen = read(&tree).unwrap();
        let get = |field: &str| seen.get(field).map(ToString::to_string);
        assert_eq!(get("docker").as_deref(), Some("ann bob carl"));
        let sudo = seen.get("sudo").map(State::items).unwrap_or_default().iter();
        let sudo: Vec<_> = sudo.map(|one| (one.get("who").unwrap(), one.get("people").unwrap())).collect();
        let sudo: Vec<_> = sudo.iter().map(|(who, people)| format!("{who}: {people}")).collect();
        assert_eq!(sudo, ["%sudo: ann", "dora: dora", "eve: eve", "root: root"]);
        assert_eq!(get("root").as_deref(), Some("root toor"));
        assert_eq!(get("root_ssh").as_deref(), Some("no"));
        assert_eq!(get("root_ssh_match").as_deref(), Some("prohibit-password"));
        assert_eq!(get("socket_mode"), None);
    }

    #[test]
    fn a_bare_system_lets_nobody_in() {
        let (_folder, tree) = scratch(&[]);
        let seen = read(&tree).unwrap();
        assert_eq!(seen.get("root_ssh"), None);
        assert_eq!(seen.get("sudo"), Some(&State::List(Vec::new())));
        assert_eq!(read_keys(&tree), Ok(State::Absent));
    }

    #[test]
    fn a_key_is_named_as_ssh_keygen_names_it() {
        let key = "AAAAC3NzaC1lZDI1NTE5AAAAIMPzUdT1KJPaAXHf3bmBnWcQe6BFRs7Yr2q0WvkuSpMm";
        let (_folder, tree) = scratch(&[
            ("etc/passwd", "root:x:0:0::/root:/bin/bash\n"),
            ("etc/ssh/sshd_config", "PermitRootLogin no\n"),
            ("root/.ssh/authorized_keys", &format!("from=\"10.0.0.1\" ssh-ed25519 {key} ann@laptop\n")),
        ]);
        let keys = read_keys(&tree).unwrap();
        let [one] = keys.items() else { panic!("{keys}") };
        assert_eq!(one.get("user"), Some(&State::text("root")));
        assert_eq!(one.get("key"), Some(&State::text("SHA256:iRDB+a/m4scfOL6mTS9jpc1cnEzK+Z8+1Qd3TLtOVpo")));
        assert_eq!(one.get("comment"), Some(&State::text("ann@laptop")));
    }
}
