#!/usr/bin/env bash
# The product as one signed file: build.sh OUT GROUNDFAST leaves OUT/bundle.tar and OUT/cosign.pub, each made anew.
# Its image is a busybox and nothing else.
set -euo pipefail
[ $# = 2 ] || { sed -n '2,3p' "$0" | sed 's/^# //' >&2; exit 2; }
here=$(cd "$(dirname "$0")" && pwd -P)
out=$1 groundfast=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/root/bin" "$work/root/data" "$out"
cp "$(command -v busybox)" "$work/root/bin/busybox"
cp "$here"/{bundle.toml,compose.yaml,confined-app,confined-app.cil} "$work"
tar --create --file "$work/layer.tar" --directory "$work/root" --sort=name --mtime=@0 --numeric-owner --owner=0 --group=0 .
layer=$(sha256sum <"$work/layer.tar" | cut -d' ' -f1)
mkdir "$work/$layer"
mv "$work/layer.tar" "$work/$layer/layer.tar"
printf '{"architecture":"amd64","os":"linux","config":{"User":"1000:1000"},"rootfs":{"type":"layers","diff_ids":["sha256:%s"]}}' "$layer" >"$work/config.json"
printf '[{"Config":"config.json","RepoTags":["confined/app:1.0.0"],"Layers":["%s/layer.tar"]}]' "$layer" >"$work/manifest.json"
tar --create --file "$work/app.tar" --directory "$work" manifest.json config.json "$layer/layer.tar"
rm -f "$out"/cosign.key "$out"/cosign.pub "$out"/bundle.tar
export GROUNDFAST_PASSPHRASE=test
"$groundfast" key generate --output-key-prefix "$work/cosign" >&2
"$groundfast" bundle create "$work/bundle.toml" --key "$work/cosign.key" -o "$out/bundle.tar" --no-progress >&2
cp "$work/cosign.pub" "$here/answers.toml" "$out"
# What a machine of a test lacks, waived for as long as the test takes.
for control in env.clock_synchronised env.dns env.entropy env.audit env.selinux; do
  printf '\n[[preflight.waivers]]\ncontrol = "%s"\nreason = "a machine of a test, without a network"\nowner = "test"\nexpires = "%s"\n' \
    "$control" "$(date -u -d '+2 days' +%F)" >>"$out/answers.toml"
done
