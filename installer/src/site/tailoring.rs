//! What of a site decides about hardening besides its answers: tailoring files, and whether the profile is for this system.

use std::path::Path;

use engine::MemoryBlobs;
use model::{Fact, Keep, Observe, Resource, State};
use profiles::{Catalogue, Tailoring};
use serde_json::json;

use crate::answers::is_file;
use crate::failure::{Exit, Failure};
use crate::run::session::{Request, Session};
use crate::site::controls::{applied, catalogue};

/// Puts the tailoring files that the answers name into the request, which keeps them with the run.
///
/// # Errors
/// Exit 2 when one cannot be read or is not valid.
pub fn read(request: &mut Request) -> Result<(), Failure> {
    let Some(names) = request.answers.harden.tailoring.take() else { return Ok(()) };
    let mut applied = Vec::new();
    for name in names {
        if !is_file(&name) {
            applied.push(name);
            continue;
        }
        let reading = || Failure::new(Exit::Usage, format!("reading the tailoring {name}"));
        let text = std::fs::read_to_string(Path::new(&name)).map_err(|error| reading().because(&error))?;
        let known = catalogue(&request.profiles)?;
        applied.extend(known.tailorings_in(&name, &text).map_err(|error| reading().because(&error))?);
        request.profiles.push((name, text));
    }
    request.answers.harden.tailoring = Some(applied);
    Ok(())
}

/// What the report says about the profile: which, and the tailorings with the digest of the file that each came from.
///
/// # Errors
/// When a name is unknown.
pub fn told(request: &Request, catalogue: &Catalogue) -> Result<serde_json::Value, Failure> {
    let Some(profile) = &request.answers.harden.profile else { return Ok(serde_json::Value::Null) };
    let tailoring = Tailoring { apply: applied(request), ..Tailoring::default() };
    let unknown = |error| Failure::new(Exit::Usage, "looking up the tailorings").because(&error);
    let named = catalogue.tailorings(profile, &tailoring).map_err(unknown)?;
    let rows = named.into_iter().map(|(id, title)| {
        let file = request
            .profiles
            .iter()
            .rev()
            .find(|(name, text)| catalogue.tailorings_in(name, text).is_ok_and(|ids| ids.contains(&id)));
        let digest = file.and_then(|(_, text)| MemoryBlobs::default().keep(&mut text.as_bytes()).ok());
        let digest = digest.map(|digest| digest.to_string());
        json!({ "id": id, "title": title, "digest": digest })
    });
    Ok(json!({ "profile": profile, "tailorings": rows.collect::<Vec<_>>() }))
}

/// Refuses to enforce a profile on a system that its benchmark was not written for, unless that was chosen. With
/// `look_only` it only says so.
///
/// # Errors
/// Exit 4 when the system is another one.
pub async fn suits(
    session: &Session<'_>,
    request: &Request,
    chosen: &Catalogue,
    look_only: bool,
) -> Result<(), Failure> {
    let harden = &request.answers.harden;
    let Some(profile) = harden.profile.as_ref().filter(|_| !harden.accept_foreign) else { return Ok(()) };
    let Some(benchmark) = chosen.benchmark(profile).ok().flatten() else { return Ok(()) };
    let root = harden.root.as_deref().unwrap_or(Path::new("/"));
    let seen = session.local(root, false)?.observe(&[Resource::Fact(Fact::Distribution)]).await.pop();
    let Some(Ok(system)) = seen else {
        crate::output::say(&format!(
            "which system this is could not be told; {} may not fit it",
            benchmark.title
        ));
        return Ok(());
    };
    let System { id, version, like } = System::of(&system);
    if benchmark.is_for(&id, &version) {
        return Ok(());
    }
    let message = format!("{} is not written for {id} {version}", benchmark.title);
    if look_only {
        crate::output::say(&message);
        return Ok(());
    }
    let catalogue = catalogue(&request.profiles)?;
    let nearest = nearest(&catalogue, &id, &like, &version);
    let fits = nearest.map(|name| format!("cis-{name}-… is nearest; ")).unwrap_or_default();
    Err(Failure::new(Exit::Refused, message).hint(format!(
        "{fits}choose a profile knowingly with --accept-foreign, or `accept_foreign = true` under [harden]"
    )))
}

/// Which benchmark fits the system that this machine runs, in a sentence; nothing when it cannot be told.
pub async fn here(session: &Session<'_>, catalogue: &Catalogue) -> Option<String> {
    let local = session.local(Path::new("/"), false).ok()?;
    let seen = local.observe(&[Resource::Fact(Fact::Distribution)]).await.pop()?.ok()?;
    let System { id, version, like } = System::of(&seen);
    let nearest = nearest(catalogue, &id, &like, &version)?;
    let fits = catalogue.benchmarks().any(|one| one.id == nearest && one.is_for(&id, &version));
    Some(match fits {
        true => format!("written for this machine ({id} {version}): cis-{nearest}-…"),
        false => {
            format!(
                "nothing is written for this machine ({id} {version}); nearest, with --accept-foreign: cis-{nearest}-…"
            )
        }
    })
}

