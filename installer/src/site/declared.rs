//! What is known of the site and declared by the bundle, as variables of the environment profile.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use bundle::Contents;
use bundle::spec::{Confinement, Declarations, Port, Protocol, Volume};

use crate::answers::Answers;

/// What a place of the profile is called that only the container engine can name.
const ENGINE: &str = "engine";
/// Images hold many small files; the store holds few large ones.
const INODES: [u32; 2] = [10_000, 1_000];

/// The variables: those of the answers alone, or of a bundle as well.
pub fn variables(answers: &Answers, contents: Option<&Contents>, data: &Path) -> BTreeMap<String, String> {
    let mut known = of_site(answers);
    let mut know = |name: &str, value: String| drop(known.insert(name.to_owned(), value));
    let Some(contents) = contents else { return known };
    let needs = &contents.declarations;
    let project = answers.stack.project.as_ref().unwrap_or(&contents.release.product);
    know("project", project.clone());
    know("cpus", needs.cpu.max(1).to_string());
    know("memory_mib", mib(needs.memory.0).max(1).to_string());
    let store = existing(data).display().to_string();
    know("disk", disk(answers, needs, &store, contents.release.total_size));
    know("inodes", format!("{ENGINE}={},{store}={}", INODES[0], INODES[1]));
    know("persistent_paths", join(locked(answers, needs)));
    if !needs.ports.is_empty() {
        know("ports", join(needs.ports.iter().map(port)));
    }
    if !needs.confinement.is_empty() {
        know("confinement", join(needs.confinement.iter().map(confinement)));
    }
    if !needs.dns.is_empty() {
        know("dns_names", needs.dns.join(","));
    }
    known
}

/// The names that the bundle wants each certificate to cover, by the certificate's name.
pub fn certificate_names(contents: &Contents) -> BTreeMap<String, Vec<String>> {
    let declared = contents.declarations.certificates.iter().filter(|need| !need.dns.is_empty());
    declared.map(|need| (need.name.clone(), need.dns.clone())).collect()
}

fn of_site(answers: &Answers) -> BTreeMap<String, String> {
    let mut known = BTreeMap::from([
        ("ntp_servers".to_owned(), answers.site.ntp.join(",")),
        ("docker_socket".to_owned(), answers.stack.socket.display().to_string()),
    ]);
    if !answers.site.no_proxy.is_empty() {
        let own = ["localhost", "127.0.0.1"].map(str::to_owned);
        known.insert("internal".to_owned(), join(own.into_iter().chain(answers.site.no_proxy.clone())));
    }
    let volumes = join(answers.stack.volumes.values().map(|path| path.display().to_string()));
    if !volumes.is_empty() {
        known.insert("persistent_paths".to_owned(), volumes);
    }
    known
}

/// Where a volume will lie: in the folder that the answers or the bundle name, else where the engine keeps it.
fn place(volume: &Volume, answers: &Answers) -> String {
    let answered = answers.stack.volumes.get(&volume.name).map(|path| path.display().to_string());
    answered.or_else(|| volume.path.clone()).unwrap_or_else(|| ENGINE.to_owned())
}

/// The places where files are locked: volumes of databases, and what only the answers name, of which nobody knows.
fn locked(answers: &Answers, needs: &Declarations) -> BTreeSet<String> {
    let databases = needs.volumes.iter().filter(|volume| volume.database);
    let declared = |name: &String| needs.volumes.iter().any(|volume| volume.name == *name);
    let others = answers.stack.volumes.iter().filter(|(name, _)| !declared(name));
    let others = others.map(|(_, path)| path.display().to_string());
    databases.map(|volume| place(volume, answers)).chain(others).collect()
}

/// The store holds the bundle once; loaded images and volumes need room beside it.
fn disk(answers: &Answers, needs: &Declarations, store: &str, total: u64) -> String {
    let mut room: BTreeMap<String, u64> = BTreeMap::new();
    let volumes = needs.volumes.iter().map(|volume| (place(volume, answers), volume.size.0));
    for (place, bytes) in
        [(store.to_owned(), total), (ENGINE.to_owned(), needs.disk.0)].into_iter().chain(volumes)
    {
        *room.entry(place).or_default() += mib(bytes);
    }
    join(room.into_iter().map(|(place, mib)| format!("{place}={mib}")))
}

fn port(port: &Port) -> String {
    let protocol = match port.protocol {
        Protocol::Tcp => "tcp",
        Protocol::Udp => "udp",
    };
    format!("{}/{protocol}", port.port)
}

fn confinement(mechanism: &Confinement) -> String {
    let name = match mechanism {
        Confinement::Apparmor => "apparmor",
        Confinement::Selinux => "selinux",
    };
    name.to_owned()
}

fn join(words: impl IntoIterator<Item = String>) -> String {
    words.into_iter().collect::<Vec<_>>().join(",")
}

fn mib(bytes: u64) -> u64 {
    bytes.div_ceil(1 << 20)
}

/// The nearest directory above a path that is there: where its space will come from.
fn existing(path: &Path) -> PathBuf {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    absolute.ancestors().find(|above| above.is_dir()).unwrap_or(Path::new("/")).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answers(text: &str) -> Answers {
        Answers::parse(&format!("version = 1\n{text}"), Path::new("answers.toml"), &[]).unwrap()
    }

    fn needs() -> Declarations {
        let text = "disk = \"2GiB\"\n\
            [[volume]]\nname = \"db\"\nservice = \"db\"\nsize = \"1GiB\"\ndatabase = true\n\
            [[volume]]\nname = \"graph\"\nservice = \"g\"\nsize = \"512MiB\"\ndatabase = true\npath = \"/srv/graph\"\n\
            [[volume]]\nname = \"files\"\nservice = \"app\"\nsize = \"1MiB\"\n";
        toml::from_str(text).unwrap()
    }

    #[test]
    fn what_a_database_locks_is_tried_where_it_will_lie() {
        assert_eq!(join(locked(&answers(""), &needs())), "/srv/graph,engine");
        let named =
            answers("[stack.volumes]\ndb = \"/srv/db\"\nfiles = \"/srv/files\"\nmine = \"/srv/mine\"\n");
        assert_eq!(join(locked(&named, &needs())), "/srv/db,/srv/graph,/srv/mine");
        assert!(locked(&answers(""), &Declarations::default()).is_empty());
    }

    #[test]
    fn room_is_asked_for_where_it_will_be_taken() {
        let wanted = disk(&answers(""), &needs(), "/var/lib", 300 << 20);
        assert_eq!(wanted, "/srv/graph=512,/var/lib=300,engine=3073");
        let named = answers("[stack.volumes]\ndb = \"/srv/db\"\n");
        assert_eq!(
            disk(&named, &needs(), "/var/lib", 1),
            "/srv/db=1024,/srv/graph=512,/var/lib=1,engine=2049"
        );
    }
}
