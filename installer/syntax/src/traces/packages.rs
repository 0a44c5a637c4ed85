//! dpkg's log of what it did: one line an action, one line a state that the package came into.

/// One action on one package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Handled {
    /// The package, without its architecture.
    pub package: String,
    /// `install`, `upgrade`, `configure`, `trigproc`, `remove` or `purge`.
    pub action: String,
    /// The version before; `None` when there was none.
    pub from: Option<String>,
    /// The version after; `None` when there is none.
    pub to: Option<String>,
    /// When it began, `YYYY-MM-DD HH:MM:SS` in the local time of the machine.
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
    fn what_is_no_line_of_the_log_is_passed_over() {
        for text in
            ["", "\n", "upgrade", "a b upgrade x", "2026-05-01 10:00:01 status installed sudo:amd64 1"]
        {
            assert!(handled(text).is_empty(), "{text:?}");
        }
    }
}
