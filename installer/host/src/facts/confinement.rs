//! Mandatory access control: SELinux and AppArmor.

use std::collections::BTreeSet;

use model::{State, Unread};

use super::apparmor_files;
use super::tree::Tree;

/// Fields: `mode` (`enforcing`, `permissive`, `disabled`: what the kernel does now), `configured` (what the next
/// boot will do, or absent), `policy` (as `targeted`, or absent), `container` (a flag: the policy knows
/// containers, as the package `container-selinux` brings).
pub(super) fn read_selinux(tree: &Tree) -> Result<State, Unread> {
    let enforce = match tree.is_live() {
        true => tree.line("/sys/fs/selinux/enforce")?,
        false => None,
    };
    let config = syntax::text::assignments::read(&tree.text("/etc/selinux/config")?.unwrap_or_default());
    let configured = config.get("SELINUX").map(|mode| mode.to_lowercase());
    let policy = config.get("SELINUXTYPE").cloned();
    let mode = match (enforce.as_deref(), tree.is_live()) {
        (Some("1"), _) => "enforcing".to_owned(),
        (Some(_), _) => "permissive".to_owned(),
        (None, true) => "disabled".to_owned(),
        (None, false) => configured.clone().unwrap_or_else(|| "disabled".to_owned()),
    };
    let container = knows_containers(tree, policy.as_deref().unwrap_or("targeted"))?;
    Ok(State::record([
        ("mode", State::Text(mode)),
        ("configured", State::from(configured)),
        ("policy", State::from(policy)),
        ("container", State::Flag(container)),
    ]))
}

/// Whether the module store of a policy holds the container module, at any priority.
fn knows_containers(tree: &Tree, policy: &str) -> Result<bool, Unread> {
    for store in [format!("/var/lib/selinux/{policy}"), format!("/etc/selinux/{policy}")] {
        let modules = format!("{store}/active/modules");
        for priority in tree.names(&modules)? {
            if tree.exists(&format!("{modules}/{priority}/container"))? {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

/// Fields: `enabled` (a flag), `profiles` (how many are loaded, absent when that cannot be told), `enforced`
/// (how many of them confine), `complaining` (how many only tell), `docker` (a flag: `docker-default` is loaded), `parser` (a flag: profiles can be
/// loaded), `files` (a flag: the counts are those of `/etc/apparmor.d`, since the kernel that runs is another's).
pub(super) fn read_apparmor(tree: &Tree) -> Result<State, Unread> {
    let mut parser = false;
    for path in crate::apparmor::PARSERS {
        parser |= tree.exists(path)?;
    }
    let enabled = tree.line("/sys/module/apparmor/parameters/enabled")?;
    let profiles = match tree.text("/sys/kernel/security/apparmor/profiles") {
        Ok(profiles) => profiles,
        Err(Unread::Denied(_)) => None,
        Err(other) => return Err(other),
    };
    let held = apparmor(enabled.as_deref(), profiles.as_deref(), parser);
    if tree.runs() && tree.exists("/sys/kernel")? {
        return Ok(held);
    }
    Ok(by_files(held, &apparmor_files::count(tree)?))
}

/// What the next boot loads, where the kernel that runs is not this system's.
fn by_files(held: State, counts: &apparmor_files::Counts) -> State {
    let State::Record(mut parts) = held else { return held };
    let number = |number: usize| State::Int(i64::try_from(number).unwrap_or(i64::MAX));
    parts.insert("profiles".to_owned(), number(counts.all));
    parts.insert("enforced".to_owned(), number(counts.enforced));
    parts.insert("complaining".to_owned(), number(counts.complaining));
    parts.insert("files".to_owned(), State::Flag(true));
    State::Record(parts)
}

fn apparmor(enabled: Option<&str>, profiles: Option<&str>, parser: bool) -> State {
    let loaded: Option<BTreeSet<(&str, &str)>> = profiles
        .map(|text| text.lines().filter_map(|line| line.strip_suffix(')')?.rsplit_once(" (")).collect());
    let count = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
    let of_mode = |wanted: &str| {
        loaded.as_ref().map(|set| count(set.iter().filter(|(_, mode)| *mode == wanted).count()))
    };
    let docker = loaded.as_ref().is_some_and(|set| set.iter().any(|(name, _)| *name == "docker-default"));
    State::record([
        ("enabled", State::Flag(enabled == Some("Y"))),
        ("profiles", State::from(loaded.as_ref().map(|set| count(set.len())))),
        ("enforced", State::from(of_mode("enforce"))),
        ("complaining", State::from(of_mode("complain"))),
        ("docker", State::Flag(docker)),
        ("parser", State::Flag(parser)),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::tests::scratch;

    #[test]
    fn an_unpacked_system_tells_what_it_will_do() {
        let rhel = [
            ("etc/selinux/config", "# comment\nSELINUX=enforcing\nSELINUXTYPE=targeted\n"),
            ("var/lib/selinux/targeted/active/modules/200/container/cil", ""),
        ];
        let (_folder, tree) = scratch(&rhel);
        let seen = read_selinux(&tree).unwrap().to_string();
        assert_eq!(seen, "configured enforcing, container yes, mode enforcing, policy targeted");
        let (_folder, tree) = scratch(&rhel[..1]);
        assert_eq!(read_selinux(&tree).unwrap().get("container"), Some(&State::Flag(false)));
        let (_folder, tree) = scratch(&[]);
        assert_eq!(read_selinux(&tree).unwrap().get("mode"), Some(&State::text("disabled")));
    }

    #[test]
    fn apparmor_profiles_are_counted_by_mode() {
        let profiles = "/usr/sbin/cups (enforce)\ndocker-default (enforce)\nnvidia_modprobe (complain)\nodd name (x) (unconfined)\n";
        let seen = apparmor(Some("Y"), Some(profiles), true).to_string();
        assert_eq!(seen, "complaining 1, docker yes, enabled yes, enforced 2, parser yes, profiles 4");
        let none = apparmor(None, None, false);
        assert_eq!((none.get("enabled"), none.get("profiles")), (Some(&State::Flag(false)), None));
    }
}
