//! Names that were right once, and blockers that nobody may skip.
#![allow(clippy::unwrap_used, reason = "a test that cannot be set up must stop")]

use std::collections::BTreeMap;

use profiles::{Catalogue, ResolveError, Tailoring};

const FILE: &str = r#"version = 1

[renamed]
oldest = "older"
older = "shadow"
var_old = "var_mode"
round = "about"
about = "round"
older_daemon = "daemon"

[removed]
telnet = "no supported system has it; use `shadow`"
daemon = "it was split"

[variables.var_mode]
title = "mode"
type = "string"
default = "0640"

[[profile]]
id = "base"
title = "base"
select = ["*"]

[[control]]
id = "shadow"
title = "mode of shadow"
rationale = "why"
mend = "how"
probe = { kind = "file", path = "/etc/shadow", mode = "$var_mode" }

[[control]]
id = "passwd"
title = "mode of passwd"
severity = "blocker"
rationale = "why"
mend = "how"
refs = { cis = ["1.1"] }
probe = { kind = "file", path = "/etc/passwd", mode = "0644" }
"#;

fn refused(tailoring: &Tailoring) -> Option<ResolveError> {
    Catalogue::empty().with("file.toml", FILE).unwrap().resolve("base", tailoring).err()
}

fn only(name: &str) -> Tailoring {
    Tailoring { only: vec![name.to_owned()], ..Tailoring::default() }
}

fn skip(name: &str) -> Tailoring {
    let skip = BTreeMap::from([(name.to_owned(), "reason".to_owned())]);
    Tailoring { skip, ..Tailoring::default() }
}

fn set(name: &str) -> Tailoring {
    let set = BTreeMap::from([(name.to_owned(), "0600".to_owned())]);
    Tailoring { set, ..Tailoring::default() }
}

#[test]
fn a_former_name_is_refused_with_its_successor() {
    let renamed = |name: &str, successor: &str| {
        Some(ResolveError::Renamed { name: name.to_owned(), successor: successor.to_owned() })
    };
    for name in ["older", "oldest"] {
        assert_eq!(refused(&only(name)), renamed(name, "shadow"));
        assert_eq!(refused(&skip(name)), renamed(name, "shadow"));
    }
    assert_eq!(refused(&set("var_old")), renamed("var_old", "var_mode"));
    let gone = refused(&only("telnet")).unwrap().to_string();
    assert_eq!(gone, "`telnet` is gone: no supported system has it; use `shadow`");
    assert_eq!(refused(&skip("older_daemon")).unwrap().to_string(), "`older_daemon` is gone: it was split");
    assert!(refused(&only("round")).is_some(), "a circle of names ends");
    // The good twins: the present names.
    for good in [only("shadow"), skip("shadow"), set("var_mode")] {
        assert_eq!(refused(&good), None);
    }
}

#[test]
fn an_id_is_known_by_its_present_name_only() {
    let catalogue = Catalogue::empty().with("file.toml", FILE).unwrap();
    assert_eq!(catalogue.known("shadow"), Ok(()));
    assert!(matches!(catalogue.known("older"), Err(ResolveError::Renamed { .. })));
    assert!(matches!(catalogue.known("telnet"), Err(ResolveError::Removed { .. })));
    let meant = Some("shadow".to_owned());
    let unknown = ResolveError::Unknown { what: "control", name: "shadwo".to_owned(), meant };
    assert_eq!(catalogue.known("shadwo"), Err(unknown));
    // A later file may take a name back into use.
    let again = FILE.replace("id = \"shadow\"", "id = \"older\"");
    assert_eq!(catalogue.with("again.toml", &again).unwrap().known("older"), Ok(()));
}

#[test]
fn a_blocker_cannot_be_skipped() {
    for selector in ["passwd", "cis:1", "*"] {
        assert_eq!(refused(&skip(selector)), Some(ResolveError::Blocker("passwd".to_owned())), "{selector}");
    }
    assert_eq!(refused(&skip("shadow")), None);
}
