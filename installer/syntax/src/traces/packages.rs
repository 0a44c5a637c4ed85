//! dpkg's log of what it did: one line an action, one line a state that the package came into. And dnf's of what rpm
//! did for it: one line a package, when it was done.

/// Who wrote down what was done to a package.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recorder {
    /// dpkg, in its log.
    Dpkg,
    /// dnf, in its log of what rpm did.
    Dnf,
    /// rpm, in its database.
    Rpm,
}

/// One action on one package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Handled {
    /// Who says so.
    pub by: Recorder,
    /// The package, without its architecture.
    pub package: String,
    /// `install`, `upgrade`, `configure`, `trigproc`, `remove`, `purge`, `downgrade` or `reinstall`.
    pub action: String,
    /// The version before; `None` when there was none.
    pub from: Option<String>,
    /// The version after; `None` when there is none.
    pub to: Option<String>,
    /// When it began, `YYYY-MM-DD HH:MM:SS` in the local time of the machine, or as RFC 3339 says.
    pub began: String,
    /// When its last state was reached, in the same form.
    pub ended: String,
}

/// Reads `/var/log/dpkg.log` (dpkg(1), `--log`), oldest action first. Lines of another form are passed over.
pub fn handled(log: &str) -> Vec<Handled> {
    let mut all: Vec<Handled> = Vec::new();
    for line in log.lines() {
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        let (Some(day), Some(time)) = (words.first(), words.get(1)) else { continue };
        let at = format!("{day} {time}");
        match words[2..] {
            ["status", _, package, _] => {
                let package = name(package);
                if let Some(open) = all.iter_mut().rev().find(|one| one.package == package) {
                    open.ended = at;
                }
            }
            [
                action @ ("install" | "upgrade" | "configure" | "trigproc" | "remove" | "purge"),
                package,
                from,
                to,
            ] => {
                let version = |text: &str| (text != "<none>").then(|| text.to_owned());
                all.push(Handled {
                    by: Recorder::Dpkg,
                    package: name(package),
                    action: action.to_owned(),
                    from: version(from),
                    to: version(to),
                    began: at.clone(),
                    ended: at,
                });
            }
            _ => {}
        }
    }
    all
}

/// Reads `/var/log/dnf.rpm.log`, oldest first: what was done to a package is written once it is done, so it began after
/// the line before. Lines of another form count as such only.
pub fn handled_by_dnf(log: &str) -> Vec<Handled> {
    let mut all: Vec<Handled> = Vec::new();
    let mut before: Option<String> = None;
    for line in log.lines() {
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        let [at, level, ref rest @ ..] = words[..] else { continue };
        if !at.contains('T') || !["INFO", "SUBDEBUG"].contains(&level) {
            continue;
        }
        let ended = instant(at);
        let began = before.replace(ended.clone()).unwrap_or_else(|| ended.clone());
        let [verb, package] = *rest else { continue };
        let (Some(action), Some((package, version))) = (done(verb), nevra(package)) else { continue };
        let (from, to) = if ["remove", "replace"].contains(&action) {
            (Some(version), None)
        } else {
            (None, Some(version))
        };
        match all.iter_mut().rev().find(|one| one.package == package && one.from.is_none()) {
            // The old one goes once the new one is there.
            Some(new) if action == "replace" => (new.from, new.ended) = (from, ended),
            _ if action == "replace" => {}
            _ => all.push(Handled {
                by: Recorder::Dnf,
                package,
                action: action.to_owned(),
                from,
                to,
                began,
                ended,
            }),
        }
    }
    all
}

/// dnf's verbs: what comes, and in the past tense what it replaced.
fn done(verb: &str) -> Option<&'static str> {
    Some(match verb {
        "Installed:" => "install",
        "Upgrade:" => "upgrade",
        "Downgrade:" => "downgrade",
        "Reinstall:" => "reinstall",
        "Erase:" | "Removed:" | "Erased:" => "remove",
        "Upgraded:" | "Downgraded:" | "Obsoleted:" | "Reinstalled:" => "replace",
        _ => return None,
    })
}

