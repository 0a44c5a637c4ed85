//! Mode, owner and group of one path, or of the files that a shared walk finds by name.

use std::collections::{BTreeMap, BTreeSet};

use model::{
    Constraint, Entry, Evidence, FileQuery, HostPath, Judgement, Lookup, Node, Resource, State, Unread,
    Verdict, Wanted,
};
use serde::{Deserialize, Deserializer, de};

use super::parts::Parts;
use super::value::few;
use super::{Ask, Kind, unread};

/// `{ kind = "file", path, mode | owner | group }` for one path; with `name`, for the files in a directory.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct File {
    path: HostPath,
    /// A regular expression on file names: judges the files in `path` instead of `path` itself.
    name: Option<String>,
    /// A regular expression on file names that are left out of it.
    except: Option<String>,
    /// Whether to look below subdirectories too.
    #[serde(default)]
    recursive: bool,
    /// No permission bit beyond these, in octal.
    mode: Option<Octal>,
    /// The users allowed, names or numbers, the preferred one first.
    owner: Option<Vec<String>>,
    /// The groups allowed, names or numbers, the preferred one first.
    group: Option<Vec<String>>,
    /// What the absence of a single path means.
    #[serde(default)]
    absent: Absence,
    /// Directories whose files this rule is not about.
    #[serde(default)]
    outside: Vec<HostPath>,
    /// The mode that will do where the file has this group, as `{ ssh_keys = "0640" }`.
    #[serde(default)]
    group_mode: BTreeMap<String, Octal>,
    /// Whether a failure is only told, never mended.
    #[serde(default)]
    assess_only: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Absence {
    /// The rule is about the file where there is one.
    #[default]
    Notapplicable,
    /// The file must be there.
    Fail,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Octal(u32);

impl<'de> Deserialize<'de> for Octal {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let mode = u32::from_str_radix(&text, 8).ok().filter(|mode| *mode <= 0o7777);
        mode.map(Self)
            .ok_or_else(|| de::Error::custom(format!("`{text}` is not an octal mode such as \"0640\"")))
    }
}

/// Who may own a file: the numbers known so far, in order of preference, and why others are not known.
struct Allowed {
    ids: Vec<u32>,
    unread: Option<Unread>,
}

impl Allowed {
    fn admits(&self, id: u32) -> Result<bool, Unread> {
        match &self.unread {
            _ if self.ids.contains(&id) => Ok(true),
            Some(why) => Err(why.clone()),
            None => Ok(false),
        }
    }

    fn constraint(&self) -> Option<Constraint> {
        let mut states: Vec<_> = self.ids.iter().map(|id| State::Int(i64::from(*id))).collect();
        match states.len() {
            0 => None,
            1 => states.pop().map(Constraint::Equals),
            _ => Some(Constraint::OneOf(states)),
        }
    }
}

fn number(name: &str) -> Option<u32> {
    if name == "root" { Some(0) } else { name.parse().ok() }
}

fn user(name: &str) -> Resource {
    Resource::Effective(Lookup::User { name: name.to_owned() })
}

fn group(name: &str) -> Resource {
    Resource::Effective(Lookup::Group { name: name.to_owned() })
}

fn allowed(seen: &Evidence, names: &[String], lookup: fn(&str) -> Resource) -> Allowed {
    let mut allowed = Allowed { ids: Vec::new(), unread: None };
    for name in names {
        match number(name).map_or_else(|| id_of(seen, &lookup(name)), |id| Ok(Some(id))) {
            Ok(id) => allowed.ids.extend(id),
            Err(why) => allowed.unread = Some(why),
        }
    }
    allowed
}

fn id_of(seen: &Evidence, lookup: &Resource) -> Result<Option<u32>, Unread> {
    Ok(seen.see(lookup)?.as_int().and_then(|id| u32::try_from(id).ok()))
}

impl File {
    /// What is asked of one path, if it is there.
    pub(crate) fn at(
        path: HostPath,
        mode: Option<Octal>,
        owner: Option<Vec<String>>,
        group: Option<Vec<String>>,
    ) -> Self {
        Self {
            path,
            name: None,
            except: None,
            recursive: false,
            mode,
            owner,
            group,
            absent: Absence::Notapplicable,
            outside: Vec::new(),
            group_mode: BTreeMap::new(),
            assess_only: false,
        }
    }

