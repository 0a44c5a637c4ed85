//! The little of passwd(5), group(5), sudoers(5) and sshd_config(5) that tells who can become root.

use std::collections::{BTreeMap, BTreeSet};

use model::Unread;

use super::distribution::unquoted;
use super::tree::Tree;

/// How deep files may include files.
const DEPTH: usize = 16;

/// Programs that hand out the container runtime, hence root.
const RUNTIME: [&str; 7] = ["docker", "docker-compose", "containerd", "ctr", "nerdctl", "podman", "dockerd"];

/// The members of a group, those included whose primary group it is.
pub(super) fn group_members(groups: &str, passwd: &str, wanted: &str) -> BTreeSet<String> {
    let mut members = BTreeSet::new();
    for line in groups.lines() {
        let columns: Vec<&str> = line.split(':').collect();
        let [name, _, number, listed] = columns[..] else { continue };
        if name == wanted {
            members
                .extend(listed.split(',').map(str::trim).filter(|user| !user.is_empty()).map(str::to_owned));
            members.extend(users_where(passwd, 3, number));
        }
    }
    members
}

/// The accounts that are root, whatever they are called.
pub(super) fn account_of_root(passwd: &str) -> BTreeSet<String> {
    users_where(passwd, 2, "0").collect()
}

fn users_where<'a>(passwd: &'a str, column: usize, value: &'a str) -> impl Iterator<Item = String> + 'a {
    passwd.lines().filter_map(move |line| {
        let columns: Vec<&str> = line.split(':').collect();
        (columns.len() == 7 && columns[column] == value).then(|| columns[0].to_owned())
    })
}

/// The rules of sudoers, its includes followed.
#[derive(Debug, Default)]
pub(super) struct Sudoers {
    users: BTreeMap<String, Vec<String>>,
    commands: BTreeMap<String, Vec<String>>,
    rules: Vec<(Vec<String>, Vec<String>)>,
}

impl Sudoers {
    /// Reads the main file's text and whatever it includes.
    pub(super) fn read(tree: &Tree, text: &str) -> Result<Self, Unread> {
        let mut sudoers = Self::default();
        sudoers.take(tree, text, 0)?;
        Ok(sudoers)
    }

