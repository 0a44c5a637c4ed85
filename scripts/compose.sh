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

unpacked=$(mktemp -d)
trap 'rm -rf "$unpacked"' EXIT
"$(dirname "$0")/trixie.sh" docker-compose "$unpacked"
found=$(find "$unpacked" -type f -perm -u+x -name docker-compose | head -n 1)
[ -n "$found" ] || die "the package holds no docker-compose"
mkdir -p "$dir/cli-plugins"
install -m 755 "$found" "$plugin"
works "$dir" || die "the plugin does not run: DOCKER_CONFIG=$dir docker compose version"
say "Compose $(DOCKER_CONFIG=$dir docker compose version --short) is in $plugin"
finish "$dir"
