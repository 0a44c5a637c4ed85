//! Values that sshd refuses: with one of them anywhere it does not start, whichever setting would win.

/// Whether sshd takes no such value for a keyword in lower case (servconf.c). Only keywords whose values are known
/// here are told.
pub(super) fn is_refused(keyword: &str, value: &str) -> bool {
    let one_of = |words: &[&str]| !words.iter().any(|word| word.eq_ignore_ascii_case(value));
    match keyword {
        "disableforwarding"
        | "gssapiauthentication"
        | "hostbasedauthentication"
        | "kbdinteractiveauthentication"
        | "passwordauthentication"
        | "permitemptypasswords"
        | "pubkeyauthentication"
        | "strictmodes"
        | "usepam"
        | "x11forwarding" => one_of(&["yes", "no"]),
        "ignorerhosts" => one_of(&["yes", "no", "shosts-only"]),
        "permitrootlogin" => {
            one_of(&["yes", "no", "without-password", "prohibit-password", "forced-commands-only"])
        }
        "loglevel" => {
            one_of(&["quiet", "fatal", "error", "info", "verbose", "debug", "debug1", "debug2", "debug3"])
        }
        "clientalivecountmax" | "maxauthtries" | "maxsessions" => value.parse::<i32>().is_err(),
        "clientaliveinterval" | "logingracetime" => !is_time(value),
        "maxstartups" => {
            let parts: Vec<_> = value.split(':').map(str::parse::<u32>).collect();
            !matches!(parts.len(), 1 | 3) || parts.iter().any(Result::is_err)
        }
        _ => false,
    }
}

/// Whether this is a time as sshd_config(5) writes it: seconds, or numbers with units, as `1h30m`.
fn is_time(text: &str) -> bool {
    let (digits, other) = (|c: char| c.is_ascii_digit(), |c: char| "sSmMhHdDwW".contains(c));
    let mut rest = text;
    while !rest.is_empty() {
        let number = rest.trim_start_matches(digits);
        if number.len() == rest.len() {
            return false;
        }
        let unit = number.strip_prefix(other).unwrap_or(number);
        if unit.len() == number.len() && !unit.is_empty() {
            return false;
        }
        rest = unit;
    }
    !text.is_empty()
}

#[cfg(test)]
mod tests {
    use super::is_refused;

    #[test]
    fn what_sshd_takes_is_not_refused() {
        for (keyword, value) in [
            ("usepam", "Yes"),
            ("permitrootlogin", "prohibit-password"),
            ("loglevel", "VERBOSE"),
            ("maxauthtries", "4"),
            ("logingracetime", "1h30m"),
            ("logingracetime", "60"),
            ("clientaliveinterval", "5m"),
            ("maxstartups", "10:30:60"),
            ("maxstartups", "10"),
            ("banner", "what it is"),
        ] {
            assert!(!is_refused(keyword, value), "{keyword} {value}");
        }
        for (keyword, value) in [
            ("usepam", "perhaps"),
            ("permitrootlogin", "never"),
            ("loglevel", "LOUD"),
            ("maxauthtries", "four"),
            ("logingracetime", "1x"),
            ("logingracetime", "soon"),
            ("maxstartups", "10:30"),
            ("maxstartups", "a:b:c"),
        ] {
            assert!(is_refused(keyword, value), "{keyword} {value}");
        }
    }
}
