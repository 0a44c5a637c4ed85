//! rpm's databases: sqlite made by rpm itself, the same headers as a Berkeley DB made by Berkeley DB's own tool
//! and read by rpm too, and as ndb, which Debian's rpm cannot write, laid out as `rpmpkg.c` does; then torn.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::disallowed_methods,
    clippy::print_stderr,
    reason = "a test that cannot be set up must stop, and tests make their own places"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use model::{HostPath, Lookup, State, Unread};
use proptest::prelude::*;
use syntax::rpm::Packages;
use syntax::{Bytes, Lookups, Source};

/// The packages that are installed: name, epoch, version, release. One of two kernels counts, the newer.
const INSTALLED: [(&str, &str, &str, &str); 6] = [
    ("alpha", "", "1.0", "1"),
    ("beta", "2", "1.5~rc1", "3.el9"),
    ("kernel", "", "5.14.0", "70.el9"),
    ("kernel", "", "5.14.0", "427.el9"),
    ("large", "", "7", "1"),
    ("omega", "0", "0.1^git1", "2"),
];

/// Databases that rpm made; `None` when rpm is not installed here.
struct Made {
    folder: tempfile::TempDir,
    listed: BTreeMap<String, String>,
    headers: Vec<(u32, Vec<u8>)>,
    sqlite: Vec<u8>,
    ndb: Vec<u8>,
}

fn done(command: &mut Command) -> Output {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    output
}

fn made() -> Option<&'static Made> {
    static MADE: OnceLock<Option<Made>> = OnceLock::new();
    MADE.get_or_init(|| {
        let there = |program: &str| Command::new(program).arg("--version").output().is_ok();
        if !there("rpmbuild") || !there("db5.3_load") {
            eprintln!("left out: rpm or db5.3-util is not installed; `scripts/packages.sh` does");
            return None;
        }
        Some(make())
    })
    .as_ref()
}

fn make() -> Made {
    let folder = tempfile::tempdir().unwrap();
    let packages: Vec<PathBuf> = INSTALLED.iter().map(|package| build(folder.path(), package)).collect();
    let place = folder.path().join("sqlite");
    done(rpm(&place, "sqlite").arg("--initdb"));
    let install = ["-i", "--justdb", "--nodeps", "--force", "--noscripts", "--ignorearch"];
    done(rpm(&place, "sqlite").args(install).args(&packages));
    let listed = listed(&place, "sqlite");
    assert_eq!(listed.len(), 5, "{listed:?}");
    let headers = headers(&place.join("rpmdb.sqlite"));
    let (sqlite, ndb) = (std::fs::read(place.join("rpmdb.sqlite")).unwrap(), as_ndb(&headers));
    Made { folder, listed, headers, sqlite, ndb }
}

/// The headers in an sqlite database, as sqlite itself reads them.
fn headers(database: &Path) -> Vec<(u32, Vec<u8>)> {
    let script = "import sqlite3, sys\n\
        for n, blob in sqlite3.connect(sys.argv[1]).execute('select hnum, blob from Packages'): print(n, blob.hex())";
    let dumped = done(Command::new("/usr/bin/python3").args(["-c", script]).arg(database));
    let line = |line: &str| {
        let (number, blob) = line.split_once(' ').unwrap();
        let byte = |at: usize| u8::from_str_radix(&blob[at..at + 2], 16).unwrap();
        (number.parse().unwrap(), (0..blob.len()).step_by(2).map(byte).collect())
    };
    String::from_utf8(dumped.stdout).unwrap().lines().map(line).collect()
}

/// One page of slots, then the blobs in blocks of 16 bytes, each with a head and a tail.
fn as_ndb(headers: &[(u32, Vec<u8>)]) -> Vec<u8> {
    let words = |words: [u32; 4]| words.into_iter().flat_map(u32::to_le_bytes).collect::<Vec<u8>>();
    let name = |name: &[u8; 4]| u32::from_le_bytes(*name);
    let mut file = words([name(b"RpmP"), 0, 9, 1]);
    file.extend(words([99, 0, 0, 0]));
    let mut blobs = Vec::new();
    for (number, blob) in headers {
        let at = 4096 + blobs.len();
        blobs.extend(words([name(b"BlbS"), *number, 1, blob.len() as u32]));
        blobs.extend(blob);
        blobs.resize(blobs.len().next_multiple_of(16) + 4, 0);
        blobs.extend([0, 0, 0, 0]);
        blobs.extend((blob.len() as u32).to_le_bytes());
        blobs.extend(b"BlbE");
        let blocks = (4096 + blobs.len() - at) / 16;
        // A freed slot keeps its magic and names no block.
        file.extend(words([name(b"Slot"), 0, 0, 0]));
        file.extend(words([name(b"Slot"), *number, at as u32 / 16, blocks as u32]));
    }
    while file.len() < 4096 {
        file.extend(words([name(b"Slot"), 0, 0, 0]));
    }
    file.extend(blobs);
    file
}

