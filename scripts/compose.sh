#!/usr/bin/env bash
# Docker Compose v2 for the demo and the tests, without installing anything on the machine.
#
#   compose.sh DIR    put the plugin into DIR/cli-plugins, unless the machine's own answers; then print
#                     `export DOCKER_CONFIG=…` for `eval`
#
# Debian 12 carries only version 1, so the plugin is unpacked from Debian 13's package, fetched by apt with
# private lists, state and cache from the mirror that this machine uses already.
set -euo pipefail

say() { echo "compose: $*" >&2; }
die() { say "$*"; exit 1; }

[ $# = 1 ] || { sed -n '2,8p' "$0" | sed 's/^# \{0,1\}//' >&2; exit 2; }
mkdir -p "$1"
dir=$(cd "$1" && pwd -P)
plugin="$dir/cli-plugins/docker-compose"

works() { DOCKER_CONFIG="$1" docker compose version --short >/dev/null 2>&1; }

finish() { echo "export DOCKER_CONFIG=$1"; exit 0; }

[ -x "$plugin" ] && works "$dir" && finish "$dir"
own=${DOCKER_CONFIG:-$HOME/.docker}
works "$own" && { say "the machine has Compose $(DOCKER_CONFIG=$own docker compose version --short)"; finish "$own"; }

# shellcheck source=mirror.sh
. "$(dirname "$0")/mirror.sh"
mirror=$(debian_mirror) || die "apt's own configuration names no Debian mirror"
apt="$dir/apt"
say "fetching docker-compose of Debian 13 from $mirror (private apt folders under $apt)"
mkdir -p "$apt/lists/partial" "$apt/cache/archives/partial" "$apt/etc" "$dir/cli-plugins"
: >"$apt/status"
# `no-check-valid` never: only the suite differs from the machine's own sources, not the trust.
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
[ -r "$keyring" ] || die "$keyring is missing: install debian-archive-keyring"
echo "deb [signed-by=$keyring] $mirror trixie main" >"$apt/sources.list"
private=(-o Dir::Etc::sourcelist="$apt/sources.list" -o Dir::Etc::sourceparts=- -o Dir::State="$apt"
  -o Dir::State::lists="$apt/lists" -o Dir::State::status="$apt/status" -o Dir::Cache="$apt/cache"
  -o APT::Sandbox::User=root -o Acquire::Languages=none)
apt-get "${private[@]}" -q update >"$apt/log" 2>&1 || die "apt-get update failed: see $apt/log"
(cd "$apt" && apt-get "${private[@]}" -q download docker-compose >>"$apt/log" 2>&1) ||
  die "apt-get download failed: see $apt/log"
rm -rf "$apt/root"
dpkg -x "$apt"/docker-compose_*.deb "$apt/root"
found=$(find "$apt/root" -type f -perm -u+x -name docker-compose | head -n 1)
[ -n "$found" ] || die "the package holds no docker-compose"
install -m 755 "$found" "$plugin"
rm -rf "$apt"
works "$dir" || die "the plugin does not run: DOCKER_CONFIG=$dir docker compose version"
say "Compose $(DOCKER_CONFIG=$dir docker compose version --short) is in $plugin"
finish "$dir"
