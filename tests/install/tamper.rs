//! Tampering of many kinds: each is found, named, and healed, so that the next one starts from a clean site.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use serde_json::Value;
use support::site::{HOST, Site, append};
use support::{Run, finding};

use super::{clean, moved};

/// How a tampering is healed: by `install`, or by undoing what only the tamperer can know.
enum Heal {
    Install,
    Undo(Box<dyn Fn(&Site)>),
}

struct Tampering {
    what: &'static str,
    /// The control that must name it.
    control: &'static str,
    act: Box<dyn Fn(&Site)>,
    heal: Heal,
}

fn healed_by_install(what: &'static str, control: &'static str, act: impl Fn(&Site) + 'static) -> Tampering {
    Tampering { what, control, act: Box::new(act), heal: Heal::Install }
}

fn undone(
    what: &'static str,
    control: &'static str,
    act: impl Fn(&Site) + 'static,
    undo: impl Fn(&Site) + 'static,
) -> Tampering {
    Tampering { what, control, act: Box::new(act), heal: Heal::Undo(Box::new(undo)) }
}

/// Waves of tamperings that do not hide each other: one look finds all of a wave, each by its own control.
pub(crate) fn each_tampering_is_found_named_and_healed(site: &Site) {
    let waves = [on_the_root(), of_containers(), of_files(), of_secrets(), of_what_is_left()];
    assert!(waves.iter().map(Vec::len).sum::<usize>() >= 12);
    for wave in &waves {
        let begun = std::time::Instant::now();
        let held = site.drift().expect_code(0).json();
        for tampering in wave {
            assert_eq!(finding(&held, tampering.control)["verdict"], "pass", "{} before", tampering.what);
            (tampering.act)(site);
        }
        let drift = site.drift();
        let told = moved(&drift);
        assert_eq!(drift.code, 3, "{told}");
        let named = drift.json();
        assert_eq!(named["outcome"], "drifted");
        for Tampering { what, control, .. } in wave {
            assert_eq!(finding(&named, control)["verdict"], "fail", "{what} was not found: {told}");
        }
        for tampering in wave {
            if let Heal::Undo(undo) = &tampering.heal {
                undo(site);
            }
        }
        if wave.iter().any(|tampering| matches!(tampering.heal, Heal::Install)) {
            let mended = site.install(&[]);
            assert!(matches!(mended.code, 0 | 3), "{}", moved(&mended));
            assert_eq!(mended.json()["outcome"], "enforced", "{}", moved(&mended));
        }
        let names: Vec<&str> = wave.iter().map(|tampering| tampering.what).collect();
        println!("  {:.1} s: {}", begun.elapsed().as_secs_f32(), names.join(", "));
    }
    clean(site);
}

fn mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

const SYSCTL: &str = "etc/sysctl.d/99-zz-groundfast.conf";
const LATER: &str = "etc/sysctl.d/zzz-mine.conf";
const UNIT: &str = "etc/systemd/system/groundfast-recover.service";

fn on_the_root() -> Vec<Tampering> {
    vec![
        undone(
            "an edited settings file",
            "pin:file /etc/sysctl.d/99-zz-groundfast.conf",
            |site| append(&site.root.join(SYSCTL), "# me\n"),
            |site| {
                let path = site.root.join(SYSCTL);
                let text = fs::read_to_string(&path).unwrap();
                fs::write(&path, text.strip_suffix("# me\n").unwrap()).unwrap();
            },
        ),
        healed_by_install("a widened mode", "file_permissions_etc_passwd", |site| {
            mode(&site.root.join("etc/passwd"), 0o666);
        }),
        undone(
            "a kernel parameter in a later file",
            "sysctl_net_ipv4_conf_all_accept_redirects",
            |site| fs::write(site.root.join(LATER), "net.ipv4.conf.all.accept_redirects = 1\n").unwrap(),
            |site| fs::remove_file(site.root.join(LATER)).unwrap(),
        ),
        undone(
            "a masked unit",
            "service_cron_enabled",
            |site| symlink("/dev/null", site.root.join("etc/systemd/system/cron.service")).unwrap(),
            |site| fs::remove_file(site.root.join("etc/systemd/system/cron.service")).unwrap(),
        ),
        healed_by_install("a removed drop-in of sshd", "sshd_disable_root_login", |site| {
            fs::remove_file(site.root.join("etc/ssh/sshd_config.d/00-groundfast.conf")).unwrap();
        }),
        healed_by_install("a module let in again", "kernel_module_cramfs_disabled", |site| {
            fs::remove_file(site.root.join("etc/modprobe.d/groundfast.conf")).unwrap();
        }),
        healed_by_install(
            "another program in the unit that runs at a start",
            "pin:file /etc/systemd/system/groundfast-recover.service",
            |site| append(&site.root.join(UNIT), "ExecStartPost=/bin/true\n"),
        ),
    ]
}