/// The system as os-release(5) says it.
pub struct System {
    pub id: String,
    pub version: String,
    pub like: Vec<String>,
}

impl System {
    /// Out of the record of [`Fact::Distribution`].
    pub fn of(record: &State) -> Self {
        let word = |part: &str| record.get(part).and_then(State::as_text).unwrap_or_default().to_owned();
        let like = match record.get("id_like") {
            Some(State::List(words)) => words.iter().filter_map(State::as_text).map(str::to_owned).collect(),
            _ => Vec::new(),
        };
        Self { id: word("id"), version: word("version"), like }
    }
}

/// The benchmark for a system, or of its family the one whose release is nearest.
pub fn nearest<'c>(catalogue: &'c Catalogue, id: &str, like: &[String], version: &str) -> Option<&'c str> {
    let number = |version: &str| {
        let mut parts = version.split('.').map(|part| part.parse::<i64>().unwrap_or_default());
        parts.next().unwrap_or_default() * 100 + parts.next().unwrap_or_default()
    };
    let family = |system: &str| system == id || like.iter().any(|like| like == system);
    let own = catalogue.benchmarks().any(|one| one.system == id);
    let candidates =
        catalogue.benchmarks().filter(|one| if own { one.system == id } else { family(&one.system) });
    let distance = |releases: &[String]| {
        releases.iter().map(|release| (number(release) - number(version)).abs()).min().unwrap_or(i64::MAX)
    };
    candidates.min_by_key(|one| distance(&one.releases)).map(|one| one.id.as_str())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use crate::output::events::Silent;
    use engine::{Context, assess};
    use model::{Digest, Fut, SysctlScope, Unread};

    use super::*;

    /// A machine that forwards, and of which nothing else can be told.
    struct Forwarding;

    impl Observe for Forwarding {
        fn observe<'a>(&'a self, wanted: &'a [Resource]) -> Fut<'a, Vec<Result<State, Unread>>> {
            let answer = |resource: &Resource| match resource {
                Resource::Sysctl { scope: SysctlScope::Running, .. } => Ok(State::text("1")),
                Resource::Sysctl { .. } => Ok(State::Record(BTreeMap::new())),
                _ => Ok(State::Absent),
            };
            Box::pin(async move { wanted.iter().map(answer).collect() })
        }

        fn read<'a>(&'a self, _: &'a Resource, _: &'a dyn Keep) -> Fut<'a, Result<Digest, Unread>> {
            Box::pin(async { Err(Unread::Unsupported("there are no files".to_owned())) })
        }
    }

    /// What planning one rule beside a product comes to.
    fn beside_a_product(rule: &str, apply: &[&str]) -> Result<model::Plan, engine::PlanError> {
        let catalogue = Catalogue::builtin().unwrap();
        let apply = apply.iter().map(|name| (*name).to_owned()).collect();
        let tailoring = Tailoring { apply, only: vec![rule.to_owned()], ..Tailoring::default() };
        let mut controls = catalogue.resolve("cis-debian12-l2-server", &tailoring).unwrap();
        controls.push(Box::new(stack::StackNeeds::new()));
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
            let seen = assess(&controls, &Forwarding, &Context::default(), &Silent).await;
            engine::plan(&seen.demands, &Forwarding, &MemoryBlobs::default()).await
        })
    }

    #[test]
    fn a_rule_against_what_containers_need_is_a_conflict_that_names_both() {
        let error = beside_a_product("sysctl_net_ipv4_ip_forward", &[]).unwrap_err().to_string();
        for name in ["sysctl_net_ipv4_ip_forward", "stack.needs", "net.ipv4.ip_forward"] {
            assert!(error.contains(name), "{error}");
        }
        let plan = beside_a_product("sysctl_net_ipv4_ip_forward", &["container-host"]).unwrap();
        assert!(plan.is_empty());
        // What containers do not care about is planned beside them.
        let plan = beside_a_product("sysctl_kernel_randomize_va_space", &[]).unwrap();
        assert!(plan.steps().next().is_some());
    }

    #[test]
    fn the_nearest_benchmark_is_of_the_same_family() {
        let catalogue = Catalogue::builtin().unwrap();
        let cases: [(&str, &[&str], &str, Option<&str>); 8] = [
            ("debian", &[], "12", Some("debian12")),
            ("debian", &[], "11", Some("debian12")),
            ("ubuntu", &["debian"], "20.04", Some("ubuntu2204")),
            ("ubuntu", &["debian"], "24.04", Some("ubuntu2404")),
            ("rocky", &["rhel", "centos", "fedora"], "9.4", Some("rhel9")),
            ("rhel", &["fedora"], "10.0", Some("rhel9")),
            ("almalinux", &["rhel", "centos", "fedora"], "8.10", Some("rhel8")),
            ("alpine", &[], "3.20", None),
        ];
        for (id, like, version, expected) in cases {
            let like: Vec<_> = like.iter().map(|word| (*word).to_owned()).collect();
            assert_eq!(nearest(&catalogue, id, &like, version), expected, "{id} {version}");
        }
    }
}
