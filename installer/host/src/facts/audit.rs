//! Audit logging: whether it runs, and which paths its rules watch.

use std::path::Path;

use model::{State, Unread};
use syntax::audit::watched;

use super::run;
use super::tree::{Tree, processes};

/// Fields: `daemon` (a flag: auditd runs; absent for a system that does not run), `configured` (words: the
/// paths that the rules of the next boot watch), `loaded` (words: the paths that the kernel watches now; absent
/// when it was not to be had: without auditctl, or under `--root`).
pub(super) async fn read(tree: &Tree) -> Result<State, Unread> {
    let configured = watched(&configured(tree)?);
    let mut fields = vec![("configured", State::Words(configured))];
    if tree.is_live() {
        fields.push(("daemon", State::Flag(processes(tree)?.iter().any(|name| name == "auditd"))));
        for program in ["/usr/sbin/auditctl", "/sbin/auditctl"] {
            if tree.exists(program)? {
                fields.push(("loaded", loaded(run::output(Path::new(program), &["-l"]).await)));
                break;
            }
        }
    }
    Ok(State::record(fields))
}

fn loaded(answer: Result<String, Unread>) -> State {
    answer.map_or(State::Absent, |rules| State::Words(watched(&rules)))
}

/// The rules of the next boot: those that augenrules(8) would merge, else `audit.rules`.
fn configured(tree: &Tree) -> Result<String, Unread> {
    let mut merged = String::new();
    for name in tree.names("/etc/audit/rules.d")?.iter().filter(|name| name.ends_with(".rules")) {
        merged.push_str(&tree.text(&format!("/etc/audit/rules.d/{name}"))?.unwrap_or_default());
        merged.push('\n');
    }
    if merged.trim().is_empty() {
        merged = tree.text("/etc/audit/audit.rules")?.unwrap_or_default();
    }
    Ok(merged)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::facts::tests::scratch;

    #[tokio::test]
    async fn merged_rules_come_before_the_single_file() {
        let single = ("etc/audit/audit.rules", "-w /old\n");
        let (_folder, tree) = scratch(&[
            single,
            ("etc/audit/rules.d/10.rules", "-w /a"),
            ("etc/audit/rules.d/20.rules", "-w /b"),
            ("etc/audit/rules.d/x.bak", "-w /c"),
        ]);
        assert_eq!(read(&tree).await.unwrap().to_string(), "configured /a /b");
        let (_folder, tree) = scratch(&[single]);
        assert_eq!(read(&tree).await.unwrap().to_string(), "configured /old");
        let (_folder, tree) = scratch(&[]);
        assert_eq!(read(&tree).await.unwrap().get("configured"), Some(&State::Words(BTreeSet::new())));
    }

    #[test]
    fn a_refused_question_is_not_an_empty_answer() {
        assert_eq!(loaded(Err(Unread::Denied("x".into()))), State::Absent);
        assert_eq!(loaded(Ok("No rules\n".into())), State::Words(BTreeSet::new()));
    }
}
