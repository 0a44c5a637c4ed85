#!/usr/bin/env bash
# The main job, end to end, on this machine: a bundle is built, signed and verified; the machine checked; a scratch
# root hardened; secrets injected; the sample product brought up under Docker Compose; drift found and named.
#
# It installs Debian packages (no service is started), runs an engine of its own unless one answers already, and
# writes below target/ only. The machine's own configuration stays as it is. It can be run again.
set -euo pipefail
cd "$(dirname "$0")/.."

step() { printf '\n== %s\n' "$*"; }
die() { echo "demo: $*" >&2; exit 1; }
[ "$(id -u)" = 0 ] || die "this needs root: packages are installed and a root file system is built"

step "What this does: apt-get installs docker.io, debootstrap and a few tools (no service is started);
   cargo builds groundfast; a Debian root, four images and a bundle of some hundred MB go to target/;
   an engine of our own runs meanwhile. Nothing else on this machine is changed."
scripts/packages.sh

step "Build groundfast and the sample's app service (release, some minutes the first time)"
cargo build --locked --release -p groundfast -p companyos-app
groundfast=$PWD/target/release/groundfast

demo=$PWD/target/demo
engine=$PWD/target/engine
data=$demo/data
mkdir -p "$demo"

step "A container engine and Compose of our own"
scripts/engine.sh up "$engine"
eval "$(scripts/compose.sh target/docker-config)"
run() { scripts/engine.sh exec "$engine" "$@"; }
# Takes back what a run of the demo has brought up, an interrupted one included.
take_back() {
  if [ -d "$data" ]; then
    run "$groundfast" recover --no-progress --data-dir "$data" >/dev/null 2>&1 || :
    run "$groundfast" rollback --yes --no-progress --data-dir "$data" >/dev/null 2>&1 || :
  fi
  # What a rollback left: it never overwrites what somebody else changed.
  run docker ps -aq --filter label=com.docker.compose.project=companyos | xargs -r scripts/engine.sh exec "$engine" docker rm -f >/dev/null
  if mountpoint -q "$data/secrets"; then umount "$data/secrets"; fi
}
trap 'take_back; scripts/engine.sh down "$engine"' EXIT
eval "$(scripts/engine.sh env "$engine")"

step "The sample product: images from Debian packages, a test authority, certificates, tokens"
examples/companyos/build-images.sh target/images "$groundfast" target/release/companyos-app
examples/companyos/make-certificates.sh target/site

step "A Debian root to harden"
scripts/root.sh target/debian12
rm -rf "$demo/root"
cp -a target/debian12 "$demo/root"

step "A signing key, and the bundle: one signed file"
export GROUNDFAST_PASSPHRASE=demo
take_back
rm -rf "$data"
if [ ! -e "$demo/cosign.key" ]; then
  "$groundfast" key generate --output-key-prefix "$demo/cosign"
fi
rm -f "$demo/bundle.tar"
"$groundfast" bundle create examples/companyos/bundle.toml --key "$demo/cosign.key" -o "$demo/bundle.tar" --no-progress
"$groundfast" bundle verify "$demo/bundle.tar" --key "$demo/cosign.pub" --no-progress

step "The answers of this site"
socket=${DOCKER_HOST#unix://} examples/companyos/make-answers.sh "$PWD/target/site" "$demo" >"$demo/answers.toml"
"$groundfast" answers check "$demo/answers.toml" --bundle "$demo/bundle.tar"
cat "$demo/answers.toml"

step "What would be changed: the plan, a diff a rule"
run "$groundfast" install "$demo/bundle.tar" --answers "$demo/answers.toml" --data-dir "$data" --plan --no-progress |
  tee "$demo/plan.txt" | tail -n 40

step "Install"
run "$groundfast" install "$demo/bundle.tar" --answers "$demo/answers.toml" --data-dir "$data"
cp "$demo/report/report.json" "$demo/report/report.txt" "$demo/"

step "The product answers over HTTPS, from PostgreSQL, after asking the decision point"
ask() {
  run curl -fsS --cacert target/site/tls/ca.crt --resolve companyos.internal:443:127.0.0.1 "$@"
  echo
}
token=$(awk '$1 == "writer" {print $2}' target/site/secrets/app-tokens)
header=$(mktemp)
printf 'Authorization: Bearer %s\n' "$token" >"$header"
ask https://companyos.internal/
ask -H "@$header" --json '{"text":"the first row"}' https://companyos.internal/rows
ask -H "@$header" https://companyos.internal/rows
rm -f "$header"

step "Install again: nothing to change"
run "$groundfast" install "$demo/bundle.tar" --answers "$demo/answers.toml" --data-dir "$data" --no-progress | tail -n 3

step "Drift: nothing moved"
run "$groundfast" drift --data-dir "$data" --no-progress

step "Now somebody breaks three things on purpose: a file mode, a kernel parameter, a container"
chmod 666 "$demo/root/etc/passwd"
echo 'net.ipv4.conf.all.accept_redirects = 1' >"$demo/root/etc/sysctl.d/zzz-mine.conf"
run docker stop -t 2 "$(run docker ps -q --filter label=com.docker.compose.service=app)" >/dev/null
code=0
run "$groundfast" drift --data-dir "$data" --no-progress || code=$?
[ "$code" = 3 ] || die "drift should have found that (exit $code)"

step "Done. Left in target/demo/: bundle.tar, cosign.pub, answers.toml, report.json, report.txt
   README.md shows five commands to try next."
