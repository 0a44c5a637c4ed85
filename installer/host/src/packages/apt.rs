//! Packages through apt and dpkg.

use std::collections::BTreeSet;
use std::io::Read;
use std::path::Path;
use std::time::Duration;

use model::{
    Attributes, BlobError, Blobs, Digest, FileState, HostError, HostPath, Move, Node, State, Transaction,
    Unread,
};
use sha2::{Digest as _, Sha256};
use syntax::packages::dpkg;

use super::{PATIENCE, Wish, guarded};
use crate::tree::Tree;
use crate::{files, run};

pub(super) const APT: &str = "/usr/bin/apt-get";
const DPKG: &str = "/usr/bin/dpkg";
const STATUS: &str = "/var/lib/dpkg/status";
/// Where apt keeps the packages that it has fetched.
const ARCHIVES: &str = "/var/cache/apt/archives";

/// What every call of apt is told: ask nothing, add nothing, keep configuration files as they are.
const OPTIONS: [&str; 14] = [
    "-q",
    "-y",
    "--no-install-recommends",
    "--allow-downgrades",
    "-o",
    "APT::Get::AutomaticRemove=false",
    "-o",
    "Dpkg::Options::=--force-confold",
    "-o",
    "Dpkg::Use-Pty=0",
    "-o",
    "DPkg::Lock::Timeout=120",
    "-o",
    "APT::Get::Show-User-Simulation-Note=false",
];
const ENVIRONMENT: [(&str, &str); 5] = [
    ("DEBIAN_FRONTEND", "noninteractive"),
    ("DEBCONF_NONINTERACTIVE_SEEN", "true"),
    ("APT_LISTCHANGES_FRONTEND", "none"),
    ("NEEDRESTART_MODE", "l"),
    ("HOME", "/root"),
];

/// Asked by whatever would start a service (invoke-rc.d(8)); ours says no, and this text tells that it is ours.
const POLICY: &str = "/usr/sbin/policy-rc.d";
const NO_STARTS: &str = "#!/bin/sh\n# Groundfast: no service is started while packages change.\nexit 101\n";

