//! Lookups against maps of files, and against the real tools where they are installed.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::disallowed_methods,
    clippy::too_many_lines,
    clippy::type_complexity,
    clippy::print_stderr,
    reason = "a test that cannot be set up must stop, and tests make their own places"
)]

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use model::{HostPath, Lookup, State, Unread};
use syntax::packages::dpkg;
use syntax::{Lookups, Source};

/// Files by path; a text that begins with `-> ` is a link.
struct Map(BTreeMap<String, String>);

fn map(files: &[(&str, &str)]) -> Map {
    Map(files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect())
}

impl Source for Map {
    fn text(&self, path: &HostPath) -> Result<Option<String>, Unread> {
        match self.0.get(path.as_str()) {
            Some(text) if text.starts_with("-> ") => Ok(self.0.get(&text[3..]).cloned()),
            Some(text) if text == "unreadable" => Err(Unread::Denied(path.to_string())),
            other => Ok(other.cloned()),
        }
    }

    fn names(&self, folder: &HostPath) -> Result<Vec<String>, Unread> {
        let below = |path: &String| path.strip_prefix(folder.as_str())?.strip_prefix('/').map(str::to_owned);
        let mut names: Vec<_> =
            self.0.keys().filter_map(below).map(|rest| rest.split('/').next().unwrap().to_owned()).collect();
        names.dedup();
        Ok(names)
    }

    fn link(&self, path: &HostPath) -> Result<Option<String>, Unread> {
        Ok(self.0.get(path.as_str()).and_then(|text| text.strip_prefix("-> ")).map(str::to_owned))
    }
}

fn part(record: &State, part: &str) -> String {
    record.get(part).map(ToString::to_string).unwrap_or_default()
}

fn sysctl(files: &[(&str, &str)], key: &str) -> (String, String) {
    let record = Lookups::new(&map(files)).persistent_sysctl(key).unwrap();
    (part(&record, "value"), part(&record, "at"))
}

#[test]
fn sysctl_files_follow_their_order_of_precedence() {
    let (etc, run, usr) = ("/etc/sysctl.d/50.conf", "/run/sysctl.d/50.conf", "/usr/lib/sysctl.d/60.conf");
    let seen = sysctl(&[(etc, "a.b = 1"), (run, "a.b = 2"), (usr, "c.d = 3")], "a.b");
    assert_eq!(seen, ("1".to_owned(), "/etc/sysctl.d/50.conf:1".to_owned()), "/etc hides the same name");
    assert_eq!(sysctl(&[(etc, "a.b = 1"), (usr, "a.b = 3")], "a.b").0, "3", "the later name wins");
    assert_eq!(sysctl(&[(etc, "-> /dev/null"), (run, "a.b = 2")], "a.b").0, "", "a link to nothing hides");
    assert_eq!(sysctl(&[("/etc/sysctl.d/x", "a.b = 1")], "a.b").0, "", "only *.conf");
    let pattern = [(etc, "net.ipv4.conf.eth0.rp_filter = 2"), (usr, "net.ipv4.conf.*.rp_filter = 1")];
    assert_eq!(sysctl(&pattern, "net.ipv4.conf.eth0.rp_filter").0, "2", "a name beats a later pattern");
    assert_eq!(sysctl(&pattern, "net.ipv4.conf.all.rp_filter").0, "1");
    let excluded = [(etc, "net.ipv4.conf.*.rp_filter = 1\n-net.ipv4.conf.all.rp_filter")];
    assert_eq!(sysctl(&excluded, "net.ipv4.conf.all.rp_filter").0, "", "a bare -key keeps patterns away");
    let broken = map(&[(etc, "unreadable")]);
    assert!(matches!(Lookups::new(&broken).persistent_sysctl("a.b"), Err(Unread::Denied(_))));
}

fn sshd(files: &[(&str, &str)], key: &str) -> State {
    Lookups::new(&map(files)).find(&Lookup::Sshd { key: key.to_owned() }).unwrap()
}

const MAIN: &str = "/etc/ssh/sshd_config";

