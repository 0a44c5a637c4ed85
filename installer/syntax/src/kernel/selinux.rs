//! SELinux: what `/etc/selinux/config` asks for, and what the kernel does where that can be seen.

use model::{HostPath, State, Unread};

use crate::source::Source;

const CONFIG: &str = "/etc/selinux/config";
const MODES: [&str; 3] = ["enforcing", "permissive", "disabled"];

/// What is known, as [`model::Lookup::Selinux`] describes it.
pub(crate) fn record(source: &dyn Source) -> Result<State, Unread> {
    let text = source.text(&HostPath::literal(CONFIG))?.unwrap_or_default();
    Ok(State::record([
        ("configured", configured(&text).map(str::to_owned).into()),
        ("policy", policy(&text).map(str::to_owned).into()),
        ("running", running(source)?.map(str::to_owned).into()),
    ]))
}

/// The first line that names a mode counts (libselinux, `selinux_getenforcemode`); anything may follow the word.
fn configured(text: &str) -> Option<&'static str> {
    text.lines().find_map(|line| {
        let value = line.strip_prefix("SELINUX=")?.trim_ascii_start().to_ascii_lowercase();
        MODES.into_iter().find(|mode| value.starts_with(mode))
    })
}

/// The last line counts (libselinux, `init_selinux_config`).
fn policy(text: &str) -> Option<&str> {
    const KEY: &str = "SELINUXTYPE=";
    let value = |line: &'_ str| line.get(..KEY.len()).is_some_and(|key| key.eq_ignore_ascii_case(KEY));
    let lines = text.lines().map(str::trim_ascii_start).filter(|line| value(line));
    lines.map(|line| line[KEY.len()..].trim_ascii()).rfind(|name| !name.is_empty())
}

/// What the kernel does; `None` where its files are not to be seen, as in a container or below another root.
fn running(source: &dyn Source) -> Result<Option<&'static str>, Unread> {
    if let Some(enforce) = source.text(&HostPath::literal("/sys/fs/selinux/enforce"))? {
        return Ok(Some(if enforce.trim() == "1" { "enforcing" } else { "permissive" }));
    }
    let modules = source.text(&HostPath::literal("/sys/kernel/security/lsm"))?;
    let without = |modules: &String| !modules.trim().split(',').any(|module| module == "selinux");
    Ok(modules.filter(without).map(|_| "disabled"))
}
