#!/usr/bin/env bash
# What Groundfast weighs: crates, a cold build, the binary, and how long it takes to say its version.
#
# usage: bench/weight.sh GROUNDFAST [--cold]     --cold also builds it anew in a folder of its own (minutes)
# The cold build and the start are CPU/wall/memory; the other side of the start is `true` from coreutils, the least
# that starting a program costs here.
set -euo pipefail
[ $# -ge 1 ] || { sed -n '2,6p' "$0" | sed 's/^# \{0,1\}//' >&2; exit 2; }
here=$(cd "$(dirname "$0")" && pwd -P)
groundfast=$(realpath "$1")
cd "$here/.."
tree() { cargo tree --locked --offline -p groundfast -e "$1" --prefix none --no-dedupe | awk '{ print $1, $2 }' | sort -u; }
ours=$(tree normal | grep -c '^groundfast' || true)
all=$(tree normal | wc -l)
build=$(tree normal,build | wc -l)
echo "crates: $((all - ours)) libraries in the binary and $ours of our own, $((build - all)) more to build it"
echo "binary: $(stat -c %s "$groundfast" | awk '{ printf "%.1f MB", $1 / 1e6 }')"
# shellcheck disable=SC2046  # three numbers each
python3 "$here/compare.py" start-up $(python3 "$here/measure.py" 20 0 -- "$groundfast" --version) \
  true $(python3 "$here/measure.py" 20 0 -- /bin/true) "--version"
if [ "${2:-}" = --cold ]; then
  work=$(mktemp -d "${TMPDIR:-/tmp}/groundfast-bench.XXXXXX")
  trap 'rm -rf "$work"' EXIT
  cargo fetch --locked --quiet
  python3 "$here/measure.py" 1 0 -- cargo build --release --locked --offline -p groundfast --target-dir "$work" 2>/dev/null |
    awk '{ printf "cold-build: ours %.0fs/%.0fs/%.0fMiB\n", $1, $2, $3 / 1024 }'
fi
