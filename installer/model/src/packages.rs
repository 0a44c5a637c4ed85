//! What a package manager would do: several packages at once, some that nobody named.

use crate::state::State;

/// One package on its way from a version to another, in or out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Move {
    /// Its name, with the architecture where that is not the system's own.
    pub package: String,
    /// [`State::Absent`] or the version that is there.
    pub from: State,
    /// [`State::Absent`] or the version that comes.
    pub to: State,
    /// Whether there is a way back: what was there before is at hand, or nothing was.
    pub back: bool,
}

/// Everything that the package manager would do in one go.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Transaction {
    /// The packages that would come, go or change, in its order.
    pub moves: Vec<Move>,
    /// Why it must not be done; empty when it may be.
    pub refused: Vec<String>,
}

impl Transaction {
    /// This transaction as the value of a resource.
    pub fn to_state(&self) -> State {
        let one = |one: &Move| {
            State::record([
                ("package", State::text(&*one.package)),
                ("from", one.from.clone()),
                ("to", one.to.clone()),
                ("back", State::Flag(one.back)),
            ])
        };
        State::record([
            ("moves", State::List(self.moves.iter().map(one).collect())),
            ("refused", State::texts(self.refused.iter().cloned())),
        ])
    }

    /// The transaction that a resource's value holds; `None` when it holds none.
    pub fn of(state: &State) -> Option<Self> {
        let one = |state: &State| {
            Some(Move {
                package: state.get("package")?.as_text()?.to_owned(),
                from: state.get("from").cloned().unwrap_or(State::Absent),
                to: state.get("to").cloned().unwrap_or(State::Absent),
                back: state.get("back")?.as_flag()?,
            })
        };
        let moves = state.get("moves")?.items().iter().map(one).collect::<Option<Vec<_>>>()?;
        let refused = state.get("refused")?.items().iter().filter_map(State::as_text).map(str::to_owned);
        Some(Self { moves, refused: refused.collect() })
    }

    /// What becomes of a package, if anything does.
    pub fn of_package(&self, name: &str) -> Option<&Move> {
        self.moves.iter().find(|one| one.package == name)
    }
}

/// The state of a package on which an operation stopped half-way: its version and the package manager's word.
pub fn unfinished_package(version: &str, word: &str) -> State {
    State::Text(format!("{version} ({word})"))
}

/// Whether a package's state is one that an operation left half-way. No version has a space in it.
pub fn is_unfinished_package(state: &State) -> bool {
    state.as_text().is_some_and(|text| text.contains(' '))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transaction_survives_being_a_state() {
        let come = Move { package: "a".into(), from: State::Absent, to: State::text("1"), back: true };
        let go = Move { package: "b:i386".into(), from: State::text("2"), to: State::Absent, back: false };
        let whole = Transaction { moves: vec![come, go], refused: vec!["no".into()] };
        for transaction in [whole, Transaction::default()] {
            assert_eq!(Transaction::of(&transaction.to_state()), Some(transaction));
        }
        assert_eq!(Transaction::of(&State::Absent), None);
    }

    #[test]
    fn a_half_made_package_is_told_from_a_version() {
        assert!(is_unfinished_package(&unfinished_package("1:2.0-1", "half-configured")));
        assert!(!is_unfinished_package(&State::text("1:2.0-1")) && !is_unfinished_package(&State::Absent));
    }
}
