#!/usr/bin/env bash
# Verifying and extracting a bundle, against sha256sum and tar on the same bytes.
#
# usage: bench/bundle.sh GROUNDFAST [MEGABYTES]
# Prints one line: bundle-verify-extract: ours CPU/wall/memory, other …, ratio …x
set -euo pipefail
groundfast=$(realpath "$1")
megabytes=${2:-1100}
work=$(mktemp -d "${TMPDIR:-/tmp}/groundfast-bench.XXXXXX")
trap 'rm -rf "$work"' EXIT
cd "$work"

# Files as packages and layers are: incompressible, some large, many small.
mkdir payload
left=$megabytes
number=0
for size in 400 200 100 100 50 50 25 25; do
    (( left >= size )) || continue
    head -c "${size}M" /dev/urandom > "payload/large-$number.bin"
    left=$(( left - size )) number=$(( number + 1 ))
done
while (( left > 0 )); do
    head -c 1M /dev/urandom > "payload/small-$number.bin"
    left=$(( left - 1 )) number=$(( number + 1 ))
done
cat > spec.toml <<'SPEC'
version = 1
[product]
name = "bench"
channel = "bench"
version = "1.0.0"
release = 1
platforms = ["linux/amd64"]
expires = "2099-01-01T00:00:00Z"
[[file]]
role = "payload"
path = "payload"
SPEC
export GROUNDFAST_PASSPHRASE=bench
"$groundfast" key generate > key.txt
"$groundfast" bundle create spec.toml --key cosign.key -o bench.tar --no-progress > create.txt 2>&1 \
    || { cat create.txt >&2; exit 1; }
rm -r payload
sha256sum bench.tar > bench.sum

# Prints CPU seconds, wall seconds and peak KiB of a command.
measure() {
    python3 - "$@" <<'PY'
import os, resource, subprocess, sys, time
begin = time.monotonic()
done = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL)
wall = time.monotonic() - begin
used = resource.getrusage(resource.RUSAGE_CHILDREN)
if done.returncode != 0:
    sys.exit(f"{sys.argv[1:]} ended with {done.returncode}")
print(f"{used.ru_utime + used.ru_stime:.2f} {wall:.2f} {used.ru_maxrss}")
PY
}
add() { python3 -c 'import sys; a=sys.argv[1:]; print(*(f"{float(x)+float(y):.2f}" for x, y in zip(a[:2], a[3:5])), max(a[2], a[5], key=int))' $1 $2; }

sync
verify=$(measure "$groundfast" bundle verify bench.tar --key cosign.pub --no-progress)
extract=$(measure "$groundfast" bundle extract bench.tar ours --key cosign.pub --no-progress)
sync
sum=$(measure sha256sum --check bench.sum)
mkdir other
untar=$(measure tar -x -f bench.tar -C other)
diff -r ours/blobs other/blobs
ours=$(add "$verify" "$extract")
other=$(add "$sum" "$untar")
python3 - $ours $other "$(stat -c %s bench.tar)" <<'PY'
import sys
cpu, wall, memory, other_cpu, other_wall, other_memory, size = map(float, sys.argv[1:])
show = lambda c, w, m: f"{c:.2f}s/{w:.2f}s/{m / 1024:.0f}MiB"
print(f"bundle-verify-extract: ours {show(cpu, wall, memory)}, other {show(other_cpu, other_wall, other_memory)},"
      f" ratio {cpu / other_cpu:.2f}x ({size / 1e9:.2f} GB)")
PY
