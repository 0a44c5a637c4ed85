//! What can be wrong with names, numbers, groups, shells and locks.

use std::collections::BTreeMap;

use model::{Constraint, Evidence, HostPath, Lookup, Resource, State, Syntax, Unread};

use super::people::{User, limit, seen_users, uid_min};
use super::{Account, Offender, Test};
use crate::kinds::Ask;

const PASSWD: &str = "/etc/passwd";
const NOLOGIN: &str = "/usr/sbin/nologin";
/// Accounts whose shell is the one thing that they do, or that nobody logs in to.
const HARMLESS: [&str; 4] = ["/bin/sync", "/sbin/shutdown", "/sbin/halt", "/usr/sbin/shutdown"];
/// Accounts that distributions put into root's group.
const OF_ROOTS_GROUP: [&str; 5] = ["root", "sync", "shutdown", "halt", "operator"];

struct Group {
    name: String,
    gid: Option<i64>,
    members: Vec<String>,
}

fn seen_groups(seen: &Evidence) -> Result<Vec<Group>, Unread> {
    let State::List(records) = seen.see(&Resource::Effective(Lookup::Groups))? else {
        return Err(Unread::Failed("there is no /etc/group".to_owned()));
    };
    let group = |record: &State| Group {
        name: record.get("name").map(ToString::to_string).unwrap_or_default(),
        gid: record.get("gid").and_then(State::as_int),
        members: match record.get("members") {
            Some(State::Words(members)) => members.iter().cloned().collect(),
            _ => Vec::new(),
        },
    };
    Ok(records.iter().map(group).collect())
}

/// Who breaks a rule that is not about days.
pub(super) fn offenders(rule: &Account, seen: &Evidence) -> Result<Vec<Offender>, Unread> {
    match rule.test {
        Test::UniqueGid => {
            let groups = seen_groups(seen)?;
            Ok(doubles(groups.into_iter().filter_map(|group| Some((group.gid?.to_string(), group.name)))))
        }
        Test::UniqueGroup => {
            let groups = seen_groups(seen)?;
            Ok(doubles(groups.into_iter().map(|group| (group.name, "a group".to_owned()))))
        }
        Test::OnlyRootGroup => {
            let mut groups = seen_groups(seen)?;
            groups.retain(|group| group.gid == Some(0) && group.name != "root");
            Ok(groups.into_iter().map(|group| Offender::new(group.name, None)).collect())
        }
        Test::GroupEmpty => group_empty(rule, seen),
        Test::GroupsExist => {
            let groups = seen_groups(seen)?;
            let known = |user: &User| groups.iter().any(|group| group.gid == user.gid);
            told(seen, |user| (!known(user)).then(|| Offender::new(of_group(user), None)))
        }
        Test::UniqueUid => {
            let users = seen_users(seen)?;
            Ok(doubles(users.into_iter().filter_map(|user| Some((user.uid?.to_string(), user.name)))))
        }
        Test::UniqueName => {
            Ok(doubles(seen_users(seen)?.into_iter().map(|user| (user.name, "a user".to_owned()))))
        }
        Test::OnlyRootUid => told(seen, |user| {
            (user.uid == Some(0) && user.name != "root").then(|| Offender::new(&user.name, None))
        }),
        Test::OnlyRootGid => told(seen, roots_group),
        Test::Shadowed => told(seen, |user| (!user.elsewhere).then(|| Offender::new(&user.name, None))),
        Test::RootPassword => root(seen, &["set"]),
        Test::RootControlled => root(seen, &["set", "locked"]),
        _ => locks_and_shells(rule, seen),
    }
}

fn locks_and_shells(rule: &Account, seen: &Evidence) -> Result<Vec<Offender>, Unread> {
    let bound = uid_min(seen)?;
    match rule.test {
        Test::NoEmptyPassword => told(seen, |user| {
            let lock = is_system(user, bound).then(|| user.lock());
            (user.password.as_deref() == Some("empty")).then(|| Offender::new(&user.name, lock))
        }),
        Test::SystemLocked => shadowed(seen, |user| {
            (is_system(user, bound) && user.is_open()).then(|| Offender::new(&user.name, Some(user.lock())))
        }),
        Test::SystemNoShell => {
            let bound = last_system(seen)?.map_or(bound, |last| last + 1);
            told(seen, |user| with_shell(user, bound))
        }
        _ => invalid_shell(seen, bound),
    }
}

/// The last number of a system account, where login.defs(5) gives both ends.
fn last_system(seen: &Evidence) -> Result<Option<i64>, Unread> {
    Ok(limit(seen, "SYS_UID_MIN")?.and(limit(seen, "SYS_UID_MAX")?))
}

