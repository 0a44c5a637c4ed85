//! Options and tags of sudoers(5), includes followed.

use std::collections::BTreeSet;

use model::{Constraint, Evidence, HostPath, Judgement, Lookup, Resource, State, Syntax};
use serde::Deserialize;

use super::parts::Parts;
use super::value::{Order, Scalar, Want};
use super::{Ask, Kind, unread};

/// `{ kind = "sudoers", option, value?, order?, least? }` or `{ kind = "sudoers", never?, tags? }`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Sudoers {
    /// An option that is set for everybody; without `value` the bare option.
    option: Option<String>,
    value: Option<Scalar>,
    #[serde(default)]
    order: Order,
    /// The lowest number allowed where `order` is `at-most`.
    least: Option<i64>,
    /// Options that are negated nowhere.
    #[serde(default)]
    never: Vec<String>,
    /// Tags that no rule has.
    #[serde(default)]
    tags: Vec<String>,
}

const MAIN: &str = "/etc/sudoers";
/// Read late among its neighbours; a name with a dot would be passed over.
const OURS: &str = "/etc/sudoers.d/zz-groundfast";
/// The mode that visudo(8) asks for.
const MODE: u32 = 0o440;

/// One option as it stands somewhere.
struct Setting<'s> {
    value: &'s str,
    scope: &'s str,
    at: &'s str,
    path: &'s str,
}

fn lookup() -> Resource {
    Resource::Effective(Lookup::Sudoers)
}

fn text<'s>(record: &'s State, part: &str) -> &'s str {
    record.get(part).and_then(State::as_text).unwrap_or_default()
}

fn settings<'s>(record: &'s State, option: &str) -> Vec<Setting<'s>> {
    let all = record.get("defaults").map(State::items).unwrap_or_default().iter();
    let named = all.filter(|setting| text(setting, "name") == option);
    named
        .map(|setting| Setting {
            value: text(setting, "value"),
            scope: text(setting, "scope"),
            at: text(setting, "at"),
            path: text(setting, "path"),
        })
        .collect()
}

/// A number with a fraction, as sudo reads minutes, to the next whole one away from zero.
fn whole(value: &str) -> Option<String> {
    let (number, fraction) = value.trim().split_once('.')?;
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let (sign, number) = number.strip_prefix('-').map_or((1, number), |number| (-1, number));
    let number = number.strip_prefix('+').unwrap_or(number);
    if !digits(fraction) || !digits(number) || (number.is_empty() && fraction.is_empty()) {
        return None;
    }
    let number: i64 = if number.is_empty() { 0 } else { number.parse().ok()? };
    let more = i64::from(fraction.bytes().any(|digit| digit != b'0'));
    Some((sign * number.checked_add(more)?).to_string())
}

impl Sudoers {
    fn want(&self) -> Option<Want<'_>> {
        let value = &self.value.as_ref()?.0;
        Some(Want { value, order: self.order, least: self.least, also: &[] })
    }

    fn admits(&self, value: &str) -> bool {
        let whole = || (self.order != Order::Equals).then(|| whole(value)).flatten();
        let value = whole().unwrap_or_else(|| value.to_owned());
        self.want().map_or(value.is_empty(), |want| want.admits(&value))
    }

    fn expected(&self) -> String {
        let option = self.option.as_ref().map(|option| match self.want() {
            Some(want) => format!("Defaults {option} = {want}"),
            None => format!("Defaults {option}"),
        });
        let never = self.never.iter().map(|option| format!("no !{option}"));
        let tags = self.tags.iter().map(|tag| format!("no {tag}"));
        option.into_iter().chain(never).chain(tags).collect::<Vec<_>>().join(", ")
    }

    fn judge_option(&self, record: &State, option: &str, parts: &mut Parts) {
        let settings = settings(record, option);
        let everybodys: Vec<_> = settings.iter().filter(|setting| setting.scope.is_empty()).collect();
        match everybodys.last() {
            None => parts.seen(false, format!("nothing sets {option} for everybody")),
            Some(last) => {
                parts.seen(self.admits(last.value), format!("{option} {} by {}", last.value, last.at));
            }
        }
        // A bare option may be switched off and on again; two values for one thing are a mistake.
        let values: BTreeSet<_> = everybodys.iter().map(|setting| setting.value).collect();
        if self.value.is_some() && values.len() > 1 {
            let values: Vec<_> = values.into_iter().collect();
            parts.seen(false, format!("{option} is set to different values: {}", values.join(", ")));
        }
        for setting in settings.iter().filter(|setting| !setting.scope.is_empty()) {
            if !self.admits(setting.value) {
                let Setting { value, scope, at, .. } = setting;
                parts.seen(false, format!("{option} {value} for {scope} by {at}, to be mended by hand"));
            }
        }
    }

    fn judge_absence(&self, record: &State, parts: &mut Parts) {
        for option in &self.never {
            for setting in settings(record, option).iter().filter(|setting| setting.value == "!") {
                parts.seen(false, format!("!{option} by {}", setting.at));
            }
        }
        for tag in record.get("tags").map(State::items).unwrap_or_default() {
            if self.tags.iter().any(|wanted| wanted == text(tag, "tag")) {
                parts.seen(false, format!("{} by {}", text(tag, "tag"), text(tag, "at")));
            }
        }
    }
}

impl Kind for Sudoers {
    fn check(&self) -> Result<(), String> {
        if self.option.is_some() == (!self.never.is_empty() || !self.tags.is_empty()) {
            return Err("a sudoers probe needs `option`, or `never` or `tags`".to_owned());
        }
        self.want().map_or(Ok(()), |want| want.check())
    }

    fn needs(&self, _seen: &Evidence) -> Vec<Resource> {
        vec![lookup()]
    }

    fn judge(&self, seen: &Evidence) -> Judgement {
        let record = match seen.see(&lookup()) {
            Ok(record) => record,
            Err(why) => return unread(self.expected(), &why),
        };
        let mut parts = Parts::default();
        match &self.option {
            Some(option) => self.judge_option(record, option, &mut parts),
            None => {
                parts.seen(
                    true,
                    if *record == State::Absent { "there is no sudoers" } else { "none is there" },
                );
                self.judge_absence(record, &mut parts);
            }
        }
        parts.judge(self.expected())
    }

    fn remedy(&self, seen: &Evidence) -> Vec<Ask> {
        let (Ok(record), Some(option)) = (seen.see(&lookup()), &self.option) else { return Vec::new() };
        if *record == State::Absent {
            return Vec::new();
        }
        let wanted = self.value.as_ref().map(|value| value.0.as_str()).unwrap_or_default();
        let set_in = |path: HostPath| {
            let resource = Resource::Setting { path, syntax: Syntax::Sudoers, key: option.clone() };
            Ask::new(resource, Constraint::Equals(State::text(wanted)))
        };
        let mut settings = settings(record, option);
        settings.retain(|setting| setting.scope.is_empty());
        let paths: BTreeSet<_> =
            settings.iter().filter(|setting| setting.value != wanted).map(|setting| setting.path).collect();
        let mut asks: Vec<_> = paths.into_iter().filter_map(|path| path.parse().ok()).map(set_in).collect();
        if settings.is_empty() {
            let folder = record.get("folder").and_then(State::as_flag).unwrap_or_default();
            let path = HostPath::literal(if folder { OURS } else { MAIN });
            asks.push(set_in(path.clone()));
            if folder {
                asks.push(Ask::new(Resource::Mode { path }, Constraint::Equals(State::Mode(MODE))));
            }
        }
        asks
    }
}
