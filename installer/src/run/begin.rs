//! Before the first change: one run at a time, none left unfinished, and all written down that a power cut would lose.

use engine::MemoryBlobs;
use host::{RunDir, RunsError};
use model::{Approved, Keep};

use crate::failure::{Exit, Failure};
use crate::history::interrupted;
use crate::run::guard;
use crate::run::session::{Request, Session};

/// Writes down what is about to be enforced, so that it can be carried on or taken back after a power cut.
pub fn begin(
    session: &Session<'_>,
    request: &Request,
    approved: &Approved,
    texts: &[&MemoryBlobs],
) -> Result<RunDir, Failure> {
    let directory = session.runs.create(&session.run).map_err(|error| unwritable(&error))?;
    directory.write("request.json", request).map_err(|error| unwritable(&error))?;
    write_plan(&directory, approved, texts)?;
    let recorded = session.events.record(directory.path());
    recorded.map_err(|error| Failure::new(Exit::Error, "recording the events of the run").because(&error))?;
    Ok(directory)
}

/// Writes down a plan with the bytes that it names.
pub fn write_plan(directory: &RunDir, approved: &Approved, texts: &[&MemoryBlobs]) -> Result<(), Failure> {
    for (_, bytes) in texts.iter().flat_map(|texts| texts.all()) {
        directory
            .keep(&mut bytes.as_slice())
            .map_err(|error| Failure::new(Exit::Error, "keeping the bytes of the plan").because(&error))?;
    }
    directory.write("plan.json", approved).map_err(|error| unwritable(&error))
}

/// Takes the lock of this machine.
///
/// # Errors
/// Exit 4 when another run holds it.
pub fn lock(session: &Session<'_>) -> Result<host::Lock, Failure> {
    let holder = format!("{} run {}, process {}", session.command, session.run, std::process::id());
    session.runs.lock(&holder).map_err(|error| match error {
        RunsError::Locked(_) => {
            Failure::new(Exit::Refused, error.to_string()).hint("wait for it, or look at `groundfast status`")
        }
        other => unwritable(&other),
    })
}

/// Refuses to begin while an earlier run is neither finished nor taken back, or waits to be confirmed.
///
/// # Errors
/// Exit 4, naming the run and the ways out.
pub fn refuse_interrupted(session: &Session<'_>) -> Result<(), Failure> {
    match interrupted(&session.runs)? {
        None => guard::refuse_armed(session),
        Some(name) => {
            Err(Failure::new(Exit::Refused, format!("run {name} was interrupted and is not finished"))
                .hint("carry on with `groundfast resume`, or take it back with `groundfast recover`"))
        }
    }
}

/// The state of the installer could not be written; nothing was changed.
pub fn unwritable(error: &RunsError) -> Failure {
    Failure::new(Exit::Error, "keeping the state of the run; nothing was changed")
        .because(error)
        .hint("is the data directory writable, and are you root? see --data-dir")
}
