//! Several backends behind one face, each serving its own families of resources.

use model::{Blobs, Change, Digest, Fut, Handler, Host, HostError, Keep, Observe, Resource, State, Unread};

/// Says whether a backend serves a resource.
pub type Family = fn(&Resource) -> bool;

/// Sends each resource to the first backend that serves it.
pub struct Router<'a> {
    backends: Vec<(Family, &'a dyn Host)>,
}

impl<'a> Router<'a> {
    /// A router over backends in order of precedence. The first one also runs the handlers.
    pub fn new(backends: Vec<(Family, &'a dyn Host)>) -> Self {
        Self { backends }
    }

    fn serving(&self, resource: &Resource) -> Option<usize> {
        self.backends.iter().position(|(serves, _)| serves(resource))
    }

    async fn observe_all(&self, wanted: &[Resource]) -> Vec<Result<State, Unread>> {
        let nobody =
            |resource: &Resource| Err(Unread::Unsupported(format!("nothing here observes {resource}")));
        let mut answers: Vec<_> = wanted.iter().map(nobody).collect();
        for (index, (_, backend)) in self.backends.iter().enumerate() {
            let mine: Vec<usize> =
                (0..wanted.len()).filter(|i| self.serving(&wanted[*i]) == Some(index)).collect();
            if mine.is_empty() {
                continue;
            }
            let asked: Vec<Resource> = mine.iter().map(|i| wanted[*i].clone()).collect();
            for (i, answer) in mine.into_iter().zip(backend.observe(&asked).await) {
                answers[i] = answer;
            }
        }
        answers
    }

    fn host(&self, resource: &Resource) -> Result<&'a dyn Host, HostError> {
        let index = self.serving(resource).ok_or_else(|| HostError::Unsupported(resource.to_string()))?;
        Ok(self.backends[index].1)
    }
}

impl Observe for Router<'_> {
    fn observe<'a>(&'a self, wanted: &'a [Resource]) -> Fut<'a, Vec<Result<State, Unread>>> {
        Box::pin(self.observe_all(wanted))
    }

    fn read<'a>(&'a self, resource: &'a Resource, into: &'a dyn Keep) -> Fut<'a, Result<Digest, Unread>> {
        match self.host(resource) {
            Ok(host) => host.read(resource, into),
            Err(error) => Box::pin(async move { Err(Unread::Unsupported(error.to_string())) }),
        }
    }
}

impl Host for Router<'_> {
    fn put<'a>(&'a self, change: &'a Change, bytes: &'a dyn Blobs) -> Fut<'a, Result<(), HostError>> {
        match self.host(&change.resource) {
            Ok(host) => host.put(change, bytes),
            Err(error) => Box::pin(async move { Err(error) }),
        }
    }

    fn put_together<'a>(&'a self, changes: &'a [Change]) -> Fut<'a, Result<(), HostError>> {
        let backend = changes.first().map(|change| self.host(&change.resource));
        match backend {
            Some(Ok(host)) => host.put_together(changes),
            Some(Err(error)) => Box::pin(async move { Err(error) }),
            None => Box::pin(async { Ok(()) }),
        }
    }

    fn settle<'a>(&'a self, resource: &'a Resource) -> Fut<'a, Result<(), HostError>> {
        match self.host(resource) {
            Ok(host) => host.settle(resource),
            Err(error) => Box::pin(async move { Err(error) }),
        }
    }

    fn handle<'a>(&'a self, handler: &'a Handler) -> Fut<'a, Result<(), HostError>> {
        match self.backends.first() {
            Some((_, host)) => host.handle(handler),
            None => Box::pin(async { Err(HostError::Unsupported("there is no backend".to_owned())) }),
        }
    }
}
