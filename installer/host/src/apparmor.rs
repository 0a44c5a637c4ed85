//! AppArmor profiles as the kernel holds them: loaded and unloaded, and in which mode.
//!
//! What the kernel holds is told by securityfs (`/sys/kernel/security/apparmor/profiles`, a line `NAME (MODE)` for each
//! profile), and loaded by apparmor_parser(8) from the file of that name in `/etc/apparmor.d`.

use std::io::Write;
use std::path::Path;

use model::{HostError, State, Unread};
use rustix::fs::OFlags;

use crate::run;
use crate::tree::Tree;

const LOADED: &str = "/sys/kernel/security/apparmor/profiles";
/// The name of a profile written here unloads it, whatever has become of its file.
const REMOVE: &str = "/sys/kernel/security/apparmor/.remove";
/// Where the parser may be: with and without a merged `/usr`.
pub(crate) const PARSERS: [&str; 3] =
    ["/usr/sbin/apparmor_parser", "/sbin/apparmor_parser", "/usr/bin/apparmor_parser"];

/// The mode of a profile that the kernel holds; absent when it holds none of that name.
pub(crate) fn mode(tree: &Tree, profile: &str) -> Result<State, Unread> {
    if !tree.runs() {
        return Err(Unread::Unsupported(
            "what the kernel holds is known on the running machine only".to_owned(),
        ));
    }
    let Some(loaded) = tree.text(LOADED)? else {
        let why = format!("{LOADED} is not there: AppArmor does not run, or securityfs is not mounted");
        return Err(Unread::Unsupported(why));
    };
    Ok(State::from(syntax::apparmor::mode(&loaded, profile)))
}

/// Loads a profile into a mode, or unloads it.
pub(crate) async fn put(tree: &Tree, profile: &str, from: &State, to: &State) -> Result<(), HostError> {
    let seen = mode(tree, profile).map_err(|error| HostError::Failed(error.to_string()))?;
    if seen != *from {
        return Err(HostError::Stale(format!("AppArmor profile {profile}")));
    }
    match to {
        State::Absent => unload(tree, profile),
        State::Text(mode) if mode == "enforce" => load(tree, profile, false).await,
        State::Text(mode) if mode == "complain" => load(tree, profile, true).await,
        other => Err(HostError::Unsupported(format!("AppArmor profile {profile} cannot become {other}"))),
    }
}

/// Loads a profile that the kernel holds anew from its file, in the mode that it has. What is not loaded, or has no
/// file any more, stays as it is: whether it should be loaded is a change of its own.
pub(crate) async fn reload(tree: &Tree, profile: &str) -> Result<(), HostError> {
    let there = tree.exists(&file(profile)).map_err(|error| HostError::Failed(error.to_string()))?;
    match mode(tree, profile) {
        Ok(State::Text(mode)) if there => load(tree, profile, mode == "complain").await,
        _ => Ok(()),
    }
}

async fn load(tree: &Tree, profile: &str, complain: bool) -> Result<(), HostError> {
    let failed =
        |error: Unread| HostError::Failed(format!("loading the AppArmor profile {profile}: {error}"));
    let mut parsers = PARSERS.iter().filter(|path| tree.exists(path).unwrap_or(false));
    let parser = parsers.next().ok_or_else(|| {
        HostError::Unsupported(format!(
            "AppArmor profile {profile}: apparmor_parser is missing, install the package apparmor"
        ))
    })?;
    let file = file(profile);
    let mut arguments = vec!["--replace", "--skip-cache"];
    arguments.extend(complain.then_some("--Complain"));
    arguments.push(&file);
    run::carry_out(Path::new(parser), &arguments, &[], None).await.map(drop).map_err(failed)
}

fn unload(tree: &Tree, profile: &str) -> Result<(), HostError> {
    let failed = |error: std::io::Error| {
        HostError::Failed(format!("unloading the AppArmor profile {profile}: {error}"))
    };
    let opened = tree.open(REMOVE, OFlags::WRONLY).map_err(failed)?;
    let opened = opened.ok_or_else(|| failed(std::io::ErrorKind::NotFound.into()))?;
    // The kernel takes a name from a single write.
    std::fs::File::from(opened).write_all(profile.as_bytes()).map_err(failed)
}

fn file(profile: &str) -> String {
    format!("/etc/apparmor.d/{profile}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::tests::scratch;

    #[tokio::test]
    async fn another_root_tells_nothing_of_the_kernel_and_is_not_changed() {
        let listed = "sys/kernel/security/apparmor/profiles";
        let (_folder, tree) =
            scratch(&[(listed, "app (enforce)\n"), ("etc/apparmor.d/app", "profile app {}\n")]);
        assert!(matches!(mode(&tree, "app"), Err(Unread::Unsupported(_))));
        assert!(put(&tree, "app", &State::Absent, &State::text("enforce")).await.is_err());
        assert_eq!(reload(&tree, "app").await, Ok(()), "nothing is executed for another root");
    }

    #[test]
    fn a_kernel_without_apparmor_is_not_one_without_the_profile() {
        let tree = Tree::at(Path::new("/")).unwrap();
        let seen = mode(&tree, "groundfast-no-such-profile");
        match tree.exists(LOADED) {
            Ok(true) => assert_eq!(seen, Ok(State::Absent)),
            _ => assert!(matches!(seen, Err(Unread::Unsupported(_) | Unread::Denied(_))), "{seen:?}"),
        }
    }
}
