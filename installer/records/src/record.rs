//! What records say.

use bundle::RecordRole;
use model::{Digest, Resource, State};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::error::RecordError;

/// The kinds of record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A decision to live with a failing control.
    Waiver,
    /// A person's word on a control that no machine can judge.
    Attestation,
    /// A change that somebody meant to make.
    AcceptedDrift,
    /// The second person's yes to a plan.
    PlanApproval,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 4] = [Self::Waiver, Self::Attestation, Self::AcceptedDrift, Self::PlanApproval];

    /// The type of its predicate; `cosign verify-blob-attestation --type` takes it.
    pub fn predicate_type(self) -> &'static str {
        match self {
            Self::Waiver => "urn:groundfast:waiver:v1",
            Self::Attestation => "urn:groundfast:attestation:v1",
            Self::AcceptedDrift => "urn:groundfast:accepted-drift:v1",
            Self::PlanApproval => "urn:groundfast:plan-approval:v1",
        }
    }

    /// Who may sign it.
    pub fn role(self) -> RecordRole {
        match self {
            Self::PlanApproval => RecordRole::Approvals,
            _ => RecordRole::Waivers,
        }
    }

    /// Its name in messages and documents.
    pub fn name(self) -> &'static str {
        match self {
            Self::Waiver => "waiver",
            Self::Attestation => "attestation",
            Self::AcceptedDrift => "accepted-drift",
            Self::PlanApproval => "plan-approval",
        }
    }
}

/// What a record says: the predicate of its statement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum Record {
    /// `urn:groundfast:waiver:v1`
    Waiver(Waiver),
    /// `urn:groundfast:attestation:v1`
    Attestation(Attestation),
    /// `urn:groundfast:accepted-drift:v1`
    AcceptedDrift(AcceptedDrift),
    /// `urn:groundfast:plan-approval:v1`
    PlanApproval(PlanApproval),
}

/// A dated decision to live with a failing control, made by two people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Waiver {
    /// The control's id.
    pub control: String,
    /// The hosts it is for, by name; `*` stands for every host.
    pub scope: Vec<String>,
    /// Why.
    pub reason: String,
    /// Ticket or change number.
    pub ticket: String,
    /// Who answers for it.
    pub owner: String,
    /// Who agreed and signed; never the owner.
    pub approver: String,
    /// The last day it holds, `YYYY-MM-DD`.
    pub expires: String,
}

/// A person's dated word that a control holds which no machine can judge.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Attestation {
    /// The control's id.
    pub control: String,
    /// The hosts it is for, by name; `*` stands for every host.
    pub scope: Vec<String>,
    /// What was seen.
    pub statement: String,
    /// Who says so, and signed.
    pub by: String,
    /// Digest of the evidence that is kept elsewhere, `sha256:…`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub evidence: Option<Digest>,
    /// The last day it holds, `YYYY-MM-DD`.
    pub expires: String,
}

/// A change that somebody meant to make: from now on the baseline of one control on one host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AcceptedDrift {
    /// The control that found it, such as `pin:file /etc/motd`.
    pub control: String,
    /// The host, by name.
    pub host: String,
    /// Ticket or change number.
    pub ticket: String,
    /// Who accepted it, and signed.
    pub by: String,
    /// When, RFC 3339.
    #[schemars(with = "String")]
    pub at: jiff::Timestamp,
    /// Everything that the control looks at, as it is from now on.
    pub baseline: Vec<Moved>,
}

/// One resource of an accepted change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Moved {
    /// The resource.
    #[schemars(with = "serde_json::Value")]
    pub resource: Resource,
    /// How the last run left it, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<serde_json::Value>")]
    pub from: Option<State>,
    /// How it is accepted.
    #[schemars(with = "serde_json::Value")]
    pub to: State,
}

/// The second person's yes to exactly one plan on one host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PlanApproval {
    /// Digest of the plan, `sha256:…`.
    #[schemars(with = "String")]
    pub plan: Digest,
    /// The host, by name.
    pub host: String,
    /// Who made the plan; never the approver.
    pub requester: String,
    /// Who agreed and signed.
    pub approver: String,
    /// The last day it holds, `YYYY-MM-DD`.
    pub expires: String,
}

impl Record {
    /// Reads the predicate of a kind.
    pub(crate) fn read(kind: Kind, predicate: serde_json::Value) -> Result<Self, RecordError> {
        let read = match kind {
            Kind::Waiver => serde_json::from_value(predicate).map(Self::Waiver),
            Kind::Attestation => serde_json::from_value(predicate).map(Self::Attestation),
            Kind::AcceptedDrift => serde_json::from_value(predicate).map(Self::AcceptedDrift),
            Kind::PlanApproval => serde_json::from_value(predicate).map(Self::PlanApproval),
        };
        read.map_err(|error| RecordError::Invalid { field: "content", why: format!("is refused: {error}") })
    }

