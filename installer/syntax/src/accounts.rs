//! passwd(5) and group(5): names and numbers, colons between.

/// The number of a name in a file of the form `name:password:number:…`; the first line wins.
pub(crate) fn number(text: &str, name: &str) -> Option<u32> {
    let line = text.lines().find(|line| line.split(':').next() == Some(name))?;
    line.split(':').nth(2)?.parse().ok()
}
