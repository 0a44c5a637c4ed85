//! Whom a site trusts, and what it expects of a release before it looks at a single blob.

use std::path::Path;

use jiff::{SignedDuration, Timestamp};
use model::Digest;
use semver::Version;

use crate::error::Error;
use crate::files;
use crate::keys::PublicKey;
use crate::refusal::Refusal;
use crate::roles::RecordRole;
use crate::root::Root;
use crate::statement::Statement;

/// How far the clock may run behind a time already seen; clocks are corrected now and then.
const TOLERANCE: SignedDuration = SignedDuration::from_hours(24);
/// The largest key or root file read, in bytes.
const MAX_FILE: u64 = 1 << 20;

/// Whom a site trusts to sign releases.
#[derive(Clone, Debug)]
pub enum Trust {
    /// One public key, given explicitly.
    Key(PublicKey),
    /// The release keys of a pinned root.
    Root(Box<Root>),
}

impl Trust {
    /// Reads a public key file.
    ///
    /// # Errors
    /// When it cannot be read or is not an ECDSA P-256 key.
    pub fn key_file(path: &Path) -> Result<Self, Error> {
        crate::open_public_key(path).map(Self::Key)
    }

    /// Reads the pinned `root.json` of a trust directory.
    ///
    /// # Errors
    /// When it cannot be read or does not hold.
    pub fn dir(path: &Path) -> Result<Self, Error> {
        let bytes = files::read(&path.join("root.json"), MAX_FILE)?;
        Ok(Self::Root(Box::new(Root::parse(&bytes)?)))
    }

    /// The keys that may sign a release which comes with this root.
    pub(crate) fn release_keys(&self, offered: &Root, now: Timestamp) -> Result<Vec<PublicKey>, Refusal> {
        match self {
            Self::Key(key) => Ok(vec![key.clone()]),
            Self::Root(pinned) => {
                offered.follows(pinned)?;
                offered.current(now)?;
                offered.release_keys()
            }
        }
    }

    /// The keys that may sign records of this role here.
    ///
    /// # Errors
    /// When the pinned root's time is over, or it names no usable key.
    pub fn record_keys(&self, role: RecordRole, now: Timestamp) -> Result<Vec<PublicKey>, Refusal> {
        match self {
            Self::Key(key) => Ok(vec![key.clone()]),
            Self::Root(pinned) => {
                pinned.current(now)?;
                pinned.record_keys(role)
            }
        }
    }

    /// The keys that may have signed a release which this site accepted before. Time is not asked: what was
    /// accepted goes on running. A key that a later pinned root no longer names is not trusted any more.
    pub(crate) fn accepted_keys(&self, offered: &Root) -> Result<Vec<PublicKey>, Refusal> {
        match self {
            Self::Key(key) => Ok(vec![key.clone()]),
            Self::Root(pinned) if offered.version() < pinned.version() => pinned.release_keys(),
            Self::Root(pinned) => {
                offered.follows(pinned)?;
                offered.release_keys()
            }
        }
    }
}

/// What a site has already seen of a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Seen {
    /// The highest release number accepted.
    pub release: u64,
    /// Its root digest.
    pub root: Digest,
}

/// What this site is, as far as it limits which releases it accepts. What is not set is not checked.
#[derive(Clone, Debug, Default)]
pub struct Expectations {
    /// The product that is installed here.
    pub product: Option<String>,
    /// The channel that this site follows.
    pub channel: Option<String>,
    /// The platform of the target, such as `linux/amd64`.
    pub platform: Option<String>,
    /// The version of the running Groundfast.
    pub installer: Option<Version>,
    /// The root index of the release that is installed here: it may be mended even when a newer one was seen, which
    /// may have failed to come up.
    pub installed: Option<Digest>,
}

impl Expectations {
    /// Compares a signed release with the site and the present.
    pub(crate) fn check(&self, statement: &Statement, now: Timestamp) -> Result<(), Refusal> {
        let release = &statement.predicate;
        if release.expires <= now {
            return Err(Refusal::Expired { expires: release.expires.to_string(), now: now.to_string() });
        }
        not_before(release.created, now)?;
        for (what, offered, wanted) in
            [("product", &release.product, &self.product), ("channel", &release.channel, &self.channel)]
        {
            if let Some(wanted) = wanted.as_ref().filter(|wanted| *wanted != offered) {
                return Err(Refusal::Wrong { what, offered: offered.clone(), wanted: format!("`{wanted}`") });
            }
        }
        if let Some(wanted) = self.platform.as_ref().filter(|wanted| !release.platforms.contains(wanted)) {
            let offered = release.platforms.join(", ");
            return Err(Refusal::Wrong { what: "platform", offered, wanted: format!("`{wanted}`") });
        }
        if let Some(own) = self.installer.as_ref().filter(|own| **own < release.min_installer) {
            let offered = format!("{} or newer", release.min_installer);
            return Err(Refusal::Wrong { what: "installer", offered, wanted: format!("Groundfast {own}") });
        }
        Ok(())
    }
}

/// Refuses a present that lies before a time already seen.
pub(crate) fn not_before(seen: Timestamp, now: Timestamp) -> Result<(), Refusal> {
    if seen.duration_since(now) <= TOLERANCE {
        return Ok(());
    }
    Err(Refusal::ClockBack { now: now.to_string(), seen: seen.to_string() })
}
