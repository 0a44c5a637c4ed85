//! Which packages own files, by the database: names of files are kept apart from those of their folders.

use std::collections::BTreeSet;

use model::{HostPath, Unread};

use super::header::{self, Array};
use crate::source::Source;

const INSTALLED: u32 = 1008;
const FOLDER_OF: u32 = 1116;
const NAMES: u32 = 1117;
const FOLDERS: u32 = 1118;

/// A package that owns a file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Owner {
    /// The file, as it was asked for.
    pub path: HostPath,
    /// The package.
    pub package: String,
    /// Its `[epoch:]version-release`.
    pub version: String,
    /// When the transaction began that brought it, in seconds since 1970.
    pub installed: Option<i64>,
}

/// The owners of these files, as [`super::Packages::read`] finds the database; none where there is no database.
///
/// # Errors
/// As there.
pub fn owners(source: &dyn Source, paths: &BTreeSet<HostPath>) -> Result<Vec<Owner>, Unread> {
    let mut found = Vec::new();
    super::each(source, &mut |blob| {
        let installed = header::array(blob, INSTALLED)?.and_then(|times| times.number(0)).map(i64::from);
        let owned = owned(blob, paths)?;
        if !owned.is_empty() {
            let header::Header { name: package, version, .. } = header::parse(blob)?;
            found.extend(owned.into_iter().map(|path| {
                let (package, version) = (package.clone(), version.clone());
                Owner { path, package, version, installed }
            }));
        }
        Ok(())
    })?;
    Ok(found)
}

/// Those of the files that a package brought.
fn owned(blob: &[u8], paths: &BTreeSet<HostPath>) -> Result<Vec<HostPath>, Unread> {
    let tag = |tag: u32| header::array(blob, tag);
    let (Some(names), Some(folders), Some(of)) = (tag(NAMES)?, tag(FOLDERS)?, tag(FOLDER_OF)?) else {
        return Ok(Vec::new());
    };
    let folders: Vec<&[u8]> = folders.texts().collect();
    let wanted: Vec<_> = paths.iter().filter_map(|path| Some((path, split(path)?))).collect();
    let is_here = |(path, (folder, name)): &(&HostPath, (&str, &str))| {
        let mut pairs = names.texts().zip(0..).filter(|(text, _)| *text == name.as_bytes());
        let there = pairs.any(|(_, at)| folder_at(&folders, &of, at) == Some(folder.as_bytes()));
        there.then(|| (*path).clone())
    };
    Ok(wanted.iter().filter_map(is_here).collect())
}

fn folder_at<'f>(folders: &[&'f [u8]], of: &Array<'_>, at: usize) -> Option<&'f [u8]> {
    folders.get(of.number(at)? as usize).copied()
}

/// A path as the database has it: its folder with the last `/`, and its name.
fn split(path: &HostPath) -> Option<(&str, &str)> {
    let at = path.as_str().rfind('/')? + 1;
    Some(path.as_str().split_at(at))
}
