//! Whole lines of pam.d(5), and the records from which pam-auth-update(8) tells its own lines from others'.

use super::pam::{Line, base, read, word_ranges};
use crate::text::lines::{self, body, ending};

/// A line that is wanted, as a key writes it: `OWNER PLACE ANCHOR CONTROL MODULE ARGUMENT…`. The owner is the type of
/// a service file's line, or the profile of a record.
struct Wanted {
    owner: String,
    place: Place,
    /// Control, module and arguments as they are written.
    rule: String,
    control: String,
    module: String,
    args: Vec<String>,
}

/// Where a line goes, by the module of another one.
enum Place {
    Before(String),
    After(String),
}

fn wanted(key: &str) -> Option<Wanted> {
    let ranges = word_ranges(key);
    let word = |at: usize| ranges.get(at).map(|range| key[range.clone()].to_owned());
    let anchor = word(2)?;
    let place = match word(1)?.as_str() {
        "before" => Place::Before(anchor),
        "after" => Place::After(anchor),
        _ => return None,
    };
    let args = ranges.get(5..).unwrap_or_default().iter().map(|range| key[range.clone()].to_owned());
    let rule = key[ranges.get(3)?.start..].to_owned();
    Some(Wanted { owner: word(0)?, place, rule, control: word(3)?, module: word(4)?, args: args.collect() })
}

impl Wanted {
    /// Whether a line is the wanted one; it may have further arguments.
    fn is(&self, line: &Line) -> bool {
        line.control == self.control
            && base(&line.module) == self.module
            && self.args.iter().all(|arg| line.args.contains(arg))
    }

    /// The place among these lines before which it goes: in front of the first anchor, or behind the last.
    fn spot(&self, lines: &[Line]) -> Option<usize> {
        let is = |line: &Line, anchor: &str| base(&line.module) == anchor;
        match &self.place {
            Place::Before(anchor) => lines.iter().position(|line| is(line, anchor)),
            Place::After(anchor) => lines.iter().rposition(|line| is(line, anchor)).map(|at| at + 1),
        }
    }
}

/// Empty when the service file has the line, `None` when it has not.
pub(crate) fn get(text: &str, key: &str) -> Option<String> {
    let wanted = wanted(key)?;
    let lines = read(&lines::split(text));
    lines.iter().any(|line| line.kind == wanted.owner && wanted.is(line)).then(String::new)
}

/// Adds the line to a service file, and lets the jumps over it go one line further. Without the anchor, or where it
/// only comes with an include, nothing is changed.
pub(crate) fn set(text: &str, key: &str) -> String {
    let Some(wanted) = wanted(key) else { return text.to_owned() };
    let split = lines::split(text);
    let stack: Vec<Line> =
        read(&split).into_iter().filter(|line| line.kind == wanted.owner || line.kind == "*").collect();
    let Some(spot) = wanted.spot(&stack) else { return text.to_owned() };
    let at = stack.get(spot).map_or_else(
        || stack[spot - 1].lines.end,
        |line| match wanted.place {
            Place::Before(_) => line.lines.start,
            Place::After(_) => stack[spot - 1].lines.end,
        },
    );
    let mut out: Vec<String> = split.iter().map(|line| (*line).to_owned()).collect();
    for (place, line) in stack.iter().enumerate().take(spot) {
        if let Some(longer) = one_further(&split, line, spot - place - 1) {
            out[line.lines.start] = longer;
        }
    }
    out.insert(at, rendered(text, &wanted, split.get(at.wrapping_sub(1))));
    out.concat()
}

/// As pam-auth-update writes it into its own files, so that it finds nothing to change there.
fn rendered(text: &str, wanted: &Wanted, before: Option<&&str>) -> String {
    let bare = wanted.args.is_empty() && text.contains("pam-auth-update");
    let unfinished = before.is_some_and(|line| ending(line).is_empty());
    let (first, last) = if unfinished { ("\n", "") } else { ("", "\n") };
    format!("{first}{}\t{}{}{last}", wanted.owner, wanted.rule, if bare { " " } else { "" })
}

/// The first text line of an entry with its jumps over more than `most` lines one longer; `None` when it has none.
fn one_further(split: &[&str], line: &Line, most: usize) -> Option<String> {
    let text = split[line.lines.start];
    let (open, close) = (text.find('[')?, text.find(']')?);
    let longer = |pair: &str| {
        let (answer, jump) = pair.split_once('=')?;
        let jump: usize = jump.parse().ok().filter(|jump| *jump > most)?;
        Some(format!("{answer}={}", jump + 1))
    };
    let pairs: Vec<_> = text.get(open + 1..close)?.split_ascii_whitespace().collect();
    let changed: Vec<_> =
        pairs.iter().map(|pair| longer(pair).unwrap_or_else(|| (*pair).to_owned())).collect();
    (changed != pairs).then(|| format!("{}[{}{}", &text[..open], changed.join(" "), &text[close..]))
}

/// A profile's lines in `/var/lib/pam`, each with what it is there as.
struct Recorded<'t> {
    profile: &'t str,
    /// The text lines, the heading first.
    lines: std::ops::Range<usize>,
}

fn recorded<'t>(split: &[&'t str]) -> Vec<Recorded<'t>> {
    let mut found: Vec<Recorded<'t>> = Vec::new();
    for (at, line) in split.iter().enumerate() {
        match (body(line).strip_prefix("Module: "), found.last_mut()) {
            (Some(profile), _) => found.push(Recorded { profile, lines: at..at + 1 }),
            (None, Some(last)) => last.lines.end = at + 1,
            (None, None) => {}
        }
    }
    found
}