    /// Its kind.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Waiver(_) => Kind::Waiver,
            Self::Attestation(_) => Kind::Attestation,
            Self::AcceptedDrift(_) => Kind::AcceptedDrift,
            Self::PlanApproval(_) => Kind::PlanApproval,
        }
    }

    /// What its statement is about, in words and by digest: the id of its control, or the plan.
    pub fn subject(&self) -> (String, Digest) {
        match (self.control(), self) {
            (_, Self::PlanApproval(approval)) => ("plan".to_owned(), approval.plan),
            (control, _) => {
                let control = control.unwrap_or_default();
                (control.to_owned(), bundle::digest(control.as_bytes()))
            }
        }
    }

    /// The id of its control.
    pub fn control(&self) -> Option<&str> {
        match self {
            Self::Waiver(waiver) => Some(&waiver.control),
            Self::Attestation(attestation) => Some(&attestation.control),
            Self::AcceptedDrift(accepted) => Some(&accepted.control),
            Self::PlanApproval(_) => None,
        }
    }

    /// Who signed, by its own account.
    pub fn signer(&self) -> &str {
        match self {
            Self::Waiver(waiver) => &waiver.approver,
            Self::Attestation(attestation) => &attestation.by,
            Self::AcceptedDrift(accepted) => &accepted.by,
            Self::PlanApproval(approval) => &approval.approver,
        }
    }

    /// The hosts it is for; `*` stands for every host.
    pub fn scope(&self) -> &[String] {
        match self {
            Self::Waiver(waiver) => &waiver.scope,
            Self::Attestation(attestation) => &attestation.scope,
            Self::AcceptedDrift(accepted) => std::slice::from_ref(&accepted.host),
            Self::PlanApproval(approval) => std::slice::from_ref(&approval.host),
        }
    }

    /// The last day it holds; accepted drift holds until it moves again.
    pub fn expires(&self) -> Option<&str> {
        match self {
            Self::Waiver(waiver) => Some(&waiver.expires),
            Self::Attestation(attestation) => Some(&attestation.expires),
            Self::AcceptedDrift(_) => None,
            Self::PlanApproval(approval) => Some(&approval.expires),
        }
    }

    /// Every text in it that people read, by name.
    fn texts(&self) -> Vec<(&'static str, &str)> {
        let own = match self {
            Self::Waiver(one) => {
                vec![("reason", one.reason.as_str()), ("ticket", &one.ticket), ("owner", &one.owner)]
            }
            Self::Attestation(one) => vec![("statement", one.statement.as_str())],
            Self::AcceptedDrift(one) => vec![("ticket", one.ticket.as_str())],
            Self::PlanApproval(one) => vec![("requester", one.requester.as_str())],
        };
        let shared = [("signer", self.signer())].into_iter().chain(self.control().map(|id| ("control", id)));
        own.into_iter()
            .chain(shared)
            .chain(self.scope().iter().map(|host| ("scope", host.as_str())))
            .collect()
    }

    /// Whether it makes sense by itself.
    ///
    /// # Errors
    /// When a text is missing or unprintable, a date is none, or one person has both parts.
    pub fn check(&self) -> Result<(), RecordError> {
        let invalid = |field, why: &str| Err(RecordError::Invalid { field, why: why.to_owned() });
        for (field, text) in self.texts() {
            if text.trim().is_empty() {
                return invalid(field, "is empty");
            }
            if text.chars().any(char::is_control) {
                return invalid(field, "holds control characters");
            }
        }
        if self.scope().is_empty() {
            return invalid("scope", "is empty: name hosts, or `*` for every host");
        }
        if let Some(expires) = self.expires()
            && crate::standing::day(expires).is_none()
        {
            let why = format!("is `{}`, which is no date like 2026-12-31", expires.escape_debug());
            return Err(RecordError::Invalid { field: "expires", why });
        }
        let (one, other, first, second) = match self {
            Self::Waiver(waiver) => ("owner", "approver", &waiver.owner, &waiver.approver),
            Self::PlanApproval(plan) => ("requester", "approver", &plan.requester, &plan.approver),
            Self::AcceptedDrift(accepted) if accepted.baseline.is_empty() => {
                return invalid("baseline", "is empty");
            }
            _ => return Ok(()),
        };
        if same_person(first, second) {
            return Err(RecordError::SamePerson { name: first.clone(), one, other });
        }
        Ok(())
    }
}

/// Whether two names are one person's, as far as a name can tell: spaces and case do not make a second one.
pub(crate) fn same_person(one: &str, other: &str) -> bool {
    one.trim().to_lowercase() == other.trim().to_lowercase()
}
