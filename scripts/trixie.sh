#!/usr/bin/env bash
# Unpacks a package of Debian 13 without installing anything: trixie.sh PACKAGE DIR leaves its files in DIR.
#
# apt fetches it with private lists, state and cache, from the mirror that this machine uses already, and checks
# it with the machine's own archive key.
set -euo pipefail
say() { echo "trixie: $*" >&2; }
die() { say "$*"; exit 1; }
[ $# = 2 ] || { sed -n '2p' "$0" | sed 's/^# //' >&2; exit 2; }
package=$1
mkdir -p "$2"
dir=$(cd "$2" && pwd -P)
# shellcheck source=mirror.sh
. "$(dirname "$0")/mirror.sh"
mirror=$(debian_mirror) || die "apt's own configuration names no Debian mirror"
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
[ -r "$keyring" ] || die "$keyring is missing: install debian-archive-keyring"
apt=$(mktemp -d)
trap 'rm -rf "$apt"' EXIT
say "fetching $package of Debian 13 from this machine's mirror"
mkdir -p "$apt/lists/partial" "$apt/cache/archives/partial"
: >"$apt/status"
echo "deb [signed-by=$keyring] $mirror trixie main" >"$apt/sources.list"
private=(-o Dir::Etc::sourcelist="$apt/sources.list" -o Dir::Etc::sourceparts=- -o Dir::State="$apt"
  -o Dir::State::lists="$apt/lists" -o Dir::State::status="$apt/status" -o Dir::Cache="$apt/cache"
  -o APT::Sandbox::User=root -o Acquire::Languages=none)
apt-get "${private[@]}" -q update >"$apt/log" 2>&1 || { tail -n 3 "$apt/log" >&2; die "apt-get update failed"; }
(cd "$apt" && apt-get "${private[@]}" -q download "$package" >>"$apt/log" 2>&1) ||
  { tail -n 3 "$apt/log" >&2; die "apt-get download failed"; }
dpkg -x "$apt/$package"_*.deb "$dir"
