//! The files that rsyslog writes: whose they are, and who may read them.

use model::{Evidence, HostPath, Judgement, Lookup, Resource, State, Unread, Verdict};
use serde::Deserialize;

use super::file::{File, Octal};
use super::parts::Parts;
use super::{Ask, Kind, unread};

/// `{ kind = "log_files", mode?, owner?, group? }`: every file that an action of rsyslog names and that is there.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LogFiles {
    mode: Option<Octal>,
    owner: Option<Vec<String>>,
    group: Option<Vec<String>>,
}

fn lookup() -> Resource {
    Resource::Effective(Lookup::LogFiles)
}

impl LogFiles {
    fn at(&self, path: HostPath) -> File {
        File::at(path, self.mode, self.owner.clone(), self.group.clone())
    }

    /// What is asked of each file; none as long as it is not known which.
    fn files(&self, seen: &Evidence) -> Vec<File> {
        let Ok(record) = seen.see(&lookup()) else { return Vec::new() };
        let files = record.get("files").map(State::items).unwrap_or_default();
        let path = |file: &State| file.get("file")?.as_text()?.parse().ok();
        files.iter().filter_map(path).map(|path| self.at(path)).collect()
    }
}

impl Kind for LogFiles {
    fn check(&self) -> Result<(), String> {
        self.at(HostPath::literal("/")).check()
    }

    fn needs(&self, seen: &Evidence) -> Vec<Resource> {
        let files = self.files(seen);
        std::iter::once(lookup()).chain(files.iter().flat_map(|file| file.needs(seen))).collect()
    }

    fn judge(&self, seen: &Evidence) -> Judgement {
        let expected = format!("the files that rsyslog writes: {}", self.at(HostPath::literal("/")).wanted());
        let record = match seen.see(&lookup()) {
            Ok(State::Absent) => {
                let actual = "there is no /etc/rsyslog.conf";
                return Judgement::other(Verdict::Notapplicable, expected, actual);
            }
            Ok(record) => record,
            Err(why) => return unread(expected, &why),
        };
        let mut parts = Parts::default();
        for file in self.files(seen) {
            let judged = file.judge(seen);
            match judged.verdict {
                Verdict::Fail => parts.seen(false, judged.actual),
                Verdict::Pass | Verdict::Notapplicable => parts.seen(true, judged.actual),
                _ => parts.unread(&Unread::Failed(judged.actual)),
            }
        }
        for place in record.get("dynamic").map(State::items).unwrap_or_default() {
            parts.unseen(format!("the names that {place} makes up are not looked at"));
        }
        if record.get("files").is_none_or(|files| files.items().is_empty()) {
            parts.seen(true, "no action names a file");
        }
        parts.judge(expected)
    }

    fn remedy(&self, seen: &Evidence) -> Vec<Ask> {
        self.files(seen).iter().flat_map(|file| file.remedy(seen)).collect()
    }
}
