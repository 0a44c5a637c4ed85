//! Packages through dnf and rpm.
//!
//! dnf is asked through its own shell, the one way to have packages come and go in one transaction. It ends with 0
//! whatever happens, so what it prints counts: the table of the transaction, checked against its own sums.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::path::Path;
use std::time::Duration;

use model::{HostError, Move, State, Transaction, Unread};
use rustix::fs::{FlockOperation, OFlags, fcntl_lock};
use rustix::io::Errno;
use syntax::rpm;

use super::{PATIENCE, Wish, guarded};
use crate::run;
use crate::tree::Tree;

pub(super) const DNF: &str = "/usr/bin/dnf";
/// rpm's database is locked with one of these while packages change.
const LOCKS: [&str; 2] = ["/usr/lib/sysimage/rpm/.rpm.lock", "/var/lib/rpm/.rpm.lock"];
/// Where dnf keeps packages that it has fetched, in a folder of each repository.
const CACHE: &str = "/var/cache/dnf";

/// What every call is told: ask the cache only, add nothing, remove nothing on its own, import no key.
const OPTIONS: [&str; 5] = [
    "-C",
    "--color=never",
    "--setopt=install_weak_deps=False",
    "--setopt=clean_requirements_on_remove=False",
    "--setopt=*.gpgkey=",
];
/// Architectures whose packages may stand beside the machine's own.
const FOREIGN: [&str; 3] = ["i386", "i586", "i686"];
const ENVIRONMENT: [(&str, &str); 1] = [("HOME", "/root")];

