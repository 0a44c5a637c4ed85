//! After a start of the machine: secrets injected again, images and policy verified, then the stack.
//!
//! The unit that calls `groundfast recover --boot` is itself a demand of the install, so it is planned,
//! pinned and taken back like everything else.

use std::path::Path;
use std::time::Duration;

use engine::{Context, Outcome};
use model::{About, Control, ControlId, Severity};

use crate::cli::{Approve, Global};
use crate::commands::resume::{finish, show_taking_back, take_back};
use crate::failure::{Exit, Failure};
use crate::history::{self, Past};
use crate::output;
use crate::run::converge::Job;
use crate::run::guard;
use crate::run::session::{Request, Session};
use crate::run::units::{self, Unit};
use crate::site::Site;
use crate::site::shelf;
use crate::site::tailoring;

const UNIT: Unit = Unit { name: "groundfast-recover.service", wanted_by: "multi-user.target" };

/// Brings the site of the last install in force back, or shows what that would change.
///
/// # Errors
/// When nothing was installed, its bundle is damaged, or the stack does not come up.
pub async fn recover(session: &Session<'_>, only_plan: bool) -> Result<Exit, Failure> {
    // Power may have been lost in the middle of a run: what is not finished is taken back first.
    if let Some(past) = unfinished(session)? {
        if only_plan {
            return show_taking_back(session, &past).await;
        }
        let (name, why) = (past.name.clone(), "the run was interrupted, or not confirmed, before this start");
        let outcome = take_back(session, &past, why).await?;
        if matches!(outcome, Outcome::Stranded { .. }) {
            return finish(session, &past, &outcome);
        }
        output::say(&format!("⚠ run {name} was not finished and has been taken back"));
    }
    let past = history::in_force(history::all(&session.runs)?);
    let last = past.iter().rfind(|past| past.request.bundle.is_some()).ok_or_else(|| {
        Failure::new(Exit::Error, "no product is installed here, so there is nothing to bring back")
    })?;
    let request = Request { command: "recover".to_owned(), ..last.request.clone() };
    let site = Site::with_bundle(session, &request)?;
    let backends = site.backends();
    // A key that cannot be read must not keep the site down: then no decision counts, and it is said.
    let context = session.context(&request.answers).unwrap_or_else(|failure| {
        output::say(&format!("⚠ {}: signed records do not count now", failure.summary()));
        Context { today: shelf::today(), ..Context::default() }
    });
    let approve = Approve { yes: true, plan: only_plan, ..Approve::default() };
    let job = Job {
        session,
        context,
        controls: site.product().map(|product| product.controls()).unwrap_or_default(),
        earlier: Vec::new(),
        host: &backends,
        files: None,
        bytes: site.blobs(),
        texts: site.product().map(|product| &product.texts),
        approve: &approve,
        answers_approve: true,
        told: tailoring::told(&request, &crate::site::controls::chosen(&request)?)?,
        locked: true,
        request: request.clone(),
    };
    let exit = job.run().await?;
    if !only_plan {
        site.forget_replaced(session)?;
    }
    Ok(exit)
}

/// The last run, when it was cut short, or nobody confirmed it before the machine was started again.
fn unfinished(session: &Session<'_>) -> Result<Option<Past>, Failure> {
    let over = |past: &Past| {
        past.replay.armed.as_ref().is_some_and(|until| guard::left(until) == Some(Duration::ZERO))
    };
    let last = history::latest(&session.runs)?;
    Ok(last.filter(|past| past.is_interrupted() || past.is_awaiting() && over(past)))
}

/// The controls that the unit is there and enabled, where the target has systemd.
///
/// # Errors
/// When the path of this program or of the data directory cannot be told.
pub fn controls(request: &Request, global: &Global) -> Result<Vec<Box<dyn Control>>, Failure> {
    let root = request.answers.harden.root.clone().unwrap_or_else(|| "/".into());
    if !root.join("etc/systemd/system").is_dir() {
        return Ok(Vec::new());
    }
    let text = text(&units::program()?, &units::place(&global.data_dir)?);
    let about = |id: &str, title: &str, mend: &str| About {
        id: ControlId::new(id),
        title: title.to_owned(),
        severity: Severity::High,
        references: Vec::new(),
        rationale: "Secrets are gone after a start of the machine; the stack must not run without them."
            .to_owned(),
        mend: mend.to_owned(),
    };
    let unit_about = about(
        "boot.unit",
        "The unit that brings the site back after a start is in place",
        "groundfast install",
    );
    let link_about =
        about("boot.enabled", "That unit is enabled", "systemctl enable groundfast-recover.service");
    Ok(vec![UNIT.holds(unit_about, text), UNIT.enabled(link_about)])
}

fn text(program: &Path, data: &Path) -> String {
    format!(
        "# Made by groundfast. Secrets live in memory only, so they are injected anew before the stack may run.\n\
         [Unit]\n\
         Description=Bring the site back: secrets, verification, stack\n\
         After=docker.service containerd.service network-online.target\n\
         Wants=network-online.target\n\
         ConditionPathIsDirectory={folder}\n\n\
         [Service]\n\
         Type=oneshot\n\
         RemainAfterExit=yes\n\
         ExecStart={program} recover --boot --no-progress --data-dir {data}\n\n\
         [Install]\n\
         WantedBy=multi-user.target\n",
        folder = units::plain(data),
        program = units::word(program),
        data = units::word(data),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_unit_calls_one_command_and_nothing_else() {
        let text = text(Path::new("/usr/local/bin/groundfast"), Path::new("/var/lib/groundfast"));
        let starts: Vec<_> = text.lines().filter(|line| line.starts_with("Exec")).collect();
        assert_eq!(
            starts,
            [
                "ExecStart=\"/usr/local/bin/groundfast\" recover --boot --no-progress --data-dir \"/var/lib/groundfast\""
            ]
        );
        assert!(text.contains("[Install]\nWantedBy=multi-user.target\n"));
    }
}
