//! What an answer file must say, as far as it can be told without a machine, a profile or a bundle.

use std::path::Path;

use secrets::Reference;

use super::{Answers, Skip, Waived};
use crate::failure::{Exit, Failure};

impl Answers {
    /// Checks what is more than form.
    ///
    /// # Errors
    /// Exit 2 with the first thing that is wrong; never with a secret that somebody wrote where one is only named.
    pub(super) fn check(&self, path: &Path) -> Result<(), Failure> {
        self.wrong().map_or(Ok(()), |what| {
            let failure = Failure::new(Exit::Usage, format!("{}: {what}", path.display()));
            Err(failure
                .hint("see `groundfast answers schema` for what each key is, `answers init` for a sample"))
        })
    }

    fn wrong(&self) -> Option<String> {
        if self.version != 1 {
            return Some(format!("version {} is not known; this release reads version 1", self.version));
        }
        if self.stack.timeout_seconds == Some(0) {
            return Some("[stack] timeout_seconds is 0: nothing comes up in no time".to_owned());
        }
        if self.site.ntp.iter().chain(&self.site.no_proxy).any(|name| is_empty(name)) {
            return Some("[site] ntp or no_proxy holds an empty name".to_owned());
        }
        let waivers = self.preflight.waivers.iter().chain(&self.harden.waivers);
        let skips = self.preflight.skip.iter().chain(&self.harden.skip);
        let decided = waivers.filter_map(waiver).chain(skips.filter_map(skip)).next();
        decided.or_else(|| self.misplaced()).or_else(|| self.alerts.as_ref()?.check().err())
    }

    /// What should say where a secret lives, and does not.
    fn misplaced(&self) -> Option<String> {
        let secrets = self.secrets.iter().map(|(name, at)| (format!("[secrets] {name}"), at));
        let keys = self.stack.certificates.iter();
        let keys = keys.map(|(name, one)| (format!("[stack.certificates.{name}] key"), &one.key));
        secrets.chain(keys).find_map(|(place, at)| {
            // Where a relative path begins is known later.
            let form = at.strip_prefix("file:").map_or_else(|| at.clone(), |_| "file:/path".to_owned());
            let why = match at.strip_prefix("file:") {
                Some(path) if is_empty(path) => "it names no file".to_owned(),
                _ => form.parse::<Reference>().err()?.to_string(),
            };
            Some(format!("{place} does not say where the secret lives: {why}"))
        })
    }
}

fn waiver(waived: &Waived) -> Option<String> {
    let Waived { control, reason, owner, ticket, approver, expires } = waived;
    if expires.parse::<jiff::civil::Date>().is_err() {
        return Some(format!(
            "the waiver of {control} expires on `{expires}`, which is no date like 2026-12-31"
        ));
    }
    let said = [("control", control), ("reason", reason), ("owner", owner)].into_iter();
    let also = [("ticket", ticket), ("approver", approver)].into_iter();
    let also = also.filter_map(|(name, value)| Some((name, value.as_ref()?)));
    let (name, _) = said.chain(also).find(|(_, value)| is_empty(value))?;
    Some(format!("the waiver of `{control}` has an empty {name}"))
}

fn skip(skip: &Skip) -> Option<String> {
    let Skip { control, reason } = skip;
    is_empty(reason).then(|| format!("`{control}` is skipped with an empty reason"))
}

fn is_empty(text: &str) -> bool {
    text.trim().is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> Option<String> {
        let parsed = Answers::parse(&format!("version = 1\n{text}"), Path::new("answers.toml"), &[]);
        parsed.err().map(|failure| {
            assert_eq!(failure.exit(), Exit::Usage, "{text}");
            format!("{} {}", failure.summary(), failure.causes().join(" "))
        })
    }

    #[test]
    fn a_wrong_version_is_refused() {
        let failure = Answers::parse("version = 2", Path::new("answers.toml"), &[]).unwrap_err();
        assert!(failure.summary().contains("version 2 is not known"), "{}", failure.summary());
    }

    #[test]
    fn a_waiver_says_who_why_and_until_when() {
        let waiver = |reason: &str, owner: &str, rest: &str| {
            format!(
                "[[preflight.waivers]]\ncontrol = \"env.kernel\"\nreason = \"{reason}\"\nowner = \"{owner}\"\n{rest}\n"
            )
        };
        let until = "expires = \"2026-12-31\"";
        for (text, said) in [
            (waiver("r", "o", "expires = \"soon\""), "no date"),
            (waiver("", "o", until), "empty reason"),
            (waiver("r", " ", until), "empty owner"),
            (waiver("r", "o", "expires = \"2026-12-31\"\nticket = \"\""), "empty ticket"),
        ] {
            let refused = refused(&text);
            assert!(refused.as_ref().is_some_and(|why| why.contains(said)), "{text}: {refused:?}");
            let hardening = text.replace("preflight", "harden");
            assert!(self::refused(&hardening).is_some_and(|why| why.contains(said)), "{hardening}");
        }
        assert_eq!(refused(&waiver("r", "o", until)), None);
    }

    #[test]
    fn a_skip_says_why() {
        let skip =
            |reason: &str| format!("[harden]\nskip = [{{ control = \"a\", reason = \"{reason}\" }}]\n");
        assert!(refused(&skip(" ")).is_some_and(|why| why.contains("empty reason")));
        assert_eq!(refused(&skip("a print server")), None);
    }

    #[test]
    fn a_secret_is_named_and_never_written_down() {
        let certificate = |key: &str| {
            format!("[stack.certificates.nginx]\nchain = \"c\"\nkey = \"{key}\"\nauthority = \"a\"\n")
        };
        for bad in ["hunter2", "foo:hunter2", "", "file:"] {
            for text in [format!("[secrets]\na = \"{bad}\"\n"), certificate(bad)] {
                let why = refused(&text).unwrap_or_else(|| panic!("{text}"));
                assert!(!why.contains("hunter2") && why.contains("where the secret lives"), "{why}");
            }
        }
        for good in ["file:/run/a", "file:../a"] {
            assert_eq!(refused(&format!("[secrets]\na = \"{good}\"\n")), None, "{good}");
            assert_eq!(refused(&certificate(good)), None, "{good}");
        }
    }

    #[test]
    fn what_cannot_work_anywhere_is_refused() {
        assert!(refused("[site]\nntp = [\"\"]\n").is_some());
        assert!(refused("[stack]\ntimeout_seconds = 0\n").is_some());
        assert_eq!(refused("[site]\nntp = [\"a\"]\n[stack]\ntimeout_seconds = 1\n"), None);
    }
}
