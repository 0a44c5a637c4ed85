//! Values of resources. Bytes never sit in a state: it carries their digest.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::path::HostPath;
use crate::resource::Resource;

/// The longest list that is shown item by item.
const SHOWN: usize = 8;

/// What kind of node a path is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Node {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link.
    Link,
    /// A device, socket or pipe.
    Special,
}

/// What a path carries besides its content.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Attributes {
    /// What kind of node it is.
    pub node: Node,
    /// Permission bits, set-uid, set-gid and sticky bit: 0 to 0o7777.
    pub mode: u32,
    /// Numeric owner.
    pub uid: u32,
    /// Numeric group.
    pub gid: u32,
    /// Extended attributes by name, values in hexadecimal.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub xattrs: BTreeMap<String, String>,
}

impl Attributes {
    /// A node owned by root without extended attributes.
    pub fn of_root(node: Node, mode: u32) -> Self {
        Self { node, mode, uid: 0, gid: 0, xattrs: BTreeMap::new() }
    }
}

/// A whole node: its attributes and what is in it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct FileState {
    /// Kind, mode, owner, group, extended attributes.
    pub attributes: Attributes,
    /// Digest of the bytes of a regular file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<Digest>,
    /// Target of a symbolic link.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
}

/// A node that a walk found.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Entry {
    /// Where it is.
    pub path: HostPath,
    /// What kind of node it is.
    pub node: Node,
    /// Permission bits.
    pub mode: u32,
    /// Numeric owner.
    pub uid: u32,
    /// Numeric group.
    pub gid: u32,
}

/// The value of a [`Resource`]. Absence is a value.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// The thing is not there.
    Absent,
    /// A yes or no.
    Flag(bool),
    /// A number.
    Int(i64),
    /// A word or line.
    Text(String),
    /// A set of words.
    Words(BTreeSet<String>),
    /// Permission bits; "at most" means "no bit beyond".
    Mode(u32),
    /// Content by digest.
    Content(Digest),
    /// Kind, mode, owner, group and extended attributes.
    Attributes(Attributes),
    /// A whole node.
    File(FileState),
    /// What a walk found, sorted by path.
    Entries(Vec<Entry>),
    /// Several named parts.
    Record(BTreeMap<String, State>),
    /// Several values in order.
    List(Vec<State>),
}

impl State {
    /// A record from its parts.
    pub fn record<K: Into<String>>(parts: impl IntoIterator<Item = (K, State)>) -> Self {
        Self::Record(parts.into_iter().map(|(key, value)| (key.into(), value)).collect())
    }

    /// A text state.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    /// A list of texts.
    pub fn texts<T: Into<String>>(texts: impl IntoIterator<Item = T>) -> Self {
        Self::List(texts.into_iter().map(State::text).collect())
    }

    /// The named part of a record.
    pub fn get(&self, part: &str) -> Option<&State> {
        match self {
            Self::Record(parts) => parts.get(part).filter(|state| **state != Self::Absent),
            _ => None,
        }
    }

    /// The digest of the bytes that bringing this state back needs: those of a file, or of a SELinux module.
    pub fn bytes(&self) -> Option<Digest> {
        match (self, self.get("content")) {
            (Self::File(file), _) => file.content,
            (_, Some(Self::Content(digest))) => Some(*digest),
            _ => None,
        }
    }

    /// This state as text, when it is text.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// This state as a number; text that reads as a decimal number counts.
    pub fn as_int(&self) -> Option<i64> {
        match self {
            Self::Int(number) => Some(*number),
            Self::Text(text) => text.trim().parse().ok(),
            _ => None,
        }
    }

    /// This state as a yes or no.
    pub fn as_flag(&self) -> Option<bool> {
        match self {
            Self::Flag(flag) => Some(*flag),
            _ => None,
        }
    }

    /// The members of a list; empty for anything else.
    pub fn items(&self) -> &[State] {
        match self {
            Self::List(items) => items,
            _ => &[],
        }
    }

    /// Reads one facet out of the state of its carrier (see [`Resource::carrier`]). A facet whose value needs
    /// the file's bytes (a setting) is not derivable here and comes out as `None`.
    pub fn facet(&self, of: &Resource) -> Option<State> {
        let attributes = match self {
            Self::Absent if !matches!(of, Resource::Setting { .. }) => return Some(Self::Absent),
            Self::Attributes(attributes) => attributes,
            Self::File(file) => &file.attributes,
            _ => return None,
        };
        match (of, self) {
            (Resource::Mode { .. }, _) => Some(Self::Mode(attributes.mode)),
            (Resource::Owner { .. }, _) => Some(Self::Int(attributes.uid.into())),
            (Resource::Group { .. }, _) => Some(Self::Int(attributes.gid.into())),
            (Resource::Attributes { .. }, _) => Some(Self::Attributes(attributes.clone())),
            (Resource::File { .. }, Self::File(_)) => Some(self.clone()),
            (Resource::Content { .. }, Self::File(file)) => {
                Some(file.content.map_or(Self::Absent, Self::Content))
            }
            (Resource::Link { .. }, Self::File(file)) => {
                Some(file.target.clone().map_or(Self::Absent, Self::Text))
            }
            _ => None,
        }
    }
}

impl From<bool> for State {
    fn from(flag: bool) -> Self {
        Self::Flag(flag)
    }
}

impl From<i64> for State {
    fn from(number: i64) -> Self {
        Self::Int(number)
    }
}

impl From<&str> for State {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for State {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl<T: Into<State>> From<Option<T>> for State {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Absent, Into::into)
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absent => f.write_str("absent"),
            Self::Flag(flag) => f.write_str(if *flag { "yes" } else { "no" }),
            Self::Int(number) => write!(f, "{number}"),
            Self::Text(text) => f.write_str(text),
            Self::Words(words) => write!(f, "{}", words.iter().cloned().collect::<Vec<_>>().join(" ")),
            Self::Mode(mode) => write!(f, "{mode:04o}"),
            Self::Content(digest) => write!(f, "{digest}"),
            Self::Attributes(attributes) => write!(f, "{attributes}"),
            Self::File(file) => match (&file.content, &file.target) {
                (_, Some(target)) => write!(f, "link to {target}"),
                (Some(digest), _) => write!(f, "{} {}", file.attributes, &digest.hex()[..12]),
                _ => write!(f, "{}", file.attributes),
            },
            Self::Entries(entries) => write!(f, "{} files", entries.len()),
            Self::Record(parts) => {
                let parts: Vec<_> = parts.iter().map(|(key, value)| format!("{key} {value}")).collect();
                f.write_str(&parts.join(", "))
            }
            // The users of a machine are many; what is shown of them has to stay readable.
            Self::List(items) if items.len() > SHOWN => write!(f, "{} entries", items.len()),
            Self::List(items) => {
                let items: Vec<_> = items.iter().map(ToString::to_string).collect();
                f.write_str(&items.join(", "))
            }
        }
    }
}

impl fmt::Display for Attributes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let node = match self.node {
            Node::File => "file",
            Node::Directory => "directory",
            Node::Link => "link",
            Node::Special => "special file",
        };
        write!(f, "{node} {:04o} {}:{}", self.mode, self.uid, self.gid)
    }
}
