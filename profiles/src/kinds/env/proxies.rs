//! Proxy variables agree in every place.

use std::net::IpAddr;

use model::{Evidence, Fact, Judgement, Resource, State};
use serde::Deserialize;

use super::super::Kind;
use super::super::parts::Parts;
use super::{measured, text};

/// Where a proxy must be set once it is set anywhere: what people, the manager's units and containers see.
const MUST: [&str; 2] = ["shell", "docker"];
/// Where it may be left out, but not be another.
const MAY: [&str; 4] = ["operator", "systemd", "containerd", "client"];

/// `{ kind = "env_proxy", internal }`: names and ranges that `NO_PROXY` must cover.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Proxies {
    internal: Vec<String>,
}

impl Kind for Proxies {
    fn needs(&self, _seen: &Evidence) -> Vec<Resource> {
        vec![Resource::Fact(Fact::Proxies)]
    }

    fn judge(&self, seen: &Evidence) -> Judgement {
        let mut parts = Parts::default();
        if let Some(found) = measured(seen, Fact::Proxies, &mut parts) {
            let places: Vec<(&str, &State)> =
                MUST.into_iter().chain(MAY).filter_map(|place| Some((place, found.get(place)?))).collect();
            let proxied = |state: &State| !text(state, "http").is_empty() || !text(state, "https").is_empty();
            if !places.iter().any(|(_, state)| proxied(state)) {
                parts.seen(true, "no proxy is set anywhere");
            }
            for variable in ["http", "https"] {
                agree(variable, &places, &mut parts);
            }
            for (place, state) in places.iter().filter(|(_, state)| proxied(state)) {
                let missing: Vec<_> =
                    self.internal.iter().filter(|name| !covers(text(state, "no"), name)).cloned().collect();
                match missing.is_empty() {
                    true => parts.seen(true, format!("{place} leaves internal names alone")),
                    false => parts.seen(false, format!("NO_PROXY of {place} lacks {}", missing.join(", "))),
                }
            }
        }
        let internal = self.internal.join(", ");
        parts.judge(format!("no proxy, or the same in every place, with NO_PROXY covering {internal}"))
    }
}

/// Holds one variable of all places against each other.
fn agree(variable: &str, places: &[(&str, &State)], parts: &mut Parts) {
    let set = |state: &State| Some(text(state, variable).to_owned()).filter(|value| !value.is_empty());
    let Some((first, value)) = places.iter().find_map(|(place, state)| Some((*place, set(state)?))) else {
        return;
    };
    for (place, state) in places {
        match set(state) {
            Some(other) if other != value => {
                parts.seen(false, format!("{variable} proxy is {value} in {first} but {other} in {place}"));
            }
            None if MUST.contains(place) => {
                parts.seen(false, format!("{variable} proxy {value} of {first} is not set in {place}"));
            }
            _ => parts.seen(true, format!("{variable} proxy {value}")),
        }
    }
}

/// Whether a `NO_PROXY` list covers a name, address or range.
fn covers(list: &str, wanted: &str) -> bool {
    list.split([',', ' ']).map(str::trim).filter(|entry| !entry.is_empty()).any(|entry| {
        let domain = entry.trim_start_matches('*').trim_start_matches('.');
        entry == "*"
            || entry.eq_ignore_ascii_case(wanted)
            || range(entry).zip(range(wanted)).is_some_and(|(outer, inner)| contains(outer, inner))
            || (!domain.is_empty()
                && range(wanted).is_none()
                && wanted
                    .trim_start_matches('.')
                    .to_lowercase()
                    .strip_suffix(&domain.to_lowercase())
                    .is_some_and(|rest| rest.is_empty() || rest.ends_with('.')))
    })
}

/// An address with the length of its prefix.
fn range(text: &str) -> Option<(IpAddr, u32)> {
    let (address, length) = match text.split_once('/') {
        Some((address, length)) => (address.parse::<IpAddr>().ok()?, Some(length.parse().ok()?)),
        None => (text.parse::<IpAddr>().ok()?, None),
    };
    let most = if address.is_ipv4() { 32 } else { 128 };
    Some((address, length.unwrap_or(most))).filter(|(_, length)| *length <= most)
}

fn contains(outer: (IpAddr, u32), inner: (IpAddr, u32)) -> bool {
    let bits = |address: IpAddr| match address {
        IpAddr::V4(four) => (u128::from(u32::from(four)) << 96, true),
        IpAddr::V6(six) => (u128::from(six), false),
    };
    let ((one, v4), (other, also_v4)) = (bits(outer.0), bits(inner.0));
    let mask = u128::MAX.checked_shl(128 - outer.1).unwrap_or(0);
    v4 == also_v4 && outer.1 <= inner.1 && one & mask == other & mask
}

#[cfg(test)]
mod tests {
    use super::covers;

    #[test]
    fn no_proxy_covers_by_name_domain_and_range() {
        for (list, wanted, expected) in [
            ("localhost,127.0.0.1", "localhost", true),
            ("10.0.0.0/8", "10.1.2.0/24", true),
            ("10.1.2.0/24", "10.0.0.0/8", false),
            ("10.0.0.0/8", "10.9.9.9", true),
            ("0.0.0.0/0", "192.168.0.0/16", true),
            ("::/0", "192.168.0.0/16", false),
            ("fd00::/8", "fd12::1", true),
            (".corp", "app.corp", true),
            ("corp", "app.corp", true),
            ("*.corp", "app.CORP", true),
            ("corp", "notcorp", false),
            ("*", "anything", true),
            ("", "localhost", false),
            ("10.0.0.0/99", "10.0.0.1", false),
        ] {
            assert_eq!(covers(list, wanted), expected, "{list} {wanted}");
        }
    }
}
