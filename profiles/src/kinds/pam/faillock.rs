//! pam_faillock: asked before pam_unix and told after it, so that accounts lock after too many failures.

use model::{Evidence, HostPath, Judgement, Resource, Unread};
use serde::Deserialize;

use super::super::parts::Parts;
use super::super::value::{Order, Scalar, Want};
use super::super::{Ask, Kind, unread};
use super::add::{self, Line, Profile};
use super::stack::{Entry, seen_stack, stack_of};
use super::{Finding, own, set_own};

/// `{ kind = "faillock", auth, account, option?, value?, order?, least?, also?, or? }`: the files that hold the two
/// stacks, and an option of the module, from its arguments or from faillock.conf(5).
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Faillock {
    auth: Vec<HostPath>,
    account: Vec<HostPath>,
    option: Option<String>,
    value: Option<Scalar>,
    #[serde(default)]
    order: Order,
    /// The lowest number allowed where `order` is `at-most`.
    least: Option<i64>,
    /// Further words that are accepted.
    #[serde(default)]
    also: Vec<String>,
    /// A bare option that will do as well.
    or: Option<String>,
}

const MODULE: &str = "pam_faillock.so";
const CONF: &str = "/etc/security/faillock.conf";

fn conf() -> HostPath {
    HostPath::literal(CONF)
}

/// Whether a failure of this entry fails the whole stack.
fn is_binding(entry: &Entry) -> bool {
    matches!(entry.does("default"), Some("bad" | "die"))
}

/// What is wrong with an `auth` stack: `preauth` binding before pam_unix, `authfail` binding after it.
fn judge_auth(seen: &Evidence, file: &HostPath, stack: &[Entry]) -> Finding {
    let unix: Vec<_> = (0..stack.len()).filter(|at| stack[*at].module == "pam_unix.so").collect();
    let [unix] = unix[..] else {
        return Finding::seen(false, format!("{} entries of pam_unix.so in {file}, not one", unix.len()));
    };
    let has = |part: &[Entry], arg: &str| {
        part.iter().any(|entry| entry.module == MODULE && entry.value(arg).is_some() && is_binding(entry))
    };
    let (before, after) = stack.split_at(unix);
    let (first, last) = (has(before, "preauth"), has(after, "authfail"));
    let says = match (first, last) {
        (true, true) => format!("{MODULE} around pam_unix.so in {file}"),
        (false, _) => format!("no binding {MODULE} preauth before pam_unix.so in {file}"),
        _ => format!("no binding {MODULE} authfail after pam_unix.so in {file}"),
    };
    let mut asks = Vec::new();
    // Where an entry is there already, in whatever form, a person has to say what it is for.
    let none = |part: &[Entry]| part.iter().all(|entry| entry.module != MODULE);
    if !first && none(before) {
        asks.extend(line(seen, true, (file, "auth"), "pam_unix.so"));
    }
    // An entry that counts failures refuses whoever comes to it, so what succeeds has to go round it.
    let skips = |entry: &Entry| {
        entry.does("success").is_some_and(|does| does == "done" || does.parse::<usize>().is_ok())
    };
    if !last && none(after) && after.first().is_some_and(skips) {
        // After the last module that asks, before the fallback.
        let fallback = stack.iter().position(|entry| entry.module == "pam_deny.so");
        let before = fallback.and_then(|deny| stack.get(deny.checked_sub(1)?));
        let anchor = before.map_or("pam_unix.so", |entry| &entry.module);
        asks.extend(line(seen, false, (file, "auth"), anchor));
    }
    Finding::seen(first && last, says).or(asks)
}

/// The entries that this module needs, by the profile of pam-auth-update that they come with: the one that counts a
/// failure goes after all that ask for a password, the others before.
const FIRST: [(&str, &str); 2] =
    [("auth", "requisite pam_faillock.so preauth"), ("account", "required pam_faillock.so")];
const LAST: [(&str, &str); 1] = [("auth", "[default=die] pam_faillock.so authfail")];

/// Adds an entry to a stack of this type: one of the first before its anchor, one of the last after it.
fn line(seen: &Evidence, first: bool, (file, kind): (&HostPath, &str), anchor: &str) -> Vec<Ask> {
    let (name, title, priority, whole) = if first {
        (
            "groundfast-faillock-first",
            "Locked accounts are refused before a password is asked for",
            1024,
            &FIRST[..],
        )
    } else {
        ("groundfast-faillock-last", "Failed logins are counted towards a lock", 0, &LAST[..])
    };
    let profile = Profile { name: name.to_owned(), title: title.to_owned(), priority };
    let rule = whole.iter().find(|(one, _)| *one == kind).map(|(_, rule)| (*rule).to_owned());
    let line = rule.map(|rule| Line { file, kind, after: !first, anchor: anchor.to_owned(), rule });
    profile.asks(seen, line.as_slice(), whole)
}

