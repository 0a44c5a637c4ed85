//! How settings files are written.

use serde::{Deserialize, Serialize};

/// How a settings file is written, so that one key can be read and set in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Syntax {
    /// `key = value`, last one wins, `#` and `;` comments: sysctl.d(5).
    Sysctl,
    /// `Keyword value`, case-insensitive, first one wins, `Match` blocks: sshd_config(5).
    Sshd,
    /// `install NAME COMMAND`, `blacklist NAME`; the key is the directive and the module: modprobe.d(5).
    Modprobe,
    /// `key = value` or a bare `key`, last one wins, `#` comments: pwquality.conf(5), faillock.conf(5).
    KeyValue,
    /// `KEY value` separated by white space, `#` comments: login.defs(5).
    LoginDefs,
    /// `[Section]` and `Key=value`, the key is `Section.Key`: systemd.syntax(7).
    Ini,
    /// `key = value`, parted by spaces only: auditd.conf(5).
    Auditd,
    /// Lines that stand alone; the key is the line, its words one space apart, the value empty.
    Lines,
    /// An option of a mount; the key is the mount point and the option, the value empty: fstab(5).
    Fstab,
    /// `KEY=value` as sh(1) assigns it, perhaps quoted or exported, last one wins: `/etc/default/*`.
    Assignments,
    /// `key = value`, last one wins, a line that begins with white space goes on with the one before: postconf(5).
    Postfix,
    /// `type control module arguments`; the key is `type module argument`, the value what follows its `=`, empty
    /// for a bare argument. Arguments of all lines with that module are set together; no line is ever added:
    /// pam.d(5).
    Pam,
    /// `name:field:…`; the key is the name and the number of a field, as `root:3`, counted from 0. The password
    /// field is never shown: it reads as `!` when locked, as `*` otherwise, and can only be locked, by `!`:
    /// passwd(5), shadow(5), group(5).
    Accounts,
    /// `Defaults option=value` without a scope, last one wins; a bare option is empty, a negated one `!`:
    /// sudoers(5).
    Sudoers,
    /// `umask VALUE` and `NAME=VALUE` in start-up files of a shell; a key that is set several times reads as all
    /// its values, and is set everywhere.
    Shell,
}
