//! A machine in memory: observes resources through the same pure lookups that backends use, and takes demands.

use std::collections::{BTreeMap, BTreeSet};

use model::{
    Attributes, Constraint, Control, Demand, Entry, Evidence, Fact, FileQuery, FileState, HostPath,
    Judgement, Move, Node, Resource, State, SysctlScope, Transaction, Unread, Wanted,
};
use syntax::{Lookups, Source};

use crate::{Catalogue, Tailoring};

/// One file or directory.
#[derive(Clone, Debug)]
pub(crate) struct Inode {
    pub(crate) node: Node,
    pub(crate) mode: u32,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    /// Text of a file, target of a link.
    pub(crate) content: String,
}

/// The day it is on this machine.
const TODAY: i64 = 20_000;

impl Inode {
    fn attributes(&self) -> Attributes {
        let Self { node, mode, uid, gid, .. } = *self;
        Attributes { node, mode, uid, gid, xattrs: BTreeMap::new() }
    }
}

/// What the machine holds. Running values are unsupported when `offline`, as under `--root`.
#[derive(Clone, Debug, Default)]
pub(crate) struct Machine {
    pub(crate) files: BTreeMap<HostPath, Inode>,
    /// Files that are no text.
    pub(crate) databases: BTreeMap<HostPath, Vec<u8>>,
    pub(crate) running: BTreeMap<String, String>,
    pub(crate) active: BTreeSet<String>,
    /// Packages that can be installed, at version 2.
    pub(crate) offered: BTreeSet<String>,
    pub(crate) facts: BTreeMap<Fact, State>,
    pub(crate) offline: bool,
    /// Nothing at all can be read.
    pub(crate) blind: bool,
}

pub(crate) fn path(text: &str) -> HostPath {
    text.parse().unwrap()
}

impl Machine {
    pub(crate) fn with(mut self, at: &str, content: &str) -> Self {
        self.put(at, Node::File, 0o644, content);
        self
    }

    pub(crate) fn with_link(mut self, at: &str, target: &str) -> Self {
        self.put(at, Node::Link, 0o777, target);
        self
    }

    pub(crate) fn with_folder(mut self, at: &str) -> Self {
        self.put(at, Node::Directory, 0o755, "");
        self
    }

    pub(crate) fn with_mode(mut self, at: &str, mode: u32, uid: u32, gid: u32) -> Self {
        self.put(at, Node::File, mode, "");
        let inode = self.files.get_mut(&path(at)).unwrap();
        (inode.uid, inode.gid) = (uid, gid);
        self
    }

    pub(crate) fn with_directory(mut self, at: &str, mode: u32, uid: u32, gid: u32) -> Self {
        let content = String::new();
        self.files.insert(path(at), Inode { node: Node::Directory, mode, uid, gid, content });
        self
    }

    pub(crate) fn with_packages(self, names: &[&str]) -> Self {
        let paragraph = |name: &&str| {
            format!("Package: {name}\nStatus: install ok installed\nVersion: 1.5.2-6+deb12u1\n\n")
        };
        self.with("/var/lib/dpkg/status", &names.iter().map(paragraph).collect::<String>())
    }

    pub(crate) fn running(mut self, key: &str, value: &str) -> Self {
        self.running.insert(key.to_owned(), value.to_owned());
        self
    }

    pub(crate) fn offering(mut self, package: &str) -> Self {
        self.offered.insert(package.to_owned());
        self
    }

    pub(crate) fn active(mut self, unit: &str) -> Self {
        self.active.insert(unit.to_owned());
        self
    }

    pub(crate) fn with_fact(mut self, fact: Fact, state: State) -> Self {
        self.facts.insert(fact, state);
        self
    }

    pub(crate) fn with_node(mut self, at: &str, node: Node, mode: u32) -> Self {
        self.put(at, node, mode, "");
        self
    }

    pub(crate) fn offline(mut self) -> Self {
        self.offline = true;
        self
    }

    pub(crate) fn blind() -> Self {
        Self { blind: true, ..Self::default() }
    }

    fn put(&mut self, at: &str, node: Node, mode: u32, content: &str) {
        let inode = Inode { node, mode, uid: 0, gid: 0, content: content.to_owned() };
        self.files.insert(path(at), inode);
    }

    fn inode(&self, at: &HostPath) -> Option<&Inode> {
        self.files.get(at)
    }

