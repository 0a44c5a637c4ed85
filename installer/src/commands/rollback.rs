//! `groundfast rollback`: finished runs taken back, newest first, as a plan like any other.

use clap::Args;
use engine::{Progress, Several, lasting, reverse};
use model::{Approval, Blobs, Change, Guard, Host, Plan, StepId};

use crate::cli::{Approve, Format, Global};
use crate::commands::resume;
use crate::failure::{Exit, Failure};
use crate::history::signing;
use crate::history::{self, Past};
use crate::output;
use crate::output::document::Document;
use crate::run::begin::{begin, lock};
use crate::run::carry_out::{carry_out, exit_of};
use crate::run::session::{Request, Session};
use crate::run::{guard, planfile, second_person};
use crate::site::Site;

/// Undo a finished run and every later one, newest first.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  groundfast rollback --plan          show what taking back the last run would change
  groundfast rollback --yes           take back the last run that changed something
  groundfast rollback 01JD… --yes     take back that run and every later one")]
pub struct Rollback {
    /// The oldest run to take back; the last one that changed something when absent.
    run: Option<String>,
    #[command(flatten)]
    approve: Approve,
}

/// Runs the command.
///
/// # Errors
/// When there is nothing to take back, or it is not approved.
pub async fn run(command: &Rollback, global: &Global) -> Result<Exit, Failure> {
    let session = Session::new(global, "rollback")?;
    session.may_change(false)?;
    let waiting = history::awaiting(&session.runs)?;
    let past = match &waiting {
        Some(waiting) => alone(waiting, command.run.as_deref(), &session)?,
        None => chosen(&session, command.run.as_deref())?,
    };
    let newest = past.last().ok_or_else(nothing)?;
    // With the release at hand, its images can be put back should the rollback itself fail halfway.
    let site =
        Site::with_bundle(&session, &newest.request).or_else(|_| Site::open(&session, &newest.request))?;
    let backends = site.backends();
    let made: Vec<(&Plan, &[StepId])> =
        past.iter().rev().map(|past| (past.plan.plan(), past.replay.begun.as_slice())).collect();
    let plan = reverse(&made);
    // What was accepted as irreversible stays, and is named; the rest goes back.
    for step in lasting(&made) {
        output::say(&format!("stays as it is, since it cannot be taken back: {}", step.change));
    }
    let mut stores: Vec<&dyn Blobs> = past.iter().map(|past| &past.directory as &dyn Blobs).collect();
    stores.extend(site.blobs());
    let names: Vec<String> = past.iter().map(|past| past.name.clone()).collect();
    let mut request = Request { command: "rollback".to_owned(), undoes: names, ..newest.request.clone() };
    let approve = &command.approve;
    if approve.confirm_within.is_some() {
        request.answers.harden.confirm_within = approve.confirm_within;
    }
    let back = Back { session: &session, request, plan, host: &backends, stores: Several(stores), approve };
    if approve.plan || approve.plan_out.is_some() {
        return back.look().await;
    }
    let by = back.approver(waiting.is_none()).await?;
    let _lock = lock(&session)?;
    // What was never sealed is no run of the past yet: it ends as taken back.
    if let Some(waiting) = &waiting {
        let outcome = resume::take_back(&session, waiting, "the operator took it back").await?;
        return resume::finish_back(&session, waiting, &outcome);
    }
    let exit = back.enforce(by).await?;
    site.forget_replaced(&session)?;
    Ok(exit)
}

/// What is to be taken back, on what.
struct Back<'b> {
    session: &'b Session<'b>,
    request: Request,
    plan: Plan,
    host: &'b dyn Host,
    stores: Several<'b>,
    approve: &'b Approve,
}

