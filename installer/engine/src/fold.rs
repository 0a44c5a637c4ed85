//! Folding: all demands on one path become one change of one node, so that every change inverts exactly.

use std::collections::BTreeMap;

use model::{
    Attributes, Change, ControlId, Demand, FileState, HostPath, Keep, Node, Observe, Resource, State, Target,
};

use crate::plan::{Changes, PlanError, readable, text_of};

/// Mode of a file that is created without a demand on its mode.
const PRIVATE: u32 = 0o600;
/// Mode of a directory that is created so that a demanded file can be.
const DIRECTORY: u32 = 0o755;

/// The demands on one path, by facet.
#[derive(Default)]
pub(crate) struct FileDemands<'a> {
    by_facet: BTreeMap<&'a Resource, Vec<&'a Demand>>,
}

impl<'a> FileDemands<'a> {
    pub(crate) fn add(&mut self, demand: &'a Demand) {
        self.by_facet.entry(&demand.resource).or_default().push(demand);
    }

    /// The node to change: the whole file as soon as its content, target or a setting is concerned.
    fn carrier(&self, path: &HostPath) -> Resource {
        let attributes = Resource::Attributes { path: path.clone() };
        if self.by_facet.keys().all(|facet| facet.carrier() == attributes) {
            attributes
        } else {
            Resource::File { path: path.clone() }
        }
    }

    fn controls(&self) -> Vec<ControlId> {
        let mut by: Vec<_> = self.by_facet.values().flatten().map(|demand| demand.by.clone()).collect();
        by.sort();
        by.dedup();
        by
    }

    /// Settings and whole content of one file cannot both be demanded, nor content and a link.
    fn overlap(&self, path: &HostPath) -> Result<(), PlanError> {
        let class = |facet: &Resource| match facet {
            Resource::Content { .. } => Some(0),
            Resource::Link { .. } => Some(1),
            Resource::Setting { .. } => Some(2),
            Resource::File { .. } => Some(3),
            _ => None,
        };
        let mut owner: Option<(u8, &Demand)> = None;
        for (facet, demands) in &self.by_facet {
            let (Some(class), Some(demand)) = (class(facet), demands.first()) else { continue };
            match owner {
                Some((other, first)) if other != class => {
                    let (first, second) = (first.by.clone(), demand.by.clone());
                    return Err(PlanError::Overlap { path: path.clone(), first, second });
                }
                _ => owner = Some((class, demand)),
            }
        }
        Ok(())
    }
}

/// Changes for all demanded paths, with the directories that have to be made first.
pub(crate) async fn files(
    demands: BTreeMap<&HostPath, FileDemands<'_>>,
    host: &dyn Observe,
    keep: &dyn Keep,
) -> Result<Changes, PlanError> {
    let carriers: Vec<Resource> = demands.iter().map(|(path, demands)| demands.carrier(path)).collect();
    let seen = host.observe(&carriers).await;
    let mut changes = Vec::new();
    for (((path, demands), carrier), from) in demands.iter().zip(carriers).zip(seen) {
        demands.overlap(path)?;
        let from = readable(&carrier, from)?;
        let to = match &carrier {
            Resource::Attributes { .. } => attributes(demands, &from)?,
            _ => node(demands, path, &from, host, keep).await?,
        };
        changes.push((Change { resource: carrier, from, to }, demands.controls()));
    }
    let mut all = directories(&changes, host).await?;
    all.extend(changes);
    Ok(all)
}

fn attributes(demands: &FileDemands<'_>, from: &State) -> Result<State, PlanError> {
    match from {
        State::Attributes(attributes) => Ok(State::Attributes(with_facets(demands, attributes.clone())?)),
        // It vanished since a control saw it, so there is nothing whose attributes could be wrong.
        gone => Ok(gone.clone()),
    }
}

/// Applies the demands on mode, owner and group.
fn with_facets(demands: &FileDemands<'_>, mut attributes: Attributes) -> Result<Attributes, PlanError> {
    for (facet, demands) in &demands.by_facet {
        let current = match facet {
            Resource::Mode { .. } => State::Mode(attributes.mode),
            Resource::Owner { .. } => State::Int(attributes.uid.into()),
            Resource::Group { .. } => State::Int(attributes.gid.into()),
            _ => continue,
        };
        match (facet, Target::solve(facet, demands, &current)?.state) {
            (Resource::Mode { .. }, State::Mode(mode)) => attributes.mode = mode,
            (Resource::Owner { .. }, State::Int(id)) => {
                attributes.uid = u32::try_from(id).unwrap_or(attributes.uid)
            }
            (Resource::Group { .. }, State::Int(id)) => {
                attributes.gid = u32::try_from(id).unwrap_or(attributes.gid)
            }
            _ => {}
        }
    }
    Ok(attributes)
}

