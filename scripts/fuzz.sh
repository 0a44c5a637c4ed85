#!/usr/bin/env bash
# Drives every fuzz target, or with FUZZ=NAME one of them, for FUZZ_SECONDS each (10 unless told). It needs g++ for
# libFuzzer and no nightly compiler: coverage comes from LLVM's own pass. What makes a target fail is left in
# target/fuzz/NAME; put it into tests/corpus/NAME with the fix, where the tests replay it.
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=${FUZZ_SECONDS:-10}
coverage="-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares -Ccodegen-units=1 --cfg fuzzing"
echo "fuzz: building (some minutes the first time)" >&2
RUSTFLAGS=$coverage cargo build --locked --quiet --release --manifest-path tests/fuzz/Cargo.toml \
  --target-dir target/fuzz-build --target "$(rustc -vV | sed -n 's/^host: //p')"
program=$(echo target/fuzz-build/*/release/groundfast-fuzz)
names=${FUZZ:-$(sed -n 's/^    Target { name: "\([a-z0-9_]*\)".*/\1/p' tests/targets/src/lib.rs)}
failed=()
for name in $names; do
  found=target/fuzz/$name
  mkdir -p "$found/corpus" "tests/corpus/$name"
  # The slice of a second that a slow input may take is far below what would matter to a user.
  if GROUNDFAST_FUZZ=$name "$program" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -max_len=65536 \
    -artifact_prefix="$found/" "$found/corpus" "tests/corpus/$name" >"$found/log" 2>&1; then
    awk -v name="$name" '/^Done/ {runs=$2; took=$5} match($0, /cov: [0-9]+/) {cov=substr($0, RSTART+5, RLENGTH-5)}
      END {printf "fuzz: %-20s %9d runs, %6d a second, %5d edges\n", name, runs, runs/(took?took:1), cov}' "$found/log"
  else
    failed+=("$name")
    echo "fuzz: $name FAILED, see $found/log" >&2
    grep -E 'panicked at|ERROR|Test unit written' -A1 "$found/log" | head -8 >&2 || true
  fi
done
[ ${#failed[@]} = 0 ] || { echo "fuzz: ${#failed[@]} failed: ${failed[*]}" >&2; exit 1; }
