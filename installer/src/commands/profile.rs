//! `groundfast profile`: which there are, what one asks, whether a file is valid.

use std::path::PathBuf;

use clap::Subcommand;
use model::Control;
use profiles::Tailoring;
use report::{Guide, Rule};
use serde_json::json;

use crate::cli::{Format, Global};
use crate::failure::{Exit, Failure};
use crate::output;
use crate::run::session::Session;
use crate::site::controls::catalogue;
use crate::site::tailoring;

/// List, show and check profiles.
#[derive(Debug, Subcommand)]
pub enum Profile {
    /// The profiles that can be assessed.
    #[command(after_help = "Examples:
  groundfast profile list
  groundfast profile list -o json | jq -r '.result.profiles[].id'")]
    List,
    /// Print the JSON Schema of a profile file.
    #[command(after_help = "Examples:
  groundfast profile schema > profile.schema.json")]
    Schema,
    /// Check a profile file without a machine.
    #[command(after_help = "Examples:
  groundfast profile check site.toml
Exit 2 when it is not valid: file, line, column, and what is allowed there.")]
    Check {
        /// The file.
        file: PathBuf,
    },
    /// The controls of a profile, one a line.
    #[command(after_help = "Examples:
  groundfast profile show cis-debian12-l2-server
  groundfast profile show environment -o json | jq -r '.result.rules[].id'")]
    Show {
        /// The profile; see `groundfast profile list`.
        name: String,
    },
    /// The hardening guide of a profile, in Markdown: what each control asks, why, how it is mended.
    #[command(after_help = "Examples:
  groundfast profile guide cis-debian12-l2-server > hardening.md")]
    Guide {
        /// The profile; see `groundfast profile list`.
        name: String,
    },
}

/// A profile with the controls that it selects, their variables at its values.
fn guide(name: &str) -> Result<Guide, Failure> {
    let selecting = || Failure::new(Exit::Usage, format!("selecting the controls of profile {name}"));
    let catalogue = catalogue(&[])?;
    let controls = catalogue
        .resolve(name, &Tailoring::default())
        .map_err(|error| selecting().because(&error).hint("`groundfast profile list` shows the profiles"))?;
    let title = catalogue.profiles().find(|profile| profile.id == name).map(|profile| profile.title);
    let rule = |control: &Box<dyn Control>| {
        let probe = catalogue.probe(control.id().as_str(), Some(name)).ok().flatten();
        let (judged, mended) =
            probe.map(|probe| (probe.works.judged, probe.works.mended)).unwrap_or_default();
        Rule::new(control.about(), judged, mended)
    };
    let rules = controls.iter().map(rule).collect();
    Ok(Guide { profile: name.to_owned(), title: title.unwrap_or_default(), rules })
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
        Profile::Show { name } => {
            let guide = guide(name)?;
            document.result = serde_json::to_value(&guide).unwrap_or_default();
            guide.list()
        }
        Profile::Guide { name } => {
            let guide = guide(name)?;
            document.result = serde_json::to_value(&guide).unwrap_or_default();
            let writing = || Failure::new(Exit::Error, format!("writing the guide of profile {name}"));
            guide.markdown().map_err(|error| writing().because(&error))?
        }
    };
    document.finished = jiff::Timestamp::now().to_string();
    output::result(global.output, &text, &document.json());
    Ok(Exit::Done)
}
