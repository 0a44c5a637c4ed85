//! Every rule on a machine whose files somebody else wrote: each parser of a system file is behind some rule.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use model::{Control, Evidence, HostPath, Resource, State, SysctlScope, Unread, Verdict};
use profiles::{Catalogue, Tailoring};
use syntax::{Lookups, Source};

type Rules = Vec<Box<dyn Control>>;

/// A machine on which every file holds the same text, and every folder a file of each usual name.
struct Everywhere<'t>(&'t str);

impl Source for Everywhere<'_> {
    fn text(&self, _: &HostPath) -> Result<Option<String>, Unread> {
        Ok(Some(self.0.to_owned()))
    }

    fn names(&self, _: &HostPath) -> Result<Vec<String>, Unread> {
        Ok(["00-a.conf", "a.rules", "a.service", "a"].map(str::to_owned).into())
    }

    fn link(&self, _: &HostPath) -> Result<Option<String>, Unread> {
        Ok(None)
    }
}

fn answer(text: &str, lookups: &Lookups<'_>, resource: &Resource) -> Result<State, Unread> {
    match resource {
        Resource::Effective(lookup) => lookups.find(lookup),
        Resource::Setting { syntax, key, .. } => Ok(syntax::get(text, *syntax, key).into()),
        Resource::Sysctl { key, scope: SysctlScope::Persistent } => lookups.persistent_sysctl(key),
        Resource::Sysctl { .. } => Ok(State::text(text.lines().next().unwrap_or_default())),
        _ => Ok(State::Absent),
    }
}

/// Judges the rule that the first two bytes choose on a machine made of the rest.
fn judge(rules: &Rules, bytes: &[u8]) {
    let Some((chosen, rest)) = bytes.split_first_chunk::<2>() else { return };
    let Ok(text) = std::str::from_utf8(rest) else { return };
    let rule = &rules[usize::from(u16::from_le_bytes(*chosen)) % rules.len()];
    let source = Everywhere(text);
    let lookups = Lookups::new(&source);
    let mut seen = Evidence::default();
    for _ in 0..4 {
        let wanted = rule.needs(&seen);
        for resource in wanted.into_iter().filter(|resource| !seen.knows(resource)).collect::<Vec<_>>() {
            let state = answer(text, &lookups, &resource);
            seen.insert(resource, state);
        }
    }
    let judgement = rule.judge(&seen);
    let demands = rule.remedy(&seen);
    assert!(
        demands.is_empty() || judgement.verdict == Verdict::Fail,
        "only what fails is mended: {}",
        rule.id()
    );
    assert_eq!(rule.judge(&seen), judgement, "the same evidence gives the same verdict");
}

/// The rules of a profile, made once.
fn of(profile: &'static str) -> &'static Rules {
    static MADE: OnceLock<BTreeMap<&'static str, Rules>> = OnceLock::new();
    let made = MADE.get_or_init(|| {
        let catalogue = Catalogue::builtin().unwrap_or_default();
        let resolve =
            |name: &'static str| (name, catalogue.resolve(name, &Tailoring::default()).unwrap_or_default());
        PROFILES.map(resolve).into()
    });
    &made[profile]
}

const PROFILES: [&str; 4] =
    ["cis-debian12-l2-server", "cis-rhel9-l2-server", "cis-ubuntu2404-l2-server", "environment"];

pub(crate) fn debian12(bytes: &[u8]) {
    judge(of("cis-debian12-l2-server"), bytes);
}

pub(crate) fn rhel9(bytes: &[u8]) {
    judge(of("cis-rhel9-l2-server"), bytes);
}

pub(crate) fn ubuntu2404(bytes: &[u8]) {
    judge(of("cis-ubuntu2404-l2-server"), bytes);
}

pub(crate) fn environment(bytes: &[u8]) {
    judge(of("environment"), bytes);
}