    fn observe(&self, lookups: &Lookups<'_>, resource: &Resource) -> Result<State, Unread> {
        if self.blind {
            return Err(Unread::Denied("everything".to_owned()));
        }
        let facet = |at: &HostPath, of: fn(&Inode) -> State| Ok(self.inode(at).map_or(State::Absent, of));
        match resource {
            Resource::Mode { path } => facet(path, |inode| State::Mode(inode.mode)),
            Resource::Owner { path } => facet(path, |inode| State::Int(inode.uid.into())),
            Resource::Group { path } => facet(path, |inode| State::Int(inode.gid.into())),
            Resource::Attributes { path } => facet(path, |inode| State::Attributes(inode.attributes())),
            Resource::File { path } => facet(path, |inode| {
                State::File(FileState { attributes: inode.attributes(), content: None, target: None })
            }),
            Resource::Link { path } => Ok(self.link(path)?.into()),
            Resource::Fact(Fact::Today) => Ok(State::Int(TODAY)),
            Resource::Fact(fact) => {
                let unsupported = || Err(Unread::Unsupported(fact.to_string()));
                self.facts.get(fact).cloned().map_or_else(unsupported, Ok)
            }
            Resource::Files(query) => Ok(State::Entries(self.walk(query))),
            Resource::Effective(lookup) => lookups.find(lookup),
            Resource::Sysctl { key, scope: SysctlScope::Persistent } => lookups.persistent_sysctl(key),
            Resource::Sysctl { .. } | Resource::Activity { .. } if self.offline => {
                Err(Unread::Unsupported(resource.to_string()))
            }
            Resource::Sysctl { key, .. } => Ok(self.running.get(key).cloned().into()),
            Resource::Activity { unit } => {
                Ok(State::text(if self.active.contains(unit) { "active" } else { "inactive" }))
            }
            Resource::Transaction { .. } if self.offline => {
                Err(Unread::Unsupported("below another root".into()))
            }
            Resource::Transaction { install, remove } => self.simulate(lookups, install, remove),
            other => panic!("no control asks for {other}"),
        }
    }

    /// A package manager whose sources hold version 2 of what is offered, and that must keep `sudo`.
    fn simulate(
        &self,
        lookups: &Lookups<'_>,
        install: &BTreeSet<String>,
        remove: &BTreeSet<String>,
    ) -> Result<State, Unread> {
        let mut transaction = Transaction::default();
        let state = |name: &str| lookups.packages().map(|packages| packages.version(name).map(str::to_owned));
        for name in install {
            if !self.offered.contains(name) {
                return Err(Unread::Failed(format!("apt-get: unable to locate package {name}")));
            }
            let (package, from) = (name.clone(), state(name)?.into());
            transaction.moves.push(Move { package, from, to: State::text("2"), back: true });
        }
        for name in remove {
            let (package, from) = (name.clone(), state(name)?.into());
            transaction.moves.push(Move { package, from, to: State::Absent, back: false });
            transaction.refused.extend((name == "sudo").then(|| "sudo would be removed".to_owned()));
        }
        Ok(transaction.to_state())
    }

    fn known(&self, file: &str) -> BTreeSet<u32> {
        self.inode(&path(file))
            .map(|inode| syntax::accounts::passwd::numbers(&inode.content))
            .unwrap_or_default()
    }

    fn walk(&self, query: &FileQuery) -> Vec<Entry> {
        let name = regex::Regex::new(query.name.as_deref().unwrap_or("")).unwrap();
        let except = query.except.as_deref().map(|pattern| regex::Regex::new(pattern).unwrap());
        let named = |at: &HostPath| {
            name.is_match(at.name()) && !except.as_ref().is_some_and(|except| except.is_match(at.name()))
        };
        let wanted = |inode: &Inode| match &query.wanted {
            Wanted::Any => true,
            Wanted::ModeBeyond(mask) => inode.mode & !mask != 0,
            Wanted::ModeHas(mask) => inode.mode & mask != 0,
            Wanted::OwnerNot(ids) => !ids.contains(&inode.uid),
            Wanted::GroupNot(ids) => !ids.contains(&inode.gid),
            Wanted::OwnerUnknown => !self.known("/etc/passwd").contains(&inode.uid),
            Wanted::GroupUnknown => !self.known("/etc/group").contains(&inode.gid),
        };
        let inside = |at: &HostPath| {
            if query.recursive {
                at.is_under(&query.under)
            } else {
                at.parent().as_ref() == Some(&query.under)
            }
        };
        let found = self.files.iter().filter(|(at, inode)| {
            inside(at)
                && (query.kinds.is_empty() || query.kinds.contains(&inode.node))
                && named(at)
                && wanted(inode)
        });
        let entry = |(at, inode): (&HostPath, &Inode)| Entry {
            path: at.clone(),
            node: inode.node,
            mode: inode.mode,
            uid: inode.uid,
            gid: inode.gid,
        };
        found.map(entry).collect()
    }

    /// Asks a control what it needs until it needs nothing new, as the engine does.
    pub(crate) fn evidence(&self, control: &dyn Control) -> Evidence {
        let lookups = Lookups::new(self);
        let mut seen = Evidence::new();
        for round in 0..=4 {
            let mut wanted = control.needs(&seen);
            wanted.retain(|resource| !seen.knows(resource));
            assert!(round < 4 || wanted.is_empty(), "{} needs more than four rounds", control.id());
            for resource in wanted {
                assert!(
                    round == 0 || !matches!(resource, Resource::Files(_)),
                    "a walk after the first round"
                );
                let state = self.observe(&lookups, &resource);
                seen.insert(resource, state);
            }
        }
        seen
    }

    pub(crate) fn judge(&self, control: &dyn Control) -> Judgement {
        control.judge(&self.evidence(control))
    }

    pub(crate) fn remedy(&self, control: &dyn Control) -> Vec<Demand> {
        control.remedy(&self.evidence(control))
    }