#[test]
fn sshd_settings_are_the_ones_that_win() {
    let (b, a) = ("/etc/ssh/sshd_config.d/b.conf", "/etc/ssh/sshd_config.d/a.conf");
    let include = "Include sshd_config.d/*.conf\nX11Forwarding no\n";
    let seen =
        sshd(&[(MAIN, include), (b, "X11Forwarding yes"), (a, "\nx11forwarding=maybe")], "X11FORWARDING");
    assert_eq!((part(&seen, "value"), part(&seen, "at")), ("maybe".to_owned(), format!("{a}:2")));
    assert_eq!(part(&seen, "dropins"), "yes");
    let late = sshd(&[(MAIN, "X11Forwarding no\nInclude sshd_config.d/*.conf\n")], "X11Forwarding");
    assert_eq!(part(&late, "dropins"), "no");
    // A Match block in an included file ends with that file.
    let inside = sshd(&[(MAIN, include), (a, "Match all\nX11Forwarding yes\n")], "X11Forwarding");
    assert_eq!(part(&inside, "value"), "no");
    assert_eq!(inside.get("match").unwrap().items().len(), 1);
    let default = sshd(&[(MAIN, "")], "MaxAuthTries");
    assert_eq!((part(&default, "value"), part(&default, "at")), ("6".to_owned(), String::new()));
    assert_eq!(sshd(&[], "MaxAuthTries"), State::Absent);
    let circle = map(&[(MAIN, "Include /etc/ssh/sshd_config\n")]);
    let lookup = Lookup::Sshd { key: "UsePAM".to_owned() };
    assert!(matches!(Lookups::new(&circle).find(&lookup), Err(Unread::Malformed(_))));
}

#[test]
fn times_are_read_as_sshd_does() {
    for (text, seconds) in
        [("90", Some(90)), ("2m", Some(120)), ("1h30m", Some(5400)), ("none", None), ("", None), ("5x", None)]
    {
        assert_eq!(syntax::sshd::seconds(text), seconds, "{text}");
    }
}

#[test]
fn a_status_file_is_read_quickly() {
    let paragraph = |i: usize| {
        let body = " some words of a description that goes on for a while\n".repeat(12);
        format!(
            "Package: p{i}\nStatus: install ok installed\nPriority: optional\nVersion: {i}-1\nDescription: x\n{body}\n"
        )
    };
    let text: String = (0..600).map(paragraph).collect();
    let fastest = (0..5)
        .map(|_| {
            let start = std::time::Instant::now();
            assert_eq!(dpkg::Packages::parse(&text).version("p599"), Some("599-1"));
            start.elapsed()
        })
        .min()
        .unwrap();
    println!("600 packages, {} bytes: {fastest:?}", text.len());
    assert!(fastest.as_millis() < if cfg!(debug_assertions) { 100 } else { 5 }, "{fastest:?}");
}

#[expect(clippy::disallowed_methods, reason = "the real tool is what we are held against")]
fn run(program: &str, arguments: &[&str]) -> Option<(bool, String)> {
    let output = Command::new(program).args(arguments).output().ok()?;
    Some((output.status.success(), String::from_utf8_lossy(&output.stdout).trim().to_owned()))
}

#[test]
fn versions_are_ordered_as_dpkg_orders_them() {
    let versions = [
        "1.0",
        "1.0~rc1",
        "1.0~",
        "1.0-1",
        "1.0-1~deb12u1",
        "1.0-1+deb12u1",
        "1:0.9",
        "0:1.0",
        "1.00",
        "1.0a",
        "1.10",
        "1.9",
        "",
        "2.36-9+deb12u10",
    ];
    if run("dpkg", &["--version"]).is_none() {
        return println!("left out: no dpkg here");
    }
    for a in versions {
        for b in versions.iter().filter(|b| !a.is_empty() && !b.is_empty()) {
            let less = run("dpkg", &["--compare-versions", a, "lt", b]).unwrap().0;
            assert_eq!(dpkg::compare_versions(a, b).is_lt(), less, "{a} < {b}");
        }
    }
}

const UNIT: &str = "[Service]\nExecStart=/bin/true\n[Install]\nWantedBy=multi-user.target\n";

