//! The one way from controls to a changed machine: assess, plan, approve, enforce, look again.

use std::collections::{BTreeMap, BTreeSet};
use std::io::IsTerminal;

use engine::{
    Assessment, Cancel, Context, MemoryBlobs, Outcome, Progress, Several, assess, diff, enforce,
    enforce_first,
};
use host::RunDir;
use model::{
    Approval, Approved, Blobs, Control, ControlId, Demand, Finding, Guard, Host, Kind, Plan, Risk, Severity,
    Sink, StageKind, Verdict,
};

use crate::cli::Approve;
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

/// Everything one convergence works with.
pub struct Job<'j> {
    pub session: &'j Session<'j>,
    pub request: Request,
    pub controls: Vec<Box<dyn Control>>,
    /// What was found before, as by a preflight: reported, not judged again.
    pub earlier: Vec<Finding>,
    pub context: Context,
    pub host: &'j dyn Host,
    /// The files of the running machine, where the run may close a way into it.
    pub files: Option<&'j dyn syntax::Source>,
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
        if before.findings.iter().any(blocks) {
            return Ok(self.stopped(&self.judged(before.findings, "findings")));
        }
        let planned = MemoryBlobs::default();
        let plan =
            engine::plan(&before.demands, self.host, &planned).await.map_err(|error| unplannable(&error))?;
        let diffs = self.diffs(&before, &plan).await?;
        before.findings.extend(access::finding(self, &plan, &planned, sink).await);
        if self.approve.plan {
            let mut document = self.judged(before.findings, "planned");
            document.with_plan(&plan, &diffs);
            self.print_plan(&document, &plan, &diffs);
            return Ok(Exit::Done);
        }
        if let Some(path) = &self.approve.plan_out {
            planfile::store(path, &plan)?;
            output::say(&format!("the plan is in {}; enforce it with --plan-in", path.display()));
            return Ok(Exit::Done);
        }
        if before.findings.iter().any(blocks) {
            return Ok(self.stopped(&self.judged(before.findings, "findings")));
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
        let whole = match self.plan(&seen, held, &memory).await {
            Ok(rest) => engine::extend(first.plan(), rest),
            // The packages are there all the same; what is left is told by the findings, and planned next time.
            Err(failure) => {
                output::say(&format!("planning the rest failed: {}", failure.causes().join(": ")));
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
            self.print_plan(&document, plan, diffs);
            if !ask() {
                return Err(Failure::new(Exit::Usage, "the plan was not approved, so nothing was changed")
                    .hint("approve it with --yes, or store it with --plan-out FILE and approve that file"));
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

    fn judged(&self, findings: Vec<Finding>, outcome: &str) -> Document {
        let mut document = self.session.document();
        document.with_findings(self.earlier.iter().cloned().chain(findings).collect());
        document.outcome = outcome.to_owned();
        document.result = self.told.clone();
        document.finished = jiff::Timestamp::now().to_string();
        document
    }

    fn print_plan(&self, document: &Document, plan: &Plan, diffs: &[(String, String)]) {
        let text = format!("{}{}", text::findings(&document.findings, false), text::plan(plan, diffs));
        output::result(self.session.global.output, &text, &document.json());
    }

    fn stopped(&self, document: &Document) -> Exit {
        let text = text::findings(&document.findings, false);
        output::result(self.session.global.output, &text, &document.json());
        output::say("a blocker stopped the run; nothing was changed");
        Exit::Findings
    }
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
    if !std::io::stdin().is_terminal() {
        return false;
    }
    output::say("make these changes? [y/N]");
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
