//! Effective values over several files, each file read and parsed once.

use std::cell::OnceCell;
use std::collections::BTreeSet;

use model::{HostPath, Lookup, State, Syntax, Unread};

use crate::accounts::{authselect, pam, passwd, shell, sudoers::Sudoers};
use crate::edit::Entry;
use crate::kernel::{boot, modprobe, selinux, sysctl::Persistent, wireless};
use crate::packages::{Packages, apt, repositories};
use crate::services::{dconf, docker, kubernetes, rsyslog, units};
use crate::source::{Source, drop_ins};
use crate::text::{lines, matches};
use crate::{audit, firewall, get, mounts, sshd};

/// Answers lookups from one source. What several lookups share is read once and kept, so make a new one for
/// every round of observation.
pub struct Lookups<'a> {
    source: &'a dyn Source,
    packages: OnceCell<Result<Packages, Unread>>,
    sshd: OnceCell<Result<Option<sshd::Effective>, Unread>>,
    sysctl: OnceCell<Result<Persistent, Unread>>,
    modules: OnceCell<Result<Modules, Unread>>,
    audit: OnceCell<Result<audit::Effective, Unread>>,
}

impl<'a> Lookups<'a> {
    /// Lookups that read from this source.
    pub fn new(source: &'a dyn Source) -> Self {
        let (packages, sshd, sysctl) = (OnceCell::new(), OnceCell::new(), OnceCell::new());
        Self { source, packages, sshd, sysctl, modules: OnceCell::new(), audit: OnceCell::new() }
    }

    /// The answer to a lookup, as [`Lookup`] describes it.
    ///
    /// # Errors
    /// When a file that matters is there and cannot be read.
    pub fn find(&self, lookup: &Lookup) -> Result<State, Unread> {
        match lookup {
            Lookup::Sshd { key } => {
                let effective = self.sshd.get_or_init(|| sshd::Effective::read(self.source)).as_ref();
                let effective = effective.map_err(Clone::clone)?;
                Ok(effective.as_ref().map_or(State::Absent, |effective| effective.record(key)))
            }
            Lookup::DropIns { main, folders, main_last, syntax, key } => {
                self.layered(main, folders, *main_last, *syntax, key)
            }
            Lookup::Module { name } => self.module(name),
            Lookup::Unit { name } => units::record(self.source, name),
            Lookup::Package { name } => Ok(self.packages()?.record(name)),
            Lookup::AuditRule { line, may_lack } => {
                let audit = self.audit.get_or_init(|| audit::Effective::read(self.source)).as_ref();
                audit.map_err(Clone::clone)?.record(line, may_lack)
            }
            Lookup::Lines { files, pattern } => matches::record(self.source, files, pattern),
            Lookup::BootArgument { name } => boot::record(self.source, name),
            Lookup::Wireless => wireless::record(self.source),
            Lookup::Mount { point } => mounts::record(self.source, point),
            Lookup::User { name } => self.account("/etc/passwd", name),
            Lookup::Group { name } => self.account("/etc/group", name),
            Lookup::Text { path } => Ok(self.source.text(path)?.into()),
            Lookup::Firewall { running: true, .. } => {
                Err(Unread::Unsupported("rules that the kernel holds are in no file".to_owned()))
            }
            Lookup::Firewall { filter, main, .. } => firewall::record(self.source, *filter, main),
            Lookup::Zone { name } => firewall::zone(self.source, name),
            Lookup::Dconf { databases, key } => dconf::record(self.source, databases, key),
            Lookup::DconfCompiled { database } => dconf::compiled(self.source, database),
            Lookup::Selinux => selinux::record(self.source),
            Lookup::DockerOption { key, flag } => docker::option(self.source, key, flag),
            Lookup::Kubernetes { path, name } => kubernetes::setting(self.source, path, name),
            Lookup::Authselect => authselect::record(self.source),
            Lookup::LogFiles => rsyslog::record(self.source),
            Lookup::PackageKeys => self.packages()?.keys(),
            Lookup::Repositories => repositories::record(self.source),
            Lookup::Apt { key } => apt::value(self.source, key).map(State::from),
            Lookup::Users => passwd::users(self.source),
            Lookup::Groups => passwd::groups(self.source),
            Lookup::Shells => passwd::shells(self.source),
            Lookup::Dots { folder } => passwd::dots(self.source, folder),
            Lookup::Pam { path, kind } => pam::stack(self.source, path, kind),
            Lookup::Shell { files, folders, name } => shell::effect(self.source, files, folders, name),
            Lookup::Sudoers => {
                Ok(Sudoers::read(self.source)?.map_or(State::Absent, |sudoers| sudoers.record()))
            }
        }
    }

    /// What the next boot sets a kernel parameter to, as [`model::SysctlScope::Persistent`] describes it.
    ///
    /// # Errors
    /// When one of the files cannot be read.
    pub fn persistent_sysctl(&self, key: &str) -> Result<State, Unread> {
        let persistent = self.sysctl.get_or_init(|| Persistent::read(self.source)).as_ref();
        Ok(persistent.map_err(Clone::clone)?.record(key))
    }

