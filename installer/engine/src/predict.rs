//! What controls would see once a plan has been carried out, as far as that can be told before anything changes.
//!
//! Files are laid over those of the machine as the plan writes them, and whatever was worked out of them is worked
//! out again; packages that go take their files along. What a running program makes of it stays as it was seen.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;

use model::{
    Blobs, Evidence, FileState, HostPath, Lookup, Node, Plan, Resource, StageKind, State, SysctlScope,
    Unread, Wanted,
};
use syntax::{Lookups, Source};

/// Where dpkg lists the files of a package.
const LISTS: &str = "/var/lib/dpkg/info";

/// The files of a machine as a plan leaves them.
pub struct Planned<'a> {
    now: &'a dyn Source,
    nodes: BTreeMap<HostPath, Laid>,
}

/// What a plan puts in the place of a path.
enum Laid {
    Nothing,
    Folder,
    Text(String),
    Link(String),
}

impl<'a> Planned<'a> {
    /// The files of `now` with those that `plan` writes or removes laid over, texts out of `bytes`.
    pub fn new(now: &'a dyn Source, plan: &Plan, bytes: &dyn Blobs) -> Self {
        let mut nodes = BTreeMap::new();
        for change in plan.steps().map(|step| &step.change) {
            match &change.resource {
                Resource::File { path } => {
                    nodes.extend(laid(&change.to, bytes).map(|laid| (path.clone(), laid)));
                }
                Resource::Package { name } if change.to == State::Absent => {
                    nodes.extend(files_of(now, name).into_iter().map(|path| (path, Laid::Nothing)));
                }
                _ => {}
            }
        }
        Self { now, nodes }
    }
}

fn laid(to: &State, bytes: &dyn Blobs) -> Option<Laid> {
    match to {
        State::Absent => Some(Laid::Nothing),
        State::File(FileState { target: Some(target), .. }) => Some(Laid::Link(target.clone())),
        State::File(FileState { content: Some(digest), .. }) => {
            let mut text = String::new();
            let read = bytes.open(digest).ok()?.read_to_string(&mut text);
            read.is_ok().then_some(Laid::Text(text))
        }
        State::File(file) if file.attributes.node == Node::Directory => Some(Laid::Folder),
        _ => None,
    }
}

/// The files of an installed package, its folders left out: those are shared.
fn files_of(now: &dyn Source, package: &str) -> Vec<HostPath> {
    let folder = HostPath::literal(LISTS);
    let names = now.names(&folder).unwrap_or_default();
    let (plain, more) = (format!("{package}.list"), format!("{package}:"));
    let is_list = |name: &&String| **name == plain || name.starts_with(&more) && name.ends_with(".list");
    let texts = names.iter().filter(is_list).filter_map(|name| now.text(&folder.join(name).ok()?).ok()?);
    let paths: BTreeSet<HostPath> = texts
        .flat_map(|text| text.lines().filter_map(|line| line.parse().ok()).collect::<Vec<_>>())
        .collect();
    let is_folder =
        |path: &HostPath| paths.range(path.clone()..).nth(1).is_some_and(|next| next.is_under(path));
    paths.iter().filter(|path| !is_folder(path)).cloned().collect()
}

impl Source for Planned<'_> {
    fn text(&self, path: &HostPath) -> Result<Option<String>, Unread> {
        match self.nodes.get(path) {
            Some(Laid::Nothing | Laid::Folder) => Ok(None),
            Some(Laid::Text(text)) => Ok(Some(text.clone())),
            Some(Laid::Link(target)) => {
                let base = path.parent().unwrap_or_else(|| path.clone());
                let target = if target.starts_with('/') { target.parse() } else { base.join(target) };
                // A target with `..` in it is no path of ours; nothing that we write has one.
                target.map_or(Ok(None), |target| self.text(&target))
            }
            None => self.now.text(path),
        }
    }

    fn bytes(&self, path: &HostPath) -> Result<Option<Box<dyn syntax::Bytes>>, Unread> {
        if self.nodes.contains_key(path) {
            return Ok(self.text(path)?.map(|text| Box::new(text.into_bytes()) as Box<dyn syntax::Bytes>));
        }
        self.now.bytes(path)
    }

    fn names(&self, folder: &HostPath) -> Result<Vec<String>, Unread> {
        let mut names = self.now.names(folder)?;
        for (path, laid) in self.nodes.iter().filter(|(path, _)| path.parent().as_ref() == Some(folder)) {
            names.retain(|name| name != path.name());
            if !matches!(laid, Laid::Nothing) {
                names.push(path.name().to_owned());
            }
        }
        Ok(names)
    }

    fn link(&self, path: &HostPath) -> Result<Option<String>, Unread> {
        match self.nodes.get(path) {
            Some(Laid::Link(target)) => Ok(Some(target.clone())),
            Some(_) => Ok(None),
            None => self.now.link(path),
        }
    }

    fn modified(&self, path: &HostPath) -> Result<Option<i128>, Unread> {
        self.now.modified(path)
    }
}

