//! The users of a machine as kinds see them, and how each would be changed.

use model::{Constraint, Evidence, HostPath, Lookup, Resource, State, Syntax, Unread};

use super::super::Ask;

/// The number from which users are people where login.defs(5) does not say.
const UID_MIN: i64 = 1000;
/// `nobody`, who is no person.
const NOBODY: i64 = 65534;

/// One user.
#[derive(Clone, Debug)]
pub(crate) struct User {
    pub(crate) name: String,
    pub(crate) uid: Option<i64>,
    pub(crate) gid: Option<i64>,
    pub(crate) home: String,
    pub(crate) shell: String,
    /// Whether the password is said to be in `/etc/shadow`.
    pub(super) elsewhere: bool,
    /// What `/etc/shadow` has for a password; `None` without a line there.
    pub(super) password: Option<String>,
    aging: State,
}

impl User {
    fn of(record: &State) -> Self {
        let text =
            |part: &str| record.get(part).and_then(State::as_text).map(str::to_owned).unwrap_or_default();
        Self {
            name: text("name"),
            uid: record.get("uid").and_then(State::as_int),
            gid: record.get("gid").and_then(State::as_int),
            home: text("home"),
            shell: text("shell"),
            elsewhere: record.get("elsewhere").and_then(State::as_flag).unwrap_or_default(),
            password: record.get("password").and_then(State::as_text).map(str::to_owned),
            aging: record.clone(),
        }
    }

    /// A number of days in `/etc/shadow`; `None` where the field is empty.
    pub(super) fn days(&self, part: &str) -> Option<i64> {
        self.aging.get(part).and_then(State::as_int)
    }

    /// Whether a password lets this user in, or none is asked for.
    pub(super) fn is_open(&self) -> bool {
        self.password.as_deref().is_some_and(|password| password != "locked")
    }

    /// Whether it has no login shell.
    pub(crate) fn has_no_shell(&self) -> bool {
        matches!(self.shell.as_str(), "/sbin/nologin" | "/usr/sbin/nologin" | "/bin/false" | "/usr/bin/false")
    }

    /// Sets a field of this user's line.
    pub(super) fn ask(&self, file: &'static str, field: usize, value: &str) -> Ask {
        let (path, key) = (HostPath::literal(file), format!("{}:{field}", self.name));
        let resource = Resource::Setting { path, syntax: Syntax::Accounts, key };
        Ask::new(resource, Constraint::Equals(State::text(value)))
    }

    /// Locks the password.
    pub(super) fn lock(&self) -> Ask {
        self.ask("/etc/shadow", 1, "!")
    }
}

pub(crate) fn users() -> Resource {
    Resource::Effective(Lookup::Users)
}

/// A key of login.defs(5).
pub(crate) fn login_defs(key: &str) -> Resource {
    Resource::Effective(Lookup::DropIns {
        main: HostPath::literal("/etc/login.defs"),
        folders: Vec::new(),
        main_last: false,
        syntax: Syntax::LoginDefs,
        key: key.to_owned(),
    })
}

/// All users.
pub(super) fn seen_users(seen: &Evidence) -> Result<Vec<User>, Unread> {
    match seen.see(&users())? {
        State::List(records) => Ok(records.iter().map(User::of).collect()),
        _ => Err(Unread::Failed("there is no /etc/passwd".to_owned())),
    }
}

/// A number in login.defs(5).
pub(super) fn limit(seen: &Evidence, key: &str) -> Result<Option<i64>, Unread> {
    Ok(seen.see(&login_defs(key))?.get("value").and_then(State::as_int))
}

/// The number from which users are people.
pub(super) fn uid_min(seen: &Evidence) -> Result<i64, Unread> {
    Ok(limit(seen, "UID_MIN")?.unwrap_or(UID_MIN))
}

/// The users that are people.
pub(crate) fn people(seen: &Evidence) -> Result<Vec<User>, Unread> {
    let from = uid_min(seen)?;
    let mut users = seen_users(seen)?;
    users.retain(|user| user.uid.is_some_and(|uid| uid >= from && uid != NOBODY));
    Ok(users)
}