#[test]
#[expect(clippy::disallowed_methods, reason = "a scratch root for the real tool")]
fn units_are_enabled_as_systemctl_says() {
    let vendor = |name: &str| format!("/usr/lib/systemd/system/{name}");
    let wants = |name: &str| format!("/etc/systemd/system/multi-user.target.wants/{name}");
    let files: Vec<(String, String)> = vec![
        (vendor("on.service"), UNIT.to_owned()),
        (wants("on.service"), "-> /usr/lib/systemd/system/on.service".to_owned()),
        (vendor("off.service"), UNIT.to_owned()),
        (vendor("static.service"), "[Service]\nExecStart=/bin/true\n".to_owned()),
        (vendor("masked.service"), UNIT.to_owned()),
        ("/etc/systemd/system/masked.service".to_owned(), "-> /dev/null".to_owned()),
        (vendor("named.service"), format!("{UNIT}Alias=other.service\n")),
        (
            "/etc/systemd/system/other.service".to_owned(),
            "-> /usr/lib/systemd/system/named.service".to_owned(),
        ),
        (
            vendor("indirect.service"),
            "[Service]\nExecStart=/bin/true\n[Install]\nAlso=on.service\n".to_owned(),
        ),
        ("/etc/systemd/system/own.service".to_owned(), UNIT.to_owned()),
        (
            vendor("wrapped.service"),
            "[Service]\nExecStart=/bin/true\n[Install]\nWantedBy=multi-user.target \\\n graphical.target\n"
                .to_owned(),
        ),
    ];
    let pairs: Vec<_> = files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    let source = map(&pairs);
    let lookups = Lookups::new(&source);
    let root = tempfile::tempdir().unwrap();
    for (path, text) in &files {
        let path = root.path().join(&path[1..]);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        match text.strip_prefix("-> ") {
            Some(target) => std::os::unix::fs::symlink(Path::new(target), &path).unwrap(),
            None => std::fs::write(&path, text).unwrap(),
        }
    }
    let option = format!("--root={}", root.path().display());
    let expected = [
        ("on", "enabled"),
        ("off", "disabled"),
        ("static", "static"),
        ("masked", "masked"),
        ("named", "enabled"),
        ("indirect", "indirect"),
        ("own", "disabled"),
        ("wrapped", "disabled"),
    ];
    for (name, word) in expected {
        let name = format!("{name}.service");
        let record = lookups.find(&Lookup::Unit { name: name.clone() }).unwrap();
        assert_eq!(part(&record, "enablement"), word, "{name}");
        match run("systemctl", &[&option, "is-enabled", &name]) {
            Some((_, told)) => assert_eq!(told, word, "systemctl on {name}"),
            None => println!("left out: no systemctl here"),
        }
    }
    let none = lookups.find(&Lookup::Unit { name: "none.service".to_owned() }).unwrap();
    assert_eq!(part(&none, "exists"), "no");
}

#[test]
fn assignments_are_read_like_a_shell_would() {
    let read = syntax::text::assignments::read(
        "# c\nID=debian\nNAME=\"Debian \\\"x\\\"\"\nV='a b'\nID_LIKE=\"rhel fedora\"\nnonsense\n",
    );
    assert_eq!(read["ID"], "debian");
    assert_eq!(read["NAME"], "Debian \"x\"");
    assert_eq!(read["V"], "a b");
    assert_eq!(read.len(), 4);
    for (value, expected) in [
        ("\"a \\\"b\\\" c\" # d", "a \"b\" c"),
        ("'a\\b'", "a\\b"),
        ("plain", "plain"),
        ("plain # comment", "plain"),
        ("http://x/#fragment", "http://x/#fragment"),
        ("\"$HOME\"", "$HOME"),
        ("\"open", "open"),
        ("", ""),
    ] {
        let text = format!("export KEY={value}\n");
        assert_eq!(syntax::text::assignments::read(&text)["KEY"], expected, "{value}");
    }
    assert_eq!(
        syntax::text::assignments::words(" a=1 \"b=2 3\"  '' c\\ d;e "),
        ["a=1", "b=2 3", "", "c d;e"]
    );
}

/// Asks the real sshd where it is installed, has a user and a folder for privilege separation, and a host key.
fn real_sshd(config: &Path) -> Option<BTreeMap<String, String>> {
    let key = config.with_file_name("key");
    let key = key.to_str()?;
    run("ssh-keygen", &["-q", "-t", "ed25519", "-N", "", "-f", key]).filter(|(made, _)| *made)?;
    let (told, text) = run("/usr/sbin/sshd", &["-T", "-f", config.to_str()?, "-h", key])?;
    let pairs = text.lines().filter_map(|line| line.split_once(' '));
    told.then(|| pairs.map(|(key, value)| (key.to_owned(), value.to_owned())).collect())
}

#[test]
#[expect(clippy::disallowed_methods, reason = "a scratch file for the real tool")]
fn the_real_sshd_agrees() {
    let text = "PERMITROOTLOGIN=no\nPermitRootLogin yes\nBanner \"/etc/issue.net\" # c\nClientAliveInterval 5m\n\
                Match User nobody\nMaxAuthTries 1\n";
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("config");
    std::fs::write(&config, text).unwrap();
    let Some(real) = real_sshd(&config) else { return println!("left out: no sshd that can be asked here") };
    for key in
        ["permitrootlogin", "banner", "maxauthtries", "maxstartups", "usepam", "loglevel", "logingracetime"]
    {
        assert_eq!(part(&sshd(&[(MAIN, text)], key), "value"), real[key], "{key}");
    }
    let seconds = syntax::sshd::seconds(&part(&sshd(&[(MAIN, text)], "ClientAliveInterval"), "value"));
    assert_eq!(seconds.map(|seconds| seconds.to_string()).as_ref(), real.get("clientaliveinterval"));
}
