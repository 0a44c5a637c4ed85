//! What is mounted at a path: at the next boot by fstab(5) or a mount unit (systemd.mount(5)), and now.

pub(crate) mod fstab;

use std::collections::BTreeSet;

use model::{HostPath, State, Syntax, Unread};

use crate::get;
use crate::services::units;
use crate::source::Source;
use crate::text::lines;

/// What the next boot mounts.
struct Planned {
    options: BTreeSet<String>,
    at: String,
    fstab: bool,
}

/// As [`model::Lookup::Mount`] describes it.
pub(crate) fn record(source: &dyn Source, point: &HostPath) -> Result<State, Unread> {
    let planned = planned(source, point)?;
    let now = match source.text(&HostPath::literal("/proc/self/mountinfo")) {
        Ok(text) => text.map(|text| mounted(&text, point)),
        Err(Unread::Unsupported(_)) => None,
        Err(why) => return Err(why),
    };
    let mut parts = vec![("planned", State::Flag(planned.is_some()))];
    if let Some(planned) = planned {
        parts.push(("planned-options", State::Words(planned.options)));
        parts.push(("at", State::text(planned.at)));
        parts.push(("fstab", State::Flag(planned.fstab)));
    }
    if let Some(now) = now {
        parts.push(("mounted", State::Flag(now.is_some())));
        parts.extend(now.map(|options| ("options", State::Words(options))));
    }
    Ok(State::record(parts))
}

/// A unit of the administrator wins over fstab, and fstab over a unit of the system.
fn planned(source: &dyn Source, point: &HostPath) -> Result<Option<Planned>, Unread> {
    let name = unit_name(point);
    let path = HostPath::literal("/etc/systemd/system").join(&name).ok();
    let own = match &path {
        Some(path) => source.text(path)?.filter(|text| !text.is_empty()),
        None => None,
    };
    if let Some(text) = own
        && starts(source, &name)?
    {
        return Ok(Some(by_unit(&name, &text)));
    }
    let table = HostPath::literal("/etc/fstab");
    let text = source.text(&table)?.unwrap_or_default();
    let split = lines::split(&text);
    let line = fstab::mounts(&split).into_iter().rev().find(|mount| mount.point == point.as_str());
    if let Some(mount) = line {
        let (options, at) = (fstab::in_force(mount.options), format!("{table}:{}", mount.line + 1));
        return Ok(Some(Planned { options, at, fstab: true }));
    }
    let text = units::text(source, &name)?.filter(|text| !text.is_empty());
    Ok(match text {
        Some(text) if starts(source, &name)? => Some(by_unit(&name, &text)),
        _ => None,
    })
}

fn by_unit(name: &str, text: &str) -> Planned {
    let options = get(text, Syntax::Ini, "Mount.Options").unwrap_or_default();
    Planned { options: fstab::in_force(&options), at: name.to_owned(), fstab: false }
}

/// Whether a mount unit starts at boot: it is enabled, or the system's own target wants it.
fn starts(source: &dyn Source, name: &str) -> Result<bool, Unread> {
    let record = units::record(source, name)?;
    let word = record.get("enablement").and_then(State::as_text).unwrap_or_default();
    if word.starts_with("enabled") {
        return Ok(true);
    }
    for folder in
        ["/usr/lib/systemd/system/local-fs.target.wants", "/lib/systemd/system/local-fs.target.wants"]
    {
        let wanted = source.names(&HostPath::literal(folder))?.iter().any(|other| other == name);
        if wanted && !word.starts_with("masked") {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The name of the unit that mounts a path (systemd-escape(1)).
fn unit_name(point: &HostPath) -> String {
    if point.as_str() == "/" {
        return "-.mount".to_owned();
    }
    format!("{}.mount", point.relative().replace('-', "\\x2d").replace('/', "-"))
}

/// The options of what is mounted there last, and so on top (proc(5), mountinfo).
fn mounted(mountinfo: &str, point: &HostPath) -> Option<BTreeSet<String>> {
    let read = |line: &str| {
        let mut words = line.split(' ').skip(4);
        (fstab::unescaped(words.next()?) == point.as_str())
            .then(|| fstab::in_force(words.next().unwrap_or_default()))
    };
    mountinfo.lines().rev().find_map(read)
}
