//! `groundfast plan …`: plans that somebody stored, looked at and approved by somebody else.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use jiff::{SignedDuration, Timestamp};
use records::{PlanApproval, Record};

use super::record::{self, Signing};
use crate::cli::Global;
use crate::failure::{Exit, Failure};
use crate::output;
use crate::run::planfile;
use report::text;

/// How many days an approval holds that says nothing else.
const DAYS: i64 = 7;

/// What can be done with stored plans.
#[derive(Debug, Subcommand)]
pub enum Plan {
    /// Sign a plan as the second person, so that it may be enforced on its host.
    #[command(after_help = "Examples:
  groundfast harden --profile cis-debian12-l1-server --answers answers.toml --plan-out plan.json   # one person
  groundfast plan approve plan.json --approver carol --key carol.key -o approval.json              # another
  groundfast harden --profile cis-debian12-l1-server --answers answers.toml --plan-in plan.json \\
    --approval approval.json                                                                       # the first")]
    Approve(Approve),
}

/// Arguments of `plan approve`.
#[derive(Debug, Args)]
pub struct Approve {
    /// The plan, as --plan-out stored it.
    file: PathBuf,
    /// Who agrees, and signs; never the one who made the plan.
    #[arg(long, value_name = "NAME")]
    approver: String,
    /// Who made the plan, where the file does not tell.
    #[arg(long, value_name = "NAME")]
    requester: Option<String>,
    /// The last day it may be enforced, YYYY-MM-DD; a week from now when absent.
    #[arg(long, value_name = "DATE")]
    expires: Option<String>,
    #[command(flatten)]
    signing: Signing,
    /// The file to write.
    #[arg(short = 'o', long = "output-file", value_name = "FILE")]
    out: PathBuf,
}

/// Runs the command.
///
/// # Errors
/// Exit 2 when the file is no plan, or one person would do both.
pub fn run(command: &Plan, global: &Global) -> Result<Exit, Failure> {
    let Plan::Approve(approve) = command;
    let stored = planfile::read(&approve.file)?;
    // The approver has to see what they agree to, before the passphrase is asked for.
    output::say(&changes(&stored.plan));
    let told = Some(stored.made_by).filter(|name| !name.is_empty());
    let week = Timestamp::now() + SignedDuration::from_hours(24 * DAYS);
    let record = Record::PlanApproval(PlanApproval {
        plan: stored.plan.digest,
        host: stored.host,
        requester: told.or_else(|| approve.requester.clone()).unwrap_or_default(),
        approver: approve.approver.clone(),
        expires: approve.expires.clone().unwrap_or_else(|| week.strftime("%Y-%m-%d").to_string()),
    });
    record::write(global, "plan approve", &approve.out, &record, &approve.signing.sign(&record)?)
}

fn changes(plan: &model::Plan) -> String {
    let steps: String = plan.steps().map(|step| format!("{}\n", step.change)).collect();
    format!("{steps}{}", text::plan(plan, &[]).trim_end())
}
