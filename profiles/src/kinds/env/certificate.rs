//! The certificate that the site gave.

use model::{Evidence, Fact, HostPath, Judgement, Resource, State};
use serde::Deserialize;

use super::super::Kind;
use super::super::parts::Parts;
use super::{flag, measured, not_applicable, number, text, words};

/// `{ kind = "env_certificates", chain, key, authority, names, days }`: paths may be empty together, when the
/// bundle declares no certificate.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Certificates {
    chain: String,
    key: String,
    authority: String,
    names: Vec<String>,
    days: i64,
}

impl Certificates {
    fn fact(&self) -> Option<Fact> {
        let path = |text: &str| text.parse::<HostPath>().ok();
        Some(Fact::Certificate {
            chain: path(&self.chain)?,
            key: path(&self.key)?,
            authority: path(&self.authority)?,
        })
    }
}

impl Kind for Certificates {
    fn check(&self) -> Result<(), String> {
        let paths = [&self.chain, &self.key, &self.authority];
        if paths.iter().all(|path| path.is_empty()) {
            return Ok(());
        }
        paths
            .iter()
            .try_for_each(|path| path.parse::<HostPath>().map(drop).map_err(|error| error.to_string()))
    }

    fn needs(&self, _seen: &Evidence) -> Vec<Resource> {
        self.fact().map(Resource::Fact).into_iter().collect()
    }

    fn judge(&self, seen: &Evidence) -> Judgement {
        let names = self.names.join(", ");
        let names = if names.is_empty() { names } else { format!(" for {names}") };
        let expected = format!(
            "a certificate{names} by the customer's CA, valid {} more days, with its key, fit for TLS 1.3",
            self.days
        );
        let Some(fact) = self.fact() else { return not_applicable(&expected, "no certificate is declared") };
        let mut parts = Parts::default();
        if let Some(found) = measured(seen, fact, &mut parts) {
            let missing = words(found, "missing");
            match missing.is_empty() {
                true => self.judge_found(found, &mut parts),
                false => parts.seen(false, format!("{} not there", missing.join(", "))),
            }
        }
        parts.judge(expected)
    }
}

impl Certificates {
    fn judge_found(&self, found: &State, parts: &mut Parts) {
        let subject = text(found, "subject");
        let mut flagged = |field: &str, wanted: bool, wrong: String| {
            let right = flag(found, field) == wanted;
            parts.seen(right, if right { format!("{subject} by {}", text(found, "issuer")) } else { wrong });
        };
        flagged("trusted", true, format!("does not lead to the customer's CA: {}", text(found, "why")));
        flagged("self_signed", false, format!("{subject} is self-signed"));
        flagged("key_matches", true, "the key is not the certificate's".to_owned());
        flagged("started", true, "not valid yet".to_owned());
        flagged("tls13", true, "the key cannot sign a TLS 1.3 handshake".to_owned());
        if let Some(days) = number(found, "days_left", parts) {
            parts.seen(days >= self.days, format!("{days} days left"));
        }
        if let Some(State::Mode(mode)) = found.get("key_mode") {
            parts.seen(mode & 0o037 == 0, format!("key of mode {mode:04o}"));
        }
        let valid: Vec<&str> =
            found.get("names").into_iter().flat_map(State::items).filter_map(State::as_text).collect();
        for name in self.names.iter().filter(|name| !valid.iter().any(|pattern| is_for(pattern, name))) {
            parts.seen(false, format!("not valid for {name}, only for {}", valid.join(", ")));
        }
    }
}

/// Whether a name in a certificate is for a host (RFC 6125: a star stands for one whole leftmost label).
fn is_for(pattern: &str, host: &str) -> bool {
    match (pattern.strip_prefix("*."), host.split_once('.')) {
        (Some(rest), Some((first, domain))) => !first.is_empty() && rest.eq_ignore_ascii_case(domain),
        _ => pattern.eq_ignore_ascii_case(host),
    }
}

#[cfg(test)]
mod tests {
    use super::is_for;

    #[test]
    fn a_star_is_one_label() {
        for (pattern, host, expected) in [
            ("app.site", "APP.site", true),
            ("*.site", "app.site", true),
            ("*.site", "a.app.site", false),
            ("*.site", "site", false),
            ("10.0.0.1", "10.0.0.1", true),
            ("app.site", "xapp.site", false),
        ] {
            assert_eq!(is_for(pattern, host), expected, "{pattern} {host}");
        }
    }
}
