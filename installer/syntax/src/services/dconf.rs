//! dconf(7): the key files of system databases, what they lock, and the profile that reads them.

use model::{HostPath, State, Unread};

use crate::source::{Source, files};

const DATABASES: &str = "/etc/dconf/db";
const PROFILE: &str = "/etc/dconf/profile/user";

/// What is known of a key, as [`model::Lookup::Dconf`] describes it.
pub(crate) fn record(source: &dyn Source, databases: &[String], key: &str) -> Result<State, Unread> {
    let mut set = None;
    let mut lock = None;
    for database in databases {
        let folder = folder(database)?;
        for (path, text) in texts(source, &folder)? {
            // The file with the later name wins within a database; the database asked for first wins over the others.
            if let Some(value) = value(&text, key)
                && set.as_ref().is_none_or(|(_, _, from)| from == database)
            {
                set = Some((path, value, database.clone()));
            }
        }
        let locks = folder.join("locks").map_err(|error| Unread::Malformed(error.to_string()))?;
        for (path, text) in texts(source, &locks)? {
            if text.lines().any(|line| line.trim().strip_prefix('/') == Some(key)) {
                lock.get_or_insert(path);
            }
        }
    }
    Ok(State::record([
        ("value", set.as_ref().map(|(_, value, _)| value.clone()).into()),
        ("path", set.as_ref().map(|(path, _, _)| path.to_string()).into()),
        ("lock", lock.map(|path| path.to_string()).into()),
        ("profile", State::Flag(is_read(source, databases)?)),
    ]))
}

/// Whether the profile `user` reads a user's own database and one of these.
fn is_read(source: &dyn Source, databases: &[String]) -> Result<bool, Unread> {
    let text = source.text(&HostPath::literal(PROFILE))?.unwrap_or_default();
    let names =
        |prefix: &str| text.lines().filter_map(|line| line.trim().strip_prefix(prefix)).collect::<Vec<_>>();
    Ok(!names("user-db:").is_empty()
        && names("system-db:").iter().any(|name| databases.iter().any(|database| database == name)))
}

/// Whether the compiled database is as new as everything that it is made of.
pub(crate) fn compiled(source: &dyn Source, database: &str) -> Result<State, Unread> {
    let folder = folder(database)?;
    let mut newest = None;
    for below in [Some(folder.clone()), folder.join("locks").ok()].into_iter().flatten() {
        for (path, _) in texts(source, &below)? {
            newest = newest.max(source.modified(&path)?);
        }
    }
    let Some(newest) = newest else { return Ok(State::Absent) };
    let Ok(binary) = HostPath::literal(DATABASES).join(database) else { return Ok(State::Flag(false)) };
    Ok(State::Flag(source.modified(&binary)?.is_some_and(|made| made >= newest)))
}

fn folder(database: &str) -> Result<HostPath, Unread> {
    let folder = HostPath::literal(DATABASES).join(&format!("{database}.d"));
    folder.map_err(|error| Unread::Malformed(error.to_string()))
}

/// The texts of a folder in order of their names; those whose name begins with a dot are left out, as dconf does.
fn texts(source: &dyn Source, folder: &HostPath) -> Result<Vec<(HostPath, String)>, Unread> {
    let mut texts = Vec::new();
    for path in files(source, folder, |name| !name.starts_with('.') && name != "locks")? {
        if let Some(text) = source.text(&path)? {
            texts.push((path, text));
        }
    }
    Ok(texts)
}

/// The value of a key such as `org/gnome/login-screen/banner-message-enable` in a key file.
fn value(text: &str, key: &str) -> Option<String> {
    let (wanted, name) = key.rsplit_once('/')?;
    let mut inside = false;
    let mut found = None;
    for line in text.lines().map(str::trim) {
        if let Some(heading) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            inside = heading == wanted;
        } else if let Some((key, value)) = line.split_once('=')
            && inside
            && key.trim() == name
        {
            found = Some(value.trim().to_owned());
        }
    }
    found
}
