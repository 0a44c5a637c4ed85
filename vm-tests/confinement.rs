//! What confines a product, on kernels that do it: put in place, seen to be weakened, healed, taken back.

#![allow(clippy::expect_used, clippy::disallowed_methods, reason = "tests set up their own places")]

use vm::{Confinement, Step, Told, run};

const PROFILE: &str = "pin:AppArmor profile confined-app";

/// Nothing of what a run left behind has moved.
#[track_caller]
fn is_clean(told: &mut Told) {
    told.take("clean").expect_code(0);
}

/// A look found this control failing, for what was seen.
#[track_caller]
fn names(step: &Step, control: &str, seen: &str) {
    let failed = step.expect_code(3).controls("fail");
    let found = failed.iter().find(|(name, _)| name == control);
    assert!(found.is_some_and(|(_, actual)| actual.contains(seen)), "{control}: {failed:?}");
}

#[test]
fn an_apparmor_profile_is_loaded_kept_and_taken_back() {
    let Some(mut told) = run(Confinement::Apparmor, "apparmor") else { return };
    told.take("install").expect_code(0);
    assert_eq!(told.take("held").printed, "confined-app (enforce)\n");
    assert!(told.take("under").printed.contains("confined-app (enforce)"));
    is_clean(&mut told);

    told.take("complain").expect_code(0);
    let complaining = told.take("complaining");
    names(&complaining, PROFILE, "complain");
    names(&complaining, "service.app.confined", "confined-app (complain)");
    told.take("heal").expect_code(0);
    assert_eq!(told.take("held").printed, "confined-app (enforce)\n");

    told.take("unload").expect_code(0);
    let unloaded = told.take("unloaded");
    names(&unloaded, PROFILE, "absent");
    names(&unloaded, "service.app.confined", "unconfined");
    told.take("heal").expect_code(0);
    assert!(told.take("under").printed.contains("confined-app (enforce)"), "the container is confined again");
    is_clean(&mut told);

    told.take("edit").expect_code(0);
    names(&told.take("edited"), "pin:file /etc/apparmor.d/confined-app", "");
    told.take("heal").expect_code(0);
    told.take("rollback").expect_code(0);
    told.take("gone").expect_code(1);
    told.take("file").expect_code(2);
}

#[test]
fn selinux_modules_and_labels_are_put_in_place_kept_and_taken_back() {
    let Some(mut told) = run(Confinement::Selinux, "selinux") else { return };
    assert_eq!(told.take("enforcing").printed, "Enforcing\n");
    let before = told.take("before").printed;
    told.take("install").expect_code(0);
    assert!(told.take("held").printed.starts_with("400 confined-app"));
    assert!(told.take("labelled").printed.contains("confined_app_data_t"));
    is_clean(&mut told);

    told.take("disable").expect_code(0);
    names(&told.take("disabled"), "pin:SELinux module confined-app", "enabled no");
    told.take("heal").expect_code(0);
    told.take("relabel").expect_code(0);
    names(&told.take("relabelled"), "pin:SELinux label of /srv/data", "default_t");
    told.take("heal").expect_code(0);
    assert!(told.take("labelled").printed.contains("confined_app_data_t"));

    told.take("rollback").expect_code(0);
    told.take("gone").expect_code(1);
    assert_eq!(told.take("after").printed, before);
}

#[test]
fn a_machine_without_either_says_that_they_do_not_apply() {
    let Some(mut told) = run(Confinement::None, "without") else { return };
    let install = told.take("install");
    let left = install.expect_code(0).controls("notapplicable");
    for control in
        ["apparmor.confined-app", "selinux.confined-app", "selinux.volume.data", "service.app.confined"]
    {
        let found = left.iter().find(|(name, _)| name == control);
        assert!(found.is_some_and(|(_, why)| why.contains("does not run here")), "{control}: {left:?}");
    }
    told.take("file").expect_code(2);
    is_clean(&mut told);
}

/// The profiles that we publish are what AppArmor's own parser takes for them.
#[test]
fn the_real_parser_reads_the_samples() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    for path in ["vm-tests/product/confined-app", "examples/companyos/confinement/companyos-app"] {
        let path = root.join(path);
        let mut parser = std::process::Command::new("/usr/sbin/apparmor_parser");
        parser.args(["--skip-kernel-load", "--skip-cache", "--names"]).arg(&path);
        let output = parser.output().expect("apparmor_parser: scripts/packages.sh test installs it");
        let name = path.file_name().and_then(|name| name.to_str());
        assert_eq!(Some(String::from_utf8_lossy(&output.stdout).trim()), name);
    }
}
