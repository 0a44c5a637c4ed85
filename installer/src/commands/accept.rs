//! `groundfast drift accept`: an intended change becomes the new baseline, with a ticket and a signature.

use clap::Args;
use jiff::Timestamp;
use model::{Finding, Verdict};
use records::{AcceptedDrift, Moved, Record, Sealed};
use serde_json::json;

use super::bundle::document;
use super::drift::{Look, look, pin_of};
use super::record::{self, Signing};
use crate::cli::Global;
use crate::failure::{Exit, Failure};
use crate::output;
use crate::run::second_person::operator;
use crate::run::session::Session;
use crate::site::shelf;

/// Make an intended change the new baseline, with a ticket and a signature.
///
/// Drift is clean then, until it moves again. To take it back, remove the record that this writes.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  groundfast drift --output json | jq -r '.findings[] | select(.verdict == \"fail\") | .control'
  groundfast drift accept 'pin:content /etc/motd' --ticket OPS-12 --key carol.key")]
pub struct Accept {
    /// What has drifted, by the ids that `groundfast drift` shows.
    #[arg(required = true, value_name = "ID")]
    ids: Vec<String>,
    /// Ticket or change number.
    #[arg(long, value_name = "TEXT")]
    ticket: String,
    /// Who accepts, and signs; the operator who is logged in when absent.
    #[arg(long, value_name = "NAME")]
    by: Option<String>,
    #[command(flatten)]
    signing: Signing,
}

/// Runs the command.
///
/// # Errors
/// Exit 2 when an id has not drifted, 4 when the key may not sign here; then nothing is written.
pub async fn run(command: &Accept, global: &Global) -> Result<Exit, Failure> {
    let session = Session::new(global, "drift accept")?;
    let look = look(&session).await?;
    let by = command.by.clone().unwrap_or_else(operator);
    let mut signed = Vec::new();
    let authority = shelf::authority(&global.data_dir, &look.last.request.answers)?;
    for id in &command.ids {
        let record = Record::AcceptedDrift(AcceptedDrift {
            control: id.clone(),
            host: session.host_name.clone(),
            ticket: command.ticket.clone(),
            by: by.clone(),
            at: Timestamp::now(),
            baseline: baseline(id, &look)?,
        });
        let bytes = command.signing.sign(&record)?;
        Sealed::read(&bytes).and_then(|sealed| sealed.open(&authority)).map_err(|error| {
            Failure::new(Exit::Refused, format!("accepting {id}; nothing was written"))
                .because(&error)
                .hint("name who may sign: `[records.waivers]` of the answers, or the root of trust")
        })?;
        signed.push((record, bytes));
    }
    let (mut text, mut rows) = (String::new(), Vec::new());
    for (record, bytes) in &signed {
        let path = record::keep(&global.data_dir, record, bytes)?;
        text.push_str(&format!("{}\n    take it back: rm {}\n", record::sentence(record), path.display()));
        rows.push(json!({ "kind": record.kind().name(), "file": path, "record": record }));
    }
    let started = session.started.parse().unwrap_or_else(|_| Timestamp::now());
    output::result(global.output, &text, &document("drift accept", started, json!({ "records": rows })));
    Ok(Exit::Done)
}

/// Everything that the control of a finding looked at, as it is now.
fn baseline(id: &str, look: &Look) -> Result<Vec<Moved>, Failure> {
    let Look { pinned, controls, assessment, .. } = look;
    let open: Vec<&Finding> =
        assessment.findings.iter().filter(|finding| finding.verdict == Verdict::Fail).collect();
    let refuse = |why: String| Failure::new(Exit::Usage, format!("{id} {why}; nothing was written"));
    if !open.iter().any(|finding| finding.control.as_str() == id) {
        let ids: Vec<_> = open.iter().map(|finding| finding.control.as_str()).collect();
        let ids = if ids.is_empty() { "nothing has".to_owned() } else { ids.join(", ") };
        return Err(refuse("has not drifted".to_owned()).hint(format!("what has: {ids}")));
    }
    let control = controls.iter().find(|control| control.id().as_str() == id);
    let needs = control.map(|control| control.needs(&assessment.evidence));
    let from = pin_of(id, pinned);
    let moved = needs.unwrap_or_default().into_iter().map(|resource| {
        let to = assessment.evidence.see(&resource).map_err(|unread| {
            refuse(format!("cannot be accepted, because not all of it can be read: {unread}"))
        })?;
        let from = from.filter(|(pinned, _)| **pinned == resource).map(|(_, left)| left.state.clone());
        Ok(Moved { to: to.clone(), from, resource })
    });
    moved.collect()
}
