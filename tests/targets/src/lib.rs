//! Every way in for bytes that somebody else wrote, each as a function of these bytes.
//!
//! A target must return, whatever it is given: it never panics, never loops, and checks the laws of what it parses.
//! `make fuzz` drives them with libFuzzer; the tests replay `tests/corpus` and make up inputs of their own.

mod formats;
mod rpm;
mod rules;
mod settings;

/// One way in.
pub struct Target {
    /// Its name, as `make fuzz FUZZ=NAME` takes it; its corpus lies in the folder of that name.
    pub name: &'static str,
    /// Takes the bytes.
    pub run: fn(&[u8]),
}

/// All of them, in order of their names.
pub const TARGETS: &[Target] = &[
    Target { name: "bundle_archive", run: formats::bundle_archive },
    Target { name: "bundle_spec", run: formats::bundle_spec },
    Target { name: "compose", run: formats::compose },
    Target { name: "dsse", run: formats::dsse },
    Target { name: "events", run: formats::events },
    Target { name: "journal", run: formats::journal },
    Target { name: "oci_index", run: formats::oci_index },
    Target { name: "plan", run: formats::plan },
    Target { name: "profile", run: formats::profile },
    Target { name: "public_key", run: formats::public_key },
    Target { name: "root", run: formats::root },
    Target { name: "rpm_database", run: rpm::database },
    Target { name: "rule_debian12", run: rules::debian12 },
    Target { name: "rule_environment", run: rules::environment },
    Target { name: "rule_rhel9", run: rules::rhel9 },
    Target { name: "rule_ubuntu2404", run: rules::ubuntu2404 },
    Target { name: "secret_reference", run: formats::secret_reference },
    Target { name: "setting_accounts", run: settings::accounts },
    Target { name: "setting_ini", run: settings::ini },
    Target { name: "setting_key_value", run: settings::key_value },
    Target { name: "setting_login_defs", run: settings::login_defs },
    Target { name: "setting_modprobe", run: settings::modprobe },
    Target { name: "setting_pam", run: settings::pam },
    Target { name: "setting_shell", run: settings::shell },
    Target { name: "setting_sshd", run: settings::sshd },
    Target { name: "setting_sudoers", run: settings::sudoers },
    Target { name: "setting_sysctl", run: settings::sysctl },
    Target { name: "statement", run: formats::statement },
    Target { name: "versions", run: formats::versions },
];

/// The target of this name.
pub fn named(name: &str) -> Option<&'static Target> {
    TARGETS.iter().find(|target| target.name == name)
}
