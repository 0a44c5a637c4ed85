//! Repositories of dnf (dnf.conf(5)): the sections of `*.repo` files and of `dnf.conf`, each falling back to `[main]`.

use std::collections::BTreeMap;

use model::{HostPath, State, Unread};

use crate::source::{Source, files};

const MAIN: &str = "/etc/dnf/dnf.conf";
/// Where dnf looks unless `reposdir` says otherwise.
const FOLDERS: [&str; 3] = ["/etc/yum.repos.d", "/etc/yum/repos.d", "/etc/distro.repos.d"];

/// One section of a file.
struct Section {
    name: String,
    path: HostPath,
    /// Each option's last value with the number of its line.
    options: BTreeMap<String, (String, usize)>,
}

/// As [`model::Lookup::Repositories`] describes it.
pub(crate) fn record(source: &dyn Source) -> Result<State, Unread> {
    let main_path = HostPath::literal(MAIN);
    let mut sections = match source.text(&main_path)? {
        Some(text) => sections(&text, &main_path),
        None => Vec::new(),
    };
    let main = sections.iter().position(|one| one.name == "main").map(|at| sections.remove(at));
    let option = |name: &str| main.as_ref().and_then(|main| main.options.get(name));
    let folders = match option("reposdir") {
        Some((named, _)) => named.split([',', ' ', '\n']).filter_map(|folder| folder.parse().ok()).collect(),
        None => FOLDERS.map(HostPath::literal).to_vec(),
    };
    for folder in &folders {
        for path in files(source, folder, |name| name.ends_with(".repo"))? {
            let text = source.text(&path)?.unwrap_or_default();
            sections.extend(self::sections(&text, &path));
        }
    }
    let mut known = Vec::new();
    let mut found = Vec::new();
    for section in &sections {
        // A name that was read before hides its like.
        if section.name == "main" || known.contains(&&section.name) {
            continue;
        }
        known.push(&section.name);
        found.push(repository(section, option("gpgcheck").map(|(value, line)| (value, *line))));
    }
    Ok(State::List(found))
}

fn repository(section: &Section, main: Option<(&String, usize)>) -> State {
    let own = section.options.get("gpgcheck");
    let (value, at) = match (own, main) {
        (Some((value, line)), _) => (Some(value), Some(format!("{}:{line}", section.path))),
        (None, Some((value, line))) => (Some(value), Some(format!("{MAIN}:{line}"))),
        (None, None) => (None, None),
    };
    State::record([
        ("id", State::text(&*section.name)),
        ("path", State::text(section.path.as_str())),
        ("gpgcheck", value.cloned().into()),
        ("own", State::Flag(own.is_some())),
        ("at", at.into()),
    ])
}

/// The sections of a file in order; what continues a value is indented (libdnf's `ConfigParser`).
fn sections(text: &str, path: &HostPath) -> Vec<Section> {
    let mut sections: Vec<Section> = Vec::new();
    let mut open = None;
    for (number, line) in text.lines().enumerate() {
        let trimmed = line.trim();
        if trimmed.is_empty() || line.starts_with(['#', ';']) {
            continue;
        }
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.split(']').next()) {
            let options = BTreeMap::new();
            sections.push(Section { name: name.to_owned(), path: path.clone(), options });
            open = None;
        } else if let Some(section) = sections.last_mut() {
            if line.starts_with([' ', '\t']) {
                let value = open.as_ref().and_then(|key: &String| section.options.get_mut(key));
                value.into_iter().for_each(|(value, _)| {
                    value.push('\n');
                    value.push_str(trimmed);
                });
            } else if let Some((key, value)) = line.split_once('=') {
                let key = key.trim().to_owned();
                section.options.insert(key.clone(), (value.trim().to_owned(), number + 1));
                open = Some(key);
            }
        }
    }
    sections
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections_have_their_last_values_and_continuations() {
        let text = "x=1\n[a]\ngpgcheck=1\n# gpgcheck=0\nbaseurl=http://one\n  http://two\ngpgcheck = No\n[b] # c\nname=b\n";
        let path = HostPath::literal("/x");
        let found = sections(text, &path);
        let names: Vec<_> = found.iter().map(|one| one.name.as_str()).collect();
        assert_eq!(names, ["a", "b"]);
        assert_eq!(found[0].options["gpgcheck"], ("No".to_owned(), 7));
        assert_eq!(found[0].options["baseurl"].0, "http://one\nhttp://two");
        assert!(!found[1].options.contains_key("gpgcheck"));
        for end in 0..text.len() {
            sections(&text[..end], &path);
        }
    }
}
