//! Addresses of observable facets. A query is data, so it can be batched, shipped and journalled.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::fact::Fact;
use crate::lookup::Lookup;
use crate::path::HostPath;
use crate::plan::StageKind;
use crate::state::Node;
use crate::syntax::Syntax;

/// Where a sysctl is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SysctlScope {
    /// The value that the kernel uses now.
    Running,
    /// The value that the next boot will set: sysctl.d(5) in its order of precedence. A record with `value`,
    /// `at` (`file:line`) and `path`, all absent when no file sets it, and `legacy`: what `/etc/sysctl.conf`
    /// says, which `sysctl --system` lets win. Where nothing else sets it, that file counts if a package links to it.
    Persistent,
}

/// Which files a walk reports. All queries of one assessment share a single walk.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct FileQuery {
    /// The directory to look in.
    pub under: HostPath,
    /// Whether to descend; pseudo file systems and other mounts of them are never entered.
    pub recursive: bool,
    /// A regular expression on the last part of the path; all names when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// A regular expression on the last part of the path: what matches it is not reported.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub except: Option<String>,
    /// Which kinds of node are reported; all kinds when empty.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub kinds: BTreeSet<Node>,
    /// What makes a node worth reporting, so that answers stay small.
    pub wanted: Wanted,
}

/// The predicate of a [`FileQuery`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Wanted {
    /// Every node of the kinds and name asked for.
    Any,
    /// Permission bits outside this mask are set.
    ModeBeyond(u32),
    /// Any of these permission bits is set.
    ModeHas(u32),
    /// The owner is none of these user ids.
    OwnerNot(BTreeSet<u32>),
    /// The group is none of these group ids.
    GroupNot(BTreeSet<u32>),
    /// The owner has no name in `/etc/passwd`.
    OwnerUnknown,
    /// The group has no name in `/etc/group`.
    GroupUnknown,
}

/// The address of one observable facet of a machine. Each family is served by one backend.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Resource {
    /// Permission bits of a path, links followed inside the root; carried by [`Resource::Attributes`].
    Mode { path: HostPath },
    /// Numeric owner of a path; carried by [`Resource::Attributes`].
    Owner { path: HostPath },
    /// Numeric group of a path; carried by [`Resource::Attributes`].
    Group { path: HostPath },
    /// Kind, mode, owner, group and extended attributes of an existing path, links followed.
    Attributes { path: HostPath },
    /// Bytes of a regular file; carried by [`Resource::File`].
    Content { path: HostPath },
    /// Target of a symbolic link; carried by [`Resource::File`].
    Link { path: HostPath },
    /// One key of a settings file; carried by [`Resource::File`].
    Setting { path: HostPath, syntax: Syntax, key: String },
    /// A whole node, its attributes and its bytes or link target; the last part is not followed.
    File { path: HostPath },
    /// The files that a shared walk found.
    Files(FileQuery),
    /// An effective value over several files.
    Effective(Lookup),
    /// A kernel parameter.
    Sysctl { key: String, scope: SysctlScope },
    /// Whether a unit runs: `active` or `inactive`.
    Activity { unit: String },
    /// A measurement.
    Fact(Fact),
    /// A package of the system: its version or absent, or where an operation on it stopped. The packages of a
    /// stage change together, as the package manager changes them.
    Package { name: String },
    /// What the package manager would do to install and remove these packages, by its own simulation: a
    /// [`Transaction`](crate::Transaction). Nothing is changed. Known on the running machine only.
    Transaction { install: BTreeSet<String>, remove: BTreeSet<String> },
    /// A container image in the engine, by image id.
    Image { id: Digest },
    /// An AppArmor profile as the kernel holds it: its mode, such as `enforce` or `complain`, or absent. The text that
    /// it is loaded from is the file of its name in `/etc/apparmor.d`.
    Apparmor { profile: String },
    /// A module of SELinux' policy at our priority, 400: absent, or a record with `content` (of its CIL) and
    /// `enabled` (a flag).
    SelinuxModule { name: String },
    /// The SELinux label of what a path leads to, as text; absent where it has none.
    Label { path: HostPath },
    /// A Compose project: the release that is up, or absent.
    Stack { project: String },
    /// One service of a Compose project as it runs: image, state, health, mounts.
    Service { project: String, service: String },
    /// An injected secret at its target path.
    Secret { path: HostPath },
}