/// What was seen of some resources, as it will be once the plan has been carried out. What a stack will look like is
/// only told by starting it, so of that everything stays as it is.
pub(crate) fn predict<'r>(
    seen: &Evidence,
    resources: impl Iterator<Item = &'r Resource>,
    plan: &Plan,
    now: &dyn Source,
    bytes: &dyn Blobs,
) -> Evidence {
    let planned = Planned::new(now, plan, bytes);
    let told = |resource: &Resource| {
        use StageKind::{File, Kernel, Package, Unit};
        matches!(resource.stage(), Some(File | Kernel | Package | Unit))
    };
    let changes = plan.steps().map(|step| &step.change).filter(|change| told(&change.resource));
    let changes: BTreeMap<&Resource, &State> = changes.map(|change| (&change.resource, &change.to)).collect();
    let after = After { changes, lookups: [Lookups::new(now), Lookups::new(&planned)], planned: &planned };
    let mut predicted = Evidence::new();
    for resource in resources {
        predicted.insert(resource.clone(), after.of(resource, &seen.see(resource).cloned()));
    }
    predicted
}

struct After<'a> {
    changes: BTreeMap<&'a Resource, &'a State>,
    /// What is worked out of the files as they are, and as they will be.
    lookups: [Lookups<'a>; 2],
    planned: &'a Planned<'a>,
}

impl After<'_> {
    fn of(&self, resource: &Resource, before: &Result<State, Unread>) -> Result<State, Unread> {
        if let Some(to) = self.changes.get(resource) {
            return Ok((*to).clone());
        }
        match resource {
            Resource::Files(query) => before.clone().map(|state| self.walked(&query.wanted, state)),
            Resource::Effective(Lookup::Package { name }) => {
                before.clone().map(|record| self.packaged(name, record))
            }
            Resource::Effective(lookup) => {
                self.worked_out(is_asked(lookup), before, |lookups| lookups.find(lookup))
            }
            Resource::Sysctl { key, scope: SysctlScope::Persistent } => {
                self.worked_out(false, before, |lookups| lookups.persistent_sysctl(key))
            }
            Resource::Setting { path, syntax, key } => match self.planned.nodes.get(path) {
                Some(_) => {
                    let text = self.planned.text(path)?;
                    Ok(text.and_then(|text| syntax::get(&text, *syntax, key)).into())
                }
                None => before.clone(),
            },
            other => match (other.path(), before) {
                (Some(path), Ok(state)) => Ok(self.node(path, other).unwrap_or_else(|| state.clone())),
                _ => before.clone(),
            },
        }
    }

    /// A facet of a node that changes or goes; `None` where the plan leaves it.
    fn node(&self, path: &HostPath, facet: &Resource) -> Option<State> {
        let of = |resource: Resource| self.changes.get(&resource).copied();
        let attributes = of(Resource::Attributes { path: path.clone() });
        let file = of(Resource::File { path: path.clone() });
        let gone = matches!(self.planned.nodes.get(path), Some(Laid::Nothing));
        let to = file.or(attributes).and_then(|to| to.facet(facet));
        to.or_else(|| gone.then_some(State::Absent))
    }

    /// What a walk would find: nodes that change no longer count where they are no longer what was looked for.
    fn walked(&self, wanted: &Wanted, found: State) -> State {
        let State::Entries(mut entries) = found else { return found };
        entries.retain_mut(|entry| {
            let whole = Resource::Attributes { path: entry.path.clone() };
            match self.node(&entry.path, &whole).or_else(|| self.changes.get(&whole).map(|to| (*to).clone()))
            {
                Some(State::Attributes(to)) => (entry.mode, entry.uid, entry.gid) = (to.mode, to.uid, to.gid),
                Some(State::Absent) => return false,
                _ => return true,
            }
            match wanted {
                Wanted::ModeBeyond(mask) => entry.mode & !mask != 0,
                Wanted::ModeHas(mask) => entry.mode & mask != 0,
                Wanted::OwnerNot(ids) => !ids.contains(&entry.uid),
                Wanted::GroupNot(ids) => !ids.contains(&entry.gid),
                Wanted::Any | Wanted::OwnerUnknown | Wanted::GroupUnknown => true,
            }
        });
        State::Entries(entries)
    }

    fn packaged(&self, name: &str, record: State) -> State {
        let to = self.changes.get(&Resource::Package { name: name.to_owned() }).copied();
        let (State::Record(mut parts), Some(to)) = (record.clone(), to) else { return record };
        parts.insert("installed".to_owned(), State::Flag(*to != State::Absent));
        parts.insert("version".to_owned(), to.clone());
        State::Record(parts)
    }

    /// What the files will tell. Where a running program was asked too, only the parts that the files make different
    /// change: what it said of the others still holds.
    fn worked_out(
        &self,
        asked: bool,
        before: &Result<State, Unread>,
        find: impl Fn(&Lookups<'_>) -> Result<State, Unread>,
    ) -> Result<State, Unread> {
        let [now, then] = &self.lookups;
        let then = find(then);
        if !asked {
            return then;
        }
        let now = find(now);
        if now == then {
            return before.clone();
        }
        let (Ok(State::Record(seen)), Ok(State::Record(now)), Ok(State::Record(then))) =
            (before, &now, &then)
        else {
            return then;
        };
        let mut parts = seen.clone();
        for (part, state) in then.iter().filter(|(part, state)| now.get(*part) != Some(*state)) {
            parts.insert(part.clone(), state.clone());
        }
        Ok(State::Record(parts))
    }
}

/// Whether backends add to a lookup what a running program says.
fn is_asked(lookup: &Lookup) -> bool {
    matches!(
        lookup,
        Lookup::Sshd { .. }
            | Lookup::Module { .. }
            | Lookup::AuditRule { .. }
            | Lookup::Mount { .. }
            | Lookup::Firewall { .. }
            | Lookup::Wireless
            | Lookup::DconfCompiled { .. }
    )
}
