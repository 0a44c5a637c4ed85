//! Stamps events and sends them where they are wanted: the run's record, a file or stdout, lines for people.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use model::{Event, Kind, Level, Sink, StepEnd, View};

use crate::failure::{Exit, Failure};
use crate::output;

/// The event stream of one command.
pub struct Events {
    host: String,
    lines: bool,
    inner: Mutex<Inner>,
}

struct Inner {
    run: String,
    seq: u64,
    view: View,
    /// Events from before the run had a place of its own.
    early: Vec<String>,
    record: Option<File>,
    stream: Option<Box<dyn Write + Send>>,
}

impl Events {
    /// A stream for this host. `wanted` is `--events`: a file, or `-` for stdout; `lines` shows people what
    /// happens on stderr.
    ///
    /// # Errors
    /// When the file cannot be made.
    pub fn new(host: &str, run: &str, wanted: Option<&Path>, lines: bool) -> Result<Self, Failure> {
        let stream: Option<Box<dyn Write + Send>> = match wanted {
            None => None,
            Some(path) if path == Path::new("-") => Some(Box::new(io::stdout())),
            Some(path) => {
                let opened = OpenOptions::new().append(true).create(true).mode(0o600).open(path);
                let doing = || Failure::new(Exit::Error, format!("opening {} for events", path.display()));
                Some(Box::new(opened.map_err(|error| doing().because(&error))?))
            }
        };
        let (view, early, record) = (View::default(), Vec::new(), None);
        let inner = Mutex::new(Inner { run: run.to_owned(), seq: 0, view, early, record, stream });
        Ok(Self { host: host.to_owned(), lines, inner })
    }

    /// Keeps all events of the run, those that came before included, in its directory.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn record(&self, directory: &Path) -> io::Result<()> {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let path = directory.join("events.jsonl");
        let mut file = OpenOptions::new().append(true).create(true).mode(0o600).open(path)?;
        for line in inner.early.drain(..) {
            file.write_all(line.as_bytes())?;
        }
        inner.record = Some(file);
        Ok(())
    }

    fn show(&self, kind: &Kind, view: &View) {
        if !self.lines {
            return;
        }
        let title = |step: &u32| view.steps.get(step).map(|step| step.title.clone()).unwrap_or_default();
        let line = match kind {
            Kind::Phase { name } => format!("── {name}"),
            Kind::StepEnded { step, end, message } => {
                let mark = match end {
                    StepEnd::Done | StepEnd::Unneeded => "✔",
                    StepEnd::Undone => "↶",
                    StepEnd::Failed | StepEnd::Stranded => "✘",
                };
                let more = message.as_ref().map(|text| format!(" ({text})")).unwrap_or_default();
                format!("{mark} [{step}/{}] {}{more}", view.steps.len(), title(step))
            }
            Kind::Message { level: Level::Info, text } => format!("  {text}"),
            Kind::Message { text, .. } => format!("⚠ {text}"),
            _ => return,
        };
        output::say(&line);
    }
}

impl Sink for Events {
    fn emit(&self, kind: Kind) {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner.seq += 1;
        let (run, host, at) = (inner.run.clone(), self.host.clone(), jiff::Timestamp::now().to_string());
        let event = Event { v: 1, run, seq: inner.seq, host, at, kind };
        inner.view.apply(&event);
        self.show(&event.kind, &inner.view);
        // An event is plain data, which always serialises.
        let mut line = serde_json::to_string(&event).unwrap_or_default();
        line.push('\n');
        if let Some(stream) = &mut inner.stream
            && stream.write_all(line.as_bytes()).and_then(|()| stream.flush()).is_err()
        {
            inner.stream = None;
        }
        match &mut inner.record {
            Some(file) => {
                if file.write_all(line.as_bytes()).is_err() {
                    output::say("⚠ the events of this run can no longer be written");
                    inner.record = None;
                }
            }
            None => inner.early.push(line),
        }
    }
}

/// A sink that tells nothing: for a look whose findings are told later, or otherwise.
pub struct Silent;

impl Sink for Silent {
    fn emit(&self, _: Kind) {}
}
