//! The one way from controls to a changed machine: assess, plan, approve, enforce, look again.

use std::collections::{BTreeMap, BTreeSet};
use std::io::IsTerminal;

use engine::{
    Assessment, Cancel, Context, MemoryBlobs, Outcome, Outlook, Progress, Replay, Run, Several, assess, diff,
    enforce, enforce_first,
};
use host::RunDir;
use model::{
    Approval, Approved, Blobs, Control, ControlId, Demand, Finding, Guard, Host, Kind, Plan, Risk, Severity,
    Sink, StageKind, Verdict,
};

use crate::cli::{Approve, Format};
use crate::failure::{Exit, Failure};
use crate::history::signing;
use crate::output;
use crate::output::document::Document;
use crate::output::events::Silent;
use crate::run::begin::{begin, lock, refuse_interrupted, write_plan};
use crate::run::carry_out::{carry_out, exit_of, run_of, watch};
use crate::run::planfile;
use crate::run::session::{Request, Session};
use crate::run::{access, guard, second_person};
use report::text;

/// What is said when a finding of the highest severity is open.
const BLOCKED: &str = "a blocker stopped the run";

/// Everything one convergence works with.
pub struct Job<'j> {
    pub session: &'j Session<'j>,
    pub request: Request,
    pub controls: Vec<Box<dyn Control>>,
    /// What was found before, as by a preflight: reported, not judged again.
    pub earlier: Vec<Finding>,
    pub context: Context,
    pub host: &'j dyn Host,
    /// The files that `host` works with.
    pub files: &'j dyn syntax::Source,
    /// Whether the run may close a way into the machine that runs here.
    pub may_close: bool,
    /// Bytes that plans may name besides their own, such as those of a bundle.
    pub bytes: Vec<&'j dyn Blobs>,
    /// Texts made for this run, kept with it.
    pub texts: Option<&'j MemoryBlobs>,
    pub approve: &'j Approve,
    /// Whether an answer file approves what can be taken back.
    pub answers_approve: bool,
    /// What the report says about the profile and its tailorings.
    pub told: serde_json::Value,
    /// Whether the caller holds the lock of this machine already.
    pub locked: bool,
    /// Controls that have to be checkable for the run to have a meaning: nothing is planned around one that is not.
    pub vital: BTreeSet<ControlId>,
    /// Puts in place what the run needs besides its plan, such as the bytes of a bundle; called once, when nothing is
    /// left that could refuse.
    pub prepare: &'j dyn Fn() -> Result<(), Failure>,
}

