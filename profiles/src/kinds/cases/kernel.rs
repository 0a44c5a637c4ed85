//! What the kernel is told: parameters, modules, arguments, radios.

use super::*;

pub(super) fn sysctl() -> Vec<Case> {
    let forward = r#"{ kind = "sysctl", key = "net.ipv4.ip_forward", value = "0" }"#;
    let ptrace = r#"{ kind = "sysctl", key = "kernel.yama.ptrace_scope", value = 1, order = "at-least" }"#;
    let on = || m().running("net.ipv4.ip_forward", "1");
    let off = || m().running("net.ipv4.ip_forward", "0");
    let line = "net.ipv4.ip_forward = 0\n";
    let shipped = |machine: Machine| {
        machine.with("/var/lib/dpkg/info/systemd.list", "/etc/sysctl.d\n/etc/sysctl.d/99-sysctl.conf\n")
    };
    vec![
        case(
            forward,
            off().with("/etc/sysctl.d/10-a.conf", line),
            Pass,
            "running 0; set to 0 at boot by /etc/sysctl.d/10-a.conf:1",
        ),
        case(forward, on().with("/etc/sysctl.d/10-a.conf", line), Fail, "running 1"),
        case(forward, off(), Fail, "no file sets it"),
        case(forward, on(), Fail, "running 1"),
        // A later file wins over ours, a file of the same name in /etc hides the vendor's.
        case(
            forward,
            off().with("/etc/sysctl.d/99-zzz.conf", "net.ipv4.ip_forward=1\n"),
            Fail,
            "99-zzz.conf:1",
        ),
        case(
            forward,
            off()
                .with("/etc/sysctl.d/10-a.conf", line)
                .with("/usr/lib/sysctl.d/10-a.conf", "net.ipv4.ip_forward=1\n"),
            Pass,
            "/etc/sysctl.d/10-a.conf",
        ),
        case(
            forward,
            off().with("/etc/sysctl.d/a.conf", line).with("/etc/sysctl.conf", "net/ipv4/ip_forward=1\n"),
            Fail,
            "lets win",
        ),
        case(
            forward,
            off()
                .with("/etc/sysctl.conf", "net.ipv4.ip_forward=1\n")
                .with_link("/etc/sysctl.d/99-sysctl.conf", "../sysctl.conf"),
            Fail,
            "1",
        ),
        // A link that a package brings comes back with its next upgrade, and what it leads to counts after the rest.
        case(forward, off().with("/etc/sysctl.conf", line), Fail, "no file sets it"),
        case(forward, shipped(off()).with("/etc/sysctl.conf", line), Pass, "at boot by /etc/sysctl.conf"),
        case(forward, shipped(off()).with("/etc/sysctl.conf", "net.ipv4.ip_forward=1\n"), Fail, "set to 1"),
        case(
            forward,
            shipped(off())
                .with("/etc/sysctl.conf", line)
                .with("/etc/sysctl.d/90-a.conf", "net.ipv4.ip_forward=1\n"),
            Fail,
            "90-a.conf:1",
        ),
        case(forward, m(), Notapplicable, "no such parameter"),
        case(forward, m().offline().with("/etc/sysctl.d/10-a.conf", line), Pass, "cannot be seen here"),
        case(forward, m().offline(), Fail, "no file sets it"),
        case(forward, Machine::blind(), Unknown, "permission denied"),
        case(
            ptrace,
            m().running("kernel.yama.ptrace_scope", "2")
                .with("/etc/sysctl.d/a.conf", "kernel.yama.ptrace_scope=3"),
            Pass,
            "2",
        ),
        case(
            ptrace,
            m().running("kernel.yama.ptrace_scope", "0")
                .with("/etc/sysctl.d/a.conf", "kernel.yama.ptrace_scope=3"),
            Fail,
            "0",
        ),
    ]
}

pub(super) fn module() -> Vec<Case> {
    let probe = r#"{ kind = "module", name = "usb-storage" }"#;
    let unloaded = || m().with("/proc/modules", "nf_tables 1 2 - Live 0x0\n");
    let there = || {
        unloaded().with("/lib/modules/6.1.0/modules.dep", "kernel/drivers/usb/storage/usb-storage.ko.xz: x\n")
    };
    let known = || there().with("/lib/modules/6.1.0/modules.builtin", "kernel/fs/ext4/ext4.ko\n");
    let blocked = "install usb_storage /bin/false\nblacklist usb-storage\n";
    vec![
        case(probe, known().with("/etc/modprobe.d/a.conf", blocked), Pass, "blacklisted"),
        case(probe, known(), Fail, "no install command"),
        case(
            probe,
            known().with("/etc/modprobe.d/a.conf", "blacklist usb-storage"),
            Fail,
            "no install command",
        ),
        case(
            probe,
            known().with("/etc/modprobe.d/a.conf", "install usb-storage /sbin/x"),
            Fail,
            "runs /sbin/x",
        ),
        case(probe, unloaded(), Fail, "no install command"),
        case(
            probe,
            m().with("/proc/modules", "")
                .with("/lib/modules/6.1.0/modules.dep", "")
                .with("/lib/modules/6.1.0/modules.builtin", ""),
            Pass,
            "no installed kernel has it",
        ),
        stuck(
            probe,
            m().with("/proc/modules", "usb_storage 1\n").with("/etc/modprobe.d/a.conf", blocked),
            "loaded now",
        ),
        stuck(
            probe,
            known().with("/lib/modules/6.1.0/modules.builtin", "kernel/usb-storage.ko\n"),
            "built into",
        ),
        case(probe, m().with("/etc/modprobe.d/a.conf", blocked), Pass, "cannot be seen here"),
        case(probe, Machine::blind(), Unknown, "permission denied"),
    ]
}

