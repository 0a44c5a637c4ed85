//! Banners, files that must be there or not, links, apt's options, sticky directories.

use model::Node;

use super::*;

pub(super) fn banner() -> Vec<Case> {
    let issue = r#"{ kind = "banner", path = "/etc/issue", text = "Authorised users only.", required = true, names = ["debian"] }"#;
    let motd = r#"{ kind = "banner", path = "/etc/motd", text = "Authorised users only." }"#;
    let at = |text: &str| m().with("/etc/issue", text);
    vec![
        case(issue, at("Authorised users only.\n"), Pass, "tells nothing"),
        case(issue, at("Debian GNU/Linux 12 \\n \\l\n"), Fail, "debian"),
        case(issue, at("Hello on \\s \\r\n"), Fail, "\\r, \\s"),
        case(issue, at("\n  \n"), Fail, "no text"),
        case(issue, m(), Fail, "no text"),
        case(issue, Machine::blind(), Unknown, "permission denied"),
        case(motd, m(), Pass, "no text"),
        case(motd, m().with("/etc/motd", "Running \\v\n"), Fail, "\\v"),
    ]
}

pub(super) fn presence() -> Vec<Case> {
    let allow = r#"{ kind = "presence", paths = ["/etc/cron.allow"], present = true, create = "0640" }"#;
    let deny = r#"{ kind = "presence", paths = ["/etc/cron.deny"], present = false }"#;
    let filled = r#"{ kind = "presence", paths = ["/etc/authselect/authselect.conf"], present = true, filled = true }"#;
    vec![
        case(allow, m().with("/etc/cron.allow", ""), Pass, "is there"),
        case(allow, m(), Fail, "is not there"),
        case(deny, m(), Pass, "is not there"),
        case(deny, m().with("/etc/cron.deny", "x\n"), Fail, "is there"),
        case(deny, Machine::blind(), Unknown, "permission denied"),
        case(filled, m().with("/etc/authselect/authselect.conf", "sssd\n"), Pass, "is filled"),
        stuck(filled, m().with("/etc/authselect/authselect.conf", "\n"), "is empty"),
        stuck(filled, m(), "is not there"),
    ]
}

pub(super) fn link() -> Vec<Case> {
    let probe = r#"{ kind = "link", path = "/etc/systemd/system/default.target", targets = ["/usr/lib/systemd/system/multi-user.target", "/lib/systemd/system/multi-user.target"] }"#;
    let to = |target: &str| m().with_link("/etc/systemd/system/default.target", target);
    vec![
        case(probe, to("/lib/systemd/system/multi-user.target"), Pass, "multi-user"),
        case(probe, to("/usr/lib/systemd/system/graphical.target"), Fail, "graphical"),
        case(probe, m(), Fail, "no such link"),
        case(probe, Machine::blind(), Unknown, "permission denied"),
    ]
}

pub(super) fn apt() -> Vec<Case> {
    let probe = r#"{ kind = "apt", off = ["APT::Install-Recommends", "APT::Install-Suggests"] }"#;
    let at = |name: &str, text: &str| m().with(&format!("/etc/apt/apt.conf.d/{name}"), text);
    let off = "APT { Install-Recommends \"0\"; Install-Suggests no; };\n";
    vec![
        case(probe, at("60x", off), Pass, "Recommends is 0"),
        case(
            probe,
            at("60x.conf", off).with("/etc/apt/apt.conf.d/70y", "apt::install-suggests 1;"),
            Fail,
            "Suggests is 1",
        ),
        case(probe, at("60x.dpkg-old", off), Fail, "nothing sets"),
        case(probe, at("60x", "// APT::Install-Recommends \"0\";\n"), Fail, "nothing sets"),
        case(probe, m(), Fail, "nothing sets"),
        case(probe, Machine::blind(), Unknown, "permission denied"),
    ]
}

pub(super) fn sticky() -> Vec<Case> {
    let probe = r#"{ kind = "sticky", under = "/" }"#;
    let directory = |mode: u32| m().with_node("/var/drop", Node::Directory, mode);
    vec![
        case(probe, directory(0o1777), Pass, "no directory"),
        case(probe, directory(0o775).with_node("/var/file", Node::File, 0o777), Pass, "no directory"),
        case(probe, directory(0o777), Fail, "/var/drop is 0777"),
        case(probe, Machine::blind(), Unknown, "permission denied"),
    ]
}
