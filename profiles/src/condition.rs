//! Conditions: when a control concerns a machine at all.

use std::str::FromStr;

use model::{Evidence, HostPath, Lookup, Resource, State, Unread};

use crate::variable::{Values, show};

/// One condition of `when`, such as `package:chrony` or `not variable:time_service=chrony`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Condition {
    negated: bool,
    atom: Atom,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Atom {
    /// The system runs its own kernel: it is not a container.
    Kernel,
    /// The kernel speaks IPv6.
    Ipv6,
    /// It was booted by UEFI firmware.
    Uefi,
    /// One of these packages is installed.
    Package(Vec<String>),
    /// The unit is not enabled, or not there.
    UnitDisabled(String),
    /// The path exists.
    Path(HostPath),
    /// The variable has one of these values.
    Variable(String, Vec<String>),
}

/// What a condition comes to on one machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    Holds,
    /// It does not hold, and why.
    Fails(String),
    /// It could not be told.
    Unread(Unread),
}

pub(crate) const FORMS: &str = "`kernel`, `ipv6`, `uefi`, `package:NAME|NAME`, `unit-disabled:NAME`, `path:/PATH`, \
                                `variable:NAME=VALUE|VALUE`, each with `not ` before it or without";

impl FromStr for Condition {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (negated, rest) =
            text.strip_prefix("not ").map_or((false, text), |rest| (true, rest.trim_start()));
        let words = |list: &str| list.split('|').map(str::to_owned).collect::<Vec<_>>();
        let atom = match rest.split_once(':') {
            None if rest == "kernel" => Atom::Kernel,
            None if rest == "ipv6" => Atom::Ipv6,
            None if rest == "uefi" => Atom::Uefi,
            Some(("package", names)) if !names.is_empty() => Atom::Package(words(names)),
            Some(("unit-disabled", name)) if !name.is_empty() => Atom::UnitDisabled(name.to_owned()),
            Some(("path", path)) => Atom::Path(path.parse().map_err(|error| format!("{error}"))?),
            Some(("variable", test)) => {
                let (name, values) = test.split_once('=').ok_or_else(|| unknown(text))?;
                Atom::Variable(name.to_owned(), words(values))
            }
            _ => return Err(unknown(text)),
        };
        Ok(Self { negated, atom })
    }
}

fn unknown(text: &str) -> String {
    format!("unknown condition `{text}`, expected one of {FORMS}")
}

impl Condition {
    /// The variable that it asks about.
    pub(crate) fn variable(&self) -> Option<&str> {
        match &self.atom {
            Atom::Variable(name, _) => Some(name),
            _ => None,
        }
    }

    /// What must be seen to tell.
    pub(crate) fn needs(&self) -> Vec<Resource> {
        match &self.atom {
            Atom::Kernel => container_marks().into_iter().map(|path| Resource::Attributes { path }).collect(),
            Atom::Ipv6 => vec![attributes("/proc/net/if_inet6"), attributes("/proc/sys")],
            Atom::Uefi => vec![attributes("/sys/firmware/efi")],
            Atom::Package(names) => names.iter().map(|name| package(name)).collect(),
            Atom::UnitDisabled(name) => vec![unit(name)],
            Atom::Path(path) => vec![Resource::Attributes { path: path.clone() }],
            Atom::Variable(..) => Vec::new(),
        }
    }

    /// What the evidence says about it.
    pub(crate) fn holds(&self, seen: &Evidence, values: &Values) -> Answer {
        match self.atom_holds(seen, values) {
            Err(unread) => Answer::Unread(unread),
            Ok(holds) if holds != self.negated => Answer::Holds,
            Ok(_) => Answer::Fails(self.denial()),
        }
    }

    fn atom_holds(&self, seen: &Evidence, values: &Values) -> Result<bool, Unread> {
        match &self.atom {
            Atom::Kernel => Ok(!any(container_marks().iter().map(|mark| exists(seen, mark)))?),
            // Under a scratch root there is no /proc, which says nothing: the next boot's kernel will decide.
            Atom::Ipv6 => Ok(exists(seen, &HostPath::literal("/proc/net/if_inet6"))?
                || !exists(seen, &HostPath::literal("/proc/sys"))?),
            Atom::Uefi => exists(seen, &HostPath::literal("/sys/firmware/efi")),
            Atom::Package(names) => any(names.iter().map(|name| {
                Ok(seen.see(&package(name))?.get("installed").and_then(State::as_flag).unwrap_or_default())
            })),
            Atom::UnitDisabled(name) => {
                let unit = seen.see(&unit(name))?;
                let enablement = unit.get("enablement").and_then(State::as_text).unwrap_or_default();
                Ok(!enablement.starts_with("enabled"))
            }
            Atom::Path(path) => exists(seen, path),
            Atom::Variable(name, wanted) => {
                Ok(values.get(name).is_some_and(|value| wanted.contains(&show(value))))
            }
        }
    }

    /// What must hold, in words.
    pub(crate) fn words(&self) -> String {
        Self { negated: !self.negated, atom: self.atom.clone() }.denial()
    }

    /// The sentence that says why a control does not concern this machine.
    fn denial(&self) -> String {
        let not = if self.negated { "" } else { "not " };
        match &self.atom {
            Atom::Kernel if self.negated => "it runs its own kernel".to_owned(),
            Atom::Kernel => "a container has no kernel of its own".to_owned(),
            Atom::Ipv6 => format!("IPv6 is {not}there"),
            Atom::Uefi => format!("it was {not}booted by UEFI firmware"),
            Atom::Package(names) => format!("{} is {not}installed", names.join(" or ")),
            Atom::UnitDisabled(name) => format!("{name} is {not}disabled"),
            Atom::Path(path) => format!("{path} is {not}there"),
            Atom::Variable(name, values) => format!("{name} is {not}{}", values.join(" or ")),
        }
    }
}

fn container_marks() -> [HostPath; 3] {
    ["/.dockerenv", "/run/.containerenv", "/run/systemd/container"].map(HostPath::literal)
}

fn attributes(path: &'static str) -> Resource {
    Resource::Attributes { path: HostPath::literal(path) }
}

fn package(name: &str) -> Resource {
    Resource::Effective(Lookup::Package { name: name.to_owned() })
}

fn unit(name: &str) -> Resource {
    Resource::Effective(Lookup::Unit { name: name.to_owned() })
}

fn exists(seen: &Evidence, path: &HostPath) -> Result<bool, Unread> {
    Ok(*seen.see(&Resource::Attributes { path: path.clone() })? != State::Absent)
}

/// Whether one answer is yes; one that could not be had matters only when none is.
fn any(answers: impl Iterator<Item = Result<bool, Unread>>) -> Result<bool, Unread> {
    let mut unread = None;
    for answer in answers {
        match answer {
            Ok(true) => return Ok(true),
            Ok(false) => {}
            Err(why) => unread = Some(why),
        }
    }
    unread.map_or(Ok(false), Err)
}
