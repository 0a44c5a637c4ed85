//! The configuration: a JSON file of the release. Secrets are named by path and read at start.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::Error;

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    pub(crate) listen: String,
    /// An address on loopback without TLS, for the health check.
    pub(crate) health: String,
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
    pub(crate) authority: PathBuf,
    /// Lines of `role token`.
    pub(crate) tokens: PathBuf,
    pub(crate) policy: DecisionPoint,
    pub(crate) database: Database,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DecisionPoint {
    pub(crate) host: String,
    pub(crate) port: u16,
    /// The rule to ask, such as `companyos/authz/allow`.
    pub(crate) rule: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Database {
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) name: String,
    pub(crate) role: String,
}

impl Config {
    pub(crate) fn read(path: &Path) -> Result<Self, Error> {
        let bytes = std::fs::read(path).map_err(|error| file(path, &error))?;
        serde_json::from_slice(&bytes).map_err(|error| file(path, &error))
    }
}

/// The bearer tokens of the site and the role that each stands for.
pub(crate) struct Tokens(Vec<(String, String)>);

impl Tokens {
    pub(crate) fn read(path: &Path) -> Result<Self, Error> {
        let text = std::fs::read_to_string(path).map_err(|error| file(path, &error))?;
        Self::parse(&text)
            .ok_or_else(|| file(path, &"expected lines of a role and a token of at least 16 characters"))
    }

    fn parse(text: &str) -> Option<Self> {
        let line = |line: &str| match line.split_whitespace().collect::<Vec<_>>()[..] {
            [role, token] if token.len() >= 16 => Some((role.to_owned(), token.to_owned())),
            _ => None,
        };
        let tokens: Option<Vec<_>> = text.lines().filter(|line| !line.trim().is_empty()).map(line).collect();
        tokens.filter(|tokens| !tokens.is_empty()).map(Self)
    }

    /// The role of a caller; empty for somebody unknown. Takes the same time wherever tokens differ.
    pub(crate) fn role(&self, given: &str) -> &str {
        let same = |token: &str| {
            token.len() == given.len()
                && token.bytes().zip(given.bytes()).fold(0, |differs, (a, b)| differs | (a ^ b)) == 0
        };
        let mut found = "";
        for (role, token) in &self.0 {
            if same(token) {
                found = role;
            }
        }
        found
    }
}

pub(crate) fn file(path: &Path, why: &dyn std::fmt::Display) -> Error {
    Error::File(path.display().to_string(), why.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_stand_for_roles_and_nothing_else_does() {
        let tokens = Tokens::parse("reader 0123456789abcdef\n\nwriter fedcba9876543210\n").unwrap();
        assert_eq!(tokens.role("0123456789abcdef"), "reader");
        assert_eq!(tokens.role("fedcba9876543210"), "writer");
        for unknown in ["", "0123456789abcdeX", "0123456789abcdef0", "reader"] {
            assert_eq!(tokens.role(unknown), "", "{unknown}");
        }
        for bad in ["", "reader short", "0123456789abcdef", "a b c"] {
            assert!(Tokens::parse(bad).is_none(), "{bad}");
        }
    }
}
