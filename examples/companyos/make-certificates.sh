#!/usr/bin/env bash
# A test authority, certificates and tokens for the demo and the tests. A real site brings its own.
#
#   make-certificates.sh OUT [HOST]    write OUT/tls (public) and OUT/secrets (0400); HOST is the name that
#                                      people type, companyos.internal without it
#
# Certificates that are there and hold for another day are kept.
set -euo pipefail

[ $# -ge 1 ] || { sed -n '2,7p' "$0" | sed 's/^# \{0,1\}//' >&2; exit 2; }
umask 077
mkdir -p "$1"
out=$(cd "$1" && pwd -P)
host=${2:-companyos.internal}
mkdir -p "$out/tls" "$out/secrets" "$out/authority"
chmod 755 "$out/tls"
holds() { openssl x509 -in "$1" -noout -checkend 86400 >/dev/null 2>&1; }

ca="$out/authority/ca.key"
if ! holds "$out/tls/ca.crt" || [ ! -s "$ca" ]; then
  echo "certificates: making a test authority in $out" >&2
  rm -f "$out"/tls/*.crt "$out"/secrets/*-tls-key
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 365 -subj "/CN=Test authority of the demo" \
    -addext "basicConstraints=critical,CA:TRUE,pathlen:0" -addext "keyUsage=critical,keyCertSign,cRLSign" \
    -keyout "$ca" -out "$out/tls/ca.crt" 2>/dev/null
fi

issue() { # NAME DNS…: a certificate with the common name NAME, for both sides of a connection
  local name=$1 names
  shift
  names=$(printf 'DNS:%s,' "$@")
  holds "$out/tls/$name.crt" && [ -s "$out/secrets/$name-tls-key" ] && return
  rm -f "$out/secrets/$name-tls-key"
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$name" \
    -keyout "$out/secrets/$name-tls-key" -out "$out/authority/$name.csr" 2>/dev/null
  printf 'basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\nextendedKeyUsage=serverAuth,clientAuth\nsubjectAltName=%s\n' \
    "${names%,}" >"$out/authority/$name.ext"
  openssl x509 -req -in "$out/authority/$name.csr" -CA "$out/tls/ca.crt" -CAkey "$ca" -days 180 \
    -extfile "$out/authority/$name.ext" -out "$out/tls/$name.crt" 2>/dev/null
  chmod 400 "$out/secrets/$name-tls-key"
}

issue nginx "$host" nginx localhost
issue app app
issue db db
issue policy policy
issue auditor auditor
if [ ! -s "$out/secrets/app-tokens" ]; then
  printf 'reader %s\nwriter %s\n' "$(openssl rand -hex 24)" "$(openssl rand -hex 24)" >"$out/secrets/app-tokens"
  chmod 400 "$out/secrets/app-tokens"
fi
chmod 644 "$out"/tls/*.crt
