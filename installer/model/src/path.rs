//! Paths on the target.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// An absolute, normalised path on the target: no `.`, `..`, empty parts, trailing slash or NUL.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct HostPath(String);

/// A path that is not absolute and normalised.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("`{0}` is not an absolute, normalised path (no `.`, `..`, `//`, trailing `/` or NUL)")]
pub struct PathError(String);

impl HostPath {
    /// A path written in the source code.
    ///
    /// # Panics
    /// When it is not absolute and normalised, which the first test that passes by would show.
    pub fn literal(text: &'static str) -> Self {
        match text.parse() {
            Ok(path) => path,
            Err(error) => panic!("{error}"),
        }
    }

    /// The path as text, always beginning with `/`.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The path relative to the root, empty for the root itself: what a directory handle wants.
    pub fn relative(&self) -> &str {
        &self.0[1..]
    }

    /// The last part, empty for the root.
    pub fn name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or_default()
    }

    /// The directory that holds this path; `None` for the root.
    pub fn parent(&self) -> Option<HostPath> {
        let cut = self.0.rfind('/').filter(|_| self.0.len() > 1)?;
        Some(Self(if cut == 0 { "/".to_owned() } else { self.0[..cut].to_owned() }))
    }

    /// The path of `name` below this directory.
    ///
    /// # Errors
    /// When `name` would leave the directory or is not normalised.
    pub fn join(&self, name: &str) -> Result<HostPath, PathError> {
        let base = if self.0 == "/" { "" } else { &self.0 };
        format!("{base}/{name}").parse()
    }

    /// Whether this path is `dir` or lies below it.
    pub fn is_under(&self, dir: &HostPath) -> bool {
        dir.0 == "/"
            || self.0.strip_prefix(&dir.0).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }
}

impl FromStr for HostPath {
    type Err = PathError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let normal = text == "/"
            || text
                .strip_prefix('/')
                .is_some_and(|rest| rest.split('/').all(|part| !matches!(part, "" | "." | "..")));
        if normal && !text.contains('\0') {
            Ok(Self(text.to_owned()))
        } else {
            Err(PathError(text.to_owned()))
        }
    }
}

impl TryFrom<String> for HostPath {
    type Error = PathError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<HostPath> for String {
    fn from(path: HostPath) -> Self {
        path.0
    }
}

impl fmt::Display for HostPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for HostPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_absolute_normalised_paths_are_paths() {
        for good in ["/", "/etc", "/etc/ssh/sshd_config", "/a b/ü"] {
            assert_eq!(good.parse::<HostPath>().map(String::from).as_deref(), Ok(good));
        }
        for bad in ["", "etc", "/etc/", "//etc", "/etc/../x", "/./x", "/a//b", "/a\0b"] {
            assert!(bad.parse::<HostPath>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn parents_and_children_meet() {
        let root: HostPath = "/".parse().unwrap();
        let etc = root.join("etc").unwrap();
        assert_eq!(etc.parent(), Some(root.clone()));
        assert_eq!(root.parent(), None);
        assert!(etc.join("../x").is_err());
        assert!(etc.join("ssh").unwrap().is_under(&etc));
        assert!(!"/etcetera".parse::<HostPath>().unwrap().is_under(&etc));
    }
}
