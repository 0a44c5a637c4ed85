//! Texts as lines that keep their endings, so that whatever is not touched stays byte for byte.

/// The lines of a text with their endings; joining them gives the text back.
pub(crate) fn split(text: &str) -> Vec<&str> {
    text.split_inclusive('\n').collect()
}

/// A line without its ending, `\n` or `\r\n`.
pub(crate) fn body(line: &str) -> &str {
    let line = line.strip_suffix('\n').unwrap_or(line);
    line.strip_suffix('\r').unwrap_or(line)
}

/// The ending of a line: `\n`, `\r\n`, or nothing on an unfinished last line.
pub(crate) fn ending(line: &str) -> &str {
    &line[body(line).len()..]
}

/// The white space that a line begins with.
pub(crate) fn indent(line: &str) -> &str {
    let body = body(line);
    &body[..body.len() - body.trim_ascii_start().len()]
}

/// Whether a line asks for the next one: it ends in a backslash that no other backslash takes away.
pub(crate) fn is_continued(line: &str) -> bool {
    let body = body(line);
    (body.len() - body.trim_end_matches('\\').len()) % 2 == 1
}
