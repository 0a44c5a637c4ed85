#!/usr/bin/env bash
# Installs what the demo needs from Debian, with `test` what the tests need besides, with `bench` what the benchmarks
# are held against, without starting any service.
# What is there is kept.
set -euo pipefail
pairs=(debootstrap:debootstrap openssl:openssl curl:curl iproute2:ip tar:tar python3:python3 nftables:nft)
if [ "${1:-}" = test ]; then
  pairs+=(strace:strace skopeo:skopeo chrony:chronyd openscap-scanner:oscap libxml2-utils:xmllint chromium:chromium
    systemd-container:systemd-nspawn openssh-server:sshd sudo:visudo rpm:rpmbuild dnf:dnf
    createrepo-c:createrepo_c db5.3-util:db5.3_load rsyslog:rsyslogd apparmor:apparmor_parser e2fsprogs:mkfs.ext4
    qemu-system-x86:qemu-system-x86_64 busybox-static:busybox cpio:cpio binutils:objcopy)
fi
[ "${1:-}" != bench ] || pairs+=(openscap-scanner:oscap)
wanted=()
for pair in "${pairs[@]}"; do
  command -v "${pair#*:}" >/dev/null || [ -x "/usr/sbin/${pair#*:}" ] || wanted+=("${pair%%:*}")
done
[ -e /usr/lib/x86_64-linux-gnu/libfuse.so.2 ] || [ -e /lib/x86_64-linux-gnu/libfuse.so.2 ] || wanted+=(libfuse2)
if [ "${1:-}" = test ]; then
  # rsyslog's TLS is a library that no command stands for.
  compgen -G '/usr/lib/*/rsyslog/lmnsd_gtls.so' >/dev/null || wanted+=(rsyslog-gnutls)
fi
if [ "${1:-}" = bench ]; then
  # No command stands for the content, and the shell has a `time` of its own.
  [ -e /usr/share/xml/scap/ssg/content/ssg-debian11-ds.xml ] || wanted+=(ssg-debian)
  [ -x /usr/bin/time ] || wanted+=(time)
fi
[ ${#wanted[@]} -gt 0 ] || exit 0
echo "packages: installing ${wanted[*]} with apt-get; no service is started" >&2
# invoke-rc.d and deb-systemd-invoke ask policy-rc.d; ours is there only for this one call.
policy=/usr/sbin/policy-rc.d made=
if [ ! -e "$policy" ]; then
  made=yes
  printf '#!/bin/sh\nexit 101\n' >"$policy"
  chmod 755 "$policy"
fi
failed=0
{ apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "${wanted[@]}"; } >&2 || failed=1
[ -z "$made" ] || rm -f "$policy"
exit $failed
