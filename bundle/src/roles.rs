//! Who may sign the records of a site: two roles beside those of TUF.

use std::collections::BTreeMap;

use crate::keys::PublicKey;

/// A role for records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RecordRole {
    /// Decides what the site lives with: waivers, attestations, accepted drift.
    Waivers,
    /// Is the second person who approves plans.
    Approvals,
}

/// The holders of the roles that somebody else than the release key has.
pub type Delegated = BTreeMap<RecordRole, Vec<PublicKey>>;

impl RecordRole {
    /// Its name in a root of trust.
    pub fn name(self) -> &'static str {
        match self {
            Self::Waivers => "waivers",
            Self::Approvals => "approvals",
        }
    }
}
