//! A module in PAM stacks with its arguments; arguments win over the module's own settings file.

pub(crate) mod faillock;
pub(super) mod overrides;
mod stack;

use model::{Constraint, Evidence, HostPath, Judgement, Lookup, Resource, State, Syntax, Unread, Verdict};
use serde::Deserialize;

use self::stack::{Entry, seen_stack, stack_of};
use super::parts::Parts;
use super::value::{Order, Scalar, Want};
use super::{Ask, Kind, unread};

/// `{ kind = "pam", files, types, module, control?, args?, after?, without?, hash?, option?, value?, order?, conf?,
/// mend? }`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Pam {
    files: Vec<HostPath>,
    types: Vec<String>,
    /// Whether the first type is looked at in the first file, the second in the second; else each in each.
    #[serde(default)]
    paired: bool,
    module: String,
    /// The controls that one entry has to have, `[…]` for any in brackets.
    #[serde(default)]
    control: Vec<String>,
    /// Arguments that every entry has.
    #[serde(default)]
    args: Vec<String>,
    /// Whether the first module of a stack, which has nothing to take over and would refuse every password with
    /// `args`, is left for a person to mend.
    #[serde(default)]
    after: bool,
    /// Arguments that no entry has. With nothing else asked the module need not be there.
    #[serde(default)]
    without: Vec<String>,
    /// The hashes of which an entry names exactly one, `|` between them.
    hash: Option<Scalar>,
    /// An argument with a value, or a key of `conf`.
    option: Option<String>,
    value: Option<Scalar>,
    #[serde(default)]
    order: Order,
    /// The module's own settings file, which holds for what no argument says.
    conf: Option<HostPath>,
    /// Whether arguments are changed in the files: not where another program writes them.
    #[serde(default)]
    mend: bool,
}

/// The hashes that pam_unix(8) knows.
const HASHES: [&str; 7] = ["md5", "bigcrypt", "sha256", "sha512", "blowfish", "gost_yescrypt", "yescrypt"];

/// What is wrong with an entry, and what would mend it.
struct Finding {
    passes: bool,
    says: String,
    asks: Vec<Ask>,
}

impl Finding {
    fn seen(passes: bool, says: impl Into<String>) -> Self {
        Self { passes, says: says.into(), asks: Vec::new() }
    }

    fn or(mut self, asks: Vec<Ask>) -> Self {
        if !self.passes {
            self.asks = asks;
        }
        self
    }
}

/// A key of a module's own settings file.
fn own(conf: &HostPath, key: &str) -> Resource {
    Resource::Effective(Lookup::DropIns {
        main: conf.clone(),
        folders: Vec::new(),
        main_last: false,
        syntax: Syntax::KeyValue,
        key: key.to_owned(),
    })
}

fn set_own(conf: &HostPath, key: &str, value: &str) -> Ask {
    let resource = Resource::Setting { path: conf.clone(), syntax: Syntax::KeyValue, key: key.to_owned() };
    Ask::new(resource, Constraint::Equals(State::text(value)))
}

