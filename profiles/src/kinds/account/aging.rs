//! How long passwords last: shadow(5).

use model::{Evidence, Fact, Resource, Unread};

use super::people::User;
use super::rules::shadowed;
use super::{Offender, Test};

const SHADOW: &str = "/etc/shadow";

/// Who breaks a rule about days. Users whose password is locked never do.
pub(super) fn offenders(test: Test, bound: i64, seen: &Evidence) -> Result<Vec<Offender>, Unread> {
    let today = match test {
        Test::LastChange => today(seen)?,
        // Only a remedy needs the day: without it there is none.
        _ => today(seen).unwrap_or(i64::MAX),
    };
    shadowed(seen, |user| if user.is_open() { judge(test, bound, today, user) } else { None })
}

fn today(seen: &Evidence) -> Result<i64, Unread> {
    let today = seen.see(&Resource::Fact(Fact::Today))?.as_int();
    today.ok_or_else(|| Unread::Failed("the day is not known".to_owned()))
}

fn judge(test: Test, bound: i64, today: i64, user: &User) -> Option<Offender> {
    let (part, field) = match test {
        Test::MaxAge => ("max", 4),
        Test::MinAge => ("min", 3),
        Test::WarnAge => ("warn", 5),
        Test::Inactive => ("inactive", 6),
        _ => return late(user, today),
    };
    let days = user.days(part);
    let right = days.is_some_and(|days| match test {
        Test::MaxAge => (1..=bound).contains(&days),
        Test::Inactive => (0..=bound).contains(&days),
        _ => days >= bound,
    });
    if right {
        return None;
    }
    let shown = days.map_or_else(|| "none".to_owned(), |days| days.to_string());
    // Who would be expired at once has to be told first.
    let safe = match test {
        Test::MaxAge => lasts(user, Some(bound), today),
        Test::Inactive => lasts(user, user.days("max"), today),
        _ => true,
    };
    let ask = safe.then(|| user.ask(SHADOW, field, &bound.to_string()));
    Some(Offender::new(format!("{} has {shown}", user.name), ask))
}

/// Whether a password that lasts so long is not expired today; one that is to be changed at once (0) is.
fn lasts(user: &User, max: Option<i64>, today: i64) -> bool {
    let Some(max) = max.filter(|max| *max >= 0) else { return true };
    user.days("changed").is_some_and(|changed| changed > 0 && changed.saturating_add(max) >= today)
}

fn late(user: &User, today: i64) -> Option<Offender> {
    let changed = user.days("changed").filter(|changed| *changed > today)?;
    let ahead = changed - today;
    Some(Offender::new(format!("{} changed its password {ahead} days from now", user.name), None))
}
