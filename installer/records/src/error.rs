//! Why a record does not count.

use bundle::Refusal;

/// Why a record cannot be made, or does not count.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// The document is damaged, ambiguous, or of another form.
    #[error(transparent)]
    Form(Refusal),
    /// Signed by a key that may not sign records of this kind.
    #[error("it is signed by the key {hint}, which may not sign for the role `{role}` here (may: {trusted})")]
    Stranger {
        /// The hint in the record; not authenticated.
        hint: String,
        /// The role that its kind needs.
        role: &'static str,
        /// Who may.
        trusted: String,
    },
    /// The signature does not fit the content and the trusted key.
    #[error("its signature is not valid for the trusted key {0}: it was altered, or signed by another key")]
    BadSignature(String),
    /// Signed by somebody else than it says.
    #[error("it names `{claimed}` as the one who signed, but the key is that of `{holder}`")]
    NotTheSigner {
        /// The name in the record.
        claimed: String,
        /// Whose key it is.
        holder: String,
    },
    /// One person in both parts.
    #[error("`{name}` is both {one} and {other}: a second person has to agree")]
    SamePerson {
        /// The name.
        name: String,
        /// The first part.
        one: &'static str,
        /// The second part.
        other: &'static str,
    },
    /// A statement about something else than its predicate.
    #[error("its subject is not {0}")]
    Subject(String),
    /// No known kind of record.
    #[error("`{0}` is no kind of record that this release knows")]
    Kind(String),
    /// Something in it makes no sense.
    #[error("its {field} {why}")]
    Invalid {
        /// Which part.
        field: &'static str,
        /// What is wrong with it.
        why: String,
    },
    /// The key cannot sign.
    #[error("{0}")]
    Key(String),
}

impl From<Refusal> for RecordError {
    fn from(refusal: Refusal) -> Self {
        Self::Form(refusal)
    }
}
