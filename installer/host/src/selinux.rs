//! SELinux as it is installed: modules of the policy at our priority, and labels of files.
//!
//! A module lies in the module store (`/var/lib/selinux/POLICY/active/modules/400/NAME`) and is out of force while
//! there is a file of its name in `…/modules/disabled`. Its bytes go in and come out through semodule(8), which compiles
//! and loads the policy as a whole, or leaves the old one.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;

use model::{Blobs, Digest, HostError, HostPath, Keep, State, Unread};
use rustix::fs::{OFlags, XattrFlags};
use tempfile::TempDir;

use crate::files::host_error;
use crate::run;
use crate::tree::{self, Tree};

const SEMODULE: &str = "/usr/sbin/semodule";
const CONFIG: &str = "/etc/selinux/config";
/// The priority of what an administrator installs: above that of the system's own modules, 100.
const PRIORITY: &str = "--priority=400";
const LABEL: &str = "security.selinux";
/// The largest label that is read, in bytes; the kernel allows a page.
const LABEL_LIMIT: usize = 4096;

/// A module as it is installed: absent, or what [`model::Resource::SelinuxModule`] says.
pub(crate) async fn module(tree: &Tree, name: &str) -> Result<State, Unread> {
    let store = store(tree)?;
    if !tree.exists(&format!("{store}/400/{name}"))? {
        return Ok(State::Absent);
    }
    let disabled = tree.exists(&format!("{store}/disabled/{name}"))?;
    let folder = extracted(tree, name).await?;
    let mut file = taken_out(&folder, name)?;
    let content = crate::files::hash(&mut file).map_err(|error| tree::unread(name, &error))?;
    Ok(State::record([("content", State::Content(content)), ("enabled", State::Flag(!disabled))]))
}

/// Copies the CIL of an installed module out.
pub(crate) async fn read(tree: &Tree, name: &str, into: &dyn Keep) -> Result<Digest, Unread> {
    let folder = extracted(tree, name).await?;
    let mut file = taken_out(&folder, name)?;
    into.keep(&mut file)
        .map_err(|error| Unread::Failed(format!("keeping the SELinux module {name}: {error}")))
}

/// Installs, switches or removes a module.
pub(crate) async fn put_module(
    tree: &Tree,
    name: &str,
    from: &State,
    to: &State,
    bytes: &dyn Blobs,
) -> Result<(), HostError> {
    let what = || format!("SELinux module {name}");
    let seen = module(tree, name).await.map_err(|error| HostError::Failed(error.to_string()))?;
    if seen != *from {
        return Err(HostError::Stale(what()));
    }
    let enabled = to.get("enabled").and_then(State::as_flag);
    let (content, enabled) = match (to, to.bytes(), enabled) {
        (State::Absent, ..) => return semodule(&[PRIORITY, "--remove", name]).await,
        (_, Some(content), Some(enabled)) => (content, enabled),
        _ => return Err(HostError::Unsupported(format!("{} cannot become {to}", what()))),
    };
    let failed = |error: io::Error| HostError::Failed(format!("{}: {error}", what()));
    let folder = scratch().map_err(failed)?;
    let path = folder.path().join(format!("{name}.cil"));
    let mut file = File::create_new(&path).map_err(failed)?;
    let mut reader =
        bytes.open(&content).map_err(|error| HostError::Failed(format!("{}: {error}", what())))?;
    io::copy(&mut reader, &mut file).and_then(|_| file.flush()).map_err(failed)?;
    let path = path.display().to_string();
    let switch = if enabled { "--enable" } else { "--disable" };
    semodule(&[PRIORITY, "--install", &path, switch, name]).await
}

/// The label of what a path leads to; absent where it has none, or nothing is there.
pub(crate) fn label(tree: &Tree, path: &HostPath) -> Result<State, Unread> {
    if !tree.runs() {
        return Err(Unread::Unsupported("labels are looked at on the running machine only".to_owned()));
    }
    labelled(tree, path)
}

fn labelled(tree: &Tree, path: &HostPath) -> Result<State, Unread> {
    let fail = |error: io::Error| tree::unread(path.as_str(), &error);
    let opened = tree.open(path.as_str(), OFlags::RDONLY | OFlags::NONBLOCK).map_err(fail)?;
    let Some(file) = opened else { return Ok(State::Absent) };
    let mut value = vec![0_u8; LABEL_LIMIT];
    let length = match rustix::fs::fgetxattr(&file, LABEL, &mut value) {
        Ok(length) => length,
        Err(rustix::io::Errno::NODATA | rustix::io::Errno::OPNOTSUPP) => return Ok(State::Absent),
        Err(error) => return Err(fail(error.into())),
    };
    value.truncate(length);
    let text =
        String::from_utf8(value).map_err(|_| Unread::Malformed(format!("the label of {path} is no text")))?;
    Ok(State::text(text.trim_end_matches('\0')))
}

