//! A container engine of a machine's own, started by its systemd: the programs of the machine that runs the tests.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::Disk;
use crate::{Run, prepared};

const PROGRAMS: [&str; 7] = [
    "/usr/sbin/dockerd",
    "/usr/bin/containerd",
    "/usr/bin/containerd-shim-runc-v2",
    "/usr/sbin/runc",
    "/usr/sbin/docker-proxy",
    "/usr/sbin/xtables-nft-multi",
    "/usr/bin/docker",
];
const EXTENSIONS: &str = "/usr/lib/x86_64-linux-gnu/xtables";

impl Disk {
    /// The same machine with an engine and Compose; `None`, said aloud, where the runner has none.
    pub fn with_engine() -> Option<Self> {
        let compose = prepared("DOCKER_CONFIG")?.join("cli-plugins/docker-compose");
        let mut disk = Self::new()?;
        if let Some(missing) = PROGRAMS.iter().find(|program| !Path::new(program).exists()) {
            eprintln!("left out: {missing} is not there; `make test` installs docker.io");
            return None;
        }
        for program in PROGRAMS {
            disk.take(Path::new(program));
        }
        assert!(
            Command::new("cp")
                .args(["-r", EXTENSIONS])
                .arg(disk.inside("/usr/lib/x86_64-linux-gnu/"))
                .status()
                .unwrap()
                .success()
        );
        for name in ["iptables", "iptables-save", "iptables-restore", "ip6tables"] {
            let _ = fs::remove_file(disk.inside(&format!("/usr/sbin/{name}")));
            symlink("xtables-nft-multi", disk.inside(&format!("/usr/sbin/{name}"))).unwrap();
        }
        let plugins = disk.inside("/usr/libexec/docker/cli-plugins");
        fs::create_dir_all(&plugins).unwrap();
        fs::copy(compose, plugins.join("docker-compose")).unwrap();
        disk.start_engine_at_boot();
        // Layers cannot lie on an overlay themselves.
        let data = disk.folder.path().join("engine");
        fs::create_dir(&data).unwrap();
        fs::create_dir_all(disk.inside("/var/lib/docker")).unwrap();
        disk.engine = Some(data);
        Some(disk)
    }

    /// Where a path of the machine lies on this one.
    pub fn inside(&self, path: &str) -> PathBuf {
        self.root().join(path.trim_start_matches('/'))
    }

    /// Copies a program and the libraries that it needs and the machine lacks.
    fn take(&self, program: &Path) {
        let needs = Run::of(&Command::new("ldd").arg(program).output().unwrap()).stdout;
        let libraries = needs.lines().filter_map(|line| line.split_whitespace().nth(2));
        let libraries: BTreeSet<_> = libraries.filter(|path| path.starts_with('/')).map(Path::new).collect();
        for file in libraries.into_iter().filter(|path| !self.inside(&path.display().to_string()).exists()) {
            fs::copy(file, self.inside(&file.display().to_string())).unwrap();
        }
        fs::copy(program, self.inside(&program.display().to_string())).unwrap();
    }

    /// The engine's unit. A container gets its control groups read-only, which a machine does not.
    fn start_engine_at_boot(&self) {
        let writable = "for at in $(awk '$3 == \"cgroup\" { print $2 }' /proc/mounts); do mount -o remount,rw,bind $at; done";
        let script = self.inside("/usr/local/sbin/writable-control-groups");
        fs::write(&script, format!("#!/bin/sh\n{writable}\n")).unwrap();
        fs::set_permissions(&script, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        let unit = format!(
            "[Service]\nType=notify\nExecStartPre=/usr/local/sbin/writable-control-groups\n\
             ExecStart=/usr/sbin/dockerd --storage-driver overlay2 --cgroup-parent {}\n\
             [Install]\nWantedBy=multi-user.target\n",
            self.control_group()
        );
        fs::write(self.inside("/etc/systemd/system/docker.service"), unit).unwrap();
        let wants = self.inside("/etc/systemd/system/multi-user.target.wants");
        fs::create_dir_all(&wants).unwrap();
        symlink("../docker.service", wants.join("docker.service")).unwrap();
    }

    fn control_group(&self) -> String {
        format!("groundfast-test-{}", std::process::id())
    }

    /// Removes the control groups that the engine made.
    pub(super) fn clear_control_groups(&self) {
        for controller in fs::read_dir("/sys/fs/cgroup").into_iter().flatten().flatten() {
            let own = controller.path().join(self.control_group());
            for inner in fs::read_dir(&own).into_iter().flatten().flatten() {
                let _ = fs::remove_dir(inner.path());
            }
            let _ = fs::remove_dir(own);
        }
    }
}