    /// The packages of the system.
    ///
    /// # Errors
    /// When there is no database of them, or it cannot be read.
    pub fn packages(&self) -> Result<&Packages, Unread> {
        self.packages.get_or_init(|| Packages::read(self.source)).as_ref().map_err(Clone::clone)
    }

    fn account(&self, file: &'static str, name: &str) -> Result<State, Unread> {
        let text = self.source.text(&HostPath::literal(file))?.unwrap_or_default();
        Ok(passwd::number(&text, name).map(i64::from).into())
    }

    fn layered(
        &self,
        main: &HostPath,
        folders: &[HostPath],
        main_last: bool,
        syntax: Syntax,
        key: &str,
    ) -> Result<State, Unread> {
        let mut files = drop_ins(self.source, folders)?;
        if let Some(text) = self.source.text(main)? {
            files.insert(if main_last { files.len() } else { 0 }, (main.clone(), text));
        }
        let set = files.iter().rev().find_map(|(path, text)| Some((path, text, get(text, syntax, key)?)));
        Ok(State::record([
            ("value", set.as_ref().map(|(_, _, value)| value.clone()).into()),
            (
                "at",
                set.as_ref()
                    .map(|(path, text, _)| format!("{path}:{}", crate::edit::line(text, syntax, key)))
                    .into(),
            ),
            ("path", set.as_ref().map(|(path, _, _)| path.to_string()).into()),
        ]))
    }

    fn module(&self, name: &str) -> Result<State, Unread> {
        let modules =
            self.modules.get_or_init(|| Modules::read(self.source)).as_ref().map_err(Clone::clone)?;
        let name = modprobe::module(name);
        let directive = |directive: &str| {
            let wanted = format!("{directive} {name}");
            modules.directives.iter().find(|(_, entry)| entry.key == wanted)
        };
        let install = directive("install");
        Ok(State::record([
            (
                "loaded",
                modules.loaded.as_ref().map(|names| names.contains(&name)).map_or(State::Absent, State::Flag),
            ),
            (
                "builtin",
                modules
                    .builtin
                    .as_ref()
                    .map(|names| names.contains(&name))
                    .map_or(State::Absent, State::Flag),
            ),
            (
                "available",
                modules
                    .available
                    .as_ref()
                    .map(|names| names.contains(&name))
                    .map_or(State::Absent, State::Flag),
            ),
            ("blacklisted", State::Flag(directive("blacklist").is_some())),
            ("install", install.map(|(_, entry)| entry.value.clone()).into()),
            ("install-path", install.map(|(path, _)| path.to_string()).into()),
        ]))
    }
}

/// All that is known of kernel modules.
struct Modules {
    /// modprobe.d(5) in its order: of several `install` commands the first one counts.
    directives: Vec<(HostPath, Entry)>,
    loaded: Option<BTreeSet<String>>,
    builtin: Option<BTreeSet<String>>,
    available: Option<BTreeSet<String>>,
}

impl Modules {
    fn read(source: &dyn Source) -> Result<Self, Unread> {
        let folders = [
            "/etc/modprobe.d",
            "/run/modprobe.d",
            "/usr/local/lib/modprobe.d",
            "/usr/lib/modprobe.d",
            "/lib/modprobe.d",
        ];
        let mut directives = Vec::new();
        for (path, text) in drop_ins(source, &folders.map(HostPath::literal))? {
            let entries = modprobe::entries(&lines::split(&text));
            directives.extend(entries.into_iter().map(|entry| (path.clone(), entry)));
        }
        let loaded = match source.text(&HostPath::literal("/proc/modules")) {
            Ok(text) => text.map(|text| text.lines().filter_map(first_word).collect()),
            Err(Unread::Unsupported(_)) => None,
            Err(why) => return Err(why),
        };
        Ok(Self {
            directives,
            loaded,
            builtin: listed(source, "modules.builtin")?,
            available: listed(source, "modules.dep")?,
        })
    }
}

fn first_word(line: &str) -> Option<String> {
    line.split_ascii_whitespace().next().map(modprobe::module)
}

/// The modules that a file of each installed kernel lists; `None` when there is no such file.
fn listed(source: &dyn Source, file: &str) -> Result<Option<BTreeSet<String>>, Unread> {
    let folder = HostPath::literal("/lib/modules");
    let mut names = None;
    for kernel in source.names(&folder)? {
        let Ok(path) = folder.join(&kernel).and_then(|kernel| kernel.join(file)) else { continue };
        if let Some(text) = source.text(&path)? {
            let paths = text.lines().filter_map(|line| line.split(':').next()?.rsplit('/').next());
            let stems = paths.filter_map(|name| Some(modprobe::module(name.split_once(".ko")?.0)));
            names.get_or_insert_with(BTreeSet::new).extend(stems);
        }
    }
    Ok(names)
}
