#!/usr/bin/env bash
# All benchmarks, or the one named: bundle, drift, oscap, walk, weight.
#
# usage: bench/run.sh [NAME]
# GROUNDFAST names the binary (else target/release/groundfast, built when it is missing), GROUNDFAST_TEST_ROOT an
# unpacked Debian 12 for `drift` and `oscap` (else target/debian12, made by debootstrap when it is missing, which needs root). Each
# line: name: ours CPU/wall/memory, other CPU/wall/memory, ratio …x
set -euo pipefail
cd "$(dirname "$0")/.."
wanted=${1:-all}
groundfast=${GROUNDFAST:-target/release/groundfast}
[ -x "$groundfast" ] || cargo build --release --locked -p groundfast
known=0
is() { if [ "$wanted" = all ] || [ "$wanted" = "$1" ]; then known=1; else return 1; fi; }

if is bundle; then bench/bundle.sh "$groundfast"; fi
root=${GROUNDFAST_TEST_ROOT:-target/debian12}
# What is missing for these is installed, which needs root; without it they say what they lack.
if [ "$(id -u)" = 0 ] && [[ $wanted =~ ^(all|drift|oscap|walk)$ ]]; then scripts/packages.sh bench; fi
unpacked() { [ -d "$root/etc" ] || scripts/root.sh "$root"; }
if is drift; then unpacked && bench/drift.sh "$groundfast" "$root"; fi
if is oscap; then unpacked && bench/oscap.sh "$groundfast" "$root"; fi
if is walk; then bench/walk.sh "$groundfast"; fi
if is weight; then
  cold=()
  [ "$wanted" = all ] || cold=(--cold)
  bench/weight.sh "$groundfast" "${cold[@]}"
fi
[ $known = 1 ] || { echo "bench: no benchmark named $wanted; there are bundle, drift, oscap, walk, weight" >&2; exit 2; }
