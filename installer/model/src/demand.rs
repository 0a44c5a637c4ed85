//! Demands: constraints on resources, and the state nearest to the present one that meets them all.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::control::ControlId;
use crate::resource::Resource;
use crate::state::State;

/// A constraint on one state. Each control states its own order, so "stricter" is never judged as "different".
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Constraint {
    /// Exactly this.
    Equals(State),
    /// One of these, the first preferred.
    OneOf(Vec<State>),
    /// A number not above this.
    AtMost(i64),
    /// A number not below this.
    AtLeast(i64),
    /// Permission bits, none beyond this mask.
    ModeWithin(u32),
    /// A set of words, none beyond these.
    Subset(BTreeSet<String>),
    /// A set of words that holds at least these.
    Superset(BTreeSet<String>),
    /// File content that is exactly this text.
    Holds(String),
}

/// What one control asks of one resource.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Demand {
    /// The facet concerned.
    pub resource: Resource,
    /// What it must be.
    pub constraint: Constraint,
    /// Who asks.
    pub by: ControlId,
}

/// Two controls that cannot both be satisfied.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{resource}: {} asks for {} but {} asks for {}", first.0, first.1, second.0, second.1)]
pub struct Conflict {
    /// What they fight over.
    pub resource: Box<Resource>,
    /// One of them, with what it asks.
    pub first: (ControlId, String),
    /// The other.
    pub second: (ControlId, String),
}

/// A state that satisfies every demand on a resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The facet.
    pub resource: Resource,
    /// The state to reach; [`State::Text`] for content demanded as text.
    pub state: State,
    /// Who asked.
    pub by: Vec<ControlId>,
}

impl Constraint {
    /// Whether a state satisfies this constraint.
    pub fn admits(&self, state: &State) -> bool {
        match self {
            Self::Equals(wanted) => same(wanted, state),
            Self::OneOf(wanted) => wanted.iter().any(|one| same(one, state)),
            Self::AtMost(most) => state.as_int().is_some_and(|number| number <= *most),
            Self::AtLeast(least) => state.as_int().is_some_and(|number| number >= *least),
            Self::ModeWithin(mask) => matches!(state, State::Mode(mode) if mode & !mask == 0),
            Self::Subset(words) => matches!(state, State::Words(seen) if seen.is_subset(words)),
            Self::Superset(words) => matches!(state, State::Words(seen) if seen.is_superset(words)),
            Self::Holds(text) => matches!(state, State::Text(seen) if seen == text),
        }
    }

    /// The state nearest to `current` that satisfies this constraint alone.
    fn nearest(&self, current: &State) -> State {
        if self.admits(current) {
            return current.clone();
        }
        match self {
            Self::Equals(wanted) => wanted.clone(),
            Self::OneOf(wanted) => wanted.first().cloned().unwrap_or(State::Absent),
            Self::AtMost(bound) | Self::AtLeast(bound) => State::Int(*bound),
            Self::ModeWithin(mask) => match current {
                State::Mode(mode) => State::Mode(mode & mask),
                _ => State::Mode(*mask),
            },
            Self::Subset(words) => match current {
                State::Words(seen) => State::Words(seen & words),
                _ => State::Words(BTreeSet::new()),
            },
            Self::Superset(words) => match current {
                State::Words(seen) => State::Words(seen | words),
                _ => State::Words(words.clone()),
            },
            Self::Holds(text) => State::Text(text.clone()),
        }
    }

    /// The states worth trying first: the ones that a constraint names outright.
    fn candidates(&self) -> Vec<State> {
        match self {
            Self::Equals(state) => vec![state.clone()],
            Self::OneOf(states) => states.clone(),
            Self::Holds(text) => vec![State::Text(text.clone())],
            Self::AtMost(bound) | Self::AtLeast(bound) => vec![State::Int(*bound)],
            _ => Vec::new(),
        }
    }
}

impl fmt::Display for Constraint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Equals(state) => write!(f, "{state}"),
            Self::OneOf(states) => {
                let words: Vec<_> = states.iter().map(ToString::to_string).collect();
                write!(f, "one of {}", words.join(", "))
            }
            Self::AtMost(bound) => write!(f, "at most {bound}"),
            Self::AtLeast(bound) => write!(f, "at least {bound}"),
            Self::ModeWithin(mask) => write!(f, "{mask:04o} or stricter"),
            Self::Subset(words) => write!(f, "only {}", joined(words)),
            Self::Superset(words) => write!(f, "at least {}", joined(words)),
            Self::Holds(text) => write!(f, "a text of {} bytes", text.len()),
        }
    }
}

impl Target {
    /// Intersects all demands on one resource and picks the state nearest to `current`.
    ///
    /// # Errors
    /// When no state satisfies them all; the conflict names two of them.
    pub fn solve(resource: &Resource, demands: &[&Demand], current: &State) -> Result<Self, Conflict> {
        let admitted = |state: &State| demands.iter().all(|demand| demand.constraint.admits(state));
        let narrowed =
            demands.iter().fold(current.clone(), |state, demand| demand.constraint.nearest(&state));
        let named = demands.iter().flat_map(|demand| demand.constraint.candidates());
        let state = [current.clone(), narrowed]
            .into_iter()
            .chain(named)
            .find(admitted)
            .ok_or_else(|| conflict(resource, demands, current))?;
        Ok(Self {
            resource: resource.clone(),
            state,
            by: demands.iter().map(|demand| demand.by.clone()).collect(),
        })
    }
}