impl Resource {
    /// The resource that a change of this facet is a change of: facets of one file change together, in one
    /// write, so that every change is exactly invertible.
    pub fn carrier(&self) -> Resource {
        match self {
            Self::Mode { path } | Self::Owner { path } | Self::Group { path } => {
                Self::Attributes { path: path.clone() }
            }
            Self::Content { path } | Self::Link { path } | Self::Setting { path, .. } => {
                Self::File { path: path.clone() }
            }
            other => other.clone(),
        }
    }

    /// The stage in which a change of this resource happens, or `None` if it can only be observed.
    pub fn stage(&self) -> Option<StageKind> {
        Some(match self.carrier() {
            Self::Attributes { .. } | Self::File { .. } | Self::Label { .. } => StageKind::File,
            Self::Sysctl { scope: SysctlScope::Running, .. } | Self::Apparmor { .. } => StageKind::Kernel,
            Self::SelinuxModule { .. } => StageKind::Policy,
            Self::Package { .. } => StageKind::Package,
            Self::Activity { .. } => StageKind::Unit,
            Self::Image { .. } => StageKind::Image,
            Self::Secret { .. } => StageKind::Secret,
            Self::Stack { .. } => StageKind::Stack,
            _ => return None,
        })
    }

    /// Whether only Groundfast writes this resource, so that a state between `from` and `to` can only be its
    /// own half-made change, and may be taken back.
    pub fn is_exclusive(&self) -> bool {
        matches!(self, Self::Stack { .. } | Self::Secret { .. })
    }

    /// The path that a file-like resource is about.
    pub fn path(&self) -> Option<&HostPath> {
        match self {
            Self::Mode { path }
            | Self::Owner { path }
            | Self::Group { path }
            | Self::Attributes { path }
            | Self::Content { path }
            | Self::Link { path }
            | Self::Setting { path, .. }
            | Self::File { path }
            | Self::Label { path }
            | Self::Secret { path } => Some(path),
            _ => None,
        }
    }
}

impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mode { path } => write!(f, "mode of {path}"),
            Self::Owner { path } => write!(f, "owner of {path}"),
            Self::Group { path } => write!(f, "group of {path}"),
            Self::Attributes { path } => write!(f, "attributes of {path}"),
            Self::Content { path } => write!(f, "content of {path}"),
            Self::Link { path } => write!(f, "link {path}"),
            Self::Setting { path, key, .. } => write!(f, "{key} in {path}"),
            Self::File { path } => write!(f, "file {path}"),
            Self::Files(query) => write!(f, "files under {}", query.under),
            Self::Effective(lookup) => write!(f, "{lookup}"),
            Self::Sysctl { key, scope: SysctlScope::Running } => write!(f, "running sysctl {key}"),
            Self::Sysctl { key, scope: SysctlScope::Persistent } => write!(f, "persistent sysctl {key}"),
            Self::Activity { unit } => write!(f, "activity of {unit}"),
            Self::Fact(fact) => write!(f, "{fact}"),
            Self::Package { name } => write!(f, "package {name}"),
            Self::Transaction { install, remove } => {
                let joined = |names: &BTreeSet<String>| names.iter().cloned().collect::<Vec<_>>().join(" ");
                match (install.is_empty(), remove.is_empty()) {
                    (false, true) => write!(f, "installing {}", joined(install)),
                    (true, false) => write!(f, "removing {}", joined(remove)),
                    _ => write!(f, "installing {} and removing {}", joined(install), joined(remove)),
                }
            }
            Self::Image { id } => write!(f, "image {id}"),
            Self::Apparmor { profile } => write!(f, "AppArmor profile {profile}"),
            Self::SelinuxModule { name } => write!(f, "SELinux module {name}"),
            Self::Label { path } => write!(f, "SELinux label of {path}"),
            Self::Stack { project } => write!(f, "stack {project}"),
            Self::Service { project, service } => write!(f, "service {project}/{service}"),
            Self::Secret { path } => write!(f, "secret at {path}"),
        }
    }
}
