//! The operating system: kernel, distribution, control groups, kernel features.

use model::{Evidence, Fact, Judgement, Resource, State};
use serde::Deserialize;

use super::super::Kind;
use super::super::parts::Parts;
use super::{check_version, flag, is_at_least, measured, number, text, words};

/// `{ kind = "env_kernel", minimum, vendor }`: `vendor` lists release parts (as `.el8`) of kernels that an
/// enterprise distribution keeps at an old number and maintains by backports.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Kernel {
    minimum: String,
    #[serde(default)]
    vendor: Vec<String>,
}

impl Kind for Kernel {
    fn check(&self) -> Result<(), String> {
        check_version(&self.minimum)
    }

    fn needs(&self, _seen: &Evidence) -> Vec<Resource> {
        vec![Resource::Fact(Fact::Kernel)]
    }

    fn judge(&self, seen: &Evidence) -> Judgement {
        let mut parts = Parts::default();
        if let Some(kernel) = measured(seen, Fact::Kernel, &mut parts) {
            let release = text(kernel, "release");
            let vendor = self.vendor.iter().find(|part| release.contains(part.as_str()));
            match (is_at_least(text(kernel, "version"), &self.minimum), vendor) {
                (Some(true), _) => parts.seen(true, release),
                (Some(false), Some(vendor)) => {
                    parts.seen(true, format!("{release}, maintained by its vendor ({vendor})"));
                }
                (Some(false), None) => parts.seen(false, release),
                (None, _) => parts.unread(&model::Unread::Malformed(format!("kernel release `{release}`"))),
            }
        }
        parts.judge(format!("Linux {} or newer", self.minimum))
    }
}

/// `{ kind = "env_distribution", allowed }`: each `ID>=VERSION`; a rebuild counts by its `ID_LIKE`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Distribution {
    allowed: Vec<String>,
}

impl Distribution {
    /// Whether a distribution is allowed; `None` when it does not say its version.
    fn admits(&self, id: &str, like: &[&str], version: &str) -> Option<bool> {
        let names = |wanted: &str| {
            id == wanted || (like.contains(&wanted) && !self.names(id) && is_rebuild(id, wanted))
        };
        let rule = self.allowed.iter().filter_map(|rule| rule.split_once(">=")).find(|(name, _)| names(name));
        rule.map_or(Some(false), |(_, least)| is_at_least(version, least))
    }

    fn names(&self, id: &str) -> bool {
        self.allowed.iter().any(|rule| rule.split_once(">=").is_some_and(|(name, _)| name == id))
    }
}

/// Whether a distribution that is "like" another has its version numbers: a rebuild of RHEL has, Fedora and
/// derivatives of Debian count on their own.
fn is_rebuild(id: &str, wanted: &str) -> bool {
    wanted == "rhel" && !matches!(id, "fedora" | "amzn" | "openEuler")
}

impl Kind for Distribution {
    fn check(&self) -> Result<(), String> {
        self.allowed.iter().try_for_each(|rule| match rule.split_once(">=") {
            Some((_, version)) => check_version(version),
            None => Err(format!("`{rule}` is not written as ID>=VERSION")),
        })
    }

    fn needs(&self, _seen: &Evidence) -> Vec<Resource> {
        vec![Resource::Fact(Fact::Distribution)]
    }

    fn judge(&self, seen: &Evidence) -> Judgement {
        let mut parts = Parts::default();
        if let Some(found) = measured(seen, Fact::Distribution, &mut parts) {
            let (id, version) = (text(found, "id"), text(found, "version"));
            let like: Vec<&str> =
                found.get("id_like").into_iter().flat_map(State::items).filter_map(State::as_text).collect();
            let what = format!("{id} {version}");
            match self.admits(id, &like, version) {
                Some(passes) => parts.seen(passes, what.trim()),
                None => parts.unread(&model::Unread::Malformed(format!("{id} names no version"))),
            }
        }
        parts.judge(self.allowed.join(" or "))
    }
}

/// `{ kind = "env_cgroups", controllers }`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Cgroups {
    controllers: Vec<String>,
}

impl Kind for Cgroups {
    fn needs(&self, _seen: &Evidence) -> Vec<Resource> {
        vec![Resource::Fact(Fact::Cgroups)]
    }

    fn judge(&self, seen: &Evidence) -> Judgement {
        let mut parts = Parts::default();
        if let Some(found) = measured(seen, Fact::Cgroups, &mut parts)
            && let Some(version) = number(found, "version", &mut parts)
        {
            let there = words(found, "controllers");
            let missing: Vec<_> =
                self.controllers.iter().filter(|name| !there.contains(&name.as_str())).cloned().collect();
            match missing.is_empty() {
                true => parts.seen(true, format!("version {version} with {}", self.controllers.join(", "))),
                false => parts.seen(false, format!("version {version} without {}", missing.join(", "))),
            }
        }
        parts.judge(format!("control groups with the controllers {}", self.controllers.join(", ")))
    }
}

/// `{ kind = "env_kernel_features", modules }`: each a module's name, or several joined by `|` of which one will do.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct KernelFeatures {
    modules: Vec<String>,
}

fn module(name: &str) -> Fact {
    Fact::KernelModule { name: name.to_owned() }
}

impl Kind for KernelFeatures {
    fn needs(&self, _seen: &Evidence) -> Vec<Resource> {
        self.modules
            .iter()
            .flat_map(|names| names.split('|'))
            .map(|name| Resource::Fact(module(name)))
            .collect()
    }

    fn judge(&self, seen: &Evidence) -> Judgement {
        let mut parts = Parts::default();
        for names in &self.modules {
            let mut silent = Parts::default();
            let found: Vec<_> =
                names.split('|').filter_map(|name| measured(seen, module(name), &mut silent)).collect();
            let usable =
                |state: &&&State| ["loaded", "builtin", "available"].iter().any(|how| flag(state, how));
            if found.iter().find(usable).is_some() {
                parts.seen(true, format!("{names} is there"));
            } else if found.len() == names.split('|').count() {
                parts.seen(false, format!("{names} is missing"));
            } else {
                parts.unread(&model::Unread::NoAnswer(format!("whether the kernel has {names}")));
            }
        }
        parts.judge(format!("the kernel has {}", self.modules.join(", ")))
    }
}
