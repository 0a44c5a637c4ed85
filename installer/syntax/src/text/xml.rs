//! The tags of a small XML file with their attributes, as far as settings files need it.

/// An opening tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Tag {
    pub(crate) name: String,
    attributes: Vec<(String, String)>,
    /// The names of the elements around it, the outermost first.
    pub(crate) within: Vec<String>,
}

impl Tag {
    /// The value of an attribute.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// All opening tags in order; comments, declarations and text between are left out.
pub(crate) fn tags(text: &str) -> Vec<Tag> {
    let mut tags = Vec::new();
    let mut within: Vec<String> = Vec::new();
    let mut rest = text;
    while let Some(start) = rest.find('<') {
        rest = &rest[start..];
        let (skipped, end) = if rest.starts_with("<!--") { (true, "-->") } else { (false, ">") };
        let Some(stop) = rest.find(end) else { break };
        let inside = &rest[1..stop];
        rest = &rest[stop + end.len()..];
        if skipped || inside.starts_with(['?', '!']) {
            continue;
        }
        if inside.starts_with('/') {
            within.pop();
            continue;
        }
        let alone = inside.ends_with('/');
        let inside = inside.trim_end_matches('/').trim();
        let (name, attributes) = inside.split_once(char::is_whitespace).unwrap_or((inside, ""));
        tags.push(Tag { name: name.to_owned(), attributes: pairs(attributes), within: within.clone() });
        if !alone {
            within.push(name.to_owned());
        }
    }
    tags
}

fn pairs(mut text: &str) -> Vec<(String, String)> {
    let mut pairs = Vec::new();
    while let Some((name, rest)) = text.split_once('=') {
        let rest = rest.trim_start();
        let Some(quote) = rest.chars().next().filter(|quote| matches!(quote, '"' | '\'')) else { break };
        let Some((value, after)) = rest[1..].split_once(quote) else { break };
        pairs.push((name.trim().to_owned(), value.to_owned()));
        text = after;
    }
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_know_where_they_stand() {
        let text = "<?xml version=\"1.0\"?>\n<!-- <interface name=\"no\"/> -->\n<zone target='DROP'>\n <interface name=\"lo\"/>\n <rule><source address = \"::1\" /></rule>\n</zone>";
        let tags = tags(text);
        let names: Vec<_> = tags.iter().map(|tag| (tag.name.as_str(), tag.within.len())).collect();
        assert_eq!(names, [("zone", 0), ("interface", 1), ("rule", 1), ("source", 2)]);
        assert_eq!(tags[0].get("target"), Some("DROP"));
        assert_eq!(tags[3].get("address"), Some("::1"));
        assert!(super::tags("<a b=<c").is_empty() && super::tags("</x></y>").is_empty());
    }
}
