#!/usr/bin/env bash
# Tests on virtual machines with kernels of their own, one at a time: vm-test.sh [TEST…]. The machine is made once,
# below target/vm; each boot takes about 40 CPU-seconds more than what it does.
set -euo pipefail
cd "$(dirname "$0")/.."
[ "$(id -u)" = 0 ] || { echo "vm-test: this needs root: it unpacks a root file system" >&2; exit 1; }
scripts/packages.sh test
vm-tests/image.sh target/vm
cargo build --locked -p groundfast
mkdir -p target/vm/product
vm-tests/product/build.sh target/vm/product target/debug/groundfast
objcopy --strip-debug target/debug/groundfast target/vm/product/groundfast
export GROUNDFAST_VM=$PWD/target/vm
cargo test --locked -p groundfast-vm-tests -- --test-threads=1 "$@"
