//! rpm's database of installed packages, read from its file alone in each of its three formats.
//!
//! A database holds one header for each package: sqlite (Fedora, RHEL 9 on), ndb (SUSE), a Berkeley DB hash
//! (RHEL 8 and before). Whatever the bytes are, reading ends: pages are visited once, and no more is read
//! than a multiple of the file.

mod bdb;
mod header;
mod ndb;
mod owners;
mod reader;
mod sqlite;
mod version;

use std::collections::{BTreeSet, HashMap};

use model::{HostPath, Unread};

use crate::source::{Bytes, Source};
use reader::Reader;

pub use owners::{Owner, owners};
pub use version::{compare_versions, rpmvercmp};

/// Where systems keep the database: Fedora's and SUSE's place before the traditional one.
const FOLDERS: [&str; 2] = ["/usr/lib/sysimage/rpm", "/var/lib/rpm"];

/// Hands each header of a database to `each`.
type Headers = fn(&Reader<'_>, &mut dyn FnMut(&[u8]) -> Result<(), Unread>) -> Result<(), Unread>;

/// How rpm names the public keys that it trusts, among the packages.
const KEY: &str = "gpg-pubkey";

/// The installed packages, by name; of several versions of one package (kernels) the newest.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Packages {
    named: HashMap<String, String>,
    /// The same as `name.architecture`.
    beside: HashMap<String, String>,
    keys: BTreeSet<String>,
}

impl Packages {
    /// Reads the system's database; `None` when it has none.
    ///
    /// # Errors
    /// When there is one that cannot be read, was left in the middle of a write, or names no package at all.
    pub fn read(source: &dyn Source) -> Result<Option<Self>, Unread> {
        let mut packages = Self::default();
        let Some(path) = each(source, &mut |blob| packages.add(blob))? else { return Ok(None) };
        packages.complete().map(Some).map_err(|why| at(&path, why))
    }

    /// Reads an sqlite database with the pages that its write-ahead log still holds.
    ///
    /// # Errors
    /// When it is not one that rpm writes.
    pub fn of_sqlite(bytes: &dyn Bytes, log: Option<&dyn Bytes>) -> Result<Self, Unread> {
        let mut packages = Self::default();
        let log = log.map(Reader::new).transpose()?;
        sqlite::headers(&Reader::new(bytes)?, log.as_ref(), &mut |blob| packages.add(blob))?;
        packages.complete()
    }

    /// Reads an ndb database.
    ///
    /// # Errors
    /// When it is not one that rpm writes.
    pub fn of_ndb(bytes: &dyn Bytes) -> Result<Self, Unread> {
        Self::of(bytes, ndb::headers)
    }

    /// Reads a Berkeley DB hash.
    ///
    /// # Errors
    /// When it is not one that rpm writes.
    pub fn of_bdb(bytes: &dyn Bytes) -> Result<Self, Unread> {
        Self::of(bytes, bdb::headers)
    }

    /// `[epoch:]version-release` of an installed package, which may be named with its architecture.
    pub fn version(&self, name: &str) -> Option<&str> {
        self.named.get(name).or_else(|| self.beside.get(name)).map(String::as_str)
    }

    /// The public keys that packages may be signed with, each as the last half of its id, `-` and when it was made,
    /// both in hexadecimal: `rpm -q gpg-pubkey` without that name.
    pub fn keys(&self) -> &BTreeSet<String> {
        &self.keys
    }

    /// How many packages are installed, each name once.
    pub fn len(&self) -> usize {
        self.named.len()
    }

    /// Whether none is installed.
    pub fn is_empty(&self) -> bool {
        self.named.is_empty()
    }

    fn of(bytes: &dyn Bytes, headers: Headers) -> Result<Self, Unread> {
        let mut packages = Self::default();
        headers(&Reader::new(bytes)?, &mut |blob| packages.add(blob))?;
        packages.complete()
    }

    fn add(&mut self, blob: &[u8]) -> Result<(), Unread> {
        let header = header::parse(blob)?;
        if header.name == KEY {
            self.keys.insert(header.version.clone());
        }
        if let Some(architecture) = header.architecture {
            newest(&mut self.beside, format!("{}.{architecture}", header.name), &header.version);
        }
        newest(&mut self.named, header.name, &header.version);
        Ok(())
    }

    /// No system is without a package; a database that was just made by mistake is.
    fn complete(self) -> Result<Self, Unread> {
        if self.named.is_empty() {
            return Err(Unread::Malformed("the database names no package at all".to_owned()));
        }
        Ok(self)
    }
}

/// Hands each header of the system's database to `take`; answers which file it is in, `None` when there is none.
fn each(
    source: &dyn Source,
    take: &mut dyn FnMut(&[u8]) -> Result<(), Unread>,
) -> Result<Option<HostPath>, Unread> {
    for folder in FOLDERS.map(HostPath::literal) {
        let file = |name: &str| {
            let path = folder.join(name).map_err(|error| Unread::Failed(error.to_string()))?;
            let bytes = source.bytes(&path)?.filter(|bytes| bytes.size() > 0);
            Ok::<_, Unread>(bytes.map(|bytes| (path, bytes)))
        };
        if let Some((path, bytes)) = file("rpmdb.sqlite")? {
            let log = file("rpmdb.sqlite-wal")?.map(|(_, log)| log);
            if let Some((journal, _)) = file("rpmdb.sqlite-journal")? {
                return Err(Unread::Malformed(format!(
                    "{journal} is there: a write to the database did not end"
                )));
            }
            let mut read = || {
                let log = log.as_deref().map(Reader::new).transpose()?;
                sqlite::headers(&Reader::new(&*bytes)?, log.as_ref(), take)
            };
            return read().map_err(|why| at(&path, why)).map(|()| Some(path));
        }
        for (name, headers) in
            [("Packages.db", ndb::headers as Headers), ("Packages", bdb::headers as Headers)]
        {
            if let Some((path, bytes)) = file(name)? {
                let read = Reader::new(&*bytes).and_then(|reader| headers(&reader, take));
                return read.map_err(|why| at(&path, why)).map(|()| Some(path));
            }
        }
    }
    Ok(None)
}

fn newest(held: &mut HashMap<String, String>, name: String, version: &str) {
    match held.get_mut(&name) {
        Some(held) if compare_versions(held, version).is_ge() => {}
        Some(held) => version.clone_into(held),
        None => drop(held.insert(name, version.to_owned())),
    }
}

fn at(path: &HostPath, why: Unread) -> Unread {
    match why {
        Unread::Malformed(what) => Unread::Malformed(format!("{path}: {what}")),
        other => other,
    }
}
