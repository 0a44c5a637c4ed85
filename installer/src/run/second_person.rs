//! The second person: where the answers ask for one, a plan is enforced only with their signature over exactly it.

use std::path::Path;

use model::Plan;
use records::{PlanApproval, Record, Standing};

use crate::failure::{Exit, Failure};
use crate::run::session::{Request, Session};
use crate::site::shelf::{self, Refused, Shelf};

/// Why one approval does not count.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Why(String);

/// Who approved this plan besides the operator; `None` where nobody has to.
///
/// Taking back and bringing a site up again after a start of the machine never wait for anybody: they lead to a
/// state that was approved before.
///
/// # Errors
/// Exit 4 when somebody has to and nobody did who counts.
pub fn approval(
    session: &Session<'_>,
    request: &Request,
    plan: &Plan,
    given: Option<&Path>,
) -> Result<Option<String>, Failure> {
    if !request.answers.approval.second_person || request.command == "recover" || plan.is_empty() {
        return Ok(None);
    }
    let mut answers = request.answers.clone();
    answers.records.paths.extend(given.map(Path::to_owned));
    let shelf = Shelf::open(&session.global.data_dir, &answers)?;
    let operator = operator();
    let mut reasons = Vec::new();
    for filed in &shelf.filed {
        let Record::PlanApproval(approval) = &filed.signed.record else { continue };
        match counts(approval, &filed.signed.record, plan, &session.host_name, &operator) {
            Ok(()) => return Ok(Some(format!("{} with key {}", approval.approver, filed.signed.key))),
            Err(why) => reasons.push(format!("{}: {why}", filed.path.display())),
        }
    }
    let is_given = |path: &Path| given.is_some_and(|given| given == path);
    let refused = shelf.refused.iter().filter(|Refused { path, claims, .. }| {
        is_given(path) || matches!(claims, Some(Record::PlanApproval(_)))
    });
    reasons.extend(refused.map(|Refused { path, why, .. }| format!("{}: {why}", path.display())));
    let failure = Failure::new(
        Exit::Refused,
        format!("plan {} needs the approval of a second person; nothing was changed", plan.digest),
    );
    let failure = reasons.into_iter().fold(failure, |failure, why| failure.because(&Why(why)));
    Err(failure.hint(
        "store the plan with --plan-out FILE, let somebody else run `groundfast plan approve FILE --key KEY -o \
         approval.json`, then enforce with --plan-in FILE --approval approval.json",
    ))
}

fn counts(
    approval: &PlanApproval,
    record: &Record,
    plan: &Plan,
    host: &str,
    operator: &str,
) -> Result<(), String> {
    if approval.plan != plan.digest {
        return Err(format!("it approves another plan, {}", approval.plan));
    }
    if record.is_signed_by(operator) {
        return Err(format!("{operator} signed it and runs the plan: that is one person"));
    }
    match record.standing(host, &shelf::today()) {
        Standing::Holds { .. } => Ok(()),
        Standing::Expired { on } => Err(format!("it expired on {on}")),
        Standing::Elsewhere { scope } => Err(format!("it is for {}", scope.join(", "))),
    }
}

/// The person at the keyboard: who logged in, not who they became (`loginuid` of the audit system), else who called
/// sudo, else the user of this process.
pub fn operator() -> String {
    let login = std::fs::read_to_string("/proc/self/loginuid").ok();
    let login = login.and_then(|text| text.trim().parse::<u32>().ok()).filter(|uid| *uid != u32::MAX);
    #[expect(clippy::disallowed_methods, reason = "the binary reads the environment")]
    let sudo = || std::env::var("SUDO_USER").ok().filter(|name| !name.is_empty());
    match login {
        Some(uid) => user(uid),
        None => sudo().unwrap_or_else(|| user(host::user())),
    }
}

/// The name of a user, or the number where no name is known.
fn user(uid: u32) -> String {
    let accounts = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let named = accounts.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)?.parse() == Ok(uid)).then(|| name.to_owned())
    });
    named.unwrap_or_else(|| uid.to_string())
}
