//! Alerts, wired: which sinks the site has, what they are told after a look, and what still waits for them.
//!
//! Nothing here changes a verdict or an exit code: a sink that cannot be reached is said on stderr, and what it was
//! not told waits in the data directory for the next look.

use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use alerts::{Alert, Config, Delivery, Kind, Outbox, Queue, Sink};
use host::{Folder, RunsError};
use jiff::Timestamp;
use report::{Format, Report};
use serde_json::{Value, json};

use crate::failure::{Exit, Failure};
use crate::history::Past;
use crate::output;
use crate::output::document::Document;
use crate::run::session::Session;

/// The file of the outbox in its folder.
const OUTBOX: &str = "outbox.json";
/// How long is waited for another look that is telling.
const WAIT: Duration = Duration::from_secs(90);

/// The sinks of a site: those of the newest run in force whose answers speak of alerts. A run whose answers do not,
/// such as one made of flags alone, leaves them as they are; an empty `[alerts]` takes them away.
pub fn config(past: &[Past]) -> Option<&Config> {
    past.iter().rev().find_map(|past| past.request.answers.alerts.as_ref())
}

/// Tells the sinks what a look found, and what they could not be told before.
pub async fn tell(session: &Session<'_>, config: &Config, site: &str, document: &Document) {
    if let Err(failure) = told(session, config, site, document).await {
        let why = failure.causes().join(": ");
        output::say(&format!("⚠ nobody was told of this look: {}: {why}", failure.summary()));
    }
}

async fn told(
    session: &Session<'_>,
    config: &Config,
    site: &str,
    document: &Document,
) -> Result<(), Failure> {
    let folder = folder(&session.global.data_dir);
    let _lock = lock(&folder, session).await?;
    let mut outbox = read(&folder)?;
    let look = alerts::Look {
        host: &session.host_name,
        site,
        at: &document.finished,
        run: document.run.as_deref().unwrap_or_default(),
        outcome: &document.outcome,
        findings: &document.findings,
    };
    outbox.note(config, &look, &ulid::Ulid::generate().to_string());
    // What is to be told is safe before anybody is asked to listen.
    keep(&folder, &outbox)?;
    for Delivery { sink, to, why, .. } in outbox.deliver(config, &Timestamp::now().to_string()).await {
        if let Some(why) = why {
            let waiting = outbox.queues.get(&sink).map_or(0, |queue| queue.waiting.len());
            let sink = sink.name();
            output::say(&format!(
                "⚠ {sink} ({to}) was not told: {why}; waiting for the next look: {waiting}"
            ));
        }
    }
    keep(&folder, &outbox)?;
    if let Some(path) = &config.textfile
        && let Err(error) = textfile(path, document, &outbox)
    {
        output::say(&format!("⚠ {} was not written: {error}", path.display()));
    }
    Ok(())
}

fn folder(data: &Path) -> Folder {
    Folder::new(data.join("alerts"))
}

/// Two looks may end at once; the second tells after the first.
async fn lock(folder: &Folder, session: &Session<'_>) -> Result<host::Lock, Failure> {
    let holder = format!("{}, process {}", session.command, std::process::id());
    let patience = async {
        loop {
            match folder.lock(&holder) {
                Err(RunsError::Locked(_)) => tokio::time::sleep(Duration::from_millis(200)).await,
                other => return other.map_err(|error| outbox(&error)),
            }
        }
    };
    let waited = tokio::time::timeout(WAIT, patience).await;
    waited.unwrap_or_else(|_| Err(Failure::new(Exit::Error, "waiting for another look that tells the sinks")))
}

fn read(folder: &Folder) -> Result<Outbox, Failure> {
    folder.read(OUTBOX).map(Option::unwrap_or_default).map_err(|error| {
        outbox(&error).hint(format!("move {} away to begin anew", folder.file(OUTBOX).display()))
    })
}

fn keep(folder: &Folder, outbox_now: &Outbox) -> Result<(), Failure> {
    folder.write(OUTBOX, outbox_now).map_err(|error| outbox(&error))
}

fn outbox(error: &RunsError) -> Failure {
    Failure::new(Exit::Error, "keeping the alerts that wait").because(error)
}

