//! A machine in memory that can fail, lie, lose power and be meddled with at any operation.
#![allow(dead_code, unreachable_pub, reason = "each test binary uses its own part")]

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read as _;
use std::sync::Mutex;

use engine::MemoryBlobs;
use model::{
    Attributes, Blobs, Change, Digest, FileState, Fut, Handler, Host, HostError, HostPath, Journal,
    JournalError, Keep, Kind, Move, Node, Observe, Resource, Sink, State, Transaction, Unread,
};

/// What goes wrong at the n-th operation that has an effect (a put or a journal entry), counted from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    None,
    /// The put or append answers with an error and does nothing.
    Fails(usize),
    /// The put claims success but leaves something else there.
    Lies(usize),
    /// Power is lost before the operation takes effect.
    CrashBefore(usize),
    /// Power is lost just after the operation took effect.
    CrashAfter(usize),
    /// Somebody else changes the same resource just before the put looks.
    StrangerBefore(usize),
    /// Somebody else changes the same resource just after the put.
    StrangerAfter(usize),
    /// The handlers fail, from the n-th on.
    HandlerFails(usize),
}

#[derive(Default)]
struct Inner {
    states: BTreeMap<Resource, State>,
    journal: Vec<serde_json::Value>,
    operations: usize,
    handled: Vec<Handler>,
    off: bool,
    touched_by_stranger: Vec<Resource>,
    batches: Vec<usize>,
    walks: usize,
}

pub struct Memory {
    inner: Mutex<Inner>,
    pub fault: Fault,
    /// The bytes of the files on the machine.
    blobs: MemoryBlobs,
    /// The bytes that the run has: only what was planned or kept can be put.
    pub store: MemoryBlobs,
}

pub fn stranger_state(resource: &Resource) -> State {
    match resource {
        Resource::Attributes { .. } => {
            State::Attributes(Attributes { uid: 4711, ..Attributes::of_root(Node::File, 0o777) })
        }
        Resource::File { .. } => State::File(FileState {
            attributes: Attributes { uid: 4711, ..Attributes::of_root(Node::File, 0o777) },
            content: None,
            target: None,
        }),
        _ => State::text("stranger"),
    }
}

impl Memory {
    pub fn new(states: BTreeMap<Resource, State>, fault: Fault) -> Self {
        let (blobs, store) = (MemoryBlobs::default(), MemoryBlobs::default());
        Self { inner: Mutex::new(Inner { states, ..Inner::default() }), fault, blobs, store }
    }

    pub fn with_file(&self, path: &str, text: &str, mode: u32) {
        let digest = self.blobs.keep(&mut text.as_bytes()).unwrap();
        let attributes = Attributes::of_root(Node::File, mode);
        let state = FileState { attributes, content: Some(digest), target: None };
        let path: HostPath = path.parse().unwrap();
        self.inner.lock().unwrap().states.insert(Resource::File { path }, State::File(state));
    }

    pub fn states(&self) -> BTreeMap<Resource, State> {
        let mut states = self.inner.lock().unwrap().states.clone();
        states.retain(|_, state| *state != State::Absent);
        states
    }

    pub fn set(&self, resource: Resource, state: State) {
        self.inner.lock().unwrap().states.insert(resource, state);
    }

    pub fn journal(&self) -> Vec<serde_json::Value> {
        self.inner.lock().unwrap().journal.clone()
    }

    pub fn handled(&self) -> Vec<Handler> {
        self.inner.lock().unwrap().handled.clone()
    }

    pub fn batches(&self) -> Vec<usize> {
        self.inner.lock().unwrap().batches.clone()
    }

    pub fn walks(&self) -> usize {
        self.inner.lock().unwrap().walks
    }

    pub fn operations(&self) -> usize {
        self.inner.lock().unwrap().operations
    }

    pub fn crashed(&self) -> bool {
        self.inner.lock().unwrap().off
    }

    pub fn meddled_with(&self) -> Vec<Resource> {
        self.inner.lock().unwrap().touched_by_stranger.clone()
    }

    /// Power comes back; nothing goes wrong any more.
    pub fn reboot(&mut self) {
        self.fault = Fault::None;
        self.inner.lock().unwrap().off = false;
    }

    fn look(&self, resource: &Resource) -> Result<State, Unread> {
        let inner = self.inner.lock().unwrap();
        if inner.off {
            return Err(Unread::Failed("no power".into()));
        }
        if let Resource::Transaction { install, remove } = resource {
            return Ok(simulate(&inner.states, install, remove).to_state());
        }
        Ok(lookup(&inner.states, resource))
    }
}

/// A package manager: what is installed is version 1 and brings `NAME-data` along; what is removed takes
/// `NAME-client` with it; what is called `old-…` does not come back; `sudo` must stay.
fn simulate(
    states: &BTreeMap<Resource, State>,
    install: &BTreeSet<String>,
    remove: &BTreeSet<String>,
) -> Transaction {
    let mut transaction = Transaction::default();
    let mut go = |name: String, to: State| {
        let from = lookup(states, &Resource::Package { name: name.clone() });
        if from != to {
            let back = from == State::Absent || !name.starts_with("old-");
            transaction.moves.push(Move { package: name, from, to, back });
        }
    };
    for name in install {
        go(format!("{name}-data"), State::text("1"));
        go(name.clone(), State::text("1"));
    }
    for name in remove {
        go(format!("{name}-client"), State::Absent);
        go(name.clone(), State::Absent);
    }
    if remove.contains("sudo") {
        transaction.refused.push("sudo would be removed".into());
    }
    transaction
}