pub(super) fn boot_argument() -> Vec<Case> {
    let audit = r#"{ kind = "boot_argument", name = "audit", value = "1" }"#;
    let backlog =
        r#"{ kind = "boot_argument", name = "audit_backlog_limit", value = 8192, order = "at-least" }"#;
    let defaults = |text: &str| m().with("/etc/default/grub", text).with_folder("/etc/default/grub.d");
    let menu = |arguments: &str| {
        format!("menuentry 'Debian' {{\n\tlinux\t/boot/vmlinuz-6.1 root=/dev/sda1 ro {arguments}\n}}\n")
    };
    let good =
        "GRUB_CMDLINE_LINUX_DEFAULT=\"quiet\"\nGRUB_CMDLINE_LINUX=\"audit=1 audit_backlog_limit=8192\"\n";
    vec![
        case(audit, defaults(good), Pass, "audit=1 in /etc/default/grub"),
        case(audit, defaults("GRUB_CMDLINE_LINUX='audit=1'\n"), Pass, "audit=1"),
        case(
            audit,
            defaults("A=audit=1\nGRUB_CMDLINE_LINUX=quiet\nGRUB_CMDLINE_LINUX+=\" ${A}\" # c\n"),
            Pass,
            "audit=1",
        ),
        case(audit, defaults("#GRUB_CMDLINE_LINUX=\"audit=1\"\n"), Fail, "no audit in"),
        case(audit, defaults("GRUB_CMDLINE_LINUX=\"audit=1 audit=0\"\n"), Fail, "audit=0"),
        case(
            audit,
            defaults("GRUB_CMDLINE_LINUX=\"audit=1\"\nGRUB_CMDLINE_LINUX_DEFAULT=\"audit=0\"\n"),
            Fail,
            "audit=0",
        ),
        case(audit, defaults("GRUB_CMDLINE_LINUX=\"xaudit=1 audit=10\"\n"), Fail, "audit=10"),
        // What only the usual entries get does not reach recovery.
        case(audit, defaults("GRUB_CMDLINE_LINUX_DEFAULT=\"audit=1\"\n"), Fail, "for every entry"),
        case(
            audit,
            defaults("GRUB_CMDLINE_LINUX_DEFAULT=\"audit=1\"\nGRUB_DISABLE_RECOVERY=\"true\"\n"),
            Pass,
            "audit=1",
        ),
        case(audit, defaults(good).with("/boot/grub/grub.cfg", &menu("audit=1")), Pass, "grub.cfg:2"),
        stuck(
            audit,
            defaults(good).with("/boot/grub/grub.cfg", &menu("")),
            "no audit in /boot/grub/grub.cfg:2",
        ),
        stuck(audit, m().with("/etc/default/grub", ""), "no audit in"),
        stuck(audit, m(), "no boot menu"),
        case(audit, defaults("GRUB_CMDLINE_LINUX=\"$(cat /etc/x)\"\n"), Unknown, "output of a command"),
        case(audit, Machine::blind(), Unknown, "permission denied"),
        case(
            audit,
            m().with("/boot/loader/entries/a.conf", "title x\noptions $kernelopts quiet\n")
                .with("/boot/grub2/grubenv", "# GRUB\nkernelopts=root=/dev/x audit=1\n"),
            Pass,
            "a.conf",
        ),
        case(backlog, defaults(good), Pass, "8192"),
        case(backlog, defaults("GRUB_CMDLINE_LINUX=audit_backlog_limit=64\n"), Fail, "64"),
    ]
}

pub(super) fn wireless() -> Vec<Case> {
    let probe = r#"{ kind = "wireless" }"#;
    let card = |flags: &str| {
        m().with("/sys/class/net/eth0/flags", "0x1003\n")
            .with("/sys/class/net/wlan0/phy80211/index", "0")
            .with("/sys/class/net/wlan0/flags", flags)
    };
    vec![
        case(probe, card("0x1002\n"), Pass, "wlan0 is down"),
        stuck(probe, card("0x1003\n"), "wlan0 is up"),
        case(probe, m().with("/sys/class/net/eth0/flags", "0x1003\n"), Notapplicable, "no wireless"),
        case(probe, m(), Notchecked, "cannot be seen here"),
        case(probe, Machine::blind(), Unknown, "permission denied"),
    ]
}
