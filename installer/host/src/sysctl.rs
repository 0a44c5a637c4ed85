//! Kernel parameters as the kernel uses them now, below `/proc/sys`.

use std::io::{self, Write};

use model::{HostError, State, Unread};
use rustix::fs::OFlags;

use crate::tree::Tree;

/// The running value, white space folded to single spaces; absent when this kernel has no such parameter.
pub(crate) fn running(tree: &Tree, key: &str) -> Result<State, Unread> {
    let path = path(key).ok_or_else(|| Unread::Malformed(format!("`{key}` is no name of a sysctl")))?;
    if tree.stat("/proc/sys")?.is_none() {
        return Err(Unread::Unsupported("/proc is not mounted here".to_owned()));
    }
    Ok(State::from(tree.text(&path)?.map(|text| fold(&text))))
}

/// Sets the running value.
pub(crate) fn put(tree: &Tree, key: &str, from: &State, to: &State) -> Result<(), HostError> {
    let fail = |error: io::Error| match error.kind() {
        io::ErrorKind::PermissionDenied => HostError::Denied(format!("sysctl {key}: {error}")),
        io::ErrorKind::ReadOnlyFilesystem => HostError::ReadOnly(format!("sysctl {key}: {error}")),
        _ => HostError::Failed(format!("sysctl {key}: {error}")),
    };
    let State::Text(value) = to else {
        return Err(HostError::Unsupported(format!("sysctl {key} cannot become {to}")));
    };
    if running(tree, key).map_err(|error| HostError::Failed(error.to_string()))? != *from {
        return Err(HostError::Stale(format!("sysctl {key}")));
    }
    let path = path(key).ok_or_else(|| HostError::Unsupported(format!("sysctl {key}")))?;
    let opened = tree.open(&path, OFlags::WRONLY).map_err(fail)?;
    let opened = opened.ok_or_else(|| HostError::Stale(format!("sysctl {key}")))?;
    std::fs::File::from(opened).write_all(format!("{value}\n").as_bytes()).map_err(fail)
}

/// `net.ipv4.conf.all.rp_filter` to its path. As in sysctl(8), the first separator tells which one is used:
/// after a leading `a/b` dots stand for themselves (`net/ipv4/conf/eth0.1/forwarding`).
fn path(key: &str) -> Option<String> {
    let slashes = key.find('/').is_some_and(|slash| key.find('.').is_none_or(|dot| slash < dot));
    let parts: Vec<&str> = key.split(if slashes { '/' } else { '.' }).collect();
    let named = |part: &&str| !part.is_empty() && **part != *".." && !part.contains('\0') && **part != *".";
    if !parts.iter().all(named) {
        return None;
    }
    // With dots as separators a slash stands for a dot inside a name.
    let parts: Vec<String> = parts.iter().map(|part| part.replace('/', ".")).collect();
    Some(format!("/proc/sys/{}", parts.join("/")))
}

fn fold(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_separators_name_the_same_parameter() {
        for key in ["net.ipv4.conf.eth0/1.forwarding", "net/ipv4/conf/eth0.1/forwarding"] {
            assert_eq!(path(key).as_deref(), Some("/proc/sys/net/ipv4/conf/eth0.1/forwarding"), "{key}");
        }
        for bad in ["", "a..b", "a/../b", "../x", "."] {
            assert_eq!(path(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_running_value_is_read_and_a_missing_one_is_absent() {
        let tree = Tree::at(std::path::Path::new("/")).unwrap();
        assert!(matches!(running(&tree, "kernel.ostype"), Ok(State::Text(text)) if text == "Linux"));
        assert_eq!(running(&tree, "kernel.no_such_parameter"), Ok(State::Absent));
        assert!(running(&tree, "kernel..x").is_err());
    }
}
