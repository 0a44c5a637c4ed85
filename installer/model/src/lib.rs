//! The vocabulary that every other crate speaks, with no execution in it.
//!
//! A [`Control`] asks for [`Resource`]s, judges the [`State`]s that were seen and may make [`Demand`]s.
//! The engine folds demands into [`Change`]s, orders them into a [`Plan`] and lets a [`Host`] carry them
//! out. Everything here is data or a trait: no file system, clock, process or runtime.

mod cause;
mod change;
mod control;
mod demand;
mod digest;
mod door;
mod event;
mod evidence;
mod fact;
mod finding;
mod guard;
mod host;
mod lookup;
mod packages;
mod path;
mod plan;
mod resource;
mod secret;
mod state;
mod syntax;
mod view;

pub use cause::{Cause, Confidence, Mover};
pub use change::{Change, Handler};
pub use control::{About, Attestation, Control, ControlId, Judgement, Reference, Severity, Waiver};
pub use demand::{Conflict, Constraint, Demand, Target};
pub use digest::{Digest, DigestError};
pub use door::Door;
pub use event::{Event, Kind, Level, StepEnd};
pub use evidence::{Evidence, Unread};
pub use fact::Fact;
pub use finding::{Finding, Summary, Verdict};
pub use guard::{Guard, Moment};
pub use host::{BlobError, Blobs, Fut, Host, HostError, Journal, JournalError, Keep, Observe, Sink};
pub use lookup::{Filter, Lookup};
pub use packages::{Move, Transaction, is_unfinished_package, unfinished_package};
pub use path::{HostPath, PathError};
pub use plan::{Approval, Approved, Plan, Risk, Stage, StageKind, Step, StepId};
pub use resource::{FileQuery, Resource, SysctlScope, Wanted};
pub use secret::Secret;
pub use state::{Attributes, Entry, FileState, Node, State};
pub use syntax::Syntax;
pub use view::{StepStatus, StepView, View};
