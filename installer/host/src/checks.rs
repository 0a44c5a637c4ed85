//! Checks between writing files and telling daemons: what would lock people out is found while it can be undone.
//!
//! On the running machine the daemons' own validators are asked. Below another root nothing of it is executed, so
//! only what can be told from files is.

use std::path::Path;

use model::{Handler, HostError, HostPath, Unread};
use syntax::{Source, accounts::login, audit};

use crate::run;
use crate::tree::Tree;

const SSHD: &str = "/usr/sbin/sshd";
const VISUDO: &str = "/usr/sbin/visudo";
const AUDIT_RULES: &str = "/etc/audit/rules.d";

/// Runs a check. What is not installed has nothing to check.
pub(crate) async fn check(tree: &Tree, handler: &Handler) -> Result<(), HostError> {
    let installed = |program: &str| tree.is_live() && tree.exists(program).unwrap_or(false);
    match handler {
        Handler::CheckSshd if installed(SSHD) => sshd(&["-t"]).await,
        Handler::CheckSudoers if installed(VISUDO) => sudoers(&["-c"]).await,
        Handler::CheckPam => pam(tree),
        Handler::CheckAudit => audit(tree),
        _ => Ok(()),
    }
}

/// sshd's own judgement of its configuration.
async fn sshd(arguments: &[&str]) -> Result<(), HostError> {
    match run::output(Path::new(SSHD), arguments).await {
        Ok(_) => Ok(()),
        // Without host keys or its run directory sshd cannot start, whatever the configuration says, and it says
        // so only after it has read the whole configuration.
        Err(error) if environment_missing(&error.to_string()) => Ok(()),
        Err(error) => Err(HostError::Failed(format!("sshd refuses its configuration: {error}"))),
    }
}

fn environment_missing(complaint: &str) -> bool {
    complaint.contains("no hostkeys available") || complaint.contains("privilege separation directory")
}

/// visudo's judgement of sudoers and all that it includes: their text, and on the machine's own files owner and mode.
async fn sudoers(arguments: &[&str]) -> Result<(), HostError> {
    let refused = |error: Unread| HostError::Failed(format!("visudo refuses sudoers: {error}"));
    run::output(Path::new(VISUDO), arguments).await.map(drop).map_err(refused)
}

fn pam(tree: &Tree) -> Result<(), HostError> {
    let faults = login::faults(tree).map_err(|unread| HostError::Failed(unread.to_string()))?;
    if faults.is_empty() { Ok(()) } else { Err(HostError::Failed(faults.join("; "))) }
}

fn audit(tree: &Tree) -> Result<(), HostError> {
    let failed = |unread: Unread| HostError::Failed(unread.to_string());
    let mut faults = Vec::new();
    for name in tree.names(AUDIT_RULES).map_err(failed)? {
        let path: Result<HostPath, _> = format!("{AUDIT_RULES}/{name}").parse();
        let Some(path) = path.ok().filter(|_| name.ends_with(".rules")) else { continue };
        if let Some(text) = Source::text(tree, &path).map_err(failed)? {
            faults.extend(audit::check::faults(&text).into_iter().map(|fault| format!("{path}, {fault}")));
        }
    }
    if faults.is_empty() { Ok(()) } else { Err(HostError::Failed(faults.join("; "))) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(folder: &Path, name: &str, text: &str) -> String {
        let path = folder.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    }

    fn missing(program: &str) -> bool {
        let missing = !Path::new(program).exists();
        if missing {
            eprintln!("left out: {program} is not installed; `make test` installs it");
        }
        missing
    }

    #[tokio::test]
    async fn the_real_sshd_and_visudo_refuse_what_is_wrong_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        if missing(SSHD) || missing(VISUDO) {
            return;
        }
        let good = write(folder.path(), "good", "PermitRootLogin no\nMaxAuthTries 4\n");
        assert_eq!(sshd(&["-t", "-f", &good]).await, Ok(()));
        let bad = write(folder.path(), "bad", "PermitRootLogin no\nMaxAuthTrees 4\n");
        let refused = sshd(&["-t", "-f", &bad]).await.unwrap_err().to_string();
        assert!(refused.contains("MaxAuthTrees") && refused.contains("line 2"), "{refused}");
        let good = write(folder.path(), "sudoers", "root ALL=(ALL:ALL) ALL\nDefaults use_pty\n");
        assert_eq!(sudoers(&["-cf", &good]).await, Ok(()));
        let bad = write(folder.path(), "sudoers-bad", "root ALL=(ALL:ALL) ALL\nDefaults use_pty,,\nann AL\n");
        let refused = sudoers(&["-cf", &bad]).await.unwrap_err().to_string();
        assert!(refused.contains("sudoers-bad"), "{refused}");
    }

    #[tokio::test]
    async fn another_root_is_checked_from_its_files_alone() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        let tree = Tree::at(root).unwrap();
        write(root, "usr/lib/x86_64-linux-gnu/security/pam_unix.so", "");
        write(root, "etc/pam.d/sshd", "auth required pam_unix.so\naccount required pam_unix.so\n");
        write(root, "etc/audit/rules.d/50.rules", "-w /etc/shadow -p wa -k identity\n");
        write(root, "etc/ssh/sshd_config", "MaxAuthTrees 4\n");
        write(root, "usr/sbin/sshd", "#!/bin/sh\nexit 1\n");
        for handler in [Handler::CheckSshd, Handler::CheckSudoers, Handler::CheckPam, Handler::CheckAudit] {
            assert_eq!(check(&tree, &handler).await, Ok(()), "{handler}");
        }
        write(root, "etc/pam.d/sshd", "auth required pam_gone.so\naccount required pam_unix.so\n");
        let refused = check(&tree, &Handler::CheckPam).await.unwrap_err().to_string();
        assert!(refused.contains("/etc/pam.d/sshd:1: the module pam_gone.so is not installed"), "{refused}");
        write(root, "etc/audit/rules.d/60.rules", "-w etc/shadow\n");
        let refused = check(&tree, &Handler::CheckAudit).await.unwrap_err().to_string();
        assert!(refused.contains("/etc/audit/rules.d/60.rules, line 1"), "{refused}");
    }
}
