//! A file that the Docker engine is told to use.

use model::{Evidence, HostPath, Judgement, Lookup, Resource, State, Unread, Verdict};
use serde::Deserialize;

use super::file::{File, Octal};
use super::{Ask, Kind, unread};

/// `{ kind = "docker_file", option, mode | owner | group }`: as `file`, of the path that the option names; a rule
/// without an object where nothing sets the option.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DockerFile {
    /// Its name in daemon.json, and as a flag of dockerd.
    option: String,
    mode: Option<Octal>,
    owner: Option<Vec<String>>,
    group: Option<Vec<String>>,
}

impl DockerFile {
    fn lookup(&self) -> Resource {
        Resource::Effective(Lookup::DockerOption { key: self.option.clone(), flag: self.option.clone() })
    }

    /// The rule about the path, where one is named.
    fn file(&self, seen: &Evidence) -> Result<Option<File>, Unread> {
        let record = seen.see(&self.lookup())?;
        let Some(text) = record.get("value").and_then(State::as_text) else { return Ok(None) };
        let path: HostPath =
            text.parse().map_err(|_| Unread::Malformed(format!("{} names no path: {text}", self.option)))?;
        Ok(Some(File::at(path, self.mode, self.owner.clone(), self.group.clone())))
    }
}

impl Kind for DockerFile {
    fn check(&self) -> Result<(), String> {
        let anywhere = HostPath::literal("/");
        File::at(anywhere, self.mode, self.owner.clone(), self.group.clone()).check()
    }

    fn needs(&self, seen: &Evidence) -> Vec<Resource> {
        let file = if seen.knows(&self.lookup()) { self.file(seen).ok().flatten() } else { None };
        let of_file = file.map(|file| file.needs(seen)).unwrap_or_default();
        [self.lookup()].into_iter().chain(of_file).collect()
    }

    fn judge(&self, seen: &Evidence) -> Judgement {
        let expected = || format!("the file that {} names, kept as the rule says", self.option);
        match self.file(seen) {
            Ok(Some(file)) => file.judge(seen),
            Ok(None) => {
                let actual = format!("nothing sets {}", self.option);
                Judgement::other(Verdict::Notapplicable, expected(), actual)
            }
            Err(why) => unread(expected(), &why),
        }
    }

    fn remedy(&self, seen: &Evidence) -> Vec<Ask> {
        self.file(seen).ok().flatten().map(|file| file.remedy(seen)).unwrap_or_default()
    }
}
