//! `groundfast profile` and `groundfast explain`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::json;

use crate::cli::{Format, Global};
use crate::controls::catalogue;
use crate::failure::{Exit, Failure};
use crate::session::Session;
use crate::{output, tailoring};

/// List and check profiles.
#[derive(Debug, Subcommand)]
pub enum Profile {
    /// The profiles that can be assessed.
    List,
    /// Print the JSON Schema of a profile file.
    Schema,
    /// Check a profile file without a machine.
    Check {
        /// The file.
        file: PathBuf,
    },
}

/// Say what a control asks, why, how it is judged and how it would be mended.
#[derive(Debug, Args)]
pub struct Explain {
    /// The control, as `sysctl_net_ipv4_ip_forward` or `env.clock_offset`.
    control: String,
}

/// Runs `profile`.
///
/// # Errors
/// Exit 2 when a file is not valid.
pub async fn run(command: &Profile, global: &Global) -> Result<Exit, Failure> {
    let session = Session::new(global, "profile")?;
    let mut document = session.document();
    let text = match command {
        Profile::List => {
            let catalogue = catalogue(&[])?;
            let all: Vec<_> = catalogue.profiles().collect();
            let rows =
                all.iter().map(|one| json!({ "id": one.id, "title": one.title, "controls": one.controls }));
            let here = tailoring::here(&session, &catalogue).await;
            document.result = json!({ "profiles": rows.collect::<Vec<_>>(), "here": here });
            let mut text: String = all
                .iter()
                .map(|one| format!("{:<34} {:>4} controls  {}\n", one.id, one.controls, one.title))
                .collect();
            text.push_str(&here.map(|here| format!("\n{here}\n")).unwrap_or_default());
            text
        }
        Profile::Schema => {
            output::result(Format::Json, "", &profiles::schema());
            return Ok(Exit::Done);
        }
        Profile::Check { file } => {
            let checking = || Failure::new(Exit::Usage, format!("checking the profile {}", file.display()));
            let text = std::fs::read_to_string(file).map_err(|error| checking().because(&error))?;
            let name = file.display().to_string();
            catalogue(&[])?.with(&name, &text).map_err(|error| checking().because(&error))?;
            format!("{name} is valid\n")
        }
    };
    document.finished = jiff::Timestamp::now().to_string();
    output::result(global.output, &text, &document.json());
    Ok(Exit::Done)
}

/// Runs `explain`.
///
/// # Errors
/// Exit 2 when no profile knows the control.
pub fn explain(command: &Explain, global: &Global) -> Result<Exit, Failure> {
    let session = Session::new(global, "explain")?;
    let about = catalogue(&[])?.explain(&command.control).ok_or_else(|| {
        Failure::new(Exit::Usage, format!("no profile knows a control `{}`", command.control))
            .hint("`groundfast harden --profile NAME --plan --output json` lists all of a profile")
    })?;
    let refs: Vec<_> = about.references.iter().map(ToString::to_string).collect();
    let text = format!(
        "{} [{}]\n{}\n\nwhy:  {}\nmend: {}\nrefs: {}\n",
        about.id,
        about.severity,
        about.title,
        about.rationale,
        about.mend,
        refs.join(", ")
    );
    let mut document = session.document();
    document.result = serde_json::to_value(&about).unwrap_or_default();
    document.finished = jiff::Timestamp::now().to_string();
    output::result(global.output, &text, &document.json());
    Ok(Exit::Done)
}
