//! The backend for one machine: the running one, or one unpacked below a root directory.
//!
//! Below another root only files are looked at and changed, and nothing from inside it is ever run.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

use model::{
    Blobs, Change, Digest, Fact, FileQuery, Filter, Fut, Handler, Host, HostError, HostPath, Keep, Lookup,
    Observe, Resource, State, Syntax, SysctlScope, Unread,
};
use rustix::fs::OFlags;
use syntax::Source;

use crate::facts::Facts;
use crate::traces::Traces;
use crate::tree::Tree;
use crate::{apparmor, daemons, files, packages, selinux, sysctl, walk};

/// The largest settings file that is read, in bytes.
const SETTINGS_LIMIT: usize = 8 << 20;

/// Observes and changes files, kernel parameters and units, and measures the machine.
pub struct Local {
    tree: Tree,
    facts: Arc<Facts>,
    simulations: packages::Simulations,
}

impl Local {
    /// A backend for the machine whose root directory is `root`; `/` is the running machine.
    ///
    /// # Errors
    /// When the root cannot be opened as a directory.
    pub fn new(root: &Path, facts: Facts) -> io::Result<Self> {
        Ok(Self {
            tree: Tree::at(root)?,
            facts: Arc::new(facts),
            simulations: packages::Simulations::default(),
        })
    }

    /// What the system wrote down about who touched these paths.
    pub fn traces(&self, paths: &BTreeSet<HostPath>) -> Traces {
        Traces::read(&self.tree, paths)
    }

    /// Whether a resource belongs to this backend.
    pub fn serves(resource: &Resource) -> bool {
        use Resource as R;
        !matches!(resource, R::Image { .. } | R::Stack { .. } | R::Service { .. } | R::Secret { .. })
    }

    /// The files of this machine as text, for what is worked out over several of them.
    pub fn source(&self) -> &dyn Source {
        &self.tree
    }

    fn live(&self, what: &dyn std::fmt::Display) -> Result<(), Unread> {
        if self.tree.runs() {
            return Ok(());
        }
        Err(Unread::Unsupported(format!("{what} is known on the running machine only")))
    }

    async fn observe_batch(&self, wanted: &[Resource]) -> Vec<Result<State, Unread>> {
        let sorted = Sorted::of(wanted);
        let walked = self.walk(&sorted.queries);
        let measured = self.facts.observe_all(&sorted.facts).await;
        let active = match self.live(&"what runs") {
            Ok(()) => daemons::activity(&self.tree, &sorted.units).await,
            Err(unread) => sorted.units.iter().map(|_| Err(unread.clone())).collect(),
        };
        let lookups = self.lookups(&sorted.lookups).await;
        let mut simulated = Vec::new();
        for question in &sorted.transactions {
            simulated.push(self.simulations.ask(&self.tree, question).await);
        }
        let mut simulated = simulated.into_iter();
        let mut modules = Vec::new();
        for name in &sorted.modules {
            modules.push(selinux::module(&self.tree, name).await);
        }
        let mut modules = modules.into_iter();
        let mut answers = (walked.into_iter(), measured.into_iter(), active.into_iter(), lookups.into_iter());
        let lost = || Err(Unread::Failed("the answer was lost".to_owned()));
        wanted
            .iter()
            .map(|resource| match resource {
                Resource::Files(_) => answers.0.next().unwrap_or_else(lost),
                Resource::Fact(_) => answers.1.next().unwrap_or_else(lost),
                Resource::Activity { .. } => answers.2.next().unwrap_or_else(lost),
                Resource::Effective(_) | Resource::Package { .. } => answers.3.next().unwrap_or_else(lost),
                Resource::Transaction { .. } => simulated.next().unwrap_or_else(lost),
                Resource::SelinuxModule { .. } => modules.next().unwrap_or_else(lost),
                Resource::Sysctl { scope: SysctlScope::Persistent, .. } => {
                    answers.3.next().unwrap_or_else(lost)
                }
                other => self.observe_one(other),
            })
            .collect()
    }