impl Job<'_> {
    /// Runs the job and prints its result.
    ///
    /// # Errors
    /// When it could not be done, refused, or was not approved.
    pub async fn run(&self) -> Result<Exit, Failure> {
        let sink: &dyn Sink = &self.session.events;
        sink.emit(Kind::Phase { name: "assess".to_owned() });
        let mut before = assess(&self.controls, self.host, &self.context, sink).await;
        sink.emit(Kind::PhaseEnded { name: "assess".to_owned(), ok: true });
        if let Some(why) = self.unseen(&before.findings) {
            return Ok(self.stopped(before.findings, &why));
        }
        if before.findings.iter().any(blocks) {
            return Ok(self.stopped(before.findings, BLOCKED));
        }
        let planned = MemoryBlobs::default();
        let plan =
            engine::plan(&before.demands, self.host, &planned).await.map_err(|error| unplannable(&error))?;
        self.refuse_undoing(&before, &plan, &planned).await?;
        let diffs = self.diffs(&before, &plan).await?;
        before.findings.extend(access::finding(self, &plan, &planned, sink).await);
        if self.approve.plan {
            let mut document = self.judged(before.findings, "planned");
            document.with_plan(&plan, &diffs);
            self.print_plan(&document, &plan, &diffs);
            return Ok(Exit::Done);
        }
        if let Some(path) = &self.approve.plan_out {
            let mut document = self.judged(before.findings, "planned");
            document.with_plan(&plan, &diffs);
            return planfile::store_and_tell(path, &plan, document, self.session.global.output);
        }
        if before.findings.iter().any(blocks) {
            return Ok(self.stopped(before.findings, BLOCKED));
        }
        let by = self.approver(&plan, &before, &diffs)?;
        let (held, plan) = match self.held_back(&plan) {
            held if held.is_empty() => (held, plan),
            held => {
                let plan = self.plan(&before, &held, &planned).await?;
                (held, plan)
            }
        };
        let approval = Approval { by, irreversible: self.approve.accept_irreversible };
        let approved = approved(plan, approval)?;
        self.enforce(before, &approved, &held, &planned, &diffs).await
    }

    /// Plans what the findings demand, but for the packages that these controls ask for.
    async fn plan(
        &self,
        found: &Assessment,
        held: &BTreeSet<ControlId>,
        into: &MemoryBlobs,
    ) -> Result<Plan, Failure> {
        let is_held = |demand: &Demand| {
            demand.resource.stage() == Some(StageKind::Package) && held.contains(&demand.by)
        };
        let demands: Vec<_> = found.demands.iter().filter(|demand| !is_held(demand)).cloned().collect();
        engine::plan(&demands, self.host, into).await.map_err(|error| unplannable(&error))
    }

    /// Refuses a plan that makes a control fail which holds now, or would with its own remedy alone.
    async fn refuse_undoing(
        &self,
        before: &Assessment,
        plan: &Plan,
        planned: &MemoryBlobs,
    ) -> Result<(), Failure> {
        let bytes = Several(self.bytes.clone());
        let outlook =
            Outlook { controls: &self.controls, before, host: self.host, source: self.files, bytes: &bytes };
        outlook.refuse_undoing(plan, planned).await.map_err(|error| unplannable(&error))
    }

    /// Whether exactly this plan is to be enforced: one that was stored, or that a second person signed.
    fn is_exact(&self) -> bool {
        self.approve.plan_in.is_some() || self.request.answers.approval.second_person
    }

    /// The controls whose packages are left alone, because nobody accepted what cannot be taken back. A stored
    /// or signed plan is enforced as a whole or not at all.
    fn held_back(&self, plan: &Plan) -> BTreeSet<ControlId> {
        if self.approve.accept_irreversible || self.is_exact() {
            return BTreeSet::new();
        }
        let lasting = plan.steps().filter(|step| step.risk == Risk::Irreversible);
        lasting.flat_map(|step| step.by.iter().cloned()).collect()
    }

    async fn enforce(
        &self,
        before: Assessment,
        approved: &Approved,
        held: &BTreeSet<ControlId>,
        planned: &MemoryBlobs,
        diffs: &[(String, String)],
    ) -> Result<Exit, Failure> {
        let session = self.session;
        guard::declined(&self.request.answers, self.approve, approved.plan())?;
        let guard = guard::of(session, &self.request.answers)?;
        let _lock = if self.locked { None } else { Some(lock(session)?) };
        refuse_interrupted(session)?;
        (self.prepare)()?;
        let texts: Vec<&MemoryBlobs> = self.texts.into_iter().chain([planned]).collect();
        // Packages that come first change what there is to plan. A stored plan is enforced as it stands.
        let first = engine::packages_first(approved.plan()).filter(|_| !self.is_exact());
        let first = first.map(|first| self::approved(first, approved.approval().clone())).transpose()?;
        let directory = begin(session, &self.request, first.as_ref().unwrap_or(approved), &texts)?;
        let mut stores: Vec<&dyn Blobs> = vec![&directory];
        stores.extend(&self.bytes);
        let (bytes, guard) = (Several(stores), guard.as_ref().map(|guard| guard as &dyn Guard));
        let (approved, outcome) = match first {
            None => {
                let progress = Progress::none();
                let outcome =
                    carry_out(session, approved, self.host, &directory, &bytes, progress, guard).await;
                (approved.clone(), outcome)
            }
            Some(first) => self.in_two_parts(first, held, &directory, &bytes, guard).await?,
        };
        let approved = &approved;
        let after = assess(&self.controls, self.host, &self.context, &Silent).await;
        let mut findings = fixed(&before.findings, after.findings, approved.plan());
        for finding in findings.iter_mut().filter(|finding| held.contains(&finding.control)) {
            hold(finding);
        }
        for finding in findings.iter().filter(|finding| finding.verdict == Verdict::Fixed) {
            session.events.emit(Kind::Found(Box::new(finding.clone())));
        }
        let mut document = self.judged(findings, "enforced");
        document.with_plan(approved.plan(), diffs);
        document.with_outcome(&outcome);
        document.run = Some(session.run.clone());
        document.finished = jiff::Timestamp::now().to_string();
        let text = format!("{}{}", document.text(false), guard::note(&outcome, approved.plan()));
        let folder = self.request.answers.report.folder.as_deref();
        keep_report(&session.global.data_dir, &directory, &document, &text, folder)?;
        output::result(session.global.output, &text, &document.json());
        Ok(exit_of(&outcome, &document.findings))
    }

    /// Packages first, then everything else planned anew against what they brought: one run, taken back as one.
    async fn in_two_parts(
        &self,
        first: Approved,
        held: &BTreeSet<ControlId>,
        directory: &RunDir,
        bytes: &dyn Blobs,
        guard: Option<&dyn Guard>,
    ) -> Result<(Approved, Outcome), Failure> {
        let session = self.session;
        let cancel = Cancel::default();
        let watcher = tokio::spawn(watch(cancel.clone()));
        let run = run_of(session, &first, self.host, directory, bytes, &cancel, guard);
        let progress = match enforce_first(&run, Progress::none()).await {
            Ok(progress) => progress,
            Err(outcome) => {
                watcher.abort();
                return Ok((first, outcome));
            }
        };
        let memory = MemoryBlobs::default();
        let seen = assess(&self.controls, self.host, &self.context, &Silent).await;
        if let Some(why) = self.unseen(&seen.findings) {
            watcher.abort();
            let outcome = take_back(&run, directory, &why).await?;
            return Ok((first, outcome));
        }
        let rest = match self.plan(&seen, held, &memory).await {
            Ok(rest) => self.refuse_undoing(&seen, &rest, &memory).await.map(|()| rest),
            unplanned => unplanned,
        };
        let whole = match rest {
            Ok(rest) => engine::extend(first.plan(), rest),
            // The packages are there all the same; what is left is told by the findings, and planned next time.
            Err(failure) => {
                output::warn(&format!("planning the rest failed: {}", failure.causes().join(": ")));
                first.plan().clone()
            }
        };
        let approval = first.approval().clone();
        let whole = whole.approve(approval).unwrap_or_else(|_| first.clone());
        write_plan(directory, &whole, &[&memory])?;
        let run = run_of(session, &whole, self.host, directory, bytes, &cancel, guard);
        let outcome = enforce(&run, progress).await;
        watcher.abort();
        Ok((whole, outcome))
    }

    /// Asks whoever may approve, or refuses.
    fn approver(
        &self,
        plan: &Plan,
        before: &Assessment,
        diffs: &[(String, String)],
    ) -> Result<String, Failure> {
        if let Some(path) = &self.approve.plan_in {
            planfile::check(path, plan)?;
        }
        let second = self.approve.approval.as_deref();
        let second = second_person::approval(self.session, &self.request, plan, second)?;
        let by = if self.approve.plan_in.is_some() {
            "--plan-in"
        } else if self.approve.yes {
            "--yes"
        } else if self.answers_approve {
            "answers"
        } else if plan.is_empty() {
            "nothing to approve"
        } else {
            let mut document = self.judged(before.findings.clone(), "planned");
            document.with_plan(plan, diffs);
            if !self.asks(&document, plan, diffs) {
                return Err(Failure::new(Exit::Usage, "the plan was not approved, so nothing was changed")
                    .hint("approve it with --yes, or store it with --plan-out FILE and approve that file")
                    .with(document));
            }
            "operator at the terminal"
        };
        Ok(second.map_or(by.to_owned(), |second| format!("{by}, and {second}")))
    }

    /// A diff for each control that demands something, made from its own demands alone.
    async fn diffs(&self, before: &Assessment, plan: &Plan) -> Result<Vec<(String, String)>, Failure> {
        let mut diffs = Vec::new();
        if plan.is_empty() {
            return Ok(diffs);
        }
        for finding in before.findings.iter().filter(|finding| finding.remedy) {
            let demands: Vec<_> = before.demands_of(&finding.control).cloned().collect();
            let memory = MemoryBlobs::default();
            let alone =
                engine::plan(&demands, self.host, &memory).await.map_err(|error| unplannable(&error))?;
            let mut stores: Vec<&dyn Blobs> = vec![&memory];
            stores.extend(&self.bytes);
            let stores = Several(stores);
            let mut text = String::new();
            for step in alone.steps() {
                text.push_str(&diff(&step.change, self.host, &stores).await);
            }
            diffs.push((finding.control.to_string(), text));
        }
        Ok(diffs)
    }

    /// Shows a plan and asks the operator at the terminal, if there is one.
    fn asks(&self, document: &Document, plan: &Plan, diffs: &[(String, String)]) -> bool {
        let asks = std::io::stdin().is_terminal();
        match self.session.global.output {
            Format::Text => self.print_plan(document, plan, diffs),
            // The one document is that of what becomes of the plan.
            Format::Json if asks => output::ask(&self.planned(document, plan, diffs)),
            Format::Json => {}
        }
        asks && ask()
    }

    fn judged(&self, findings: Vec<Finding>, outcome: &str) -> Document {
        let mut document = self.session.document();
        document.with_findings(self.earlier.iter().cloned().chain(findings).collect());
        document.outcome = outcome.to_owned();
        document.result = self.told.clone();
        document.finished = jiff::Timestamp::now().to_string();
        document
    }

    fn print_plan(&self, document: &Document, plan: &Plan, diffs: &[(String, String)]) {
        output::result(self.session.global.output, &self.planned(document, plan, diffs), &document.json());
    }

    fn planned(&self, document: &Document, plan: &Plan, diffs: &[(String, String)]) -> String {
        let text = format!("{}{}", text::findings(&document.findings, false), text::plan(plan, diffs));
        if guard::is_live(&self.request.answers) || plan.is_empty() {
            return text;
        }
        format!("{text}  on another root no daemon is told and no way into this machine closes\n")
    }

    /// Why there is no telling what would have to be done, when a vital control could not be checked.
    fn unseen(&self, findings: &[Finding]) -> Option<String> {
        let unchecked = |one: &&Finding| {
            matches!(one.verdict, Verdict::Unknown | Verdict::Error) && self.vital.contains(&one.control)
        };
        let first = findings.iter().find(unchecked)?;
        let count = findings.iter().filter(unchecked).count();
        Some(format!(
            "{count} controls of the product could not be checked, the first being {}: {}",
            first.control, first.actual
        ))
    }

    fn stopped(&self, findings: Vec<Finding>, why: &str) -> Exit {
        let document = self.judged(findings, "findings");
        let text = text::findings(&document.findings, false);
        output::result(self.session.global.output, &text, &document.json());
        output::say(&format!("{why}; nothing was changed"));
        Exit::Findings
    }
}

