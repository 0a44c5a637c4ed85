//! A key of GNOME's settings, as the system sets and locks it.

use model::{Constraint, Evidence, HostPath, Judgement, Lookup, Resource, State, Syntax};
use regex::Regex;
use serde::Deserialize;

use super::parts::Parts;
use super::value::{Order, Scalar, Want};
use super::{Ask, Kind, unread};

/// `{ kind = "dconf", databases, key, value?, pattern?, order?, least?, locked? }`; without `value` the key need only be locked.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Dconf {
    /// The databases that may set it, the preferred one first.
    databases: Vec<String>,
    /// As `org/gnome/login-screen/banner-message-enable`.
    key: String,
    value: Option<Scalar>,
    /// A regular expression: what matches it will do as well as `value`.
    pattern: Option<Scalar>,
    #[serde(default)]
    order: Order,
    /// The lowest number allowed where `order` is `at-most`.
    least: Option<i64>,
    /// Whether users must be kept from changing it.
    #[serde(default = "yes")]
    locked: bool,
}

fn yes() -> bool {
    true
}

impl Dconf {
    fn lookup(&self) -> Resource {
        Resource::Effective(Lookup::Dconf { databases: self.databases.clone(), key: self.key.clone() })
    }

    fn want(&self) -> Option<Want<'_>> {
        let value = &self.value.as_ref()?.0;
        Some(Want { value, order: self.order, least: self.least, also: &[] })
    }

    fn pattern(&self) -> Option<Result<Regex, regex::Error>> {
        self.pattern.as_ref().map(|pattern| Regex::new(&pattern.0))
    }

    fn admits(&self, want: &Want<'_>, text: &str) -> bool {
        want.admits(plain(text))
            || self.pattern().is_some_and(|one| one.is_ok_and(|one| one.is_match(plain(text))))
    }
}

/// The value of GVariant text without its type and quotes: `uint32 900`, `'text'`.
fn plain(text: &str) -> &str {
    let text = text.trim();
    let text = ["uint32 ", "int32 "].iter().find_map(|kind| text.strip_prefix(kind)).unwrap_or(text).trim();
    let quoted = |quote: char| text.strip_prefix(quote)?.strip_suffix(quote);
    quoted('\'').or_else(|| quoted('"')).unwrap_or(text)
}

impl Kind for Dconf {
    fn by_hand(&self) -> Option<&'static str> {
        None
    }

    fn check(&self) -> Result<(), String> {
        if self.databases.is_empty() || !self.key.contains('/') {
            return Err(
                "`databases` names one at least, and `key` is a path such as org/gnome/x/y".to_owned()
            );
        }
        if let Some(Err(error)) = self.pattern() {
            return Err(format!("`pattern` is no regular expression: {error}"));
        }
        self.want().map_or(Ok(()), |want| want.check())
    }

    fn needs(&self, _seen: &Evidence) -> Vec<Resource> {
        vec![self.lookup()]
    }

    fn judge(&self, seen: &Evidence) -> Judgement {
        let value = self.want().map(|want| format!(" = {want}")).unwrap_or_default();
        let locked = if self.locked { ", locked" } else { "" };
        let expected = format!("{}{value}{locked} in the database {}", self.key, self.databases.join(" or "));
        let record = match seen.see(&self.lookup()) {
            Ok(record) => record,
            Err(why) => return unread(expected, &why),
        };
        let text = |part: &str| record.get(part).and_then(State::as_text);
        let mut parts = Parts::default();
        if let Some(want) = self.want() {
            match text("value") {
                Some(value) => {
                    let path = text("path").unwrap_or_default();
                    parts.seen(self.admits(&want, value), format!("{value} by {path}"));
                }
                None => parts.seen(false, format!("nothing sets {}", self.key)),
            }
        }
        if self.locked {
            let lock = text("lock");
            parts.seen(
                lock.is_some(),
                lock.map_or("not locked".to_owned(), |path| format!("locked by {path}")),
            );
            let read = record.get("profile").and_then(State::as_flag).unwrap_or_default();
            let not = if read { "" } else { "not " };
            parts.seen(read, format!("/etc/dconf/profile/user does {not}read these databases"));
        }
        parts.judge(expected)
    }

    fn remedy(&self, seen: &Evidence) -> Vec<Ask> {
        let (Ok(record), Some(database)) = (seen.see(&self.lookup()), self.databases.last()) else {
            return Vec::new();
        };
        let (Ok(keys), Ok(locks)) = (ours(database, ""), ours(database, "locks/")) else { return Vec::new() };
        let Some((section, name)) = self.key.rsplit_once('/') else { return Vec::new() };
        let mut asks = Vec::new();
        let value = record.get("value").map(ToString::to_string);
        if let Some(want) = self.want().filter(|want| !value.is_some_and(|value| self.admits(want, &value))) {
            asks.push(set(keys, Syntax::Ini, &format!("{section}.{name}"), &variant(want.value)));
        }
        if self.locked && record.get("lock").is_none() {
            asks.push(set(locks, Syntax::KeyValue, &format!("/{}", self.key), ""));
        }
        // Only a profile that is not there is written: the order of its lines is the site's business.
        if self.locked && record.get("profile") != Some(&State::Flag(true)) {
            let content = Resource::Content { path: HostPath::literal(PROFILE) };
            asks.push(Ask::new(content, Constraint::Equals(State::text(READS))));
            let mode = Resource::Mode { path: HostPath::literal(PROFILE) };
            asks.push(Ask::new(mode, Constraint::Equals(State::Mode(0o644))));
        }
        asks
    }
}

const PROFILE: &str = "/etc/dconf/profile/user";
/// A user's own database is written to, and the system's `local` has the say on what is locked.
const READS: &str = "user-db:user\nsystem-db:local\n";

/// Our own file in a database, read after the others.
fn ours(database: &str, below: &str) -> Result<HostPath, model::PathError> {
    format!("/etc/dconf/db/{database}.d/{below}99-zz-groundfast").parse()
}

fn set(path: HostPath, syntax: Syntax, key: &str, value: &str) -> Ask {
    let resource = Resource::Setting { path, syntax, key: key.to_owned() };
    Ask::new(resource, Constraint::Equals(State::text(value)))
}

/// A value as GVariant text; the numbers of GNOME's settings that rules are about are unsigned.
fn variant(value: &str) -> String {
    match value {
        "true" | "false" => value.to_owned(),
        number if number.parse::<u32>().is_ok() => format!("uint32 {number}"),
        text => format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'")),
    }
}

/// `{ kind = "dconf_compiled", databases }`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Compiled {
    databases: Vec<String>,
}

fn compiled(database: &str) -> Resource {
    Resource::Effective(Lookup::DconfCompiled { database: database.to_owned() })
}

impl Kind for Compiled {
    fn by_hand(&self) -> Option<&'static str> {
        Some("the databases are compiled again when a key is set, or by `dconf update`")
    }

    fn needs(&self, _seen: &Evidence) -> Vec<Resource> {
        self.databases.iter().map(|database| compiled(database)).collect()
    }

    fn judge(&self, seen: &Evidence) -> Judgement {
        let mut parts = Parts::default();
        for database in &self.databases {
            match seen.see(&compiled(database)) {
                Ok(State::Absent) => parts.seen(true, format!("{database} has no key files")),
                Ok(state) => {
                    let fresh = *state == State::Flag(true);
                    let told = if fresh { "is as new as" } else { "is older than" };
                    parts.seen(fresh, format!("{database} {told} its key files"));
                }
                Err(why) => parts.unread(&why),
            }
        }
        parts.judge("every compiled database as new as its key files")
    }
}
