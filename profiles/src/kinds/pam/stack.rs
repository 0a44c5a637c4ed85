//! The entries of a PAM stack as kinds see them.

use model::{Evidence, HostPath, Lookup, Resource, State, Unread};

/// One module in a stack.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) control: String,
    pub(super) module: String,
    pub(super) at: String,
    pub(super) path: HostPath,
    args: Vec<String>,
}

pub(super) fn stack_of(path: &HostPath, kind: &str) -> Resource {
    Resource::Effective(Lookup::Pam { path: path.clone(), kind: kind.to_owned() })
}

/// The entries of a stack in order; `None` when there is no such file.
pub(super) fn seen_stack(seen: &Evidence, path: &HostPath, kind: &str) -> Result<Option<Vec<Entry>>, Unread> {
    match seen.see(&stack_of(path, kind))? {
        State::List(records) => Ok(Some(records.iter().filter_map(Entry::of).collect())),
        _ => Ok(None),
    }
}

impl Entry {
    fn of(record: &State) -> Option<Self> {
        let text = |part: &str| record.get(part).and_then(State::as_text).map(str::to_owned);
        Some(Self {
            control: text("control")?,
            module: text("module")?,
            at: text("at")?,
            path: text("path")?.parse().ok()?,
            args: record.get("args")?.items().iter().map(ToString::to_string).collect(),
        })
    }

    /// The value of an argument, empty for a bare one.
    pub(super) fn value(&self, name: &str) -> Option<&str> {
        let value = |arg: &'_ String| -> Option<usize> {
            let rest = arg.strip_prefix(name)?;
            (rest.is_empty() || rest.starts_with('=')).then_some(arg.len() - rest.len())
        };
        // The last one counts, as modules read their arguments in order.
        let (arg, end) = self.args.iter().rev().find_map(|arg| Some((arg, value(arg)?)))?;
        Some(arg[end..].trim_start_matches('='))
    }

    /// Whether its control is this word, `[…]` meaning any in brackets.
    pub(super) fn is_controlled_as(&self, control: &str) -> bool {
        match control {
            "[…]" => self.control.starts_with('['),
            word => self.control.eq_ignore_ascii_case(word),
        }
    }

    /// What its control does on a result, such as `die` on `default`; a plain word as pam.conf(5) spells it out.
    pub(super) fn does(&self, result: &str) -> Option<&str> {
        if let Some(inside) = self.control.strip_prefix('[') {
            let inside = inside.strip_suffix(']').unwrap_or(inside);
            let pairs: Vec<_> =
                inside.split_ascii_whitespace().filter_map(|pair| pair.split_once('=')).collect();
            let of = |name: &str| pairs.iter().find(|(key, _)| *key == name).map(|(_, does)| *does);
            return of(result).or_else(|| of("default"));
        }
        Some(match (self.control.as_str(), result) {
            ("required" | "requisite", "success") => "ok",
            ("required", _) => "bad",
            ("requisite", _) => "die",
            ("sufficient", "success") => "done",
            ("optional", "success") => "ok",
            _ => "ignore",
        })
    }
}
