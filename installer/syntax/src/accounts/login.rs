//! Whether PAM holds together, and whether a login can still succeed: what is asked before anybody is locked out.
//!
//! Every service file is followed through its includes, every module must be there, and the stacks of the
//! operators' own services are played through: there must be a way in which the modules can answer so that
//! the stack lets somebody in (pam.conf(5), and libpam's `_pam_dispatch_aux` for how answers add up).

use std::collections::BTreeSet;

use model::{HostPath, Unread};

use crate::source::Source;

const SERVICES: &str = "/etc/pam.d";
/// Where libpam looks for a service that is not in `/etc/pam.d`.
const VENDOR: &str = "/usr/lib/pam.d";
/// The services by which operators come in and become root.
const WAYS_IN: [&str; 3] = ["sshd", "login", "sudo"];
/// libpam follows includes no deeper than this (PAM_SUBSTACK_MAX_LEVEL).
const DEEPEST: usize = 16;

/// What stands against logging in through PAM as it is configured; empty when nothing does. Each fault names its
/// file and line.
///
/// # Errors
/// When a file cannot be read, so that nothing can be said.
pub fn faults(source: &dyn Source) -> Result<Vec<String>, Unread> {
    let mut faults = Vec::new();
    let modules = modules(source)?;
    let names = source.names(&HostPath::literal(SERVICES))?;
    // What package managers and editors leave beside a service is none.
    for name in names.into_iter().filter(|name| !name.contains(['.', '~'])) {
        let Ok(path) = HostPath::literal(SERVICES).join(&name) else { continue };
        if let Some(text) = source.text(&path)? {
            looked_at(source, &modules, &path, &joined(&text), &mut faults)?;
        }
    }
    for service in WAYS_IN {
        for group in ["auth", "account"] {
            let Some(stack) = stack(source, service, group, 0)? else { continue };
            if !can_succeed(&stack) {
                faults.push(format!("/etc/pam.d/{service}: no {group} can succeed any more"));
            }
        }
    }
    Ok(faults)
}

/// One line of a service file.
struct Entry<'t> {
    /// `auth`, `account`, `password` or `session`; `@include` stands for all of them.
    group: &'t str,
    /// A leading `-`: the module may be missing.
    optional: bool,
    control: Control<'t>,
    /// The module, or the file that is included.
    what: &'t str,
}

enum Control<'t> {
    Include,
    Substack,
    /// The action for each answer, as in `[success=1 default=ignore]`.
    Actions(Vec<(&'t str, &'t str)>),
}

/// Continued lines made one. (Numbers of the lines after them are then counted that way.)
fn joined(text: &str) -> String {
    text.replace("\\\n", " ")
}

/// The entries of a service file with the numbers of their lines; a line that is none comes as an error.
fn entries(text: &str) -> Vec<(usize, Result<Entry<'_>, &'static str>)> {
    let numbered = text.lines().enumerate().map(|(index, line)| (index + 1, line));
    let bare = numbered.map(|(number, line)| (number, line.split('#').next().unwrap_or_default().trim()));
    bare.filter(|(_, line)| !line.is_empty()).map(|(number, line)| (number, entry(line))).collect()
}

fn entry(line: &str) -> Result<Entry<'_>, &'static str> {
    let (group, rest) = line.split_once(char::is_whitespace).ok_or("a lone word is no rule")?;
    let rest = rest.trim_start();
    if group == "@include" {
        return Ok(Entry { group, optional: false, control: Control::Include, what: first_word(rest) });
    }
    let (optional, group) = group.strip_prefix('-').map_or((false, group), |group| (true, group));
    let group = GROUPS.iter().find(|known| known.eq_ignore_ascii_case(group)).ok_or("an unknown type")?;
    let (control, rest) = control(rest)?;
    match first_word(rest) {
        "" => Err("no module"),
        what => Ok(Entry { group, optional, control, what }),
    }
}

