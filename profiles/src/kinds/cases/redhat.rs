//! What only systems of Red Hat's kind have: keys and repositories of dnf, authselect, the files of rsyslog.

use super::*;

/// rpm's database in its own format (`rpmpkg.c`): slots of 16 bytes in a page, then a header for each package.
fn with_rpms(mut machine: Machine, packages: &[[&str; 3]]) -> Machine {
    let words = |words: [u32; 4]| words.into_iter().flat_map(u32::to_le_bytes).collect::<Vec<u8>>();
    let name = |name: &[u8; 4]| u32::from_le_bytes(*name);
    let mut slots = [words([name(b"RpmP"), 0, 0, 1]), words([0; 4])].concat();
    let mut blobs: Vec<u8> = Vec::new();
    for (number, texts) in (1_u32..).zip(packages) {
        let at = 4096 + blobs.len();
        let blob = header(texts);
        blobs.extend(words([name(b"BlbS"), number, 1, u32::try_from(blob.len()).unwrap()]));
        blobs.extend(blob);
        blobs.resize(blobs.len().next_multiple_of(16), 0);
        let blocks = (4096 + blobs.len() - at) / 16;
        slots.extend(words([
            name(b"Slot"),
            number,
            u32::try_from(at / 16).unwrap(),
            u32::try_from(blocks).unwrap(),
        ]));
    }
    while slots.len() < 4096 {
        slots.extend(words([name(b"Slot"), 0, 0, 0]));
    }
    slots.extend(blobs);
    machine.databases.insert(crate::testbed::path("/var/lib/rpm/Packages.db"), slots);
    machine
}

/// Name, version and release (tags 1000 to 1002) as strings (type 6).
fn header(texts: &[&str; 3]) -> Vec<u8> {
    let store: String = texts.iter().map(|text| format!("{text}\0")).collect();
    let mut bytes: Vec<u8> =
        [3, store.len()].into_iter().flat_map(|n| u32::try_from(n).unwrap().to_be_bytes()).collect();
    let mut offset = 0;
    for (tag, text) in (1000_u32..).zip(texts) {
        bytes.extend([tag, 6, offset, 1].into_iter().flat_map(u32::to_be_bytes));
        offset += u32::try_from(text.len()).unwrap() + 1;
    }
    bytes.extend(store.bytes());
    bytes
}

pub(super) fn package_keys() -> Vec<Case> {
    let probe = r#"{ kind = "package_keys", keys = ["fd431d51-4ae0493b", "5a6340b3-6229229e"] }"#;
    let (release, auxiliary) =
        (["gpg-pubkey", "fd431d51", "4ae0493b"], ["gpg-pubkey", "5a6340b3", "6229229e"]);
    let bash = ["bash", "5", "1"];
    vec![
        case(probe, with_rpms(m(), &[bash, release, auxiliary]), Pass, "fd431d51-4ae0493b is there"),
        stuck(probe, with_rpms(m(), &[release]), "5a6340b3-6229229e is not there, but fd431d51-4ae0493b"),
        stuck(
            probe,
            with_rpms(m(), &[bash, ["gpg-pubkey", "fd431d51", "00000000"]]),
            "not there, but fd431d51-00000000",
        ),
        stuck(probe, with_rpms(m(), &[bash]), "no key at all"),
        case(probe, m().with_packages(&["cron"]), Unknown, "holds no keys"),
        case(probe, m(), Unknown, "no database"),
        case(probe, Machine::blind(), Unknown, "permission denied"),
    ]
}

pub(super) fn repositories() -> Vec<Case> {
    let probe = r#"{ kind = "repositories" }"#;
    let dnf =
        |main: &str, repo: &str| m().with("/etc/dnf/dnf.conf", main).with("/etc/yum.repos.d/a.repo", repo);
    let checked = "[main]\ngpgcheck=1\n";
    vec![
        case(probe, dnf(checked, "[a]\nname=a\n"), Pass, "gpgcheck = 1 for a by /etc/dnf/dnf.conf:2"),
        case(
            probe,
            dnf("[main]\n", "[a]\ngpgcheck = True\n"),
            Pass,
            "gpgcheck = True for a by /etc/yum.repos.d/a.repo:2",
        ),
        case(
            probe,
            dnf(checked, "[a]\ngpgcheck=0\n[b]\n"),
            Fail,
            "gpgcheck = 0 for a by /etc/yum.repos.d/a.repo:2",
        ),
        case(probe, dnf(checked, "[a]\nenabled=0\ngpgcheck = No\n"), Fail, "No for a"),
        case(probe, dnf(checked, "[a.b]\ngpgcheck=1\ngpgcheck=off\n"), Fail, "off for a.b"),
        // Without a word of anybody dnf checks nothing; `[main]` speaks for all.
        case(probe, dnf("[main]\n", "[a]\n[b]\n"), Fail, "nothing sets gpgcheck for a"),
        case(probe, m().with("/etc/yum.repos.d/a.repo", "[a]\n"), Fail, "dnf's default is no"),
        case(probe, dnf("[main]\ngpgcheck=0\n", "[a]\n"), Fail, "gpgcheck = 0 for a by /etc/dnf/dnf.conf:2"),
        // A comment, a file that dnf does not read, a folder that it is told to leave, a name that came before.
        case(probe, dnf(checked, "[a]\n#gpgcheck=0\n"), Pass, "dnf.conf:2"),
        case(
            probe,
            dnf(checked, "").with("/etc/yum.repos.d/b.txt", "[b]\ngpgcheck=0\n"),
            Pass,
            "no repository",
        ),
        case(
            probe,
            dnf("[main]\ngpgcheck=1\nreposdir=/etc/repos\n", "[a]\ngpgcheck=0\n")
                .with("/etc/repos/c.repo", "[c]\n"),
            Pass,
            "for c",
        ),
        case(
            probe,
            dnf(checked, "[a]\n").with("/etc/yum.repos.d/z.repo", "[a]\ngpgcheck=0\n"),
            Pass,
            "for a",
        ),
        case(
            probe,
            dnf("[main]\ngpgcheck=1\n[inline]\ngpgcheck=0\n", ""),
            Fail,
            "for inline by /etc/dnf/dnf.conf:4",
        ),
        case(probe, m(), Pass, "no repository"),
        case(probe, Machine::blind(), Unknown, "permission denied"),
    ]
}