/// Has apt carry out what was asked for.
///
/// # Errors
/// When it fails.
pub(super) async fn carry_out(tree: &Tree, wishes: &[Wish<'_>]) -> Result<(), HostError> {
    let failed = |unread: Unread| HostError::Failed(unread.to_string());
    let words = words(tree, wishes).map_err(failed)?;
    let quiet = Quiet::begin(tree)?;
    let install = ["install", "--"];
    let words: Vec<&str> =
        OPTIONS.into_iter().chain(install).chain(words.iter().map(String::as_str)).collect();
    let done = run::carry_out(Path::new(APT), &words, &ENVIRONMENT, None).await;
    quiet.end(tree)?;
    done.map(drop).map_err(failed)
}

/// Waits until nobody works on the packages any more, and has dpkg finish what an interruption left open.
///
/// # Errors
/// When somebody goes on for too long, or dpkg cannot finish.
pub(super) async fn settle(tree: &Tree) -> Result<(), HostError> {
    if !tree.exists(DPKG).unwrap_or(false) || !tree.exists(STATUS).unwrap_or(false) {
        return Ok(());
    }
    let quiet = Quiet::begin(tree)?;
    let mut waited = 0;
    let done = loop {
        let arguments = ["--force-confold", "--configure", "-a"];
        match run::carry_out(Path::new(DPKG), &arguments, &ENVIRONMENT, None).await {
            Err(Unread::Failed(why)) if why.contains("lock") && waited < PATIENCE => {
                tokio::time::sleep(Duration::from_secs(1)).await;
                waited += 1;
            }
            other => break other.map(drop),
        }
    };
    quiet.end(tree)?;
    done.map_err(|why| HostError::Failed(format!("finishing what was interrupted: {why}")))
}

/// How apt is asked. A version that is in the cache is named by its file, since sources may not have it any more.
fn words(tree: &Tree, wishes: &[Wish<'_>]) -> Result<Vec<String>, Unread> {
    let word = |wish: &Wish<'_>| match wish {
        Wish::Gone(name) => Ok(format!("{name}-")),
        Wish::Newest(name) => Ok((*name).to_owned()),
        Wish::Exactly(name, version) => {
            let cached = archive(tree, name, version)?;
            Ok(cached.unwrap_or_else(|| format!("{name}={version}")))
        }
    };
    wishes.iter().map(word).collect()
}

/// The file of a package in apt's cache.
fn archive(tree: &Tree, name: &str, version: &str) -> Result<Option<String>, Unread> {
    let (name, architecture) = name.split_once(':').unwrap_or((name, ""));
    let version = version.replace(':', "%3a");
    let start = format!("{name}_{version}_{architecture}");
    let found =
        tree.names(ARCHIVES)?.into_iter().find(|file| file.starts_with(&start) && file.ends_with(".deb"));
    Ok(found.map(|file| format!("{ARCHIVES}/{file}")))
}

/// What apt would do, and why it must not.
///
/// # Errors
/// When it finds no way.
pub(super) async fn transaction(
    tree: &Tree,
    known: &dpkg::Packages,
    wishes: &[Wish<'_>],
) -> Result<Transaction, Unread> {
    let words = words(tree, wishes)?;
    let simulate = ["-s", "--allow-remove-essential", "install", "--"];
    let arguments: Vec<&str> =
        OPTIONS.into_iter().chain(simulate).chain(words.iter().map(String::as_str)).collect();
    let printed = run::output_in(Path::new(APT), &arguments, &ENVIRONMENT).await?;
    let mut transaction = Transaction::default();
    for mut one in printed.lines().filter_map(parse) {
        if let (Some(version), true) = (one.from.as_text(), one.to != one.from) {
            one.back = archive(tree, &one.package, version)?.is_some();
        }
        if one.to == State::Absent {
            let essential = known.get(&one.package).is_some_and(|package| package.essential);
            transaction.refused.extend(guarded(&one.package, essential));
        }
        transaction.moves.push(one);
    }
    // Nothing is fetched: not while planning, and not when it is carried out.
    if transaction.refused.is_empty() && transaction.moves.iter().any(|one| one.to != State::Absent) {
        transaction.refused = remote(&words).await?;
    }
    Ok(transaction)
}

/// One line of a simulation: `Inst name [old] (new source [arch]) [broken]`, `Remv name [old]`, `Purg name [old]`.
fn parse(line: &str) -> Option<Move> {
    let (verb, rest) = line.split_once(' ')?;
    let (name, rest) = rest.split_once(' ').unwrap_or((rest, ""));
    let from = rest.strip_prefix('[').and_then(|rest| rest.split(']').next()).map(str::to_owned);
    let to = match verb {
        "Remv" | "Purg" => None,
        "Inst" => Some(rest.split_once('(')?.1.split([' ', ')']).next()?.to_owned()),
        _ => return None,
    };
    let back = from.is_none();
    Some(Move { package: name.to_owned(), from: from.into(), to: to.into(), back })
}

/// What would have to be fetched from elsewhere: a box without a network has it in its cache or not at all.
async fn remote(words: &[String]) -> Result<Vec<String>, Unread> {
    let print = ["--print-uris", "install", "--"];
    let words: Vec<&str> = OPTIONS.into_iter().chain(print).chain(words.iter().map(String::as_str)).collect();
    let printed = run::output_in(Path::new(APT), &words, &ENVIRONMENT).await?;
    let uris = printed.lines().filter_map(|line| line.strip_prefix('\'')?.split('\'').next());
    let local = |uri: &&str| ["file:", "copy:", "cdrom:"].iter().any(|scheme| uri.starts_with(scheme));
    let name = |uri: &str| uri.rsplit('/').next().unwrap_or(uri).split('_').next().unwrap_or(uri).to_owned();
    let fetched: BTreeSet<String> = uris.filter(|uri| !local(uri)).map(name).collect();
    let why = |name| format!("{name} would have to be fetched over a network: put it into apt's cache first");
    Ok(fetched.into_iter().map(why).collect())
}

/// Keeps services from being started where no service manager runs: in a chroot or a container being built.
struct Quiet {
    made: bool,
}

impl Quiet {
    fn begin(tree: &Tree) -> Result<Self, HostError> {
        let path = HostPath::literal(POLICY);
        let managed = tree.exists("/run/systemd/system").unwrap_or(false);
        let seen = files::whole(tree, &path).map_err(|why| HostError::Failed(why.to_string()))?;
        if seen == ours() {
            return Ok(Self { made: true });
        }
        let made = !managed && seen == State::Absent;
        if made {
            files::put_whole(tree, &path, &State::Absent, &ours(), &NoStarts)?;
        }
        Ok(Self { made })
    }

    fn end(self, tree: &Tree) -> Result<(), HostError> {
        let path = HostPath::literal(POLICY);
        if self.made { files::put_whole(tree, &path, &ours(), &State::Absent, &NoStarts) } else { Ok(()) }
    }
}

fn ours() -> State {
    let content = Digest::from_sha256(Sha256::digest(NO_STARTS).into());
    let attributes = Attributes::of_root(Node::File, 0o755);
    State::File(FileState { attributes, content: Some(content), target: None })
}

/// The bytes of our policy.
struct NoStarts;

impl Blobs for NoStarts {
    fn open(&self, _: &Digest) -> Result<Box<dyn Read + Send>, BlobError> {
        Ok(Box::new(NO_STARTS.as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_a_simulation_are_moves() {
        let told = |line: &str| {
            let one = parse(line)?;
            Some(format!("{} {} {} {}", one.package, one.from, one.to, one.back))
        };
        for (line, expected) in [
            ("Inst sl (5.02-1+b1 Debian:12.15/oldstable [amd64])", Some("sl absent 5.02-1+b1 true")),
            (
                "Inst libc6 [2.36-9] (2.36-10 local-deb [amd64]) [a:amd64 ]",
                Some("libc6 2.36-9 2.36-10 false"),
            ),
            ("Remv login [1:4.13+dfsg1-1+deb12u2]", Some("login 1:4.13+dfsg1-1+deb12u2 absent false")),
            ("Purg x:i386 [1]", Some("x:i386 1 absent false")),
            ("Conf sl (5.02-1+b1 Debian [amd64])", None),
            ("Reading package lists...", None),
            ("", None),
        ] {
            assert_eq!(told(line).as_deref(), expected, "{line}");
        }
    }
}
