//! The kernel parameters that the next boot sets: sysctl.d(5) as systemd-sysctl reads it.

use model::{HostPath, State, Unread};

use crate::get;
use crate::source::{Source, drop_ins};
use crate::text::{keyed::sysctl_key, lines};

const FOLDERS: [&str; 5] =
    ["/etc/sysctl.d", "/run/sysctl.d", "/usr/local/lib/sysctl.d", "/usr/lib/sysctl.d", "/lib/sysctl.d"];
const LEGACY: &str = "/etc/sysctl.conf";
/// The link through which the boot reads the file above, and the list that tells whether a package brings it.
const LINK: &str = "/etc/sysctl.d/99-sysctl.conf";
const LINKED_BY: &str = "/var/lib/dpkg/info/systemd.list";

/// All settings of all files, in the order in which they are applied.
#[derive(Clone, Debug, Default)]
pub(crate) struct Persistent {
    settings: Vec<Setting>,
    legacy: String,
    /// Whether a package brings the link to the legacy file: taken away by hand, it comes back with an upgrade.
    linked: bool,
}

#[derive(Clone, Debug)]
struct Setting {
    /// Perhaps a pattern.
    key: String,
    /// Absent for a bare `-key`, which keeps patterns away from that key.
    value: Option<String>,
    path: HostPath,
    line: usize,
}

impl Persistent {
    pub(crate) fn read(source: &dyn Source) -> Result<Self, Unread> {
        let mut settings = Vec::new();
        for (path, text) in drop_ins(source, &FOLDERS.map(HostPath::literal))? {
            for (number, line) in lines::split(&text).into_iter().enumerate() {
                if let Some((key, value)) = setting(line) {
                    settings.push(Setting { key, value, path: path.clone(), line: number + 1 });
                }
            }
        }
        let legacy = source.text(&HostPath::literal(LEGACY))?.unwrap_or_default();
        let list = source.text(&HostPath::literal(LINKED_BY))?.unwrap_or_default();
        Ok(Self { settings, legacy, linked: list.lines().any(|line| line == LINK) })
    }

    /// What the next boot sets a parameter to, as [`model::SysctlScope::Persistent`] describes it. A setting by
    /// name beats patterns whatever their order.
    pub(crate) fn record(&self, key: &str) -> State {
        let key = sysctl_key(key);
        let named = |setting: &&Setting| setting.key == key;
        let excluded = self.settings.iter().filter(named).any(|setting| setting.value.is_none());
        let pattern = |setting: &&Setting| !excluded && matches(&setting.key, &key);
        let valued = || self.settings.iter().rev().filter(|setting| setting.value.is_some());
        let winner = valued().find(named).or_else(|| valued().find(pattern));
        let legacy = get(&self.legacy, model::Syntax::Sysctl, &key);
        let old = || legacy.clone().filter(|_| self.linked);
        let at_old = || old().map(|_| LEGACY.to_owned());
        State::record([
            ("value", winner.map_or_else(old, |winner| winner.value.clone()).into()),
            (
                "at",
                winner.map_or_else(at_old, |winner| Some(format!("{}:{}", winner.path, winner.line))).into(),
            ),
            ("path", winner.map_or_else(at_old, |winner| Some(winner.path.to_string())).into()),
            ("legacy", legacy.into()),
        ])
    }
}

fn setting(line: &str) -> Option<(String, Option<String>)> {
    let line = lines::body(line).trim_ascii();
    if line.is_empty() || line.starts_with(['#', ';']) {
        return None;
    }
    match line.split_once('=') {
        Some((key, value)) => {
            let key = key.trim_ascii();
            Some((sysctl_key(key.strip_prefix('-').unwrap_or(key)), Some(value.trim_ascii().to_owned())))
        }
        None => line.strip_prefix('-').map(|key| (sysctl_key(key), None)),
    }
}

/// Whether a pattern such as `net.ipv4.conf.*.rp_filter` names a key; `*` stays within one part.
fn matches(pattern: &str, key: &str) -> bool {
    let (mut patterns, mut parts) = (pattern.split('.'), key.split('.'));
    pattern.contains(['*', '?'])
        && loop {
            match (patterns.next(), parts.next()) {
                (None, None) => break true,
                (Some(pattern), Some(part)) if crate::sshd::glob(pattern.as_bytes(), part.as_bytes()) => {}
                _ => break false,
            }
        }
}
