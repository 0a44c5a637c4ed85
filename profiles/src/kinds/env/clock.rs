//! The clock: disciplined, and right.

use model::{Evidence, Fact, Judgement, Resource, Verdict};
use serde::Deserialize;

use super::super::Kind;
use super::super::parts::Parts;
use super::{flag, measured, number, text, words};

/// `{ kind = "env_clock_synchronised", limit_ms }`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Synchronised {
    limit_ms: i64,
}

impl Kind for Synchronised {
    fn needs(&self, _seen: &Evidence) -> Vec<Resource> {
        vec![Resource::Fact(Fact::ClockDiscipline)]
    }

    fn judge(&self, seen: &Evidence) -> Judgement {
        let mut parts = Parts::default();
        if let Some(found) = measured(seen, Fact::ClockDiscipline, &mut parts) {
            let daemons = words(found, "daemons");
            let by = if daemons.is_empty() { "no time daemon runs".to_owned() } else { daemons.join(", ") };
            let synchronised = flag(found, "synchronised");
            let how = if synchronised { "synchronised" } else { "the kernel calls the clock unsynchronised" };
            parts.seen(synchronised, format!("{how} ({by})"));
            // Alone it is who must have done it, and it says when it has; others keep no such word.
            if daemons == ["systemd-timesyncd"] && !flag(found, "timesyncd") {
                parts.seen(false, "systemd-timesyncd has reached no server since the start of the machine");
            }
            if synchronised && let Some(error) = number(found, "esterror_us", &mut parts) {
                parts
                    .seen(error <= self.limit_ms.saturating_mul(1000), format!("estimated error {error} µs"));
            }
        }
        parts.judge(format!("a synchronised clock, off by {} ms at most", self.limit_ms))
    }
}

/// `{ kind = "env_clock_offset", servers, limit_ms }`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Offset {
    servers: Vec<String>,
    limit_ms: i64,
}

fn fact(server: &str) -> Fact {
    Fact::ClockOffset { server: server.to_owned() }
}

impl Kind for Offset {
    fn needs(&self, _seen: &Evidence) -> Vec<Resource> {
        self.servers.iter().map(|server| Resource::Fact(fact(server))).collect()
    }

    /// One server that answers is enough; all that answer must agree. Where the uncertainty reaches over the
    /// limit, it could not be told.
    fn judge(&self, seen: &Evidence) -> Judgement {
        let expected = format!("within {} ms of the site's time servers", self.limit_ms);
        if self.servers.is_empty() {
            return Judgement::other(Verdict::Notchecked, expected, "no time server is declared");
        }
        let (mut parts, mut silent) = (Parts::default(), Parts::default());
        let mut answered = false;
        for server in &self.servers {
            let Some(found) = measured(seen, fact(server), &mut silent) else { continue };
            let Some(offset) = number(found, "offset_us", &mut parts) else { continue };
            let Some(uncertainty) = number(found, "uncertainty_us", &mut parts) else { continue };
            answered = true;
            let limit = self.limit_ms.saturating_mul(1000);
            let what = format!("{server} ({}): {offset} ± {uncertainty} µs", text(found, "address"));
            let (least, most) = (
                offset.saturating_abs().saturating_sub(uncertainty),
                offset.saturating_abs().saturating_add(uncertainty),
            );
            match (most <= limit, least > limit) {
                (true, _) => parts.seen(true, what),
                (_, true) => parts.seen(false, what),
                _ => parts.unread(&model::Unread::NoAnswer(format!("{what} is too uncertain to tell"))),
            }
        }
        if answered { parts.judge(expected) } else { silent.judge(expected) }
    }
}
