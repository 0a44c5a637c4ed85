//! Judging several parts of one rule: what fails, what could not be told, what was not to be seen here.

use model::{Judgement, State, Unread, Verdict};

use super::value::few;

/// The parts of a judgement as they come in. A failing part decides; else one that could not be told does.
#[derive(Default)]
pub(crate) struct Parts {
    failed: Vec<String>,
    unread: Vec<String>,
    unseen: Vec<String>,
    passed: Vec<String>,
}

impl Parts {
    /// A part that was seen.
    pub(crate) fn seen(&mut self, passes: bool, what: impl Into<String>) {
        if passes { self.passed.push(what.into()) } else { self.failed.push(what.into()) }
    }

    /// A part that could not be told.
    pub(crate) fn unread(&mut self, why: &Unread) {
        self.unread.push(why.to_string());
    }

    /// A part that this backend cannot show, as a running value under `--root`: judged by the other parts.
    pub(crate) fn unseen(&mut self, what: impl Into<String>) {
        let what = what.into();
        if !self.unseen.contains(&what) {
            self.unseen.push(what);
        }
    }

    /// A part that may be unseen here: `Unsupported` leaves it to the others, any other reason is unknown.
    pub(crate) fn running<'a>(&mut self, state: &'a Result<&State, Unread>, what: &str) -> Option<&'a State> {
        match state {
            Ok(state) => Some(state),
            Err(Unread::Unsupported(_)) => {
                self.unseen(format!("{what} cannot be seen here"));
                None
            }
            Err(why) => {
                self.unread(why);
                None
            }
        }
    }

    /// The judgement on all parts.
    pub(crate) fn judge(self, expected: impl Into<String>) -> Judgement {
        let (verdict, mut told) = if !self.failed.is_empty() {
            (Verdict::Fail, self.failed)
        } else if !self.unread.is_empty() || self.passed.is_empty() {
            (Verdict::Unknown, self.unread)
        } else {
            (Verdict::Pass, self.passed)
        };
        told.extend(self.unseen);
        Judgement::other(verdict, expected, few(&told))
    }
}
