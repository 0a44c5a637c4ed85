//! Users and groups, judged by what `/etc/passwd`, `/etc/shadow`, `/etc/group` and `/etc/shells` say together.

mod aging;
pub(crate) mod people;
mod rules;

use model::{Constraint, Evidence, Fact, HostPath, Judgement, Lookup, Resource, State, Syntax, Unread};
use serde::Deserialize;

use self::people::{login_defs, users};
use super::value::{Scalar, few};
use super::{Ask, Kind, unread};

/// `{ kind = "account", test, value?, group?, required?, mend? }`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Account {
    test: Test,
    /// The bound of a test about days.
    value: Option<Scalar>,
    /// The group of `group-empty`.
    group: Option<String>,
    /// Whether the group of `group-empty` must be there.
    #[serde(default)]
    required: bool,
    /// Whether members are taken out of a group that must be empty.
    #[serde(default)]
    mend: bool,
}

/// What must hold for every user or group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Test {
    /// No two users share a number.
    UniqueUid,
    /// No two lines of `/etc/passwd` share a name.
    UniqueName,
    /// No two groups share a number.
    UniqueGid,
    /// No two groups share a name.
    UniqueGroup,
    /// Nobody but root has the number 0.
    OnlyRootUid,
    /// root, and nobody else who can log in, has the first group 0.
    OnlyRootGid,
    /// No group but root has the number 0.
    OnlyRootGroup,
    /// Passwords are in `/etc/shadow`.
    Shadowed,
    /// Nobody logs in without a password.
    NoEmptyPassword,
    /// The first group of every user exists.
    GroupsExist,
    /// A group has no member.
    GroupEmpty,
    /// System accounts have no login shell.
    SystemNoShell,
    /// System accounts have no password.
    SystemLocked,
    /// Who has a shell that is not in `/etc/shells` has no password.
    InvalidShellLocked,
    /// root has a password.
    RootPassword,
    /// root has a password or is locked.
    RootControlled,
    /// `/etc/shells` offers no nologin.
    NologinNoShell,
    /// Passwords were changed in the past.
    LastChange,
    /// Passwords last at most so many days.
    MaxAge,
    /// Passwords last at least so many days.
    MinAge,
    /// Users are warned so many days before.
    WarnAge,
    /// Users are locked out at most so many days after.
    Inactive,
}

/// Somebody or something that breaks the rule, and what would mend it where that is safe.
pub(super) struct Offender {
    says: String,
    ask: Option<Ask>,
}

impl Offender {
    fn new(says: impl Into<String>, ask: Option<Ask>) -> Self {
        Self { says: says.into(), ask }
    }
}

impl Test {
    fn is_about_days(self) -> bool {
        matches!(self, Self::MaxAge | Self::MinAge | Self::WarnAge | Self::Inactive)
    }

    fn expected(self) -> &'static str {
        match self {
            Self::UniqueUid => "no two users with one number",
            Self::UniqueName => "no two users with one name",
            Self::UniqueGid => "no two groups with one number",
            Self::UniqueGroup => "no two groups with one name",
            Self::OnlyRootUid => "no user but root with the number 0",
            Self::OnlyRootGid => "root alone has the group 0",
            Self::OnlyRootGroup => "no group but root with the number 0",
            Self::Shadowed => "all passwords in /etc/shadow",
            Self::NoEmptyPassword => "no empty password",
            Self::GroupsExist => "the first group of every user in /etc/group",
            Self::GroupEmpty => "a group without members",
            Self::SystemNoShell => "no system account with a login shell",
            Self::SystemLocked => "no system account with a password",
            Self::InvalidShellLocked => "no password for users whose shell is not in /etc/shells",
            Self::RootPassword => "a password for root",
            Self::RootControlled => "root has a password or is locked",
            Self::NologinNoShell => "no nologin in /etc/shells",
            Self::LastChange => "all passwords changed in the past",
            Self::MaxAge => "days that a password lasts: at most",
            Self::MinAge => "days before a password may be changed again: at least",
            Self::WarnAge => "days of warning before a password expires: at least",
            Self::Inactive => "days after which an expired password locks: at most",
        }
    }
}