fn of_containers() -> Vec<Tampering> {
    vec![
        healed_by_install("a stopped container", "service.db.healthy", |site| {
            site.docker(&["stop", "-t", "2", &site.container("db")]);
        }),
        healed_by_install("a container of another image", "service.app.image", |site| {
            let id = site.container("app");
            let other = site.docker(&["commit", &id]);
            replace(site, "app", &other, &[]);
        }),
        healed_by_install("a container that runs as root", "service.policy.nonroot", |site| {
            let image = image_of(site, "policy");
            replace(site, "policy", &image, &["--user", "0:0"]);
        }),
        // One as Compose's own orphans look, one that Compose takes for nobody's, one that claims to be a service.
        healed_by_install("services nobody released", "stack.companyos", |site| {
            labelled(site, &["project=companyos", "service=intruder", "oneoff=False", "config-hash=0"]);
            labelled(site, &["project=companyos", "service=stranger"]);
            labelled(site, &["project=companyos", "service=nginx"]);
        }),
    ]
}

/// Makes a container with these labels of Compose's.
fn labelled(site: &Site, labels: &[&str]) {
    let image = image_of(site, "policy");
    let labels: Vec<_> = labels.iter().map(|part| format!("com.docker.compose.{part}")).collect();
    let labels = labels.iter().flat_map(|label| ["--label", label.as_str()]);
    let arguments: Vec<&str> = ["create"].into_iter().chain(labels).chain([image.as_str()]).collect();
    site.docker(&arguments);
}

/// The id of the image that a service's container was made from.
fn image_of(site: &Site, service: &str) -> String {
    site.inspect(&site.container(service))["Image"].as_str().unwrap().to_owned()
}

/// Puts another container in the place of a service's: same name, labels, mounts and command, so that Compose takes it
/// for its own, but of this image and with these options.
fn replace(site: &Site, service: &str, image: &str, options: &[&str]) {
    let old = site.container(service);
    let seen = site.inspect(&old);
    let name = seen["Name"].as_str().unwrap().trim_start_matches('/');
    site.docker(&["stop", "-t", "2", &old]);
    site.docker(&["rename", &old, "groundfast-replaced"]);
    let mut arguments: Vec<String> =
        ["create", "--volumes-from", "groundfast-replaced", "--name", name].map(str::to_owned).to_vec();
    for (name, value) in seen["Config"]["Labels"].as_object().unwrap() {
        arguments.extend(["--label".to_owned(), format!("{name}={}", value.as_str().unwrap())]);
    }
    arguments.extend(options.iter().map(|option| (*option).to_owned()));
    arguments.push(image.to_owned());
    let command = seen["Config"]["Cmd"].as_array().cloned().unwrap_or_default();
    arguments.extend(command.iter().map(|word: &Value| word.as_str().unwrap().to_owned()));
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let made = site.docker(&arguments);
    site.docker(&["rm", "-f", &old]);
    let _ = Run::of(&site.inside("docker").args(["start", &made]).output().unwrap());
}

/// The file on this machine that is mounted at a path of a service's container.
pub(crate) fn mounted(site: &Site, service: &str, target: &str) -> PathBuf {
    let seen = site.inspect(&site.container(service));
    let mounts = seen["Mounts"].as_array().unwrap();
    let mount = mounts.iter().find(|mount| mount["Destination"] == target).unwrap();
    PathBuf::from(mount["Source"].as_str().unwrap())
}

