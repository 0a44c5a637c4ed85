#!/usr/bin/env bash
# What the end-to-end tests need, prepared below target/; prints `export …` lines for `eval`.
#
#   eval "$(scripts/prepare-tests.sh)"    with the debug binaries built: cargo build -p groundfast -p companyos-app
#
# A Debian root, the sample product's images, a test authority with certificates and tokens, a signed bundle, an
# engine of our own, Compose. What is there is kept; images and bundle are made again when the binaries or the
# sample changed. Stop the engine afterwards: scripts/engine.sh down target/engine
set -euo pipefail
cd "$(dirname "$0")/.."
say() { echo "prepare-tests: $*" >&2; }
[ "$(id -u)" = 0 ] || { say "this needs root: packages are installed and root file systems are built"; exit 1; }

groundfast=target/debug/groundfast app=target/debug/companyos-app
for program in "$groundfast" "$app"; do
  [ -x "$program" ] || { say "$program is not built: cargo build -p groundfast -p companyos-app"; exit 1; }
done
scripts/packages.sh >&2
scripts/root.sh target/debian12
scripts/engine.sh up target/engine
compose=$(scripts/compose.sh target/docker-config)
examples/companyos/make-certificates.sh target/site

bundle=target/test-bundle
export GROUNDFAST_PASSPHRASE=test
mkdir -p "$bundle"
[ -e "$bundle/cosign.key" ] || "$groundfast" key generate --output-key-prefix "$bundle/cosign" >&2

stamp=$(find "$groundfast" "$app" examples/companyos -type f -print0 | sort -z | xargs -0 sha256sum | sha256sum | cut -c1-32)
if [ ! -e "$bundle/bundle.tar" ] || [ "$(cat "$bundle/stamp" 2>/dev/null)" != "$stamp" ]; then
  say "making the images and the signed bundle in $bundle (some minutes the first time)"
  rm -f "$bundle/bundle.tar" "$bundle/stamp"
  examples/companyos/build-images.sh target/images "$groundfast" "$app" >&2
  "$groundfast" bundle create examples/companyos/bundle.toml --key "$bundle/cosign.key" -o "$bundle/bundle.tar" --no-progress >&2
  echo "$stamp" >"$bundle/stamp"
fi

scripts/engine.sh env target/engine
echo "$compose"
echo "export GROUNDFAST_TEST_ROOT=$PWD/target/debian12 GROUNDFAST_TEST_SITE=$PWD/target/site GROUNDFAST_TEST_BUNDLE=$PWD/$bundle"
