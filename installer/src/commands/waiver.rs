//! `groundfast waiver …`: decisions to live with a failing control until a date, signed by whoever agreed.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use jiff::Timestamp;
use model::{Finding, Verdict};
use records::{Kind, Record};
use serde_json::{Value, json};

use super::bundle::document;
use super::record::{self, Files, List, Signing};
use crate::answers::Waived;
use crate::cli::Global;
use crate::failure::{Exit, Failure};
use crate::history::{self, Past};
use crate::output;
use crate::site::shelf;

/// What can be done with waivers.
#[derive(Debug, Subcommand)]
pub enum Waiver {
    /// Sign a waiver. The one who signs is the approver, and never the owner.
    #[command(after_help = "Examples:
  groundfast waiver sign service_cups_disabled --reason 'a print server' --ticket OPS-12 --owner bob \\
    --approver carol --expires 2026-12-31 --key carol.key -o cups.waiver.json
  groundfast waiver sign env.cgroups --scope web1 web2 --reason 'until the new host comes' --ticket OPS-13 \\
    --owner bob --approver carol --expires 2026-12-31 --key carol.key -o cgroups.waiver.json")]
    Sign(Sign),
    /// Show every waiver of this site: who answers for it, how long it holds, and whether it covers anything.
    #[command(after_help = "Examples:
  groundfast waiver list
  groundfast waiver list --answers answers.toml --waivers /media/usb --output json | jq .result.records")]
    List(List),
    /// Check that signed waivers count here and today. Exit 4 when one does not.
    #[command(after_help = "Examples:
  groundfast waiver verify cups.waiver.json --key carol.pub")]
    Verify(Files),
    /// Keep signed waivers below the data directory, where every command finds them.
    #[command(after_help = "Examples:
  groundfast waiver import cups.waiver.json --answers answers.toml")]
    Import(Files),
    /// Print the JSON Schema of what signed records say.
    #[command(after_help = "Examples:
  groundfast waiver schema > record.schema.json")]
    Schema,
}

/// Arguments of `waiver sign`.
#[derive(Debug, Args)]
pub struct Sign {
    /// The control, by id.
    control: String,
    /// The hosts that it is for, by name; `*` for every host.
    #[arg(long, value_name = "HOST", num_args = 1.., value_delimiter = ',', default_value = "*")]
    scope: Vec<String>,
    /// Why.
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// Ticket or change number.
    #[arg(long, value_name = "TEXT")]
    ticket: String,
    /// Who answers for it.
    #[arg(long, value_name = "NAME")]
    owner: String,
    /// Who agrees, and signs.
    #[arg(long, value_name = "NAME")]
    approver: String,
    /// The last day it holds, YYYY-MM-DD.
    #[arg(long, value_name = "DATE")]
    expires: String,
    #[command(flatten)]
    signing: Signing,
    /// The file to write.
    #[arg(short = 'o', long = "output-file", value_name = "FILE")]
    out: PathBuf,
}

/// Runs the command.
///
/// # Errors
/// With the exit code and everything the operator should read.
pub fn run(command: Waiver, global: &Global) -> Result<Exit, Failure> {
    match command {
        Waiver::Sign(sign) => {
            let Sign { control, scope, reason, ticket, owner, approver, expires, signing, out } = sign;
            let waiver = records::Waiver { control, scope, reason, ticket, owner, approver, expires };
            let record = Record::Waiver(waiver);
            record::write(global, "waiver sign", &out, &record, &signing.sign(&record)?)
        }
        Waiver::List(list) => self::list(&list, global),
        Waiver::Verify(files) => record::verify(&files, global, "waiver verify"),
        Waiver::Import(files) => record::import(&files, global, "waiver import"),
        Waiver::Schema => Ok(record::schema()),
    }
}

fn list(list: &List, global: &Global) -> Result<Exit, Failure> {
    let started = Timestamp::now();
    let (shelf, answers) = record::listed(list, global)?;
    let mut rows = record::rows(&shelf, Kind::Waiver);
    let unsigned = answers.preflight.waivers.iter().chain(&answers.harden.waivers);
    rows.extend(unsigned.map(|waived| from_answers(waived, &shelf::today())));
    let last = Last::of(global)?;
    for row in &mut rows {
        row["covers"] = last.finding(row).map(|one| one.waiver.is_some() || one.verdict.is_finding()).into();
    }
    let mut text: String = rows.iter().map(line).collect();
    if rows.is_empty() {
        text = format!("no waivers (looked in {})\n", shelf::place(&global.data_dir).display());
    }
    output::result(global.output, &text, &document("waiver list", started, json!({ "records": rows })));
    Ok(Exit::Done)
}

/// An unsigned waiver of the answers, as a row beside the signed ones.
fn from_answers(waived: &Waived, today: &str) -> Value {
    let days = |last: &str| {
        let (today, last): (jiff::civil::Date, jiff::civil::Date) = (today.parse().ok()?, last.parse().ok()?);
        (today <= last).then(|| today.until(last).map(|span| span.get_days()).ok())?
    };
    let days = days(&waived.expires);
    let mut row = serde_json::to_value(waived).unwrap_or_default();
    row["kind"] = "waiver".into();
    row["signed"] = false.into();
    row["scope"] = json!(["*"]);
    row["state"] = if days.is_some() { "holds" } else { "expired" }.into();
    row["daysLeft"] = days.into();
    row
}

/// The findings of the last run in force, by which `list` tells whether a record does anything here.
pub struct Last(Option<Past>);

impl Last {
    /// Reads it.
    ///
    /// # Errors
    /// When the runs cannot be read.
    pub fn of(global: &Global) -> Result<Self, Failure> {
        Ok(Self(history::in_force(history::all(&host::Runs::new(&global.data_dir))?).pop()))
    }

    /// What that run found of the control of a row. `None`: not known here.
    pub fn finding(&self, row: &Value) -> Option<&Finding> {
        let report = self.0.as_ref()?.report.as_ref()?;
        let finding = report.findings.iter().find(|finding| row["control"] == finding.control.as_str())?;
        (finding.verdict != Verdict::Notapplicable).then_some(finding)
    }
}

/// A row for people.
pub fn line(row: &Value) -> String {
    let text = |key: &str| row[key].as_str().unwrap_or("-").to_owned();
    let state = text("state");
    let mark = if state == "holds" { "✔" } else { "✘" };
    let signed = if row["signed"] == true { text("file") } else { "unsigned, in the answers".to_owned() };
    if state == "refused" {
        return format!("{mark} refused {}: {}\n    {}\n", signed, text("why"), text("control"));
    }
    let days = row["daysLeft"].as_i64().map_or(text("why"), |days| format!("{days} days left"));
    let covers = match row["covers"].as_bool() {
        Some(true) => "covers a finding here",
        Some(false) => "covers nothing here",
        None => "not known whether it covers anything here",
    };
    let people = match row["by"].as_str() {
        Some(by) => format!("by {by}"),
        None => format!("owner {}, approver {}, {}", text("owner"), text("approver"), text("ticket")),
    };
    format!(
        "{mark} {state} {} until {} ({days}); {covers}\n    {people}; {signed}\n",
        text("control"),
        text("expires")
    )
}
