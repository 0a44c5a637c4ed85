//! Who can reach the container runtime: the docker group, sudo, root over ssh.

use std::collections::BTreeSet;

use model::{State, Unread};
use syntax::accounts::passwd::{members, users_where};
use syntax::accounts::sudoers::Sudoers;

use super::access_files::{permit_root_login, reaching};
use super::tree::Tree;

/// Fields: `docker` (words: members of the group `docker`, by group or primary group), `sudo` (words: users and
/// `%groups` who may run everything or a container program as root), `root` (words: accounts with uid 0),
/// `root_ssh` (what sshd makes of `PermitRootLogin` outside `Match` blocks, or absent when there is no sshd),
/// `root_ssh_match` (words: what `Match` blocks make of it), `socket_mode` (of `/run/docker.sock`, or absent).
pub(super) fn read(tree: &Tree) -> Result<State, Unread> {
    let passwd = tree.text("/etc/passwd")?.unwrap_or_default();
    let groups = tree.text("/etc/group")?.unwrap_or_default();
    let sudo = Sudoers::read(tree)?.map(|sudoers| reaching(&sudoers)).unwrap_or_default();
    let ssh = permit_root_login(tree)?;
    let (root_ssh, matched) =
        ssh.map_or((None, BTreeSet::new()), |found| (Some(found.outside), found.matched));
    let socket = tree.stat("/run/docker.sock")?.map(|stat| State::Mode(stat.st_mode & 0o7777));
    Ok(State::record([
        ("docker", State::Words(members(&groups, &passwd, "docker"))),
        ("sudo", State::Words(sudo)),
        ("root", State::Words(users_where(&passwd, 2, "0").collect())),
        ("root_ssh", State::from(root_ssh)),
        ("root_ssh_match", State::Words(matched)),
        ("socket_mode", socket.unwrap_or(State::Absent)),
    ]))
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
        assert_eq!(get("sudo").as_deref(), Some("%sudo dora eve root"));
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
        assert_eq!(seen.get("sudo"), Some(&State::Words(BTreeSet::new())));
    }
}
