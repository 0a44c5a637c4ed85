//! Whether the repositories of dnf have the signatures of their packages checked.

use model::{Constraint, Evidence, HostPath, Judgement, Lookup, Resource, State, Syntax};
use serde::Deserialize;

use super::parts::Parts;
use super::{Ask, Kind, unread};

/// `{ kind = "repositories" }`: `gpgcheck` holds for each, by itself or by `[main]`, switched on or not.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Repositories {}

const MAIN: &str = "/etc/dnf/dnf.conf";

/// What libdnf takes for a yes.
fn is_yes(value: &str) -> bool {
    ["1", "yes", "true", "on"].contains(&value.to_ascii_lowercase().as_str())
}

fn checks(repository: &State) -> bool {
    repository.get("gpgcheck").and_then(State::as_text).is_some_and(is_yes)
}

impl Kind for Repositories {
    fn needs(&self, _seen: &Evidence) -> Vec<Resource> {
        vec![Resource::Effective(Lookup::Repositories)]
    }

    fn judge(&self, seen: &Evidence) -> Judgement {
        let expected = "gpgcheck = 1 for every repository, by itself or by [main] in /etc/dnf/dnf.conf";
        let repositories = match seen.see(&Resource::Effective(Lookup::Repositories)) {
            Ok(repositories) => repositories.items(),
            Err(why) => return unread(expected, &why),
        };
        let mut parts = Parts::default();
        for one in repositories {
            let text = |part: &str| one.get(part).and_then(State::as_text);
            let id = text("id").unwrap_or_default();
            let says = match (text("gpgcheck"), text("at")) {
                (Some(value), Some(at)) => format!("gpgcheck = {value} for {id} by {at}"),
                _ => format!("nothing sets gpgcheck for {id}, and dnf's default is no"),
            };
            parts.seen(checks(one), says);
        }
        if repositories.is_empty() {
            parts.seen(true, "there is no repository");
        }
        parts.judge(expected)
    }

    fn remedy(&self, seen: &Evidence) -> Vec<Ask> {
        let Ok(repositories) = seen.see(&Resource::Effective(Lookup::Repositories)) else {
            return Vec::new();
        };
        let wrong = repositories.items().iter().filter(|one| !checks(one));
        wrong.filter_map(mended).collect()
    }
}

/// What sets it right: where it is set wrongly, or for all in `[main]`.
fn mended(repository: &State) -> Option<Ask> {
    let own = repository.get("own").and_then(State::as_flag).unwrap_or_default();
    let (path, section) = if own {
        (repository.get("path")?.as_text()?.parse().ok()?, repository.get("id")?.as_text()?)
    } else {
        (HostPath::literal(MAIN), "main")
    };
    let resource = Resource::Setting { path, syntax: Syntax::Ini, key: format!("{section}.gpgcheck") };
    Some(Ask::new(resource, Constraint::Equals(State::text("1"))))
}