fn rpm(place: &Path, backend: &str) -> Command {
    let mut command = Command::new("rpm");
    command.arg("--dbpath").arg(place).args(["--define", &format!("_db_backend {backend}")]);
    command.env("HOME", place);
    command
}

/// What rpm itself says of a database; of the two kernels the newer.
fn listed(place: &Path, backend: &str) -> BTreeMap<String, String> {
    let output = done(rpm(place, backend).args(["-qa", "--qf", "%{NAME} %{EVR}\\n"]));
    let output = String::from_utf8(output.stdout).unwrap();
    let pairs = output.lines().map(|line| line.split_once(' ').unwrap());
    let kept = pairs.filter(|(_, version)| *version != "5.14.0-70.el9");
    kept.map(|(name, version)| (name.to_owned(), version.to_owned())).collect()
}

fn build(folder: &Path, (name, epoch, version, release): &(&str, &str, &str, &str)) -> PathBuf {
    let epoch = if epoch.is_empty() { String::new() } else { format!("Epoch: {epoch}\n") };
    // A header of a megabyte does not fit into any page.
    let lines = if *name == "large" { 20_000 } else { 2 };
    let text = "some words that make the header long, as changelogs and file lists do\n".repeat(lines);
    let spec = format!(
        "Name: {name}\nVersion: {version}\nRelease: {release}\n{epoch}Summary: x\nLicense: x\nBuildArch: noarch\n\
         Provides: {name}-virtual = 1\n%description\n{text}%files\n"
    );
    let at = folder.join(format!("{name}-{release}"));
    std::fs::create_dir_all(&at).unwrap();
    std::fs::write(at.join("x.spec"), spec).unwrap();
    let mut command = Command::new("rpmbuild");
    command.args(["-bb", "--define", &format!("_topdir {}", at.display())]).arg(at.join("x.spec"));
    done(command.env("HOME", &at));
    let built = std::fs::read_dir(at.join("RPMS/noarch")).unwrap().next().unwrap().unwrap();
    built.path()
}

/// The database as a Berkeley DB hash, by Berkeley DB's own tool, with the counter that rpm keeps in it.
fn as_berkeley(made: &Made, option: &str) -> PathBuf {
    let folder = made.folder.path().join(format!("bdb-{option}"));
    std::fs::create_dir_all(&folder).unwrap();
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let mut dump =
        format!("VERSION=3\nformat=bytevalue\ntype=hash\n{option}\nHEADER=END\n").replace("\n\n", "\n");
    dump.push_str(" 00000000\n 07000000\n");
    for (number, blob) in &made.headers {
        dump.push_str(&format!(" {}\n {}\n", hex(&number.to_le_bytes()), hex(blob)));
    }
    std::fs::write(folder.join("dump"), dump + "DATA=END\n").unwrap();
    done(Command::new("db5.3_load").arg("-f").arg(folder.join("dump")).arg(folder.join("Packages")));
    folder
}

fn versions(packages: &Packages) -> BTreeMap<String, String> {
    let names = ["alpha", "beta", "kernel", "large", "omega", "alpha-virtual", "gamma"];
    let version = |name: &str| Some((name.to_owned(), packages.version(name)?.to_owned()));
    names.into_iter().filter_map(version).collect()
}

