//! Where texts come from: the running root, a mounted image, a test's map.

use model::{HostPath, Unread};

/// Hands out texts, names and link targets. All paths are followed inside the root that is looked at.
pub trait Source {
    /// The text of a regular file, links followed; `None` when there is none.
    ///
    /// # Errors
    /// When it is there and cannot be read, or is not text.
    fn text(&self, path: &HostPath) -> Result<Option<String>, Unread>;

    /// A file that is too large or too binary to be a text, to be read in parts; `None` when there is none.
    ///
    /// # Errors
    /// When it is there and cannot be opened.
    fn bytes(&self, path: &HostPath) -> Result<Option<Box<dyn Bytes>>, Unread> {
        Ok(self.text(path)?.map(|text| Box::new(text.into_bytes()) as Box<dyn Bytes>))
    }

    /// The names in a directory, in any order; none when there is no such directory.
    ///
    /// # Errors
    /// When it is there and cannot be read.
    fn names(&self, folder: &HostPath) -> Result<Vec<String>, Unread>;

    /// The target of a symbolic link as it is written; `None` when there is no link.
    ///
    /// # Errors
    /// When it cannot be told.
    fn link(&self, path: &HostPath) -> Result<Option<String>, Unread>;

    /// When a file was last written, in nanoseconds since 1970; `None` when there is none.
    ///
    /// # Errors
    /// When it cannot be told.
    fn modified(&self, path: &HostPath) -> Result<Option<i128>, Unread> {
        Err(Unread::Unsupported(format!("when {path} was written")))
    }
}

/// The bytes of one file, read here and there.
pub trait Bytes {
    /// How many there are.
    fn size(&self) -> u64;

    /// Fills `into` with the bytes from `at` on.
    ///
    /// # Errors
    /// When there are not so many, or they cannot be read.
    fn read_at(&self, at: u64, into: &mut [u8]) -> Result<(), Unread>;
}

impl Bytes for Vec<u8> {
    fn size(&self) -> u64 {
        self.len() as u64
    }

    fn read_at(&self, at: u64, into: &mut [u8]) -> Result<(), Unread> {
        let from = usize::try_from(at).ok().and_then(|at| self.get(at..)?.get(..into.len()));
        into.copy_from_slice(from.ok_or_else(|| Unread::Malformed("it ends too early".to_owned()))?);
        Ok(())
    }
}

/// The `*.conf` files of several folders in order of their names; a name in an earlier folder hides the same name
/// in a later one, and one that is empty or a link to `/dev/null` thereby hides it altogether.
pub(crate) fn drop_ins(source: &dyn Source, folders: &[HostPath]) -> Result<Vec<(HostPath, String)>, Unread> {
    let mut files = std::collections::BTreeMap::new();
    for folder in folders {
        for name in source.names(folder)?.into_iter().filter(|name| name.ends_with(".conf")) {
            if let Ok(path) = folder.join(&name) {
                files.entry(name).or_insert(path);
            }
        }
    }
    let mut texts = Vec::new();
    for path in files.into_values() {
        if let Some(text) = source.text(&path)? {
            texts.push((path, text));
        }
    }
    Ok(texts)
}