/// Empty when the records have a profile, `None` when they have not.
pub(crate) fn get_record(text: &str, key: &str) -> Option<String> {
    let wanted = wanted(key)?;
    recorded(&lines::split(text)).iter().any(|one| one.profile == wanted.owner).then(String::new)
}

/// Adds a profile with its line to the records, beside the profile that has the anchor.
pub(crate) fn set_record(text: &str, key: &str) -> String {
    let Some(wanted) = wanted(key) else { return text.to_owned() };
    let split = lines::split(text);
    let names = |line: &&str, module: &str| body(line).split_ascii_whitespace().any(|word| word == module);
    let has =
        |one: &&Recorded<'_>, module: &str| split[one.lines.clone()].iter().any(|line| names(line, module));
    let records = recorded(&split);
    let at = match &wanted.place {
        Place::Before(anchor) => records.iter().find(|one| has(one, anchor)).map(|one| one.lines.start),
        Place::After(anchor) => records.iter().rfind(|one| has(one, anchor)).map(|one| one.lines.end),
    };
    let Some(at) = at else { return text.to_owned() };
    let ours = format!("Module: {}\n{}\n", wanted.owner, wanted.rule);
    [split[..at].concat(), ours, split[at..].concat()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    const AUTH: &str = "# pam-auth-update\nauth\t[success=2 default=ignore]\tpam_unix.so nullok\n\
                        auth\t[success=1 default=ignore]\tpam_sss.so\nauth\trequisite\t\t\tpam_deny.so\n\
                        auth\trequired\t\t\tpam_permit.so\n";
    const PREAUTH: &str = "auth before pam_unix.so requisite pam_faillock.so preauth";
    const AUTHFAIL: &str = "auth before pam_deny.so [default=die] pam_faillock.so authfail";

    #[test]
    fn jumps_go_over_a_new_line_and_no_further() {
        assert_eq!(get(AUTH, PREAUTH), None);
        let text = set(&set(AUTH, PREAUTH), AUTHFAIL);
        assert_eq!(
            text,
            "# pam-auth-update\nauth\trequisite pam_faillock.so preauth\n\
             auth\t[success=3 default=ignore]\tpam_unix.so nullok\n\
             auth\t[success=2 default=ignore]\tpam_sss.so\nauth\t[default=die] pam_faillock.so authfail\n\
             auth\trequisite\t\t\tpam_deny.so\nauth\trequired\t\t\tpam_permit.so\n"
        );
        assert_eq!((get(&text, PREAUTH), get(&text, AUTHFAIL)), (Some(String::new()), Some(String::new())));
        assert_eq!(get("auth requisite pam_faillock.so\n", PREAUTH), None, "an argument is missing");
    }

    #[test]
    fn a_jump_that_ends_before_the_new_line_stays() {
        let text = "auth [success=1 default=ignore] pam_x.so\nauth required pam_y.so\nauth required pam_z.so\n\
                    auth requisite pam_deny.so\n";
        let set = set(text, AUTHFAIL);
        assert!(set.starts_with("auth [success=1 default=ignore] pam_x.so\n"), "{set}");
        // A jump to the very line before which the new one goes lands on the new one.
        let text =
            "auth [success=1 default=ignore] pam_x.so\nauth required pam_y.so\nauth requisite pam_deny.so\n";
        assert!(super::set(text, AUTHFAIL).starts_with("auth [success=1 "));
    }

    #[test]
    fn nothing_is_put_where_the_anchor_is_not() {
        for text in
            ["", "auth required pam_x.so\n", "@include common-auth\n", "account required pam_deny.so\n"]
        {
            assert_eq!(set(text, AUTHFAIL), text);
        }
        assert_eq!(
            set_record("Module: unix\nrequired\tpam_unix.so\n", "p before pam_x.so required pam_y.so"),
            "Module: unix\nrequired\tpam_unix.so\n"
        );
    }

    #[test]
    fn a_line_goes_behind_its_anchor_even_at_an_unfinished_end() {
        let wheel = "auth after pam_rootok.so required pam_wheel.so use_uid";
        let text = "# su\nauth sufficient pam_rootok.so\n\n# more\nauth required pam_x.so\n";
        assert_eq!(
            set(text, wheel),
            "# su\nauth sufficient pam_rootok.so\nauth\trequired pam_wheel.so use_uid\n\n# more\nauth required pam_x.so\n"
        );
        assert_eq!(
            set("auth sufficient pam_rootok.so", wheel),
            "auth sufficient pam_rootok.so\nauth\trequired pam_wheel.so use_uid"
        );
    }

    #[test]
    fn records_name_the_profile_beside_its_neighbour() {
        let text = "Module: pwquality\nrequisite\t\t\tpam_pwquality.so retry=3\nModule: unix\n\
                    [success=end default=ignore]\tpam_unix.so obscure\nModule: cap\noptional\tpam_cap.so\n";
        let key = "ours before pam_unix.so requisite pam_pwhistory.so use_authtok";
        let with = set_record(text, key);
        assert!(
            with.contains("retry=3\nModule: ours\nrequisite pam_pwhistory.so use_authtok\nModule: unix\n")
        );
        assert_eq!((get_record(text, key), get_record(&with, key)), (None, Some(String::new())));
        let after = set_record(text, "ours after pam_unix.so [default=die] pam_faillock.so authfail");
        assert!(
            after.contains("obscure\nModule: ours\n[default=die] pam_faillock.so authfail\nModule: cap\n")
        );
    }
}
