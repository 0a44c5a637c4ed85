//! `groundfast preflight`: can this machine carry the product? Nothing is changed.

use std::path::{Path, PathBuf};

use clap::Args;
use engine::assess;
use model::{Kind, Sink};

use super::harden::{skips, variables};
use crate::answers::Answers;
use crate::cli::{Global, Select};
use crate::failure::{Exit, Failure};
use crate::output;
use crate::run::session::{Request, Session, files_only};
use crate::site::{controls, shelf};
use report::text;

/// Check whether this machine can carry the product, without changing anything.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  groundfast preflight
  groundfast preflight --answers answers.toml --output json
  groundfast preflight --set ntp_servers=10.0.0.1,10.0.0.2
  groundfast preflight --skip env.apparmor --reason 'SELinux site'")]
pub struct Preflight {
    /// Answers with `[site]` and `[preflight]` sections; flags win over them.
    #[arg(long, value_name = "FILE")]
    answers: Option<PathBuf>,
    /// Show every check, not only those that need somebody.
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    select: Select,
}

/// Runs the command.
///
/// # Errors
/// When answers or variables are not valid.
pub async fn run(command: &Preflight, global: &Global) -> Result<Exit, Failure> {
    let session = Session::new(global, "preflight")?;
    let mut answers = match &command.answers {
        Some(path) => Answers::load(path, &[])?,
        None => Answers::parse("version = 1", Path::new("--set"), &[])?,
    };
    answers.preflight.set.extend(variables(&command.select.set)?);
    answers.preflight.skip.extend(skips(&command.select));
    answers.records.paths.extend(shelf::given(&command.select.waivers)?);
    let declared = controls::declared(&answers, None, &global.data_dir);
    let request = Request { command: "preflight".to_owned(), answers, ..Request::default() };
    let mut controls = controls::preflight(&request, &declared)?;
    if !command.select.only.is_empty() {
        let wanted = |id: &str| command.select.only.iter().any(|only| only == id);
        controls.retain(|control| wanted(control.id().as_str()));
    }
    let context = session.context(&request.answers)?;
    controls::all_known(&request, &context)?;
    let local = session.local(Path::new("/"), true)?;
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
