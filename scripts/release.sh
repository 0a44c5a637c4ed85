#!/usr/bin/env bash
# The release: one binary for glibc 2.28 and newer (RHEL 8, Debian 11, Ubuntu 20.04), its checksum, its bill of materials.
#
#   release.sh [ARCH…]     x86_64 without arguments; aarch64 needs `rustup target add aarch64-unknown-linux-gnu`
#
# Leaves target/dist/groundfast-VERSION-ARCH-linux with .sha256 and .cdx.json (CycloneDX 1.5). The same commit gives the
# same bytes: versions locked, paths mapped away, time taken from the commit, no build id. Tools come as PyPI wheels
# (zig, cargo-zigbuild) and one crate (cargo-cyclonedx, compiled once); nothing else on the machine is changed.
set -euo pipefail
cd "$(dirname "$0")/.."
glibc=2.28
zig=0.15.2 zigbuild=0.24.0 cyclonedx=0.5.9
tools=$PWD/target/tools dist=$PWD/target/dist
say() { echo "release: $*" >&2; }

venv=$tools/release-venv stamp=$tools/release-$zig-$zigbuild
if [ ! -e "$stamp" ]; then
  say "installing zig $zig and cargo-zigbuild $zigbuild into target/tools (PyPI wheels)"
  mkdir -p "$tools"
  python3 -m venv "$venv" >&2 || { apt-get install -y -q python3-venv >&2; python3 -m venv "$venv" >&2; }
  "$venv/bin/pip" install --quiet "ziglang==$zig" "cargo-zigbuild==$zigbuild" >&2
  touch "$stamp"
fi
if [ ! -x "$tools/bin/cargo-cyclonedx" ]; then
  say "compiling cargo-cyclonedx $cyclonedx into target/tools"
  cargo install --quiet --locked --root "$tools" --version "$cyclonedx" cargo-cyclonedx
fi
export PATH="$venv/bin:$tools/bin:$PATH"

version=$(cargo metadata --locked --no-deps --format-version 1 |
  python3 -c 'import json, sys; print(next(p["version"] for p in json.load(sys.stdin)["packages"] if p["name"] == "groundfast"))')
if ! git diff --quiet HEAD; then say "the work tree differs from its commit: nobody can make these bytes again"; fi
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)
home=${CARGO_HOME:-$HOME/.cargo}
export SOURCE_DATE_EPOCH LC_ALL=C TZ=UTC CARGO_INCREMENTAL=0
export RUSTFLAGS="--remap-path-prefix=$PWD=/src --remap-path-prefix=$home=/cargo -C link-arg=-Wl,--build-id=none"
export CFLAGS="-ffile-prefix-map=$PWD=/src -ffile-prefix-map=$home=/cargo"

# The newest symbol version of glibc that a binary asks for.
newest_glibc() { readelf --version-info --wide "$1" | grep -o 'GLIBC_[0-9.]*' | cut -d_ -f2 | sort -uV | tail -n 1; }

mkdir -p "$dist"
for arch in "${@:-x86_64}"; do
  target=$arch-unknown-linux-gnu
  say "building groundfast $version for $target, glibc $glibc"
  cargo zigbuild --release --locked -p groundfast --target "$target.$glibc" --target-dir target/zig
  built=target/zig/$target/release/groundfast
  needs=$(newest_glibc "$built")
  if [ "$(printf '%s\n' "$needs" "$glibc" | sort -V | tail -n 1)" != "$glibc" ]; then
    say "the binary needs glibc $needs, which is newer than $glibc"
    exit 1
  fi
  if grep -aqF -e "$PWD/" -e "$home/registry" "$built"; then
    say "the binary names folders of this machine, so it is not reproducible"
    exit 1
  fi
  name=groundfast-$version-$arch-linux
  install -m 755 "$built" "$dist/$name"
  (cd "$dist" && sha256sum "$name" >"$name.sha256")
  (
    unset RUSTFLAGS
    cd installer
    cargo cyclonedx --quiet --format json --spec-version 1.5 --target "$target" --override-filename "$name.cdx"
  )
  mv "installer/$name.cdx.json" "$dist/$name.cdx.json"
  find . -path ./target -prune -o -name "$name.cdx.json" -exec rm {} +
  say "$dist/$name ($(stat -c %s "$built") bytes, needs glibc $needs)"
done