    fn take(&mut self, tree: &Tree, text: &str, depth: usize) -> Result<(), Unread> {
        if depth > DEPTH {
            return Err(Unread::Malformed(format!("sudoers includes files more than {DEPTH} deep")));
        }
        for line in text.replace("\\\n", " ").lines().map(str::trim) {
            let (word, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
            match word {
                "@include" | "#include" => {
                    let path = absolute(rest.trim(), "/etc");
                    self.take(tree, &tree.text(&path)?.unwrap_or_default(), depth + 1)?;
                }
                "@includedir" | "#includedir" => {
                    let folder = absolute(rest.trim(), "/etc");
                    // sudoers(5): names with a dot or a tilde at the end are passed over.
                    let names = tree.names(&folder)?;
                    for name in names.iter().filter(|name| !name.contains('.') && !name.ends_with('~')) {
                        self.take(
                            tree,
                            &tree.text(&format!("{folder}/{name}"))?.unwrap_or_default(),
                            depth + 1,
                        )?;
                    }
                }
                "User_Alias" => aliases(rest, &mut self.users),
                "Cmnd_Alias" | "Cmd_Alias" => aliases(rest, &mut self.commands),
                "Runas_Alias" | "Host_Alias" => {}
                _ if word.starts_with("Defaults") || word.is_empty() => {}
                _ if word.starts_with('#') && !word[1..].starts_with(|sign: char| sign.is_ascii_digit()) => {}
                _ => self.rule(line),
            }
        }
        Ok(())
    }

    /// `WHO HOST = (RUNAS) TAG: COMMAND, … : HOST = …`
    fn rule(&mut self, line: &str) {
        let line = line.split(" #").next().unwrap_or_default();
        let Some((left, right)) = line.split_once('=') else { return };
        let left = left.trim().rsplit_once(char::is_whitespace).map_or("", |(who, _)| who);
        let who = listed(left);
        let commands = right.split([',', '=']).map(|command| {
            let command = command.trim().rsplit(')').next().unwrap_or_default();
            strip_tags(command).trim().to_owned()
        });
        let commands = commands.collect();
        self.rules.push((who, commands));
    }

    /// The users and `%groups` who may run everything or a container program, aliases resolved.
    pub(super) fn reaching(&self) -> BTreeSet<String> {
        let rules =
            self.rules.iter().filter(|(_, commands)| commands.iter().any(|command| self.reaches(command, 0)));
        rules.flat_map(|(who, _)| who.iter().flat_map(|name| self.people(name, 0))).collect()
    }

    fn reaches(&self, command: &str, depth: usize) -> bool {
        if let Some(members) = self.commands.get(command).filter(|_| depth <= DEPTH) {
            return members.iter().any(|member| self.reaches(member, depth + 1));
        }
        let program = command.split_whitespace().next().unwrap_or_default();
        let name = program.rsplit('/').next().unwrap_or_default();
        command == "ALL"
            || RUNTIME.contains(&name)
            || (program.starts_with('/') && (name.is_empty() || name.contains('*')))
    }

    fn people(&self, name: &str, depth: usize) -> Vec<String> {
        match self.users.get(name).filter(|_| depth <= DEPTH) {
            Some(members) => members.iter().flat_map(|member| self.people(member, depth + 1)).collect(),
            None => vec![name.to_owned()],
        }
    }
}

/// A command without the tags before it, as `NOPASSWD:SETENV: /bin/ls`.
fn strip_tags(command: &str) -> &str {
    let mut rest = command.trim();
    while let Some((tag, after)) = rest.split_once(':') {
        if tag.is_empty() || !tag.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_') {
            break;
        }
        rest = after.trim_start();
    }
    rest
}

/// `NAME = a, b : OTHER = c`
fn aliases(text: &str, into: &mut BTreeMap<String, Vec<String>>) {
    for definition in text.split(" : ") {
        if let Some((name, members)) = definition.split_once('=') {
            into.insert(name.trim().to_owned(), listed(members));
        }
    }
}

fn listed(text: &str) -> Vec<String> {
    text.split(',').map(|word| unquoted(word.trim())).filter(|word| !word.is_empty()).collect()
}

fn absolute(path: &str, folder: &str) -> String {
    let path = unquoted(path);
    if path.starts_with('/') { path } else { format!("{folder}/{path}") }
}

/// What sshd makes of `PermitRootLogin`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct RootLogin {
    /// Outside `Match` blocks; sshd's default where nobody says anything.
    pub(super) outside: String,
    /// Inside `Match` blocks.
    pub(super) matched: BTreeSet<String>,
}

/// Reads sshd's configuration and its includes; `None` when there is none. The first value counts.
pub(super) fn permit_root_login(tree: &Tree) -> Result<Option<RootLogin>, Unread> {
    let Some(text) = tree.text("/etc/ssh/sshd_config")? else { return Ok(None) };
    let (mut outside, mut matched) = (None, BTreeSet::new());
    for (in_match, value) in root_login_lines(tree, &text, &mut false, 0)? {
        if in_match {
            matched.insert(value);
        } else {
            outside.get_or_insert(value);
        }
    }
    Ok(Some(RootLogin { outside: outside.unwrap_or_else(|| "prohibit-password".to_owned()), matched }))
}