    fn query(&self) -> Option<Resource> {
        let ids =
            |names: &Vec<String>| names.iter().map(|name| number(name)).collect::<Option<BTreeSet<_>>>();
        let wanted = match (self.mode, &self.owner, &self.group) {
            (Some(mode), None, None) => Wanted::ModeBeyond(mode.0),
            (None, Some(names), None) => ids(names).map_or(Wanted::Any, Wanted::OwnerNot),
            (None, None, Some(names)) => ids(names).map_or(Wanted::Any, Wanted::GroupNot),
            _ => Wanted::Any,
        };
        Some(Resource::Files(FileQuery {
            under: self.path.clone(),
            recursive: self.recursive,
            name: Some(self.name.clone()?),
            except: self.except.clone(),
            kinds: BTreeSet::from([Node::File]),
            wanted,
        }))
    }

    /// The facets of the one path that this rule is about.
    fn facets(&self) -> Vec<Resource> {
        let path = &self.path;
        let mode = self.mode.map(|_| Resource::Mode { path: path.clone() });
        let owner = self.owner.as_ref().map(|_| Resource::Owner { path: path.clone() });
        let group = self.group.as_ref().map(|_| Resource::Group { path: path.clone() });
        mode.into_iter().chain(owner).chain(group).collect()
    }

    fn is_ours(&self, entry: &Entry) -> bool {
        !self.outside.iter().any(|folder| entry.path.is_under(folder))
    }

