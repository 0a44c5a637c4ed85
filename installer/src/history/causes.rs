//! Who or what moved what has drifted: judged from what the system wrote down, never guessed.
//!
//! A cause has to be later than the run that left the thing as it should be. What a log says of the very path counts
//! most, then a package that owns it and was handled at that time, then who was logged in. Where none of them tells,
//! there is no cause.

use std::collections::BTreeSet;

use host::Traces;
use jiff::{SignedDuration, Timestamp};
use model::{
    Cause, Confidence, Control, Evidence, Finding, HostPath, Lookup, Mover, Resource, State, Verdict,
};
use syntax::traces::{Access, Handled, Recorder};

use crate::history::Past;

/// How far a log's time and a file's may lie apart and still be those of one event: the log has whole seconds.
const SLACK: SignedDuration = SignedDuration::from_secs(2);

/// The programs through which packages change files.
const PACKAGERS: [&str; 9] =
    ["dpkg", "apt", "apt-get", "unattended-upgrade", "rpm", "dnf", "yum", "dnf-3", "dnf5"];

/// When our own runs changed which paths.
pub struct OwnRun {
    /// Its name.
    pub run: String,
    /// Its command.
    pub command: String,
    began: Timestamp,
    ended: Timestamp,
    paths: BTreeSet<HostPath>,
}

impl OwnRun {
    /// What a run of this machine changed; `None` when its times are not known.
    pub fn of(past: &Past) -> Option<Self> {
        let report = past.report.as_ref()?;
        let steps = past.plan.plan().steps();
        Some(Self {
            run: past.name.clone(),
            command: past.request.command.clone(),
            began: report.started.parse().ok()?,
            ended: report.finished.parse().ok()?,
            paths: steps.filter_map(|step| step.change.resource.path().cloned()).collect(),
        })
    }

    /// When it ended.
    pub fn ended(&self) -> Timestamp {
        self.ended
    }
}

/// The paths that a failing control looked at: those it asked for, and those that an effective value came from.
pub fn paths(control: &dyn Control, seen: &Evidence) -> BTreeSet<HostPath> {
    let mut paths = BTreeSet::new();
    for resource in control.needs(seen) {
        paths.extend(resource.path().cloned());
        paths.extend(read_for(&resource).cloned());
        if let (None, Ok(state)) = (resource.path(), seen.see(&resource)) {
            named(state, &mut paths);
        }
    }
    paths
}

/// The file that is read for a value, which need not come from it.
fn read_for(resource: &Resource) -> Option<&HostPath> {
    match resource {
        Resource::Effective(Lookup::DropIns { main, .. }) => Some(main),
        Resource::Effective(Lookup::Pam { path, .. } | Lookup::Text { path }) => Some(path),
        _ => None,
    }
}

/// The files that a value names as where it came from: `path`, and `at` as `file:line`.
fn named(state: &State, paths: &mut BTreeSet<HostPath>) {
    match state {
        State::Record(parts) => {
            for (key, part) in parts {
                if let (State::Text(text), "at" | "path") = (part, key.as_str()) {
                    let file = text.rsplit_once(':').filter(|(_, line)| line.parse::<u32>().is_ok());
                    paths.extend(file.map_or(text.as_str(), |(file, _)| file).parse().ok());
                } else {
                    named(part, paths);
                }
            }
        }
        State::List(parts) => parts.iter().for_each(|part| named(part, paths)),
        _ => {}
    }
}

/// Gives a finding its cause, if something tells one. `since` is when the thing was last known to be as it should.
pub fn explain(
    finding: &mut Finding,
    paths: &BTreeSet<HostPath>,
    since: Timestamp,
    traces: &Traces,
    own: &[OwnRun],
) {
    if finding.verdict == Verdict::Fail {
        let told = paths.iter().filter_map(|path| of_path(path, since, traces, own));
        finding.cause = told.max_by(|a, b| (a.confidence, &a.at).cmp(&(b.confidence, &b.at)));
    }
}

fn of_path(path: &HostPath, since: Timestamp, traces: &Traces, own: &[OwnRun]) -> Option<Cause> {
    let touched = traces.touched.get(path)?;
    let at = match touched.times {
        Some(times) => times.changed,
        None => touched.above?,
    };
    if at <= since {
        return None;
    }
    let moved = match touched.times {
        Some(_) => format!("{path} changed at {}", shown(at)),
        None => format!("{path} is gone; its directory changed at {}", shown(at)),
    };
    let by_run = own.iter().rev().find(|run| run.began <= at && at <= run.ended && run.paths.contains(path));
    let by_call = touched.accesses.iter().rev().find(|access| near(moment(access), at));
    let owns = |handled: &Handled| touched.packages.contains(&handled.package);
    let by_package = traces
        .handled
        .iter()
        .rev()
        .find(|(handled, began, ended)| owns(handled) && *began - SLACK <= at && at <= *ended + SLACK);
    match (by_run, by_call, by_package) {
        (Some(run), ..) => Some(of_run(run, &moved, at)),
        (_, call, Some((handled, ..))) if call.is_none_or(|call| is_packager(call, handled.by)) => {
            Some(of_package(handled, call, &moved, at))
        }
        (_, Some(call), _) => Some(of_call(call, traces, &moved, at)),
        _ => of_presence(traces, moved, at),
    }
}