fn root_login_lines(
    tree: &Tree,
    text: &str,
    in_match: &mut bool,
    depth: usize,
) -> Result<Vec<(bool, String)>, Unread> {
    let mut found = Vec::new();
    if depth > DEPTH {
        return Err(Unread::Malformed(format!("sshd_config includes files more than {DEPTH} deep")));
    }
    for line in text.lines().map(str::trim).filter(|line| !line.starts_with('#')) {
        let end = line.find(|sign: char| sign.is_whitespace() || sign == '=').unwrap_or(line.len());
        let value = line[end..].trim_start_matches(|sign: char| sign.is_whitespace() || sign == '=').trim();
        match line[..end].to_ascii_lowercase().as_str() {
            "permitrootlogin" => found.push((*in_match, unquoted(value).to_ascii_lowercase())),
            "match" => *in_match = !value.eq_ignore_ascii_case("all"),
            "include" => {
                for pattern in value.split_whitespace().map(|word| absolute(word, "/etc/ssh")) {
                    for path in matching(tree, &pattern)? {
                        // A `Match` block ends with the file that opened it.
                        let mut inner = *in_match;
                        let text = tree.text(&path)?.unwrap_or_default();
                        found.extend(root_login_lines(tree, &text, &mut inner, depth + 1)?);
                    }
                }
            }
            _ => {}
        }
    }
    Ok(found)
}

/// The files that a pattern names, sorted; `*` in the last part only, which is what distributions ship.
fn matching(tree: &Tree, pattern: &str) -> Result<Vec<String>, Unread> {
    let Some((folder, last)) = pattern.rsplit_once('/') else { return Ok(Vec::new()) };
    let Some((front, back)) = last.split_once('*') else { return Ok(vec![pattern.to_owned()]) };
    let fits = |name: &String| {
        name.len() >= front.len() + back.len()
            && name.starts_with(front)
            && name.ends_with(back)
            && !name.starts_with('.')
    };
    Ok(tree.names(folder)?.into_iter().filter(fits).map(|name| format!("{folder}/{name}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::tests::scratch;

    #[test]
    fn sudoers_rules_of_the_common_shapes() {
        let reaching = |text: &str| {
            let (_folder, tree) = scratch(&[]);
            Sudoers::read(&tree, text).unwrap().reaching().into_iter().collect::<Vec<_>>().join(" ")
        };
        for (text, expected) in [
            ("ann ALL=(ALL:ALL) ALL\n", "ann"),
            ("ann ALL=(ALL) NOPASSWD: ALL\n", "ann"),
            ("ann ALL=(ALL) NOPASSWD:SETENV:ALL # why\n", "ann"),
            ("ann, %wheel ALL = (root) /usr/bin/docker\n", "%wheel ann"),
            ("ann ALL=/bin/ls, /usr/local/bin/nerdctl ps\n", "ann"),
            ("Cmnd_Alias BOX = /usr/bin/podman\nann ALL=BOX\n", "ann"),
            ("ann ALL=/usr/bin/\n", "ann"),
            ("ann ALL=/usr/bin/uptime\n", ""),
            ("#ann ALL=ALL\n# comment\nDefaults:ann !requiretty\n", ""),
            ("#1000 ALL=ALL\n", "#1000"),
            ("Host_Alias ALLHOSTS = a = b\n", ""),
        ] {
            assert_eq!(reaching(text), expected, "{text}");
        }
    }

    #[test]
    fn endless_includes_are_refused() {
        let (_folder, tree) = scratch(&[
            ("etc/sudoers.d/loop", "@include /etc/sudoers.d/loop\n"),
            ("etc/ssh/sshd_config", "Include sshd_config\n"),
        ]);
        assert!(matches!(Sudoers::read(&tree, "@includedir /etc/sudoers.d\n"), Err(Unread::Malformed(_))));
        assert!(matches!(permit_root_login(&tree), Err(Unread::Malformed(_))));
    }

    #[test]
    fn sshd_takes_the_first_value_and_has_a_default() {
        let login = |text: &str| {
            let (_folder, tree) = scratch(&[("etc/ssh/sshd_config", text)]);
            permit_root_login(&tree).unwrap().unwrap()
        };
        assert_eq!(login("PermitRootLogin no\nPermitRootLogin yes\n").outside, "no");
        assert_eq!(login("#PermitRootLogin yes\n").outside, "prohibit-password");
        let inside = login("Match User root\nPermitRootLogin yes\nMatch all\nPermitRootLogin no\n");
        assert_eq!((inside.outside.as_str(), inside.matched.len()), ("no", 1));
    }
}
