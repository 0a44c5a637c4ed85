#!/usr/bin/env bash
# Puts Prometheus' own checker and its node exporter into a folder without installing their services: promtool.sh DIR
# leaves DIR/promtool and DIR/prometheus-node-exporter.
set -euo pipefail
[ $# = 1 ] || { sed -n '2,3p' "$0" | sed 's/^# //' >&2; exit 2; }
[ -x "$1/promtool" ] && [ -x "$1/prometheus-node-exporter" ] && exit 0
mkdir -p "$1"
work=$(mktemp -d "$(realpath "$1")/work.XXXXXX")
trap 'rm -rf "$work"' EXIT
echo "promtool: fetching Debian's packages prometheus and prometheus-node-exporter, of which two programs are kept" >&2
cd "$work"
fetch() { apt-get -q -o APT::Sandbox::User=root download prometheus prometheus-node-exporter >&2; }
fetch || { apt-get -q update >&2; fetch; }
dpkg-deb --fsys-tarfile prometheus_*.deb | tar -x ./usr/bin/promtool
dpkg-deb --fsys-tarfile prometheus-node-exporter_*.deb | tar -x ./usr/bin/prometheus-node-exporter
mv usr/bin/promtool usr/bin/prometheus-node-exporter ..
