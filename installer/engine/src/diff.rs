//! What a change looks like to a person: a unified diff for files, one line for everything else.

use std::io::Read;

use model::{Blobs, Change, Digest, FileState, HostPath, Observe, Resource, State};
use similar::TextDiff;

use crate::blobs::{MemoryBlobs, Several};

/// Files beyond this many bytes are not diffed.
const TOO_LARGE: u64 = 1 << 20;

/// Renders one change against the present host: a unified diff of the content, and a line a changed attribute.
pub async fn diff(change: &Change, host: &dyn Observe, bytes: &dyn Blobs) -> String {
    let memory = MemoryBlobs::default();
    // What is there now may be a file that no store has yet; failing that, the stores are asked.
    let _ = host.read(&change.resource, &memory).await;
    let stores = Several(vec![&memory, bytes]);
    match (&change.resource, content(&change.from), content(&change.to)) {
        (Resource::File { path }, from, to) if from != to => {
            let (old, new) = (text(from, &stores), text(to, &stores));
            match (old, new) {
                (Some(old), Some(new)) => {
                    let (old, new) = (shown(path, old), shown(path, new));
                    let (before, after) =
                        (name(&change.from, path.as_str()), name(&change.to, path.as_str()));
                    let lines = TextDiff::from_lines(&old, &new);
                    let body = lines.unified_diff().context_radius(2).header(&before, &after).to_string();
                    format!("{body}{}", attributes(change))
                }
                _ => format!("{change}\n"),
            }
        }
        (Resource::File { .. } | Resource::Attributes { .. }, _, _) => {
            let lines = attributes(change);
            if lines.is_empty() { format!("{change}\n") } else { lines }
        }
        _ => format!("{change}\n"),
    }
}

fn content(state: &State) -> Option<Digest> {
    match state {
        State::File(FileState { content, .. }) => *content,
        _ => None,
    }
}

/// What may be shown of a file: of shadow(5) and gshadow(5) everything but the hashes.
fn shown(path: &HostPath, text: String) -> String {
    if !matches!(path.as_str(), "/etc/shadow" | "/etc/gshadow") {
        return text;
    }
    let line = |line: &str| {
        let mut fields: Vec<_> = line.split(':').collect();
        if let Some(field) = fields.get_mut(1).filter(|field| field.contains('$')) {
            *field = if field.starts_with('!') { "!…" } else { "…" };
        }
        fields.join(":")
    };
    text.split('\n').map(line).collect::<Vec<_>>().join("\n")
}

fn name(state: &State, path: &str) -> String {
    if *state == State::Absent { "/dev/null".to_owned() } else { path.to_owned() }
}

/// The text behind a digest; empty where there is no file, `None` where it cannot be shown.
fn text(digest: Option<Digest>, bytes: &dyn Blobs) -> Option<String> {
    let Some(digest) = digest else { return Some(String::new()) };
    let mut all = Vec::new();
    bytes.open(&digest).ok()?.take(TOO_LARGE + 1).read_to_end(&mut all).ok()?;
    if all.len() as u64 > TOO_LARGE { None } else { String::from_utf8(all).ok() }
}

/// One line for each of mode, owner and group that changes on a node that stays.
fn attributes(change: &Change) -> String {
    let of = |state: &State| match state {
        State::Attributes(attributes) => Some(attributes.clone()),
        State::File(file) => Some(file.attributes.clone()),
        _ => None,
    };
    let (Some(from), Some(to)) = (of(&change.from), of(&change.to)) else { return String::new() };
    let path = change.resource.path().map(ToString::to_string).unwrap_or_default();
    let mut lines = String::new();
    let mut line = |what: &str, before: String, after: String| {
        if before != after {
            lines.push_str(&format!("{path}: {what} {before} → {after}\n"));
        }
    };
    line("mode", format!("{:04o}", from.mode), format!("{:04o}", to.mode));
    line("owner", from.uid.to_string(), to.uid.to_string());
    line("group", from.gid.to_string(), to.gid.to_string());
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_not_shown() {
        let text = "root:$y$j9T$salt$hash:1::\nann:!$6$salt$hash:2::\ndaemon:*:3::\nbob::4::\n".to_owned();
        let kept = "root:…:1::\nann:!…:2::\ndaemon:*:3::\nbob::4::\n";
        assert_eq!(shown(&HostPath::literal("/etc/shadow"), text.clone()), kept);
        assert_eq!(shown(&HostPath::literal("/etc/group"), text.clone()), text);
    }
}
