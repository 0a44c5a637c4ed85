//! Several probes as one: all of them, or any.

use model::{Evidence, Judgement, Resource, Verdict};
use serde::{Deserialize, Deserializer, de};
use toml::{Table, Value};

use super::value::few;
use super::{Ask, Kind, Probe, ReadError};

/// A probe inside another.
struct Nested(Probe);

impl<'de> Deserialize<'de> for Nested {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut parts = Table::deserialize(deserializer)?;
        let kind = match parts.remove("kind") {
            Some(Value::String(kind)) => kind,
            _ => return Err(de::Error::custom("a probe needs a `kind`")),
        };
        let probe = Probe::read(&kind, Value::Table(parts)).map_err(|error| match error {
            ReadError::UnknownKind => de::Error::custom(format!("unknown probe kind `{kind}`")),
            ReadError::Arguments(error) => de::Error::custom(error),
        })?;
        Ok(Self(probe))
    }
}

/// `{ kind = "all", of = [{ kind = …, … }, …] }`: every probe passes; those that do not apply are left out.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct All {
    of: Vec<Nested>,
}

/// `{ kind = "any", of = [{ kind = …, … }, …] }`: one probe passes; the remedy is that of the first.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Any {
    of: Vec<Nested>,
}

fn check(of: &[Nested]) -> Result<(), String> {
    if of.len() < 2 {
        return Err("`of` holds at least two probes".to_owned());
    }
    of.iter().try_for_each(|nested| nested.0.kind().check())
}

fn needs(of: &[Nested], seen: &Evidence) -> Vec<Resource> {
    of.iter().flat_map(|nested| nested.0.kind().needs(seen)).collect()
}

/// The judgements of a verdict as one; `None` when there is none.
fn together(all: &[Judgement], verdict: Verdict, word: &str) -> Option<Judgement> {
    let such: Vec<_> = all.iter().filter(|one| one.verdict == verdict).collect();
    let expected: Vec<_> = all.iter().map(|one| one.expected.clone()).collect();
    let actual: Vec<_> = such.iter().map(|one| one.actual.clone()).collect();
    (!such.is_empty()).then(|| Judgement::other(verdict, expected.join(word), few(&actual)))
}

fn decided(of: &[Nested], seen: &Evidence, order: [Verdict; 4], word: &str) -> Judgement {
    let all: Vec<_> = of.iter().map(|nested| nested.0.kind().judge(seen)).collect();
    let found = order.into_iter().find_map(|verdict| together(&all, verdict, word));
    found.unwrap_or_else(|| Judgement::other(Verdict::Error, "a verdict of each probe", "none has one"))
}

impl Kind for All {
    fn by_hand(&self) -> Option<&'static str> {
        self.of.iter().find_map(|nested| nested.0.kind().by_hand())
    }

    fn check(&self) -> Result<(), String> {
        check(&self.of)
    }

    fn needs(&self, seen: &Evidence) -> Vec<Resource> {
        needs(&self.of, seen)
    }

    fn judge(&self, seen: &Evidence) -> Judgement {
        let order = [Verdict::Fail, Verdict::Unknown, Verdict::Pass, Verdict::Notapplicable];
        decided(&self.of, seen, order, "; and ")
    }

    fn remedy(&self, seen: &Evidence) -> Vec<Ask> {
        let failing = self.of.iter().filter(|nested| nested.0.kind().judge(seen).verdict == Verdict::Fail);
        failing.flat_map(|nested| nested.0.kind().remedy(seen)).collect()
    }
}

impl Kind for Any {
    fn by_hand(&self) -> Option<&'static str> {
        self.of.first().and_then(|nested| nested.0.kind().by_hand())
    }

    fn check(&self) -> Result<(), String> {
        check(&self.of)
    }

    fn needs(&self, seen: &Evidence) -> Vec<Resource> {
        needs(&self.of, seen)
    }

    fn judge(&self, seen: &Evidence) -> Judgement {
        let order = [Verdict::Pass, Verdict::Unknown, Verdict::Fail, Verdict::Notapplicable];
        decided(&self.of, seen, order, "; or ")
    }

    fn remedy(&self, seen: &Evidence) -> Vec<Ask> {
        self.of.first().map(|nested| nested.0.kind().remedy(seen)).unwrap_or_default()
    }
}
