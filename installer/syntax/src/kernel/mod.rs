//! What the kernel is told: at its start, of its modules, its parameters, SELinux and AppArmor.

pub mod apparmor;
pub(crate) mod boot;
pub(crate) mod modprobe;
pub(crate) mod selinux;
pub(crate) mod sysctl;
pub(crate) mod wireless;
