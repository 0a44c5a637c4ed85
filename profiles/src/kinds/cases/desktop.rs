//! GNOME's settings.

use super::*;

pub(super) fn dconf() -> Vec<Case> {
    let enable = r#"{ kind = "dconf", databases = ["local", "gdm"], key = "org/gnome/login-screen/banner-message-enable", value = "true" }"#;
    let delay = r#"{ kind = "dconf", databases = ["local"], key = "org/gnome/desktop/session/idle-delay", value = 900, order = "at-most" }"#;
    let on = r#"{ kind = "dconf", databases = ["local"], key = "org/gnome/desktop/session/idle-delay", value = 900, order = "at-most", least = 1 }"#;
    let text = r#"{ kind = "dconf", databases = ["local"], key = "org/gnome/login-screen/banner-message-text", value = "It's us", locked = false }"#;
    let alike = r#"{ kind = "dconf", databases = ["local"], key = "org/gnome/login-screen/banner-message-text", value = "Keep out.", pattern = "^Keep\\s+out\\.$", locked = false }"#;
    let banner = |text: &str| {
        m().with(
            "/etc/dconf/db/local.d/00",
            &format!("[org/gnome/login-screen]\nbanner-message-text='{text}'\n"),
        )
    };
    let reads = || m().with("/etc/dconf/profile/user", "user-db:user\nsystem-db:local\n");
    let locks = "/etc/dconf/db/gdm.d/locks/00";
    let locked = || reads().with(locks, "# ours\n/org/gnome/login-screen/banner-message-enable\n");
    let keys = "[org/gnome/other]\nbanner-message-enable=false\n[org/gnome/login-screen]\nbanner-message-enable = true\n";
    let idle = |value: &str| {
        reads()
            .with("/etc/dconf/db/local.d/00", &format!("[org/gnome/desktop/session]\nidle-delay={value}\n"))
            .with("/etc/dconf/db/local.d/locks/00", "/org/gnome/desktop/session/idle-delay\n")
    };
    vec![
        // 0 would never blank the screen.
        case(on, idle("uint32 900"), Pass, "uint32 900"),
        case(on, idle("uint32 0"), Fail, "uint32 0"),
        case(alike, banner("Keep out."), Pass, "Keep out."),
        case(alike, banner("Keep  out."), Pass, "Keep  out."),
        case(alike, banner("Come in."), Fail, "Come in."),
        case(enable, locked().with("/etc/dconf/db/gdm.d/00", keys), Pass, "true by /etc/dconf/db/gdm.d/00"),
        case(enable, locked(), Fail, "nothing sets"),
        case(enable, reads().with("/etc/dconf/db/gdm.d/00", keys), Fail, "not locked"),
        case(
            enable,
            m().with(locks, "/org/gnome/login-screen/banner-message-enable")
                .with("/etc/dconf/db/gdm.d/00", keys),
            Fail,
            "does not read",
        ),
        case(
            enable,
            locked()
                .with("/etc/dconf/db/gdm.d/00", keys)
                .with("/etc/dconf/db/gdm.d/10", "[org/gnome/login-screen]\nbanner-message-enable=false\n"),
            Fail,
            "false by /etc/dconf/db/gdm.d/10",
        ),
        case(enable, m(), Fail, "nothing sets"),
        case(enable, Machine::blind(), Unknown, "permission denied"),
        case(delay, idle("uint32 300"), Pass, "uint32 300"),
        case(delay, idle("uint32 901"), Fail, "uint32 901"),
        case(
            text,
            m().with(
                "/etc/dconf/db/local.d/a",
                "[org/gnome/login-screen]\nbanner-message-text=\"It's us\"\n",
            ),
            Pass,
            "us",
        ),
        // What is written is quoted once more than it is compared, so a person looks at such a text.
        case(text.replace("It's us", "Us").leak(), m(), Fail, "nothing sets"),
    ]
}

pub(super) fn compiled() -> Vec<Case> {
    let probe = r#"{ kind = "dconf_compiled", databases = ["local"] }"#;
    let sources = || m().with("/etc/dconf/db/local.d/00", "12345");
    vec![
        case(probe, sources().with("/etc/dconf/db/local", "12345678"), Pass, "as new as"),
        case(probe, m(), Pass, "no key files"),
        stuck(probe, sources().with("/etc/dconf/db/local", "1"), "older"),
        stuck(probe, sources(), "older"),
        case(probe, Machine::blind(), Unknown, "permission denied"),
    ]
}
