//! The order of rpm's versions (rpm's own `docs/manual/dependencies.md` and `rpmio/rpmvercmp.c`).

use std::cmp::Ordering;

/// Compares two `[epoch:]version[-release]`. Where one of them names no release, releases do not count, as in
/// rpm's dependencies; no epoch is epoch 0.
pub fn compare_versions(a: &str, b: &str) -> Ordering {
    let (a, b) = (parts(a), parts(b));
    let order = rpmvercmp(a.0, b.0).then_with(|| rpmvercmp(a.1, b.1));
    match (a.2, b.2) {
        (Some(a), Some(b)) => order.then_with(|| rpmvercmp(a, b)),
        _ => order,
    }
}

/// Epoch, version and release.
fn parts(text: &str) -> (&str, &str, Option<&str>) {
    let text = text.trim_ascii();
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (epoch, rest) = match text[digits..].strip_prefix(':') {
        Some(rest) if digits > 0 => (&text[..digits], rest),
        _ => ("0", text),
    };
    match rest.rsplit_once('-') {
        Some((version, release)) => (epoch, version, Some(release)),
        None => (epoch, rest, None),
    }
}

/// Compares segment by segment: numbers as numbers, words as words, a number above a word, `~` below
/// everything and even the end, `^` above the end but below everything else.
pub fn rpmvercmp(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (a.as_bytes(), b.as_bytes());
    if a == b {
        return Ordering::Equal;
    }
    loop {
        (a, b) = (separated(a), separated(b));
        match (a.first(), b.first()) {
            (Some(b'~'), Some(b'~')) | (Some(b'^'), Some(b'^')) => {
                (a, b) = (&a[1..], &b[1..]);
                continue;
            }
            (Some(b'~'), _) => return Ordering::Less,
            (_, Some(b'~')) => return Ordering::Greater,
            (Some(b'^'), None) => return Ordering::Greater,
            (None, Some(b'^')) => return Ordering::Less,
            (Some(b'^'), Some(_)) => return Ordering::Less,
            (Some(_), Some(b'^')) => return Ordering::Greater,
            (None, _) | (_, None) => return a.len().cmp(&b.len()),
            (Some(first), Some(_)) => {
                let digits = first.is_ascii_digit();
                let (left, right) = (segment(&mut a, digits), segment(&mut b, digits));
                if right.is_empty() {
                    return if digits { Ordering::Greater } else { Ordering::Less };
                }
                let order = if digits { numbers(left, right) } else { left.cmp(right) };
                if order.is_ne() {
                    return order;
                }
            }
        }
    }
}

/// What is neither letter, digit, tilde nor caret only separates.
fn separated(text: &[u8]) -> &[u8] {
    let skip = text.iter().take_while(|byte| !byte.is_ascii_alphanumeric() && !matches!(byte, b'~' | b'^'));
    &text[skip.count()..]
}

/// Takes the leading run of digits or of letters.
fn segment<'t>(text: &mut &'t [u8], digits: bool) -> &'t [u8] {
    let belongs = |byte: &&u8| if digits { byte.is_ascii_digit() } else { byte.is_ascii_alphabetic() };
    let (head, rest) = text.split_at(text.iter().take_while(belongs).count());
    *text = rest;
    head
}

