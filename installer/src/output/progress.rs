//! Progress of long steps on stderr: a moving bar on a terminal, a line now and then on a pipe.

use std::io::IsTerminal;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use indicatif::{HumanBytes, ProgressBar, ProgressStyle};

use crate::output;

/// How often a pipe gets a line.
const EVERY: Duration = Duration::from_secs(10);

/// Shows the steps of one command.
pub struct Progress {
    silent: bool,
    bar: Option<ProgressBar>,
    done: AtomicU64,
    step: Mutex<Step>,
}

struct Step {
    name: String,
    total: u64,
    said: Instant,
}

impl Progress {
    /// Chooses the form by whether stderr is a terminal, unless there should be none.
    pub fn new(silent: bool) -> Self {
        let bar = (!silent && std::io::stderr().is_terminal()).then(|| {
            let template = "{msg:<24} {bar:24} {bytes:>11} of {total_bytes} {bytes_per_sec} {eta} left";
            let style =
                ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
            ProgressBar::new(0).with_style(style)
        });
        let step = Step { name: String::new(), total: 0, said: Instant::now() };
        Self { silent, bar, done: AtomicU64::new(0), step: Mutex::new(step) }
    }
}

impl bundle::Progress for Progress {
    fn start(&self, what: &str, total: u64) {
        if self.silent {
            return;
        }
        self.done.store(0, Ordering::Relaxed);
        if let Some(bar) = &self.bar {
            bar.reset();
            bar.set_length(total);
            bar.set_message(what.to_owned());
        } else if let Ok(mut step) = self.step.lock() {
            *step = Step { name: what.to_owned(), total, said: Instant::now() };
            let size = if total > 0 { format!(": {}", HumanBytes(total)) } else { String::new() };
            output::say(&format!("{what}{size}"));
        }
    }

    fn advance(&self, bytes: u64) {
        if self.silent {
            return;
        }
        if let Some(bar) = &self.bar {
            return bar.inc(bytes);
        }
        let done = self.done.fetch_add(bytes, Ordering::Relaxed) + bytes;
        // Two threads never wait for each other over a line of progress.
        if let Ok(mut step) = self.step.try_lock()
            && step.said.elapsed() >= EVERY
        {
            step.said = Instant::now();
            output::say(&format!("{}: {} of {}", step.name, HumanBytes(done), HumanBytes(step.total)));
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
