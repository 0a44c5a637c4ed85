//! `groundfast report`: what a run left, written in the format that somebody reads.

#![expect(clippy::disallowed_methods, reason = "the report goes where the operator asked for it")]

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand, ValueEnum};
use model::About;
use report::{self as writers, Past};
use serde_json::Value;

use super::report_verify::{self, Verify};
use crate::cli::{Format, Global};
use crate::failure::{Exit, Failure};
use crate::history;
use crate::history::looks;
use crate::output;
use crate::run::session::{Request, Session};
use crate::site::controls;

/// Write the report of a run in a format: a page, SARIF, JUnit, XCCDF, ARF, OSCAL and others.
#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "Examples:
  groundfast report                                           the last run, as text
  groundfast report --format html -o report.html              a page with filter, search and trend
  groundfast report 01JD… --format sarif -o groundfast.sarif  an earlier run; `groundfast status` lists them
  groundfast report --format matrix                           requirement, control, evidence
  groundfast drift --output json | groundfast report --from - --format junit -o drift.xml
  groundfast report --format prometheus -o /var/lib/prometheus/node-exporter/groundfast.prom"
)]
pub struct Report {
    #[command(subcommand)]
    action: Option<Action>,
    /// The run; the last one that left a report when absent.
    #[arg(conflicts_with = "from")]
    run: Option<String>,
    /// Read the JSON document of any command from this file instead, or from stdin with `-`.
    #[arg(long, value_name = "FILE")]
    from: Option<PathBuf>,
    /// The format; with `--output json` and without this, json.
    #[arg(long, value_enum, value_name = "FORMAT")]
    format: Option<Form>,
    /// Write the report into this file instead of on stdout.
    #[arg(short = 'o', long = "output-file", value_name = "FILE")]
    out: Option<PathBuf>,
    /// In text: show every control, not only those that need somebody.
    #[arg(long)]
    all: bool,
}

/// What else can be done with reports.
#[derive(Debug, Subcommand)]
enum Action {
    /// Check that reports, journals and the history of drift checks are as this site signed them.
    Verify(Verify),
}

/// The formats of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Form {
    /// For people.
    Text,
    /// The document of the run.
    Json,
    /// One page that needs nothing else: filter, search, trend, dark and light, printable.
    Html,
    /// SARIF 2.1.0.
    Sarif,
    /// JUnit's XML.
    Junit,
    /// An XCCDF 1.2 benchmark with its test result.
    Xccdf,
    /// An asset report (ARF 1.1) that holds the XCCDF result.
    Arf,
    /// OSCAL assessment results in JSON.
    Oscal,
    /// Metrics for the textfile collector of Prometheus' node exporter.
    Prometheus,
    /// Requirement, control, evidence, in Markdown.
    Matrix,
}

impl From<Form> for writers::Format {
    fn from(form: Form) -> Self {
        match form {
            Form::Text => Self::Text,
            Form::Json => Self::Json,
            Form::Html => Self::Html,
            Form::Sarif => Self::Sarif,
            Form::Junit => Self::Junit,
            Form::Xccdf => Self::Xccdf,
            Form::Arf => Self::Arf,
            Form::Oscal => Self::Oscal,
            Form::Prometheus => Self::Prometheus,
            Form::Matrix => Self::Matrix,
        }
    }
}

/// Runs the command.
///
/// # Errors
/// Exit 2 when there is no such run, or the document is not one; 1 when the report cannot be written.
pub fn run(command: &Report, global: &Global) -> Result<Exit, Failure> {
    if let Some(Action::Verify(verify)) = &command.action {
        return report_verify::run(verify, global);
    }
    let report = match &command.from {
        Some(file) => from_file(file)?,
        None => from_run(global, command.run.as_deref())?,
    };
    let default = if global.output == Format::Json { Form::Json } else { Form::Text };
    let form = command.format.unwrap_or(default);
    let text = if form == Form::Text && command.all {
        writers::text::whole(&report, true).into_bytes()
    } else {
        let writing = || Failure::new(Exit::Error, "writing the report");
        report.write(form.into()).map_err(|error| writing().because(&error))?
    };
    match &command.out {
        None => output::result(Format::Text, &String::from_utf8_lossy(&text), &Value::Null),
        Some(file) => {
            let writing = || Failure::new(Exit::Error, format!("writing the report into {}", file.display()));
            fs::write(file, &text).map_err(|error| writing().because(&error))?;
            output::say(&format!("the report is in {}", file.display()));
        }
    }
    Ok(Exit::Done)
}

