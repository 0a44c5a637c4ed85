//! `groundfast drift --schedule`: a timer of systemd that looks for drift, put into place like everything else.

use std::path::{Path, PathBuf};

use clap::Args;
use model::{About, Control, ControlId, Severity, Unread};
use serde_json::{Value, json};

use crate::answers::Answers;
use crate::cli::{Approve, Global};
use crate::failure::{Exit, Failure};
use crate::history;
use crate::run::converge::Job;
use crate::run::session::{Request, Session, files_only};
use crate::run::units::{self, Unit};

const SERVICE: Unit = Unit { name: "groundfast-drift.service", wanted_by: "timers.target" };
const TIMER: Unit = Unit { name: "groundfast-drift.timer", wanted_by: "timers.target" };

/// What `drift` is told about its schedule.
#[derive(Debug, Args)]
pub struct Schedule {
    /// Look for drift by a timer of systemd, as `daily`, `hourly` or `Mon..Fri 04:00` (systemd.time(7)).
    #[arg(
        long,
        value_name = "CALENDAR",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "daily",
        conflicts_with = "unschedule",
        group = "scheduling"
    )]
    schedule: Option<String>,
    /// Take that timer away.
    #[arg(long, group = "scheduling")]
    unschedule: bool,
    /// Write the timer into an unpacked image or mounted disk instead; it begins at the start of that machine.
    #[arg(long, value_name = "DIR", requires = "scheduling")]
    root: Option<PathBuf>,
    #[command(flatten)]
    approve: Approve,
}

impl Schedule {
    /// Whether the schedule is to be changed at all.
    pub fn is_asked(&self) -> bool {
        self.schedule.is_some() || self.unschedule
    }

    /// Refuses approvals where there is nothing to approve.
    ///
    /// # Errors
    /// Exit 2, naming what they belong to.
    pub fn refuse_approval(&self) -> Result<(), Failure> {
        let Approve { plan, plan_out, plan_in, approval, yes, accept_irreversible, confirm_within } =
            &self.approve;
        let files = plan_out.is_some() || plan_in.is_some() || approval.is_some();
        if *plan || files || *yes || *accept_irreversible || confirm_within.is_some() {
            return Err(Failure::new(Exit::Usage, "`groundfast drift` changes nothing, so there is no plan")
                .hint("plans and approvals belong to --schedule and --unschedule"));
        }
        Ok(())
    }
}

/// Puts the timer into place, or takes it away. `answers` brings new `[alerts]` along.
///
/// # Errors
/// As [`Job::run`]; exit 2 when the calendar is none, 1 where there is no systemd.
pub async fn run(command: &Schedule, answers: Option<&Answers>, global: &Global) -> Result<Exit, Failure> {
    let session = Session::new(global, "drift")?;
    let request = request(command, answers, &session)?;
    let root = request.answers.harden.root.clone().unwrap_or_else(|| PathBuf::from("/"));
    let live = root == Path::new("/");
    if !command.approve.plan {
        session.may_change(live)?;
    }
    if !root.join("etc/systemd/system").is_dir() {
        return Err(Failure::new(
            Exit::Error,
            format!("{} has no systemd to keep a schedule", root.display()),
        )
        .hint("have cron or the like call `groundfast drift --no-progress`"));
    }
    let running = live && Path::new("/run/systemd/system").is_dir();
    let controls = match &command.schedule {
        Some(calendar) => {
            check(calendar).await?;
            scheduled(calendar, &units::program()?, &units::place(&global.data_dir)?, running)
        }
        None => unscheduled(running),
    };
    let local = session.local(&root, false)?;
    let job = Job {
        session: &session,
        context: session.context(&request.answers)?,
        told: json!({ "schedule": command.schedule }),
        request,
        controls,
        host: &files_only(&local),
        files: None,
        bytes: Vec::new(),
        texts: None,
        earlier: Vec::new(),
        locked: false,
        approve: &command.approve,
        answers_approve: answers.is_some(),
    };
    job.run().await
}

