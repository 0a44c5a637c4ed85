//! What a plan does to the operators' own way in, judged before anybody approves it.
//!
//! Who may come in is worked out twice from the same files: as they are, and with what the plan writes laid over.

use std::collections::BTreeMap;
use std::io::Read;

use engine::{Several, assess};
use model::{
    About, Blobs, Control, ControlId, Evidence, FileState, Finding, HostPath, Judgement, Plan, Resource,
    Severity, Sink, State, Unread, Verdict,
};
use syntax::Source;
use syntax::accounts::operators::{Way, operators};

use crate::run::converge::Job;

type Operators = BTreeMap<String, Way>;

/// The finding about the operators' way in; `None` when the plan changes nothing of it.
pub async fn finding(job: &Job<'_>, plan: &Plan, planned: &dyn Blobs, sink: &dyn Sink) -> Option<Finding> {
    let source = job.files?;
    if plan.doors().is_empty() {
        return None;
    }
    let mut stores: Vec<&dyn Blobs> = vec![planned];
    stores.extend(&job.bytes);
    let after = Planned { now: source, files: texts(plan, &Several(stores)) };
    let judgement = judged(operators(source), operators(&after))?;
    let control: Vec<Box<dyn Control>> = vec![Box::new(Access { about: about(), judgement })];
    assess(&control, job.host, &job.context, sink).await.findings.pop()
}

fn about() -> About {
    About {
        id: ControlId::new("access.operators"),
        title: "Somebody who can become root can still log in over ssh".to_owned(),
        severity: Severity::Blocker,
        references: Vec::new(),
        rationale: "A hardened machine that nobody can enter is a broken machine.".to_owned(),
        mend: "give an account that sudoers names a key in its ~/.ssh/authorized_keys, or leave the rule out with \
               --skip ID --reason TEXT"
            .to_owned(),
    }
}

/// Judged only where there was a way in before: what was closed already is not the plan's doing.
fn judged(
    before: Result<Option<Operators>, Unread>,
    after: Result<Option<Operators>, Unread>,
) -> Option<Judgement> {
    let expected = "at least one operator can log in over ssh afterwards";
    let (before, after) = match (before, after) {
        (Ok(before), Ok(after)) => (before?, after.unwrap_or_default()),
        (Err(unread), _) | (_, Err(unread)) => {
            return Some(Judgement::other(Verdict::Unknown, expected, unread.to_string()));
        }
    };
    if before.is_empty() {
        return None;
    }
    let lost: Vec<&str> =
        before.keys().filter(|name| !after.contains_key(*name)).map(String::as_str).collect();
    let way = |way: &Way| if *way == Way::Key { "key" } else { "password" };
    let left: Vec<String> = after.iter().map(|(name, by)| format!("{name} by {}", way(by))).collect();
    let actual = match (left.is_empty(), lost.is_empty()) {
        (true, _) => format!("nobody: {} can no longer", lost.join(", ")),
        (false, true) => left.join(", "),
        (false, false) => format!("{}; {} can no longer", left.join(", "), lost.join(", ")),
    };
    Some(Judgement::of(!left.is_empty(), expected, actual))
}

/// The files that a plan writes or removes.
fn texts(plan: &Plan, bytes: &dyn Blobs) -> BTreeMap<HostPath, Option<String>> {
    let mut texts = BTreeMap::new();
    for change in plan.steps().map(|step| &step.change) {
        let Resource::File { path } = &change.resource else { continue };
        match &change.to {
            State::Absent => drop(texts.insert(path.clone(), None)),
            State::File(FileState { content: Some(digest), .. }) => {
                let mut text = String::new();
                let read = bytes.open(digest).is_ok_and(|mut bytes| bytes.read_to_string(&mut text).is_ok());
                if read {
                    texts.insert(path.clone(), Some(text));
                }
            }
            _ => {}
        }
    }
    texts
}

/// The files of a machine as they will be.
struct Planned<'a> {
    now: &'a dyn Source,
    files: BTreeMap<HostPath, Option<String>>,
}

impl Source for Planned<'_> {
    fn text(&self, path: &HostPath) -> Result<Option<String>, Unread> {
        self.files.get(path).map_or_else(|| self.now.text(path), |text| Ok(text.clone()))
    }

    fn names(&self, folder: &HostPath) -> Result<Vec<String>, Unread> {
        let mut names = self.now.names(folder)?;
        for (path, text) in self.files.iter().filter(|(path, _)| path.parent().as_ref() == Some(folder)) {
            names.retain(|name| name != path.name());
            if text.is_some() {
                names.push(path.name().to_owned());
            }
        }
        Ok(names)
    }

    fn link(&self, path: &HostPath) -> Result<Option<String>, Unread> {
        self.now.link(path)
    }
}

/// A judgement that was made already, as a control, so that waivers hold for it like for any other.
struct Access {
    about: About,
    judgement: Judgement,
}

impl Control for Access {
    fn about(&self) -> &About {
        &self.about
    }

    fn needs(&self, _: &Evidence) -> Vec<Resource> {
        Vec::new()
    }

    fn judge(&self, _: &Evidence) -> Judgement {
        self.judgement.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(names: &[(&str, Way)]) -> Result<Option<Operators>, Unread> {
        Ok(Some(names.iter().map(|(name, way)| ((*name).to_owned(), *way)).collect()))
    }

    #[test]
    fn only_a_plan_that_leaves_nobody_a_way_in_is_a_blocker() {
        let root = ("root", Way::Key);
        let ann = ("ann", Way::Password);
        let verdict = |before, after| judged(before, after).map(|judged: Judgement| judged.verdict);
        assert_eq!(verdict(of(&[root]), of(&[root])), Some(Verdict::Pass));
        assert_eq!(verdict(of(&[root, ann]), of(&[ann])), Some(Verdict::Pass));
        assert_eq!(verdict(of(&[root, ann]), of(&[])), Some(Verdict::Fail));
        assert_eq!(verdict(of(&[]), of(&[])), None, "it was closed before");
        assert_eq!(verdict(Ok(None), Ok(None)), None, "there is no sshd");
        let unread = Err(Unread::Denied("/etc/shadow".into()));
        assert_eq!(verdict(of(&[root]), unread), Some(Verdict::Unknown));
        let said = judged(of(&[root, ann]), of(&[ann])).unwrap().actual;
        assert_eq!(said, "ann by password; root can no longer");
    }
}