/// `name-[epoch:]version-release.architecture`: the name, and the version with its release.
fn nevra(text: &str) -> Option<(String, String)> {
    let (rest, _architecture) = text.rsplit_once('.')?;
    let (rest, release) = rest.rsplit_once('-')?;
    let (name, version) = rest.rsplit_once('-')?;
    Some((name.to_owned(), format!("{version}-{release}")))
}

/// A time as RFC 3339 has it: `+0000` is not.
fn instant(text: &str) -> String {
    match text.len().checked_sub(5).and_then(|at| text.split_at_checked(at)) {
        Some((time, zone)) if zone.starts_with(['+', '-']) && !zone.contains(':') => {
            format!("{time}{}:{}", &zone[..3], &zone[3..])
        }
        _ => text.to_owned(),
    }
}

fn name(package: &str) -> String {
    package.split(':').next().unwrap_or(package).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_upgrade_lasts_until_the_last_state_of_its_package() {
        let log = "2026-05-01 10:00:00 startup archives unpack\n\
                   2026-05-01 10:00:01 upgrade sudo:amd64 1.9.13p3-1 1.9.13p3-1+deb12u1\n\
                   2026-05-01 10:00:01 status half-configured sudo:amd64 1.9.13p3-1\n\
                   2026-05-01 10:00:02 status unpacked sudo:amd64 1.9.13p3-1+deb12u1\n\
                   2026-05-01 10:00:02 install cron:amd64 <none> 3.0pl1-162\n\
                   2026-05-01 10:00:03 status unpacked cron:amd64 3.0pl1-162\n\
                   2026-05-01 10:00:04 configure sudo:amd64 1.9.13p3-1+deb12u1 <none>\n\
                   2026-05-01 10:00:05 status installed sudo:amd64 1.9.13p3-1+deb12u1\n";
        let all = handled(log);
        let seen: Vec<_> =
            all.iter().map(|one| (&*one.package, &*one.action, &one.began[17..], &one.ended[17..])).collect();
        assert_eq!(
            seen,
            [
                ("sudo", "upgrade", "01", "02"),
                ("cron", "install", "02", "03"),
                ("sudo", "configure", "04", "05"),
            ]
        );
        assert_eq!((all[0].from.as_deref(), all[1].from.as_deref()), (Some("1.9.13p3-1"), None));
    }

    #[test]
    fn dnf_tells_what_came_for_what() {
        let log = "2026-05-01T10:00:00+0200 INFO --- logging initialized ---\n\
                   2026-05-01T10:00:02+0200 SUBDEBUG Upgrade: python3-libs-1:3.9-2.el9.x86_64\n\
                   2026-05-01T10:00:03+0200 SUBDEBUG Installed: chrony-4.5-1.el9.x86_64\n\
                   2026-05-01T10:00:04+0200 SUBDEBUG Upgraded: python3-libs-1:3.9-1.el9.x86_64\n\
                   2026-05-01T10:00:05Z SUBDEBUG Erase: telnet-0.17-85.el9.x86_64\nnoise\n";
        let all = handled_by_dnf(log);
        let seen: Vec<_> = all
            .iter()
            .map(|one| {
                (
                    &*one.package,
                    &*one.action,
                    one.from.as_deref(),
                    one.to.as_deref(),
                    &*one.began,
                    &*one.ended,
                )
            })
            .collect();
        let at = |second: u8| format!("2026-05-01T10:00:0{second}+02:00");
        assert_eq!(
            seen,
            [
                ("python3-libs", "upgrade", Some("1:3.9-1.el9"), Some("1:3.9-2.el9"), &*at(0), &*at(4)),
                ("chrony", "install", None, Some("4.5-1.el9"), &*at(2), &*at(3)),
                ("telnet", "remove", Some("0.17-85.el9"), None, &*at(4), "2026-05-01T10:00:05Z"),
            ]
        );
        for end in 0..log.len() {
            handled_by_dnf(&log[..end]);
        }
    }

    #[test]
    fn what_is_no_line_of_the_log_is_passed_over() {
        for text in
            ["", "\n", "upgrade", "a b upgrade x", "2026-05-01 10:00:01 status installed sudo:amd64 1"]
        {
            assert!(handled(text).is_empty(), "{text:?}");
        }
    }
}
