//! Lines that match a pattern, for files whose lines stand alone.

use model::{HostPath, State, Unread};
use regex_lite::Regex;

use crate::source::{self, Source};
use crate::text::lines::body;

/// As [`model::Lookup::Lines`] describes it.
pub(crate) fn record(source: &dyn Source, files: &[HostPath], pattern: &str) -> Result<State, Unread> {
    let pattern = Regex::new(pattern).map_err(|error| Unread::Malformed(format!("pattern: {error}")))?;
    let (mut read, mut found) = (Vec::new(), Vec::new());
    for path in named(source, files)? {
        let Some(text) = source.text(&path)? else { continue };
        for (number, line) in text.split_inclusive('\n').enumerate() {
            let line = body(line);
            let Some(parts) = pattern.captures(line).filter(|_| !line.trim_start().starts_with('#')) else {
                continue;
            };
            let part = parts.iter().skip(1).flatten().next().map_or("", |part| part.as_str());
            found.push(State::record([
                ("at", State::text(format!("{path}:{}", number + 1))),
                ("line", State::text(line.trim())),
                ("part", State::text(part)),
            ]));
        }
        read.push(path.to_string());
    }
    Ok(State::record([("files", State::texts(read)), ("found", State::List(found))]))
}

/// The files in order; a `*` in the last part stands for any names, in their order.
fn named(source: &dyn Source, files: &[HostPath]) -> Result<Vec<HostPath>, Unread> {
    let mut all = Vec::new();
    for path in files {
        let Some((folder, (before, after))) = path.parent().zip(path.name().split_once('*')) else {
            all.push(path.clone());
            continue;
        };
        let fits = |name: &str| name.strip_prefix(before).is_some_and(|rest| rest.ends_with(after));
        let hidden = |name: &str| name.starts_with('.') && !before.starts_with('.');
        all.extend(source::files(source, &folder, |name| fits(name) && !hidden(name))?);
    }
    Ok(all)
}
