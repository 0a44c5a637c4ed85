//! CPU, memory, disk and inodes against what the bundle declares.

use std::collections::BTreeMap;

use model::{Evidence, Fact, HostPath, Judgement, Resource, State};
use serde::Deserialize;

use super::super::Kind;
use super::super::parts::Parts;
use super::place::Place;
use super::{flag, measured, measured_at, not_applicable, number, text};

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

/// `{ kind = "env_room", of, needed, socket }`: `needed` lists `PLACE=NUMBER`, in MiB or inodes, where a place is a
/// path or `engine`. What lies on one file system is added up.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Space {
    of: Room,
    needed: Vec<String>,
    socket: HostPath,
}

/// What is asked of one file system, by all that will lie on it.
struct Together<'a> {
    paths: Vec<String>,
    wanted: i64,
    found: &'a State,
}

fn fact(path: HostPath) -> Fact {
    Fact::FileSystem { path }
}

impl Space {
    fn wanted(&self) -> impl Iterator<Item = Result<(Place, i64), String>> + '_ {
        self.needed.iter().map(|text| {
            let strange = || format!("`{text}` is not written as PATH=NUMBER");
            let (place, number) = text.rsplit_once('=').ok_or_else(strange)?;
            let number = number.parse().ok().filter(|number| *number >= 0).ok_or_else(strange)?;
            Ok((Place::try_from(place.to_owned()).map_err(|_| strange())?, number))
        })
    }

    /// Everything that is asked for, by file system.
    fn together<'a>(&self, seen: &'a Evidence, parts: &mut Parts) -> Vec<Together<'a>> {
        let mut all: BTreeMap<String, Together<'a>> = BTreeMap::new();
        for (place, wanted) in self.wanted().flatten() {
            let path = place.path(&self.socket, seen);
            let Some((path, found)) = measured_at(seen, path, fact, parts) else { continue };
            let device = text(found, "device");
            let key = if device.is_empty() { path.to_string() } else { device.to_owned() };
            let one = all.entry(key).or_insert_with(|| Together { paths: Vec::new(), wanted: 0, found });
            one.paths.push(path.to_string());
            one.wanted = one.wanted.saturating_add(wanted);
        }
        all.into_values().collect()
    }
}

impl Kind for Space {
    fn check(&self) -> Result<(), String> {
        self.wanted().try_for_each(|wanted| wanted.map(drop))
    }

    fn needs(&self, seen: &Evidence) -> Vec<Resource> {
        let places: Vec<Place> = self.wanted().flatten().map(|(place, _)| place).collect();
        let asked = places.iter().filter_map(|place| place.needs(&self.socket));
        let paths = places.iter().filter_map(|place| place.path(&self.socket, seen).ok());
        asked.chain(paths.map(|path| Resource::Fact(fact(path)))).collect()
    }

    fn judge(&self, seen: &Evidence) -> Judgement {
        let unit = if self.of == Room::Bytes { "MiB" } else { "inodes" };
        let expected = format!("free {unit}: {}", self.needed.join(", "));
        if self.needed.is_empty() {
            return not_applicable(&expected, "nothing is declared");
        }
        let mut parts = Parts::default();
        for Together { paths, wanted, found } in self.together(seen, &mut parts) {
            let paths = paths.join(" and ");
            if flag(found, "read_only") {
                parts.seen(false, format!("{paths} is read-only"));
            }
            if self.of == Room::Inodes && found.get("inodes").is_none() {
                parts.seen(true, format!("{paths} makes inodes as needed"));
                continue;
            }
            let field = if self.of == Room::Bytes { "free" } else { "inodes_free" };
            let Some(free) = number(found, field, &mut parts) else { continue };
            let free = if self.of == Room::Bytes { free / MIB } else { free };
            parts.seen(free >= wanted, format!("{paths}: {free} {unit} free of {wanted} needed"));
        }
        parts.judge(expected)
    }
}