    fn walk(&self, queries: &[&FileQuery]) -> Vec<Result<State, Unread>> {
        if queries.is_empty() { Vec::new() } else { walk::walk(&self.tree, queries) }
    }

    /// Effective values. All lookups of a batch share what was read of the files, and one run of `sshd -T`.
    async fn lookups(&self, wanted: &[Wanted<'_>]) -> Vec<Result<State, Unread>> {
        let asks_sshd = wanted.iter().any(|one| matches!(one, Wanted::Lookup(Lookup::Sshd { .. })));
        let said = if asks_sshd && self.tree.is_live() { daemons::sshd_says(&self.tree).await } else { None };
        let asks_audit = wanted.iter().any(|one| matches!(one, Wanted::Lookup(Lookup::AuditRule { .. })));
        let rules =
            if asks_audit && self.tree.is_live() { daemons::audit_rules(&self.tree).await } else { None };
        let mut ruled = BTreeMap::new();
        for filter in wanted.iter().filter_map(running_filter) {
            if let Entry::Vacant(vacant) = ruled.entry(filter) {
                vacant.insert(daemons::rules(&self.tree, filter).await);
            }
        }
        let lookups = syntax::Lookups::new(&self.tree);
        wanted
            .iter()
            .map(|one| match one {
                Wanted::Sysctl(key) => lookups.persistent_sysctl(key),
                Wanted::Package(name) => Ok(packages::state(lookups.packages()?, name)),
                Wanted::Lookup(lookup @ Lookup::Sshd { key }) => {
                    Ok(daemons::as_sshd_says(lookups.find(lookup)?, key, said.as_ref()))
                }
                Wanted::Lookup(lookup @ Lookup::Module { name }) => {
                    Ok(self.with_loaded(lookups.find(lookup)?, name))
                }
                Wanted::Lookup(lookup @ Lookup::AuditRule { line, may_lack }) => {
                    Ok(with_held(lookups.find(lookup)?, line, may_lack, rules.as_deref()))
                }
                Wanted::Lookup(lookup @ Lookup::Mount { .. }) => {
                    Ok(self.without_mounted(lookups.find(lookup)?))
                }
                Wanted::Lookup(Lookup::Firewall { filter, running: true, .. }) => ruled
                    .get(filter)
                    .cloned()
                    .unwrap_or_else(|| Err(Unread::Unsupported(format!("running rules of {filter}")))),
                Wanted::Lookup(Lookup::Wireless) if self.tree.is_live() => {
                    self.live(&"a network interface").and_then(|()| lookups.find(&Lookup::Wireless))
                }
                Wanted::Lookup(lookup) => lookups.find(lookup),
            })
            .collect()
    }

    /// What is mounted says nothing about a root that does not run.
    fn without_mounted(&self, state: State) -> State {
        let State::Record(mut parts) = state else { return state };
        if !self.tree.runs() {
            parts.retain(|part, _| part != "mounted" && part != "options");
        }
        State::Record(parts)
    }

    /// Adds whether a module is in the running kernel, which no file of the system tells.
    fn with_loaded(&self, state: State, name: &str) -> State {
        let State::Record(mut parts) = state else { return state };
        if self.tree.runs()
            && let Ok(Some(modules)) = self.tree.text("/proc/modules")
        {
            let plain = name.replace('-', "_");
            let loaded = modules.lines().any(|line| line.split(' ').next() == Some(plain.as_str()));
            parts.insert("loaded".to_owned(), State::Flag(loaded));
        }
        State::Record(parts)
    }

    fn observe_one(&self, resource: &Resource) -> Result<State, Unread> {
        match resource {
            Resource::Attributes { path } => files::attributes(&self.tree, path),
            Resource::File { path } => files::whole(&self.tree, path),
            Resource::Mode { path } | Resource::Owner { path } | Resource::Group { path } => {
                Ok(files::attributes(&self.tree, path)?.facet(resource).unwrap_or(State::Absent))
            }
            Resource::Content { path } | Resource::Link { path } => {
                Ok(files::whole(&self.tree, path)?.facet(resource).unwrap_or(State::Absent))
            }
            Resource::Setting { path, syntax, key } => self.setting(path, *syntax, key),
            Resource::Sysctl { key, scope: SysctlScope::Running } => {
                self.live(resource)?;
                sysctl::running(&self.tree, key)
            }
            Resource::Apparmor { profile } => apparmor::mode(&self.tree, profile),
            Resource::Label { path } => selinux::label(&self.tree, path),
            other => Err(Unread::Unsupported(format!("{other} is not observed by this backend"))),
        }
    }

    fn setting(&self, path: &HostPath, syntax: Syntax, key: &str) -> Result<State, Unread> {
        let text = Source::text(&self.tree, path)?;
        Ok(text.and_then(|text| syntax::get(&text, syntax, key)).into())
    }

    async fn put_one(&self, change: &Change, bytes: &dyn Blobs) -> Result<(), HostError> {
        match &change.resource {
            Resource::Attributes { path } => {
                files::put_attributes(&self.tree, path, &change.from, &change.to)
            }
            Resource::File { path } => files::put_whole(&self.tree, path, &change.from, &change.to, bytes),
            Resource::Sysctl { key, scope: SysctlScope::Running } if self.tree.runs() => {
                sysctl::put(&self.tree, key, &change.from, &change.to)
            }
            Resource::Activity { unit } if self.tree.runs() => {
                daemons::set_activity(&self.tree, unit, &change.to).await
            }
            Resource::Apparmor { profile } => {
                apparmor::put(&self.tree, profile, &change.from, &change.to).await
            }
            Resource::SelinuxModule { name } => {
                selinux::put_module(&self.tree, name, &change.from, &change.to, bytes).await
            }
            Resource::Label { path } => selinux::put_label(&self.tree, path, &change.from, &change.to),
            other => Err(HostError::Unsupported(other.to_string())),
        }
    }

    fn copy(&self, resource: &Resource, into: &dyn Keep) -> Result<Digest, Unread> {
        let path = match resource {
            Resource::File { path } | Resource::Content { path } => path,
            other => return Err(Unread::Unsupported(format!("{other} has no bytes"))),
        };
        let mut file = files::open(&self.tree, path)?;
        into.keep(&mut file).map_err(|error| Unread::Failed(format!("keeping the bytes of {path}: {error}")))
    }
}

/// Adds whether the kernel holds an audit rule now, where it could be asked.
fn with_held(state: State, line: &str, may_lack: &[String], rules: Option<&str>) -> State {
    match (state, rules.and_then(|rules| syntax::audit::holds_rule(rules, line, may_lack))) {
        (State::Record(mut parts), Some(held)) => {
            parts.insert("loaded".to_owned(), State::Flag(held));
            State::Record(parts)
        }
        (state, _) => state,
    }
}

/// What is looked up in several files at once.
enum Wanted<'w> {
    Lookup(&'w Lookup),
    Sysctl(&'w str),
    Package(&'w str),
}

fn running_filter(wanted: &Wanted<'_>) -> Option<Filter> {
    match wanted {
        Wanted::Lookup(Lookup::Firewall { filter, running: true, .. }) => Some(*filter),
        _ => None,
    }
}

/// A batch by how it is answered, each in the order asked.
#[derive(Default)]
struct Sorted<'w> {
    queries: Vec<&'w FileQuery>,
    facts: Vec<Fact>,
    units: Vec<&'w str>,
    lookups: Vec<Wanted<'w>>,
    transactions: Vec<&'w Resource>,
    modules: Vec<&'w str>,
}

impl<'w> Sorted<'w> {
    fn of(wanted: &'w [Resource]) -> Self {
        let mut sorted = Self::default();
        for resource in wanted {
            match resource {
                Resource::Files(query) => sorted.queries.push(query),
                Resource::Fact(fact) => sorted.facts.push(fact.clone()),
                Resource::Activity { unit } => sorted.units.push(unit),
                Resource::Effective(lookup) => sorted.lookups.push(Wanted::Lookup(lookup)),
                Resource::Package { name } => sorted.lookups.push(Wanted::Package(name)),
                Resource::Transaction { .. } => sorted.transactions.push(resource),
                Resource::SelinuxModule { name } => sorted.modules.push(name),
                Resource::Sysctl { key, scope: SysctlScope::Persistent } => {
                    sorted.lookups.push(Wanted::Sysctl(key));
                }
                _ => {}
            }
        }
        sorted
    }
}

impl Observe for Local {
    fn observe<'a>(&'a self, wanted: &'a [Resource]) -> Fut<'a, Vec<Result<State, Unread>>> {
        Box::pin(self.observe_batch(wanted))
    }

    fn read<'a>(&'a self, resource: &'a Resource, into: &'a dyn Keep) -> Fut<'a, Result<Digest, Unread>> {
        Box::pin(async move {
            match resource {
                Resource::SelinuxModule { name } => selinux::read(&self.tree, name, into).await,
                other => self.copy(other, into),
            }
        })
    }
}