/// The document of a command that somebody kept.
fn from_file(file: &Path) -> Result<writers::Report, Failure> {
    let reading = || Failure::new(Exit::Usage, format!("reading the document {}", file.display()));
    let text = if file == Path::new("-") {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text).map(|_| text)
    } else {
        fs::read_to_string(file)
    };
    let text = text.map_err(|error| reading().because(&error))?;
    let document: Value = serde_json::from_str(&text).map_err(|error| reading().because(&error))?;
    let hint = "give what a command printed with --output json, or the report.json of a run";
    let report = read(document).map_err(|error| reading().because(&error).hint(hint))?;
    let catalogue = controls::catalogue(&[])?;
    // With which values it was judged is not known, so nothing is said of how to mend what holds.
    let known =
        |control: &str| catalogue.explain(control).map(|about| About { mend: String::new(), ..about });
    let about: Vec<_> = report.controls().filter_map(known).collect();
    Ok(report.knowing(about))
}

fn read(document: Value) -> Result<writers::Report, writers::ReportError> {
    writers::Report::read(document, env!("CARGO_PKG_VERSION"))
}

/// The report that a run of this machine left, with the runs before it.
fn from_run(global: &Global, wanted: Option<&str>) -> Result<writers::Report, Failure> {
    let session = Session::new(global, "report")?;
    let mut runs = history::all(&session.runs)?;
    runs.retain(|past| past.report.is_some());
    let at = match wanted {
        None => runs.len().checked_sub(1).ok_or_else(|| nothing(global))?,
        Some(name) => runs.iter().position(|past| past.name == name).ok_or_else(|| unknown(name, &runs))?,
    };
    runs.truncate(at + 1);
    let Some(run) = runs.last() else { return Err(nothing(global)) };
    let reading = || Failure::new(Exit::Error, format!("reading the report of run {}", run.name));
    let document: Option<Value> =
        run.directory.read("report.json").map_err(|error| reading().because(&error))?;
    let report = read(document.unwrap_or_default()).map_err(|error| reading().because(&error))?;
    let until = run.report.as_ref().map_or("", |report| report.finished.as_str());
    let past = runs.iter().filter_map(|past| {
        let report = past.report.as_ref()?;
        Some(Past {
            run: past.name.clone(),
            command: report.command.clone(),
            finished: report.finished.clone(),
            summary: report.summary.clone(),
        })
    });
    let looks = looks::all(&global.data_dir, None)?;
    let looks = looks.into_iter().filter(|look| look.at.as_str() <= until).map(|look| Past {
        run: look.run,
        command: "drift".to_owned(),
        finished: look.at,
        summary: look.summary,
    });
    let mut past: Vec<Past> = past.chain(looks).collect();
    past.sort_by(|a, b| a.finished.cmp(&b.finished));
    Ok(report.of_profile(run.request.answers.harden.profile.clone()).knowing(about(&run.request)).after(past))
}

/// What the profiles of a run say about its controls, with the values that it judged them by.
fn about(request: &Request) -> Vec<About> {
    let hardened = controls::harden(request);
    let checked = controls::preflight(request, &std::collections::BTreeMap::new());
    let mut about = Vec::new();
    for controls in [checked, hardened] {
        match controls {
            Ok(controls) => about.extend(controls.iter().map(|control| control.about().clone())),
            Err(error) => {
                output::say(&format!("the report says less about its controls: {}", error.summary()))
            }
        }
    }
    about
}

fn nothing(global: &Global) -> Failure {
    Failure::new(Exit::Usage, format!("no run has left a report in {}", global.data_dir.display())).hint(
        "harden or install first, name the data directory with --data-dir, or give a document with --from",
    )
}

fn unknown(name: &str, runs: &[history::Past]) -> Failure {
    let names: Vec<_> = runs.iter().rev().take(10).map(|past| past.name.as_str()).collect();
    Failure::new(Exit::Usage, format!("no run {name} has left a report")).hint(match names.as_slice() {
        [] => "`groundfast status` lists the runs; none has left a report yet".to_owned(),
        names => format!("those that have, newest first: {}", names.join(", ")),
    })
}