/// Equality across spellings: a settings file yields text where a control speaks of numbers.
fn same(wanted: &State, seen: &State) -> bool {
    wanted == seen
        || match (wanted, seen) {
            (State::Int(number), State::Text(_)) => seen.as_int() == Some(*number),
            (State::Text(_), State::Int(number)) => wanted.as_int() == Some(*number),
            _ => false,
        }
}

fn joined(words: &BTreeSet<String>) -> String {
    words.iter().cloned().collect::<Vec<_>>().join(" ")
}

/// Names the first pair of demands that cannot both hold; with more than two involved, the first and the last.
fn conflict(resource: &Resource, demands: &[&Demand], current: &State) -> Conflict {
    let side = |demand: &Demand| (demand.by.clone(), demand.constraint.to_string());
    let mut pair = (demands[0], demands[demands.len() - 1]);
    for (index, first) in demands.iter().enumerate() {
        for second in &demands[index + 1..] {
            if Target::solve_pair(first, second, current).is_none() {
                pair = (first, second);
                return Conflict {
                    resource: Box::new(resource.clone()),
                    first: side(pair.0),
                    second: side(pair.1),
                };
            }
        }
    }
    Conflict { resource: Box::new(resource.clone()), first: side(pair.0), second: side(pair.1) }
}

impl Target {
    fn solve_pair(first: &Demand, second: &Demand, current: &State) -> Option<State> {
        let both = |state: &State| first.constraint.admits(state) && second.constraint.admits(state);
        let narrowed = second.constraint.nearest(&first.constraint.nearest(current));
        let named = first.constraint.candidates().into_iter().chain(second.constraint.candidates());
        [current.clone(), narrowed].into_iter().chain(named).find(both)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn demand(by: &str, constraint: Constraint) -> Demand {
        let resource = Resource::Sysctl { key: "a.b".into(), scope: crate::SysctlScope::Running };
        Demand { resource, constraint, by: ControlId::new(by) }
    }

    fn solve(constraints: Vec<Constraint>, current: State) -> Result<State, Conflict> {
        let demands: Vec<_> =
            constraints.into_iter().enumerate().map(|(i, c)| demand(&format!("c{i}"), c)).collect();
        let refs: Vec<_> = demands.iter().collect();
        Target::solve(&demands[0].resource, &refs, &current).map(|target| target.state)
    }

    #[test]
    fn a_state_that_already_satisfies_stays() {
        let stricter = State::Mode(0o600);
        assert_eq!(solve(vec![Constraint::ModeWithin(0o640)], stricter.clone()), Ok(stricter));
        assert_eq!(solve(vec![Constraint::AtMost(5)], State::text("3")), Ok(State::text("3")));
    }

    #[test]
    fn masks_and_bounds_intersect() {
        let masks = vec![Constraint::ModeWithin(0o640), Constraint::ModeWithin(0o600)];
        assert_eq!(solve(masks, State::Mode(0o644)), Ok(State::Mode(0o600)));
        let range = vec![Constraint::AtMost(300), Constraint::AtLeast(1)];
        assert_eq!(solve(range.clone(), State::Int(0)), Ok(State::Int(1)));
        assert_eq!(solve(range, State::Int(900)), Ok(State::Int(300)));
    }

    #[test]
    fn an_empty_intersection_names_both() {
        let error =
            solve(vec![Constraint::Equals(State::Int(0)), Constraint::Equals(State::Int(1))], State::Absent)
                .unwrap_err();
        assert_eq!(error.to_string(), "running sysctl a.b: c0 asks for 0 but c1 asks for 1");
    }

    #[test]
    fn alternatives_meet_where_they_overlap() {
        let words = |list: &[&str]| Constraint::OneOf(list.iter().map(|word| State::text(*word)).collect());
        let both = vec![words(&["a", "b"]), words(&["b", "c"])];
        assert_eq!(solve(both, State::Absent), Ok(State::text("b")));
    }

    proptest! {
        #[test]
        fn a_solution_admits_every_demand(bounds in prop::collection::vec((any::<bool>(), -50i64..50), 1..5), current in -60i64..60) {
            let constraints: Vec<_> = bounds
                .iter()
                .map(|(up, bound)| if *up { Constraint::AtMost(*bound) } else { Constraint::AtLeast(*bound) })
                .collect();
            let feasible = bounds.iter().filter(|b| !b.0).map(|b| b.1).max().unwrap_or(i64::MIN)
                <= bounds.iter().filter(|b| b.0).map(|b| b.1).min().unwrap_or(i64::MAX);
            match solve(constraints.clone(), State::Int(current)) {
                Ok(state) => prop_assert!(feasible && constraints.iter().all(|c| c.admits(&state))),
                Err(_) => prop_assert!(!feasible),
            }
        }
    }
}
