//! authselect(8): the profile that is selected, and which modules its features put into the PAM stacks.

use std::collections::BTreeSet;

use model::{HostPath, State, Unread};

use crate::accounts::pam;
use crate::source::Source;

const SELECTED: &str = "/etc/authselect/authselect.conf";
/// The files of a profile that become the common stacks of PAM.
const STACKS: [&str; 2] = ["system-auth", "password-auth"];

/// As [`model::Lookup::Authselect`] describes it.
pub(crate) fn record(source: &dyn Source) -> Result<State, Unread> {
    let text = source.text(&HostPath::literal(SELECTED))?.unwrap_or_default();
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    let Some(profile) = lines.next() else { return Ok(State::Absent) };
    let features: BTreeSet<String> = lines.map(str::to_owned).collect();
    let mut stacks = Vec::new();
    let folder = folder(source, profile)?;
    for name in STACKS {
        let path = folder.as_ref().and_then(|folder| folder.join(name).ok());
        let text = path.as_ref().map(|path| source.text(path)).transpose()?.flatten();
        let modules = text.map(|text| pam::modules(&generated(&text, &features)));
        stacks.push(State::record([
            ("name", State::text(name)),
            ("path", path.map(|path| path.to_string()).into()),
            ("modules", modules.map_or(State::Absent, State::texts)),
        ]));
    }
    Ok(State::record([
        ("profile", State::text(profile)),
        ("features", State::texts(features)),
        ("stacks", State::List(stacks)),
    ]))
}

/// Where a profile lies: the site's own below /etc, then those that vendors put in place of the default ones.
fn folder(source: &dyn Source, profile: &str) -> Result<Option<HostPath>, Unread> {
    let custom = profile.strip_prefix("custom/").map(|name| vec![format!("/etc/authselect/custom/{name}")]);
    let places = custom.unwrap_or_else(|| {
        ["vendor", "default"].map(|kind| format!("/usr/share/authselect/{kind}/{profile}")).into()
    });
    for place in places {
        let Ok(path) = place.parse::<HostPath>() else { continue };
        if !source.names(&path)?.is_empty() {
            return Ok(Some(path));
        }
    }
    Ok(None)
}

/// A file of a profile as authselect writes it with these features (authselect-profiles(5)).
fn generated(text: &str, features: &BTreeSet<String>) -> String {
    let mut on = features.clone();
    for line in text.lines() {
        if let Some((implied, condition)) =
            operator(line, "imply").and_then(|(inside, _)| inside.split_once(" if "))
            && holds(condition, &on)
        {
            on.insert(implied.trim().trim_matches('"').to_owned());
        }
    }
    let mut out = String::new();
    for line in text.lines() {
        let asks = |name: &str| operator(line, name).map(|(inside, _)| holds(inside, &on));
        if asks("continue if") == Some(false) || asks("stop if") == Some(true) {
            break;
        }
        let dropped = asks("include if") == Some(false) || asks("exclude if") == Some(true);
        if !dropped && asks("imply").is_none() {
            out.push_str(&replaced(line, &on));
            out.push('\n');
        }
    }
    out
}

/// A line without its operators, those that choose a text replaced by what they choose.
fn replaced(line: &str, on: &BTreeSet<String>) -> String {
    let mut line = line.to_owned();
    for name in ["include if", "exclude if", "continue if", "stop if"] {
        while let Some((_, range)) = operator(&line, name) {
            line.replace_range(range, "");
        }
    }
    while let Some((inside, range)) = operator(&line, "if") {
        let (condition, texts) = inside.split_once(':').unwrap_or((inside, ""));
        let (yes, no) = texts.split_once('|').unwrap_or((texts, ""));
        let text = if holds(condition, on) { yes } else { no }.to_owned();
        line.replace_range(range, &text);
    }
    line
}

/// What stands inside `{NAME …}` in a line, and where all of it stands.
fn operator<'l>(line: &'l str, name: &str) -> Option<(&'l str, std::ops::Range<usize>)> {
    let start = line.find(&format!("{{{name} "))?;
    let inside = start + name.len() + 2;
    let end = inside + line[inside..].find('}')?;
    Some((&line[inside..end], start..end + 1))
}

/// Whether a condition over features holds: names in quotes, `not`, `and`, `or`, parentheses.
fn holds(condition: &str, on: &BTreeSet<String>) -> bool {
    let spaced = condition.replace('(', " ( ").replace(')', " ) ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut at = 0;
    any(&words, &mut at, on)
}

fn any(words: &[&str], at: &mut usize, on: &BTreeSet<String>) -> bool {
    let mut value = all(words, at, on);
    while words.get(*at) == Some(&"or") {
        *at += 1;
        value |= all(words, at, on);
    }
    value
}

fn all(words: &[&str], at: &mut usize, on: &BTreeSet<String>) -> bool {
    let mut value = one(words, at, on);
    while words.get(*at) == Some(&"and") {
        *at += 1;
        value &= one(words, at, on);
    }
    value
}

fn one(words: &[&str], at: &mut usize, on: &BTreeSet<String>) -> bool {
    let mut negated = false;
    while words.get(*at) == Some(&"not") {
        negated = !negated;
        *at += 1;
    }
    let value = match words.get(*at) {
        Some(&"(") => {
            *at += 1;
            any(words, at, on)
        }
        word => word.is_some_and(|word| on.contains(word.trim_matches('"'))),
    };
    // The name itself, or the parenthesis that closes.
    *at += 1;
    value != negated
}

#[cfg(test)]
mod tests {
    use super::*;

    fn on(features: &[&str]) -> BTreeSet<String> {
        features.iter().map(|one| (*one).to_owned()).collect()
    }

    #[test]
    fn conditions_are_weighed_as_they_read() {
        for (condition, expected) in [
            ("\"a\"", true),
            ("\"c\"", false),
            ("not \"c\"", true),
            ("\"c\" or \"a\" and \"b\"", true),
            ("\"a\" and not \"b\"", false),
            ("not (\"c\" or \"a\")", false),
            ("(\"c\" or \"a\") and \"b\"", true),
            ("", false),
            ("((((", false),
        ] {
            assert_eq!(holds(condition, &on(&["a", "b"])), expected, "{condition}");
        }
    }

    #[test]
    fn features_choose_the_lines() {
        let text = "{imply \"with-lock\" if \"with-all\"}\n\
            auth required pam_faillock.so preauth {include if \"with-lock\"}\n\
            auth sufficient pam_unix.so {if not \"without-null\":nullok|try_first_pass}\n\
            auth required pam_sss.so {exclude if \"with-lock\"}\n\
            {continue if \"with-home\"}\n\
            session required pam_mkhomedir.so\n";
        let bare = "auth sufficient pam_unix.so nullok\nauth required pam_sss.so \n";
        assert_eq!(generated(text, &on(&[])), bare);
        let all = generated(text, &on(&["with-all", "without-null", "with-home"]));
        let modules = ["pam_faillock.so", "pam_unix.so", "pam_mkhomedir.so"];
        assert_eq!(pam::modules(&all), modules, "{all}");
        assert!(all.contains("pam_unix.so try_first_pass"));
        for end in 0..text.len() {
            generated(&text[..end], &on(&["with-all"]));
        }
    }
}
