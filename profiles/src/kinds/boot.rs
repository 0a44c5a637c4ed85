//! Arguments of the kernel in the boot menu.

use model::{Constraint, Evidence, HostPath, Judgement, Lookup, Resource, State, Syntax};
use serde::Deserialize;

use super::parts::Parts;
use super::value::{Order, Scalar, Want};
use super::{Ask, Kind, unread};

/// `{ kind = "boot_argument", name, value, order? }`: every entry of the boot menu has the argument with that value,
/// those of the menu that is made next too.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct BootArgument {
    name: String,
    value: Scalar,
    #[serde(default)]
    order: Order,
}

/// Where the system adds to the defaults file by file.
const DEFAULTS: &str = "/etc/default/grub";
const OURS: &str = "/etc/default/grub.d/99-zz-groundfast.cfg";

impl BootArgument {
    fn lookup(&self) -> Resource {
        Resource::Effective(Lookup::BootArgument { name: self.name.clone() })
    }

    fn want(&self) -> Want<'_> {
        Want { value: &self.value.0, order: self.order, least: None, also: &[] }
    }

    fn expected(&self) -> String {
        format!("{} = {} for every boot entry", self.name, self.want())
    }
}

/// Whether the system's grub-mkconfig reads a folder of defaults, as Debian's does.
fn folder() -> Resource {
    Resource::Attributes { path: HostPath::literal("/etc/default/grub.d") }
}

impl Kind for BootArgument {
    fn by_hand(&self) -> Option<&'static str> {
        None
    }

    fn check(&self) -> Result<(), String> {
        self.want().check()
    }

    fn needs(&self, _seen: &Evidence) -> Vec<Resource> {
        vec![self.lookup(), folder()]
    }

    fn judge(&self, seen: &Evidence) -> Judgement {
        let record = match seen.see(&self.lookup()) {
            Ok(record) => record,
            Err(why) => return unread(self.expected(), &why),
        };
        let mut parts = Parts::default();
        let lines = record.get("lines").map(State::items).unwrap_or_default();
        if lines.is_empty() {
            parts.seen(false, "no boot menu and no defaults for one are here");
        }
        for line in lines {
            let at = line.get("at").map(ToString::to_string).unwrap_or_default();
            match line.get("value").map(ToString::to_string) {
                Some(value) => {
                    parts.seen(self.want().admits(&value), format!("{}={value} in {at}", self.name))
                }
                None => parts.seen(false, format!("no {} in {at}", self.name)),
            }
        }
        parts.judge(self.expected())
    }

    /// Adds to the defaults where they lack it. The menu itself is made anew by a person or the next kernel.
    fn remedy(&self, seen: &Evidence) -> Vec<Ask> {
        let Ok(record) = seen.see(&self.lookup()) else { return Vec::new() };
        let is_folder = seen.see(&folder()).is_ok_and(|state| *state != State::Absent);
        let lines = record.get("lines").map(State::items).unwrap_or_default();
        let lacks = |line: &State| {
            let at = line.get("at").map(ToString::to_string).unwrap_or_default();
            let value = line.get("value").map(ToString::to_string);
            at.starts_with(DEFAULTS) && !value.is_some_and(|value| self.want().admits(&value))
        };
        if !is_folder || !lines.iter().any(lacks) {
            return Vec::new();
        }
        // Both, so that a value for usual entries does not win over ours.
        let asks = ["GRUB_CMDLINE_LINUX", "GRUB_CMDLINE_LINUX_DEFAULT"].map(|variable| {
            let key = format!("{variable}=\"${variable} {}={}\"", self.name, self.value.0);
            let resource = Resource::Setting { path: HostPath::literal(OURS), syntax: Syntax::Lines, key };
            Ask::new(resource, Constraint::Equals(State::text("")))
        });
        asks.into()
    }
}