impl Account {
    fn days(&self) -> i64 {
        self.value.as_ref().and_then(|value| value.0.trim().parse().ok()).unwrap_or_default()
    }

    fn group(&self) -> &str {
        self.group.as_deref().unwrap_or_default()
    }

    fn expected(&self) -> String {
        let what = self.test.expected();
        match (self.test, &self.group) {
            (test, _) if test.is_about_days() => format!("{what} {}", self.days()),
            (_, Some(group)) => format!("{what}: {group}"),
            _ => what.to_owned(),
        }
    }

    fn offenders(&self, seen: &Evidence) -> Result<Vec<Offender>, Unread> {
        match self.test {
            Test::NologinNoShell => nologins(seen),
            test if test.is_about_days() || test == Test::LastChange => {
                aging::offenders(test, self.days(), seen)
            }
            _ => rules::offenders(self, seen),
        }
    }
}

fn nologins(seen: &Evidence) -> Result<Vec<Offender>, Unread> {
    let State::Words(shells) = seen.see(&Resource::Effective(Lookup::Shells))? else {
        return Ok(Vec::new());
    };
    let offer = |shell: &String| {
        let (path, key) = (HostPath::literal("/etc/shells"), shell.clone());
        let resource = Resource::Setting { path, syntax: Syntax::KeyValue, key };
        Offender::new(shell.clone(), Some(Ask::new(resource, Constraint::Equals(State::Absent))))
    };
    Ok(shells.iter().filter(|shell| shell.rsplit('/').next() == Some("nologin")).map(offer).collect())
}

impl Kind for Account {
    fn check(&self) -> Result<(), String> {
        match (self.test.is_about_days(), &self.value, self.test == Test::GroupEmpty, &self.group) {
            (true, Some(value), ..) if value.0.trim().parse::<i64>().is_err() => {
                Err(format!("`{}` is no number of days", value.0))
            }
            (true, None, ..) => Err("this test needs `value`, a number of days".to_owned()),
            (false, Some(_), ..) => Err("`value` goes with a test about days".to_owned()),
            (_, _, true, None) => Err("`group-empty` needs `group`".to_owned()),
            (_, _, false, Some(_)) => Err("`group` goes with `group-empty`".to_owned()),
            _ => Ok(()),
        }
    }

    fn needs(&self, _seen: &Evidence) -> Vec<Resource> {
        let groups = Resource::Effective(Lookup::Groups);
        let shells = Resource::Effective(Lookup::Shells);
        match self.test {
            Test::NologinNoShell => vec![shells],
            Test::UniqueGid | Test::UniqueGroup | Test::OnlyRootGroup => vec![groups],
            Test::GroupsExist | Test::GroupEmpty => vec![users(), groups],
            Test::InvalidShellLocked => vec![users(), shells, login_defs("UID_MIN")],
            Test::SystemNoShell | Test::SystemLocked | Test::NoEmptyPassword => {
                let limits = ["UID_MIN", "SYS_UID_MIN", "SYS_UID_MAX"].map(login_defs);
                [users()].into_iter().chain(limits).collect()
            }
            Test::LastChange | Test::MaxAge | Test::Inactive => {
                vec![users(), Resource::Fact(Fact::Today)]
            }
            _ => vec![users()],
        }
    }

    fn judge(&self, seen: &Evidence) -> Judgement {
        match self.offenders(seen) {
            Ok(offenders) if offenders.is_empty() => {
                Judgement::of(true, self.expected(), "nothing is otherwise")
            }
            Ok(offenders) => {
                let says: Vec<_> = offenders.into_iter().map(|offender| offender.says).collect();
                Judgement::of(false, self.expected(), few(&says))
            }
            Err(why) => unread(self.expected(), &why),
        }
    }

    fn remedy(&self, seen: &Evidence) -> Vec<Ask> {
        let offenders = self.offenders(seen).unwrap_or_default();
        offenders.into_iter().filter_map(|offender| offender.ask).collect()
    }
}
