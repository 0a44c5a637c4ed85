//! Bad input and broken surroundings: the right exit code, a message that names the cause, and nothing changed.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use support::site::Site;
use support::{Run, binary, snapshot};

/// Runs a case and insists on its exit code, its words, and that neither root nor engine was touched.
#[track_caller]
fn refuses(site: &Site, what: &str, code: i32, words: &[&str], run: impl FnOnce() -> Run) {
    let before = snapshot(&site.root);
    let run = run();
    let told = format!("{}{}", run.stdout, run.stderr);
    assert_eq!(run.code, code, "{what}: {told}");
    for word in words {
        assert!(told.contains(word), "{what} does not say `{word}`: {told}");
    }
    assert_eq!(snapshot(&site.root), before, "{what}: the root is as it was");
    assert_eq!(site.containers(), Vec::<String>::new(), "{what}");
    let kept = fs::read_dir(site.data()).into_iter().flatten().map(|entry| entry.unwrap().file_name());
    let kept: Vec<_> = kept.filter(|name| name != "lock").collect();
    assert!(kept.is_empty(), "{what}: no run was begun, no release accepted, nothing is kept: {kept:?}");
    assert!(!site.secrets_mounted(), "{what}: no secret was injected");
}

fn install_of(site: &Site, bundle: &str, more: &[&str]) -> Run {
    let answers = site.scratch.path("answers.toml").display().to_string();
    site.groundfast(&[&["install", bundle, "--answers", &answers], more].concat())
}

#[test]
fn what_cannot_be_installed_is_refused_and_nothing_is_changed() {
    let Some(site) = Site::new() else { return };
    // The good twin of all of them: the same bundle and answers are fine.
    let _ = site.install(&["--plan"]).expect_code(0);
    bad_bundles(&site);
    bad_answers(&site);
    bad_surroundings(&site);
}

fn bad_bundles(site: &Site) {
    let whole = site.bundle();
    let cut = site.scratch.path("cut.tar");
    fs::copy(&whole, &cut).unwrap();
    let file = fs::File::options().write(true).open(&cut).unwrap();
    file.set_len(fs::metadata(&whole).unwrap().len() / 2).unwrap();
    let at = cut.display().to_string();
    refuses(site, "a truncated bundle", 4, &["cut.tar"], || install_of(site, &at, &[]));

    let garbage = site.scratch.write("garbage.tar", "this was never a bundle").display().to_string();
    refuses(site, "no bundle at all", 4, &["garbage.tar"], || install_of(site, &garbage, &[]));

    let unsigned = site.scratch.path("unsigned.tar");
    fs::copy(&whole, &unsigned).unwrap();
    let member = "groundfast/bundle.sigstore.json";
    let taken = Command::new("tar").args(["--delete", "-f"]).arg(&unsigned).arg(member).status().unwrap();
    assert!(taken.success(), "taking the signature out");
    let at = unsigned.display().to_string();
    refuses(site, "a bundle without a signature", 4, &["unsigned.tar", member], || {
        install_of(site, &at, &[])
    });
    let key = site.scratch.path("cosign.pub").display().to_string();
    let verify = |file: &str| site.groundfast(&["bundle", "verify", file, "--key", &key]);
    refuses(site, "verifying a bundle without a signature", 4, &[member], || verify(&at));
    fs::remove_file(&unsigned).unwrap();
    // The good twin of the last: the same command and key, the whole bundle.
    let _ = verify(&whole.display().to_string()).expect_code(0);

    let prefix = site.scratch.path("stranger").display().to_string();
    let mut key = site.inside(binary());
    key.env("GROUNDFAST_PASSPHRASE", "x").args(["key", "generate", "--output-key-prefix", &prefix]);
    let _ = Run::of(&key.output().unwrap()).expect_code(0);
    let stranger = format!("bundle.key={prefix}.pub");
    refuses(site, "a bundle of somebody else", 4, &["sign"], || site.install(&["--set", &stranger]));
}

fn bad_answers(site: &Site) {
    let bundle = site.bundle().display().to_string();
    let unknown = ["--set", "stack.sockett=/x"];
    refuses(site, "an unknown answer", 2, &["sockett"], || site.install(&unknown));
    refuses(site, "no answers", 2, &["answers init"], || site.groundfast(&["install", &bundle]));

    let path = site.scratch.path("answers.toml");
    let answers = fs::read_to_string(&path).unwrap();
    let line = answers.lines().find(|line| line.starts_with("app-tokens")).unwrap();
    fs::write(&path, answers.replace(&format!("{line}\n"), "")).unwrap();
    refuses(site, "a secret that is not named", 2, &["app-tokens"], || site.install(&[]));
    fs::write(&path, &answers).unwrap();

    let missing = ["--set", "secrets.app-tokens=file:/nonexistent/tokens"];
    refuses(site, "a secret that is not there", 1, &["/nonexistent/tokens"], || site.install(&missing));
    let loose = site.scratch.path("site/secrets/app-tokens");
    fs::set_permissions(&loose, fs::Permissions::from_mode(0o400)).unwrap();
}

fn bad_surroundings(site: &Site) {
    let nothing = ["--set", "stack.socket=/nonexistent/docker.sock"];
    refuses(site, "no engine", 3, &["/nonexistent/docker.sock"], || site.install(&nothing));

    let covers = |text: &str| text.replace("dns = [\"companyos.internal\"", "dns = [\"nowhere.example\"");
    let elsewhere = site.bundle_with("elsewhere", |name, text| match name {
        "bundle.toml" => {
            assert_ne!(covers(&text), text);
            covers(&text)
        }
        _ => text,
    });
    let words = ["env.certificates.nginx", "not valid for nowhere.example"];
    refuses(site, "a certificate of other names", 3, &words, || site.install_bundle(&elsewhere, &[]));
    fs::remove_file(&elsewhere).unwrap();

    // Somebody else, who may read the answers and the public key but no secret.
    for place in ["", "site", "answers.toml", "cosign.pub"] {
        let open = Command::new("chmod").arg("a+rX").arg(site.scratch.path(place)).status().unwrap();
        assert!(open.success());
    }
    let nobody = || {
        let mut command = site.inside("setpriv");
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]).arg(binary());
        Run::of(&command.args(site.install_arguments()).arg("--no-progress").output().unwrap())
    };
    refuses(site, "not root", 1, &["only root can run it", "user 65534"], nobody);

    // A data directory on a disk too small for the bundle: forecast, so nothing is begun.
    fs::create_dir_all(site.data()).unwrap();
    let script = "mount -t tmpfs -o size=8m tmpfs \"$0\" && \"$@\"; code=$?; umount \"$0\"; exit $code";
    let small = || {
        let mut command = site.inside("unshare");
        command
            .args(["-m", "sh", "-c", script])
            .arg(site.data())
            .arg(binary())
            .args(site.install_arguments());
        Run::of(&command.arg("--no-progress").output().unwrap())
    };
    refuses(site, "a full disk", 3, &["env.disk", "MiB free"], small);
}
