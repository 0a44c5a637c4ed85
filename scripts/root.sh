#!/usr/bin/env bash
# A Debian 12 root file system to harden: root.sh DIR. One that is there is kept. Needs root.
set -euo pipefail
cd "$(dirname "$0")/.."
[ $# = 1 ] || { sed -n '2p' "$0" | sed 's/^# //' >&2; exit 2; }
[ -e "$1/.complete" ] && exit 0
# shellcheck source=mirror.sh
. scripts/mirror.sh
# shellcheck source=space.sh
. scripts/space.sh
mirror=$(debian_mirror) || { echo "root: apt's own configuration names no Debian mirror" >&2; exit 1; }
packages=openssh-server,cron,procps,libpam-pwquality,systemd,systemd-sysv,sudo,rsyslog,nftables,aide
packages+=,apparmor,apparmor-utils,systemd-timesyncd,systemd-journal-remote
need_space "$(dirname "$1")" 1000 "a Debian root"
trap 'tell_full $? "$(dirname "$1")"' EXIT
echo "root: debootstrap of Debian 12 into $1 (a minute or two)" >&2
rm -rf "$1"
mkdir -p "$1"
debootstrap --variant=minbase --include="$packages" bookworm "$1" "$mirror" >"$1.log" 2>&1 ||
  { tail -n 5 "$1.log" >&2; exit 1; }
touch "$1/.complete"
