//! A kernel parameter: the running value, and the one that the next boot sets.

use model::{Constraint, Evidence, HostPath, Judgement, Resource, State, Syntax, SysctlScope, Verdict};
use serde::Deserialize;

use super::parts::Parts;
use super::value::{Order, Scalar, Want};
use super::{Ask, Kind};

/// `{ kind = "sysctl", key, value, order? }`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Sysctl {
    key: String,
    value: Scalar,
    #[serde(default)]
    order: Order,
}

const OURS: &str = "/etc/sysctl.d/99-zz-groundfast.conf";
const LEGACY: &str = "/etc/sysctl.conf";

impl Sysctl {
    fn want(&self) -> Want<'_> {
        Want { value: &self.value.0, order: self.order, least: None, also: &[] }
    }

    fn resource(&self, scope: SysctlScope) -> Resource {
        Resource::Sysctl { key: self.key.clone(), scope }
    }

    fn set_in(&self, path: HostPath) -> Ask {
        let resource = Resource::Setting { path, syntax: Syntax::Sysctl, key: self.key.clone() };
        Ask::new(resource, self.equals())
    }

    fn equals(&self) -> Constraint {
        Constraint::Equals(State::text(&self.value.0))
    }

    fn judge_persistent(&self, parts: &mut Parts, persistent: &State) {
        let text = |part: &str| persistent.get(part).map(ToString::to_string);
        match text("value") {
            Some(value) => {
                let at = text("at").map(|at| format!(" by {at}")).unwrap_or_default();
                parts.seen(self.want().admits(&value), format!("set to {value} at boot{at}"));
            }
            None => parts.seen(false, "no file sets it at boot"),
        }
        if let Some(value) = text("legacy").filter(|value| !self.want().admits(value)) {
            parts.seen(false, format!("{LEGACY} sets it to {value}, which `sysctl --system` lets win"));
        }
    }
}

impl Kind for Sysctl {
    fn by_hand(&self) -> Option<&'static str> {
        None
    }

    fn check(&self) -> Result<(), String> {
        self.want().check()
    }

    fn needs(&self, _seen: &Evidence) -> Vec<Resource> {
        [SysctlScope::Running, SysctlScope::Persistent].map(|scope| self.resource(scope)).into()
    }

    fn judge(&self, seen: &Evidence) -> Judgement {
        let expected = format!("{} = {}, running and at boot", self.key, self.want());
        let mut parts = Parts::default();
        match parts.running(&seen.see(&self.resource(SysctlScope::Running)), "the running value") {
            Some(State::Absent) => {
                return Judgement::other(
                    Verdict::Notapplicable,
                    expected,
                    "this kernel has no such parameter",
                );
            }
            Some(value) => parts.seen(self.want().admits(&value.to_string()), format!("running {value}")),
            None => {}
        }
        match seen.see(&self.resource(SysctlScope::Persistent)) {
            Ok(persistent) => self.judge_persistent(&mut parts, persistent),
            Err(why) => parts.unread(&why),
        }
        parts.judge(expected)
    }

    fn remedy(&self, seen: &Evidence) -> Vec<Ask> {
        let mut asks = Vec::new();
        if let Ok(persistent) = seen.see(&self.resource(SysctlScope::Persistent)) {
            let wrong =
                |part: &str| persistent.get(part).filter(|value| !self.want().admits(&value.to_string()));
            if persistent.get("value").is_none() || wrong("value").is_some() {
                asks.push(self.set_in(HostPath::literal(OURS)));
                // A file that is read after ours keeps winning unless it says the same.
                let path = persistent.get("path").and_then(State::as_text);
                let path = path.and_then(|path| path.parse::<HostPath>().ok());
                let ours = HostPath::literal(OURS);
                asks.extend(path.filter(|path| path.name() > ours.name()).map(|path| self.set_in(path)));
            }
            if wrong("legacy").is_some() {
                asks.push(self.set_in(HostPath::literal(LEGACY)));
            }
        }
        if let Ok(value) = seen.see(&self.resource(SysctlScope::Running))
            && *value != State::Absent
            && !self.want().admits(&value.to_string())
        {
            asks.push(Ask::new(self.resource(SysctlScope::Running), self.equals()));
        }
        asks
    }
}
