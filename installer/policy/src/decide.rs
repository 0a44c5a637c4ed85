//! Deciding: the base policy answers, a local policy may only take away.

use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::time::Duration;

use model::Digest;
use regorus::Engine;
use regorus::utils::limits::ExecutionTimerConfig;
use serde_json::{Value, json};

use crate::bundle::{Bundle, BundleError};

/// The rule of a local policy: a set of reasons, any of which turns every permission of the base into a refusal.
const LOCAL_DENY: &str = "data.local.deny";

/// Bounds of one decision.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The longest that one evaluation may take.
    pub time: Duration,
    /// The largest request body, in bytes.
    pub body: usize,
    /// How many decisions may be in work at once; more are refused.
    pub at_once: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { time: Duration::from_millis(500), body: 1 << 20, at_once: 64 }
    }
}

/// Why a policy cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The bundle itself was not accepted.
    #[error(transparent)]
    Bundle(#[from] BundleError),
    /// It is not valid Rego.
    #[error("the policy does not compile: {0}")]
    Rego(String),
    /// Its data does not fit together.
    #[error("the policy's data is not usable: {0}")]
    Data(String),
    /// A local policy speaks outside its own package.
    #[error("{file} declares package `{package}`: a local policy may only declare packages under `local`")]
    Package {
        /// The module.
        file: String,
        /// The package that it declares.
        package: String,
    },
}

/// Why there is no decision. The caller must treat each as a refusal.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum DecideError {
    /// The path asked for cannot name a rule.
    #[error("`{0}` does not name a rule: expected identifiers separated by `/`")]
    Path(String),
    /// The policy failed or took too long.
    #[error("the policy could not be evaluated: {0}")]
    Evaluation(String),
}

/// A base policy and perhaps a local one, ready to answer.
pub struct Policy {
    base: Engine,
    base_digest: Digest,
    local: Option<(Engine, Digest)>,
}

impl Policy {
    /// Reads and compiles a base policy, which must have the pinned digest, and a local policy.
    ///
    /// # Errors
    /// When either cannot be read, is not the pinned one, or does not compile.
    pub fn load(
        base: &Path,
        pinned: Option<&Digest>,
        local: Option<&PathBuf>,
        limits: &Limits,
    ) -> Result<Self, LoadError> {
        let bundle = Bundle::read(base, pinned)?;
        let compiled = compile(&bundle, limits)?.0;
        let local = local
            .map(|path| -> Result<_, LoadError> {
                let bundle = Bundle::read(path, None)?;
                let (engine, packages) = compile(&bundle, limits)?;
                for (file, package) in packages {
                    if package != "data.local" && !package.starts_with("data.local.") {
                        let package = package.trim_start_matches("data.").to_owned();
                        return Err(LoadError::Package { file, package });
                    }
                }
                Ok((engine, bundle.digest))
            })
            .transpose()?;
        Ok(Self { base: compiled, base_digest: bundle.digest, local })
    }

    /// Digest of the base policy in force.
    pub fn digest(&self) -> Digest {
        self.base_digest
    }

    /// Digest of the local policy in force.
    pub fn local_digest(&self) -> Option<Digest> {
        self.local.as_ref().map(|(_, digest)| *digest)
    }

    /// The value of the rule or package at `path` (`a/b/c` for `data.a.b.c`); `None` when it is undefined.
    ///
    /// # Errors
    /// When the path is malformed, or either policy fails or takes too long; never a permission.
    pub fn decide(&self, path: &str, input: Value) -> Result<Option<Value>, DecideError> {
        let query = query(path)?;
        let input = regorus::Value::from(input);
        let Some(mut answer) = evaluate(&self.base, &query, input.clone())? else {
            return Ok(None);
        };
        let asked = path.rsplit('/').find(|part| !part.is_empty()).unwrap_or_default();
        if let Some((local, _)) = &self.local
            && grants(asked, &answer)
            && let Some(reasons) = evaluate(local, LOCAL_DENY, input)?.filter(objects)
        {
            withhold(asked, &mut answer, &reasons);
        }
        Ok(Some(answer))
    }
}