/// The request of the last run in force, so that drift goes on to look at what that left; with what is new.
fn request(command: &Schedule, answers: Option<&Answers>, session: &Session<'_>) -> Result<Request, Failure> {
    let past = history::in_force(history::all(&session.runs)?);
    let fresh = || Request { answers: Answers { version: 1, ..Answers::default() }, ..Request::default() };
    let mut request = past.last().map_or_else(fresh, |past| past.request.clone());
    request.command = "drift --schedule".to_owned();
    // The report there is that of the run itself.
    request.answers.report.folder = None;
    if let Some(alerts) = answers.and_then(|answers| answers.alerts.clone()) {
        request.answers.alerts = Some(alerts);
    }
    if let Some(root) = command.root.as_deref().map(units::place).transpose()? {
        let slash = || PathBuf::from("/");
        let known = past.last().map(|past| past.request.answers.harden.root.clone().unwrap_or_else(slash));
        if let Some(known) = known.filter(|known| *known != root) {
            let what = format!("--root {}: the runs in force are about {}", root.display(), known.display());
            return Err(Failure::new(Exit::Usage, what).hint("give each root a --data-dir of its own"));
        }
        request.answers.harden.root = Some(root);
    }
    Ok(request)
}

async fn check(calendar: &str) -> Result<(), Failure> {
    host::check_calendar(calendar).await.map_err(|unread| {
        let what = format!("--schedule={calendar}");
        match &unread {
            Unread::Malformed(_) => Failure::new(Exit::Usage, format!("{what} is no calendar of systemd"))
                .because(&unread)
                .hint("as `daily`, `hourly`, `Mon..Fri 04:00`; see systemd.time(7)"),
            _ => Failure::new(Exit::Error, format!("{what} cannot be checked here"))
                .because(&unread)
                .hint("`hourly`, `daily`, `weekly` and `monthly` need no check"),
        }
    })
}

fn about(id: &str, title: &str, mend: &str) -> About {
    About {
        id: ControlId::new(id),
        title: title.to_owned(),
        severity: Severity::Medium,
        references: Vec::new(),
        rationale: "What nobody looks for is not found: a change of the machine is to be seen within a day."
            .to_owned(),
        mend: mend.to_owned(),
    }
}

fn scheduled(calendar: &str, program: &Path, data: &Path, running: bool) -> Vec<Box<dyn Control>> {
    let again = format!("groundfast drift --schedule='{calendar}'");
    let service = about("drift.service", "The service that looks for drift is in place", &again);
    let timer = about("drift.timer", "The timer that calls it is in place", &again);
    let enabled = about("drift.enabled", "That timer is enabled", "systemctl enable groundfast-drift.timer");
    let mut controls = vec![
        SERVICE.holds(service, service_text(program, data)),
        TIMER.holds(timer, timer_text(calendar)),
        TIMER.enabled(enabled),
    ];
    if running {
        let active = about("drift.active", "That timer runs", "systemctl start groundfast-drift.timer");
        controls.push(TIMER.active(active, true));
    }
    controls
}

fn unscheduled(running: bool) -> Vec<Box<dyn Control>> {
    let mend = "groundfast drift --unschedule";
    let mut controls = vec![
        TIMER.gone(about("drift.timer", "No timer looks for drift", mend)),
        SERVICE.gone(about("drift.service", "No service looks for drift", mend)),
    ];
    if running {
        controls.push(TIMER.active(about("drift.active", "No such timer runs", mend), false));
    }
    controls
}

/// The service. It is shut in only as far as the look still sees the machine as it is: everything that would give it
/// mounts, devices, users or a network of its own is left out, for those are what it judges. Drift fails it (exit 3),
/// so that whatever watches for failed units sees drift, with no alert configured.
fn service_text(program: &Path, data: &Path) -> String {
    format!(
        "# Made by `groundfast drift --schedule`; `groundfast drift --unschedule` takes it away.\n\
         [Unit]\n\
         Description=Look for drift from what Groundfast left\n\
         After=network-online.target docker.service groundfast-recover.service\n\
         Wants=network-online.target\n\
         ConditionPathIsDirectory={folder}\n\n\
         [Service]\n\
         # Exit 3 is drift. It fails this unit on purpose: `systemctl --failed` shows it, OnFailure= can act on it.\n\
         Type=oneshot\n\
         ExecStart={program} drift --no-progress --data-dir {data}\n\
         TimeoutStartSec=1h\n\
         UMask=0077\n\
         Nice=10\n\
         IOSchedulingPriority=7\n\
         # No mounts, devices, users or network of its own: they are what is looked at.\n\
         NoNewPrivileges=yes\n\
         RestrictSUIDSGID=yes\n\
         RestrictNamespaces=yes\n\
         RestrictRealtime=yes\n\
         RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK\n\
         LockPersonality=yes\n\
         MemoryDenyWriteExecute=yes\n",
        folder = units::plain(data),
        program = units::word(program),
        data = units::word(data),
    )
}

