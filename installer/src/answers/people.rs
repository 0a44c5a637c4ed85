//! The answers about people: who may sign what, and who has to agree.

use std::collections::BTreeMap;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// `[records]`: signed records of decisions, and whose they may be.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Records {
    /// Files, and folders of files, with signed records, besides those in the data directory.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub paths: Vec<PathBuf>,
    /// Who may sign waivers, attestations and accepted drift, as `NAME = "public key"`; without any, whom the root of
    /// trust names for it.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub waivers: BTreeMap<String, PathBuf>,
    /// Who may approve plans as the second person, as `NAME = "public key"`; without any, whom the root of trust names.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub approvals: BTreeMap<String, PathBuf>,
}

/// `[approval]`: who has to agree before anything is changed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Approval {
    /// Whether a plan is enforced only with a signed approval of exactly this plan, by somebody else than who runs it.
    pub second_person: bool,
}

impl Records {
    /// Every path in it.
    pub(super) fn paths_mut(&mut self) -> impl Iterator<Item = &mut PathBuf> {
        let keys = self.waivers.values_mut().chain(self.approvals.values_mut());
        self.paths.iter_mut().chain(keys)
    }
}
