//! Measurements of the machine, each answered as a record.
//!
//! Every topic has its file: a pure `parse` of what a kernel or daemon says, and a `read` that asks it. What
//! cannot be measured is an [`Unread`], never a value. Each measurement ends within the deadline, and nothing
//! is ever changed, save one private scratch directory while file locks are tried.

mod access;
mod access_files;
mod apparmor_files;
mod audit;
mod capacity;
mod certificate;
mod cgroups;
mod clock;
mod compose;
mod confinement;
mod containerd;
mod containers;
mod distribution;
mod engine;
mod entropy;
mod kernel;
mod listeners;
mod lockpeer;
mod locks;
mod modules;
mod proxies;
mod resolve;
mod sntp;

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use model::{Fact, State, Unread};
use tokio::task::JoinSet;

use crate::tree::Tree;
use crate::{run, tree};
pub use lockpeer::{LockKind, UnknownLock, lock_peer};

/// How long one measurement may take unless told otherwise.
const DEADLINE: Duration = Duration::from_secs(10);

/// The command that holds a lock for the file-lock measurement: it is given the kind of lock and the path as
/// two more arguments and must do what [`lock_peer`] does.
#[derive(Clone, Debug)]
pub struct LockPeer {
    /// The program, normally this one.
    pub program: PathBuf,
    /// What comes before kind and path.
    pub arguments: Vec<String>,
}

/// Measures one machine, running or (as far as files tell) unpacked below a root directory.
#[derive(Clone)]
pub struct Facts {
    tree: Tree,
    clock: fn() -> SystemTime,
    deadline: Duration,
    environment: BTreeMap<String, String>,
    peer: Option<LockPeer>,
}

impl Facts {
    /// Measures the machine whose root directory is `root`; anything but `/` is looked at, never asked.
    ///
    /// # Errors
    /// When the root cannot be opened as a directory.
    pub fn new(root: &Path, clock: fn() -> SystemTime) -> io::Result<Self> {
        let tree = Tree::at(root)?;
        Ok(Self { tree, clock, deadline: DEADLINE, environment: BTreeMap::new(), peer: None })
    }

    /// Sets how long each measurement may take.
    #[must_use]
    pub fn with_deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// Passes the operator's environment in: `HOME`, `DOCKER_CONFIG` and the proxy variables are looked at.
    #[must_use]
    pub fn with_environment(mut self, environment: BTreeMap<String, String>) -> Self {
        self.environment = environment;
        self
    }

    /// Sets the second process of the file-lock measurement; without it file locks cannot be measured.
    #[must_use]
    pub fn with_peer(mut self, peer: LockPeer) -> Self {
        self.peer = Some(peer);
        self
    }

    /// Measures several facts at once, answering in the order asked.
    pub async fn observe_all(self: &Arc<Self>, facts: &[Fact]) -> Vec<Result<State, Unread>> {
        let mut tasks = JoinSet::new();
        for (place, fact) in facts.iter().cloned().enumerate() {
            let this = Arc::clone(self);
            tasks.spawn(async move { (place, this.observe(&fact).await) });
        }
        let lost = || Err(Unread::Failed("the measurement broke off".to_owned()));
        let mut answers: Vec<_> = facts.iter().map(|_| lost()).collect();
        while let Some(done) = tasks.join_next().await {
            if let Ok((place, answer)) = done {
                answers[place] = answer;
            }
        }
        answers
    }

    /// Measures one fact within the deadline.
    ///
    /// # Errors
    /// Why it could not be measured; never because the value is a bad one.
    pub async fn observe(&self, fact: &Fact) -> Result<State, Unread> {
        if !self.tree.is_live() && !told_by_files(fact) {
            return Err(Unread::Unsupported(format!("{fact} is known on the running machine only")));
        }
        match tokio::time::timeout(self.deadline, self.measure(fact)).await {
            Ok(seen) => seen,
            Err(_) => {
                Err(Unread::NoAnswer(format!("{fact} took longer than {} s", self.deadline.as_secs_f32())))
            }
        }
    }

