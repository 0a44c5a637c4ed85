//! Images, Compose projects and their services as resources of one container engine.
//!
//! [`compose::rewrite`] turns a release's Compose file into one that runs exactly what was signed;
//! [`Stack`] is the backend that loads images, brings a project up, sees what runs and goes back to what ran
//! before; [`controls`] judge what it saw; [`smoke`] and [`names`] ask the running product itself.

mod archive;
pub mod compose;
pub mod confinement;
pub mod controls;
mod docker;
mod engine;
mod images;
pub mod names;
mod needs;
mod project;
mod provenance;
mod service;
pub mod smoke;
mod stack;

pub use archive::{Image, Layer};
pub use docker::Docker;
pub use engine::{Engine, EngineError};
pub use needs::StackNeeds;
pub use project::Release;
pub use stack::{Checks, Stack};