/// The present state for node exporter: the report of the look, and how many alerts wait.
fn textfile(path: &Path, document: &Document, outbox: &Outbox) -> Result<(), Box<dyn std::error::Error>> {
    let report = Report::read(document.json(), env!("CARGO_PKG_VERSION"))?;
    let mut text = String::from_utf8(report.write(Format::Prometheus)?)?;
    let name = "groundfast_alerts_waiting";
    let _ = write!(text, "# HELP {name} How many alerts a sink did not take yet.\n# TYPE {name} gauge\n");
    for (sink, queue) in &outbox.queues {
        let _ = writeln!(text, "{name}{{sink=\"{}\"}} {}", sink.name(), queue.waiting.len());
    }
    Ok(alerts::write_textfile(path, &text)?)
}

/// Tries every sink out with a message of its own, past the outbox.
///
/// # Errors
/// Exit 2 when the site has no sinks.
pub async fn test(session: &Session<'_>, config: Option<&Config>, site: &str) -> Result<Exit, Failure> {
    let config = config.filter(|config| **config != Config::default()).ok_or_else(|| {
        Failure::new(Exit::Usage, "this site has no alerts to try out")
            .hint("name sinks under [alerts] of the answers, and give them with --answers FILE")
    })?;
    let at = Timestamp::now().to_string();
    let look =
        alerts::Look { host: &session.host_name, site, at: &at, run: "", outcome: "passed", findings: &[] };
    let alert: Alert = look.alert(&ulid::Ulid::generate().to_string(), Kind::Test, Vec::new());
    let mut tried: Vec<(&str, String, Option<String>)> =
        config.try_out(&alert).await.into_iter().map(|one| (one.sink.name(), one.to, one.why)).collect();
    if let Some(path) = &config.textfile {
        let why = alerts::try_textfile(path).err().map(|error| error.to_string());
        tried.push(("textfile", path.display().to_string(), why));
    }
    let mut text = String::new();
    for (sink, to, why) in &tried {
        let _ = match why {
            None => writeln!(text, "{sink}  {to}  took it"),
            Some(why) => writeln!(text, "{sink}  {to}  did not take it: {why}"),
        };
    }
    let failed = tried.iter().any(|(_, _, why)| why.is_some());
    let rows: Vec<_> = tried
        .iter()
        .map(|(sink, to, why)| json!({ "sink": sink, "to": to, "delivered": why.is_none(), "why": why }))
        .collect();
    let mut document = session.document();
    document.result = json!({ "alert": alert.id, "alerts": rows });
    document.finished = Timestamp::now().to_string();
    output::result(session.global.output, &text, &document.json());
    Ok(if failed { Exit::Error } else { Exit::Done })
}

/// The sinks and what waits for them: text for people, and the same as JSON.
pub fn status(data: &Path, config: Option<&Config>) -> (String, Value) {
    let Some(config) = config.filter(|config| **config != Config::default()) else {
        return (String::new(), Value::Null);
    };
    let outbox = match read(&folder(data)) {
        Ok(outbox) => outbox,
        Err(failure) => {
            let why = format!("{}: {}", failure.summary(), failure.causes().join(": "));
            return (format!("alerts: {why}\n"), json!({ "error": why }));
        }
    };
    let (mut text, mut rows) = (String::new(), Vec::new());
    for sink in config.sinks() {
        let (empty, to) = (Queue::default(), config.place(sink));
        let queue = outbox.queues.get(&sink).unwrap_or(&empty);
        text.push_str(&line(sink, &to, queue));
        rows.push(json!({
            "sink": sink.name(), "to": to, "waiting": queue.waiting.len(), "dropped": queue.dropped,
            "delivered": queue.delivered, "failed": queue.failed,
        }));
    }
    if let Some(path) = &config.textfile {
        text.push_str(&format!("alerts to textfile ({})\n", path.display()));
        rows.push(json!({ "sink": "textfile", "to": path }));
    }
    (text, Value::Array(rows))
}

fn line(sink: Sink, to: &str, queue: &Queue) -> String {
    let mut text = format!("alerts to {} ({to}): {} waiting", sink.name(), queue.waiting.len());
    if let Some(oldest) = queue.waiting.front() {
        let _ = write!(text, " since {}", oldest.at);
    }
    if queue.dropped > 0 {
        let _ = write!(text, ", {} dropped", queue.dropped);
    }
    if let Some(failed) = &queue.failed {
        let _ = write!(text, "; not taken at {}: {}", failed.at, failed.why);
    }
    text + "\n"
}