fn judge_account(seen: &Evidence, file: &HostPath, stack: &[Entry]) -> Finding {
    let there = stack.iter().any(|entry| entry.module == MODULE && is_binding(entry));
    let says = if there { "" } else { "no binding " };
    let mut asks = Vec::new();
    if stack.iter().all(|entry| entry.module != MODULE) {
        asks = line(seen, true, (file, "account"), "pam_unix.so");
    }
    Finding::seen(there, format!("{says}{MODULE} in the account stack of {file}")).or(asks)
}

impl Faillock {
    fn want(&self) -> Option<Want<'_>> {
        let value = &self.value.as_ref()?.0;
        Some(Want { value, order: self.order, least: self.least, also: &self.also })
    }

    fn expected(&self) -> String {
        let option = self.option.as_ref().map(|option| match self.want() {
            Some(want) => format!(", {option} {want}"),
            None => format!(", {option}"),
        });
        let or = self.or.as_ref().map(|or| format!(" or {or}"));
        format!(
            "{MODULE} before and after pam_unix.so{}{}",
            option.unwrap_or_default(),
            or.unwrap_or_default()
        )
    }

    fn findings(&self, seen: &Evidence) -> Result<Vec<Finding>, Unread> {
        let mut findings = Vec::new();
        for file in &self.auth {
            let Some(stack) = seen_stack(seen, file, "auth")? else {
                findings.push(Finding::seen(false, format!("{file} is not there")));
                continue;
            };
            findings.push(judge_auth(seen, file, &stack));
            if let Some(option) = &self.option {
                findings.push(self.judge_option(seen, option, file, &stack)?);
            }
        }
        for file in &self.account {
            findings.push(match seen_stack(seen, file, "account")? {
                Some(stack) => judge_account(seen, file, &stack),
                None => Finding::seen(false, format!("{file} is not there")),
            });
        }
        Ok(findings)
    }

    /// What the module makes of an option: its arguments, the file where there are none. The entries of one
    /// stack count together, since one of them keeps the count and another asks it.
    fn judge_option(
        &self,
        seen: &Evidence,
        option: &str,
        file: &HostPath,
        stack: &[Entry],
    ) -> Result<Finding, Unread> {
        let admits = |value: &str| self.want().is_none_or(|want| want.admits(value));
        let entries = || stack.iter().filter(|entry| entry.module == MODULE);
        if let Some(or) = &self.or {
            let bare = seen.see(&own(&conf(), or))?.get("value").is_some();
            if bare || entries().any(|entry| entry.value(or).is_some()) {
                return Ok(Finding::seen(true, or));
            }
        }
        let given: Vec<_> =
            entries().filter_map(|entry| Some((entry.value(option)?, entry.at.as_str()))).collect();
        if !given.is_empty() {
            let shown: Vec<_> = given.iter().map(|(value, at)| format!("{option} {value} at {at}")).collect();
            return Ok(Finding::seen(given.iter().all(|(value, _)| admits(value)), shown.join(", ")));
        }
        let record = seen.see(&own(&conf(), option))?;
        let finding = match (record.get("value"), record.get("at")) {
            (Some(value), Some(at)) => {
                let value = value.to_string();
                Finding::seen(admits(&value), format!("{option} {value} by {at}"))
            }
            _ => Finding::seen(false, format!("no {option} in {file} nor in {CONF}")),
        };
        let value = self.value.as_ref().map(|value| value.0.as_str()).unwrap_or_default();
        Ok(finding.or(vec![set_own(&conf(), option, value)]))
    }
}

impl Kind for Faillock {
    fn by_hand(&self) -> Option<&'static str> {
        None
    }

    fn check(&self) -> Result<(), String> {
        if self.option.is_none() && (self.value.is_some() || self.or.is_some()) {
            return Err("`value` and `or` go with `option`".to_owned());
        }
        self.want().map_or(Ok(()), |want| want.check())
    }

    fn needs(&self, _seen: &Evidence) -> Vec<Resource> {
        let auth = self.auth.iter().map(|file| stack_of(file, "auth"));
        let account = self.account.iter().map(|file| stack_of(file, "account"));
        let options = self.option.iter().chain(&self.or).map(|option| own(&conf(), option));
        auth.chain(account).chain(options).chain(add::needs(["auth", "account"].into_iter())).collect()
    }

    fn judge(&self, seen: &Evidence) -> Judgement {
        match self.findings(seen) {
            Ok(findings) => {
                let mut parts = Parts::default();
                findings.into_iter().for_each(|finding| parts.seen(finding.passes, finding.says));
                parts.judge(self.expected())
            }
            Err(why) => unread(self.expected(), &why),
        }
    }

    fn remedy(&self, seen: &Evidence) -> Vec<Ask> {
        let mut asks: Vec<Ask> = Vec::new();
        for ask in self.findings(seen).unwrap_or_default().into_iter().flat_map(|finding| finding.asks) {
            if !asks.contains(&ask) {
                asks.push(ask);
            }
        }
        asks
    }
}
