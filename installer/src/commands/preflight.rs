//! `groundfast preflight`: can this machine carry the product? Nothing is changed.

use std::path::{Path, PathBuf};

use clap::Args;
use engine::assess;
use model::{Kind, Sink};

use super::harden::{sets, skips, variables};
use crate::answers::Answers;
use crate::cli::{Global, Select};
use crate::failure::{Exit, Failure};
use crate::output;
use crate::run::session::{Request, Session, files_only};
use crate::site::{controls, declared, shelf};
use report::text;

/// Check whether this machine can carry the product, without changing anything.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  groundfast preflight
  groundfast preflight --answers answers.toml --output json
  groundfast preflight --set ntp_servers=10.0.0.1,10.0.0.2
  groundfast preflight --only requirement:4.1
  groundfast preflight --skip env.apparmor --reason 'SELinux site'")]
pub struct Preflight {
    /// Answers with `[site]` and `[preflight]` sections; flags win over them.
    #[arg(long, value_name = "FILE")]
    answers: Option<PathBuf>,
    /// Show every check, not only those that need somebody.
    #[arg(long)]
    all: bool,
    /// Look at an unpacked image or mounted disk; what only a running machine can tell comes out as `unknown`.
    #[arg(long, value_name = "DIR")]
    root: Option<PathBuf>,
    /// Accepted because other commands take it; a preflight never changes anything.
    #[arg(long, alias = "dry-run")]
    plan: bool,
    #[command(flatten)]
    select: Select,
}

/// Runs the command.
///
/// # Errors
/// When answers or variables are not valid.
pub async fn run(command: &Preflight, global: &Global) -> Result<Exit, Failure> {
    let session = Session::new(global, "preflight")?;
    let (by_path, by_name) = sets(&command.select.set);
    let mut answers = Answers::given(command.answers.as_deref(), &by_path)?;
    answers.preflight.set.extend(variables(&by_name)?);
    answers.preflight.skip.extend(skips(&command.select));
    answers.records.paths.extend(shelf::given(&command.select.waivers)?);
    let known = declared::variables(&answers, None, &global.data_dir);
    let request = Request { command: "preflight".to_owned(), answers, ..Request::default() };
    let controls = controls::preflight(&request, &known, &command.select.only)?;
    let context = session.context(&request.answers)?;
    controls::all_known(&request, &context)?;
    let root = command.root.as_deref().unwrap_or(Path::new("/"));
    let local = session.local(root, command.root.is_none())?;
    session.events.emit(Kind::Phase { name: "preflight".to_owned() });
    let assessment = assess(&controls, &files_only(&local), &context, &session.events).await;
    let mut document = session.document();
    let failed = assessment.open().next().is_some();
    document.outcome = if failed { "findings" } else { "passed" }.to_owned();
    document.with_findings(assessment.findings);
    document.finished = jiff::Timestamp::now().to_string();
    output::result(global.output, &text::findings(&document.findings, command.all), &document.json());
    Ok(if failed { Exit::Findings } else { Exit::Done })
}