impl Pam {
    fn want(&self) -> Option<Want<'_>> {
        let value = &self.value.as_ref()?.0;
        Some(Want { value, order: self.order, least: None, also: &[] })
    }

    fn hashes(&self) -> Vec<&str> {
        self.hash.iter().flat_map(|hash| hash.0.split('|')).map(str::trim).collect()
    }

    /// The files with the types that are looked at in them.
    fn stacks(&self) -> Vec<(&HostPath, &String)> {
        if self.paired {
            return self.files.iter().zip(&self.types).collect();
        }
        self.files.iter().flat_map(|file| self.types.iter().map(move |kind| (file, kind))).collect()
    }

    /// Whether only the absence of arguments is asked.
    fn is_ban(&self) -> bool {
        !self.without.is_empty()
    }

    fn expected(&self) -> String {
        let asked = [
            (!self.control.is_empty()).then(|| format!("as {}", self.control.join(" or "))),
            (!self.args.is_empty()).then(|| format!("with {}", self.args.join(" and "))),
            self.option.as_ref().map(|option| match self.want() {
                Some(want) => format!("with {option} {want}"),
                None => format!("with {option}"),
            }),
            self.hash.as_ref().map(|hash| format!("with one hash of {}", hash.0)),
            self.is_ban().then(|| format!("without {}", self.without.join(" and "))),
        ];
        let asked: Vec<_> = asked.into_iter().flatten().collect();
        format!("{} {}", self.module, asked.join(", ")).trim().to_owned()
    }

    /// Sets an argument of this module's entries, or takes it away.
    fn set(&self, entry: &Entry, kind: &str, arg: &str, value: Option<&str>) -> Vec<Ask> {
        if !self.mend {
            return Vec::new();
        }
        let key = format!("{kind} {} {arg}", self.module);
        let resource = Resource::Setting { path: entry.path.clone(), syntax: Syntax::Pam, key };
        let state = value.map_or(State::Absent, State::text);
        vec![Ask::new(resource, Constraint::Equals(state))]
    }

    fn findings(&self, seen: &Evidence) -> Result<Vec<Finding>, Unread> {
        let mut findings = Vec::new();
        for (file, kind) in self.stacks() {
            match seen_stack(seen, file, kind)? {
                Some(stack) => findings.extend(self.judge_stack(seen, file, kind, &stack)?),
                None if self.is_ban() => {}
                None => findings.push(Finding::seen(false, format!("{file} is not there"))),
            }
        }
        Ok(findings)
    }

    fn judge_stack(
        &self,
        seen: &Evidence,
        file: &HostPath,
        kind: &str,
        stack: &[Entry],
    ) -> Result<Vec<Finding>, Unread> {
        let ours = || stack.iter().enumerate().filter(|(_, entry)| entry.module == self.module);
        let mut findings = Vec::new();
        if ours().next().is_none() {
            let none = format!("no {} in the {kind} stack of {file}", self.module);
            return Ok(vec![Finding::seen(self.is_ban(), none)]);
        }
        if !self.control.is_empty() {
            let right = ours().any(|(_, entry)| self.control.iter().any(|one| entry.is_controlled_as(one)));
            let controls: Vec<_> = ours().map(|(_, entry)| entry.control.clone()).collect();
            let says = format!("{} in the {kind} stack of {file} is {}", self.module, controls.join(", "));
            findings.push(Finding::seen(right, says));
        }
        for (place, entry) in ours() {
            findings.extend(self.args.iter().map(|arg| {
                let mut finding = self.judge_arg(entry, kind, arg);
                if self.after && place == 0 {
                    finding.asks.clear();
                }
                finding
            }));
            findings.extend(self.without.iter().map(|arg| self.judge_ban(entry, kind, arg)));
            findings.extend(self.hash.iter().map(|_| self.judge_hash(entry, kind)));
            if let Some(option) = &self.option {
                findings.push(self.judge_option(seen, entry, kind, option)?);
            }
        }
        Ok(findings)
    }

    fn judge_arg(&self, entry: &Entry, kind: &str, arg: &str) -> Finding {
        let has = entry.value(arg).is_some();
        let says = format!("{} {arg} at {}", if has { "with" } else { "without" }, entry.at);
        Finding::seen(has, says).or(self.set(entry, kind, arg, Some("")))
    }

    fn judge_ban(&self, entry: &Entry, kind: &str, arg: &str) -> Finding {
        let has = entry.value(arg).is_some();
        let says = format!("{} {arg} at {}", if has { "with" } else { "without" }, entry.at);
        Finding::seen(!has, says).or(self.set(entry, kind, arg, None))
    }

    fn judge_hash(&self, entry: &Entry, kind: &str) -> Finding {
        let wanted = self.hashes();
        let named: Vec<_> = HASHES.into_iter().filter(|hash| entry.value(hash).is_some()).collect();
        let right = matches!(named[..], [one] if wanted.contains(&one));
        let shown = if named.is_empty() { "no hash".to_owned() } else { named.join(", ") };
        let keep = named.iter().find(|hash| wanted.contains(hash)).or(wanted.first());
        let mut asks: Vec<_> = named
            .iter()
            .filter(|hash| Some(*hash) != keep)
            .flat_map(|hash| self.set(entry, kind, hash, None))
            .collect();
        asks.extend(keep.into_iter().flat_map(|hash| self.set(entry, kind, hash, Some(""))));
        Finding::seen(right, format!("{shown} at {}", entry.at)).or(asks)
    }

    fn judge_option(
        &self,
        seen: &Evidence,
        entry: &Entry,
        kind: &str,
        option: &str,
    ) -> Result<Finding, Unread> {
        let wanted = self.value.as_ref().map(|value| value.0.as_str()).unwrap_or_default();
        let admits = |value: &str| self.want().is_none_or(|want| want.admits(value));
        if let Some(value) = entry.value(option) {
            let says = format!("{option} {value} at {}", entry.at);
            return Ok(Finding::seen(admits(value), says).or(self.set(entry, kind, option, Some(wanted))));
        }
        let Some(conf) = &self.conf else {
            let says = format!("no {option} at {}", entry.at);
            return Ok(Finding::seen(false, says).or(self.set(entry, kind, option, Some(wanted))));
        };
        let record = seen.see(&own(conf, option))?;
        let finding = match (record.get("value"), record.get("at")) {
            (Some(value), Some(at)) => {
                let value = value.to_string();
                Finding::seen(admits(&value), format!("{option} {value} by {at}"))
            }
            _ => Finding::seen(false, format!("no {option} at {} nor in {conf}", entry.at)),
        };
        Ok(finding.or(vec![set_own(conf, option, wanted)]))
    }
}