/// Gives what a path leads to a label.
pub(crate) fn put_label(tree: &Tree, path: &HostPath, from: &State, to: &State) -> Result<(), HostError> {
    let fail = |error: io::Error| host_error(path, &error);
    if label(tree, path).map_err(|error| HostError::Failed(error.to_string()))? != *from {
        return Err(HostError::Stale(format!("SELinux label of {path}")));
    }
    let opened = tree.open(path.as_str(), OFlags::RDONLY | OFlags::NONBLOCK).map_err(fail)?;
    let file = File::from(opened.ok_or_else(|| HostError::Failed(format!("{path} is not there")))?);
    let given = match to {
        // As libselinux writes it: with the zero that ends it.
        State::Text(text) => {
            rustix::fs::fsetxattr(&file, LABEL, format!("{text}\0").as_bytes(), XattrFlags::empty())
        }
        State::Absent => rustix::fs::fremovexattr(&file, LABEL),
        other => {
            return Err(HostError::Unsupported(format!("SELinux label of {path} cannot become {other}")));
        }
    };
    given.map_err(|error| fail(error.into()))?;
    file.sync_all().map_err(fail)
}

/// The folder of the modules of the policy that is in use.
fn store(tree: &Tree) -> Result<String, Unread> {
    if !tree.runs() {
        let why = "modules of SELinux' policy are looked at on the running machine only";
        return Err(Unread::Unsupported(why.to_owned()));
    }
    let config = syntax::text::assignments::read(&tree.text(CONFIG)?.unwrap_or_default());
    let policy = config.get("SELINUXTYPE");
    let policy = policy.ok_or_else(|| Unread::Unsupported(format!("{CONFIG} names no policy")))?;
    Ok(format!("/var/lib/selinux/{policy}/active/modules"))
}

/// Lets semodule write a module's CIL into a folder of our own.
async fn extracted(tree: &Tree, name: &str) -> Result<TempDir, Unread> {
    store(tree)?;
    let folder = scratch().map_err(|error| tree::unread("/run", &error))?;
    let (there, extract) = (format!("--chdir={}", folder.path().display()), format!("--extract={name}"));
    // It writes into its current directory, and takes no other.
    run::output(Path::new("/usr/bin/env"), &[&there, SEMODULE, PRIORITY, "--cil", &extract]).await?;
    Ok(folder)
}

fn taken_out(folder: &TempDir, name: &str) -> Result<impl Read, Unread> {
    let path = folder.path().join(format!("{name}.cil"));
    File::open(&path).map_err(|error| tree::unread(path, &error))
}

/// A folder that only root sees, gone when it is dropped: semodule works on files of the module's name.
fn scratch() -> io::Result<TempDir> {
    tempfile::Builder::new().prefix("groundfast-selinux-").tempdir_in("/run")
}

async fn semodule(arguments: &[&str]) -> Result<(), HostError> {
    let done = run::carry_out(Path::new(SEMODULE), arguments, &[], None).await;
    done.map(drop).map_err(|error| HostError::Failed(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::tests::scratch;

    #[test]
    fn a_label_is_given_changed_and_taken_back() {
        let tree = Tree::at(Path::new("/")).unwrap().running();
        let folder = tempfile::tempdir().unwrap();
        let path: HostPath = folder.path().to_str().unwrap().parse().unwrap();
        let mut seen = label(&tree, &path).unwrap();
        for to in ["system_u:object_r:var_t:s0", "system_u:object_r:etc_t:s0"].map(State::text) {
            put_label(&tree, &path, &seen, &to).unwrap();
            assert_eq!(label(&tree, &path), Ok(to.clone()));
            let stale = put_label(&tree, &path, &State::text("other"), &to);
            assert!(matches!(stale, Err(HostError::Stale(_))), "{stale:?}");
            seen = to;
        }
        // Where SELinux runs nothing can be without a label.
        if !Path::new("/sys/fs/selinux/enforce").exists() {
            put_label(&tree, &path, &seen, &State::Absent).unwrap();
            assert_eq!(label(&tree, &path), Ok(State::Absent));
        }
        let nowhere = path.join("nowhere").unwrap();
        assert_eq!(label(&tree, &nowhere), Ok(State::Absent));
        assert!(put_label(&tree, &nowhere, &State::Absent, &State::text("x")).is_err());
    }

    #[test]
    fn another_root_has_no_labels_to_be_seen() {
        let (_folder, tree) = scratch(&[("data/x", "")]);
        assert!(matches!(label(&tree, &"/data".parse().unwrap()), Err(Unread::Unsupported(_))));
    }

    #[tokio::test]
    async fn modules_of_another_root_are_not_told() {
        let (_folder, tree) = scratch(&[("etc/selinux/config", "SELINUXTYPE=default\n")]);
        assert!(matches!(module(&tree, "x").await, Err(Unread::Unsupported(_))));
    }
}
