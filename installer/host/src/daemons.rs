//! Daemons of the running machine: what runs, and telling them that their files changed.
//!
//! Programs are run by argument list, with a bare environment, and bounded in what they may print.

use std::path::Path;

use model::{Filter, Handler, HostError, State, Unread};

use crate::local::Said;
use crate::run;
use crate::tree::Tree;
use crate::{apparmor, checks};

const SYSTEMCTL: &str = "/usr/bin/systemctl";
const SSHD: &str = "/usr/sbin/sshd";
const DCONF: &str = "/usr/bin/dconf";
const MOUNT: &str = "/usr/bin/mount";

/// Whether each unit runs, asked for all at once.
pub(crate) async fn activity(tree: &Tree, units: &[&str]) -> Vec<Result<State, Unread>> {
    if units.is_empty() {
        return Vec::new();
    }
    let all = |unread: Unread| units.iter().map(|_| Err(unread.clone())).collect();
    match manager(tree) {
        Ok(true) => {}
        Ok(false) => return all(Unread::Unsupported("systemd does not run here".to_owned())),
        Err(unread) => return all(unread),
    }
    let arguments: Vec<&str> = ["show", "--value", "--property=ActiveState", "--"]
        .into_iter()
        .chain(units.iter().copied())
        .collect();
    let printed = match run::output(Path::new(SYSTEMCTL), &arguments).await {
        Ok(printed) => printed,
        Err(unread) => return all(unread),
    };
    let states: Vec<&str> = printed.lines().filter(|line| !line.is_empty()).collect();
    if states.len() != units.len() {
        return all(Unread::Malformed(format!(
            "systemctl told {} states of {} units",
            states.len(),
            units.len()
        )));
    }
    states.into_iter().map(|state| Ok(State::text(running(state)))).collect()
}

/// A unit on its way up or down counts as what it is on its way to; a failed one does not run.
fn running(state: &str) -> &'static str {
    match state {
        "active" | "reloading" | "activating" | "refreshing" => "active",
        _ => "inactive",
    }
}

/// Starts or stops a unit and waits until it has.
pub(crate) async fn set_activity(tree: &Tree, unit: &str, to: &State) -> Result<(), HostError> {
    let verb = match to {
        State::Text(word) if word == "active" => "start",
        State::Text(word) if word == "inactive" => "stop",
        _ => return Err(HostError::Unsupported(format!("{unit} cannot become {to}"))),
    };
    systemctl(tree, &[verb, "--", unit]).await
}

/// Tells a daemon that its files changed, or checks them first. Below another root there are no daemons.
pub(crate) async fn handle(tree: &Tree, handler: &Handler) -> Result<(), HostError> {
    match handler {
        check if check.is_check() => checks::check(tree, check).await,
        Handler::CompileDconf => compile_dconf(tree).await,
        Handler::LoadApparmor { profile } => apparmor::reload(tree, profile).await,
        _ if !tree.is_live() || !manager(tree).unwrap_or(false) => Ok(()),
        Handler::DaemonReload => systemctl(tree, &["daemon-reload"]).await,
        Handler::Reload { unit } => tell(tree, "try-reload-or-restart", unit).await,
        Handler::Restart { unit } => tell(tree, "try-restart", unit).await,
        Handler::LoadAuditRules => {
            load_audit_rules(tree).await;
            Ok(())
        }
        Handler::MakeBootMenu => {
            make_boot_menu(tree).await;
            Ok(())
        }
        Handler::Remount => remount(tree).await,
        _ => Ok(()),
    }
}

/// Loads the audit rules as the next boot would. Locked rules stay until then, and one that the kernel refuses is
/// no reason to take the files back: what it does not hold is seen when the rules are judged again.
async fn load_audit_rules(tree: &Tree) {
    const AUGENRULES: &str = "/usr/sbin/augenrules";
    let locked = audit_rules(tree).await.is_none_or(|rules| rules.ends_with("-e 2\n"));
    if !locked && tree.exists(AUGENRULES).unwrap_or(false) {
        run::output(Path::new(AUGENRULES), &["--load"]).await.ok();
    }
}

/// Makes the boot menu again where there is one. Where that fails, as in a container that boots nothing, the files
/// stay: what the menu lacks is seen when it is judged again.
async fn make_boot_menu(tree: &Tree) {
    for (program, menu, arguments) in [
        ("/usr/sbin/update-grub", "/boot/grub/grub.cfg", &[][..]),
        ("/usr/sbin/grub2-mkconfig", "/boot/grub2/grub.cfg", &["-o", "/boot/grub2/grub.cfg"]),
    ] {
        if tree.exists(menu).unwrap_or(false) && tree.exists(program).unwrap_or(false) {
            run::output(Path::new(program), arguments).await.ok();
            return;
        }
    }
}

/// Takes from what is mounted now the power that fstab takes from it at the next boot.
async fn remount(tree: &Tree) -> Result<(), HostError> {
    let failed = |error: Unread| HostError::Failed(format!("mounting again: {error}"));
    for (point, lacking) in syntax::mounts::looser(tree).map_err(failed)? {
        let options = format!("remount,{}", lacking.join(","));
        let arguments = ["-o", &options, "--", point.as_str()];
        run::output(Path::new(MOUNT), &arguments).await.map_err(failed)?;
    }
    Ok(())
}

