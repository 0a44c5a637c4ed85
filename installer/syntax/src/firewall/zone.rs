//! firewalld's zones: the administrator's file in `/etc` hides the vendor's.

use model::{HostPath, State, Unread};

use crate::source::Source;
use crate::text::xml::{Tag, tags};

const FOLDERS: [&str; 2] = ["/etc/firewalld/zones", "/usr/lib/firewalld/zones"];

/// A zone, as [`model::Lookup::Zone`] describes it.
pub(crate) fn record(source: &dyn Source, name: &str) -> Result<State, Unread> {
    for folder in FOLDERS.map(HostPath::literal) {
        let Ok(path) = folder.join(&format!("{name}.xml")) else { return Ok(State::Absent) };
        if let Some(text) = source.text(&path)? {
            return Ok(State::record([
                ("path", State::text(path.as_str())),
                ("interfaces", State::texts(interfaces(&text))),
                ("rules", State::List(rules(&text))),
            ]));
        }
    }
    Ok(State::Absent)
}

fn interfaces(text: &str) -> Vec<String> {
    let tags = tags(text);
    let named = tags.iter().filter(|tag| tag.name == "interface" && tag.within == ["zone"]);
    named.filter_map(|tag| tag.get("name").map(str::to_owned)).collect()
}

fn rules(text: &str) -> Vec<State> {
    let mut rules: Vec<Vec<(&str, State)>> = Vec::new();
    for tag in tags(text) {
        if tag.name == "rule" && tag.within == ["zone"] {
            rules.push(Vec::new());
        }
        if let Some(rule) = rules.last_mut().filter(|_| tag.within == ["zone", "rule"]) {
            rule.extend(parts(&tag));
        }
    }
    rules.into_iter().map(State::record).collect()
}

fn parts(tag: &Tag) -> Vec<(&'static str, State)> {
    let address = || State::from(tag.get("address").map(str::to_owned));
    match tag.name.as_str() {
        "source" => vec![("source", address())],
        "destination" => {
            let inverted = tag
                .get("invert")
                .is_some_and(|word| ["yes", "true", "1"].contains(&word.to_ascii_lowercase().as_str()));
            vec![("destination", address()), ("inverted", State::Flag(inverted))]
        }
        verdict @ ("drop" | "reject" | "accept") => vec![("verdict", State::text(verdict))],
        _ => Vec::new(),
    }
}
