//! Wireless network interfaces of the running kernel, as sysfs shows them.

use model::{HostPath, State, Unread};

use crate::source::Source;

/// As [`model::Lookup::Wireless`] describes it.
pub(crate) fn record(source: &dyn Source) -> Result<State, Unread> {
    let folder = HostPath::literal("/sys/class/net");
    let mut found = Vec::new();
    let names = source.names(&folder)?;
    if names.is_empty() {
        return Err(Unread::Unsupported(
            "the network interfaces of a kernel that does not run here".to_owned(),
        ));
    }
    for path in names.iter().filter_map(|name| folder.join(name).ok()) {
        let parts = source.names(&path)?;
        if !parts.iter().any(|part| matches!(part.as_str(), "wireless" | "phy80211")) {
            continue;
        }
        let flags = match path.join("flags") {
            Ok(path) => source.text(&path)?.unwrap_or_default(),
            Err(_) => continue,
        };
        let up =
            u32::from_str_radix(flags.trim().trim_start_matches("0x"), 16).is_ok_and(|flags| flags & 1 == 1);
        found.push(State::record([("name", State::text(path.name())), ("up", State::Flag(up))]));
    }
    Ok(State::List(found))
}