fn of_files() -> Vec<Tampering> {
    vec![
        healed_by_install("a changed policy", "service.policy.pins", |site| {
            append(&mounted(site, "policy", "/etc/companyos/policy.tar.gz"), "more");
        }),
        healed_by_install("a changed configuration", "service.nginx.pins", |site| {
            append(&mounted(site, "nginx", "/etc/companyos/nginx.conf"), "# me\n");
        }),
        healed_by_install("a changed Compose file", "stack.companyos", |site| {
            let seen = site.inspect(&site.container("app"));
            let file = &seen["Config"]["Labels"]["com.docker.compose.project.config_files"];
            append(Path::new(file.as_str().unwrap()), "\n");
        }),
        certificate("an expired certificate", |site| expired(site, &chain(site))),
    ]
}

fn of_secrets() -> Vec<Tampering> {
    let secret = |site: &Site, name: &str| site.data().join("secrets").join(name);
    vec![
        healed_by_install("a widened secret", "secret.nginx-tls-key", move |site| {
            mode(&secret(site, "nginx-tls-key"), 0o444);
        }),
        healed_by_install("a replaced secret", "secret.app-tokens", move |site| {
            fs::write(secret(site, "app-tokens"), "writer mine\n").unwrap();
        }),
        healed_by_install("a secret of another owner", "secret.db-tls-key", move |site| {
            std::os::unix::fs::chown(secret(site, "db-tls-key"), Some(2003), None).unwrap();
        }),
        certificate("a certificate of another key", |site| {
            fs::copy(site.scratch.path("site/tls/app.crt"), chain(site)).unwrap();
        }),
    ]
}

fn of_what_is_left() -> Vec<Tampering> {
    vec![
        healed_by_install("a removed image", "image.companyos/policy:1.0.0", |site| {
            let image = image_of(site, "policy");
            site.docker(&["rm", "-f", &site.container("policy")]);
            site.docker(&["rmi", "-f", &image]);
        }),
        healed_by_install("secrets that are gone", "secret.nginx-tls-key", Site::unmount_secrets),
    ]
}

fn chain(site: &Site) -> PathBuf {
    site.scratch.path("site/tls/nginx.crt")
}

/// Another certificate in the customer's own file, which nobody but the customer can put back.
fn certificate(what: &'static str, act: impl Fn(&Site) + 'static) -> Tampering {
    let kept = |site: &Site| site.scratch.path("nginx.crt.kept");
    undone(
        what,
        "env.certificates.nginx",
        move |site| {
            fs::copy(chain(site), kept(site)).unwrap();
            act(site);
        },
        move |site| {
            fs::copy(kept(site), chain(site)).unwrap();
        },
    )
}

/// A certificate of the same authority, key and names, whose time is over.
pub(crate) fn expired(site: &Site, to: &Path) {
    let own = site.scratch.path("site");
    let names = site.scratch.write(
        "names.ext",
        &format!(
            "extendedKeyUsage=serverAuth,clientAuth\nsubjectAltName=DNS:{HOST},DNS:nginx,DNS:localhost\n"
        ),
    );
    let mut ca = site.inside("openssl");
    ca.current_dir(site.scratch.path(""));
    let config = "[ca]\ndefault_ca=d\n[d]\ndatabase=index.txt\nnew_certs_dir=.\nserial=serial\ndefault_md=sha256\npolicy=p\nrand_serial=yes\n[p]\ncommonName=supplied\n";
    site.scratch.write("ca.cnf", config);
    site.scratch.write("index.txt", "");
    ca.args([
        "ca",
        "-batch",
        "-notext",
        "-config",
        "ca.cnf",
        "-startdate",
        "20240101000000Z",
        "-enddate",
        "20240201000000Z",
    ]);
    ca.arg("-extfile")
        .arg(&names)
        .arg("-cert")
        .arg(own.join("tls/ca.crt"))
        .arg("-keyfile")
        .arg(own.join("authority/ca.key"));
    ca.arg("-in").arg(own.join("authority/nginx.csr")).arg("-out").arg(to);
    let _ = Run::of(&ca.output().unwrap()).expect_code(0);
}
