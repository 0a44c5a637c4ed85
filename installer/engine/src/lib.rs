//! Assess, plan, enforce, recover: the one mechanism behind preflight, hardening, bring-up, drift and rollback.
//!
//! [`assess`] asks controls what they need, observes it in at most four batches and collects verdicts and
//! demands. [`plan`] folds the demands into changes. [`enforce`] carries an approved plan out, journals every
//! step, re-reads what it did, and takes everything back when something fails. Nothing here knows what kind of
//! machine it works on: that is behind [`model::Observe`] and [`model::Host`].

mod assess;
mod between;
mod blobs;
mod cover;
mod diff;
mod enforce;
mod fold;
mod journal;
mod packages;
mod pin;
mod plan;
mod predict;
mod reverse;
mod router;
mod together;
mod undo;
mod undone;

pub use assess::{Assessment, Context, assess};
pub use blobs::{MemoryBlobs, Several};
pub use diff::diff;
pub use enforce::{Cancel, Progress, Run, enforce, enforce_first};
pub use journal::{Record, Replay, ReplayError};
pub use pin::Pin;
pub use plan::{PlanError, extend, is_sealed, packages_first, plan};
pub use predict::Planned;
pub use reverse::{lasting, moved, reverse};
pub use router::{Family, Router};
pub use undo::{Left, Outcome, confirm, recover};
pub use undone::Outlook;