impl Host for Local {
    fn put<'a>(&'a self, change: &'a Change, bytes: &'a dyn Blobs) -> Fut<'a, Result<(), HostError>> {
        Box::pin(self.put_one(change, bytes))
    }

    fn put_together<'a>(&'a self, changes: &'a [Change]) -> Fut<'a, Result<(), HostError>> {
        Box::pin(packages::put(&self.tree, changes))
    }

    fn settle<'a>(&'a self, resource: &'a Resource) -> Fut<'a, Result<(), HostError>> {
        Box::pin(async move {
            match resource {
                Resource::File { path } => files::settle(&self.tree, path),
                Resource::Package { .. } => packages::settle(&self.tree).await,
                _ => Ok(()),
            }
        })
    }

    fn handle<'a>(&'a self, handler: &'a Handler) -> Fut<'a, Result<(), HostError>> {
        Box::pin(daemons::handle(&self.tree, handler))
    }
}

impl Source for Tree {
    fn text(&self, path: &HostPath) -> Result<Option<String>, Unread> {
        let Some(bytes) = self.bytes(path.as_str())? else { return Ok(None) };
        if bytes.len() > SETTINGS_LIMIT {
            return Err(Unread::Malformed(format!("{path} is too large for a settings file")));
        }
        String::from_utf8(bytes).map(Some).map_err(|_| Unread::Malformed(format!("{path} is not UTF-8 text")))
    }

