//! `groundfast explain`: what a control asks, why, how it comes out on this machine, what would mend it.

use std::path::{Path, PathBuf};

use clap::Args;
use engine::{MemoryBlobs, assess, diff};
use host::Local;
use model::{About, Fact, Finding, Observe, Plan, Resource, State};
use profiles::{Catalogue, ProbeView};
use serde_json::{Value, json};

use super::harden::variables;
use crate::answers::{Answers, Value as AnswerValue};
use crate::cli::Global;
use crate::failure::{Exit, Failure};
use crate::output;
use crate::output::events::Silent;
use crate::run::session::{Request, Session, files_only};
use crate::site::controls::{self, catalogue};
use crate::site::tailoring::System;
use report::text;

/// Say what a control asks, why, how it is judged, how it comes out on this machine, and what would mend it.
///
/// Nothing is changed.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  groundfast explain sshd_set_max_auth_tries
  groundfast explain env.clock_offset --set ntp_servers=10.0.0.1
  groundfast explain cis:5.1.7 --profile cis-debian12-l2-server
  groundfast explain file_permissions_etc_shadow --root /mnt/image -o json
Exit 0 whatever the verdict: it explains, it does not check.")]
pub struct Explain {
    /// The control, as `sysctl_net_ipv4_ip_forward` or `env.clock_offset`, or its place in a standard, as `cis:5.1.7`.
    control: String,
    /// Judge it with the values of this profile; without it, of the one that fits the system.
    #[arg(long, value_name = "NAME")]
    profile: Option<String>,
    /// Judge it on an unpacked image or mounted disk instead of the running machine.
    #[arg(long, value_name = "DIR")]
    root: Option<PathBuf>,
    /// Set a variable of the profile, as `NAME=VALUE`.
    #[arg(long, value_name = "NAME=VALUE")]
    set: Vec<String>,
}

/// How a control came out on a machine.
struct Here {
    profile: String,
    about: About,
    findings: Vec<Finding>,
    plan: Plan,
    diffs: Vec<(String, String)>,
}

/// Runs the command.
///
/// # Errors
/// Exit 2 when no profile knows the control, or a value is not allowed.
pub async fn run(command: &Explain, global: &Global) -> Result<Exit, Failure> {
    let session = Session::new(global, "explain")?;
    let catalogue = catalogue(&[])?;
    let control = meant(command, &catalogue)?;
    let about = catalogue.explain(&control).ok_or_else(|| unknown(&control, &catalogue))?;
    let profiles = catalogue.profiles_with(&control);
    let here = judge(command, &control, &session, &catalogue, &profiles).await;
    let here = match here {
        Err(failure) if failure.exit() == Exit::Usage => return Err(failure),
        here => here,
    };
    let mut document = session.document();
    let shown = here.as_ref().map_or(&about, |here| &here.about);
    let profile = here.as_ref().map(|here| here.profile.as_str()).ok().or(command.profile.as_deref());
    let probe = catalogue.probe(&control, profile.or(profiles.first().map(String::as_str))).ok().flatten();
    document.result = serde_json::to_value(shown).unwrap_or_default();
    document.result["profiles"] = json!(profiles);
    document.result["probe"] = probe.as_ref().map(judging).unwrap_or_default();
    match &here {
        Ok(here) => {
            document.result["profile"] = here.profile.clone().into();
            document.with_findings(here.findings.clone());
            document.with_plan(&here.plan, &here.diffs);
        }
        Err(failure) => document.result["unread"] = Value::from(failure.summary()),
    }
    document.finished = jiff::Timestamp::now().to_string();
    output::result(global.output, &text(shown, probe.as_ref(), &profiles, &here), &document.json());
    Ok(Exit::Done)
}

/// Judges the one control on the machine, and plans what it demands.
async fn judge(
    command: &Explain,
    id: &str,
    session: &Session<'_>,
    catalogue: &Catalogue,
    profiles: &[String],
) -> Result<Here, Failure> {
    let root = command.root.clone().unwrap_or_else(|| PathBuf::from("/"));
    let local = session.local(&root, command.root.is_none())?;
    let profile = match &command.profile {
        Some(profile) => profile.clone(),
        None => fitting(&local, catalogue, profiles).await?,
    };
    let answers = answers(command, id, session, &profile)?;
    let request = Request { command: "explain".to_owned(), answers: answers.clone(), ..Request::default() };
    let controls = controls::harden(&request)?;
    let Some(control) = controls.first() else {
        let why = format!("profile {profile} does not select `{id}`");
        return Err(Failure::new(Exit::Usage, why).hint(format!("these do: {}", profiles.join(", "))));
    };
    let host = files_only(&local);
    let found = assess(&controls, &host, &session.context(&answers)?, &Silent).await;
    let bytes = MemoryBlobs::default();
    let planning = || Failure::new(Exit::Error, "planning what would mend it");
    let plan = engine::plan(&found.demands, &host, &bytes).await;
    let plan = plan.map_err(|error| planning().because(&error))?;
    let mut diffs = Vec::new();
    for step in plan.steps() {
        diffs.push(diff(&step.change, &host, &bytes).await);
    }
    let diffs = if diffs.is_empty() { Vec::new() } else { vec![(id.to_owned(), diffs.concat())] };
    Ok(Here { profile, about: control.about().clone(), findings: found.findings, plan, diffs })
}

