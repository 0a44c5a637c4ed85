//! Arguments in a password stack that win over the settings file of their module, as pam_pwquality(8) has it.

use model::{Constraint, Evidence, HostPath, Resource, State, Syntax, Unread};

use super::super::Ask;
use super::stack::{Entry, seen_stack, stack_of};

const KIND: &str = "password";
/// Where Debian and Red Hat keep the stack that other services include.
const STACKS: [&str; 3] =
    ["/etc/pam.d/common-password", "/etc/pam.d/system-auth", "/etc/pam.d/password-auth"];

/// What the entries of a module say about one key.
pub(in super::super) struct Overrides {
    module: String,
    key: String,
    entries: Vec<Entry>,
}

pub(in super::super) fn needs() -> impl Iterator<Item = Resource> {
    STACKS.iter().map(|path| stack_of(&HostPath::literal(path), KIND))
}

impl Overrides {
    pub(in super::super) fn seen(seen: &Evidence, module: &str, key: &str) -> Result<Self, Unread> {
        let mut entries = Vec::new();
        for path in STACKS {
            entries.extend(seen_stack(seen, &HostPath::literal(path), KIND)?.unwrap_or_default());
        }
        entries.retain(|entry| entry.module == module);
        Ok(Self { module: module.to_owned(), key: key.to_owned(), entries })
    }

    /// Whether no settings file is asked, because every entry of the module has the argument.
    pub(in super::super) fn are_complete(&self) -> bool {
        !self.entries.is_empty() && self.entries.iter().all(|entry| entry.value(&self.key).is_some())
    }

    /// The values, each with its place.
    pub(in super::super) fn values(&self) -> impl Iterator<Item = (&str, &str)> {
        self.entries.iter().filter_map(|entry| Some((entry.value(&self.key)?, entry.at.as_str())))
    }

    /// Takes the arguments away, so that the settings file holds; not where authselect writes the stack.
    pub(in super::super) fn taken_away(&self) -> impl Iterator<Item = Ask> {
        let ours = |entry: &&Entry| entry.path.as_str() == STACKS[0] && entry.value(&self.key).is_some();
        self.entries.iter().filter(ours).map(|entry| {
            let key = format!("{KIND} {} {}", self.module, self.key);
            let resource = Resource::Setting { path: entry.path.clone(), syntax: Syntax::Pam, key };
            Ask::new(resource, Constraint::Equals(State::Absent))
        })
    }
}
