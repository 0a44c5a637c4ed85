//! AppArmor: which profile a file defines, and what the kernel says of those that it holds.

/// Flags of a profile (apparmor.d(5)) with which it still confines.
const CONFINING: [&str; 7] = [
    "attach_disconnected",
    "audit",
    "chroot_attach",
    "chroot_no_attach",
    "chroot_relative",
    "delegate_deleted",
    "mediate_deleted",
];

/// Why a text is not one profile that confines.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ApparmorError {
    /// A line outside of any profile that is neither a preamble nor the head of a profile.
    #[error("line {0} is neither a preamble nor `profile NAME {{`, with its `}}` alone in a line")]
    Line(usize),
    /// A profile without a name that a file can have.
    #[error("line {0}: `{1}` is not a name of letters, digits and `-._`, as a profile of a bundle needs")]
    Name(usize, String),
    /// A flag that takes confinement away, or is not known.
    #[error("line {0}: with the flag `{1}` it does not enforce")]
    Flag(usize, String),
    /// Not exactly one profile.
    #[error("it defines {0} profiles instead of one, or the last one does not end")]
    Count(usize),
}

/// The name of the one profile that a text defines, written as `profile NAME [ATTACHMENT] [flags=(…)] {`.
///
/// # Errors
/// When it defines none or several, one without a plain name, or one that would not be enforced.
pub fn defined(text: &str) -> Result<&str, ApparmorError> {
    let (mut depth, mut names) = (0_usize, Vec::new());
    for (number, line) in text.lines().enumerate().map(|(at, line)| (at + 1, line.trim())) {
        let line = match line.find('#') {
            Some(at) => line[..at].trim_end(),
            None => line,
        };
        match (depth, line) {
            (0, line) if is_preamble(line) => {}
            (0, line) => {
                names.push(head(number, line)?);
                depth = 1;
            }
            (_, "}") => depth -= 1,
            // Braces of variables and globs are never the end of a line.
            (_, line) => depth += usize::from(line.ends_with(" {")),
        }
    }
    match names[..] {
        [name] if depth == 0 => Ok(name),
        _ => Err(ApparmorError::Count(names.len())),
    }
}

fn is_preamble(line: &str) -> bool {
    let word = line.split([' ', '\t']).next().unwrap_or_default();
    line.is_empty() || line.starts_with("@{") || matches!(word, "include" | "abi" | "alias")
}

fn head(number: usize, line: &str) -> Result<&str, ApparmorError> {
    let bad = ApparmorError::Line(number);
    let rest = line.strip_prefix("profile ").and_then(|rest| rest.strip_suffix('{')).ok_or(bad)?.trim();
    let name = rest.split([' ', '\t']).next().unwrap_or_default();
    if !is_name(name) {
        return Err(ApparmorError::Name(number, name.to_owned()));
    }
    let flags = rest.split_once("flags=(").map(|(_, flags)| flags.split(')').next().unwrap_or_default());
    let mut flags = flags.unwrap_or_default().split([',', ' ']).filter(|flag| !flag.is_empty());
    match flags.find(|flag| !CONFINING.contains(flag)) {
        Some(flag) => Err(ApparmorError::Flag(number, flag.to_owned())),
        None => Ok(name),
    }
}

/// Whether a profile can be called so, and so can its file.
pub fn is_name(name: &str) -> bool {
    let plain = |sign: char| sign.is_ascii_alphanumeric() || "-._".contains(sign);
    !name.is_empty() && name.len() <= 64 && name.chars().all(plain) && !name.starts_with(['.', '-'])
}

/// The mode of a profile in the kernel's list of those it holds, a line `NAME (MODE)` for each; `None` when it is not
/// among them.
pub fn mode<'t>(loaded: &'t str, profile: &str) -> Option<&'t str> {
    let mut profiles = loaded.lines().filter_map(|line| line.strip_suffix(')')?.rsplit_once(" ("));
    profiles.find(|(name, _)| *name == profile).map(|(_, mode)| mode)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_profile_that_confines_is_known_by_its_name() {
        let full = "# Ours.\nabi <abi/3.0>,\ninclude <tunables/global>\n#include <tunables/home>\n@{DATA}=/srv/data\n\n\
                    profile app-1.x /usr/bin/app flags=(attach_disconnected, mediate_deleted) {\n  \
                    include <abstractions/base>\n  /{usr/,}bin/app mr, # itself\n  owner @{DATA}/** rw,\n  \
                    profile child {\n    /x r,\n  }\n  ^hat {\n  }\n}\n";
        assert_eq!(defined(full), Ok("app-1.x"));
        assert_eq!(defined("profile a {\n}\n"), Ok("a"));
        for (text, error) in [
            ("", ApparmorError::Count(0)),
            ("profile a {\n}\nprofile b {\n}\n", ApparmorError::Count(2)),
            ("profile a {\n  profile b {\n}\n", ApparmorError::Count(1)),
            ("profile a { /x r, }\n", ApparmorError::Line(1)),
            ("/usr/bin/app {\n}\n", ApparmorError::Line(1)),
            ("profile /usr/bin/app {\n}\n", ApparmorError::Name(1, "/usr/bin/app".into())),
            ("profile ../x {\n}\n", ApparmorError::Name(1, "../x".into())),
            ("\nprofile a flags=(complain) {\n}\n", ApparmorError::Flag(2, "complain".into())),
            ("profile a flags=(audit,unconfined) {\n}\n", ApparmorError::Flag(1, "unconfined".into())),
        ] {
            assert_eq!(defined(text), Err(error), "{text}");
        }
    }

    #[test]
    fn a_mode_is_that_of_the_very_profile() {
        let loaded =
            "app (enforce)\napp//hat (complain)\n/usr/bin/x (odd) (complain)\ndocker-default (kill)\n";
        for (profile, expected) in [
            ("app", Some("enforce")),
            ("app//hat", Some("complain")),
            ("/usr/bin/x (odd)", Some("complain")),
            ("docker-default", Some("kill")),
            ("ap", None),
            ("", None),
        ] {
            assert_eq!(mode(loaded, profile), expected, "{profile}");
        }
    }
}
