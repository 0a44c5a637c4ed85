//! The answer file: everything a headless run needs to know, and never a secret, only where one lives.

pub mod passphrase;
mod people;
mod read;
pub mod within;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use model::{ControlId, Waiver};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use people::{Approval, Records};
use within::Within;

/// The answers of one site. Paths are relative to the answer file. Unknown keys are errors.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Answers {
    /// Version of this format: 1.
    pub version: u32,
    /// The site itself.
    #[serde(default)]
    pub site: Site,
    /// How the bundle is trusted.
    #[serde(default)]
    pub bundle: Bundle,
    /// Checks before anything is changed.
    #[serde(default)]
    pub preflight: Preflight,
    /// Hardening of the operating system.
    #[serde(default)]
    pub harden: Harden,
    /// Where each secret that the bundle declares lives, as `NAME = "file:/path"`.
    #[serde(default)]
    pub secrets: BTreeMap<String, String>,
    /// Bringing the product up.
    #[serde(default)]
    pub stack: Stack,
    /// The policy decision point.
    #[serde(default)]
    pub policy: Policy,
    /// The communication matrix.
    #[serde(default)]
    pub matrix: Matrix,
    /// Signed records of decisions, and whose they may be.
    #[serde(default)]
    pub records: Records,
    /// Who has to agree before anything is changed.
    #[serde(default)]
    pub approval: Approval,
    /// The report of the run.
    #[serde(default)]
    pub report: Report,
    /// Where it is told what moved. Without this section the site tells whom it told before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alerts: Option<alerts::Config>,
}

/// Whether a tailoring is named as a file.
pub fn is_file(tailoring: &str) -> bool {
    Path::new(tailoring).extension().is_some_and(|extension| extension == "toml")
}

/// `[site]`
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Site {
    /// Name of the site, shown in reports.
    #[serde(default)]
    pub name: String,
    /// NTP servers of the site, `host` or `host:port`.
    #[serde(default)]
    pub ntp: Vec<String>,
    /// Proxy for outgoing HTTP, carried into the services.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http_proxy: Option<String>,
    /// Proxy for outgoing HTTPS, carried into the services.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub https_proxy: Option<String>,
    /// Where no proxy is used: names, suffixes, addresses, networks.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub no_proxy: Vec<String>,
}

/// `[bundle]`
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Bundle {
    /// Public key of the publisher (`cosign.pub`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<PathBuf>,
    /// Folder with the publisher's trust root; wins over the pinned one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trust: Option<PathBuf>,
    /// The product this site expects; any when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub product: Option<String>,
    /// The channel this site expects; any when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<String>,
}

/// `[preflight]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Preflight {
    /// The profile of checks.
    pub profile: String,
    /// Variables of the profile.
    pub set: BTreeMap<String, Value>,
    /// Checks to leave out, each with a reason. A blocker is only passed by a waiver.
    pub skip: Vec<Skip>,
    /// Decisions to live with a failing check until a date.
    pub waivers: Vec<Waived>,
}

impl Default for Preflight {
    fn default() -> Self {
        let profile = "environment".to_owned();
        Self { profile, set: BTreeMap::new(), skip: Vec::new(), waivers: Vec::new() }
    }
}

/// `[harden]`
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Harden {
    /// The profile, as `cis-debian12-l1-server`; no hardening when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    /// An unpacked image or mounted disk to harden instead of the running machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub root: Option<PathBuf>,
    /// Whether a profile that was written for another system may be enforced.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub accept_foreign: bool,
    /// Tailorings by name, or files (`*.toml`) that hold some; an install applies `container-host` when this is absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tailoring: Option<Vec<String>>,
    /// How long a run that may close a way in waits to be confirmed from a new login before it is taken back, as
    /// `10min`, which it is when absent; `0` for no guard, which takes `--yes`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub confirm_within: Option<Within>,
    /// Only these rules, by id or as `cis:5.1.7`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub only: Vec<String>,
    /// Variables of the profile.
    pub set: BTreeMap<String, Value>,
    /// Rules to leave out, each with a reason.
    pub skip: Vec<Skip>,
    /// Decisions to live with a failing rule until a date.
    pub waivers: Vec<Waived>,
}

/// `[stack]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Stack {
    /// Socket of the container engine.
    pub socket: PathBuf,
    /// Name of the Compose project; the product's name when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub project: Option<String>,
    /// Seconds until everything must be up and healthy.
    pub timeout_seconds: u64,
    /// Where each certificate that the bundle declares lives.
    pub certificates: BTreeMap<String, Certificate>,
    /// Where the persistent volumes that the bundle declares lie on this machine, by name.
    pub volumes: BTreeMap<String, PathBuf>,
}

impl Default for Stack {
    fn default() -> Self {
        Self {
            socket: PathBuf::from("/var/run/docker.sock"),
            project: None,
            timeout_seconds: 300,
            certificates: BTreeMap::new(),
            volumes: BTreeMap::new(),
        }
    }
}

/// A certificate of the customer's.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Certificate {
    /// The chain, leaf first, PEM.
    pub chain: PathBuf,
    /// Where the key lives, as `file:/path`.
    pub key: String,
    /// The customer's CA, PEM.
    pub authority: PathBuf,
}

/// `[policy]`: no answers yet.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Policy {}

/// `[matrix]`: no answers yet.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Matrix {}

/// `[report]`
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Report {
    /// Folder to which `report.json` and `report.txt` are copied at the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub folder: Option<PathBuf>,
}

/// A value of a profile variable.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Value {
    /// Yes or no.
    Flag(bool),
    /// A number.
    Int(i64),
    /// A text.
    Text(String),
    /// Several texts.
    Texts(Vec<String>),
}

/// A control left out on purpose.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Skip {
    /// Its id, or `cis:5.1.7`.
    pub control: String,
    /// Why it is left out.
    pub reason: String,
}

/// A decision to live with a failing control.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Waived {
    /// Its id.
    pub control: String,
    /// Why.
    pub reason: String,
    /// Who answers for it.
    pub owner: String,
    /// Ticket or change number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ticket: Option<String>,
    /// Who agreed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approver: Option<String>,
    /// The last day it holds, `YYYY-MM-DD`.
    pub expires: String,
}

impl From<&Waived> for Waiver {
    fn from(waived: &Waived) -> Self {
        Self {
            control: ControlId::new(&waived.control),
            reason: waived.reason.clone(),
            owner: waived.owner.clone(),
            ticket: waived.ticket.clone(),
            approver: waived.approver.clone(),
            expires: waived.expires.clone(),
            signed_by: None,
        }
    }
}