impl Back<'_> {
    async fn planned(&self) -> Document {
        resume::planned(self.session.document(), &self.plan, self.host, &self.stores).await
    }

    /// Shows the plan, or stores it.
    async fn look(&self) -> Result<Exit, Failure> {
        let (document, format) = (self.planned().await, self.session.global.output);
        match &self.approve.plan_out {
            Some(path) if !self.approve.plan => planfile::store_and_tell(path, &self.plan, document, format),
            _ => {
                output::result(format, &document.text(false), &document.json());
                Ok(Exit::Done)
            }
        }
    }

    /// Who approves the plan. It has to be that of the file that was given, and, where `whole` runs of the past are
    /// taken back, nobody else may have been there since.
    async fn approver(&self, whole: bool) -> Result<String, Failure> {
        let Approve { plan_in, yes, approval, .. } = self.approve;
        if let Some(path) = plan_in {
            planfile::check(path, &self.plan)?;
        }
        if whole {
            self.refuse_moved().await?;
        }
        let second = second_person::approval(self.session, &self.request, &self.plan, approval.as_deref())?;
        let by = match (plan_in, yes) {
            (Some(_), _) => "--plan-in",
            (None, true) => "--yes",
            (None, false) => return Err(self.unapproved().await),
        };
        Ok(second.map_or(by.to_owned(), |second| format!("{by}, and {second}")))
    }

    async fn unapproved(&self) -> Failure {
        let document = self.planned().await;
        if self.session.global.output == Format::Text {
            output::result(Format::Text, &document.text(false), &document.json());
        }
        Failure::new(Exit::Usage, "the plan was not approved, so nothing was changed")
            .hint(format!("take back {} with --yes", self.request.undoes.join(", ")))
            .with(document)
    }

    /// Refuses to take back what somebody else has changed since, before anything is written.
    async fn refuse_moved(&self) -> Result<(), Failure> {
        let moved = engine::moved(&self.plan, self.host).await;
        let Some((first, _)) = moved.first() else { return Ok(()) };
        let what =
            format!("{} was changed since by somebody else; nothing was taken back", first.change.resource);
        let failure = moved.iter().fold(Failure::new(Exit::Refused, what), |failure, (step, seen)| {
            let Change { resource, from, .. } = &step.change;
            failure.because(&Moved(format!("{resource}: it is {seen}, and the run left it as {from}")))
        });
        let oldest = self.request.undoes.first().map_or("", String::as_str);
        Err(failure.hint(format!(
            "`groundfast drift` tells who changed it; put it back as the run left it, by hand or by doing again what \
             the run did, then `groundfast rollback {oldest}`"
        )))
    }

    /// Carries the plan out as a run of its own.
    async fn enforce(self, by: String) -> Result<Exit, Failure> {
        let Self { session, request, plan, host, stores, approve } = self;
        let approval = Approval { by, irreversible: approve.accept_irreversible };
        guard::declined(&request.answers, approve, &plan)?;
        let approved = plan.approve(approval).map_err(|_| {
            Failure::new(Exit::Usage, "the plan holds changes that cannot be taken back")
                .hint("--accept-irreversible")
        })?;
        let directory = begin(session, &request, &approved, &[])?;
        let all = Several(vec![&directory as &dyn Blobs, &stores]);
        let guard = guard::of(session, &request.answers)?;
        let guard = guard.as_ref().map(|guard| guard as &dyn Guard);
        let outcome = carry_out(session, &approved, host, &directory, &all, Progress::none(), guard).await;
        let mut document = session.document();
        document.with_plan(approved.plan(), &[]);
        document.with_outcome(&outcome);
        document.run = Some(session.run.clone());
        document.finished = jiff::Timestamp::now().to_string();
        signing::keep_report(&session.global.data_dir, &directory, &document)?;
        let text = format!("{}{}", document.text(false), guard::note(&outcome, approved.plan()));
        output::result(session.global.output, &text, &document.json());
        Ok(exit_of(&outcome, &[]))
    }
}

/// What moved, and how.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Moved(String);

/// A run that waits to be confirmed is taken back by itself, before any earlier one.
fn alone(waiting: &Past, wanted: Option<&str>, session: &Session<'_>) -> Result<Vec<Past>, Failure> {
    if wanted.is_some_and(|name| name != waiting.name) {
        let what = format!("run {} waits to be confirmed, so no earlier one can be taken back", waiting.name);
        return Err(Failure::new(Exit::Refused, what).hint("take it back first: `groundfast rollback --yes`"));
    }
    Ok(Past::read(&session.runs, &waiting.name)?.into_iter().collect())
}

/// The runs in force from the one named (or the last) on, oldest first.
fn chosen(session: &Session<'_>, wanted: Option<&str>) -> Result<Vec<Past>, Failure> {
    if let Some(name) = history::interrupted(&session.runs)? {
        return Err(Failure::new(Exit::Refused, format!("run {name} was interrupted; take it back first"))
            .hint("`groundfast recover`"));
    }
    let mut past = history::in_force(history::all(&session.runs)?);
    let from = match wanted {
        // A run that changed nothing left nothing to take back: the last one that did, with what came after it.
        None => past.iter().rposition(|past| !past.replay.begun.is_empty()).ok_or_else(nothing)?,
        Some(name) => past.iter().position(|past| past.name == name).ok_or_else(|| {
            Failure::new(Exit::Usage, format!("run {name} is not in force"))
                .hint("`groundfast status` lists the runs")
        })?,
    };
    Ok(past.split_off(from))
}

fn nothing() -> Failure {
    Failure::new(Exit::Usage, "there is no run to take back").hint("`groundfast status` lists the runs")
}
