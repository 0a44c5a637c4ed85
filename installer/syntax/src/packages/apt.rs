//! apt.conf(5): options with their scopes, from the parts and then the main file; the last setting wins.

use model::{HostPath, Unread};

use crate::source::{Source, files};

/// The value of an option such as `APT::Install-Recommends`, in any case.
pub(crate) fn value(source: &dyn Source, key: &str) -> Result<Option<String>, Unread> {
    let folder = HostPath::literal("/etc/apt/apt.conf.d");
    let mut found = None;
    for path in files(source, &folder, is_part)?.into_iter().chain([HostPath::literal("/etc/apt/apt.conf")]) {
        let text = source.text(&path)?.unwrap_or_default();
        let all = options(&text).into_iter().filter(|(name, _)| name.eq_ignore_ascii_case(key));
        found = all.map(|(_, value)| value).next_back().or(found);
    }
    Ok(found)
}

/// apt reads parts without a suffix or with `.conf`, of plain letters.
fn is_part(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
    !name.starts_with('.')
        && name.bytes().all(plain)
        && name.rsplit_once('.').is_none_or(|(_, end)| end == "conf")
}

/// All options of a text with their full names.
fn options(text: &str) -> Vec<(String, String)> {
    let mut options = Vec::new();
    let mut scopes: Vec<String> = Vec::new();
    let mut words: Vec<String> = Vec::new();
    for token in tokens(text) {
        match token.as_str() {
            "{" => scopes.push(std::mem::take(&mut words).concat()),
            "}" => {
                scopes.pop();
                words.clear();
            }
            ";" => {
                if let [name, value @ ..] = words.as_slice() {
                    let scope: String = scopes.iter().map(|scope| format!("{scope}::")).collect();
                    options.push((format!("{scope}{name}"), value.concat()));
                }
                words.clear();
            }
            _ => words.push(token.strip_prefix('"').map_or(token.clone(), str::to_owned)),
        }
    }
    options
}

/// Words, braces and semicolons; a quoted word keeps its opening quote, so that `"{"` is no brace.
fn tokens(text: &str) -> Vec<String> {
    let mut tokens = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '#' => rest.find('\n').unwrap_or(rest.len()),
            '/' if rest.starts_with("//") => rest.find('\n').unwrap_or(rest.len()),
            '/' if rest.starts_with("/*") => rest.find("*/").map_or(rest.len(), |end| end + 2),
            '{' | '}' | ';' => {
                tokens.push(first.to_string());
                1
            }
            '"' => {
                let end = rest[1..].find('"').map_or(rest.len(), |end| end + 1);
                tokens.push(rest[..end].to_owned());
                (end + 1).min(rest.len())
            }
            _ if first.is_whitespace() => first.len_utf8(),
            _ => {
                let ends = |letter: char| letter.is_whitespace() || "{};\"".contains(letter);
                let end = rest.find(ends).unwrap_or(rest.len());
                tokens.push(rest[..end].to_owned());
                end
            }
        };
        rest = &rest[length..];
    }
    tokens
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_comments_and_quotes_are_understood() {
        let text = "// one\nAPT::Install-Suggests \"0\";\nAPT { # two\n Install-Recommends false; /* three */ Periodic { Update \"a;{b\"; }; };\n";
        let options = options(text);
        let names: Vec<_> = options.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let wanted = [
            ("APT::Install-Suggests", "0"),
            ("APT::Install-Recommends", "false"),
            ("APT::Periodic::Update", "a;{b"),
        ];
        assert_eq!(names, wanted);
        for end in 0..text.len() {
            super::options(&text[..end]);
        }
    }
}
