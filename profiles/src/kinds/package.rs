//! Packages that must or must not be installed. Assessed only: a package has no exact way back.

use model::{Evidence, Judgement, Lookup, Resource, State};
use serde::Deserialize;

use super::Kind;
use super::parts::Parts;

/// `{ kind = "package", packages, state = "installed" | "removed", version? }`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Package {
    packages: Vec<String>,
    state: Wished,
    /// The lowest version that will do, as `[epoch:]upstream[-revision]`.
    version: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Wished {
    Installed,
    Removed,
}

fn lookup(name: &str) -> Resource {
    Resource::Effective(Lookup::Package { name: name.to_owned() })
}

impl Package {
    fn expected(&self) -> String {
        let version =
            self.version.as_ref().map(|version| format!(" at {version} or newer")).unwrap_or_default();
        match self.state {
            Wished::Installed => format!("{} installed{version}", self.packages.join(", ")),
            Wished::Removed => format!("{} not installed", self.packages.join(", ")),
        }
    }

    fn judge_one(&self, parts: &mut Parts, name: &str, record: &State) {
        let installed = record.get("installed").and_then(State::as_flag).unwrap_or_default();
        let version = record.get("version").and_then(State::as_text).unwrap_or_default();
        if !installed {
            parts.seen(self.state == Wished::Removed, format!("{name} is not installed"));
        } else {
            let new_enough = self
                .version
                .as_ref()
                .is_none_or(|least| syntax::dpkg::compare_versions(version, least).is_ge());
            parts.seen(
                self.state == Wished::Installed && new_enough,
                format!("{name} {version} is installed"),
            );
        }
    }
}

impl Kind for Package {
    fn check(&self) -> Result<(), String> {
        if self.packages.is_empty() {
            return Err("`packages` names no package".to_owned());
        }
        if self.version.is_some() && self.state == Wished::Removed {
            return Err("`version` goes with `state = \"installed\"`".to_owned());
        }
        Ok(())
    }

    fn needs(&self, _seen: &Evidence) -> Vec<Resource> {
        self.packages.iter().map(|name| lookup(name)).collect()
    }

    fn judge(&self, seen: &Evidence) -> Judgement {
        let mut parts = Parts::default();
        for name in &self.packages {
            match seen.see(&lookup(name)) {
                Ok(record) => self.judge_one(&mut parts, name, record),
                Err(why) => parts.unread(&why),
            }
        }
        parts.judge(self.expected())
    }
}
