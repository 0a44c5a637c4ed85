//! Who can come in over ssh and become root.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot be set up must stop")]

use std::collections::BTreeMap;

use model::{HostPath, Unread};
use syntax::Source;
use syntax::accounts::operators::{self, Way};

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
