//! Random numbers.

use model::{Evidence, Fact, Judgement, Resource};
use serde::Deserialize;

use super::super::Kind;
use super::super::parts::Parts;
use super::{flag, measured, number, text, words};

/// All that the pool of a kernel since 5.18 can hold, in bits: never ask for more.
const POOL: i64 = 256;

/// `{ kind = "env_entropy", bits, rate }`: bits in the pool, bytes a second.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Entropy {
    bits: i64,
    rate: i64,
}

impl Kind for Entropy {
    fn check(&self) -> Result<(), String> {
        if (0..=POOL).contains(&self.bits) {
            return Ok(());
        }
        Err(format!("`bits` lies between 0 and {POOL}: kernels since 5.18 never report more"))
    }

    fn needs(&self, _seen: &Evidence) -> Vec<Resource> {
        vec![Resource::Fact(Fact::Entropy)]
    }

    fn judge(&self, seen: &Evidence) -> Judgement {
        let mut parts = Parts::default();
        if let Some(found) = measured(seen, Fact::Entropy, &mut parts) {
            let initialised = flag(found, "initialised");
            parts.seen(
                initialised,
                if initialised { "initialised" } else { "the generator is not initialised yet" },
            );
            let mut sources: Vec<&str> = [words(found, "cpu"), words(found, "feeders")].concat();
            sources.extend(Some(text(found, "hardware")).filter(|name| !name.is_empty()));
            match sources.is_empty() {
                true => parts.seen(false, "no hardware source, CPU instruction or feeding daemon"),
                false => parts.seen(true, format!("fed by {}", sources.join(", "))),
            }
            if let Some(bits) = number(found, "available", &mut parts) {
                parts.seen(bits >= self.bits, format!("{bits} bits"));
            }
            if initialised && let Some(rate) = number(found, "rate", &mut parts) {
                parts.seen(rate >= self.rate, format!("{rate} bytes/s"));
            }
        }
        let (bits, rate) = (self.bits, self.rate);
        parts.judge(format!("an initialised generator with a source, {bits} bits, {rate} bytes/s or more"))
    }
}
