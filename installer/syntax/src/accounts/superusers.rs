//! Who can become root, told from passwd(5), group(5) and sudoers(5).

use std::collections::BTreeSet;

use model::{HostPath, Unread};

use super::passwd;
use super::sudoers::Sudoers;
use crate::source::Source;

/// How deep aliases may name aliases.
const DEPTH: usize = 16;

/// Programs that hand out the container runtime, hence root.
const RUNTIME: [&str; 7] = ["docker", "docker-compose", "containerd", "ctr", "nerdctl", "podman", "dockerd"];

/// Programs that are nothing but a way to run others.
const SHELLS: [&str; 12] =
    ["ash", "bash", "chroot", "dash", "env", "ksh", "nsenter", "runuser", "sh", "su", "sudo", "zsh"];

/// What the local files say about becoming root.
pub struct Superusers {
    passwd: String,
    groups: String,
    /// The users, `%groups` and `#ids` whom sudoers lets run everything, a shell or a container program as root.
    pub sudo: BTreeSet<String>,
}

impl Superusers {
    /// Reads the three files; one that is not there says nothing.
    ///
    /// # Errors
    /// When a file that is there cannot be read.
    pub fn read(source: &dyn Source) -> Result<Self, Unread> {
        let text = |path| source.text(&HostPath::literal(path)).map(Option::unwrap_or_default);
        let sudo = Sudoers::read(source)?.map(|sudoers| Reading(&sudoers).reaching()).unwrap_or_default();
        Ok(Self { passwd: text("/etc/passwd")?, groups: text("/etc/group")?, sudo })
    }

    /// The local accounts.
    pub fn accounts(&self) -> impl Iterator<Item = Account<'_>> {
        self.passwd.lines().filter_map(Account::read)
    }

    /// The members of a group, those with it as their first group included.
    pub fn members(&self, group: &str) -> BTreeSet<String> {
        passwd::members(&self.groups, &self.passwd, group)
    }

    /// The names of the accounts with user id 0.
    pub fn roots(&self) -> BTreeSet<String> {
        passwd::users_where(&self.passwd, 2, "0").collect()
    }

    /// Whom a name of sudoers stands for; `None` for what the local files do not know, such as a netgroup.
    pub fn people(&self, who: &str) -> Option<BTreeSet<String>> {
        if let Some(group) = who.strip_prefix('%') {
            return match group.strip_prefix('#') {
                Some(gid) => Some(self.named(gid).map(|group| self.members(group)).unwrap_or_default()),
                None if group.starts_with(':') => None,
                None => Some(self.members(group)),
            };
        }
        match who.strip_prefix('#') {
            Some(uid) => Some(passwd::users_where(&self.passwd, 2, uid).collect()),
            None if who == "ALL" => Some(self.accounts().map(|account| account.name.to_owned()).collect()),
            None if who.starts_with('+') => None,
            None => Some(BTreeSet::from([who.to_owned()])),
        }
    }

    /// The names of the accounts that are root or can become it by sudo.
    pub fn all(&self) -> BTreeSet<String> {
        let by_sudo = self.sudo.iter().filter_map(|who| self.people(who)).flatten();
        self.roots().into_iter().chain(by_sudo).collect()
    }

    /// The groups of an account by name, the primary one included.
    pub(crate) fn groups<'t>(&'t self, account: &Account<'_>) -> BTreeSet<&'t str> {
        let of = |line: &'t str| {
            let parts: Vec<&str> = line.split(':').collect();
            let [name, _, gid, members] = parts[..] else { return None };
            (gid == account.gid || members.split(',').any(|member| member.trim() == account.name))
                .then_some(name)
        };
        self.groups.lines().filter_map(of).collect()
    }

    /// The name of the group with this number.
    fn named(&self, gid: &str) -> Option<&str> {
        let line = self.groups.lines().find(|line| line.split(':').nth(2) == Some(gid))?;
        line.split(':').next()
    }
}

/// One line of passwd(5).
pub struct Account<'t> {
    /// Its login name.
    pub name: &'t str,
    pub(crate) uid: u32,
    gid: &'t str,
    pub(crate) home: &'t str,
    shell: &'t str,
}

impl<'t> Account<'t> {
    fn read(line: &'t str) -> Option<Self> {
        let parts: Vec<&str> = line.split(':').collect();
        let [name, _, uid, gid, _, home, shell] = parts[..] else { return None };
        Some(Self { name, uid: uid.parse().ok()?, gid, home, shell })
    }

    pub(crate) fn has_shell(&self) -> bool {
        !self.shell.ends_with("/nologin") && !self.shell.ends_with("/false")
    }
}

/// The rules with their aliases resolved.
struct Reading<'s>(&'s Sudoers);

impl Reading<'_> {
    /// The users and `%groups` who may run as root what makes them root.
    fn reaching(&self) -> BTreeSet<String> {
        let reaches = |command: &(Vec<String>, String)| {
            self.as_root(&command.0, 0).unwrap_or_default() && self.reaches(&command.1, 0)
        };
        let rules = self.0.rules.iter().filter(|rule| rule.commands.iter().any(reaches));
        let people = rules.flat_map(|rule| rule.who.iter().flat_map(|name| self.people(name, 0)));
        people.filter(|name| !name.starts_with('!')).collect()
    }

    /// Whether a list of users to run as holds root; the last that matches counts, `None` when none does.
    fn as_root(&self, users: &[String], depth: usize) -> Option<bool> {
        let matches = |user: &String| {
            let name = user.trim_start_matches('!');
            let positive = (user.len() - name.len()).is_multiple_of(2);
            let members = self.0.run_as.get(name).filter(|_| depth <= DEPTH);
            let holds = match members {
                Some(members) => self.as_root(members, depth + 1)?,
                // Who is in a group or netgroup is not looked up: it may hold root.
                None => matches!(name, "root" | "ALL" | "#0") || positive && name.starts_with(['%', '+']),
            };
            holds.then_some(positive)
        };
        users.iter().filter_map(matches).next_back()
    }

    fn reaches(&self, command: &str, depth: usize) -> bool {
        if let Some(members) = self.0.commands.get(command).filter(|_| depth <= DEPTH) {
            return members.iter().any(|member| self.reaches(member, depth + 1));
        }
        // A digest may come first: `sha256:… /bin/sh`.
        let mut words = command.split_whitespace().skip_while(|word| word.starts_with("sha"));
        let program = words.next().unwrap_or_default();
        let name = program.rsplit('/').next().unwrap_or_default();
        command == "ALL"
            || program.starts_with('^')
            || RUNTIME.contains(&name)
            || SHELLS.contains(&name)
            || (program.starts_with('/') && (name.is_empty() || name.contains(['*', '?', '['])))
    }

    fn people(&self, name: &str, depth: usize) -> Vec<String> {
        match self.0.users.get(name).filter(|_| depth <= DEPTH) {
            Some(members) => members.iter().flat_map(|member| self.people(member, depth + 1)).collect(),
            None => vec![name.to_owned()],
        }
    }
}