    /// Does what a backend would do for a demand.
    pub(crate) fn satisfy(&mut self, demand: &Demand) {
        let wanted = match &demand.constraint {
            Constraint::Equals(state) => state.clone(),
            Constraint::OneOf(states) => states[0].clone(),
            Constraint::ModeWithin(mask) => State::Mode(*mask),
            other => panic!("no control demands {other}"),
        };
        match &demand.resource {
            Resource::Mode { path } => {
                let State::Mode(mask) = wanted else { panic!("{wanted} is no mode") };
                let within = matches!(demand.constraint, Constraint::ModeWithin(_));
                let mode = &mut self.files.get_mut(path).unwrap().mode;
                *mode = if within { *mode & mask } else { mask };
            }
            Resource::Owner { path } => {
                self.files.get_mut(path).unwrap().uid = wanted.as_int().unwrap().try_into().unwrap();
            }
            Resource::Group { path } => {
                self.files.get_mut(path).unwrap().gid = wanted.as_int().unwrap().try_into().unwrap();
            }
            Resource::Setting { path, syntax, key } => {
                let old = self.inode(path).map(|inode| inode.content.clone()).unwrap_or_default();
                let new = syntax::set(&old, *syntax, key, wanted.as_text()).unwrap();
                self.put(path.as_str(), Node::File, 0o644, &new);
            }
            Resource::Content { path } => match wanted.as_text() {
                Some(text) => self.put(path.as_str(), Node::File, 0o600, text),
                None => drop(self.files.remove(path)),
            },
            Resource::Link { path } => match wanted.as_text() {
                Some(target) => self.put(path.as_str(), Node::Link, 0o777, target),
                None => drop(self.files.remove(path)),
            },
            Resource::Sysctl { key, scope: SysctlScope::Running } => {
                self.running.insert(key.clone(), wanted.to_string());
            }
            Resource::Activity { unit } => match wanted.as_text() {
                Some("active") => drop(self.active.insert(unit.clone())),
                _ => drop(self.active.remove(unit)),
            },
            Resource::Package { name } => {
                let status = self.inode(&path("/var/lib/dpkg/status")).unwrap().content.clone();
                let head = format!("Package: {name}\n");
                let others = status.split("\n\n").filter(|one| !one.is_empty() && !one.starts_with(&head));
                let mut text: String = others.map(|one| format!("{one}\n\n")).collect();
                if let Some(version) = wanted.as_text() {
                    text += &format!("{head}Status: install ok installed\nVersion: {version}\n\n");
                }
                self.put("/var/lib/dpkg/status", Node::File, 0o644, &text);
            }
            other => panic!("nobody can change {other}"),
        }
    }
}

impl Source for Machine {
    fn text(&self, at: &HostPath) -> Result<Option<String>, Unread> {
        let Some(inode) = self.inode(at) else { return Ok(None) };
        match inode.node {
            Node::Link => {
                let base = at.parent().unwrap();
                let target = if inode.content.starts_with('/') {
                    inode.content.clone()
                } else {
                    format!("{base}/{}", inode.content)
                };
                target.parse().map_or(Ok(None), |target| self.text(&target))
            }
            _ => Ok(Some(inode.content.clone())),
        }
    }

    fn bytes(&self, at: &HostPath) -> Result<Option<Box<dyn syntax::Bytes>>, Unread> {
        let text = || self.text(at).map(|text| text.map(String::into_bytes));
        let bytes = self.databases.get(at).cloned().map_or_else(text, |bytes| Ok(Some(bytes)))?;
        Ok(bytes.map(|bytes| Box::new(bytes) as Box<dyn syntax::Bytes>))
    }

    fn names(&self, folder: &HostPath) -> Result<Vec<String>, Unread> {
        let below = self.files.keys().filter(|at| at.is_under(folder) && *at != folder);
        let names: BTreeSet<_> = below
            .filter_map(|at| at.as_str()[folder.as_str().len()..].trim_start_matches('/').split('/').next())
            .map(str::to_owned)
            .collect();
        Ok(names.into_iter().collect())
    }

    fn link(&self, at: &HostPath) -> Result<Option<String>, Unread> {
        let link = self.inode(at).filter(|inode| inode.node == Node::Link);
        Ok(link.map(|inode| inode.content.clone()))
    }

    /// What was put last is newest: the length of the text stands for the time.
    fn modified(&self, at: &HostPath) -> Result<Option<i128>, Unread> {
        Ok(self.inode(at).map(|inode| inode.content.len() as i128))
    }
}

/// The one control of this probe, without conditions.
pub(crate) fn control(probe: &str) -> Box<dyn Control> {
    let text = format!(
        "version = 1\n[[profile]]\nid = \"p\"\ntitle = \"p\"\nselect = [\"*\"]\n[[control]]\nid = \"c\"\n\
         title = \"title\"\nrationale = \"why\"\nmend = \"how\"\nprobe = {probe}\n"
    );
    let catalogue = Catalogue::empty().with("test.toml", &text).unwrap_or_else(|error| panic!("{error}"));
    catalogue.resolve("p", &Tailoring::default()).unwrap().remove(0)
}
