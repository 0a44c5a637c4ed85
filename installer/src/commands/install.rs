//! `groundfast install`: from one signed file to a running, checked site.

use std::path::{Path, PathBuf};

use bundle::{Bundle, Contents, Expectations, Store, Verified};
use clap::Args;
use engine::{Assessment, Context, assess};
use jiff::Timestamp;
use model::{Kind, Severity, Sink};

use super::bundle::failed;
use crate::answers::Answers;
use crate::cli::{Approve, Global};
use crate::failure::{Exit, Failure};
use crate::output::progress::Progress;
use crate::run::begin::{lock, refuse_interrupted};
use crate::run::converge::Job;
use crate::run::session::{Request, Session, files_only};
use crate::run::{boot, guard};
use crate::site::product::PLATFORM;
use crate::site::{Site, trust};
use crate::site::{controls, shelf, tailoring};
use crate::{history, output};
use report::text;

/// Verify a bundle, check this machine, harden it, inject secrets, bring the product up and watch it answer.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  groundfast install companyos-amd64-1.0.0.tar --answers answers.toml --plan
  groundfast install companyos-amd64-1.0.0.tar --answers answers.toml
  groundfast install companyos-amd64-1.0.0.tar --answers answers.toml --set harden.profile=cis-debian12-l1-server")]
pub struct Install {
    /// The bundle.
    file: PathBuf,
    /// The answers of this site; they approve what can be taken back.
    #[arg(long, value_name = "FILE")]
    answers: Option<PathBuf>,
    /// Override an answer by its path, as `section.key=value`.
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// Signed waivers and attestations: files, or folders of files.
    #[arg(long, value_name = "FILE|DIR")]
    waivers: Vec<PathBuf>,
    #[command(flatten)]
    approve: Approve,
}

/// Runs the command.
///
/// # Errors
/// Exit 4 when the bundle is refused, 3 when a blocker stopped the run, 1 and 2 as everywhere.
pub async fn run(command: &Install, global: &Global) -> Result<Exit, Failure> {
    let path = command.answers.as_ref().ok_or_else(|| {
        Failure::new(Exit::Usage, "install needs answers: the screen that asks for them does not exist yet")
            .hint("`groundfast answers init > answers.toml`, edit it, then --answers answers.toml")
    })?;
    let session = Session::new(global, "install")?;
    session.may_change(true)?;
    let mut answers = answers(command, path)?;
    let look_only = command.approve.plan;
    let lock = if look_only { None } else { Some(lock(&session)?) };
    refuse_interrupted(&session)?;
    let verified = verify(&session, &command.file, &answers)?;
    let contents = verified.contents().clone();
    // The publisher may ask for a second person; no answer takes that back.
    answers.approval.second_person |= contents.declarations.second_person;
    let mut request = Request {
        command: "install".to_owned(),
        answers,
        bundle: Some(contents.root),
        profiles: controls::texts(&contents, verified.blobs())?,
        ..Request::default()
    };
    tailoring::read(&mut request)?;
    let context = session.context(&request.answers)?;
    controls::all_known(&request, &context)?;
    let checked = preflight(&session, &request, &contents, &context).await?;
    if checked.findings.iter().any(|one| one.severity == Severity::Blocker && one.verdict.is_finding()) {
        return Ok(stopped(&session, checked));
    }
    let site = if look_only {
        Site::open(&session, &request)?.with_product(&session, &contents, Some(verified.blobs()))?
    } else {
        unpack(&session, &verified)?;
        Site::open(&session, &request)?.with_product(&session, &contents, None)?
    };
    let chosen = controls::chosen(&request)?;
    tailoring::suits(&session, &request, &chosen, look_only).await?;
    let backends = site.backends();
    let mut wanted = site.controls()?;
    wanted.extend(boot::controls(&request, global)?);
    let job = Job {
        session: &session,
        context,
        told: tailoring::told(&request, &chosen)?,
        controls: wanted,
        earlier: checked.findings,
        host: &backends,
        files: guard::is_live(&request.answers).then(|| site.files()),
        bytes: site.blobs(),
        texts: site.product().map(|product| &product.texts),
        approve: &command.approve,
        answers_approve: true,
        locked: lock.is_some(),
        request,
    };
    let exit = job.run().await?;
    if !look_only {
        site.forget_replaced(&session)?;
    }
    Ok(exit)
}

/// The answers with the flags laid over them.
fn answers(command: &Install, path: &Path) -> Result<Answers, Failure> {
    let mut answers = Answers::load(path, &command.set)?;
    answers.records.paths.extend(shelf::given(&command.waivers)?);
    if command.approve.confirm_within.is_some() {
        answers.harden.confirm_within = command.approve.confirm_within;
    }
    Ok(answers)
}

fn verify(session: &Session<'_>, file: &Path, answers: &Answers) -> Result<Bundle<Verified>, Failure> {
    session.events.emit(Kind::Phase { name: "verify".to_owned() });
    let trust = trust(session, answers)?;
    let expected = Expectations {
        product: answers.bundle.product.clone(),
        channel: answers.bundle.channel.clone(),
        platform: Some(PLATFORM.to_owned()),
        installer: env!("CARGO_PKG_VERSION").parse().ok(),
        installed: history::installed(&session.runs)?,
    };
    let store = Store::at(&session.global.data_dir.join("store"));
    let opened = Bundle::open(file)
        .and_then(|bundle| bundle.verify(&trust, &expected, Some(&store), Timestamp::now()));
    let verified = opened
        .map_err(|error| failed(&format!("cannot verify {}; nothing was changed", file.display()), &error));
    session.events.emit(Kind::PhaseEnded { name: "verify".to_owned(), ok: verified.is_ok() });
    verified
}

/// Checks the running machine against what the bundle declares.
async fn preflight(
    session: &Session<'_>,
    request: &Request,
    contents: &Contents,
    context: &Context,
) -> Result<Assessment, Failure> {
    session.events.emit(Kind::Phase { name: "preflight".to_owned() });
    let declared = controls::declared(&request.answers, Some(contents), &session.global.data_dir);
    let controls = controls::preflight(request, &declared)?;
    let local = session.local(Path::new("/"), true)?;
    Ok(assess(&controls, &files_only(&local), context, &session.events).await)
}

fn stopped(session: &Session<'_>, checked: Assessment) -> Exit {
    let mut document = session.document();
    document.outcome = "findings".to_owned();
    document.with_findings(checked.findings);
    document.finished = Timestamp::now().to_string();
    output::result(session.global.output, &text::findings(&document.findings, false), &document.json());
    output::say(
        "a blocker stopped the run; nothing was changed. Mend it, or waive it in the answers with owner, reason and expiry",
    );
    Exit::Findings
}

/// Brings the blobs that the store lacks into it, each checked on the way.
fn unpack(session: &Session<'_>, verified: &Bundle<Verified>) -> Result<(), Failure> {
    session.events.emit(Kind::Phase { name: "unpack".to_owned() });
    let progress = Progress::new(session.global.no_progress);
    let unpacked = Store::open(&session.global.data_dir.join("store"))
        .and_then(|store| verified.unpack(&store, Timestamp::now(), &progress));
    unpacked.map(drop).map_err(|error| failed("cannot unpack the bundle into the store", &error))
}