/// The timer. Words such as `daily` mean "some time then", and many machines are not to begin at once; whoever names
/// an hour means it.
fn timer_text(calendar: &str) -> String {
    let delay = match calendar {
        "minutely" => "0",
        "hourly" => "10min",
        word if word.bytes().all(|byte| byte.is_ascii_lowercase()) => "1h",
        _ => "0",
    };
    format!(
        "# Made by `groundfast drift --schedule`; `groundfast drift --unschedule` takes it away.\n\
         [Unit]\n\
         Description=Look for drift on schedule\n\n\
         [Timer]\n\
         OnCalendar={calendar}\n\
         RandomizedDelaySec={delay}\n\
         AccuracySec=1s\n\
         # A machine that was off then looks when it is on again.\n\
         Persistent=yes\n\n\
         [Install]\n\
         WantedBy=timers.target\n",
        calendar = calendar.replace('%', "%%"),
    )
}

/// What the machine keeps of the schedule: text for people, and the same as JSON. Nothing when there is none.
///
/// # Errors
/// When the root of the site cannot be opened.
pub async fn status(session: &Session<'_>, root: &Path) -> Result<(String, Value), Failure> {
    let local = session.local(root, false)?;
    let files = local.source();
    let none = Ok((String::new(), Value::Null));
    let (Ok(timer), Ok(link)) = (TIMER.path().parse(), TIMER.link().parse()) else { return none };
    let Ok(Some(text)) = files.text(&timer) else { return none };
    let calendar = text.lines().find_map(|line| line.strip_prefix("OnCalendar=")).unwrap_or("?");
    let enabled = matches!(files.link(&link), Ok(Some(_)));
    let live = root == Path::new("/");
    let next = if live { host::next_elapse(TIMER.name).await.ok().flatten() } else { None };
    let due = match (next, enabled) {
        (Some(next), _) => format!("next at {next}"),
        (None, false) => "but its timer is not enabled".to_owned(),
        (None, true) if live => "but its timer does not run now".to_owned(),
        (None, true) => format!("from the next start of the machine in {} on", root.display()),
    };
    let told = json!({ "calendar": calendar, "enabled": enabled, "next": next.map(|next| next.to_string()) });
    Ok((format!("drift is looked for on schedule ({calendar}), {due}\n"), told))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_service_calls_one_command_and_sees_the_machine_as_it_is() {
        let text = service_text(Path::new("/usr/local/bin/groundfast"), Path::new("/var/lib/groundfast"));
        let starts: Vec<_> = text.lines().filter(|line| line.starts_with("Exec")).collect();
        assert_eq!(
            starts,
            [
                "ExecStart=\"/usr/local/bin/groundfast\" drift --no-progress --data-dir \"/var/lib/groundfast\""
            ]
        );
        for own in ["Protect", "Private", "Paths=", "SuccessExitStatus", "RootDirectory", "Capabilit"] {
            assert!(!text.contains(own), "{own}");
        }
    }

    #[test]
    fn a_word_is_spread_and_an_hour_is_kept() {
        let delay = |calendar: &str| {
            let text = timer_text(calendar);
            assert!(text.contains(&format!("\nOnCalendar={calendar}\n")), "{text}");
            text.lines().find_map(|line| line.strip_prefix("RandomizedDelaySec=")).map(str::to_owned).unwrap()
        };
        assert_eq!(
            ["daily", "hourly", "weekly", "04:00", "Mon *-*-* 05:00"].map(delay),
            ["1h", "10min", "1h", "0", "0"]
        );
    }
}
