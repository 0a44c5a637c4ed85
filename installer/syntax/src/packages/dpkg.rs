//! dpkg's database of installed packages, and the order of Debian versions.

use std::cmp::Ordering;
use std::collections::HashMap;

/// The packages of a dpkg status file that are on the system, wholly or in part, by name. A package of another
/// architecture than the system's own is there as `name:arch` too.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Packages(HashMap<String, Package>);

/// One package as dpkg knows it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Package {
    /// `[epoch:]upstream[-revision]`.
    pub version: String,
    /// `installed`, or where an operation on it stopped: `half-installed`, `unpacked`, `half-configured`…
    pub status: String,
    /// Whether the system cannot do without it: `Essential` or `Protected` (deb-control(5)).
    pub essential: bool,
    architecture: String,
}

impl Packages {
    /// Reads `/var/lib/dpkg/status` (deb-control(5)) in one pass, looking at six fields only.
    pub fn parse(status: &str) -> Self {
        let mut packages = Self::default();
        let (mut name, mut package) = ("", Package::default());
        for line in status.split('\n').chain([""]) {
            let line = line.strip_suffix('\r').unwrap_or(line);
            if line.is_empty() {
                packages.add(std::mem::take(&mut name), std::mem::take(&mut package));
                continue;
            }
            match line.as_bytes()[0] {
                b'P' | b'p' => {
                    field(line, "Package").into_iter().for_each(|value| name = value);
                    package.essential |= field(line, "Protected") == Some("yes");
                }
                b'V' | b'v' => field(line, "Version").into_iter().for_each(|value| {
                    package.version = value.to_owned();
                }),
                b'A' | b'a' => field(line, "Architecture").into_iter().for_each(|value| {
                    package.architecture = value.to_owned();
                }),
                b'E' | b'e' => package.essential |= field(line, "Essential") == Some("yes"),
                // "want flag status": removed packages keep their configuration files and stay in the file.
                b'S' | b's' => field(line, "Status").into_iter().for_each(|value| {
                    package.status =
                        value.split_ascii_whitespace().next_back().unwrap_or_default().to_owned();
                }),
                _ => {}
            }
        }
        packages
    }

    fn add(&mut self, name: &str, package: Package) {
        if name.is_empty() || matches!(package.status.as_str(), "" | "config-files" | "not-installed") {
            return;
        }
        self.0.insert(format!("{name}:{}", package.architecture), package.clone());
        self.0.insert(name.to_owned(), package);
    }

    /// A package that is there, be it in part only.
    pub fn get(&self, name: &str) -> Option<&Package> {
        self.0.get(name)
    }

    /// The version of an installed package.
    pub fn version(&self, name: &str) -> Option<&str> {
        let package = self.0.get(name).filter(|package| package.status == "installed")?;
        Some(&package.version)
    }

    /// Whether none is there.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

fn field<'a>(line: &'a str, name: &str) -> Option<&'a str> {
    let (field, value) = line.split_once(':')?;
    field.eq_ignore_ascii_case(name).then(|| value.trim_ascii())
}

/// Compares two Debian versions (Debian Policy 5.6.12).
pub fn compare_versions(a: &str, b: &str) -> Ordering {
    let (a, b) = (parts(a), parts(b));
    a.0.cmp(&b.0).then_with(|| compare_part(a.1, b.1)).then_with(|| compare_part(a.2, b.2))
}

/// Epoch, upstream version and revision.
fn parts(version: &str) -> (u64, &str, &str) {
    let version = version.trim_ascii();
    let (epoch, rest) = version.split_once(':').unwrap_or(("0", version));
    let (upstream, revision) = rest.rsplit_once('-').unwrap_or((rest, ""));
    (epoch.parse().unwrap_or_default(), upstream, revision)
}

/// Alternates between runs of non-digits, letters before all else and `~` before nothing, and numbers.
fn compare_part(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (a.as_bytes(), b.as_bytes());
    while !a.is_empty() || !b.is_empty() {
        let (words_a, words_b) = (run(&mut a, false), run(&mut b, false));
        let longest = words_a.len().max(words_b.len());
        let weights = |word: &[u8]| (0..=longest).map(|i| weight(word.get(i))).collect::<Vec<_>>();
        let (digits_a, digits_b) = (run(&mut a, true), run(&mut b, true));
        let order = weights(words_a)
            .cmp(&weights(words_b))
            .then_with(|| digits_a.len().cmp(&digits_b.len()))
            .then_with(|| digits_a.cmp(digits_b));
        if order.is_ne() {
            return order;
        }
    }
    Ordering::Equal
}

/// Takes the leading run of digits (without leading zeros) or of anything else.
fn run<'a>(text: &mut &'a [u8], digits: bool) -> &'a [u8] {
    let length = text.iter().take_while(|byte| byte.is_ascii_digit() == digits).count();
    let (head, rest) = text.split_at(length);
    *text = rest;
    let zeros = if digits { head.iter().take_while(|byte| **byte == b'0').count() } else { 0 };
    &head[zeros..]
}

fn weight(byte: Option<&u8>) -> i32 {
    match byte {
        Some(b'~') => -1,
        None => 0,
        Some(byte) if byte.is_ascii_alphabetic() => i32::from(*byte),
        Some(byte) => i32::from(*byte) + 256,
    }
}
