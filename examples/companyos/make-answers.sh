#!/usr/bin/env bash
# Answers for the demo: make-answers.sh SITE DEMO, with the engine's socket in $socket. SITE holds what
# make-certificates.sh made; DEMO the key and the root to harden.
set -euo pipefail
[ $# = 2 ] || { sed -n '2,3p' "$0" | sed 's/^# //' >&2; exit 2; }
site=$1 demo=$2
expires=$(date -u -d '+30 days' +%F)
cat <<TOML
# Made for the demo on $(date -u +%F). Paths are relative to this file.
version = 1

[site]
name = "demo"

[bundle]
key = "cosign.pub"

[preflight]
# What may be wrong with a machine that is no site: an unsynchronised clock, no name server behind the demo's own
# network, other listeners, no auditd, a docker group. Waived until a date, and shown as waived where it is so.
TOML
for control in env.clock_synchronised env.dns env.listeners env.audit env.runtime_access; do
  cat <<TOML
[[preflight.waivers]]
control = "$control"
reason = "a build machine, not a site: only the demo runs here"
owner = "demo"
expires = "$expires"
TOML
done
cat <<TOML

[harden]
profile = "cis-debian12-l1-server"
root = "root"

[secrets]
db-tls-key = "file:$site/secrets/db-tls-key"
nginx-tls-key = "file:$site/secrets/nginx-tls-key"
app-tls-key = "file:$site/secrets/app-tls-key"
policy-tls-key = "file:$site/secrets/policy-tls-key"
app-tokens = "file:$site/secrets/app-tokens"

[stack]
socket = "${socket:-/var/run/docker.sock}"
timeout_seconds = 180
TOML
for name in nginx app db policy; do
  cat <<TOML

[stack.certificates.$name]
chain = "$site/tls/$name.crt"
key = "file:$site/secrets/$name-tls-key"
authority = "$site/tls/ca.crt"
TOML
done
cat <<TOML

[report]
folder = "report"
TOML