fn of_run(run: &OwnRun, moved: &str, at: Timestamp) -> Cause {
    Cause {
        by: Mover::Run,
        who: Some(run.run.clone()),
        at: shown(at),
        says: format!("{moved}, by `{}` in run {}", run.command, run.run),
        confidence: Confidence::Recorded,
        evidence: vec![format!("the plan of run {}", run.run), format!("file times: {moved}")],
    }
}

fn of_package(handled: &Handled, call: Option<&Access>, moved: &str, at: Timestamp) -> Cause {
    let Handled { by, package, action, from, to, began, ended } = handled;
    let versions = match (from, to) {
        (Some(from), Some(to)) => format!(" from {from} to {to}"),
        (Some(one), None) | (None, Some(one)) => format!(" ({one})"),
        (None, None) => String::new(),
    };
    let (tool, log, zone, lists) = match by {
        Recorder::Dpkg => ("dpkg", "/var/log/dpkg.log", ", local time", "/var/lib/dpkg/info"),
        Recorder::Dnf => ("dnf", "/var/log/dnf.rpm.log", "", "rpm's database"),
        Recorder::Rpm => ("rpm", "rpm's database", "", "rpm's database"),
    };
    let done = format!("{tool}'s {action} of the package {package}{versions}");
    let mut evidence = vec![
        format!("{log}: {action} {package}, {began} to {ended}{zone}"),
        format!("{lists}: {package} owns it"),
        format!("file times: {moved}"),
    ];
    evidence.extend(call.map(record));
    let confidence = if call.is_some() { Confidence::Recorded } else { Confidence::Likely };
    let says = format!("{moved}, during {done}, which owns it");
    Cause { by: Mover::Package, who: Some(package.clone()), at: shown(at), says, confidence, evidence }
}

fn of_call(call: &Access, traces: &Traces, moved: &str, at: Timestamp) -> Cause {
    let name = |id: u32| traces.names.get(&id).cloned().unwrap_or_else(|| format!("user {id}"));
    let (by, who) = match call.login {
        Some(id) => (Mover::Person, name(id)),
        None => (Mover::Program, call.exe.clone()),
    };
    let with = match call.login {
        Some(_) => format!("{who} touched it with {}", call.exe),
        None => format!("{} touched it, started by nobody's log-in", call.exe),
    };
    let evidence = vec![record(call), format!("file times: {moved}")];
    let says = format!("{moved}, when {with}");
    Cause { by, who: Some(who), at: shown(at), says, confidence: Confidence::Recorded, evidence }
}

/// Who was logged in at the time.
fn of_presence(traces: &Traces, moved: String, at: Timestamp) -> Option<Cause> {
    let second = at.as_second();
    let there =
        |one: &&syntax::traces::Session| one.began <= second && one.ended.is_none_or(|ended| second <= ended);
    let there: Vec<_> = traces.sessions.iter().filter(there).collect();
    let users: BTreeSet<&str> = there.iter().map(|one| one.user.as_str()).collect();
    if users.is_empty() {
        return None;
    }
    let users = users.into_iter().collect::<Vec<_>>().join(", ");
    let line = |one: &&syntax::traces::Session| {
        let from = if one.from.is_empty() { String::new() } else { format!(" from {}", one.from) };
        let began = Timestamp::from_second(one.began).map(shown).unwrap_or_default();
        format!("/var/log/wtmp: {} on {}{from} since {began}", one.user, one.line)
    };
    let mut evidence = vec![format!("file times: {moved}")];
    evidence.extend(there.iter().map(line));
    Some(Cause {
        by: Mover::Person,
        who: Some(users.clone()),
        at: shown(at),
        says: format!("{moved}; logged in then: {users}"),
        confidence: Confidence::Possible,
        evidence,
    })
}

fn record(call: &Access) -> String {
    format!("/var/log/audit/audit.log: record {} at {}, {}", call.serial, shown(moment(call)), call.exe)
}

/// Whether a program is one that changes packages; dnf is a program of Python.
fn is_packager(call: &Access, by: Recorder) -> bool {
    let name = call.exe.rsplit('/').next().unwrap_or_default();
    let is_python = name.trim_start_matches("platform-").starts_with("python");
    PACKAGERS.contains(&name) || (by == Recorder::Dnf && is_python)
}

fn moment(call: &Access) -> Timestamp {
    Timestamp::from_millisecond(call.at).unwrap_or(Timestamp::MIN)
}

fn near(one: Timestamp, other: Timestamp) -> bool {
    one.duration_since(other).abs() <= SLACK
}

fn shown(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

#[cfg(test)]
mod tests;
