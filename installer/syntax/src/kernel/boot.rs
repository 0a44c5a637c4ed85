//! Arguments of the kernel: those that the boot menu will be made with, and those that its entries have now.

use std::collections::BTreeMap;

use model::{HostPath, State, Unread};

use crate::source::{Source, files};
use crate::text::assignments::{ends, word};

const DEFAULTS: &str = "/etc/default/grub";
const DEFAULTS_FOLDER: &str = "/etc/default/grub.d";
const ENTRIES: &str = "/boot/loader/entries";
const MENUS: [&str; 5] = [
    "/boot/grub/grub.cfg",
    "/boot/grub2/grub.cfg",
    "/boot/efi/EFI/debian/grub.cfg",
    "/boot/efi/EFI/ubuntu/grub.cfg",
    "/boot/efi/EFI/redhat/grub.cfg",
];
const BLOCKS: [&str; 2] = ["/boot/grub2/grubenv", "/boot/grub/grubenv"];

/// As [`model::Lookup::BootArgument`] describes it.
pub(crate) fn record(source: &dyn Source, name: &str) -> Result<State, Unread> {
    let mut lines = defaults(source)?;
    lines.extend(entries(source)?);
    let told = lines.into_iter().map(|(at, arguments)| {
        State::record([("at", State::text(at)), ("value", argument(&arguments, name).into())])
    });
    Ok(State::record([("lines", State::List(told.collect()))]))
}

/// The value that an argument has in the end, the last one; empty where it stands alone.
fn argument(arguments: &str, name: &str) -> Option<String> {
    arguments.split_ascii_whitespace().rev().find_map(|word| {
        let (key, value) = word.split_once('=').unwrap_or((word, ""));
        (key == name).then(|| value.trim_matches('"').to_owned())
    })
}

/// The arguments that the next menu is made with: for the usual entries, and for recovery where it has them.
fn defaults(source: &dyn Source) -> Result<Vec<(String, String)>, Unread> {
    let parts = files(source, &HostPath::literal(DEFAULTS_FOLDER), |name| name.ends_with(".cfg"))?;
    let (mut variables, mut there) = (BTreeMap::new(), false);
    for path in [HostPath::literal(DEFAULTS)].into_iter().chain(parts) {
        let Some(text) = source.text(&path)? else { continue };
        there = true;
        for line in text.lines() {
            assign(line, &mut variables);
        }
    }
    if !there {
        return Ok(Vec::new());
    }
    let value = |name: &str| variables.get(name).map(String::as_str).unwrap_or_default();
    let (always, usual) = (value("GRUB_CMDLINE_LINUX"), value("GRUB_CMDLINE_LINUX_DEFAULT"));
    if [always, usual].iter().any(|value| value.contains("$(") || value.contains('`')) {
        return Err(Unread::Malformed(format!("{DEFAULTS}: its value is the output of a command")));
    }
    let mut lines = vec![(format!("{DEFAULTS} for usual entries"), format!("{always} {usual}"))];
    if value("GRUB_DISABLE_RECOVERY") != "true" {
        lines.push((format!("{DEFAULTS} for every entry"), always.to_owned()));
    }
    Ok(lines)
}

/// Takes an assignment of the shell, one a line: `NAME=…` or `NAME+=…`, quoted or not, with variables known so far.
fn assign(line: &str, variables: &mut BTreeMap<String, String>) {
    let line = line.trim();
    let line = line.strip_prefix("export ").unwrap_or(line);
    let Some((name, value)) = line.split_once('=').filter(|_| !line.starts_with('#')) else { return };
    let (name, adds) = name.strip_suffix('+').map_or((name, false), |name| (name, true));
    if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
        return;
    }
    let before = if adds { variables.get(name).cloned().unwrap_or_default() } else { String::new() };
    let known = |name: &str| Some(variables.get(name).cloned().unwrap_or_default());
    let (value, _) = word(value, ends, known);
    variables.insert(name.to_owned(), before + &value);
}

/// The arguments of every entry that boots Linux now.
fn entries(source: &dyn Source) -> Result<Vec<(String, String)>, Unread> {
    let mut block = String::new();
    for path in BLOCKS.map(HostPath::literal) {
        let text = source.text(&path)?.unwrap_or_default();
        block.extend(text.lines().filter_map(|line| line.strip_prefix("kernelopts=")));
    }
    let mut lines = Vec::new();
    for path in MENUS.map(HostPath::literal) {
        let text = source.text(&path)?.unwrap_or_default();
        let found = text.lines().enumerate().filter_map(|(number, line)| Some((number, linux(line)?)));
        lines.extend(found.map(|(number, line)| (format!("{path}:{}", number + 1), line)));
    }
    for path in files(source, &HostPath::literal(ENTRIES), |name| name.ends_with(".conf"))? {
        let text = source.text(&path)?.unwrap_or_default();
        let options: Vec<_> = text.lines().filter_map(|line| line.strip_prefix("options ")).collect();
        lines.push((path.to_string(), options.join(" ").replace("$kernelopts", &block)));
    }
    Ok(lines)
}

/// The arguments of a menu's line that loads Linux.
fn linux(line: &str) -> Option<String> {
    let mut words = line.split_ascii_whitespace();
    let command = words.next().filter(|word| matches!(*word, "linux" | "linux16" | "linuxefi"));
    let image = command.and_then(|_| words.next()).filter(|image| !image.contains("memtest"))?;
    (!image.starts_with('$')).then(|| words.collect::<Vec<_>>().join(" "))
}