/// The answers that select this one control of a profile, with what is known of the site.
fn answers(command: &Explain, id: &str, session: &Session<'_>, profile: &str) -> Result<Answers, Failure> {
    let mut answers = Answers::parse("version = 1", Path::new("--set"), &[])?;
    let known = controls::declared(&answers, None, &session.global.data_dir);
    answers.harden.set = known.into_iter().map(|(name, value)| (name, AnswerValue::Text(value))).collect();
    answers.harden.set.extend(variables(&command.set)?);
    answers.harden.only = vec![id.to_owned()];
    answers.harden.profile = Some(profile.to_owned());
    Ok(answers)
}

/// The first of some profiles that is written for the system, or for any system.
async fn fitting(local: &Local, catalogue: &Catalogue, profiles: &[String]) -> Result<String, Failure> {
    let seen = local.observe(&[Resource::Fact(Fact::Distribution)]).await.pop();
    let System { id, version, .. } = System::of(&seen.and_then(Result::ok).unwrap_or(State::Absent));
    let fits = |profile: &&String| match catalogue.benchmark(profile) {
        Ok(Some(benchmark)) => benchmark.is_for(&id, &version),
        Ok(None) => true,
        Err(_) => false,
    };
    profiles.iter().find(fits).cloned().ok_or_else(|| {
        let system = if id.is_empty() { "this system".to_owned() } else { format!("{id} {version}") };
        Failure::new(
            Exit::Error,
            format!("none of its profiles is written for {system}; name one with --profile"),
        )
    })
}

/// The control that is meant by a name, or by a place in a standard.
fn meant(command: &Explain, catalogue: &Catalogue) -> Result<String, Failure> {
    let named = &command.control;
    if !named.contains(':') {
        return Ok(named.clone());
    }
    let looking = || Failure::new(Exit::Usage, format!("looking for the control of {named}"));
    let found = catalogue.referenced(named, command.profile.as_deref());
    let found: Vec<_> = found.map_err(|error| looking().because(&error))?.into_iter().collect();
    match found.as_slice() {
        [] => Err(looking().hint("`groundfast profile show NAME` lists the controls of a profile")),
        [one] => Ok(one.clone()),
        several => Err(Failure::new(Exit::Usage, format!("{named} is more than one control"))
            .hint(format!("name one of them: {}", several.join(", ")))),
    }
}

/// That nobody knows a control, with what was probably meant.
fn unknown(control: &str, catalogue: &Catalogue) -> Failure {
    let failure = Failure::new(Exit::Usage, format!("no profile knows a control `{control}`"));
    match (catalogue.present(control), catalogue.nearest(control).as_slice()) {
        (Err(renamed), _) => failure.because(&renamed),
        (Ok(()), []) => failure.hint("`groundfast profile show NAME` lists the controls of a profile"),
        (Ok(()), like) => failure.hint(format!("did you mean {}?", like.join(", "))),
    }
}

/// How a control is judged, as a document says it.
fn judging(probe: &ProbeView) -> Value {
    json!({
        "kind": probe.kind, "judged": probe.works.judged, "mended": probe.works.mended,
        "when": probe.when, "looks_at": probe.looks_at,
    })
}

/// The lines on one control; those without a value are left out.
fn text(
    about: &About,
    probe: Option<&ProbeView>,
    profiles: &[String],
    here: &Result<Here, Failure>,
) -> String {
    let refs: Vec<_> = about.references.iter().map(ToString::to_string).collect();
    let of_probe = |told: fn(&ProbeView) -> String| probe.map(told).unwrap_or_default();
    let lines = [
        ("why", about.rationale.clone()),
        (
            "judged",
            of_probe(|probe| format!("{} (kind `{}`)", probe.works.judged.replace("**", ""), probe.kind)),
        ),
        ("looks at", of_probe(|probe| probe.looks_at.join(", "))),
        ("only where", of_probe(|probe| probe.when.join(", and "))),
        ("mended", of_probe(|probe| probe.works.mended.to_owned())),
        ("by hand", about.mend.clone()),
        ("references", refs.join(", ")),
        ("profiles", if profiles.is_empty() { "none".to_owned() } else { profiles.join(", ") }),
    ];
    let mut text = format!("{} [{}]\n{}\n\n", about.id, about.severity, about.title);
    for (name, value) in lines.iter().filter(|(_, value)| !value.is_empty()) {
        text.push_str(&format!("{:<12}{value}\n", format!("{name}:")));
    }
    text.push('\n');
    match here {
        Err(failure) => {
            text.push_str(&format!("here: not judged: {}\n", failure.summary()));
            failure.causes().iter().for_each(|cause| text.push_str(&format!("  because: {cause}\n")));
        }
        Ok(here) => {
            text.push_str(&format!("here, by profile {}:\n", here.profile));
            for finding in &here.findings {
                text.push_str(&text::explained(finding));
            }
            if !here.plan.is_empty() {
                text.push_str(&format!("what would mend it:\n{}", text::plan(&here.plan, &here.diffs)));
            }
        }
    }
    text
}
