//! `groundfast drift`: everything that the runs in force enforced or pinned, looked at again.

use clap::{Args, Subcommand};
use engine::{Assessment, assess};
use model::{Control, ControlId, Kind, Resource, Sink, Verdict};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use super::accept::{self, Accept};
use super::schedule::{self, Schedule};
use crate::answers::Answers;
use crate::cli::Global;
use crate::failure::{Exit, Failure};
use crate::history::alerting;
use crate::history::causes::{self, OwnRun};
use crate::history::looks;
use crate::history::{self, Left, Past};
use crate::output;
use crate::run::session::Session;
use crate::site::shelf::Shelf;
use crate::site::{Site, pins};
use crate::site::{baseline, controls};

/// Find what has moved since the last run. Exit 3 when something did.
#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "Examples:
  groundfast drift
  groundfast drift --output json | jq '.findings[] | select(.verdict == \"fail\")'
  groundfast drift --all
  groundfast drift --schedule --yes            look daily from now on
  groundfast drift --schedule='Mon..Fri 04:00' --answers answers.toml
  groundfast drift --test-alerts
  groundfast drift accept 'pin:content /etc/motd' --ticket OPS-12 --key carol.key"
)]
pub struct Drift {
    /// Show everything that was looked at, not only what moved.
    #[arg(long)]
    all: bool,
    /// Send a test message to every sink of the site's alerts, and look at nothing.
    #[arg(long, conflicts_with = "scheduling")]
    test_alerts: bool,
    /// Take the sinks of this answer file's `[alerts]`: to try them out, or to have the schedule use them.
    #[arg(long, value_name = "FILE")]
    answers: Option<PathBuf>,
    #[command(flatten)]
    schedule: Schedule,
    #[command(subcommand)]
    action: Option<Action>,
}

/// What can be done about drift.
#[derive(Debug, Subcommand)]
pub enum Action {
    /// Make an intended change the new baseline, with a ticket and a signature.
    Accept(Accept),
}

/// Runs the command.
///
/// # Errors
/// When no run is in force, or what it left behind cannot be read.
pub async fn run(command: &Drift, global: &Global) -> Result<Exit, Failure> {
    if let Some(Action::Accept(accept)) = &command.action {
        return accept::run(accept, global).await;
    }
    let answers = command.answers.as_deref().map(|path| Answers::load(path, &[])).transpose()?;
    if command.schedule.is_asked() {
        return schedule::run(&command.schedule, answers.as_ref(), global).await;
    }
    command.schedule.refuse_approval()?;
    let session = Session::new(global, "drift")?;
    if command.test_alerts {
        return test_alerts(&session, answers.as_ref()).await;
    }
    if command.answers.is_some() {
        return Err(Failure::new(Exit::Usage, "`groundfast drift` takes the answers of the runs in force")
            .hint("--answers belongs to --schedule and --test-alerts"));
    }
    let Look { last, first, assessment, alerts, .. } = look(&session).await?;
    let earlier = looks::all(&global.data_dir, None);
    let mut findings = assessment.findings;
    findings.extend(earlier.as_ref().err().map(looks::tampered));
    let drifted = findings.iter().any(|finding| finding.verdict.is_finding());
    let mut document = session.document();
    document.outcome = if drifted { "drifted" } else { "passed" }.to_owned();
    document.run = Some(last.name.clone());
    document.with_findings(findings);
    document.finished = jiff::Timestamp::now().to_string();
    let now = looks::Look::of(&document);
    let before = earlier.as_ref().ok().and_then(|looks| looks.last()).map(|look| look.compared(&now));
    document.result =
        json!({ "compared_with": ran(&last), "installed_by": first, "since_last_look": before });
    // A history that was changed is left as it is: another entry would make it look sound.
    if earlier.is_ok()
        && let Err(failure) = looks::keep(&session, &now)
    {
        output::say(&format!("⚠ this look is not in the history: {}", failure.summary()));
    }
    output::result(global.output, &document.text(command.all), &document.json());
    if let Some(alerts) = alerts {
        alerting::tell(&session, &alerts, &last.request.answers.site.name, &document).await;
    }
    Ok(if drifted { Exit::Findings } else { Exit::Done })
}

/// Tries out the sinks of an answer file, else those of the runs in force.
async fn test_alerts(session: &Session<'_>, answers: Option<&Answers>) -> Result<Exit, Failure> {
    let past = history::in_force(history::all(&session.runs)?);
    let own = past.last().map(|past| &past.request.answers);
    let config = answers.map_or_else(|| alerting::config(&past), |answers| answers.alerts.as_ref());
    let site = answers.or(own).map_or("", |answers| answers.site.name.as_str());
    alerting::test(session, config, site).await
}

/// Everything that the runs in force left behind, looked at again.
pub struct Look {
    /// The last run in force.
    pub last: Past,
    /// The first run in force: its name, and when it ended.
    pub first: Option<Value>,
    /// What each resource was left as.
    pub pinned: BTreeMap<Resource, Left>,
    /// What was held against it.
    pub controls: Vec<Box<dyn Control>>,
    /// What came out.
    pub assessment: Assessment,
    /// Who is to be told.
    pub alerts: Option<alerts::Config>,
}