    async fn measure(&self, fact: &Fact) -> Result<State, Unread> {
        match fact {
            Fact::Kernel => self.blocking(kernel::read).await,
            Fact::Distribution => self.blocking(distribution::read).await,
            Fact::Today => today((self.clock)()),
            Fact::Capacity => self.blocking(capacity::read).await,
            Fact::FileSystem { path } => {
                let path = path.clone();
                self.blocking(move |tree| capacity::read_file_system(tree, &path)).await
            }
            Fact::Engine { socket } => engine::read(&self.tree, socket).await,
            Fact::Published { socket } => engine::read_published(&self.tree, socket).await,
            Fact::Containerd { socket } => containerd::read(&self.tree, socket).await,
            Fact::Runtimes => self.blocking(engine::read_installed).await,
            Fact::Containers { socket } => containers::read(&self.tree, socket).await,
            Fact::Compose => compose::read(&self.tree, &self.environment).await,
            Fact::Cgroups => self.blocking(cgroups::read).await,
            Fact::KernelModule { name } => {
                let name = name.clone();
                self.blocking(move |tree| modules::read(tree, &name)).await
            }
            Fact::Entropy => self.blocking(entropy::read).await,
            Fact::ClockDiscipline => self.blocking(clock::read).await,
            Fact::ClockOffset { server } => sntp::measure(server, self.clock).await,
            Fact::FileLocks { path } => locks::measure(path, self.peer.as_ref()).await,
            Fact::Selinux => self.blocking(confinement::read_selinux).await,
            Fact::Apparmor => self.blocking(confinement::read_apparmor).await,
            Fact::Resolve { name } => {
                let name = name.clone();
                self.blocking(move |_| resolve::read(&name)).await
            }
            Fact::Listeners => self.blocking(listeners::read).await,
            Fact::Proxies => {
                let environment = self.environment.clone();
                self.blocking(move |tree| proxies::read(tree, &environment)).await
            }
            Fact::Audit => audit::read(&self.tree).await,
            Fact::RuntimeAccess => self.blocking(access::read).await,
            Fact::SuperuserKeys => self.blocking(access::read_keys).await,
            Fact::Certificate { chain, key, authority } => {
                let (chain, key, authority) = (chain.clone(), key.clone(), authority.clone());
                let now = (self.clock)();
                self.blocking(move |tree| certificate::read(tree, &chain, &key, &authority, now)).await
            }
        }
    }

    /// Runs blocking work where it holds nobody up.
    async fn blocking<F>(&self, work: F) -> Result<State, Unread>
    where
        F: FnOnce(&Tree) -> Result<State, Unread> + Send + 'static,
    {
        let tree = self.tree.clone();
        tokio::task::spawn_blocking(move || work(&tree))
            .await
            .unwrap_or_else(|_| Err(Unread::Failed("the measurement broke off".to_owned())))
    }
}

fn today(now: SystemTime) -> Result<State, Unread> {
    let since =
        now.duration_since(SystemTime::UNIX_EPOCH).map_err(|error| Unread::Failed(error.to_string()))?;
    Ok(State::Int(i64::try_from(since.as_secs() / 86_400).unwrap_or(i64::MAX)))
}

/// Facts that lie in files or hold everywhere, so that an unpacked image or mounted disk tells them too.
fn told_by_files(fact: &Fact) -> bool {
    matches!(
        fact,
        Fact::Distribution
            | Fact::Today
            | Fact::Runtimes
            | Fact::Selinux
            | Fact::Apparmor
            | Fact::Proxies
            | Fact::Audit
            | Fact::RuntimeAccess
            | Fact::SuperuserKeys
            | Fact::Certificate { .. }
    )
}

#[cfg(test)]
pub(crate) mod tests;
