#!/usr/bin/env bash
# Puts Prometheus' own checker into a folder without installing its server: promtool.sh DIR leaves DIR/promtool.
set -euo pipefail
[ $# = 1 ] || { sed -n '2p' "$0" | sed 's/^# //' >&2; exit 2; }
[ -x "$1/promtool" ] && exit 0
mkdir -p "$1"
work=$(mktemp -d "$1/work.XXXXXX")
trap 'rm -rf "$work"' EXIT
echo "promtool: fetching Debian's package prometheus, of which only promtool is kept" >&2
cd "$work"
fetch() { apt-get -q -o APT::Sandbox::User=root download prometheus >&2; }
fetch || { apt-get -q update >&2; fetch; }
dpkg-deb --fsys-tarfile prometheus_*.deb | tar -x ./usr/bin/promtool
mv usr/bin/promtool ../promtool