/// Turns `a/b/c` into `data.a.b.c`. Only identifiers pass, so nothing can be smuggled into the query.
fn query(path: &str) -> Result<String, DecideError> {
    let identifier = |part: &str| {
        part.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
            && part.chars().all(|other| other.is_ascii_alphanumeric() || other == '_')
    };
    let trimmed = path.trim_matches('/');
    if !trimmed.is_empty() && trimmed.split('/').all(identifier) {
        Ok(format!("data.{}", trimmed.replace('/', ".")))
    } else {
        Err(DecideError::Path(path.chars().take(200).collect()))
    }
}

fn compile(bundle: &Bundle, limits: &Limits) -> Result<(Engine, Vec<(String, String)>), LoadError> {
    let rego = |error: &dyn std::fmt::Display| LoadError::Rego(error.to_string());
    let mut engine = Engine::new();
    engine.set_strict_builtin_errors(true);
    engine.set_execution_timer_config(ExecutionTimerConfig {
        limit: limits.time,
        check_interval: NonZeroU32::new(64).unwrap_or(NonZeroU32::MIN),
    });
    let mut packages = Vec::new();
    for (path, text) in &bundle.modules {
        let package = engine.add_policy(path.clone(), text.clone()).map_err(|error| rego(&error))?;
        packages.push((path.clone(), package));
    }
    for (folders, value) in &bundle.data {
        let nested = folders.iter().rev().fold(value.clone(), |inner, name| json!({ name: inner }));
        engine
            .add_data(regorus::Value::from(nested))
            .map_err(|error| LoadError::Data(format!("{}data.json: {error}", folders.join("/"))))?;
    }
    // Rules are bound and ordered at the first evaluation: do it now, so that a policy that cannot work is
    // refused at start and every later clone is ready.
    let _ = engine.eval_query("1".to_owned(), false).map_err(|error| rego(&error))?;
    Ok((engine, packages))
}

fn evaluate(engine: &Engine, query: &str, input: regorus::Value) -> Result<Option<Value>, DecideError> {
    let failed = |error: &dyn std::fmt::Display| DecideError::Evaluation(error.to_string());
    let mut engine = engine.clone();
    engine.set_input(input);
    let results = engine.eval_query(query.to_owned(), false).map_err(|error| failed(&error))?;
    let value = results.result.first().and_then(|result| result.expressions.first()).map(|one| &one.value);
    match value {
        None | Some(regorus::Value::Undefined) => Ok(None),
        Some(value) => {
            let text = value.to_json_str().map_err(|error| failed(&error))?;
            serde_json::from_str(&text).map(Some).map_err(|error| failed(&error))
        }
    }
}

/// Whether an answer permits anything. A permission is called `allow`, the name asked for or a member's.
fn grants(name: &str, answer: &Value) -> bool {
    match answer {
        Value::Bool(yes) => *yes && name == "allow",
        Value::Object(members) => members.iter().any(|(name, value)| grants(name, value)),
        _ => false,
    }
}

/// Whether a local policy's `deny` has something to say. Anything but an empty collection or `false` counts.
fn objects(reasons: &Value) -> bool {
    match reasons {
        Value::Array(items) => !items.is_empty(),
        Value::Object(members) => !members.is_empty(),
        Value::Bool(yes) => *yes,
        _ => true,
    }
}

/// Takes every permission in an answer away and, where there is room, says why.
fn withhold(name: &str, answer: &mut Value, reasons: &Value) {
    match answer {
        Value::Bool(yes) if name == "allow" => *yes = false,
        Value::Object(members) => {
            for (name, value) in members.iter_mut() {
                withhold(name, value, reasons);
            }
            if members.contains_key("allow") {
                members.insert("denied_by_local_policy".to_owned(), reasons.clone());
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests;