/// Attributes of a file are part of the file.
fn lookup(states: &BTreeMap<Resource, State>, resource: &Resource) -> State {
    if let Resource::Attributes { path } = resource {
        let file = states.get(&Resource::File { path: path.clone() });
        return file.and_then(|state| state.facet(resource)).unwrap_or(State::Absent);
    }
    states.get(resource).cloned().unwrap_or(State::Absent)
}

fn store(states: &mut BTreeMap<Resource, State>, resource: &Resource, state: State) {
    match (resource, &state) {
        (Resource::Attributes { path }, State::Attributes(attributes)) => {
            if let Some(State::File(file)) = states.get_mut(&Resource::File { path: path.clone() }) {
                file.attributes = attributes.clone();
            }
        }
        _ => {
            states.insert(resource.clone(), state);
        }
    }
}

impl Observe for Memory {
    fn observe<'a>(&'a self, wanted: &'a [Resource]) -> Fut<'a, Vec<Result<State, Unread>>> {
        {
            let mut inner = self.inner.lock().unwrap();
            inner.batches.push(wanted.len());
            inner.walks += usize::from(wanted.iter().any(|r| matches!(r, Resource::Files(_))));
        }
        let states = wanted.iter().map(|resource| self.look(resource)).collect();
        Box::pin(async move { states })
    }

    fn read<'a>(&'a self, resource: &'a Resource, into: &'a dyn Keep) -> Fut<'a, Result<Digest, Unread>> {
        Box::pin(async move {
            match self.look(resource)? {
                State::File(FileState { content: Some(digest), .. }) => {
                    let bytes = self.blobs.get(&digest).ok_or(Unread::Failed("no such bytes".into()))?;
                    into.keep(&mut bytes.as_slice()).map_err(|error| Unread::Failed(error.to_string()))
                }
                _ => Err(Unread::Failed(format!("{resource} has no content"))),
            }
        })
    }
}

impl Host for Memory {
    fn put<'a>(&'a self, change: &'a Change, bytes: &'a dyn Blobs) -> Fut<'a, Result<(), HostError>> {
        let result = self.put_now(change, bytes);
        Box::pin(async move { result })
    }

    /// One after the other, so that a fault in the middle leaves some made and some not.
    fn put_together<'a>(&'a self, changes: &'a [Change]) -> Fut<'a, Result<(), HostError>> {
        let result = changes.iter().try_for_each(|change| self.put_now(change, &self.store));
        Box::pin(async move { result })
    }

    fn handle<'a>(&'a self, handler: &'a Handler) -> Fut<'a, Result<(), HostError>> {
        let mut inner = self.inner.lock().unwrap();
        let result = match self.fault {
            Fault::HandlerFails(n) if inner.handled.len() == n => {
                Err(HostError::Failed("handler failed".into()))
            }
            _ if inner.off => Err(HostError::Failed("no power".into())),
            _ => Ok(()),
        };
        inner.handled.push(handler.clone());
        Box::pin(async move { result })
    }
}

impl Memory {
    fn put_now(&self, change: &Change, bytes: &dyn Blobs) -> Result<(), HostError> {
        let mut inner = self.inner.lock().unwrap();
        if inner.off {
            return Err(HostError::Failed("no power".into()));
        }
        let n = inner.operations;
        inner.operations += 1;
        let meddle = |inner: &mut Inner| {
            store(&mut inner.states, &change.resource, stranger_state(&change.resource));
            inner.touched_by_stranger.push(change.resource.clone());
        };
        match self.fault {
            Fault::Fails(at) if at == n => return Err(HostError::Failed("put failed".into())),
            Fault::CrashBefore(at) if at == n => {
                inner.off = true;
                return Err(HostError::Failed("no power".into()));
            }
            Fault::StrangerBefore(at) if at == n => meddle(&mut inner),
            _ => {}
        }
        if lookup(&inner.states, &change.resource) != change.from {
            return Err(HostError::Stale(change.resource.to_string()));
        }
        if let State::File(FileState { content: Some(digest), .. }) = &change.to {
            let mut all = Vec::new();
            let mut reader = bytes.open(digest).map_err(|error| HostError::Failed(error.to_string()))?;
            reader.read_to_end(&mut all).map_err(|error| HostError::Failed(error.to_string()))?;
            self.blobs.keep(&mut all.as_slice()).map_err(|error| HostError::Failed(error.to_string()))?;
        }
        let to =
            if self.fault == Fault::Lies(n) { stranger_state(&change.resource) } else { change.to.clone() };
        if self.fault == Fault::Lies(n) {
            inner.touched_by_stranger.push(change.resource.clone());
        }
        store(&mut inner.states, &change.resource, to);
        match self.fault {
            Fault::CrashAfter(at) if at == n => inner.off = true,
            Fault::StrangerAfter(at) if at == n => meddle(&mut inner),
            _ => {}
        }
        Ok(())
    }
}

impl Journal for Memory {
    fn append(&self, entry: &serde_json::Value) -> Result<(), JournalError> {
        let mut inner = self.inner.lock().unwrap();
        if inner.off {
            return Err(JournalError("no power".into()));
        }
        let n = inner.operations;
        inner.operations += 1;
        match self.fault {
            Fault::Fails(at) if at == n => return Err(JournalError("disk full".into())),
            Fault::CrashBefore(at) if at == n => {
                inner.off = true;
                return Err(JournalError("no power".into()));
            }
            _ => {}
        }
        inner.journal.push(entry.clone());
        if self.fault == Fault::CrashAfter(n) {
            inner.off = true;
        }
        Ok(())
    }
}

/// Keeps every event.
#[derive(Default)]
pub struct Recorder(pub Mutex<Vec<Kind>>);

impl Sink for Recorder {
    fn emit(&self, kind: Kind) {
        self.0.lock().unwrap().push(kind);
    }
}
