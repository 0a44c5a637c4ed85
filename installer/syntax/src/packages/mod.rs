//! Packages of a system, whichever of the two databases it has.

pub(crate) mod apt;
pub mod dpkg;
pub(crate) mod repositories;

use std::cmp::Ordering;

use model::{HostPath, State, Unread};

use crate::rpm;
use crate::source::Source;

/// The installed packages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Packages {
    /// As dpkg knows them.
    Deb(dpkg::Packages),
    /// As rpm knows them.
    Rpm(rpm::Packages),
}

impl Packages {
    /// Reads the system's database. A dpkg that knows no package yields to an rpm that does: either tool may be
    /// installed on the other's system.
    ///
    /// # Errors
    /// When there is no database, or it cannot be read.
    pub fn read(source: &dyn Source) -> Result<Self, Unread> {
        let status = source.text(&HostPath::literal("/var/lib/dpkg/status"))?;
        let deb = status.map(|status| dpkg::Packages::parse(&status));
        if let Some(packages) = deb.as_ref().filter(|packages| !packages.is_empty()) {
            return Ok(Self::Deb(packages.clone()));
        }
        match (rpm::Packages::read(source), deb) {
            (Ok(Some(packages)), _) => Ok(Self::Rpm(packages)),
            (Err(why), _) => Err(why),
            (Ok(None), Some(empty)) => Ok(Self::Deb(empty)),
            (Ok(None), None) => Err(Unread::Unsupported(
                "there is no database of packages, neither dpkg's nor rpm's".to_owned(),
            )),
        }
    }

    /// The version of an installed package.
    pub fn version(&self, name: &str) -> Option<&str> {
        match self {
            Self::Deb(packages) => packages.version(name),
            Self::Rpm(packages) => packages.version(name),
        }
    }

    /// The answer to [`model::Lookup::PackageKeys`].
    pub(crate) fn keys(&self) -> Result<State, Unread> {
        match self {
            Self::Rpm(packages) => Ok(State::texts(packages.keys().iter().cloned())),
            Self::Deb(_) => Err(Unread::Unsupported("dpkg's database holds no keys".to_owned())),
        }
    }

    /// The record that [`model::Lookup::Package`] describes.
    pub(crate) fn record(&self, name: &str) -> State {
        let version = self.version(name);
        let format = match self {
            Self::Deb(_) => "deb",
            Self::Rpm(_) => "rpm",
        };
        State::record([
            ("installed", State::Flag(version.is_some())),
            ("version", version.map(str::to_owned).into()),
            ("format", State::text(format)),
        ])
    }
}

/// Compares two versions by the rules of `deb` or `rpm` packages.
pub fn compare_versions(format: &str, a: &str, b: &str) -> Ordering {
    if format == "rpm" { rpm::compare_versions(a, b) } else { dpkg::compare_versions(a, b) }
}