/// What dnf would do, and why it must not.
///
/// # Errors
/// When it finds no way, or says something that is not understood.
pub(super) async fn transaction(
    tree: &Tree,
    known: &rpm::Packages,
    wishes: &[Wish<'_>],
) -> Result<Transaction, Unread> {
    // Nobody is there to say yes, and if somebody were, rpm would only test.
    let (script, mut options) = script(tree, wishes).await?;
    options.extend([
        "--assumeno",
        "--setopt=assumeyes=False",
        "--setopt=tsflags=test",
        "shell",
        "/dev/stdin",
    ]);
    let (printed, complaints) = run::said(Path::new(DNF), &options, &ENVIRONMENT, Some(&script)).await?;
    let problem = problems(&printed).or_else(|| complaint(&complaints));
    if let Some(why) = problem {
        return Err(Unread::Failed(format!("dnf finds no way: {why}")));
    }
    let table = table(&printed)?;
    let mut moves = Vec::new();
    for row in &table.rows {
        let before = version(known, &row.name);
        let (from, to) =
            if row.comes { (before, Some(&row.version)) } else { (Some(row.version.clone()), None) };
        moves.push(Move { package: row.name.clone(), from: from.into(), to: to.cloned().into(), back: true });
    }
    let shelf = Shelf::of(tree, &moves).await?;
    let mut refused = table.besides;
    for one in &mut moves {
        one.back = shelf.has(&one.package, &one.from);
        if one.to == State::Absent {
            refused.extend(guarded(&one.package, false));
        } else if !shelf.has(&one.package, &one.to) {
            let name = &one.package;
            refused.push(format!(
                "{name} would have to be fetched over a network: put it into a local repository"
            ));
        }
    }
    Ok(Transaction { moves, refused })
}

/// The installed version as dnf writes it: an epoch of 0 is none.
pub(super) fn version(known: &rpm::Packages, name: &str) -> Option<String> {
    let version = known.version(name)?;
    Some(version.strip_prefix("0:").unwrap_or(version).to_owned())
}

/// Has dnf carry out what was asked for.
///
/// # Errors
/// When it fails.
pub(super) async fn carry_out(tree: &Tree, wishes: &[Wish<'_>]) -> Result<(), HostError> {
    let failed = |unread: Unread| HostError::Failed(unread.to_string());
    settle(tree).await?;
    let (script, mut options) = script(tree, wishes).await.map_err(failed)?;
    options.extend(["-y", "shell", "/dev/stdin"]);
    let done = run::carry_out(Path::new(DNF), &options, &ENVIRONMENT, Some(&script)).await;
    let complaints = done.map_err(failed)?;
    let lines: Vec<&str> = complaints.lines().filter(|line| line.contains("Error:")).collect();
    if lines.is_empty() { Ok(()) } else { Err(HostError::Failed(format!("dnf: {}", lines.join(" | ")))) }
}

/// Waits until nobody changes packages any more. rpm writes package by package, so there is nothing to finish.
///
/// # Errors
/// When somebody goes on for too long.
pub(super) async fn settle(tree: &Tree) -> Result<(), HostError> {
    for path in LOCKS {
        let failed = |why: &dyn std::fmt::Display| HostError::Failed(format!("waiting for {path}: {why}"));
        let opened = tree.open(path, OFlags::RDONLY).map_err(|error| failed(&error))?;
        let Some(lock) = opened.map(File::from) else { continue };
        let mut waited = 0;
        loop {
            match fcntl_lock(&lock, FlockOperation::NonBlockingLockShared) {
                Ok(()) => break,
                Err(Errno::ACCESS | Errno::AGAIN) if waited < PATIENCE => {
                    tokio::time::sleep(Duration::from_secs(1)).await;
                    waited += 1;
                }
                Err(error) => return Err(failed(&error)),
            }
        }
    }
    Ok(())
}

/// What to tell dnf's shell, with the options of the call. A version that no local repository has any more, but the
/// cache, is named by its file.
async fn script(tree: &Tree, wishes: &[Wish<'_>]) -> Result<(String, Vec<&'static str>), Unread> {
    let moves: Vec<Move> = wishes.iter().filter_map(exact).collect();
    let shelf = Shelf::of(tree, &moves).await?;
    let line = |wish: &Wish<'_>| match wish {
        Wish::Gone(name) => format!("remove {name}\n"),
        Wish::Newest(name) => format!("install {name}\n"),
        Wish::Exactly(name, version) => format!("install {}\n", shelf.word(name, version)),
    };
    let lines: Vec<String> = wishes.iter().map(line).collect();
    if let Some(strange) = lines.iter().find(|line| !is_plain(line)) {
        return Err(Unread::Malformed(format!("`{}` names no package", strange.trim_end())));
    }
    let mut script = lines.concat();
    script.push_str("run\n");
    let mut options = OPTIONS.to_vec();
    if wishes.iter().all(|wish| matches!(wish, Wish::Gone(_))) {
        // What only goes needs no repository, and a box without a network may have no list of any.
        options.push("--disablerepo=*");
    }
    Ok((script, options))
}

/// Whether a line of the script is a verb and one word that is no option.
fn is_plain(line: &str) -> bool {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "._+-~^:/%".contains(letter);
    line.trim_end_matches('\n')
        .split_once(' ')
        .is_some_and(|(_, word)| word.chars().all(plain) && !word.is_empty() && !word.starts_with('-'))
}

fn exact(wish: &Wish<'_>) -> Option<Move> {
    let Wish::Exactly(name, version) = wish else { return None };
    Some(Move { package: (*name).to_owned(), from: State::Absent, to: State::text(*version), back: true })
}

/// Why dnf finds no way, where it says so among what it prints.
fn problems(printed: &str) -> Option<String> {
    let from = printed.lines().skip_while(|line| !line.trim_start().starts_with("Problem"));
    let lines: Vec<&str> = from.take_while(|line| line.starts_with(' ')).map(str::trim).collect();
    (!lines.is_empty()).then(|| lines.join(" "))
}

/// What dnf complains about, but for nobody having said yes. Where it names no error, what it says before counts.
fn complaint(complaints: &str) -> Option<String> {
    let lines = || complaints.lines().filter(|line| !line.trim().is_empty());
    match lines().find(|line| line.starts_with("Error:") && !line.contains("Operation aborted"))? {
        "Error: None" => Some(lines().take(3).collect::<Vec<_>>().join(" ")),
        error => Some(error.to_owned()),
    }
}

/// One package that comes or goes.
#[derive(Debug, PartialEq, Eq)]
struct Row {
    name: String,
    /// `[epoch:]version-release`.
    version: String,
    comes: bool,
}

impl Row {
    fn new(name: &str, architecture: &str, version: &str, comes: bool) -> Self {
        Self { name: called(name, architecture), version: version.to_owned(), comes }
    }
}

/// The table that dnf prints of a transaction.
#[derive(Debug, Default, PartialEq, Eq)]
struct Table {
    rows: Vec<Row>,
    /// What it would do beside packages.
    besides: Vec<String>,
}

/// Reads the table; an empty one when dnf has nothing to do.
fn table(printed: &str) -> Result<Table, Unread> {
    let unclear =
        |what: &str| Unread::Malformed(format!("what dnf says of a transaction is not understood: {what}"));
    let mut lines = printed.lines().skip_while(|line| !line.starts_with(" Package ")).skip(2).peekable();
    if lines.peek().is_none() {
        let idle = printed.contains("Nothing to do.");
        return if idle { Ok(Table::default()) } else { Err(unclear("there is no table")) };
    }
    let mut table = Table::default();
    let (mut comes, mut replaced) = (None, 0);
    let mut open: Vec<&str> = Vec::new();
    for line in lines.by_ref().take_while(|line| *line != "Transaction Summary") {
        let words: Vec<&str> = line.split_whitespace().collect();
        if let Some(section) = line.strip_suffix(':').filter(|_| !line.starts_with(' ')) {
            comes = comes_in(section);
            if comes.is_none() {
                table.besides.push(format!("dnf would do more: {}", section.to_lowercase()));
            }
        } else if let ["replacing", full, version] = words[..] {
            let (name, architecture) = full.rsplit_once('.').ok_or_else(|| unclear(line))?;
            table.rows.push(Row::new(name, architecture, version, false));
            replaced += 1;
        } else if let Some(comes) = comes {
            // A long name stands on a line of its own, what belongs to it on the next.
            open.extend(words);
            if let [name, architecture, version, _, _, ..] = open[..] {
                table.rows.push(Row::new(name, architecture, version, comes));
                open.clear();
            }
        }
    }
    let counted: usize = lines.filter_map(sum).sum();
    if counted + replaced != table.rows.len() && table.besides.is_empty() {
        return Err(unclear(&format!("{} packages, and {counted} in its sum", table.rows.len())));
    }
    Ok(table)
}

/// A line of the summary: `Install  2 Packages`.
fn sum(line: &str) -> Option<usize> {
    let mut words = line.split_whitespace();
    let verb = words.next()?;
    words.next()?.parse().ok().filter(|_| ["Install", "Upgrade", "Downgrade", "Remove"].contains(&verb))
}

/// Whether the packages of a section come or go; `None` for one that is not about packages, or about others.
fn comes_in(section: &str) -> Option<bool> {
    match section {
        "Installing"
        | "Installing dependencies"
        | "Installing weak dependencies"
        | "Upgrading"
        | "Downgrading" => Some(true),
        "Removing" | "Removing dependent packages" | "Removing unused dependencies" => Some(false),
        _ => None,
    }
}

/// How a package is called: with its architecture where that is not the machine's own.
fn called(name: &str, architecture: &str) -> String {
    if own().contains(&architecture) { name.to_owned() } else { format!("{name}.{architecture}") }
}

/// What rpm calls the architectures whose packages run here.
fn own() -> [&'static str; 2] {
    let machine = match std::env::consts::ARCH {
        "powerpc64" => "ppc64le",
        other => other,
    };
    ["noarch", machine]
}

/// Where packages lie on this machine, by the names of their files.
#[derive(Default)]
struct Shelf {
    /// Those in repositories whose files are here.
    listed: BTreeSet<String>,
    /// Those in the cache, with their paths.
    cached: BTreeMap<String, String>,
}

impl Shelf {
    /// Looks for all versions that transactions name, before and after.
    async fn of(tree: &Tree, moves: &[Move]) -> Result<Self, Unread> {
        let ends = moves.iter().flat_map(|one| [(&one.package, &one.from), (&one.package, &one.to)]);
        let specs: Vec<String> = ends
            .filter_map(|(name, state)| Some(spec(name, state.as_text()?)))
            .collect::<BTreeSet<_>>()
            .into_iter()
            .collect();
        let mut shelf = Self::default();
        if specs.is_empty() {
            return Ok(shelf);
        }
        for folder in tree.names(CACHE)? {
            let folder = format!("{CACHE}/{folder}/packages");
            if tree.exists(&folder)? {
                let files = tree.names(&folder)?.into_iter();
                shelf.cached.extend(files.map(|file| (file.clone(), format!("{folder}/{file}"))));
            }
        }
        let asked = ["-q", "repoquery", "--available", "--location"];
        let words: Vec<&str> =
            OPTIONS.into_iter().chain(asked).chain(specs.iter().map(String::as_str)).collect();
        // Without a list of some repository dnf says nothing: then what is not in the cache is not at hand.
        let said = run::output_in(Path::new(DNF), &words, &ENVIRONMENT).await.unwrap_or_default();
        for path in said.lines().filter_map(|line| line.strip_prefix("file://")) {
            if tree.exists(path)? {
                shelf.listed.insert(path.rsplit('/').next().unwrap_or(path).to_owned());
            }
        }
        Ok(shelf)
    }

    /// Whether a version can be had without a network; none at all always can.
    fn has(&self, name: &str, state: &State) -> bool {
        state.as_text().is_none_or(|version| {
            files(name, version)
                .iter()
                .any(|file| self.listed.contains(file) || self.cached.contains_key(file))
        })
    }

    /// How dnf is asked for a version.
    fn word(&self, name: &str, version: &str) -> String {
        let files = files(name, version);
        let cached = || files.iter().find_map(|file| self.cached.get(file)).cloned();
        let listed = files.iter().any(|file| self.listed.contains(file));
        let cached = if listed { None } else { cached() };
        cached.unwrap_or_else(|| spec(name, version))
    }
}

/// `name-[epoch:]version-release[.architecture]`, as dnf takes it.
fn spec(name: &str, version: &str) -> String {
    match foreign(name) {
        Some((name, architecture)) => format!("{name}-{version}.{architecture}"),
        None => format!("{name}-{version}"),
    }
}

/// What the file of a version may be called; no epoch is in it.
fn files(name: &str, version: &str) -> Vec<String> {
    let plain = version.split_once(':').map_or(version, |(_, plain)| plain);
    match foreign(name) {
        Some((name, architecture)) => vec![format!("{name}-{plain}.{architecture}.rpm")],
        None => own().map(|architecture| format!("{name}-{plain}.{architecture}.rpm")).into(),
    }
}

/// The name and architecture of a package that is not of the machine's own.
fn foreign(name: &str) -> Option<(&str, &str)> {
    name.rsplit_once('.').filter(|(_, end)| FOREIGN.contains(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "Last metadata expiration check: 0:00:16 ago.\n=====\n Package   Architecture   Version   Repository   Size\n=====\n";

    fn told(body: &str) -> Result<Vec<String>, String> {
        let table = table(&format!("{HEAD}{body}")).map_err(|why| why.to_string())?;
        let row = |row: &Row| format!("{}{} {}", if row.comes { '+' } else { '-' }, row.name, row.version);
        Ok(table.rows.iter().map(row).chain(table.besides).collect())
    }

    #[test]
    fn a_table_is_rows_that_add_up() {
        let body = "Installing:\n chrony   noarch   99-1   tiny   5.9 k\n     replacing  ntp.noarch 4.2-1\n\
            Installing dependencies:\n a-very-long-name-that-has-a-line-of-its-own\n          i686   1:2-3   tiny   6 \n\
            Upgrading:\n vsftpd   noarch   1:4.0-1   tiny   6.0 k\n\
            Removing dependent packages:\n telnet-extra   noarch   1.0-1   @System   2  \n\n\
            Transaction Summary\n=====\nInstall  2 Packages\nUpgrade  1 Package\nRemove   1 Package\n\nTotal size: 12 k\n";
        let expected = [
            "+chrony 99-1",
            "-ntp 4.2-1",
            "+a-very-long-name-that-has-a-line-of-its-own.i686 1:2-3",
            "+vsftpd 1:4.0-1",
            "-telnet-extra 1.0-1",
        ];
        assert_eq!(told(body).unwrap(), expected);
        assert!(told(&body.replace("Install  2", "Install  3")).unwrap_err().contains("in its sum"));
    }

    #[test]
    fn what_is_not_about_packages_is_told_and_silence_is_no_answer() {
        let body = "Enabling module streams:\n nodejs   18\n\nTransaction Summary\n=====\n";
        assert_eq!(told(body).unwrap(), ["dnf would do more: enabling module streams"]);
        assert_eq!(table("Dependencies resolved.\nNothing to do.\n").unwrap(), Table::default());
        assert!(table("").is_err() && table("Killed\n").is_err());
        let printed = "\n Problem: package clash-1-1.noarch conflicts with telnet\n  - conflicting requests\nNothing to do.\n";
        let why = "Problem: package clash-1-1.noarch conflicts with telnet - conflicting requests";
        assert_eq!(problems(printed).as_deref(), Some(why));
        assert_eq!(problems("Nothing to do.\n"), None);
        assert_eq!(complaint("Error: Operation aborted.\n"), None);
        assert_eq!(complaint("x\nError: no cache\n").as_deref(), Some("Error: no cache"));
        assert_eq!(complaint("\nno key\nError: None\n").as_deref(), Some("no key Error: None"));
    }

    #[test]
    fn packages_have_names_as_dnf_and_their_files_have_them() {
        assert_eq!(spec("vsftpd", "1:3.0-1"), "vsftpd-1:3.0-1");
        assert_eq!(spec("glibc.i686", "2.34-1"), "glibc-2.34-1.i686");
        assert_eq!(files("vsftpd", "1:3.0-1")[0], "vsftpd-3.0-1.noarch.rpm");
        assert_eq!(files("glibc.i686", "2.34-1"), ["glibc-2.34-1.i686.rpm"]);
        assert_eq!(files("python3.11", "3.11-1")[0], "python3.11-3.11-1.noarch.rpm");
        assert!(
            is_plain("install libstdc++-1:11~rc1-2.el9\n") && is_plain("install /var/cache/dnf/a/x.rpm\n")
        );
        for strange in
            ["install a b\n", "install a\nremove b\n", "remove --all\n", "install \n", "install 'a'\n"]
        {
            assert!(!is_plain(strange), "{strange}");
        }
    }
}
