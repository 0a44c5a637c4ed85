//! One command on one machine: its name and time, its backends, its stream of events, its request.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use engine::{Context, Router};
use host::{Facts, Local, LockPeer, Runs};
use model::{Digest, Resource, Waiver};
use serde::{Deserialize, Serialize};

use crate::answers::Answers;
use crate::cli::Global;
use crate::failure::{Exit, Failure};
use crate::output::document::Document;
use crate::output::events::Events;
use crate::site::shelf::{self, Shelf};

/// What was asked of a run, as it is kept with it: enough to judge the same controls again.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Request {
    /// The command.
    pub command: String,
    /// The answers, flags laid over them.
    pub answers: Answers,
    /// The verified bundle, by digest of its root index.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bundle: Option<Digest>,
    /// The profiles that came with the bundle, by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub profiles: Vec<(String, String)>,
    /// The runs that this one takes back.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub undoes: Vec<String>,
}

/// What every command that looks at a machine works with.
pub struct Session<'g> {
    pub global: &'g Global,
    pub command: &'static str,
    pub host_name: String,
    pub started: String,
    pub events: Events,
    pub runs: Runs,
    /// The name of the run, should there be one.
    pub run: String,
}

impl<'g> Session<'g> {
    /// Begins a command.
    ///
    /// # Errors
    /// When the event stream cannot be opened.
    pub fn new(global: &'g Global, command: &'static str) -> Result<Self, Failure> {
        let host_name = host::name();
        let runs = Runs::new(&global.data_dir);
        let run = next_name(&runs);
        let lines = !global.no_progress;
        let events = Events::new(&host_name, &run, global.events.as_deref(), lines)?;
        let started = jiff::Timestamp::now().to_string();
        Ok(Self { global, command, host_name, started, events, runs, run })
    }

    /// Insists on the rights that a change needs, so that this is told at once rather than by whichever file cannot
    /// be read first. Another root than the running machine's may be anybody's own.
    ///
    /// # Errors
    /// When it is the machine that changes and we are not root, or its state belongs to another user.
    pub fn may_change(&self, machine: bool) -> Result<(), Failure> {
        let user = host::user();
        let data = &self.global.data_dir;
        let theirs = std::fs::metadata(data).is_ok_and(|found| found.uid() != user);
        if user == 0 || !(machine || theirs) {
            return Ok(());
        }
        let command = self.command;
        let why = if machine {
            format!(
                "`groundfast {command}` changes this machine, so only root can run it; this is user {user}"
            )
        } else {
            format!("the state in {} belongs to another user; this is user {user}", data.display())
        };
        Err(Failure::new(Exit::Error, format!("{why}; nothing was changed"))
            .hint(format!("run it as root: sudo groundfast {command} …")))
    }

    /// An empty document of this command.
    pub fn document(&self) -> Document {
        Document::new(self.command, &self.host_name, &self.started)
    }

    /// What verdicts depend on besides the machine: the day, and what people decided. Signed decisions come first.
    ///
    /// # Errors
    /// When the keys of those who may sign cannot be used.
    pub fn context(&self, answers: &Answers) -> Result<Context, Failure> {
        let shelf = Shelf::open(&self.global.data_dir, answers)?;
        let mut context = shelf.context(&self.host_name, &shelf::today());
        let unsigned = answers.preflight.waivers.iter().chain(&answers.harden.waivers);
        context.waivers.extend(unsigned.map(Waiver::from));
        Ok(context)
    }

    /// The backend for the machine: files below `root`, measurements of the running machine when `measure_live`.
    ///
    /// # Errors
    /// When the root is no directory that can be opened.
    pub fn local(&self, root: &Path, measure_live: bool) -> Result<Local, Failure> {
        let opening = || Failure::new(Exit::Error, format!("opening the root directory {}", root.display()));
        let measured = if measure_live { Path::new("/") } else { root };
        #[expect(clippy::disallowed_methods, reason = "the binary hands the clock to the libraries")]
        let clock = SystemTime::now;
        let facts = Facts::new(measured, clock).map_err(|error| opening().because(&error))?;
        let peer = LockPeer {
            program: PathBuf::from("/proc/self/exe"),
            arguments: vec!["agent".to_owned(), "lock-peer".to_owned()],
        };
        let facts = facts.with_environment(std::env::vars().collect()).with_peer(peer);
        Local::new(root, facts).map_err(|error| opening().because(&error).hint("give a folder with --root"))
    }
}

/// A name that sorts behind those of all earlier runs, even when the clock went back since.
fn next_name(runs: &Runs) -> String {
    let now = ulid::Ulid::generate();
    let last = runs.names().unwrap_or_default().pop().and_then(|name| ulid::Ulid::from_string(&name).ok());
    match last {
        Some(last) if last >= now => last.increment().unwrap_or(now).to_string(),
        _ => now.to_string(),
    }
}

/// A router over the local backend alone.
pub fn files_only(local: &Local) -> Router<'_> {
    Router::new(vec![(Local::serves as fn(&Resource) -> bool, local)])
}
