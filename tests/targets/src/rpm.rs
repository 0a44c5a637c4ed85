//! rpm's database in each of its formats: the first byte says which, the rest is the file.

use std::collections::BTreeSet;

use model::{HostPath, Unread};
use syntax::rpm::{Packages, owners};
use syntax::{Bytes, Source};

/// A machine that has nothing but this database, and what is left of its log.
struct Machine<'b> {
    name: &'static str,
    file: &'b [u8],
    log: Option<&'b [u8]>,
}

impl Source for Machine<'_> {
    fn text(&self, _: &HostPath) -> Result<Option<String>, Unread> {
        Ok(None)
    }

    fn bytes(&self, path: &HostPath) -> Result<Option<Box<dyn Bytes>>, Unread> {
        let at = path.as_str().strip_prefix("/var/lib/rpm/");
        let bytes = match at {
            Some("rpmdb.sqlite-wal") => self.log,
            at => (at == Some(self.name)).then_some(self.file),
        };
        Ok(bytes.map(|bytes| Box::new(bytes.to_vec()) as Box<dyn Bytes>))
    }

    fn names(&self, _: &HostPath) -> Result<Vec<String>, Unread> {
        Ok(Vec::new())
    }

    fn link(&self, _: &HostPath) -> Result<Option<String>, Unread> {
        Ok(None)
    }
}

/// What is read names a package at least, and whoever owns a file is installed.
pub(crate) fn database(bytes: &[u8]) {
    let Some((format, rest)) = bytes.split_first() else { return };
    let whole = |name| Machine { name, file: rest, log: None };
    let machine = match format {
        0 => whole("rpmdb.sqlite"),
        1 => whole("Packages.db"),
        2 => whole("Packages"),
        _ => {
            let Some((length, rest)) = rest.split_first_chunk::<4>() else { return };
            let Some((file, log)) = rest.split_at_checked(u32::from_le_bytes(*length) as usize) else {
                return;
            };
            Machine { name: "rpmdb.sqlite", file, log: Some(log) }
        }
    };
    let Ok(read) = Packages::read(&machine) else { return };
    let asked = BTreeSet::from(["/etc/alpha.conf", "/etc/alpha.d/y"].map(HostPath::literal));
    let owners = owners(&machine, &asked).unwrap_or_default();
    if let Some(packages) = read {
        assert!(!packages.is_empty());
        for owner in owners {
            assert!(packages.version(&owner.package).is_some() && asked.contains(&owner.path));
        }
    }
}
