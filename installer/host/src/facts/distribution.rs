//! The distribution, from os-release(5).

use model::{State, Unread};
use syntax::text::assignments;

use super::tree::Tree;

/// Fields: `id`, `id_like` (a list), `version` (`VERSION_ID`), `name` (`PRETTY_NAME`).
pub(super) fn read(tree: &Tree) -> Result<State, Unread> {
    for path in ["/etc/os-release", "/usr/lib/os-release"] {
        if let Some(text) = tree.text(path)? {
            return record(&text);
        }
    }
    Err(Unread::Failed("there is no /etc/os-release".to_owned()))
}

fn record(text: &str) -> Result<State, Unread> {
    let mut keys = assignments::read(text);
    let id = keys.remove("ID").ok_or_else(|| Unread::Malformed("os-release names no ID".to_owned()))?;
    let like = keys.remove("ID_LIKE").unwrap_or_default();
    Ok(State::record([
        ("id", State::text(id)),
        ("id_like", State::texts(like.split_whitespace())),
        ("version", State::from(keys.remove("VERSION_ID"))),
        ("name", State::from(keys.remove("PRETTY_NAME"))),
    ]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn real_files() {
        let alma = "NAME=\"AlmaLinux\"\nVERSION=\"8.9 (Midnight Oncilla)\"\nID=\"almalinux\"\nID_LIKE=\"rhel centos fedora\"\nVERSION_ID=\"8.9\"\nPRETTY_NAME=\"AlmaLinux 8.9 (Midnight Oncilla)\"\n";
        let debian = "PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nVERSION_ID=\"12\"\nID=debian\n";
        let ubuntu = "# a comment\nPRETTY_NAME='Ubuntu 20.04.6 LTS'\nVERSION_ID=\"20.04\"\nID=ubuntu\nID_LIKE=debian\n";
        let arch = "NAME=\"Arch Linux\"\nID=arch\n";
        for (text, id, like, version) in [
            (alma, "almalinux", "rhel, centos, fedora", Some("8.9")),
            (debian, "debian", "", Some("12")),
            (ubuntu, "ubuntu", "debian", Some("20.04")),
            (arch, "arch", "", None),
        ] {
            let seen = record(text).unwrap();
            assert_eq!(seen.get("id").and_then(State::as_text), Some(id));
            assert_eq!(seen.get("id_like").unwrap().to_string(), like);
            assert_eq!(seen.get("version").and_then(State::as_text), version, "{id}");
        }
        assert!(matches!(record("NAME=nothing\n"), Err(Unread::Malformed(_))));
    }
}