/// A machine without dconf has no database to compile, and below another root nothing is executed.
async fn compile_dconf(tree: &Tree) -> Result<(), HostError> {
    if !tree.is_live() || !tree.exists(DCONF).unwrap_or(false) {
        return Ok(());
    }
    let failed = |error: Unread| HostError::Failed(format!("compiling dconf's databases: {error}"));
    run::output(Path::new(DCONF), &["update"]).await.map(drop).map_err(failed)
}

/// The effective configuration in sshd's own words, or `None` when it cannot be asked here.
pub(crate) async fn sshd_says(tree: &Tree) -> Option<Said> {
    if !tree.exists(SSHD).ok()? {
        return None;
    }
    let printed = run::output(Path::new(SSHD), &["-T"]).await.ok()?;
    let mut said = Said::new();
    for line in printed.lines() {
        let (key, value) = line.split_once(' ').unwrap_or((line, ""));
        // Keywords that may stand several times are joined as the files would list them.
        said.entry(key.to_owned())
            .and_modify(|all| *all = format!("{all} {value}"))
            .or_insert_with(|| value.to_owned());
    }
    Some(said)
}

/// The audit rules that the kernel holds, in the form of audit.rules(7), with a line `-e N` for the switch. `None`
/// when it cannot be asked: without auditctl or rights, or where another system's kernel runs, as in a chroot.
pub(crate) async fn audit_rules(tree: &Tree) -> Option<String> {
    if !manager(tree).unwrap_or(false) {
        return None;
    }
    let program =
        ["/usr/sbin/auditctl", "/sbin/auditctl"].into_iter().find(|path| tree.exists(path) == Ok(true))?;
    let rules = run::output(Path::new(program), &["-l"]).await.ok()?;
    let status = run::output(Path::new(program), &["-s"]).await.ok()?;
    let enabled = status.lines().find_map(|line| line.strip_prefix("enabled "))?;
    Some(format!("{rules}\n-e {enabled}\n"))
}

/// What the files say, corrected by what sshd itself says.
pub(crate) fn as_sshd_says(state: State, key: &str, said: Option<&Said>) -> State {
    match (state, said.and_then(|said| said.get(&key.to_ascii_lowercase()))) {
        (State::Record(mut parts), Some(value)) => {
            parts.insert("value".to_owned(), State::text(value));
            State::Record(parts)
        }
        (state, _) => state,
    }
}

/// The rules that the kernel holds, by the tool that prints them. Where it is missing or may not ask the kernel,
/// as in a container, they cannot be seen.
pub(crate) async fn rules(tree: &Tree, filter: Filter) -> Result<State, Unread> {
    let (program, arguments): (&str, &[&str]) = match filter {
        Filter::Nftables => ("/usr/sbin/nft", &["list", "ruleset"]),
        Filter::Ip6tables => ("/usr/sbin/ip6tables-save", &[]),
        Filter::Iptables | Filter::Ufw => ("/usr/sbin/iptables-save", &[]),
    };
    let unseen = |why: String| Unread::Unsupported(format!("running rules of {filter}: {why}"));
    if !tree.runs() || !tree.exists(program)? {
        return Err(unseen(format!("there is no {program} to ask")));
    }
    let printed =
        run::output(Path::new(program), arguments).await.map_err(|error| unseen(error.to_string()))?;
    Ok(syntax::firewall::printed(filter, &printed))
}

fn manager(tree: &Tree) -> Result<bool, Unread> {
    tree.exists("/run/systemd/system")
}

/// Tells a unit that runs; one that does not, or that this system does not have, reads its files when it starts.
async fn tell(tree: &Tree, verb: &str, unit: &str) -> Result<(), HostError> {
    match activity(tree, &[unit]).await.pop() {
        Some(Ok(state)) if state.as_text() != Some("active") => Ok(()),
        _ => systemctl(tree, &[verb, "--", unit]).await,
    }
}

async fn systemctl(tree: &Tree, arguments: &[&str]) -> Result<(), HostError> {
    if !manager(tree).unwrap_or(false) {
        return Err(HostError::Unsupported("systemd does not run here".to_owned()));
    }
    let failed = |error: Unread| HostError::Failed(format!("systemctl {}: {error}", arguments.join(" ")));
    run::output(Path::new(SYSTEMCTL), arguments).await.map(drop).map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_of_systemd_is_one_of_two() {
        for (state, word) in [
            ("active", "active"),
            ("reloading", "active"),
            ("activating", "active"),
            ("inactive", "inactive"),
            ("failed", "inactive"),
            ("deactivating", "inactive"),
        ] {
            assert_eq!(running(state), word, "{state}");
        }
    }

    #[test]
    fn sshd_has_the_last_word_on_values_only() {
        let files =
            State::record([("value", State::text("6")), ("at", State::text("/etc/ssh/sshd_config:3"))]);
        let said = Said::from([("maxauthtries".to_owned(), "4".to_owned())]);
        let merged = as_sshd_says(files.clone(), "MaxAuthTries", Some(&said));
        assert_eq!(merged.get("value"), Some(&State::text("4")));
        assert_eq!(merged.get("at"), Some(&State::text("/etc/ssh/sshd_config:3")));
        assert_eq!(as_sshd_says(files.clone(), "Other", Some(&said)), files);
        assert_eq!(as_sshd_says(State::Absent, "MaxAuthTries", Some(&said)), State::Absent);
    }
}
