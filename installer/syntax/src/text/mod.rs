//! What many files have in common: lines, sections, assignments, one setting a line.

pub mod assignments;
pub(crate) mod ini;
pub(crate) mod keyed;
pub(crate) mod lines;
pub(crate) mod matches;
pub(crate) mod xml;
