//! Machines that look like Red Hat's: synthetic, with the programs of the machine that runs the tests, among them the
//! real rpm and dnf, and a database, repositories and packages of their own.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::{Run, binary};

/// Mounts the programs and the binary into a root, and runs a command inside, all processes of which end with it.
const INSIDE: &str = "set -e; mount --rbind /usr \"$1/usr\"; mount -o remount,bind,ro \"$1/usr\"; \
    mount -t proc proc \"$1/proc\"; mount -t tmpfs tmpfs \"$1/dev\"; \
    for node in null:3 zero:5 full:7 random:8 urandom:9; do mknod -m 666 \"$1/dev/${node%:*}\" c 1 ${node#*:}; done; \
    ln -s /proc/self/fd \"$1/dev/fd\"; ln -s fd/0 \"$1/dev/stdin\"; touch \"$1/groundfast\"; \
    mount --bind \"$2\" \"$1/groundfast\"; root=$1; shift 2; \
    exec chroot \"$root\" env -i PATH=/usr/sbin:/usr/bin HOME=/root LC_ALL=C \"$@\"";

const OS_RELEASE: &str = "NAME=\"Red Hat Enterprise Linux\"\nVERSION=\"9.4 (Plow)\"\nID=\"rhel\"\nID_LIKE=\"fedora\"\n\
    VERSION_ID=\"9.4\"\nPLATFORM_ID=\"platform:el9\"\nPRETTY_NAME=\"Red Hat Enterprise Linux 9.4 (Plow)\"\n";

/// What of the tests' own machine is not the machine's: there, Debian's rpm keeps its database elsewhere.
const MACROS: &str = "%_dbpath /var/lib/rpm\n";

/// One tiny package: name, version-release, more lines of its preamble, sections of scripts.
pub struct Rpm(pub &'static str, pub &'static str, pub &'static str, pub &'static str);

/// A Red Hat machine in a chroot.
pub struct RedHat {
    folder: tempfile::TempDir,
}

impl RedHat {
    /// A machine with these packages installed and those in its repository; `None` where there is no rpm or dnf.
    pub fn new(installed: &[Rpm], offered: &[Rpm]) -> Option<Self> {
        for program in ["rpmbuild", "dnf", "createrepo_c"] {
            if Command::new(program).arg("--version").output().is_err() {
                eprintln!("left out: {program} is not installed; `scripts/packages.sh test` does");
                return None;
            }
        }
        let machine = Self { folder: tempfile::tempdir().unwrap() };
        machine.lay_out();
        for rpm in installed {
            machine.build(rpm, "old");
        }
        for rpm in offered {
            machine.build(rpm, "repo");
        }
        machine.publish();
        machine.sh("rpm --initdb; [ -z \"$(ls /old)\" ] || rpm -i --nosignature /old/*.rpm");
        machine.sh("dnf -q makecache");
        Some(machine)
    }

    fn lay_out(&self) {
        fs::set_permissions(self.folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        for part in "dev proc run usr tmp root opt srv var/log var/tmp var/cache var/lib/rpm repo old \
                     etc/dnf/protected.d etc/yum.repos.d etc/rpm"
            .split_whitespace()
        {
            fs::create_dir_all(self.path(part)).unwrap();
        }
        for name in ["bin", "sbin", "lib", "lib64"] {
            symlink(format!("usr/{name}"), self.path(name)).unwrap();
        }
        for name in ["ld.so.cache", "ld.so.conf", "passwd", "group"] {
            fs::copy(Path::new("/etc").join(name), self.path("etc").join(name)).unwrap();
        }
        self.write("etc/os-release", OS_RELEASE);
        self.write("etc/rpm/macros", MACROS);
        self.write("etc/dnf/dnf.conf", "[main]\ngpgcheck=1\nbest=True\nclean_requirements_on_remove=True\n");
        self.repository("gpgcheck=0\n");
    }

    /// Declares the repository of the machine, with more settings.
    pub fn repository(&self, more: &str) {
        let text = format!("[tiny]\nname=tiny\nbaseurl=file:///repo\nenabled=1\n{more}");
        self.write("etc/yum.repos.d/tiny.repo", &text);
    }

    /// A path in the machine, as seen from outside.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A file in the machine.
    pub fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// Builds a package, which has one configuration file, into a folder of the machine.
    pub fn build(&self, Rpm(name, version, preamble, scripts): &Rpm, into: &str) {
        let place = tempfile::tempdir().unwrap();
        let (version, release) = version.split_once('-').unwrap();
        let spec = place.path().join("tiny.spec");
        let text = format!(
            "Name: {name}\nVersion: {version}\nRelease: {release}\nSummary: tiny\nLicense: none\nBuildArch: noarch\n\
             {preamble}%description\ntiny\n%install\nmkdir -p %{{buildroot}}/etc\necho x > %{{buildroot}}/etc/{name}.conf\n\
             {scripts}%files\n%config(noreplace) /etc/{name}.conf\n"
        );
        fs::write(&spec, text).unwrap();
        let defined = |name: &str, value: String| ["--define".to_owned(), format!("{name} {value}")];
        let output = Command::new("rpmbuild")
            .args(["-bb", "--quiet", "--nodeps"])
            .args(defined("_topdir", place.path().display().to_string()))
            .args(defined("_rpmdir", self.path(into).display().to_string()))
            .args(defined("_build_name_fmt", "%%{NAME}-%%{VERSION}-%%{RELEASE}.%%{ARCH}.rpm".to_owned()))
            .arg(&spec)
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    /// Makes the repository offer what lies in its folder.
    pub fn publish(&self) {
        let output = Command::new("createrepo_c").arg("-q").arg(self.path("repo")).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    /// A command inside, without input.
    pub fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new("unshare");
        command.args(["--mount", "--pid", "--fork", "--kill-child", "sh", "-c", INSIDE, "inside"]);
        command.arg(self.folder.path()).arg(binary()).args(words).stdin(Stdio::null());
        command
    }

    /// What a script inside prints.
    #[track_caller]
    pub fn sh(&self, script: &str) -> String {
        Run::of(&self.command(&["sh", "-c", script]).output().unwrap()).expect_code(0).stdout
    }

    /// Runs the binary inside.
    pub fn groundfast(&self, words: &[&str]) -> Run {
        let words = [&["/groundfast"], words, &["--no-progress", "--output", "json"]].concat();
        Run::of(&self.command(&words).output().unwrap())
    }
}