    fn bytes(&self, path: &HostPath) -> Result<Option<Box<dyn syntax::Bytes>>, Unread> {
        let fail = |error: io::Error| crate::tree::unread(path.as_str(), &error);
        let opened = self.open(path.as_str(), OFlags::RDONLY | OFlags::NONBLOCK).map_err(fail)?;
        let Some(file) = opened.map(File::from) else { return Ok(None) };
        let about = file.metadata().map_err(fail)?;
        if !about.is_file() {
            return Err(Unread::Malformed(format!("{path} is not a regular file")));
        }
        Ok(Some(Box::new(Parts { file, size: about.len(), path: path.clone() })))
    }

    fn names(&self, folder: &HostPath) -> Result<Vec<String>, Unread> {
        Tree::names(self, folder.as_str())
    }

    fn link(&self, path: &HostPath) -> Result<Option<String>, Unread> {
        match files::link(self, path)? {
            State::Text(target) => Ok(Some(target)),
            _ => Ok(None),
        }
    }

    fn modified(&self, path: &HostPath) -> Result<Option<i128>, Unread> {
        let stat = self.stat(path.as_str())?;
        Ok(stat.map(|stat| i128::from(stat.st_mtime) * 1_000_000_000 + i128::from(stat.st_mtime_nsec)))
    }
}

/// An open file, read in parts.
struct Parts {
    file: File,
    size: u64,
    path: HostPath,
}

impl syntax::Bytes for Parts {
    fn size(&self) -> u64 {
        self.size
    }

    fn read_at(&self, at: u64, into: &mut [u8]) -> Result<(), Unread> {
        let read = self.file.read_exact_at(into, at);
        read.map_err(|error| crate::tree::unread(self.path.as_str(), &error))
    }
}

/// Values by lower-case keyword, as `sshd -T` prints them.
pub(crate) type Said = BTreeMap<String, String>;