/// Takes back what this run has made so far.
async fn take_back(run: &Run<'_>, directory: &RunDir, why: &str) -> Result<Outcome, Failure> {
    let reading = || Failure::new(Exit::Error, "reading the journal to take the run back");
    let entries = directory.journal().map_err(|error| reading().because(&error))?;
    let replay = Replay::of(&entries).map_err(|error| reading().because(&error))?;
    engine::recover(run, &replay, why).await.ok_or_else(reading)
}

/// Approves a plan, as far as the approval goes.
fn approved(plan: Plan, approval: Approval) -> Result<Approved, Failure> {
    plan.approve(approval).map_err(|plan| {
        let count = plan.irreversible();
        Failure::new(Exit::Usage, format!("{count} changes cannot be taken back and are not approved"))
            .hint("approve them with --accept-irreversible")
    })
}

/// Says of a finding that still fails that it was left so for want of an approval.
fn hold(finding: &mut Finding) {
    if finding.verdict == Verdict::Fail {
        finding
            .mend
            .push_str("; it cannot be taken back, so groundfast does it with --accept-irreversible only");
    }
}

fn unplannable(error: &engine::PlanError) -> Failure {
    Failure::new(Exit::Error, "planning; nothing was changed")
        .because(error)
        .hint("leave one of the controls out with --skip ID --reason TEXT, or mend what is named")
}

