//! Who can come in over ssh and become root.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot be set up must stop")]

use std::collections::BTreeMap;

use model::{HostPath, Unread};
use syntax::Source;
use syntax::accounts::operators::{self, Way};
use syntax::accounts::superusers::Superusers;
use syntax::sshd::keys::superusers_keys;

struct Map(BTreeMap<String, String>);

impl Source for Map {
    fn text(&self, path: &HostPath) -> Result<Option<String>, Unread> {
        match self.0.get(path.as_str()) {
            Some(text) if text == "unreadable" => Err(Unread::Denied(path.to_string())),
            other => Ok(other.cloned()),
        }
    }

    fn names(&self, folder: &HostPath) -> Result<Vec<String>, Unread> {
        let below = |path: &String| path.strip_prefix(folder.as_str())?.strip_prefix('/').map(str::to_owned);
        Ok(self.0.keys().filter_map(below).filter(|rest| !rest.contains('/')).collect())
    }

    fn link(&self, _: &HostPath) -> Result<Option<String>, Unread> {
        Ok(None)
    }
}

/// A machine where root and ann have keys, bob a password, and carl neither; dora is no operator.
fn machine(more: &[(&str, &str)]) -> Map {
    let files = [
        ("/etc/ssh/sshd_config", "Include /etc/ssh/sshd_config.d/*.conf\nUsePAM yes\n"),
        (
            "/etc/passwd",
            "root:x:0:0::/root:/bin/bash\nann:x:1000:1000::/home/ann:/bin/bash\nbob:x:1001:1001::/home/bob:/bin/sh\n\
             carl:x:1002:1002::/home/carl:/bin/sh\ndora:x:1003:1003::/home/dora:/bin/sh\nsshd:x:100:65534::/run/sshd:/usr/sbin/nologin\n",
        ),
        (
            "/etc/shadow",
            "root:*:1::::::\nann:!:1::::::\nbob:$y$x:1::::::\ncarl:!$y$x:1::::::\ndora:$y$x:1::::::\n",
        ),
        ("/etc/group", "root:x:0:\nsudo:x:27:ann,carl\nbob:x:1001:\n"),
        (
            "/etc/sudoers",
            "Defaults env_reset\nroot ALL=(ALL:ALL) ALL\n%sudo ALL=(ALL:ALL) ALL\n@includedir /etc/sudoers.d\n",
        ),
        ("/etc/sudoers.d/bob", "bob ALL = \\\n  NOPASSWD: ALL\n"),
        ("/root/.ssh/authorized_keys", "ssh-ed25519 AAAA root\n"),
        ("/home/ann/.ssh/authorized_keys", "# mine\nssh-ed25519 AAAA ann\n"),
        ("/home/carl/.ssh/authorized_keys", "# none yet\n"),
    ];
    let all = files.iter().chain(more).map(|(path, text)| ((*path).to_owned(), (*text).to_owned()));
    Map(all.collect())
}

fn with(setting: &str) -> Vec<(String, Way)> {
    let source = machine(&[("/etc/ssh/sshd_config.d/00.conf", setting)]);
    operators::operators(&source).unwrap().unwrap().into_iter().collect()
}

fn names(setting: &str) -> Vec<String> {
    with(setting).into_iter().map(|(name, _)| name).collect()
}

#[test]
fn keys_passwords_and_lists_decide() {
    let all = [("ann", Way::Key), ("bob", Way::Password), ("root", Way::Key)];
    assert_eq!(with(""), all.map(|(name, way)| (name.to_owned(), way)));
    for (setting, left) in [
        ("PermitRootLogin no", &["ann", "bob"][..]),
        ("PermitRootLogin forced-commands-only", &["ann", "bob"]),
        ("PasswordAuthentication no", &["ann", "bob", "root"]),
        ("PasswordAuthentication no\nKbdInteractiveAuthentication no", &["ann", "root"]),
        ("PubkeyAuthentication no", &["bob"]),
        ("AuthorizedKeysFile /etc/ssh/keys/%u", &["bob"]),
        ("AllowUsers ann@10.0.0.*", &["ann"]),
        ("AllowGroups sudo", &["ann"]),
        ("DenyUsers a* root", &["bob"]),
        ("DenyGroups sudo bob", &["root"]),
        ("AllowUsers nobody", &[]),
        ("Match Address 10.0.0.1\nPubkeyAuthentication no", &["ann", "bob", "root"]),
    ] {
        assert_eq!(names(setting), left, "{setting}");
    }
}

#[test]
fn without_sshd_or_with_an_unreadable_file_there_is_no_answer() {
    let mut bare = machine(&[]);
    bare.0.remove("/etc/ssh/sshd_config");
    assert_eq!(operators::operators(&bare), Ok(None));
    for path in ["/etc/shadow", "/etc/sudoers", "/root/.ssh/authorized_keys"] {
        assert!(operators::operators(&machine(&[(path, "unreadable")])).is_err(), "{path}");
    }
}

