//! Audit logging: whether it runs, and which paths its rules watch.

use std::collections::BTreeSet;
use std::path::Path;

use model::{State, Unread};

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

/// The paths that rules watch: `-w PATH`, and `-a always,… -F path=PATH` or `-F dir=PATH` (auditctl(8)).
/// `-D` and `-W` take watches back, `-a never,…` is none.
fn watched(rules: &str) -> BTreeSet<String> {
    let mut paths = BTreeSet::new();
    for line in rules.lines().map(str::trim).filter(|line| !line.starts_with('#')) {
        let words: Vec<&str> = line.split_whitespace().collect();
        let after = |flag: &str| words.iter().position(|word| *word == flag).and_then(|at| words.get(at + 1));
        let normal = |path: &str| match path.trim_end_matches('/') {
            "" => "/".to_owned(),
            path => path.to_owned(),
        };
        if words.first() == Some(&"-D") {
            paths.clear();
        } else if let Some(path) = after("-W") {
            paths.remove(&normal(path));
        } else if let Some(path) = after("-w") {
            paths.insert(normal(path));
        } else if after("-a")
            .or(after("-A"))
            .is_some_and(|action| action.split(',').any(|part| part == "always"))
        {
            let fields = words.windows(2).filter(|pair| pair[0] == "-F").map(|pair| pair[1]);
            let path =
                fields.filter_map(|field| field.strip_prefix("path=").or(field.strip_prefix("dir="))).next();
            paths.extend(path.map(normal));
        }
    }
    paths
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::tests::scratch;

    #[test]
    fn every_way_to_watch_a_path() {
        let rules = "## docker\n-D\n-b 8192\n-w /usr/bin/dockerd -p rwxa -k docker\n-w /etc/docker/ -p wa\n-a always,exit -F arch=b64 -F path=/run/containerd/containerd.sock -F perm=wa -k docker\n-a exit,always -F dir=/var/lib/docker -F perm=wa\n-a never,exit -F path=/usr/bin/runc\n#-w /usr/bin/containerd\n-w /tmp/x\n-W /tmp/x\n";
        let expected =
            ["/etc/docker", "/run/containerd/containerd.sock", "/usr/bin/dockerd", "/var/lib/docker"];
        assert_eq!(watched(rules).into_iter().collect::<Vec<_>>(), expected);
        assert!(watched("No rules\n").is_empty());
        assert!(watched("-w /a\n-D\n").is_empty());
    }

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
