//! Docker's swarm mode, and what concerns only engines that are in a swarm.

use model::{Evidence, Fact, HostPath, Judgement, Resource, State, Unread, Verdict};
use serde::Deserialize;

use super::{Kind, unread};

/// `{ kind = "swarm", socket, review? }`: the engine is in no swarm. With `review`, a person looks where it is in one.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Swarm {
    socket: HostPath,
    #[serde(default)]
    review: bool,
}

impl Kind for Swarm {
    fn needs(&self, _seen: &Evidence) -> Vec<Resource> {
        vec![Resource::Fact(Fact::Engine { socket: self.socket.clone() })]
    }

    fn judge(&self, seen: &Evidence) -> Judgement {
        let expected = if self.review { "a person looks at it" } else { "swarm mode is off" };
        let engine = match seen.see(&Resource::Fact(Fact::Engine { socket: self.socket.clone() })) {
            Ok(State::Absent) => {
                let actual = format!("no engine listens at {}", self.socket);
                return Judgement::other(Verdict::Notapplicable, expected, actual);
            }
            Ok(engine) => engine,
            Err(why) => return unread(expected, &why),
        };
        let Some(state) = engine.get("swarm").and_then(State::as_text) else {
            let why = Unread::NoAnswer("the engine, asked whether it is in a swarm,".to_owned());
            return unread(expected, &why);
        };
        let actual = format!("swarm mode is {state}");
        match (state == "inactive", self.review) {
            (off, false) => Judgement::of(off, expected, actual),
            (true, true) => Judgement::other(Verdict::Notapplicable, expected, actual),
            (false, true) => Judgement::other(Verdict::Notchecked, expected, actual),
        }
    }
}