#[test]
fn sudoers_rules_of_the_common_shapes() {
    for (text, expected) in [
        ("ann ALL=(ALL:ALL) ALL\n", "ann"),
        ("ann ALL=(ALL) NOPASSWD: ALL\n", "ann"),
        ("ann ALL=(ALL) NOPASSWD:SETENV:ALL # why\n", "ann"),
        ("ann, %wheel ALL = (root) /usr/bin/docker\n", "%wheel ann"),
        ("ann ALL=/bin/ls, /usr/local/bin/nerdctl ps\n", "ann"),
        ("ann ALL=/bin/ls, /bin/bash\n", "ann"),
        ("ann ALL=sha256:0bad /bin/sh\n", "ann"),
        ("Cmnd_Alias BOX = /usr/bin/podman\nann ALL=BOX\n", "ann"),
        ("User_Alias OPS = ann, \\\n !bob\nOPS ALL=ALL\n", "ann"),
        ("ann ALL=/usr/bin/\n", "ann"),
        ("ann ALL=/usr/bin/uptime\n", ""),
        ("ann ALL=(www-data) ALL\n", ""),
        ("ann ALL=(www-data) /bin/ls, ALL\n", ""),
        ("ann ALL=(www-data) /bin/ls, (root) ALL\n", "ann"),
        ("ann ALL=(www-data, root) ALL\n", "ann"),
        ("ann ALL=(ALL, !root) ALL\n", ""),
        ("ann ALL=(:adm) ALL\n", ""),
        ("ann ALL=(%adm) ALL\n", "ann"),
        ("ann ALL=(www-data) ALL : web=ALL\n", "ann"),
        ("Runas_Alias APP = www-data\nann ALL=(APP) ALL\n", ""),
        ("Runas_Alias APP = www-data, root\nann ALL=(APP) ALL\n", "ann"),
        ("#ann ALL=ALL\n# comment\nDefaults:ann !requiretty\n", ""),
        ("#1000 ALL=ALL\n", "#1000"),
        ("Host_Alias ALLHOSTS = a = b\n", ""),
    ] {
        let known = Superusers::read(&machine(&[("/etc/sudoers", text)])).unwrap();
        assert_eq!(known.sudo.into_iter().collect::<Vec<_>>().join(" "), expected, "{text}");
    }
}

#[test]
fn a_name_of_sudoers_stands_for_people() {
    let known = Superusers::read(&machine(&[])).unwrap();
    let people = |who: &str| known.people(who).map(|people| people.into_iter().collect::<Vec<_>>().join(" "));
    for (who, expected) in [
        ("ann", Some("ann")),
        ("%sudo", Some("ann carl")),
        ("%#27", Some("ann carl")),
        ("%#4242", Some("")),
        ("%nobody", Some("")),
        ("#1001", Some("bob")),
        ("ALL", Some("ann bob carl dora root sshd")),
        ("+admins", None),
        ("%:domain admins", None),
    ] {
        assert_eq!(people(who).as_deref(), expected, "{who}");
    }
    assert_eq!(known.all().into_iter().collect::<Vec<_>>(), ["ann", "bob", "carl", "root"]);
}

#[test]
fn every_key_that_opens_root_is_found_where_sshd_looks() {
    let keys = |more: &[(&str, &str)]| {
        let keys = superusers_keys(&machine(more)).unwrap().unwrap();
        keys.into_iter().map(|key| format!("{} {} {}", key.user, key.blob, key.at)).collect::<Vec<_>>()
    };
    let (root, ann) = ("root AAAA /root/.ssh/authorized_keys:1", "ann AAAA /home/ann/.ssh/authorized_keys:2");
    assert_eq!(keys(&[]), [root, ann]);
    let odd = "command=\"ls \\\"a b\\\"\",no-pty ecdsa-sha2-nistp256 BBBB x y\nnonsense\n  sk-ssh-ed25519@openssh.com CCCC\n";
    let dora = [("/home/dora/.ssh/authorized_keys", "ssh-rsa DDDD\n"), ("/etc/group", "docker:x:998:dora\n")];
    assert_eq!(
        keys(&[("/root/.ssh/authorized_keys", odd)]),
        ["root BBBB /root/.ssh/authorized_keys:1", "root CCCC /root/.ssh/authorized_keys:3", ann]
    );
    assert_eq!(keys(&dora)[1], "dora DDDD /home/dora/.ssh/authorized_keys:1", "the docker group is root");
    let matched = "Match User root\nAuthorizedKeysFile /etc/keys/%u\n";
    let elsewhere = [("/etc/ssh/sshd_config.d/00.conf", matched), ("/etc/keys/root", "ssh-rsa EEEE\n")];
    assert_eq!(keys(&elsewhere), [root, "root EEEE /etc/keys/root:1", ann]);
    let authority =
        [("/etc/ssh/sshd_config.d/00.conf", "TrustedUserCAKeys /etc/ca\n"), ("/etc/ca", "ssh-rsa FFFF\n")];
    assert_eq!(keys(&authority), [root, ann, "* FFFF /etc/ca:1"]);
}

#[test]
fn keys_that_cannot_be_told_are_not_guessed() {
    let command =
        ("/etc/ssh/sshd_config.d/00.conf", "AuthorizedKeysCommand /usr/bin/sss_ssh_authorizedkeys\n");
    assert!(matches!(superusers_keys(&machine(&[command])), Err(Unread::Unsupported(_))));
    let unreadable = ("/home/ann/.ssh/authorized_keys", "unreadable");
    assert!(matches!(superusers_keys(&machine(&[unreadable])), Err(Unread::Denied(_))));
}
