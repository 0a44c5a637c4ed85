//! AppArmor's profiles as the next boot loads them from `/etc/apparmor.d`, for a root that does not run.

use model::Unread;

use super::tree::Tree;

const FOLDER: &str = "/etc/apparmor.d";

/// How many profiles there are, and in which modes.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) all: usize,
    pub(super) enforced: usize,
    pub(super) complaining: usize,
}

/// Counts what the files of the folder hold, those in `disable` left out and those in `force-complain` complaining.
pub(super) fn count(tree: &Tree) -> Result<Counts, Unread> {
    let disabled = tree.names(&format!("{FOLDER}/disable"))?;
    let forced = tree.names(&format!("{FOLDER}/force-complain"))?;
    let mut counts = Counts::default();
    for name in tree.names(FOLDER)? {
        let path = format!("{FOLDER}/{name}");
        let is_file = tree.stat(&path)?.is_some_and(|stat| stat.st_mode & 0o170_000 == 0o100_000);
        if !is_file || is_passed_over(&name) || disabled.contains(&name) {
            continue;
        }
        for flags in profiles(&tree.text(&path)?.unwrap_or_default()) {
            let has = |wanted: &str| flags.iter().any(|flag| flag == wanted);
            counts.all += 1;
            if has("complain") || forced.contains(&name) {
                counts.complaining += 1;
            } else if !has("unconfined") && !has("default_allow") {
                counts.enforced += 1;
            }
        }
    }
    Ok(counts)
}

/// Names that apparmor_parser(8) leaves out: hidden files and what editors and package managers leave behind.
fn is_passed_over(name: &str) -> bool {
    const ENDS: [&str; 9] =
        ["~", ".dpkg-new", ".dpkg-old", ".dpkg-dist", ".dpkg-bak", ".rpmnew", ".rpmsave", ".orig", ".rej"];
    name.starts_with('.') || name == "README" || ENDS.iter().any(|end| name.ends_with(end))
}

/// The flags of each profile and hat in a file (apparmor.d(5)): a line that opens a block at the outside is a
/// profile, inside one only where it says so.
fn profiles(text: &str) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    let mut depth = 0_usize;
    for line in text.lines().map(str::trim) {
        if line.starts_with('#') {
            continue;
        }
        let line = line.split(" #").next().unwrap_or_default().trim_end();
        if let Some(head) = line.strip_suffix('{') {
            let inside = ["profile ", "hat ", "^"].iter().any(|start| head.starts_with(start));
            if inside || depth == 0 && !head.starts_with("if ") {
                found.push(flags(head));
            }
            depth += 1;
        } else if line == "}" {
            depth = depth.saturating_sub(1);
        }
    }
    found
}

/// `attach_disconnected` and `complain` of `profile x flags=(attach_disconnected, complain)`.
fn flags(head: &str) -> Vec<String> {
    let listed = head.split_once("flags").and_then(|(_, rest)| rest.trim_start().strip_prefix('='));
    let listed = listed.unwrap_or(head).trim();
    // Old files leave `flags=` out.
    let inside = listed.rsplit_once('(').and_then(|(_, rest)| rest.split_once(')')).map(|(inside, _)| inside);
    let words = inside.unwrap_or_default().split([',', ' ']).map(str::trim);
    words.filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::tests::scratch;

    const CUPS: &str = "# profile old {\n/usr/sbin/cupsd flags=(attach_disconnected) {\n  /{usr/,}bin/x ixr,\n  \
        profile third /usr/lib/x flags=(complain) {\n  }\n  ^hat {\n  }\n}\nprofile last { # ends\n}\n";

    #[test]
    fn every_profile_and_hat_is_counted_with_its_flags() {
        let all = profiles(CUPS);
        assert_eq!(all.len(), 4, "{all:?}");
        assert_eq!(all[0], ["attach_disconnected"]);
        assert_eq!(all[1], ["complain"]);
        assert_eq!(profiles("/bin/a (complain,audit) {\n}\n"), [["complain", "audit"]]);
    }

    #[test]
    fn what_is_disabled_or_left_behind_is_not_loaded() {
        let (_folder, tree) = scratch(&[
            ("etc/apparmor.d/cups", CUPS),
            ("etc/apparmor.d/x", "profile x {\n}\n"),
            ("etc/apparmor.d/x.dpkg-old", "profile x {\n}\n"),
            ("etc/apparmor.d/off", "profile off {\n}\n"),
            ("etc/apparmor.d/disable/off", ""),
            ("etc/apparmor.d/forced", "profile forced {\n}\n"),
            ("etc/apparmor.d/force-complain/forced", ""),
            ("etc/apparmor.d/free", "profile free flags=(unconfined) {\n}\n"),
            ("etc/apparmor.d/abstractions/base", "profile no {\n}\n"),
        ]);
        assert_eq!(count(&tree).unwrap(), Counts { all: 7, enforced: 4, complaining: 2 });
        let (_folder, tree) = scratch(&[]);
        assert_eq!(count(&tree).unwrap(), Counts::default());
    }
}