impl Kind for Pam {
    fn check(&self) -> Result<(), String> {
        if self.files.is_empty() || self.types.is_empty() {
            return Err("a PAM probe needs `files` and `types`".to_owned());
        }
        if self.paired && self.files.len() != self.types.len() {
            return Err("`paired` wants as many `types` as `files`".to_owned());
        }
        if self.value.is_some() && self.option.is_none() || self.conf.is_some() && self.option.is_none() {
            return Err("`value` and `conf` go with `option`".to_owned());
        }
        if let Some(hash) = self.hashes().into_iter().find(|hash| !HASHES.contains(hash)) {
            return Err(format!("`{hash}` is no hash that pam_unix knows: {}", HASHES.join(", ")));
        }
        self.want().map_or(Ok(()), |want| want.check())
    }

    fn needs(&self, _seen: &Evidence) -> Vec<Resource> {
        let stacks = self.stacks().into_iter().map(|(file, kind)| stack_of(file, kind));
        let conf = self.conf.as_ref().zip(self.option.as_ref()).map(|(conf, option)| own(conf, option));
        stacks.chain(conf).collect()
    }

    fn judge(&self, seen: &Evidence) -> Judgement {
        let findings = match self.findings(seen) {
            Ok(findings) => findings,
            Err(why) => return unread(self.expected(), &why),
        };
        if findings.is_empty() {
            let files: Vec<_> = self.files.iter().map(ToString::to_string).collect();
            let actual = format!("{} is not there", files.join(", "));
            return Judgement::other(Verdict::Notapplicable, self.expected(), actual);
        }
        let mut parts = Parts::default();
        findings.into_iter().for_each(|finding| parts.seen(finding.passes, finding.says));
        parts.judge(self.expected())
    }

    fn remedy(&self, seen: &Evidence) -> Vec<Ask> {
        let findings = self.findings(seen).unwrap_or_default();
        findings.into_iter().flat_map(|finding| finding.asks).collect()
    }
}
