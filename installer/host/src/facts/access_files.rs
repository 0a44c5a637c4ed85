//! Who can become root, told from passwd(5), group(5), sudoers(5) and sshd_config(5).

use std::collections::BTreeSet;

use model::{State, Unread};
use syntax::accounts::sudoers::Sudoers;
use syntax::sshd::Effective;

use super::tree::Tree;

/// How deep aliases may name aliases.
const DEPTH: usize = 16;

/// Programs that hand out the container runtime, hence root.
const RUNTIME: [&str; 7] = ["docker", "docker-compose", "containerd", "ctr", "nerdctl", "podman", "dockerd"];

/// The users and `%groups` who may run everything or a container program, aliases resolved.
pub(super) fn reaching(sudoers: &Sudoers) -> BTreeSet<String> {
    let rules =
        sudoers.rules.iter().filter(|rule| rule.commands.iter().any(|command| reaches(sudoers, command, 0)));
    rules.flat_map(|rule| rule.who.iter().flat_map(|name| people(sudoers, name, 0))).collect()
}

fn reaches(sudoers: &Sudoers, command: &str, depth: usize) -> bool {
    if let Some(members) = sudoers.commands.get(command).filter(|_| depth <= DEPTH) {
        return members.iter().any(|member| reaches(sudoers, member, depth + 1));
    }
    let program = command.split_whitespace().next().unwrap_or_default();
    let name = program.rsplit('/').next().unwrap_or_default();
    command == "ALL"
        || RUNTIME.contains(&name)
        || (program.starts_with('/') && (name.is_empty() || name.contains('*')))
}

fn people(sudoers: &Sudoers, name: &str, depth: usize) -> Vec<String> {
    match sudoers.users.get(name).filter(|_| depth <= DEPTH) {
        Some(members) => members.iter().flat_map(|member| people(sudoers, member, depth + 1)).collect(),
        None => vec![name.to_owned()],
    }
}

/// What sshd makes of `PermitRootLogin`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct RootLogin {
    /// Outside `Match` blocks; sshd's default where nobody says anything.
    pub(super) outside: String,
    /// Inside `Match` blocks.
    pub(super) matched: BTreeSet<String>,
}

/// Reads sshd's configuration and its includes; `None` when there is none. The first value counts.
pub(super) fn permit_root_login(tree: &Tree) -> Result<Option<RootLogin>, Unread> {
    let Some(effective) = Effective::read(tree)? else { return Ok(None) };
    let record = effective.record("PermitRootLogin");
    let lower = |state: &State| state.to_string().to_ascii_lowercase();
    let matched = record.get("match").map(State::items).unwrap_or_default();
    let matched = matched.iter().filter_map(|setting| setting.get("value")).map(lower).collect();
    Ok(Some(RootLogin { outside: record.get("value").map(lower).unwrap_or_default(), matched }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::tests::scratch;

    #[test]
    fn sudoers_rules_of_the_common_shapes() {
        let reaching = |text: &str| {
            let (_folder, tree) = scratch(&[("etc/sudoers", text)]);
            reaching(&Sudoers::read(&tree).unwrap().unwrap()).into_iter().collect::<Vec<_>>().join(" ")
        };
        for (text, expected) in [
            ("ann ALL=(ALL:ALL) ALL\n", "ann"),
            ("ann ALL=(ALL) NOPASSWD: ALL\n", "ann"),
            ("ann ALL=(ALL) NOPASSWD:SETENV:ALL # why\n", "ann"),
            ("ann, %wheel ALL = (root) /usr/bin/docker\n", "%wheel ann"),
            ("ann ALL=/bin/ls, /usr/local/bin/nerdctl ps\n", "ann"),
            ("Cmnd_Alias BOX = /usr/bin/podman\nann ALL=BOX\n", "ann"),
            ("ann ALL=/usr/bin/\n", "ann"),
            ("ann ALL=/usr/bin/uptime\n", ""),
            ("#ann ALL=ALL\n# comment\nDefaults:ann !requiretty\n", ""),
            ("#1000 ALL=ALL\n", "#1000"),
            ("Host_Alias ALLHOSTS = a = b\n", ""),
        ] {
            assert_eq!(reaching(text), expected, "{text}");
        }
    }

    #[test]
    fn endless_includes_are_refused() {
        let (_folder, tree) = scratch(&[
            ("etc/sudoers", "@include sudoers\n"),
            ("etc/ssh/sshd_config", "Include sshd_config\n"),
        ]);
        assert!(matches!(Sudoers::read(&tree), Err(Unread::Malformed(_))));
        assert!(matches!(permit_root_login(&tree), Err(Unread::Malformed(_))));
    }

    #[test]
    fn sshd_takes_the_first_value_and_has_a_default() {
        let login = |text: &str| {
            let (_folder, tree) = scratch(&[("etc/ssh/sshd_config", text)]);
            permit_root_login(&tree).unwrap().unwrap()
        };
        assert_eq!(login("PermitRootLogin no\nPermitRootLogin yes\n").outside, "no");
        assert_eq!(login("#PermitRootLogin yes\n").outside, "prohibit-password");
        let inside = login("PermitRootLogin no\nMatch User root\nPermitRootLogin yes\n");
        assert_eq!((inside.outside.as_str(), inside.matched), ("no", BTreeSet::from(["yes".to_owned()])));
    }
}
