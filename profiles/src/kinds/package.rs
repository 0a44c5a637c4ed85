//! Packages that must or must not be installed. What the package manager would do about it is simulated first;
//! where that is safe and possible here, it is the remedy, and where not, the finding says why.

use std::collections::BTreeSet;

use model::{Constraint, Evidence, Judgement, Lookup, Resource, State, Transaction, Unread};
use serde::Deserialize;

use super::parts::Parts;
use super::{Ask, Kind};

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

fn word<'a>(record: &'a State, part: &str) -> &'a str {
    record.get(part).and_then(State::as_text).unwrap_or_default()
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

    fn new_enough(&self, format: &str, version: &str) -> bool {
        self.version.as_ref().is_none_or(|least| syntax::compare_versions(format, version, least).is_ge())
    }

    fn holds(&self, record: &State) -> bool {
        let installed = record.get("installed").and_then(State::as_flag).unwrap_or_default();
        match self.state {
            Wished::Removed => !installed,
            Wished::Installed => {
                installed && self.new_enough(word(record, "format"), word(record, "version"))
            }
        }
    }

    /// The format of the packages here.
    fn format<'e>(&self, seen: &'e Evidence) -> &'e str {
        let record = self.packages.first().and_then(|name| seen.see(&lookup(name)).ok());
        record.map_or("", |record| word(record, "format"))
    }

    /// What the package manager is to be asked about, once it is known which packages are not as they must be.
    fn question(&self, seen: &Evidence) -> Option<Resource> {
        let mut open = BTreeSet::new();
        for name in &self.packages {
            if !self.holds(seen.see(&lookup(name)).ok()?) {
                open.insert(name.clone());
            }
        }
        let (install, remove) = match self.state {
            Wished::Installed => (open, BTreeSet::new()),
            Wished::Removed => (BTreeSet::new(), open),
        };
        (!install.is_empty() || !remove.is_empty()).then_some(Resource::Transaction { install, remove })
    }

    /// The demands that mend what is wrong, or why there are none.
    fn way(&self, seen: &Evidence) -> Result<Vec<Ask>, String> {
        let Some(question) = self.question(seen) else { return Ok(Vec::new()) };
        let transaction = match seen.see(&question) {
            Ok(state) => Transaction::of(state).ok_or_else(|| "no answer".to_owned())?,
            Err(Unread::Unsupported(why)) => return Err(why),
            Err(why) => return Err(why.to_string()),
        };
        if !transaction.refused.is_empty() {
            return Err(transaction.refused.join(", "));
        }
        let Resource::Transaction { install, remove } = &question else { return Ok(Vec::new()) };
        let mut asks = Vec::new();
        for name in install.iter().chain(remove) {
            let to = transaction.of_package(name).map(|one| one.to.clone());
            let to = to.ok_or_else(|| format!("the package manager would leave {name} as it is"))?;
            if let State::Text(version) = &to
                && !self.new_enough(self.format(seen), version)
            {
                return Err(format!("{version} is the newest {name} at hand"));
            }
            asks.push(Ask::new(Resource::Package { name: name.clone() }, Constraint::Equals(to)));
        }
        Ok(asks)
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

    fn needs(&self, seen: &Evidence) -> Vec<Resource> {
        let known = self.packages.iter().all(|name| seen.knows(&lookup(name)));
        let question = if known { self.question(seen) } else { None };
        self.packages.iter().map(|name| lookup(name)).chain(question).collect()
    }

    fn judge(&self, seen: &Evidence) -> Judgement {
        let mut parts = Parts::default();
        for name in &self.packages {
            match seen.see(&lookup(name)) {
                Ok(record) => {
                    let what = match word(record, "version") {
                        "" => format!("{name} is not installed"),
                        version => format!("{name} {version} is installed"),
                    };
                    parts.seen(self.holds(record), what);
                }
                Err(why) => parts.unread(&why),
            }
        }
        if let Err(why) = self.way(seen) {
            parts.unseen(format!("not mended here: {why}"));
        }
        parts.judge(self.expected())
    }

    fn remedy(&self, seen: &Evidence) -> Vec<Ask> {
        self.way(seen).unwrap_or_default()
    }
}
