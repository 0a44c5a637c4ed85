//! What can be measured of a machine.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::path::HostPath;

/// A measurement of the machine, answered as a [`State::Record`](crate::State::Record) whose fields the
/// backend that measures it documents.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fact {
    /// Release, version and build features of the running kernel.
    Kernel,
    /// `/etc/os-release`: id, version, the ids it is like.
    Distribution,
    /// The day it is, as shadow(5) counts them: days since 1970-01-01, a number.
    Today,
    /// Logical CPUs, memory in bytes.
    Capacity,
    /// Free bytes and inodes where this path lies, and the file system's type.
    FileSystem { path: HostPath },
    /// Who answers Docker's API behind this socket: name, version, storage driver, rootless, security.
    Engine { socket: HostPath },
    /// The containerd behind this socket: version.
    Containerd { socket: HostPath },
    /// Which container runtimes are installed, whether they run or not.
    Runtimes,
    /// Ports that the engine behind this socket publishes, with the container and its Compose project.
    Published { socket: HostPath },
    /// How the running containers of the engine behind this socket are kept apart.
    Containers { socket: HostPath },
    /// The Compose plugin: version.
    Compose,
    /// cgroup version and controllers.
    Cgroups,
    /// Whether this kernel module is loaded, built in or can be loaded.
    KernelModule { name: String },
    /// State of the random number generator, hardware sources and the rate measured.
    Entropy,
    /// What the kernel and the time daemon believe about the clock.
    ClockDiscipline,
    /// Offset against an NTP server (`host[:port]`), measured, with its uncertainty.
    ClockOffset { server: String },
    /// Lock conflict and release between two processes, atomic rename and fsync latency below this path.
    FileLocks { path: HostPath },
    /// SELinux: mode, policy, container support.
    Selinux,
    /// AppArmor: enabled, profiles loaded, parser present.
    Apparmor,
    /// Answer of the system's resolver for a name that must or must not exist.
    Resolve { name: String },
    /// Sockets that listen on an address other hosts can reach.
    Listeners,
    /// Proxy variables of shell, systemd manager and container runtime.
    Proxies,
    /// Audit rules and daemon, as far as container activity goes.
    Audit,
    /// Who can reach the container runtime: docker group, sudoers, root over ssh.
    RuntimeAccess,
    /// The ssh keys that open accounts which are root or can become it.
    SuperuserKeys,
    /// A certificate chain file with its key and CA: subject, names, expiry, chain, key match.
    Certificate { chain: HostPath, key: HostPath, authority: HostPath },
}

impl fmt::Display for Fact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Kernel => f.write_str("kernel"),
            Self::Distribution => f.write_str("distribution"),
            Self::Today => f.write_str("the day"),
            Self::Capacity => f.write_str("CPU and memory"),
            Self::FileSystem { path } => write!(f, "file system at {path}"),
            Self::Engine { socket } => write!(f, "container engine at {socket}"),
            Self::Containerd { socket } => write!(f, "containerd at {socket}"),
            Self::Runtimes => f.write_str("installed container runtimes"),
            Self::Published { socket } => write!(f, "ports published by {socket}"),
            Self::Containers { socket } => write!(f, "containers of {socket}"),
            Self::Compose => f.write_str("Compose"),
            Self::Cgroups => f.write_str("control groups"),
            Self::KernelModule { name } => write!(f, "kernel module {name}"),
            Self::Entropy => f.write_str("entropy"),
            Self::ClockDiscipline => f.write_str("clock discipline"),
            Self::ClockOffset { server } => write!(f, "clock offset against {server}"),
            Self::FileLocks { path } => write!(f, "file locks at {path}"),
            Self::Selinux => f.write_str("SELinux"),
            Self::Apparmor => f.write_str("AppArmor"),
            Self::Resolve { name } => write!(f, "resolution of {name}"),
            Self::Listeners => f.write_str("listening sockets"),
            Self::Proxies => f.write_str("proxy variables"),
            Self::Audit => f.write_str("audit logging"),
            Self::RuntimeAccess => f.write_str("access to the container runtime"),
            Self::SuperuserKeys => f.write_str("keys that open root"),
            Self::Certificate { chain, .. } => write!(f, "certificate {chain}"),
        }
    }
}
