//! `groundfast harden`: a profile assessed, planned and enforced.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::Args;

use crate::answers::{Answers, Skip, Value};
use crate::cli::{Approve, Global, Select};
use crate::failure::{Exit, Failure};
use crate::run::converge::Job;
use crate::run::guard;
use crate::run::session::{Request, Session, files_only};
use crate::site::{controls, shelf, tailoring};

/// Assess a hardening profile, show what would change, and enforce it once approved.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  groundfast harden --profile cis-debian12-l1-server --plan
  groundfast harden --profile cis-debian12-l1-server --yes
  groundfast harden --profile cis-debian12-l1-server --root /mnt/image --yes
  groundfast harden --profile cis-debian12-l1-server --only cis:5.1 --set var_sshd_set_keepalive=1 --plan
  groundfast harden --profile cis-debian12-l1-server --skip service_cups_disabled --reason 'print server' -y")]
pub struct Harden {
    /// The profile; see `groundfast profile list`.
    #[arg(long, value_name = "NAME", required_unless_present = "answers")]
    profile: Option<String>,
    /// Answers with a `[harden]` section; flags win over it.
    #[arg(long, value_name = "FILE")]
    answers: Option<PathBuf>,
    /// Apply this tailoring besides those of the profile: its name, or a file (`*.toml`) with some.
    #[arg(long, value_name = "NAME|FILE")]
    tailoring: Vec<String>,
    /// Enforce the profile though it was written for another system.
    #[arg(long)]
    accept_foreign: bool,
    /// Harden an unpacked image or mounted disk instead of the running machine.
    #[arg(long, value_name = "DIR")]
    root: Option<PathBuf>,
    #[command(flatten)]
    select: Select,
    #[command(flatten)]
    approve: Approve,
}

/// Runs the command.
///
/// # Errors
/// As [`Job::run`], and when profile, answers or root are not valid.
pub async fn run(command: &Harden, global: &Global) -> Result<Exit, Failure> {
    let session = Session::new(global, "harden")?;
    let answers = answers(command)?;
    let root = answers.harden.root.clone().unwrap_or_else(|| PathBuf::from("/"));
    if !command.approve.plan {
        session.may_change(root == Path::new("/"))?;
    }
    let local = session.local(&root, false)?;
    let host = files_only(&local);
    let mut request =
        Request { command: "harden".to_owned(), answers: answers.clone(), ..Request::default() };
    tailoring::read(&mut request)?;
    let chosen = controls::chosen(&request)?;
    tailoring::suits(&session, &request, &chosen, command.approve.plan).await?;
    let controls = controls::harden_from(&chosen, &request)?;
    let context = session.context(&answers)?;
    controls::all_known(&request, &context)?;
    let job = Job {
        session: &session,
        context,
        told: tailoring::told(&request, &chosen)?,
        request,
        controls,
        host: &host,
        files: guard::is_live(&answers).then(|| local.source()),
        bytes: Vec::new(),
        texts: None,
        earlier: Vec::new(),
        locked: false,
        approve: &command.approve,
        answers_approve: command.answers.is_some(),
    };
    job.run().await
}

/// The answers with the flags laid over them.
fn answers(command: &Harden) -> Result<Answers, Failure> {
    let (by_path, by_name): (Vec<_>, Vec<_>) =
        command.select.set.iter().cloned().partition(|set| is_path(set));
    let mut answers = match &command.answers {
        Some(path) => Answers::load(path, &by_path)?,
        None => Answers::parse("version = 1", Path::new("--set"), &by_path)?,
    };
    let harden = &mut answers.harden;
    harden.accept_foreign |= command.accept_foreign;
    if !command.tailoring.is_empty() {
        harden.tailoring.get_or_insert_default().extend(command.tailoring.iter().cloned());
    }
    if let Some(profile) = &command.profile {
        harden.profile = Some(profile.clone());
    }
    if let Some(root) = &command.root {
        let absolute = std::path::absolute(root);
        let opening = || Failure::new(Exit::Usage, format!("--root {}", root.display()));
        harden.root = Some(absolute.map_err(|error| opening().because(&error))?);
    }
    answers.records.paths.extend(shelf::given(&command.select.waivers)?);
    let harden = &mut answers.harden;
    if command.approve.confirm_within.is_some() {
        harden.confirm_within = command.approve.confirm_within;
    }
    harden.only.extend(command.select.only.iter().cloned());
    harden.skip.extend(skips(&command.select));
    harden.set.extend(variables(&by_name)?);
    Ok(answers)
}

/// `section.key=value` is an answer, `name=value` a variable.
fn is_path(set: &str) -> bool {
    set.split_once('=').is_some_and(|(key, _)| key.contains('.'))
}

/// The controls that `--skip` leaves out.
pub fn skips(select: &Select) -> impl Iterator<Item = Skip> + '_ {
    let reason = select.reason.clone().unwrap_or_default();
    select.skip.iter().map(move |control| Skip { control: control.clone(), reason: reason.clone() })
}

/// Variables out of `NAME=VALUE`.
///
/// # Errors
/// Exit 2 when there is no `=`.
pub fn variables(set: &[String]) -> Result<BTreeMap<String, Value>, Failure> {
    set.iter()
        .map(|one| {
            let pair =
                one.split_once('=').map(|(name, value)| (name.to_owned(), Value::Text(value.to_owned())));
            pair.ok_or_else(|| Failure::new(Exit::Usage, format!("--set {one}: expected NAME=VALUE")))
        })
        .collect()
}
