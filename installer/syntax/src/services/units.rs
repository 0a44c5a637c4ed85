//! Units of systemd by their files: what `systemctl is-enabled` would say, and what `systemctl enable` would do.

use model::{HostPath, State, Unread};

use crate::edit::Entry;
use crate::source::Source;
use crate::text::{ini, lines};

const ETC: &str = "/etc/systemd/system";
const RUN: &str = "/run/systemd/system";
const FOLDERS: [&str; 5] =
    [ETC, RUN, "/usr/local/lib/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system"];
/// Aliases of aliases end somewhere.
const DEEPEST: usize = 8;

/// What is known of a unit, as [`model::Lookup::Unit`] describes it.
pub(crate) fn record(source: &dyn Source, name: &str) -> Result<State, Unread> {
    follow(source, name, DEEPEST)
}

/// The text of the unit's own file; `None` when there is none.
pub(crate) fn text(source: &dyn Source, name: &str) -> Result<Option<String>, Unread> {
    for folder in FOLDERS.map(HostPath::literal) {
        let Ok(path) = folder.join(name) else { return Ok(None) };
        if let Some(text) = source.text(&path)? {
            return Ok(Some(text));
        }
    }
    Ok(None)
}

fn follow(source: &dyn Source, name: &str, depth: usize) -> Result<State, Unread> {
    for folder in FOLDERS.map(HostPath::literal) {
        let Ok(path) = folder.join(name) else { return Ok(none()) };
        let target = source.link(&path)?;
        if target.as_deref() == Some("/dev/null") {
            let masked = if folder.as_str() == RUN { "masked-runtime" } else { "masked" };
            return masked_record(source, name, masked);
        }
        let other =
            target.as_deref().and_then(|target| target.rsplit('/').next()).filter(|other| *other != name);
        match other {
            Some(other) if depth > 0 => return follow(source, other, depth - 1),
            Some(_) => {
                return Err(Unread::Malformed(format!("unit {name} is an alias of an alias of an alias")));
            }
            None => {}
        }
        if let Some(text) = source.text(&path)? {
            return if text.is_empty() {
                masked_record(source, name, "masked")
            } else {
                found(source, name, &path, &text)
            };
        }
    }
    system_v(source, name)
}

fn none() -> State {
    State::record([("exists", State::Flag(false))])
}

/// A masked unit keeps the file beneath, which is what unmasking would bring back.
fn masked_record(source: &dyn Source, name: &str, word: &str) -> Result<State, Unread> {
    for folder in FOLDERS.map(HostPath::literal).into_iter().skip(2) {
        let Ok(path) = folder.join(name) else { break };
        if let Some(text) = source.text(&path)? {
            let State::Record(mut parts) = found(source, name, &path, &text)? else { break };
            parts.insert("enablement".to_owned(), State::text(word));
            return Ok(State::Record(parts));
        }
    }
    Ok(State::record([("exists", State::Flag(true)), ("enablement", State::text(word))]))
}

fn found(source: &dyn Source, name: &str, path: &HostPath, text: &str) -> Result<State, Unread> {
    let install = Install::parse(text);
    let etc = links(source, &HostPath::literal(ETC), name, &install)?;
    let run = links(source, &HostPath::literal(RUN), name, &install)?;
    let word = match (etc.is_empty(), run.is_empty()) {
        (false, _) => "enabled",
        (true, false) => "enabled-runtime",
        _ if install.would_link() => "disabled",
        _ if install.also => "indirect",
        _ => "static",
    };
    let below = |suffix: &str, targets: &[String]| {
        targets.iter().map(|target| format!("{ETC}/{target}{suffix}/{name}")).collect::<Vec<_>>()
    };
    let mut wanted_by = below(".wants", &install.wanted_by);
    wanted_by.extend(below(".requires", &install.required_by));
    Ok(State::record([
        ("exists", State::Flag(true)),
        ("enablement", State::text(word)),
        ("path", State::text(path.as_str())),
        ("wanted-by", State::texts(wanted_by)),
        ("aliases", State::texts(install.aliases.iter().map(|alias| format!("{ETC}/{alias}")))),
        ("links", State::texts(etc.into_iter().chain(run).map(|path| path.to_string()))),
    ]))
}

/// The links in a folder that make this unit start: those in `*.wants` and `*.requires`, and its aliases.
fn links(
    source: &dyn Source,
    folder: &HostPath,
    name: &str,
    install: &Install,
) -> Result<Vec<HostPath>, Unread> {
    let mut found = Vec::new();
    let mut subfolders = source.names(folder)?;
    subfolders.sort();
    let wants = |subfolder: &&String| subfolder.ends_with(".wants") || subfolder.ends_with(".requires");
    let wants = subfolders.iter().filter(wants).map(|subfolder| format!("{subfolder}/{name}"));
    for link in wants.chain(install.aliases.iter().cloned()) {
        let path = link.split('/').try_fold(folder.clone(), |path, part| path.join(part));
        let Ok(path) = path else { continue };
        let alias = !link.contains('/');
        let target = source.link(&path)?;
        let ours = target.as_deref().and_then(|target| target.rsplit('/').next()) == Some(name);
        if target.is_some() && (!alias || ours) {
            found.push(path);
        }
    }
    Ok(found)
}

/// A script in `/etc/init.d` becomes a service of the same name (systemd-sysv-generator(8)).
fn system_v(source: &dyn Source, name: &str) -> Result<State, Unread> {
    let Some(stem) = name.strip_suffix(".service") else { return Ok(none()) };
    let Ok(script) = HostPath::literal("/etc/init.d").join(stem) else { return Ok(none()) };
    if source.text(&script)?.is_none() {
        return Ok(none());
    }
    let mut found = Vec::new();
    for level in ["/etc/rc2.d", "/etc/rc3.d", "/etc/rc4.d", "/etc/rc5.d"].map(HostPath::literal) {
        for link in source.names(&level)? {
            let ours =
                link.strip_prefix('S').map(|rest| rest.trim_start_matches(|c: char| c.is_ascii_digit()));
            if ours == Some(stem) {
                found.push(format!("{level}/{link}"));
            }
        }
    }
    let word = if found.is_empty() { "disabled" } else { "enabled" };
    Ok(State::record([
        ("exists", State::Flag(true)),
        ("enablement", State::text(word)),
        ("path", State::text(script.as_str())),
        ("links", State::texts(found)),
    ]))
}

/// The `[Install]` section.
#[derive(Default)]
struct Install {
    wanted_by: Vec<String>,
    required_by: Vec<String>,
    aliases: Vec<String>,
    also: bool,
}

impl Install {
    fn parse(text: &str) -> Self {
        let mut install = Self::default();
        for Entry { key, value, .. } in ini::entries(&lines::split(text)) {
            let list = match key.as_str() {
                "Install.WantedBy" => &mut install.wanted_by,
                "Install.RequiredBy" => &mut install.required_by,
                "Install.Alias" => &mut install.aliases,
                "Install.Also" => {
                    install.also = true;
                    continue;
                }
                _ => continue,
            };
            if value.is_empty() {
                list.clear();
            }
            list.extend(value.split_ascii_whitespace().map(str::to_owned));
        }
        install
    }

    fn would_link(&self) -> bool {
        !self.wanted_by.is_empty() || !self.required_by.is_empty() || !self.aliases.is_empty()
    }
}
