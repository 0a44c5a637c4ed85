//! What may be seen between the two states of a change, as after a kill in the middle of it.

use std::collections::BTreeSet;

use model::{Attributes, Change, Resource, State};

/// The attribute that the kernel itself takes away when a file changes its owner, as it does with set-id bits.
const CAPABILITY: &str = "security.capability";

/// Whether a state can be our own half-made change. Attributes are given one after the other, so each of them may be
/// the old or the new one; everything else changes at once.
pub(crate) fn halfway(change: &Change, seen: &State) -> bool {
    let (State::Attributes(from), State::Attributes(to), State::Attributes(seen)) =
        (&change.from, &change.to, seen)
    else {
        return false;
    };
    seen.node == from.node
        && [from.uid, to.uid].contains(&seen.uid)
        && [from.gid, to.gid].contains(&seen.gid)
        && modes(from, to).contains(&seen.mode)
        && xattrs(from, to, seen)
}

/// Whether what was to be changed is no longer there. A node that is gone has no attributes that could be wrong.
pub(crate) fn gone(change: &Change, seen: &State) -> bool {
    matches!(change.resource, Resource::Attributes { .. }) && *seen == State::Absent
}

/// Both modes, also without the set-id bits, which a change of the owner clears.
fn modes(from: &Attributes, to: &Attributes) -> BTreeSet<u32> {
    let cleared = |mode: u32| [mode, mode & !0o4000, mode & !0o6000];
    cleared(from.mode).into_iter().chain(cleared(to.mode)).collect()
}

fn xattrs(from: &Attributes, to: &Attributes, seen: &Attributes) -> bool {
    let names = from.xattrs.keys().chain(to.xattrs.keys()).chain(seen.xattrs.keys());
    names.collect::<BTreeSet<_>>().into_iter().all(|name| {
        let value = seen.xattrs.get(name);
        value == from.xattrs.get(name)
            || value == to.xattrs.get(name)
            || (value.is_none() && name == CAPABILITY)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::{HostPath, Node};

    fn of(uid: u32, mode: u32, xattrs: &[(&str, &str)]) -> State {
        let xattrs = xattrs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        State::Attributes(Attributes { uid, xattrs, ..Attributes::of_root(Node::File, mode) })
    }

    #[test]
    fn only_a_mixture_of_the_two_states_is_our_own() {
        let resource = Resource::Attributes { path: HostPath::literal("/tool") };
        let from = of(7, 0o4755, &[(CAPABILITY, "01"), ("user.a", "aa")]);
        let change = Change { resource, from, to: of(0, 0o755, &[("user.a", "bb")]) };
        for (seen, ours) in [
            (of(0, 0o4755, &[(CAPABILITY, "01"), ("user.a", "aa")]), true),
            (of(0, 0o755, &[("user.a", "aa")]), true),
            (of(7, 0o755, &[("user.a", "bb")]), true),
            (of(0, 0o777, &[("user.a", "aa")]), false),
            (of(4711, 0o755, &[("user.a", "aa")]), false),
            (of(0, 0o755, &[("user.a", "cc")]), false),
            (of(0, 0o755, &[("user.a", "aa"), ("user.b", "cc")]), false),
            (State::Absent, false),
        ] {
            assert_eq!(halfway(&change, &seen), ours, "{seen:?}");
        }
    }
}