#[test]
fn all_three_formats_say_what_rpm_says() {
    let Some(made) = made() else { return };
    let sqlite = made.sqlite.clone();
    let ndb = made.ndb.clone();
    assert_eq!(versions(&Packages::of_sqlite(&sqlite, None).unwrap()), made.listed, "sqlite");
    assert_eq!(versions(&Packages::of_ndb(&ndb).unwrap()), made.listed, "ndb");
    for options in ["", "db_pagesize=512", "db_pagesize=65536", "db_lorder=4321"] {
        let folder = as_berkeley(made, options);
        let bytes = std::fs::read(folder.join("Packages")).unwrap();
        assert_eq!(versions(&Packages::of_bdb(&bytes).unwrap()), made.listed, "Berkeley DB {options}");
        if options.is_empty() {
            assert_eq!(listed(&folder, "bdb_ro"), made.listed, "rpm reads this database too");
        }
    }
    assert_eq!(made.listed["beta"], "2:1.5~rc1-3.el9");
    assert_eq!(made.listed["kernel"], "5.14.0-427.el9");
}

#[test]
fn what_the_write_ahead_log_holds_counts() {
    let Some(made) = made() else { return };
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("rpmdb.sqlite");
    std::fs::copy(made.folder.path().join("sqlite/rpmdb.sqlite"), &database).unwrap();
    // A writer that ends without closing leaves what it wrote in the log.
    let script = "import sqlite3, sys, os\n\
        base = sqlite3.connect(sys.argv[1]); base.execute('pragma journal_mode=wal')\n\
        first = base.execute('select hnum from Name where key=\"alpha\"').fetchone()\n\
        base.execute('delete from Packages where hnum=?', first); base.commit()\n\
        base.execute('pragma cache_size=1'); base.execute('delete from Packages')\n\
        os._exit(0)";
    done(Command::new("/usr/bin/python3").args(["-c", script]).arg(&database));
    let (main, log) =
        (std::fs::read(&database).unwrap(), std::fs::read(folder.path().join("rpmdb.sqlite-wal")).unwrap());
    assert!(!log.is_empty());
    let without = Packages::of_sqlite(&main, None).unwrap();
    let with = Packages::of_sqlite(&main, Some(&log)).unwrap();
    assert_eq!((without.version("alpha"), with.version("alpha")), (Some("1.0-1"), None));
    assert_eq!(with.len(), 4, "what was not committed does not count");
    // A log whose pages were torn is read as far as its checksums hold.
    let mut torn = log.clone();
    torn[32 + 24 + 100] ^= 1;
    assert_eq!(Packages::of_sqlite(&main, Some(&torn)).unwrap(), without);
}

#[test]
fn versions_compare_as_rpm_itself_compares_them() {
    if made().is_none() {
        return;
    }
    let all = [
        "1", "1.0", "01", "1.", "1a", "1.a", "a", "a1", "1~", "1~rc", "~", "^", "1^", "1^1", "1.1^", "1^~",
        "10", "9", "1_0", "1.0.0", "+", "1b.fc17", "1g.fc17", "1.fc17", "00.1", "b", "aa", "1~~", "1^^",
    ];
    let words: Vec<String> = all.iter().map(|word| format!("'{word}'")).collect();
    let script = format!(
        "%{{lua: local w = {{{}}} for _, a in ipairs(w) do for _, b in ipairs(w) do \
         print(string.format('%d\\n', rpm.vercmp(a, b))) end end}}",
        words.join(",")
    );
    let output = done(Command::new("rpm").args(["--eval", &script]));
    let said: Vec<i32> = String::from_utf8(output.stdout)
        .unwrap()
        .split_whitespace()
        .map(|word| word.parse().unwrap())
        .collect();
    assert_eq!(said.len(), all.len() * all.len());
    for (index, said) in said.into_iter().enumerate() {
        let (a, b) = (all[index / all.len()], all[index % all.len()]);
        assert_eq!(syntax::rpm::rpmvercmp(a, b) as i32, said, "{a} {b}");
    }
}

