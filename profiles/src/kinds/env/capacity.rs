//! CPU, memory, disk and inodes against what the bundle declares.

use model::{Evidence, Fact, HostPath, Judgement, Resource};
use serde::Deserialize;

use super::super::Kind;
use super::super::parts::Parts;
use super::{flag, measured, not_applicable, number};

const MIB: i64 = 1 << 20;

/// What of the machine is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Quantity {
    /// Logical CPUs.
    Cpus,
    /// Memory in MiB.
    Memory,
}

/// `{ kind = "env_capacity", of, at_least }`: CPUs, or memory in MiB.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Capacity {
    of: Quantity,
    at_least: i64,
}

impl Kind for Capacity {
    fn needs(&self, _seen: &Evidence) -> Vec<Resource> {
        vec![Resource::Fact(Fact::Capacity)]
    }

    fn judge(&self, seen: &Evidence) -> Judgement {
        let (field, unit, divisor) = match self.of {
            Quantity::Cpus => ("cpus", "CPUs", 1),
            Quantity::Memory => ("memory", "MiB of memory", MIB),
        };
        let mut parts = Parts::default();
        if let Some(found) = measured(seen, Fact::Capacity, &mut parts)
            && let Some(number) = number(found, field, &mut parts)
        {
            let number = number / divisor;
            parts.seen(number >= self.at_least, format!("{number} {unit}"));
        }
        parts.judge(format!("at least {} {unit}", self.at_least))
    }
}

/// What of a file system is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Room {
    /// Free MiB.
    Bytes,
    /// Free inodes.
    Inodes,
}

/// `{ kind = "env_room", of, needed }`: `needed` lists `PATH=NUMBER`, in MiB or inodes.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Space {
    of: Room,
    needed: Vec<String>,
}

impl Space {
    fn wanted(&self) -> impl Iterator<Item = Result<(HostPath, i64), String>> + '_ {
        self.needed.iter().map(|text| {
            let strange = || format!("`{text}` is not written as PATH=NUMBER");
            let (path, number) = text.rsplit_once('=').ok_or_else(strange)?;
            let number = number.parse().ok().filter(|number| *number >= 0).ok_or_else(strange)?;
            Ok((path.parse().map_err(|_| strange())?, number))
        })
    }
}

impl Kind for Space {
    fn check(&self) -> Result<(), String> {
        self.wanted().try_for_each(|wanted| wanted.map(drop))
    }

    fn needs(&self, _seen: &Evidence) -> Vec<Resource> {
        self.wanted().flatten().map(|(path, _)| Resource::Fact(Fact::FileSystem { path })).collect()
    }

    fn judge(&self, seen: &Evidence) -> Judgement {
        let unit = if self.of == Room::Bytes { "MiB" } else { "inodes" };
        let expected = format!("free {unit}: {}", self.needed.join(", "));
        if self.needed.is_empty() {
            return not_applicable(&expected, "nothing is declared");
        }
        let mut parts = Parts::default();
        for (path, wanted) in self.wanted().flatten() {
            let Some(found) = measured(seen, Fact::FileSystem { path: path.clone() }, &mut parts) else {
                continue;
            };
            if flag(found, "read_only") {
                parts.seen(false, format!("{path} is read-only"));
            }
            if self.of == Room::Inodes && found.get("inodes").is_none() {
                parts.seen(true, format!("{path} makes inodes as needed"));
                continue;
            }
            let field = if self.of == Room::Bytes { "free" } else { "inodes_free" };
            let Some(free) = number(found, field, &mut parts) else { continue };
            let free = if self.of == Room::Bytes { free / MIB } else { free };
            parts.seen(free >= wanted, format!("{path}: {free} {unit} free"));
        }
        parts.judge(expected)
    }
}
