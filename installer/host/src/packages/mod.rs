//! Packages of the running machine through its own package manager: what it would do, and doing exactly that.
//!
//! A transaction is simulated before it is planned and again before it is carried out, and refused when it would do
//! anything but what was planned. Nothing is fetched over a network: packages come from a cache or from sources on
//! this machine. The manager runs in a process group of its own, so that neither Ctrl-C nor a kill of this program
//! stops it half-way; [`settle`] waits for it.

mod apt;
mod dnf;

use std::collections::BTreeMap;
use std::sync::Mutex;

use model::{Change, HostError, Resource, State, Transaction, Unread};
use syntax::packages::dpkg;
use syntax::{Lookups, Packages, rpm};

use crate::tree::Tree;

/// The databases of dpkg and rpm; one of these is written whenever a package changes.
const DATABASES: [&str; 6] = [
    "/var/lib/dpkg/status",
    "/usr/lib/sysimage/rpm/rpmdb.sqlite",
    "/var/lib/rpm/rpmdb.sqlite",
    "/var/lib/rpm/rpmdb.sqlite-wal",
    "/var/lib/rpm/Packages.db",
    "/var/lib/rpm/Packages",
];

/// How many seconds an operation of somebody else on the packages is waited for.
const PATIENCE: u32 = 120;