pub(super) fn authselect() -> Vec<Case> {
    let probe = r#"{ kind = "authselect", modules = ["pam_faillock.so", "pam_unix.so"] }"#;
    let stack =
        "auth required pam_faillock.so preauth {include if \"with-faillock\"}\nauth sufficient pam_unix.so\n";
    let with = |selected: &str, folder: &str, password: &str| {
        m().with("/etc/authselect/authselect.conf", selected)
            .with(&format!("{folder}/system-auth"), stack)
            .with(&format!("{folder}/password-auth"), password)
    };
    let (default, site) = ("/usr/share/authselect/default/sssd", "/etc/authselect/custom/site");
    vec![
        case(probe, with("sssd\nwith-faillock\n", default, stack), Pass, "default/sssd/system-auth has all"),
        case(
            probe,
            with("custom/site\nwith-faillock\n", site, stack),
            Pass,
            "custom/site/password-auth has all",
        ),
        stuck(probe, with("sssd\nwith-sudo\n", default, stack), "with with-sudo lacks pam_faillock.so"),
        stuck(probe, with("sssd\n", default, stack), "with no feature lacks pam_faillock.so"),
        stuck(
            probe,
            with("custom/site\nwith-faillock\n", site, "auth required pam_unix.so # pam_faillock.so\n"),
            "password-auth with with-faillock lacks pam_faillock.so",
        ),
        // The profile that is selected counts, not another one that would do.
        stuck(
            probe,
            with("custom/other\nwith-faillock\n", site, stack),
            "the profile custom/other has no system-auth",
        ),
        stuck(probe, m().with("/etc/authselect/authselect.conf", "# none\n"), "no profile selected"),
        stuck(probe, m(), "no profile selected"),
        case(probe, Machine::blind(), Unknown, "permission denied"),
    ]
}

pub(super) fn log_files() -> Vec<Case> {
    let mode = r#"{ kind = "log_files", mode = "0640" }"#;
    let owner = r#"{ kind = "log_files", owner = ["root"] }"#;
    let group = r#"{ kind = "log_files", group = ["root"] }"#;
    let main = "include(file=\"/etc/rsyslog.d/*.conf\")\n*.info /var/log/messages\n";
    let logs = |mode: u32, uid: u32, gid: u32| {
        m().with("/etc/rsyslog.conf", main)
            .with(
                "/etc/rsyslog.d/a.conf",
                "action(type=\"omfile\" file=\"/var/log/app\")\nmail.* /var/log/none\n",
            )
            .with_mode("/var/log/messages", 0o600, 0, 0)
            .with_mode("/var/log/app", mode, uid, gid)
    };
    vec![
        case(mode, logs(0o640, 0, 0), Pass, "mode of /var/log/app is 0640"),
        case(mode, logs(0o644, 0, 0), Fail, "/var/log/app is 0644"),
        case(owner, logs(0o600, 0, 5), Pass, "owner of /var/log/app"),
        case(owner, logs(0o600, 7, 0), Fail, "owner of /var/log/app is 7"),
        case(group, logs(0o600, 7, 0), Pass, "group of /var/log/app"),
        case(group, logs(0o600, 0, 4), Fail, "group of /var/log/app is 4"),
        case(mode, logs(0o640, 0, 0).with("/etc/rsyslog.d/b.conf", "*.* ?Host\n"), Pass, "b.conf:1 makes up"),
        case(mode, m().with("/etc/rsyslog.conf", "*.* @host\n"), Pass, "no action names a file"),
        case(mode, m().with("/etc/rsyslog.conf", main), Pass, "/var/log/messages is not there"),
        case(mode, m(), Notapplicable, "no /etc/rsyslog.conf"),
        case(mode, Machine::blind(), Unknown, "permission denied"),
    ]
}
