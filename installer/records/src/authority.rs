//! Who may sign which kind of record on this site.

use std::collections::BTreeMap;

use bundle::keys::PublicKey;

use crate::Role;

/// Somebody who may sign.
#[derive(Clone, Debug)]
pub struct Holder {
    /// Whose key it is, where the site says so; a record must then name this person as its signer.
    pub name: Option<String>,
    /// The key.
    pub key: PublicKey,
}

/// Everybody who may sign, by role. Empty: nobody.
#[derive(Clone, Debug, Default)]
pub struct Authority(BTreeMap<Role, Vec<Holder>>);

impl Authority {
    /// Lets somebody sign for a role.
    pub fn admit(&mut self, role: Role, holder: Holder) {
        self.0.entry(role).or_default().push(holder);
    }

    /// Who may sign for a role.
    pub fn of(&self, role: Role) -> &[Holder] {
        self.0.get(&role).map_or(&[], Vec::as_slice)
    }
}
