//! What the parts of Kubernetes are told: flags in the manifests of static pods, keys of the kubelet's configuration.
//!
//! Both are YAML as kubeadm writes it: block style, one key or list item a line. What is written otherwise is not
//! understood and told so, rather than taken for absent.

use model::{HostPath, State, Unread};

use crate::source::Source;

/// A setting, as [`model::Lookup::Kubernetes`] describes it.
pub(crate) fn setting(source: &dyn Source, path: &HostPath, name: &str) -> Result<State, Unread> {
    let Some(text) = source.text(path)? else { return Ok(State::Absent) };
    let value = match name.strip_prefix("--") {
        Some(flag) => flag_value(&text, flag),
        None => key_value(path, &text, name)?,
    };
    Ok(State::record([("value", value.into())]))
}

/// The last value of a flag among the list items of a manifest; a flag alone means `true`.
fn flag_value(text: &str, flag: &str) -> Option<String> {
    let items = text.lines().filter_map(|line| line.trim().strip_prefix("- ")).map(unquoted);
    let mut values = items.filter_map(|item| match item.strip_prefix("--")?.split_once('=') {
        Some((name, value)) if name == flag => Some(unquoted(value).to_owned()),
        None if item.strip_prefix("--") == Some(flag) => Some("true".to_owned()),
        _ => None,
    });
    values.next_back()
}

/// The value at a path of keys such as `authentication.anonymous.enabled`; a list with commas.
fn key_value(path: &HostPath, text: &str, name: &str) -> Result<Option<String>, Unread> {
    let mut above: Vec<(usize, &str)> = Vec::new();
    let mut list: Option<Vec<&str>> = None;
    for line in text.lines().map(without_comment).filter(|line| !line.trim().is_empty() && *line != "---") {
        let (indent, line) = (line.len() - line.trim_start().len(), line.trim());
        if let Some(item) = line.strip_prefix("- ") {
            list.iter_mut().for_each(|list| list.push(unquoted(item)));
            continue;
        }
        if let Some(list) = list.take() {
            return Ok(Some(list.join(",")));
        }
        let Some((key, value)) = line.split_once(':') else { continue };
        above.retain(|(depth, _)| *depth < indent);
        above.push((indent, unquoted(key)));
        let here = above.iter().map(|(_, key)| *key).collect::<Vec<_>>().join(".");
        let value = value.trim();
        if value.starts_with(['{', '&', '*', '|', '>'])
            && (name == here || name.starts_with(&format!("{here}.")))
        {
            return Err(Unread::Unsupported(format!(
                "{path}: {here} is written in a form that is not read here"
            )));
        }
        if here == name {
            match value {
                "" => list = Some(Vec::new()),
                _ => return Ok(Some(flow(value))),
            }
        }
    }
    Ok(list.map(|list| list.join(",")))
}

fn without_comment(line: &str) -> &str {
    if line.trim_start().starts_with('#') { "" } else { line.split(" #").next().unwrap_or_default() }
}

fn unquoted(text: &str) -> &str {
    let text = text.trim();
    let inside = |quote: char| text.strip_prefix(quote)?.strip_suffix(quote);
    inside('"').or_else(|| inside('\'')).unwrap_or(text)
}

/// A scalar, or a list in brackets with its items between commas.
fn flow(value: &str) -> String {
    match value.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        Some(items) => items.split(',').map(unquoted).collect::<Vec<_>>().join(","),
        None => unquoted(value).to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_of_a_manifest_are_list_items() {
        let text = "spec:\n  containers:\n  - command:\n    - kube-apiserver\n    - --anonymous-auth=false\n    - \"--profiling=false\"\n    - --x\n  - image: a\n# - --secure-port=0\n";
        assert_eq!(flag_value(text, "anonymous-auth").as_deref(), Some("false"));
        assert_eq!(flag_value(text, "profiling").as_deref(), Some("false"));
        assert_eq!(flag_value(text, "x").as_deref(), Some("true"));
        assert_eq!(flag_value(text, "secure-port"), None);
    }

    #[test]
    fn keys_of_a_configuration_are_paths() {
        let path = HostPath::literal("/var/lib/kubelet/config.yaml");
        let text = "---\nauthentication:\n  anonymous:\n    enabled: false # c\n  x509:\n    clientCAFile: \"/etc/ca.crt\"\nauthorization:\n  mode: Webhook\ntlsCipherSuites:\n- A\n- B\nflow: [C, \"D\"]\nodd: {a: 1}\n";
        let get = |name: &str| key_value(&path, text, name);
        assert_eq!(get("authentication.anonymous.enabled"), Ok(Some("false".to_owned())));
        assert_eq!(get("authentication.x509.clientCAFile"), Ok(Some("/etc/ca.crt".to_owned())));
        assert_eq!(get("authorization.mode"), Ok(Some("Webhook".to_owned())));
        assert_eq!(get("tlsCipherSuites"), Ok(Some("A,B".to_owned())));
        assert_eq!(get("flow"), Ok(Some("C,D".to_owned())));
        assert_eq!(get("enabled"), Ok(None));
        assert!(matches!(get("odd.a"), Err(Unread::Unsupported(_))));
        for end in (0..text.len()).filter(|end| text.is_char_boundary(*end)) {
            let _total = key_value(&path, &text[..end], "tlsCipherSuites");
        }
    }
}