/// The whole node that satisfies all demands on a path.
async fn node(
    demands: &FileDemands<'_>,
    path: &HostPath,
    from: &State,
    host: &dyn Observe,
    keep: &dyn Keep,
) -> Result<State, PlanError> {
    let settings: Vec<_> =
        demands.by_facet.iter().filter(|(facet, _)| matches!(facet, Resource::Setting { .. })).collect();
    if !settings.is_empty() {
        let before = if *from == State::Absent { String::new() } else { text_of(host, path).await? };
        let mut after = before.clone();
        for (facet, demands) in settings {
            after = with_setting(facet, demands, &after)?;
        }
        let digest = keep.keep(&mut after.as_bytes())?;
        return file(demands, from, digest);
    }
    for (facet, list) in &demands.by_facet {
        let current = from.facet(facet).unwrap_or(State::Absent);
        match (facet, Target::solve(facet, list, &current).map(|target| target.state)) {
            (Resource::Content { .. } | Resource::File { .. } | Resource::Link { .. }, Ok(State::Absent)) => {
                return Ok(State::Absent);
            }
            (Resource::File { .. }, Ok(state)) => return Ok(state),
            (Resource::Content { .. }, Ok(State::Content(digest))) => return file(demands, from, digest),
            (Resource::Content { .. }, Ok(State::Text(text))) => {
                return file(demands, from, keep.keep(&mut text.as_bytes())?);
            }
            (Resource::Link { .. }, Ok(State::Text(target))) => return Ok(link(from, target)),
            (_, Err(conflict)) => return Err(conflict.into()),
            _ => {}
        }
    }
    Ok(from.clone())
}

/// Sets one key in the text of a settings file to the value nearest to the present one that all demands admit.
fn with_setting(facet: &Resource, demands: &[&Demand], text: &str) -> Result<String, PlanError> {
    let Resource::Setting { path, syntax, key } = facet else { return Ok(text.to_owned()) };
    let current = State::from(syntax::get(text, *syntax, key));
    let target = Target::solve(facet, demands, &current)?;
    if target.state == current {
        return Ok(text.to_owned());
    }
    let value = match target.state {
        State::Absent => None,
        state => Some(state.to_string()),
    };
    let refused =
        |error: syntax::Unwritable| PlanError::NotSettings { path: path.clone(), why: error.to_string() };
    syntax::set(text, *syntax, key, value.as_deref()).map_err(refused)
}

fn file(demands: &FileDemands<'_>, from: &State, content: model::Digest) -> Result<State, PlanError> {
    let base = match from {
        State::File(file) if file.attributes.node == Node::File => file.attributes.clone(),
        _ => Attributes::of_root(Node::File, PRIVATE),
    };
    let attributes = with_facets(demands, base)?;
    Ok(State::File(FileState { attributes, content: Some(content), target: None }))
}

fn link(from: &State, target: String) -> State {
    let attributes = match from {
        State::File(file) if file.attributes.node == Node::Link => file.attributes.clone(),
        _ => Attributes::of_root(Node::Link, 0o777),
    };
    State::File(FileState { attributes, content: None, target: Some(target) })
}

/// Changes that make the directories which the created files need and which are not there.
async fn directories(changes: &Changes, host: &dyn Observe) -> Result<Changes, PlanError> {
    let mut needed: BTreeMap<HostPath, Vec<ControlId>> = BTreeMap::new();
    for (change, by) in changes.iter().filter(|(change, _)| change.from == State::Absent && !change.is_noop())
    {
        let mut above = change.resource.path().and_then(HostPath::parent);
        while let Some(dir) = above.filter(|dir| dir.as_str() != "/") {
            above = dir.parent();
            needed.entry(dir).or_default().extend(by.iter().cloned());
        }
    }
    // Attributes follow links, so a directory behind a link counts as one.
    let resources: Vec<_> = needed.keys().map(|path| Resource::Attributes { path: path.clone() }).collect();
    let seen = host.observe(&resources).await;
    let mut made = Vec::new();
    for (((path, mut by), resource), seen) in needed.into_iter().zip(resources).zip(seen) {
        if readable(&resource, seen)? == State::Absent {
            by.sort();
            by.dedup();
            let attributes = Attributes::of_root(Node::Directory, DIRECTORY);
            let to = State::File(FileState { attributes, content: None, target: None });
            made.push((Change { resource: Resource::File { path }, from: State::Absent, to }, by));
        }
    }
    Ok(made)
}
