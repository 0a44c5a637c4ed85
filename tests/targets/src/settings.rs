//! One key of a settings file: what is set is read back, and every other line stays as it was.

use model::Syntax;
use syntax::{get, set};

/// The first line is `key=value`, the rest the file.
fn law(bytes: &[u8], kind: Syntax) {
    let Ok(input) = std::str::from_utf8(bytes) else { return };
    let (head, text) = input.split_once('\n').unwrap_or((input, ""));
    let (key, value) = head.split_once('=').unwrap_or((head, ""));
    let _ = get(text, kind, key);
    let Ok(changed) = set(text, kind, key, Some(value)) else { return };
    assert_eq!(
        get(&changed, kind, key).as_deref(),
        Some(value),
        "{key}={value:?} in {text:?} is {changed:?}"
    );
    let again = set(&changed, kind, key, Some(value));
    assert_eq!(again.as_deref(), Ok(changed.as_str()), "setting it again changes nothing");
    if let Ok(without) = set(&changed, kind, key, None) {
        assert_eq!(get(&without, kind, key), None, "{key} in {without:?}");
    }
}

pub(crate) fn accounts(bytes: &[u8]) {
    law(bytes, Syntax::Accounts);
}

pub(crate) fn ini(bytes: &[u8]) {
    law(bytes, Syntax::Ini);
}

pub(crate) fn key_value(bytes: &[u8]) {
    law(bytes, Syntax::KeyValue);
}

pub(crate) fn login_defs(bytes: &[u8]) {
    law(bytes, Syntax::LoginDefs);
}

pub(crate) fn modprobe(bytes: &[u8]) {
    law(bytes, Syntax::Modprobe);
}

pub(crate) fn pam(bytes: &[u8]) {
    law(bytes, Syntax::Pam);
}

pub(crate) fn shell(bytes: &[u8]) {
    law(bytes, Syntax::Shell);
}

pub(crate) fn sshd(bytes: &[u8]) {
    law(bytes, Syntax::Sshd);
}

pub(crate) fn sudoers(bytes: &[u8]) {
    law(bytes, Syntax::Sudoers);
}

pub(crate) fn sysctl(bytes: &[u8]) {
    law(bytes, Syntax::Sysctl);
}