const GROUPS: [&str; 4] = ["auth", "account", "password", "session"];

fn first_word(text: &str) -> &str {
    text.split_whitespace().next().unwrap_or_default()
}

fn control(text: &str) -> Result<(Control<'_>, &str), &'static str> {
    if let Some(rest) = text.strip_prefix('[') {
        let (inside, rest) = rest.split_once(']').ok_or("a `[` without its `]`")?;
        let pairs = inside.split_whitespace().map(|pair| pair.split_once('='));
        let pairs: Option<Vec<_>> = pairs.collect();
        return Ok((Control::Actions(pairs.ok_or("an action without `=`")?), rest));
    }
    let (word, rest) = text.split_once(char::is_whitespace).ok_or("no module")?;
    let actions: &[(&str, &str)] = match word.to_ascii_lowercase().as_str() {
        "required" => &[("success", "ok"), ("ignore", "ignore"), ("default", "bad")],
        "requisite" => &[("success", "ok"), ("ignore", "ignore"), ("default", "die")],
        "sufficient" => &[("success", "done"), ("default", "ignore")],
        "optional" => &[("success", "ok"), ("default", "ignore")],
        "include" => return Ok((Control::Include, rest)),
        "substack" => return Ok((Control::Substack, rest)),
        _ => return Err("an unknown control"),
    };
    Ok((Control::Actions(actions.to_vec()), rest))
}

/// The faults of one file by itself: rules that are none, includes and modules that are not there.
fn looked_at(
    source: &dyn Source,
    modules: &BTreeSet<String>,
    path: &HostPath,
    text: &str,
    faults: &mut Vec<String>,
) -> Result<(), Unread> {
    for (line, entry) in entries(text) {
        let fault = match entry {
            Err(why) => Some(why.to_owned()),
            Ok(Entry { control: Control::Include | Control::Substack, what, .. }) => {
                let missing = service_text(source, what)?.is_none();
                missing.then(|| format!("it includes {what}, which is not there"))
            }
            Ok(Entry { what, optional, .. }) => {
                let there = if what.starts_with('/') {
                    let path: Option<HostPath> = what.parse().ok();
                    path.is_some_and(|path| has(source, &path))
                } else {
                    // Below a root that holds no module at all nobody logs in, and nothing tells which were missing.
                    modules.is_empty() || modules.contains(what)
                };
                (!there && !optional).then(|| format!("the module {what} is not installed"))
            }
        };
        faults.extend(fault.map(|fault| format!("{path}:{line}: {fault}")));
    }
    Ok(())
}

fn has(source: &dyn Source, path: &HostPath) -> bool {
    let names = path.parent().and_then(|folder| source.names(&folder).ok()).unwrap_or_default();
    names.iter().any(|name| name == path.name())
}

/// The modules that are installed, by name, wherever this system keeps them.
fn modules(source: &dyn Source) -> Result<BTreeSet<String>, Unread> {
    let mut folders: Vec<String> =
        ["/lib", "/lib64", "/usr/lib", "/usr/lib64"].map(|folder| format!("{folder}/security")).into();
    for name in source.names(&HostPath::literal("/usr/lib"))? {
        if name.contains("-linux-gnu") {
            folders.push(format!("/usr/lib/{name}/security"));
        }
    }
    let mut modules = BTreeSet::new();
    for folder in folders.iter().filter_map(|folder| folder.parse().ok()) {
        modules.extend(source.names(&folder)?);
    }
    Ok(modules)
}

fn service_text(source: &dyn Source, name: &str) -> Result<Option<String>, Unread> {
    if name.starts_with('/') {
        return name.parse().map_or(Ok(None), |path| source.text(&path));
    }
    for folder in [SERVICES, VENDOR] {
        if let Ok(path) = HostPath::literal(folder).join(name)
            && let Some(text) = source.text(&path)?
        {
            return Ok(Some(text));
        }
    }
    Ok(None)
}

/// One module of a stack, with includes in place.
struct Module {
    name: String,
    actions: Vec<(String, String)>,
    /// How many of the modules from here on a `die` or `done` ends: all, or those of the substack.
    ends: usize,
}

/// The stack of a service for one group; `None` when there is no such service.
fn stack(
    source: &dyn Source,
    service: &str,
    group: &str,
    depth: usize,
) -> Result<Option<Vec<Module>>, Unread> {
    if depth > DEEPEST {
        return Err(Unread::Malformed(format!("the PAM service {service} includes itself")));
    }
    let Some(text) = service_text(source, service)? else { return Ok(None) };
    let mut all = Vec::new();
    for entry in entries(&joined(&text)).into_iter().filter_map(|(_, entry)| entry.ok()) {
        if entry.group != group && entry.group != "@include" {
            continue;
        }
        match entry.control {
            Control::Include => all.extend(stack(source, entry.what, group, depth + 1)?.unwrap_or_default()),
            Control::Substack => {
                let mut inner = stack(source, entry.what, group, depth + 1)?.unwrap_or_default();
                let length = inner.len();
                for (index, module) in inner.iter_mut().enumerate() {
                    module.ends = module.ends.min(length - index);
                }
                all.append(&mut inner);
            }
            Control::Actions(actions) => {
                let actions = actions.into_iter().map(|(on, act)| (on.to_owned(), act.to_owned()));
                let name = entry.what.rsplit('/').next().unwrap_or_default().to_owned();
                all.push(Module { name, actions: actions.collect(), ends: usize::MAX });
            }
        }
    }
    Ok(Some(all))
}

/// How the answers so far add up.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Sum {
    Nothing,
    Good,
    Bad,
}