/// Looks.
///
/// # Errors
/// When no run is in force, or what it left behind cannot be read.
pub async fn look(session: &Session<'_>) -> Result<Look, Failure> {
    if let Some(name) = history::interrupted(&session.runs)? {
        return Err(Failure::new(
            Exit::Refused,
            format!("run {name} was interrupted, so nothing can be compared with it"),
        )
        .hint("carry on with `groundfast resume`, or take it back with `groundfast recover`"));
    }
    let all = history::all(&session.runs)?;
    let own: Vec<OwnRun> = all.iter().filter_map(OwnRun::of).collect();
    let mut past = history::in_force(all);
    let pinned = history::pinned(&past);
    let first = past.first().map(ran);
    let alerts = alerting::config(&past).cloned();
    let last = past.pop().ok_or_else(|| {
        Failure::new(
            Exit::Error,
            format!("no run is in force on this machine (looked in {})", session.global.data_dir.display()),
        )
        .hint("install or harden first, or name the data directory with --data-dir")
    })?;
    let answers = &last.request.answers;
    let site = Site::open(session, &last.request)?;
    let mut controls: Vec<Box<dyn Control>> = Vec::new();
    controls.extend(controls::harden(&last.request)?);
    controls.extend(controls::certificates(&last.request)?);
    controls.retain(|control| held(past.iter().chain([&last]), control.id()));
    controls.extend(pins(&pinned));
    let shelf = Shelf::open(&session.global.data_dir, answers)?;
    let begun = |id: &str| begun(pin_of(id, &pinned).map_or(&last.name, |(_, left)| &left.run));
    let controls = baseline::apply(controls, &shelf.accepted(&session.host_name), begun);
    session.events.emit(Kind::Phase { name: "drift".to_owned() });
    let backends = site.backends();
    let context = session.context(answers)?;
    let mut assessment = assess(&controls, &backends, &context, &session.events).await;
    explain(&site, &controls, &mut assessment, &own, |id| {
        let run = pin_of(id, &pinned).map_or(&last.name, |(_, left)| &left.run);
        own.iter().find(|one| one.run == *run).map(OwnRun::ended)
    });
    Ok(Look { last, first, pinned, controls, assessment, alerts })
}

/// Finds out who or what moved what failed. `since` tells when a control is known to have held.
fn explain(
    site: &Site,
    controls: &[Box<dyn Control>],
    assessment: &mut Assessment,
    own: &[OwnRun],
    since: impl Fn(&str) -> Option<jiff::Timestamp>,
) {
    let Assessment { findings, evidence, .. } = assessment;
    let failed: BTreeSet<_> = findings
        .iter()
        .filter(|finding| finding.verdict == Verdict::Fail)
        .map(|finding| finding.control.clone())
        .collect();
    let concerned = controls.iter().filter(|control| failed.contains(control.id()));
    let paths: BTreeMap<_, _> =
        concerned.map(|control| (control.id().clone(), causes::paths(control.as_ref(), evidence))).collect();
    let all: BTreeSet<_> = paths.values().flatten().cloned().collect();
    if all.is_empty() {
        return;
    }
    let traces = site.traces(&all);
    for why in &traces.unread {
        output::say(&format!("⚠ causes may be missing: {why}"));
    }
    for finding in findings {
        if let (Some(paths), Some(since)) = (paths.get(&finding.control), since(finding.control.as_str())) {
            causes::explain(finding, paths, since, &traces, own);
        }
    }
}

/// The name of a run and when it ended.
fn ran(past: &Past) -> Value {
    json!({ "run": past.name, "finished": past.report.as_ref().map(|report| &report.finished) })
}

/// The resource that a pin holds, with how it was left.
pub fn pin_of<'p>(id: &str, pinned: &'p BTreeMap<Resource, Left>) -> Option<(&'p Resource, &'p Left)> {
    let resource = id.strip_prefix("pin:")?;
    pinned.iter().find(|(one, _)| one.to_string() == resource)
}

/// When a run began: its name tells.
fn begun(run: &str) -> Option<jiff::Timestamp> {
    let named = ulid::Ulid::from_string(run).ok()?;
    jiff::Timestamp::from_millisecond(named.timestamp_ms().try_into().ok()?).ok()
}

/// Whether a control held at the end of a run, or was waived and has to be asked whether it still is: what failed then
/// cannot have moved since.
fn held<'p>(past: impl DoubleEndedIterator<Item = &'p Past>, id: &ControlId) -> bool {
    // A run that only brought the product back did not judge everything: the newest one that did counts.
    let mut findings = past.rev().filter_map(|past| past.report.as_ref()).flat_map(|report| &report.findings);
    let finding = findings.find(|finding| finding.control == *id);
    finding.is_none_or(|finding| matches!(finding.verdict, Verdict::Pass | Verdict::Fixed | Verdict::Waived))
}