fn ask() -> bool {
    output::ask("make these changes? [y/N]");
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer).is_ok() && matches!(answer.trim(), "y" | "Y" | "yes")
}

/// Whether a finding stops the run before its first change.
fn blocks(finding: &Finding) -> bool {
    finding.severity == Severity::Blocker && finding.verdict.is_finding()
}

/// What failed before, was changed, and holds now, is `fixed`.
fn fixed(before: &[Finding], after: Vec<Finding>, plan: &Plan) -> Vec<Finding> {
    let held: BTreeMap<&ControlId, Verdict> =
        before.iter().map(|finding| (&finding.control, finding.verdict)).collect();
    let changed = |id: &ControlId| plan.steps().any(|step| step.by.contains(id));
    after
        .into_iter()
        .map(|mut finding| {
            let failed = held.get(&finding.control).is_some_and(|verdict| verdict.is_finding());
            if failed && finding.verdict == Verdict::Pass && changed(&finding.control) {
                finding.verdict = Verdict::Fixed;
            }
            finding
        })
        .collect()
}

fn keep_report(
    data: &std::path::Path,
    directory: &RunDir,
    document: &Document,
    text: &str,
    folder: Option<&std::path::Path>,
) -> Result<(), Failure> {
    signing::keep_report(data, directory, document)?;
    folder.map_or(Ok(()), |folder| output::report(folder, document, text))
}
