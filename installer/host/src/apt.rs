//! Packages of the running machine through apt: what it would do, and doing exactly that.
//!
//! A transaction is simulated before it is planned and again before it is carried out, and refused when it
//! would do anything but what was planned. Nothing is fetched over a network: packages come from apt's cache
//! or from sources on this machine. apt runs in a process group of its own, so that neither Ctrl-C nor a kill of
//! this program stops it half-way; [`settle`] waits for it and has dpkg finish what it began.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::path::Path;
use std::sync::Mutex;
use std::time::Duration;

use model::{
    Attributes, BlobError, Blobs, Change, Digest, FileState, HostError, HostPath, Move, Node, Resource,
    State, Transaction, Unread,
};
use sha2::{Digest as _, Sha256};
use syntax::{Lookups, Packages, packages::dpkg};

use crate::tree::Tree;
use crate::{files, run};

/// dpkg's database; it is replaced whenever a package changes.
const STATUS: &str = "/var/lib/dpkg/status";
const APT: &str = "/usr/bin/apt-get";
const DPKG: &str = "/usr/bin/dpkg";
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

/// How long an operation of somebody else on the packages is waited for.
const PATIENCE: u32 = 120;

/// Asked by whatever would start a service (invoke-rc.d(8)); ours says no, and this text tells that it is ours.
const POLICY: &str = "/usr/sbin/policy-rc.d";
const NO_STARTS: &str = "#!/bin/sh\n# Groundfast: no service is started while packages change.\nexit 101\n";

/// Packages that no transaction may take away, beside those that dpkg itself calls essential, and why.
const GUARDED: [(&str, &[&str]); 5] = [
    ("operators log in by it", &["openssh-server", "dropbear", "dropbear-bin", "libpam-modules"]),
    ("operators work by it", &["sudo", "sudo-ldap"]),
    (
        "containers run by it",
        &[
            "containerd",
            "containerd.io",
            "docker-ce",
            "docker-ce-cli",
            "docker-compose",
            "docker-compose-plugin",
            "docker-compose-v2",
            "docker.io",
            "moby-engine",
            "podman",
            "runc",
        ],
    ),
    ("the machine starts by it", &["grub-efi-amd64", "grub-efi-arm64", "grub-pc", "initramfs-tools"]),
    ("Groundfast works by it", &["apt", "dpkg", "systemd", "systemd-sysv"]),
];

/// Simulations of the database as it is: planning asks again what assessment asked, and apt is slow to answer.
#[derive(Default)]
pub(crate) struct Simulations(Mutex<(Option<Stamp>, BTreeMap<Resource, State>)>);

/// When dpkg's status file was last replaced, and the file itself.
type Stamp = (i64, u64, u64);

impl Simulations {
    /// What the package manager would do; asked of it once for each state of the database.
    ///
    /// # Errors
    /// As [`simulate`].
    pub(crate) async fn ask(&self, tree: &Tree, question: &Resource) -> Result<State, Unread> {
        let Resource::Transaction { install, remove } = question else {
            return Err(Unread::Unsupported(question.to_string()));
        };
        let stamp = tree.stat(STATUS)?.map(|stat| (stat.st_mtime, stat.st_mtime_nsec, stat.st_ino));
        if let Some(state) = self.known(stamp, question) {
            return Ok(state);
        }
        let state = simulate(tree, install, remove).await?;
        if let Ok(mut held) = self.0.lock() {
            held.1.insert(question.clone(), state.clone());
        }
        Ok(state)
    }

    fn known(&self, stamp: Option<Stamp>, question: &Resource) -> Option<State> {
        let mut held = self.0.lock().ok()?;
        if held.0 != stamp {
            *held = (stamp, BTreeMap::new());
        }
        held.1.get(question).cloned()
    }
}

/// What the system's package manager would do, as [`Resource::Transaction`] describes it.
///
/// # Errors
/// When there is no apt here, or it finds no way.
async fn simulate(
    tree: &Tree,
    install: &BTreeSet<String>,
    remove: &BTreeSet<String>,
) -> Result<State, Unread> {
    let known = known(tree)?;
    let words: Vec<String> =
        install.iter().cloned().chain(remove.iter().map(|name| format!("{name}-"))).collect();
    Ok(transaction(tree, &known, &words).await?.to_state())
}

/// The state of one package.
pub(crate) fn state(packages: &Packages, name: &str) -> State {
    match packages {
        Packages::Deb(packages) => match packages.get(name) {
            Some(package) if package.status == "installed" => State::text(&*package.version),
            Some(package) => model::unfinished_package(&package.version, &package.status),
            None => State::Absent,
        },
        Packages::Rpm(packages) => packages.version(name).map(str::to_owned).into(),
    }
}