/// A system of binary files.
struct System(BTreeMap<&'static str, Vec<u8>>);

impl Source for System {
    fn text(&self, path: &HostPath) -> Result<Option<String>, Unread> {
        Ok(self.0.get(path.as_str()).map(|bytes| String::from_utf8_lossy(bytes).into_owned()))
    }

    fn bytes(&self, path: &HostPath) -> Result<Option<Box<dyn Bytes>>, Unread> {
        Ok(self.0.get(path.as_str()).map(|bytes| Box::new(bytes.clone()) as Box<dyn Bytes>))
    }

    fn names(&self, _: &HostPath) -> Result<Vec<String>, Unread> {
        Ok(Vec::new())
    }

    fn link(&self, _: &HostPath) -> Result<Option<String>, Unread> {
        Ok(None)
    }
}

fn lookup(files: &[(&'static str, &[u8])], name: &str) -> Result<State, Unread> {
    let system = System(files.iter().map(|(path, bytes)| (*path, bytes.to_vec())).collect());
    Lookups::new(&system).find(&Lookup::Package { name: name.to_owned() })
}

#[test]
fn a_system_is_known_by_the_database_that_it_uses() {
    let Some(made) = made() else { return };
    let sqlite = made.sqlite.clone();
    let ndb = made.ndb.clone();
    let berkeley = std::fs::read(as_berkeley(made, "").join("Packages")).unwrap();
    let (fedora, rhel) = ("/usr/lib/sysimage/rpm/rpmdb.sqlite", "/var/lib/rpm/rpmdb.sqlite");
    let (suse, old) = ("/usr/lib/sysimage/rpm/Packages.db", "/var/lib/rpm/Packages");
    let status = "/var/lib/dpkg/status";
    let debian: &[u8] = b"Package: alpha\nStatus: install ok installed\nVersion: 9-9\n\n";
    for (files, version, format) in [
        (vec![(fedora, &sqlite[..])], "1.0-1", "rpm"),
        (vec![(rhel, &sqlite[..]), (old, b"left over from a conversion")], "1.0-1", "rpm"),
        (vec![(suse, &ndb[..])], "1.0-1", "rpm"),
        (vec![(old, &berkeley[..])], "1.0-1", "rpm"),
        (vec![(rhel, &sqlite[..]), (status, b"")], "1.0-1", "rpm"),
        (vec![(rhel, b"not read at all"), (status, debian)], "9-9", "deb"),
    ] {
        let record = lookup(&files, "alpha").unwrap();
        assert_eq!(record.get("version"), Some(&State::text(version)), "{files:?}");
        assert_eq!(record.get("format"), Some(&State::text(format)));
        assert_eq!(lookup(&files, "gamma").unwrap().get("installed"), Some(&State::Flag(false)));
    }
}

#[test]
fn what_cannot_be_read_is_unknown_and_never_not_installed() {
    let rhel = "/var/lib/rpm/rpmdb.sqlite";
    let mut cases = vec![
        (vec![], "no database of packages"),
        (vec![(rhel, b"SQLite format 3\0".to_vec())], "ends too early"),
        (vec![(rhel, vec![0; 4096])], "not an sqlite database"),
        (vec![("/var/lib/rpm/Packages", vec![0; 4096])], "not a Berkeley DB hash"),
        (vec![("/var/lib/rpm/Packages.db", vec![0; 4096])], "not an ndb database"),
        (vec![("/var/lib/dpkg/status", vec![]), (rhel, vec![0; 4096])], "not an sqlite database"),
    ];
    if let Some(made) = made() {
        let sqlite = made.sqlite.clone();
        let cut = sqlite[..sqlite.len() / 2].to_vec();
        cases.push((vec![(rhel, cut)], "ends too early"));
        let journal = "/var/lib/rpm/rpmdb.sqlite-journal";
        cases.push((vec![(rhel, sqlite), (journal, b"x".to_vec())], "did not end"));
        let empty = made.folder.path().join("empty");
        done(rpm(&empty, "sqlite").arg("--initdb"));
        cases.push((vec![(rhel, std::fs::read(empty.join("rpmdb.sqlite")).unwrap())], "no package at all"));
    }
    for (files, why) in cases {
        let files: Vec<(&'static str, &[u8])> =
            files.iter().map(|(path, bytes)| (*path, &bytes[..])).collect();
        let error = lookup(&files, "alpha").unwrap_err().to_string();
        assert!(error.contains(why), "{error}");
    }
}

/// Bytes written over bytes, and a length to cut to.
fn tear(bytes: &mut Vec<u8>, writes: &[(prop::sample::Index, [u8; 4])], cut: Option<prop::sample::Index>) {
    for (at, what) in writes {
        let at = at.index(bytes.len() - 4);
        bytes[at..at + 4].copy_from_slice(what);
    }
    if let Some(cut) = cut {
        bytes.truncate(cut.index(bytes.len()));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Reading ends, with packages or an error, whatever the pages say; most writes go where structure is.
    #[test]
    fn torn_databases_are_read_to_an_end(
        near in prop::collection::vec((any::<prop::sample::Index>(), any::<[u8; 4]>()), 0..6),
        cut in prop::option::weighted(0.2, any::<prop::sample::Index>()),
        start in 0_usize..3,
    ) {
        let Some(made) = made() else { return Ok(()) };
        let mut sqlite = made.sqlite.clone();
        let mut ndb = made.ndb.clone();
        sqlite.truncate(sqlite.len() / (start + 1) / 4096 * 4096);
        ndb.truncate(ndb.len() / (start * 20 + 1) / 4096 * 4096);
        tear(&mut sqlite, &near, cut);
        tear(&mut ndb, &near, cut);
        let _ = Packages::of_sqlite(&sqlite, Some(&ndb));
        let _ = Packages::of_sqlite(&sqlite, None);
        let _ = Packages::of_ndb(&ndb);
        let _ = Packages::of_bdb(&ndb);
    }

    #[test]
    fn any_bytes_are_read_to_an_end(mut bytes in prop::collection::vec(any::<u8>(), 72..2048)) {
        let _ = Packages::of_sqlite(&bytes, Some(&bytes));
        bytes[..16].copy_from_slice(b"SQLite format 3\0");
        bytes[16..18].copy_from_slice(&[2, 0]);
        let _ = Packages::of_sqlite(&bytes, None);
        bytes[..8].copy_from_slice(b"RpmP\0\0\0\0");
        let _ = Packages::of_ndb(&bytes);
        bytes[12..16].copy_from_slice(&0x0006_1561_u32.to_le_bytes());
        bytes[20..24].copy_from_slice(&512_u32.to_le_bytes());
        bytes[24] = 0;
        let _ = Packages::of_bdb(&bytes);
    }

    #[test]
    fn versions_are_ordered(a in "[0-9a-c.~^:-]{0,8}", b in "[0-9a-c.~^:-]{0,8}") {
        let order = syntax::rpm::rpmvercmp(&a, &b);
        prop_assert_eq!(syntax::rpm::rpmvercmp(&b, &a), order.reverse());
        prop_assert_eq!(syntax::rpm::rpmvercmp(&a, &a), std::cmp::Ordering::Equal);
        prop_assert_eq!(syntax::rpm::compare_versions(&b, &a), syntax::rpm::compare_versions(&a, &b).reverse());
    }
}

/// The databases that the fuzzer starts from: made by the real rpm, with a key that it imported.
#[test]
fn every_format_tells_keys_and_who_owns_a_file() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/corpus/rpm_database");
    let paths = ["/etc/alpha.conf", "/etc/alpha.d/y", "/etc/y", "/etc/alpha.d/alpha.conf"];
    let asked: BTreeSet<HostPath> = paths.map(|path| path.parse().unwrap()).into();
    for (seed, name) in [("sqlite", "rpmdb.sqlite"), ("ndb", "Packages.db"), ("bdb", "Packages")] {
        let bytes = std::fs::read(corpus.join(seed)).unwrap()[1..].to_vec();
        let path: &'static str = format!("/var/lib/rpm/{name}").leak();
        let system = System(BTreeMap::from([(path, bytes)]));
        let keys = Lookups::new(&system).find(&Lookup::PackageKeys).unwrap();
        assert_eq!(keys, State::texts(["9889eaaf-6b030afd"]), "{seed}");
        let owners = syntax::rpm::owners(&system, &asked).unwrap();
        let told: Vec<_> = owners
            .iter()
            .map(|owner| format!("{} {} {}", owner.path, owner.package, owner.version))
            .collect();
        assert_eq!(told, ["/etc/alpha.conf alpha 1.0-1", "/etc/alpha.d/y alpha 1.0-1"], "{seed}");
        assert!(owners.iter().all(|owner| owner.installed > Some(1_700_000_000)), "{seed}: {owners:?}");
    }
    let empty = System(BTreeMap::new());
    assert_eq!(syntax::rpm::owners(&empty, &asked).unwrap(), []);
}