/// Packages that no transaction may take away, beside those that the manager itself protects, and why.
const GUARDED: [(&str, &[&str]); 5] = [
    ("operators log in by it", &["openssh-server", "dropbear", "dropbear-bin", "libpam-modules", "pam"]),
    ("operators work by it", &["sudo", "sudo-ldap"]),
    (
        "containers run by it",
        &[
            "containerd",
            "containerd.io",
            "crun",
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
    (
        "the machine starts by it",
        &[
            "dracut",
            "grub-efi-amd64",
            "grub-efi-arm64",
            "grub-pc",
            "grub2-common",
            "grub2-efi-aa64",
            "grub2-efi-x64",
            "grub2-pc",
            "initramfs-tools",
            "shim-aa64",
            "shim-x64",
        ],
    ),
    ("Groundfast works by it", &["apt", "dnf", "dpkg", "rpm", "systemd", "systemd-sysv"]),
];

/// What is asked of one package.
enum Wish<'w> {
    /// The newest at hand.
    Newest(&'w str),
    /// A version.
    Exactly(&'w str, &'w str),
    /// Not to be there.
    Gone(&'w str),
}

/// The system's package manager, with what its database holds.
enum Manager {
    Apt(dpkg::Packages),
    Dnf(rpm::Packages),
}

impl Manager {
    fn of(tree: &Tree) -> Result<Self, Unread> {
        let unsupported = |why: &str| Err(Unread::Unsupported(why.to_owned()));
        if !tree.is_live() {
            return unsupported("packages are changed on the running machine only, not below another root");
        }
        match Lookups::new(tree).packages()? {
            Packages::Deb(packages) if tree.exists(apt::APT)? => Ok(Self::Apt(packages.clone())),
            Packages::Rpm(packages) if tree.exists(dnf::DNF)? => Ok(Self::Dnf(packages.clone())),
            _ => unsupported("packages are changed through apt or dnf only, and there is neither"),
        }
    }

    /// What it would do.
    async fn transaction(&self, tree: &Tree, wishes: &[Wish<'_>]) -> Result<Transaction, Unread> {
        match self {
            Self::Apt(known) => apt::transaction(tree, known, wishes).await,
            Self::Dnf(known) => dnf::transaction(tree, known, wishes).await,
        }
    }

    async fn carry_out(&self, tree: &Tree, wishes: &[Wish<'_>]) -> Result<(), HostError> {
        match self {
            Self::Apt(_) => apt::carry_out(tree, wishes).await,
            Self::Dnf(_) => dnf::carry_out(tree, wishes).await,
        }
    }
}

/// Simulations of the database as it is: planning asks again what assessment asked, and managers are slow to answer.
#[derive(Default)]
pub(crate) struct Simulations(Mutex<(Stamp, BTreeMap<Resource, State>)>);

/// Of each database: when it was last written, and the file itself.
type Stamp = Vec<Option<(i64, u64, u64)>>;

impl Simulations {
    /// What the package manager would do; asked of it once for each state of the database.
    ///
    /// # Errors
    /// When there is no manager here, or it finds no way.
    pub(crate) async fn ask(&self, tree: &Tree, question: &Resource) -> Result<State, Unread> {
        let Resource::Transaction { install, remove } = question else {
            return Err(Unread::Unsupported(question.to_string()));
        };
        let stamp = DATABASES
            .iter()
            .map(|path| Ok(tree.stat(path)?.map(|stat| (stat.st_mtime, stat.st_mtime_nsec, stat.st_ino))))
            .collect::<Result<Stamp, Unread>>()?;
        if let Some(state) = self.known(stamp, question) {
            return Ok(state);
        }
        let come = install.iter().map(|name| Wish::Newest(name));
        let wishes: Vec<Wish<'_>> = come.chain(remove.iter().map(|name| Wish::Gone(name))).collect();
        let state = Manager::of(tree)?.transaction(tree, &wishes).await?.to_state();
        if let Ok(mut held) = self.0.lock() {
            held.1.insert(question.clone(), state.clone());
        }
        Ok(state)
    }

    fn known(&self, stamp: Stamp, question: &Resource) -> Option<State> {
        let mut held = self.0.lock().ok()?;
        if held.0 != stamp {
            *held = (stamp, BTreeMap::new());
        }
        held.1.get(question).cloned()
    }
}

/// The state of one package.
pub(crate) fn state(packages: &Packages, name: &str) -> State {
    match packages {
        Packages::Deb(packages) => match packages.get(name) {
            Some(package) if package.status == "installed" => State::text(&*package.version),
            Some(package) => model::unfinished_package(&package.version, &package.status),
            None => State::Absent,
        },
        Packages::Rpm(packages) => dnf::version(packages, name).into(),
    }
}

/// Carries out changes of packages in one transaction.
///
/// # Errors
/// [`HostError::Stale`] when the manager would do anything else by now; nothing was changed then.
pub(crate) async fn put(tree: &Tree, changes: &[Change]) -> Result<(), HostError> {
    let failed = |unread: Unread| HostError::Failed(unread.to_string());
    let manager = Manager::of(tree).map_err(failed)?;
    let mut wanted = BTreeMap::new();
    let mut wishes = Vec::new();
    for change in changes {
        let Resource::Package { name } = &change.resource else {
            return Err(HostError::Unsupported(change.to_string()));
        };
        wanted.insert(name.clone(), change.to.clone());
        wishes.push(change.to.as_text().map_or(Wish::Gone(name), |version| Wish::Exactly(name, version)));
    }
    let now = manager.transaction(tree, &wishes).await.map_err(failed)?;
    if !now.refused.is_empty() {
        return Err(HostError::Unsupported(now.refused.join("; ")));
    }
    let would: BTreeMap<String, State> = now.moves.into_iter().map(|one| (one.package, one.to)).collect();
    if would != wanted {
        let names = |all: &BTreeMap<String, State>| all.keys().cloned().collect::<Vec<_>>().join(" ");
        let (planned, would) = (names(&wanted), names(&would));
        return Err(HostError::Stale(format!("packages: {planned} were planned, now it would be {would}")));
    }
    manager.carry_out(tree, &wishes).await
}

/// Waits until nobody works on the packages any more, and has the manager finish what an interruption left open.
///
/// # Errors
/// When somebody goes on for too long, or it cannot be finished.
pub(crate) async fn settle(tree: &Tree) -> Result<(), HostError> {
    if !tree.is_live() {
        return Ok(());
    }
    apt::settle(tree).await?;
    dnf::settle(tree).await
}

/// Why a package must not be taken away, if it must not. `protected` is what the manager's database says of it.
fn guarded(name: &str, protected: bool) -> Option<String> {
    let plain = name.split(':').next().unwrap_or(name);
    let why = if protected {
        "the system cannot do without it"
    } else if plain.starts_with("linux-image-") || plain == "kernel" || plain.starts_with("kernel-core") {
        "it is a kernel"
    } else {
        GUARDED.iter().find(|(_, names)| names.contains(&plain))?.0
    };
    Some(format!("{name} would be removed, but {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_machine_stands_on_is_guarded() {
        for name in [
            "sudo",
            "openssh-server",
            "docker.io",
            "linux-image-6.1.0-1-amd64",
            "apt",
            "sudo:i386",
            "kernel-core",
            "pam",
            "grub2-pc",
        ] {
            assert!(guarded(name, false).is_some(), "{name}");
        }
        for name in ["cups", "sudoku", "linux-doc", "telnet", "kernel-doc", "pam.i686"] {
            assert_eq!(guarded(name, false), None, "{name}");
            assert!(guarded(name, true).is_some(), "{name}");
        }
    }
}