/// Carries out changes of packages in one transaction.
///
/// # Errors
/// [`HostError::Stale`] when apt would do anything else by now; nothing was changed then.
pub(crate) async fn put(tree: &Tree, changes: &[Change]) -> Result<(), HostError> {
    let failed = |unread: Unread| HostError::Failed(unread.to_string());
    let known = known(tree).map_err(failed)?;
    let mut wanted = BTreeMap::new();
    let mut words = Vec::new();
    for change in changes {
        let Resource::Package { name } = &change.resource else {
            return Err(HostError::Unsupported(change.to_string()));
        };
        wanted.insert(name.clone(), change.to.clone());
        words.push(word(tree, name, &change.to).map_err(failed)?);
    }
    let now = transaction(tree, &known, &words).await.map_err(failed)?;
    if !now.refused.is_empty() {
        return Err(HostError::Unsupported(now.refused.join("; ")));
    }
    let would: BTreeMap<String, State> = now.moves.into_iter().map(|one| (one.package, one.to)).collect();
    if would != wanted {
        let names = |all: &BTreeMap<String, State>| all.keys().cloned().collect::<Vec<_>>().join(" ");
        let why = format!("packages: {} were planned, apt would change {}", names(&wanted), names(&would));
        return Err(HostError::Stale(why));
    }
    let quiet = Quiet::begin(tree)?;
    let install = ["install", "--"];
    let words: Vec<&str> =
        OPTIONS.into_iter().chain(install).chain(words.iter().map(String::as_str)).collect();
    let done = run::carry_out(Path::new(APT), &words, &ENVIRONMENT).await;
    quiet.end(tree)?;
    done.map_err(failed)
}

/// Waits until nobody works on the packages any more, and has dpkg finish what an interruption left open.
///
/// # Errors
/// When somebody goes on for too long, or dpkg cannot finish.
pub(crate) async fn settle(tree: &Tree) -> Result<(), HostError> {
    if !tree.is_live() || !tree.exists(DPKG).unwrap_or(false) {
        return Ok(());
    }
    let quiet = Quiet::begin(tree)?;
    let mut waited = 0;
    let done = loop {
        let arguments = ["--force-confold", "--configure", "-a"];
        match run::carry_out(Path::new(DPKG), &arguments, &ENVIRONMENT).await {
            Err(Unread::Failed(why)) if why.contains("lock") && waited < PATIENCE => {
                tokio::time::sleep(Duration::from_secs(1)).await;
                waited += 1;
            }
            other => break other,
        }
    };
    quiet.end(tree)?;
    done.map_err(|why| HostError::Failed(format!("finishing what was interrupted: {why}")))
}

fn known(tree: &Tree) -> Result<dpkg::Packages, Unread> {
    let unsupported = |why: &str| Err(Unread::Unsupported(why.to_owned()));
    if !tree.is_live() {
        return unsupported("packages are changed on the running machine only, not below another root");
    }
    match Lookups::new(tree).packages()? {
        Packages::Deb(packages) if tree.exists(APT)? => Ok(packages.clone()),
        _ => unsupported("packages are changed through apt only, and there is none"),
    }
}

/// How apt is asked for a state of a package. A version that is in the cache is named by its file, since sources
/// may not have it any more.
fn word(tree: &Tree, name: &str, to: &State) -> Result<String, Unread> {
    let Some(version) = to.as_text() else { return Ok(format!("{name}-")) };
    let cached = archive(tree, name, version)?;
    Ok(cached.unwrap_or_else(|| format!("{name}={version}")))
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
async fn transaction(tree: &Tree, known: &dpkg::Packages, words: &[String]) -> Result<Transaction, Unread> {
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
            transaction.refused.extend(guarded(&one.package, known));
        }
        transaction.moves.push(one);
    }
    // Nothing is fetched: not while planning, and not when it is carried out.
    if transaction.refused.is_empty() && transaction.moves.iter().any(|one| one.to != State::Absent) {
        transaction.refused = remote(words).await?;
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

fn guarded(name: &str, known: &dpkg::Packages) -> Option<String> {
    let essential = known.get(name).is_some_and(|package| package.essential);
    let plain = name.split(':').next().unwrap_or(name);
    let why = if essential {
        "the system cannot do without it"
    } else if plain.starts_with("linux-image-") {
        "it is a kernel"
    } else {
        GUARDED.iter().find(|(_, names)| names.contains(&plain))?.0
    };
    Some(format!("{name} would be removed, but {why}"))
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

    #[test]
    fn what_the_machine_stands_on_is_guarded() {
        let status = "Package: login\nEssential: yes\nStatus: install ok installed\nVersion: 1\n\n\
            Package: cups\nStatus: install ok installed\nVersion: 1\n\n";
        let known = dpkg::Packages::parse(status);
        for name in
            ["login", "sudo", "openssh-server", "docker.io", "linux-image-6.1.0-1-amd64", "apt", "sudo:i386"]
        {
            assert!(guarded(name, &known).is_some(), "{name}");
        }
        for name in ["cups", "sudoku", "linux-doc", "telnet"] {
            assert_eq!(guarded(name, &known), None, "{name}");
        }
    }
}
