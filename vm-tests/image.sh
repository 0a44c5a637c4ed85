#!/usr/bin/env bash
# A Debian 12 machine with its own kernel, Docker, AppArmor and SELinux, for QEMU without hardware virtualisation.
#
#   image.sh DIR    leaves DIR/vmlinuz, DIR/initrd, DIR/disk.img, a file with holes. What is there is kept.
#
# The disk is labelled for SELinux from outside, so it can start enforcing at once; without SELinux labels do nothing.
# It has no systemd: its init (guest/init) mounts what a system has, runs the test's own script, and ends the machine.
set -euo pipefail
say() { echo "vm-image: $*" >&2; }
[ $# = 1 ] || { sed -n '2,7p' "$0" | sed 's/^# \{0,1\}//' >&2; exit 2; }
[ "$(id -u)" = 0 ] || { say "debootstrap needs root"; exit 1; }
here=$(cd "$(dirname "$0")" && pwd -P)
mkdir -p "$1"
dir=$(cd "$1" && pwd -P)
cd "$here/.."
packages=linux-image-cloud-amd64,kmod,apparmor,docker.io,iproute2,ca-certificates
packages+=,selinux-policy-default,policycoreutils,selinux-utils
stamp=$(cat "$0" "$here/guest/init" | sha256sum | cut -c1-32)
[ "$(cat "$dir/stamp" 2>/dev/null)" = "$stamp" ] && exit 0
# shellcheck source=../scripts/space.sh
. scripts/space.sh
need_space "$dir" 4000 "a virtual machine"
trap 'tell_full $? "$dir"' EXIT

if [ "$(cat "$dir/root.packages" 2>/dev/null)" != "$packages" ]; then
  # shellcheck source=../scripts/mirror.sh
  . scripts/mirror.sh
  mirror=$(debian_mirror) || { say "apt's own configuration names no Debian mirror"; exit 1; }
  say "debootstrap of Debian 12 with its kernel (two minutes or so)"
  rm -rf "$dir/root" "$dir/root.packages"
  debootstrap --variant=minbase --include="$packages" bookworm "$dir/root" "$mirror" >"$dir/root.log" 2>&1 ||
    { tail -n 5 "$dir/root.log" >&2; exit 1; }
  rm -rf "$dir"/root/var/cache/apt/*.bin "$dir"/root/var/cache/apt/archives/*.deb
  echo "$packages" >"$dir/root.packages"
fi
root=$dir/root
install -m 755 "$here/guest/init" "$root/sbin/vm-init"
# Compose, from Debian 13 as everywhere.
eval "$(scripts/compose.sh target/docker-config)"
plugin=$DOCKER_CONFIG/cli-plugins/docker-compose
[ -x "$plugin" ] || plugin=$(find /usr/lib/docker /usr/libexec/docker -name docker-compose -type f 2>/dev/null | head -n 1)
install -D -m 755 "$plugin" "$root/usr/lib/docker/cli-plugins/docker-compose"
install -d "$root/etc/groundfast" "$root/srv/data" "$root/mnt/input"
echo vm >"$root/etc/hostname"

say "labelling $(find "$root" -xdev | wc -l) files"
(cd "$root" && find . -xdev -printf '/%P\0') | chroot "$root" xargs -0 -n 400 matchpathcon 2>/dev/null |
  python3 -c '
import os, sys
root = sys.argv[1]
done = 0
for line in sys.stdin:
    path, _, label = line.rstrip("\n").rpartition("\t")
    if label.count(":") >= 2:
        os.setxattr(root + path, "security.selinux", label.encode() + b"\0", follow_symlinks=False)
        done += 1
assert done > 1000, f"only {done} files have a label"
' "$root"

say "making the disk"
rm -f "$dir/disk.img"
mkfs.ext4 -q -F -d "$root" -L root "$dir/disk.img" 3G
cp "$root"/boot/vmlinuz-* "$dir/vmlinuz"

# The kernel finds its disk with these modules; a busybox and a script load them and hand over.
early=$dir/early
rm -rf "$early"
mkdir -p "$early"/{bin,dev,proc,sys,root,modules}
cp "$(command -v busybox)" "$early/bin/busybox"
for module in virtio virtio_ring virtio_pci_legacy_dev virtio_pci_modern_dev virtio_pci virtio_blk; do
  find "$root/lib/modules" -name "$module.ko" -exec cp {} "$early/modules/" \;
done
cat >"$early/init" <<'END'
#!/bin/busybox sh
/bin/busybox mount -t proc proc /proc
/bin/busybox mount -t sysfs sys /sys
/bin/busybox mount -t devtmpfs dev /dev
for module in virtio virtio_ring virtio_pci_legacy_dev virtio_pci_modern_dev virtio_pci virtio_blk; do
  /bin/busybox insmod /modules/$module.ko
done
while [ ! -b /dev/vdb ]; do /bin/busybox sleep 0.1; done
/bin/busybox mount -t ext4 /dev/vda /root
for place in proc sys dev; do /bin/busybox mount --move /$place /root/$place; done
exec /bin/busybox switch_root /root /sbin/vm-init
END
chmod 755 "$early/init"
(cd "$early" && find . | cpio --quiet -o -H newc | gzip -1) >"$dir/initrd"
rm -rf "$early"
echo "$stamp" >"$dir/stamp"
