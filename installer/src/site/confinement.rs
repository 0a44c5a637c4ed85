//! What a bundle brings to confine its product: AppArmor profiles, SELinux modules, labels of volumes.

use std::collections::BTreeSet;

use bundle::{Contents, FileEntry};
use model::{Blobs, HostPath};
use stack::confinement::Part;
use syntax::apparmor;

use crate::answers::Answers;
use crate::failure::{Exit, Failure};

/// What of it belongs on this machine.
///
/// # Errors
/// Exit 4 when a file is not what its name says, 2 when a volume's folder is no path.
pub fn parts(contents: &Contents, blobs: &dyn Blobs, answers: &Answers) -> Result<Vec<Part>, Failure> {
    let mut parts = Vec::new();
    for file in contents.role("apparmor") {
        parts.push(Part::Profile { name: profile(contents, file, blobs)?, content: file.digest });
    }
    for file in contents.role("selinux") {
        let name = file.title.strip_suffix(".cil").filter(|name| apparmor::is_name(name));
        let name =
            name.ok_or_else(|| refused(file, "it has to be called as the module, with `.cil` behind it"))?;
        parts.push(Part::Module { name: name.to_owned(), content: file.digest });
    }
    for volume in &contents.declarations.volumes {
        let Some(label) = volume.selinux_label.clone() else { continue };
        let bound = answers.stack.volumes.get(&volume.name).map(|path| path.display().to_string());
        let folder = bound.or_else(|| volume.path.clone()).map(|path| path.parse::<HostPath>()).transpose();
        let folder = folder.map_err(|error| {
            Failure::new(Exit::Usage, format!("the folder of the volume {}", volume.name)).because(&error)
        })?;
        parts.push(Part::Volume { name: volume.name.clone(), folder, label });
    }
    Ok(parts)
}

/// The names of the profiles among the parts of a bundle, for its Compose file.
pub fn profiles(contents: &Contents) -> BTreeSet<String> {
    contents.role("apparmor").map(|file| file.title.clone()).collect()
}

/// The name of the profile in a file: the file's own, or the two would part on the machine.
fn profile(contents: &Contents, file: &FileEntry, blobs: &dyn Blobs) -> Result<String, Failure> {
    let reading =
        || Failure::new(Exit::Error, format!("reading the AppArmor profile {} of the bundle", file.title));
    let bytes = contents.bytes(file, blobs).map_err(|error| reading().because(&error))?;
    let text = String::from_utf8(bytes).map_err(|error| reading().because(&error))?;
    match apparmor::defined(&text) {
        Ok(name) if name == file.title => Ok(name.to_owned()),
        Ok(name) => {
            Err(refused(file, &format!("it defines the profile `{name}`, so it has to be called so")))
        }
        Err(error) => Err(refused(file, &error.to_string())),
    }
}

fn refused(file: &FileEntry, why: &str) -> Failure {
    Failure::new(
        Exit::Refused,
        format!("the bundle's {} file {} cannot be used: {why}", file.role, file.title),
    )
}
