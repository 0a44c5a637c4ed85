//! The running kernel.

use model::{State, Unread};

use super::tree::Tree;

/// Fields: `release` (as `uname -r`), `version` (its leading number, as `5.14.0`), `machine` (as `x86_64`).
pub(super) fn read(_: &Tree) -> Result<State, Unread> {
    let names = rustix::system::uname();
    let release = names.release().to_string_lossy();
    Ok(record(&release, &names.machine().to_string_lossy()))
}

fn record(release: &str, machine: &str) -> State {
    State::record([
        ("release", State::text(release)),
        ("version", State::from(version(release))),
        ("machine", State::text(machine)),
    ])
}

/// The leading dotted number of a kernel release.
fn version(release: &str) -> Option<String> {
    let end = release.find(|sign: char| !sign.is_ascii_digit() && sign != '.').unwrap_or(release.len());
    let number = release[..end].trim_end_matches('.');
    (!number.is_empty()).then(|| number.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_of_real_releases() {
        for (release, expected) in [
            ("5.10.0-28-amd64", Some("5.10.0")),
            ("4.18.0-513.5.1.el8_9.x86_64", Some("4.18.0")),
            ("5.4.0-169-generic", Some("5.4.0")),
            ("6.18.44-fc-v669", Some("6.18.44")),
            ("6.1-rc3", Some("6.1")),
            ("5.15.133.1-microsoft-standard-WSL2", Some("5.15.133.1")),
            ("unknown", None),
            ("", None),
        ] {
            assert_eq!(version(release).as_deref(), expected, "{release}");
        }
    }
}