/// Whether some answers of the modules make the stack succeed. `pam_deny` only refuses, `pam_permit` only agrees,
/// of all others both is possible.
fn can_succeed(stack: &[Module]) -> bool {
    let mut open = vec![(0, Sum::Nothing)];
    let mut known = BTreeSet::new();
    while let Some((at, sum)) = open.pop() {
        if !known.insert((at, sum)) {
            continue;
        }
        let Some(module) = stack.get(at) else {
            if at == stack.len() && sum == Sum::Good {
                return true;
            }
            continue;
        };
        for answer in answers(&module.name) {
            open.push(after(module, at, stack.len(), sum, answer));
        }
    }
    false
}

fn answers(module: &str) -> &'static [&'static str] {
    match module {
        "pam_deny.so" => &["auth_err"],
        "pam_permit.so" => &["success"],
        _ => &["success", "auth_err", "ignore"],
    }
}

/// Where the stack goes on after an answer, and how the answers then add up.
fn after(module: &Module, at: usize, length: usize, sum: Sum, answer: &str) -> (usize, Sum) {
    let find = |on: &str| module.actions.iter().find(|(known, _)| known == on).map(|(_, act)| act.as_str());
    // An answer for which nothing is said, not even by `default`, counts as `bad`.
    let act = find(answer).or_else(|| find("default")).unwrap_or("bad");
    let agreed = answer == "success";
    let ended = at.saturating_add(module.ends).min(length);
    let ok = if agreed && sum != Sum::Bad {
        Sum::Good
    } else if agreed {
        sum
    } else {
        Sum::Bad
    };
    match act {
        "ignore" => (at + 1, sum),
        "ok" => (at + 1, ok),
        "done" => (if sum == Sum::Bad { at + 1 } else { ended }, ok),
        "die" => (ended, Sum::Bad),
        "reset" => (at + 1, Sum::Nothing),
        // A jump only leaves out; a leap beyond the end lets nobody in.
        number => match number.parse::<usize>() {
            Ok(leap) => (at + 1 + leap, sum),
            Err(_) => (at + 1, Sum::Bad),
        },
    }
}
