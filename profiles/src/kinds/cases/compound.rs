//! Several probes as one.

use super::*;

pub(super) fn compound(word: &str) -> Vec<Case> {
    let leak = |text: String| -> &'static str { Box::leak(text.into_boxed_str()) };
    let line = |letter: &str| {
        format!(
            r#"{{ kind = "lines", files = ["/etc/{letter}"], pattern = '^{letter}$', add = {{ path = "/etc/{letter}", line = "{letter}", create = true }} }}"#
        )
    };
    let probe = leak(format!(r#"{{ kind = "{word}", of = [{}, {}] }}"#, line("a"), line("b")));
    let absent = r#"{ kind = "file", path = "/etc/c", mode = "0600" }"#;
    let with_absent = leak(format!(r#"{{ kind = "{word}", of = [{}, {absent}] }}"#, line("a")));
    let none = leak(format!(r#"{{ kind = "{word}", of = [{absent}, {absent}] }}"#));
    let one = || m().with("/etc/b", "b\n");
    let some = if word == "any" {
        case(probe, one(), Pass, "/etc/b:1")
    } else {
        case(probe, one(), Fail, "no line")
    };
    let mut cases = vec![
        case(probe, one().with("/etc/a", "a\n"), Pass, "/etc/a:1"),
        some,
        case(probe, m(), Fail, "no line"),
        case(probe, Machine::blind(), Unknown, "permission denied"),
        case(with_absent, m().with("/etc/a", "a\n"), Pass, "/etc/a:1"),
        case(with_absent, m(), Fail, "no line"),
        case(none, m(), Notapplicable, "not there"),
    ];
    if word == "any" {
        let either = r#"{ kind = "any", of = [
            { kind = "presence", paths = ["/var/lib/aide/aide.db"], present = true },
            { kind = "presence", paths = ["/var/lib/aide/aide.db.gz"], present = true }] }"#;
        cases.extend([
            case(either, m().with("/var/lib/aide/aide.db.gz", "x"), Pass, "aide.db.gz is there"),
            stuck(either, m().with("/var/lib/aide/aide.db.new", "x"), "aide.db is not there"),
        ]);
    }
    cases
}
