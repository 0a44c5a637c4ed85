//! Every reason for refusing a bundle, by kind.

use model::Digest;

/// Why a bundle is refused. Nothing of it was used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The file does not begin as a bundle does.
    #[error("this is not a Groundfast bundle: {0}")]
    NotABundle(String),
    /// A tar member has a form that bundles never have.
    #[error("member {member} of the bundle is refused: {reason}")]
    Member {
        /// Its name, made printable.
        member: String,
        /// What is wrong with it.
        reason: MemberFault,
    },
    /// The file ends in the middle.
    #[error("the bundle is truncated: it ends within {0}; copy it again")]
    Truncated(String),
    /// Bytes follow the end of the archive.
    #[error("{0} bytes follow the end of the bundle")]
    Trailing(u64),
    /// Two members have the same name, or names that differ in case only.
    #[error("the bundle holds {0} twice")]
    Duplicate(String),
    /// A member that the signature does not cover.
    #[error("the bundle holds {0}, which is not in its signed list")]
    Unlisted(String),
    /// A signed member that is not there.
    #[error("the bundle lacks {0}, which is in its signed list")]
    Missing(String),
    /// Something is larger or more numerous than any bundle needs.
    #[error("{what} is too large: {size}, at most {limit} is accepted")]
    TooLarge {
        /// What is too large.
        what: String,
        /// How large: bytes, or a count.
        size: u64,
        /// The limit.
        limit: u64,
    },
    /// A JSON document that is malformed, ambiguous or of the wrong form.
    #[error("{what} is refused: {reason}")]
    Document {
        /// Which document.
        what: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The signature envelope holds another kind of payload.
    #[error("the signed payload has the type `{0}`, expected `application/vnd.in-toto+json`")]
    PayloadType(String),
    /// Not exactly one signature.
    #[error("the bundle carries {0} signatures, expected exactly one")]
    Signatures(usize),
    /// Signed by somebody whom this site does not trust.
    #[error("the bundle is signed by the key {hint}, which is not trusted here (trusted: {trusted})")]
    UnknownKey {
        /// The hint in the bundle; not authenticated.
        hint: String,
        /// The hints of the trusted keys.
        trusted: String,
    },
    /// The signature does not fit the payload and the trusted key.
    #[error(
        "the signature is not valid for the trusted key {0}: the bundle was altered or signed by another key"
    )]
    BadSignature(String),
    /// The root of trust, pinned or in the bundle, does not hold.
    #[error("the root of trust is refused: {0}")]
    Root(String),
    /// The release's time is over.
    #[error("the release expired on {expires}; it is {now}")]
    Expired {
        /// The end of its time.
        expires: String,
        /// The present.
        now: String,
    },
    /// The clock of this machine runs behind what it has already seen.
    #[error("the clock says {now}, which is before {seen}, a time already seen here: set the clock")]
    ClockBack {
        /// The present, by the clock.
        now: String,
        /// The latest time seen.
        seen: String,
    },
    /// A bundle for another product, channel, platform or installer.
    #[error("the bundle is for {what} `{offered}`, but {wanted} is wanted here")]
    Wrong {
        /// `product`, `channel`, `platform` or `installer`.
        what: &'static str,
        /// What the bundle is for.
        offered: String,
        /// What this site is.
        wanted: String,
    },
    /// An older release than one already seen.
    #[error("release {offered} is older than release {seen}, which this site has already accepted")]
    Rollback {
        /// The number offered.
        offered: u64,
        /// The highest number seen.
        seen: u64,
    },
    /// The same release number with other content.
    #[error("release {0} was already accepted with other content")]
    Reused(u64),
    /// Bytes that are not what the signed list says.
    #[error("{0} does not match its digest: the bundle is damaged or was altered")]
    Digest(String),
    /// Sizes or media types that contradict each other.
    #[error("{what}: {field} is {found}, but the signed list says {listed}")]
    Mismatch {
        /// Which member or descriptor.
        what: String,
        /// `size` or `media type`.
        field: &'static str,
        /// What was found.
        found: String,
        /// What was signed.
        listed: String,
    },
    /// `index.json` is not the one that follows from the signed root index.
    #[error("index.json differs from what the signed root index {0} implies")]
    IndexDiffers(Digest),
    /// The content graph does not hold together.
    #[error("the content of the bundle is inconsistent: {0}")]
    Graph(String),
    /// Not enough room for what would be written.
    #[error("{needed} bytes are needed in {place}, but only {free} are free")]
    Space {
        /// Bytes that would be written.
        needed: u64,
        /// Bytes available.
        free: u64,
        /// The directory.
        place: String,
    },
    /// Something of that name is already there.
    #[error("{0} is already there and is not overwritten")]
    Exists(String),
}

/// What is wrong with a tar member.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MemberFault {
    /// Not a regular file.
    #[error("it is a {0}, only regular files are accepted")]
    Kind(&'static str),
    /// An extension that changes names or sizes.
    #[error("it is a {0} extension header")]
    Extension(&'static str),
    /// Its header checksum does not fit.
    #[error("its header checksum is wrong")]
    Checksum,
    /// A number field is malformed or out of range.
    #[error("its {0} field is malformed")]
    Field(&'static str),
    /// An unsafe or foreign name.
    #[error("its name is not one that a bundle has")]
    Name,
    /// Permissions other than 0644.
    #[error("its mode is {0:o}, expected 644")]
    Mode(u64),
    /// An owner other than 0:0.
    #[error("its owner is {0}:{1}, expected 0:0")]
    Owner(u64, u64),
    /// Any other deviation from the one form that bundles have.
    #[error("its header is not in canonical form")]
    Form,
    /// Out of place.
    #[error("it is out of order")]
    Order,
    /// Padding that is not zero.
    #[error("its padding is not zero")]
    Padding,
}

impl Refusal {
    pub(crate) fn document(what: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::Document { what: what.into(), reason: reason.into() }
    }
}
