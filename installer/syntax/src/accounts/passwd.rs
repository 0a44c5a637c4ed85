//! passwd(5), shadow(5) and group(5): fields with colons between.

use std::collections::BTreeMap;

use model::{HostPath, State, Unread};

use crate::source::Source;
use crate::text::lines;

const PASSWD: &str = "/etc/passwd";
const SHADOW: &str = "/etc/shadow";
const SHELLS: &str = "/etc/shells";
const GROUP: &str = "/etc/group";
/// The field that holds a password, in each of these files.
const PASSWORD: usize = 1;

/// The number of a name in a file of the form `name:password:number:…`; the first line wins.
pub(crate) fn number(text: &str, name: &str) -> Option<u32> {
    let line = text.lines().find(|line| line.split(':').next() == Some(name))?;
    line.split(':').nth(2)?.parse().ok()
}

/// The numbers of all names in such a file.
pub fn numbers(text: &str) -> std::collections::BTreeSet<u32> {
    text.lines().filter_map(|line| line.split(':').nth(2)?.parse().ok()).collect()
}

/// The members of a group by its own line and by `passwd`, where it is a user's first group.
pub fn members(groups: &str, passwd: &str, wanted: &str) -> std::collections::BTreeSet<String> {
    let mut members = std::collections::BTreeSet::new();
    for fields in groups.lines().map(fields).filter(|fields| fields[0] == wanted && fields.len() == 4) {
        members.extend(listed(fields[3]));
        members.extend(users_where(passwd, 3, fields[2]));
    }
    members
}

/// The names of the users whose field of this number, counted from 0, has this value.
pub fn users_where<'a>(
    passwd: &'a str,
    field: usize,
    value: &'a str,
) -> impl Iterator<Item = String> + use<'a> {
    passwd.lines().filter_map(move |line| {
        let fields = fields(line);
        (fields.len() == 7 && fields[field] == value).then(|| fields[0].to_owned())
    })
}

/// All users, as [`model::Lookup::Users`] describes them.
pub(crate) fn users(source: &dyn Source) -> Result<State, Unread> {
    let Some(passwd) = text(source, PASSWD)? else { return Ok(State::Absent) };
    let shadow = text(source, SHADOW)?.unwrap_or_default();
    let mut aging: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for line in shadow.lines().filter(|line| is_entry(line)) {
        let fields = fields(line);
        aging.entry(fields[0]).or_insert(fields);
    }
    let users = passwd.lines().filter(|line| is_entry(line)).map(|line| user(&fields(line), &aging));
    Ok(State::List(users.collect()))
}

fn user(fields: &[&str], aging: &BTreeMap<&str, Vec<&str>>) -> State {
    let field = |number: usize| fields.get(number).copied().unwrap_or_default();
    let shadow = aging.get(field(0));
    let days = |number: usize| -> State {
        shadow.and_then(|fields| fields.get(number)?.trim().parse::<i64>().ok()).into()
    };
    State::record([
        ("name", State::text(field(0))),
        ("elsewhere", State::Flag(field(PASSWORD) == "x")),
        ("uid", field(2).parse::<i64>().ok().into()),
        ("gid", field(3).parse::<i64>().ok().into()),
        ("home", State::text(field(5))),
        ("shell", State::text(field(6))),
        ("password", shadow.map(|fields| password(fields.get(PASSWORD).unwrap_or(&""))).into()),
        ("changed", days(2)),
        ("min", days(3)),
        ("max", days(4)),
        ("warn", days(5)),
        ("inactive", days(6)),
    ])
}

/// What a password field amounts to, without what is in it (crypt(5)).
fn password(field: &str) -> &'static str {
    match field {
        "" => "empty",
        _ if is_locked(field) => "locked",
        _ if field.starts_with('$') && field[1..].contains('$') => "set",
        _ => "other",
    }
}

fn is_locked(field: &str) -> bool {
    field.starts_with(['!', '*'])
}

/// All groups, as [`model::Lookup::Groups`] describes them.
pub(crate) fn groups(source: &dyn Source) -> Result<State, Unread> {
    let Some(text) = text(source, GROUP)? else { return Ok(State::Absent) };
    let groups = text.lines().filter(|line| is_entry(line)).map(|line| {
        let fields = fields(line);
        let field = |number: usize| fields.get(number).copied().unwrap_or_default();
        State::record([
            ("name", State::text(field(0))),
            ("gid", field(2).parse::<i64>().ok().into()),
            ("members", State::Words(listed(field(3)).collect())),
        ])
    });
    Ok(State::List(groups.collect()))
}

/// The shells that may be chosen, as [`model::Lookup::Shells`] describes them.
pub(crate) fn shells(source: &dyn Source) -> Result<State, Unread> {
    let Some(text) = text(source, SHELLS)? else { return Ok(State::Absent) };
    let shells = text.lines().map(|line| line.split('#').next().unwrap_or_default().trim());
    Ok(State::Words(shells.filter(|line| !line.is_empty()).map(str::to_owned).collect()))
}

/// The names in a directory that begin with a dot.
pub(crate) fn dots(source: &dyn Source, folder: &HostPath) -> Result<State, Unread> {
    let names = source.names(folder)?.into_iter();
    Ok(State::Words(names.filter(|name| name.starts_with('.') && name != "." && name != "..").collect()))
}

fn text(source: &dyn Source, path: &'static str) -> Result<Option<String>, Unread> {
    source.text(&HostPath::literal(path))
}

/// Comments are no accounts, nor are lines that ask another service (nsswitch.conf(5), compat).
fn is_entry(line: &str) -> bool {
    !line.trim().is_empty() && !line.starts_with(['#', '+', '-']) && line.contains(':')
}

fn fields(line: &str) -> Vec<&str> {
    line.split(':').collect()
}

fn listed(field: &str) -> impl Iterator<Item = String> + use<'_> {
    field.split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned)
}

/// The name and the number of a field.
fn place(key: &str) -> Option<(&str, usize)> {
    let (name, number) = key.rsplit_once(':')?;
    let number = number.parse().ok().filter(|number| *number > 0)?;
    (!name.is_empty() && !name.contains(':')).then_some((name, number))
}

/// A field of the first line of a name.
pub(crate) fn get(text: &str, key: &str) -> Option<String> {
    let (name, number) = place(key)?;
    let line = text.lines().find(|line| fields(line)[0] == name)?;
    let field = *fields(line).get(number)?;
    Some(match number {
        PASSWORD if is_locked(field) => "!".to_owned(),
        PASSWORD => "*".to_owned(),
        _ => field.to_owned(),
    })
}

/// Sets a field of the first line of a name; a name or field that is not there stays away.
pub(crate) fn set(text: &str, key: &str, value: &str) -> String {
    let Some((name, number)) = place(key) else { return text.to_owned() };
    let mut done = false;
    let changed = lines::split(text).into_iter().map(|line| {
        let body = lines::body(line);
        let mut fields = fields(body);
        if done || fields[0] != name || fields.len() <= number {
            return line.to_owned();
        }
        done = true;
        let locked = format!("!{}", fields[number]);
        fields[number] = if number == PASSWORD { &locked } else { value };
        format!("{}{}", fields.join(":"), lines::ending(line))
    });
    changed.collect()
}