fn is_system(user: &User, bound: i64) -> bool {
    user.name != "root" && user.uid.is_some_and(|uid| uid > 0 && uid < bound)
}

fn with_shell(user: &User, bound: i64) -> Option<Offender> {
    let harmless = user.has_no_shell() || HARMLESS.contains(&user.shell.as_str());
    (is_system(user, bound) && !harmless)
        .then(|| Offender::new(shell_of(user), Some(user.ask(PASSWD, 6, NOLOGIN))))
}

/// People who would be locked out are left to be asked first.
fn invalid_shell(seen: &Evidence, bound: i64) -> Result<Vec<Offender>, Unread> {
    let offered = match seen.see(&Resource::Effective(Lookup::Shells))? {
        State::Words(shells) => shells.clone(),
        // Without the file these two count (getusershell(3)).
        _ => ["/bin/sh", "/bin/csh"].map(str::to_owned).into(),
    };
    let valid = |user: &User| offered.contains(&user.shell) && !user.shell.contains("nologin");
    shadowed(seen, |user| {
        let left_out = matches!(user.name.as_str(), "root" | "nobody" | "nfsnobody");
        // Without a line in the shadow file nothing locks an account but its shell.
        let open = user.is_open() || user.password.is_none() && !user.has_no_shell();
        let lock = (is_system(user, bound) && user.password.is_some()).then(|| user.lock());
        let wrong = !user.shell.is_empty() && !left_out && !valid(user) && open;
        wrong.then(|| Offender::new(shell_of(user), lock))
    })
}

fn roots_group(user: &User) -> Option<Offender> {
    let wrong = match user.name.as_str() {
        "root" => user.gid != Some(0),
        name => user.gid == Some(0) && !OF_ROOTS_GROUP.contains(&name),
    };
    wrong.then(|| Offender::new(of_group(user), None))
}

fn root(seen: &Evidence, allowed: &[&str]) -> Result<Vec<Offender>, Unread> {
    shadowed(seen, |user| {
        let password = user.password.as_deref().unwrap_or("missing");
        (user.name == "root" && !allowed.contains(&password))
            .then(|| Offender::new(format!("root's password is {password}"), None))
    })
}

fn group_empty(rule: &Account, seen: &Evidence) -> Result<Vec<Offender>, Unread> {
    let name = rule.group();
    let Some(group) = seen_groups(seen)?.into_iter().find(|group| group.name == name) else {
        let missing = rule.required.then(|| Offender::new(format!("there is no group {name}"), None));
        return Ok(missing.into_iter().collect());
    };
    let mut offenders =
        told(seen, |user| (user.gid == group.gid).then(|| Offender::new(of_group(user), None)))?;
    if !group.members.is_empty() {
        let (path, key) = (HostPath::literal("/etc/group"), format!("{name}:3"));
        let resource = Resource::Setting { path, syntax: Syntax::Accounts, key };
        let empty = rule.mend.then(|| Ask::new(resource, Constraint::Equals(State::text(""))));
        offenders.push(Offender::new(format!("members {}", group.members.join(", ")), empty));
    }
    Ok(offenders)
}

fn of_group(user: &User) -> String {
    let gid = user.gid.map_or_else(|| "no number".to_owned(), |gid| gid.to_string());
    format!("{} has the first group {gid}", user.name)
}

fn shell_of(user: &User) -> String {
    let shell = if user.shell.is_empty() { "none, which means /bin/sh" } else { &user.shell };
    format!("{} with shell {shell}", user.name)
}

/// What is there more than once, with everybody who has it.
fn doubles(pairs: impl Iterator<Item = (String, String)>) -> Vec<Offender> {
    let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (key, who) in pairs {
        found.entry(key).or_default().push(who);
    }
    let many = found.into_iter().filter(|(_, who)| who.len() > 1);
    many.map(|(key, who)| Offender::new(format!("{key}: {}", who.join(", ")), None)).collect()
}

/// The users of whom something is to be told.
fn told(seen: &Evidence, tell: impl Fn(&User) -> Option<Offender>) -> Result<Vec<Offender>, Unread> {
    Ok(seen_users(seen)?.iter().filter_map(tell).collect())
}

/// The same where `/etc/shadow` decides: when it knows nobody, nothing can be told.
pub(super) fn shadowed(
    seen: &Evidence,
    tell: impl Fn(&User) -> Option<Offender>,
) -> Result<Vec<Offender>, Unread> {
    let users = seen_users(seen)?;
    if users.iter().all(|user| user.password.is_none()) {
        return Err(Unread::Failed("/etc/shadow has no line for any user".to_owned()));
    }
    Ok(users.iter().filter_map(tell).collect())
}