fn numbers(a: &[u8], b: &[u8]) -> Ordering {
    let significant = |text: &[u8]| text.iter().take_while(|byte| **byte == b'0').count();
    let (a, b) = (&a[significant(a)..], &b[significant(b)..]);
    a.len().cmp(&b.len()).then_with(|| a.cmp(b))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The pairs of rpm's own test suite (`tests/rpmvercmp.at`), and of its manual.
    #[test]
    #[allow(clippy::too_many_lines, reason = "a table of cases")]
    fn pairs_compare_as_rpm_says() {
        let pairs = [
            ("1.0", "1.0", 0),
            ("1.0", "2.0", -1),
            ("2.0.1", "2.0.1", 0),
            ("2.0", "2.0.1", -1),
            ("2.0.1a", "2.0.1a", 0),
            ("2.0.1a", "2.0.1", 1),
            ("5.5p1", "5.5p1", 0),
            ("5.5p1", "5.5p2", -1),
            ("5.5p10", "5.5p10", 0),
            ("5.5p1", "5.5p10", -1),
            ("10xyz", "10.1xyz", -1),
            ("xyz10", "xyz10", 0),
            ("xyz10", "xyz10.1", -1),
            ("xyz.4", "xyz.4", 0),
            ("xyz.4", "8", -1),
            ("xyz.4", "2", -1),
            ("5.5p2", "5.6p1", -1),
            ("5.6p1", "6.5p1", -1),
            ("6.0.rc1", "6.0", 1),
            ("10b2", "10a1", 1),
            ("10a2", "10b2", -1),
            ("1.0aa", "1.0aa", 0),
            ("1.0a", "1.0aa", -1),
            ("10.0001", "10.0001", 0),
            ("10.0001", "10.1", 0),
            ("10.0001", "10.0039", -1),
            ("4.999.9", "5.0", -1),
            ("20101121", "20101121", 0),
            ("20101121", "20101122", -1),
            ("2_0", "2_0", 0),
            ("2.0", "2_0", 0),
            ("a", "a", 0),
            ("a+", "a+", 0),
            ("a+", "a_", 0),
            ("+a", "+a", 0),
            ("+a", "_a", 0),
            ("+_", "+_", 0),
            ("_+", "+_", 0),
            ("+", "_", 0),
            ("1.0~rc1", "1.0~rc1", 0),
            ("1.0~rc1", "1.0", -1),
            ("1.0~rc1", "1.0~rc2", -1),
            ("1.0~rc1~git123", "1.0~rc1~git123", 0),
            ("1.0~rc1~git123", "1.0~rc1", -1),
            ("1.0^", "1.0^", 0),
            ("1.0^", "1.0", 1),
            ("1.0^git1", "1.0^git1", 0),
            ("1.0^git1", "1.0", 1),
            ("1.0^git1", "1.0^git2", -1),
            ("1.0^git1", "1.01", -1),
            ("1.0^20160101", "1.0.1", -1),
            ("1.0^20160101^git1", "1.0^20160101^git1", 0),
            ("1.0^20160102", "1.0^20160101^git1", 1),
            ("1.0~rc1^git1", "1.0~rc1^git1", 0),
            ("1.0~rc1^git1", "1.0~rc1", 1),
            ("1.0^git1~pre", "1.0^git1~pre", 0),
            ("1.0^git1", "1.0^git1~pre", 1),
            ("1b.fc17", "1b.fc17", 0),
            ("1b.fc17", "1.fc17", -1),
            ("1.fc17", "1g.fc17", -1),
            ("1g.fc17", "1.fc17", 1),
            ("1.1.α", "1.1.β", 0),
            ("1.1.αα", "1.1.β", 0),
        ];
        for (a, b, expected) in pairs {
            assert_eq!(rpmvercmp(a, b) as i32, expected, "{a} {b}");
            assert_eq!(rpmvercmp(b, a) as i32, -expected, "{b} {a}");
        }
    }

    #[test]
    fn epochs_come_first_and_releases_count_where_both_have_one() {
        for (a, b, expected) in [
            ("1:1.0-1", "2.0-9", Ordering::Greater),
            ("0:1.0-1", "1.0-1", Ordering::Equal),
            ("1.0-2.el9", "1.0-10.el9", Ordering::Less),
            ("1.0-2.el9", "1.0", Ordering::Equal),
            ("10:1", "9:1", Ordering::Greater),
        ] {
            assert_eq!(compare_versions(a, b), expected, "{a} {b}");
            assert_eq!(compare_versions(b, a), expected.reverse(), "{b} {a}");
        }
    }
}
