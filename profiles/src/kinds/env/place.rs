//! Where data will lie: a path of the machine, or wherever its container engine keeps volumes and images.

use model::{Evidence, Fact, HostPath, Resource, State, Unread};
use serde::Deserialize;

use super::text;

/// The word for the engine's own folder, which only the engine knows.
const ENGINE: &str = "engine";

/// A path, or `engine` for the folder in which the container engine keeps volumes and images.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(crate) enum Place {
    /// A path.
    Path(HostPath),
    /// The engine's folder.
    Engine,
}

impl TryFrom<String> for Place {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        if text == ENGINE {
            return Ok(Self::Engine);
        }
        text.parse()
            .map(Self::Path)
            .map_err(|error| format!("`{text}` is neither a path nor `{ENGINE}`: {error}"))
    }
}

impl Place {
    /// What has to be asked before its path is known.
    pub(crate) fn needs(&self, socket: &HostPath) -> Option<Resource> {
        (*self == Self::Engine).then(|| Resource::Fact(engine(socket)))
    }

    /// Its path, as far as that was seen.
    pub(crate) fn path(&self, socket: &HostPath, seen: &Evidence) -> Result<HostPath, Unread> {
        match self {
            Self::Path(path) => Ok(path.clone()),
            Self::Engine => root(socket, seen),
        }
    }
}

fn engine(socket: &HostPath) -> Fact {
    Fact::Engine { socket: socket.clone() }
}

fn root(socket: &HostPath, seen: &Evidence) -> Result<HostPath, Unread> {
    let silent = || Unread::NoAnswer(format!("no engine at {socket} tells where it keeps its data"));
    let found = seen.see(&Resource::Fact(engine(socket)))?;
    if *found == State::Absent {
        return Err(silent());
    }
    text(found, "root").parse().map_err(|_| silent())
}
