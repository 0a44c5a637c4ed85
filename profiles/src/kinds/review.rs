//! What only a person can judge.

use model::{Evidence, Judgement, Resource, Verdict};
use serde::Deserialize;

use super::Kind;

/// `{ kind = "review" }`: never checked; the control's `mend` says what to look at.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Review {}

impl Kind for Review {
    fn by_hand(&self) -> Option<&'static str> {
        Some("only a person can judge it")
    }

    fn needs(&self, _seen: &Evidence) -> Vec<Resource> {
        Vec::new()
    }

    fn judge(&self, _seen: &Evidence) -> Judgement {
        Judgement::other(Verdict::Notchecked, "a person looks at it", "no machine can judge this")
    }
}
