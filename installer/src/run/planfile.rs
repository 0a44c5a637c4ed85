//! Plans in files: stored by one person, approved and enforced by another.

use std::fs;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use model::Plan;
use serde::{Deserialize, Serialize};

use crate::failure::{Exit, Failure};

/// A stored plan.
#[derive(Debug, Serialize, Deserialize)]
pub struct PlanFile {
    /// Version of this format: 1.
    v: u32,
    /// The host that it was made for.
    #[serde(default)]
    pub host: String,
    /// Who made it.
    #[serde(default)]
    pub made_by: String,
    /// The plan.
    pub plan: Plan,
}

/// Stores a plan. Its bytes are not stored: they are derived again from the same machine and profile, and the
/// digests in the plan tell whether they are the same.
///
/// # Errors
/// When the file cannot be written.
pub fn store(path: &Path, plan: &Plan) -> Result<(), Failure> {
    let storing = || Failure::new(Exit::Error, format!("storing the plan in {}", path.display()));
    let (host, made_by) = (host::name(), crate::run::second_person::operator());
    let text = serde_json::to_vec_pretty(&PlanFile { v: 1, host, made_by, plan: plan.clone() });
    let text = text.map_err(|error| storing().because(&error))?;
    let opened = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path);
    opened.and_then(|mut file| file.write_all(&text)).map_err(|error| storing().because(&error))
}

/// Reads a stored plan.
///
/// # Errors
/// Exit 2 when the file is no plan.
pub fn read(path: &Path) -> Result<PlanFile, Failure> {
    let reading = || Failure::new(Exit::Usage, format!("reading the plan in {}", path.display()));
    let text = fs::read(path).map_err(|error| reading().because(&error))?;
    let file: PlanFile = serde_json::from_slice(&text).map_err(|error| reading().because(&error))?;
    if file.v != 1 {
        return Err(reading().hint("it was made by another version of groundfast"));
    }
    if !engine::is_sealed(&file.plan) {
        return Err(reading().hint("its steps are not those that its digest names: it was altered"));
    }
    Ok(file)
}

/// Checks that the plan in a file is the one that would be made now.
///
/// # Errors
/// Exit 2 when the file is no plan, 4 when the machine has moved since it was made.
pub fn check(path: &Path, now: &Plan) -> Result<(), Failure> {
    if read(path)?.plan != *now {
        let summary =
            format!("the plan in {} is stale: the machine or the profile moved since", path.display());
        return Err(Failure::new(Exit::Refused, summary)
            .hint("look at the new plan with --plan, store it again with --plan-out"));
    }
    Ok(())
}