    /// Whether the group of a found file lets it have more.
    fn has_group_mode(&self, seen: &Evidence, entry: &Entry) -> Result<bool, Unread> {
        for (name, mode) in &self.group_mode {
            if entry.mode & !mode.0 == 0 && id_of(seen, &group(name))? == Some(entry.gid) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn owners(&self, seen: &Evidence) -> Option<Allowed> {
        self.owner.as_ref().map(|names| allowed(seen, names, user))
    }

    fn groups(&self, seen: &Evidence) -> Option<Allowed> {
        self.group.as_ref().map(|names| allowed(seen, names, group))
    }

    fn expected(&self) -> String {
        let which = match &self.name {
            Some(name) => format!("files named {name} in {}", self.path),
            None => self.path.to_string(),
        };
        format!("{which}: {}", self.wanted())
    }

    /// What is asked, in words.
    pub(crate) fn wanted(&self) -> String {
        let mode = self.mode.map(|mode| format!("mode {:04o} or stricter", mode.0));
        let owner = self.owner.as_ref().map(|names| format!("owner {}", names.join(" or ")));
        let group = self.group.as_ref().map(|names| format!("group {}", names.join(" or ")));
        mode.into_iter().chain(owner).chain(group).collect::<Vec<_>>().join(", ")
    }

    /// Whether one facet of one path satisfies the rule.
    fn admits(&self, seen: &Evidence, facet: &Resource, state: &State) -> Result<bool, Unread> {
        let id = || state.as_int().and_then(|id| u32::try_from(id).ok());
        match facet {
            Resource::Mode { .. } => {
                let State::Mode(mode) = state else { return Ok(false) };
                Ok(self.mode.is_none_or(|wanted| mode & !wanted.0 == 0))
            }
            Resource::Owner { .. } => {
                self.owners(seen).zip(id()).map_or(Ok(false), |(allowed, id)| allowed.admits(id))
            }
            _ => self.groups(seen).zip(id()).map_or(Ok(false), |(allowed, id)| allowed.admits(id)),
        }
    }

    fn ask(&self, seen: &Evidence, facet: Resource) -> Option<Ask> {
        let constraint = match &facet {
            Resource::Mode { .. } => self.mode.map(|mode| Constraint::ModeWithin(mode.0)),
            Resource::Owner { .. } => self.owners(seen).and_then(|allowed| allowed.constraint()),
            _ => self.groups(seen).and_then(|allowed| allowed.constraint()),
        };
        constraint.map(|constraint| Ask::new(facet, constraint))
    }

    /// The facets of a found file that do not satisfy the rule, as a demand would name them.
    fn offences(&self, seen: &Evidence, entry: &Entry) -> Result<Vec<Resource>, Unread> {
        let path = &entry.path;
        let facets = File { path: path.clone(), ..self.clone() }.facets();
        let mut offences = Vec::new();
        for facet in facets {
            let state = match &facet {
                Resource::Mode { .. } => State::Mode(entry.mode),
                Resource::Owner { .. } => State::Int(entry.uid.into()),
                _ => State::Int(entry.gid.into()),
            };
            let excused = matches!(facet, Resource::Mode { .. }) && self.has_group_mode(seen, entry)?;
            if !excused && !self.admits(seen, &facet, &state)? {
                offences.push(facet);
            }
        }
        Ok(offences)
    }

    fn judge_entries(&self, seen: &Evidence, found: &State) -> Judgement {
        let State::Entries(entries) = found else {
            let actual = format!("{} is not there", self.path);
            return Judgement::other(Verdict::Notapplicable, self.expected(), actual);
        };
        let mut offenders = Vec::new();
        for entry in entries.iter().filter(|entry| self.is_ours(entry)) {
            match self.offences(seen, entry) {
                Ok(offences) if offences.is_empty() => {}
                Ok(_) => offenders
                    .push(format!("{} is {:04o} {}:{}", entry.path, entry.mode, entry.uid, entry.gid)),
                Err(why) => return unread(self.expected(), &why),
            }
        }
        let actual = if offenders.is_empty() { "no file is otherwise".to_owned() } else { few(&offenders) };
        Judgement::of(offenders.is_empty(), self.expected(), actual)
    }

    fn judge_path(&self, seen: &Evidence) -> Judgement {
        let mut parts = Parts::default();
        for facet in self.facets() {
            match seen.see(&facet) {
                Ok(State::Absent) => {
                    let verdict =
                        if self.absent == Absence::Fail { Verdict::Fail } else { Verdict::Notapplicable };
                    return Judgement::other(verdict, self.expected(), format!("{} is not there", self.path));
                }
                Ok(state) => match self.admits(seen, &facet, state) {
                    Ok(passes) => parts.seen(passes, format!("{facet} is {state}")),
                    Err(why) => parts.unread(&why),
                },
                Err(why) => parts.unread(&why),
            }
        }
        parts.judge(self.expected())
    }
}

impl Kind for File {
    fn check(&self) -> Result<(), String> {
        if self.mode.is_none() && self.owner.is_none() && self.group.is_none() {
            return Err("a file probe needs `mode`, `owner` or `group`".to_owned());
        }
        if self.name.is_none() && (self.recursive || self.except.is_some()) {
            return Err("`recursive` and `except` go with `name`".to_owned());
        }
        for pattern in self.name.iter().chain(&self.except) {
            regex_syntax::parse(pattern)
                .map_err(|error| format!("`{pattern}` is not a regular expression: {error}"))?;
        }
        Ok(())
    }

    fn needs(&self, _seen: &Evidence) -> Vec<Resource> {
        let named = |names: &Option<Vec<String>>, lookup: fn(&str) -> Resource| {
            let names = names.iter().flatten().filter(|name| number(name).is_none());
            names.map(|name| lookup(name)).collect::<Vec<_>>()
        };
        let mut needs = self.query().map_or_else(|| self.facets(), |query| vec![query]);
        needs.extend(named(&self.owner, user));
        needs.extend(named(&self.group, group));
        needs.extend(self.group_mode.keys().map(|name| group(name)));
        needs
    }

    fn judge(&self, seen: &Evidence) -> Judgement {
        match self.query().map(|query| seen.see(&query)) {
            None => self.judge_path(seen),
            Some(Ok(found)) => self.judge_entries(seen, found),
            Some(Err(why)) => unread(self.expected(), &why),
        }
    }

    fn remedy(&self, seen: &Evidence) -> Vec<Ask> {
        if self.assess_only {
            return Vec::new();
        }
        let facets = match self.query().map(|query| seen.see(&query).cloned()) {
            Some(Ok(State::Entries(entries))) => {
                let ours = entries.iter().filter(|entry| self.is_ours(entry));
                let offences = ours.flat_map(|entry| self.offences(seen, entry).unwrap_or_default());
                offences.collect()
            }
            Some(_) => Vec::new(),
            None => {
                let mut facets = self.facets();
                facets.retain(|facet| match seen.see(facet) {
                    Ok(State::Absent) | Err(_) => false,
                    Ok(state) => self.admits(seen, facet, state) == Ok(false),
                });
                facets
            }
        };
        facets.into_iter().filter_map(|facet| self.ask(seen, facet)).collect()
    }
}
