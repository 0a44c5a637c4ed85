//! Names.

use model::{Evidence, Fact, Judgement, Resource};
use serde::Deserialize;

use super::super::Kind;
use super::super::parts::Parts;
use super::{flag, measured};

/// `{ kind = "env_dns", names, absent }`: names that must resolve, and names that must not.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Dns {
    names: Vec<String>,
    absent: Vec<String>,
}

fn fact(name: &str) -> Fact {
    Fact::Resolve { name: name.to_owned() }
}

impl Kind for Dns {
    fn needs(&self, _seen: &Evidence) -> Vec<Resource> {
        self.names.iter().chain(&self.absent).map(|name| Resource::Fact(fact(name))).collect()
    }

    fn judge(&self, seen: &Evidence) -> Judgement {
        let mut parts = Parts::default();
        let wanted =
            self.names.iter().map(|name| (name, true)).chain(self.absent.iter().map(|name| (name, false)));
        for (name, should) in wanted {
            let Some(answer) = measured(seen, fact(name), &mut parts) else { continue };
            let found = flag(answer, "found");
            let addresses = answer.get("addresses").map(ToString::to_string).unwrap_or_default();
            let what = if found { format!("{name} is {addresses}") } else { format!("there is no {name}") };
            parts.seen(found == should, what);
        }
        let (names, absent) = (self.names.join(", "), self.absent.join(", "));
        parts.judge(format!("{names} resolve, {absent} do not"))
    }
}
