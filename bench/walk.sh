#!/usr/bin/env bash
# Our one walk over a tree of many files against `find -xdev` with the same predicates.
#
# usage: bench/walk.sh GROUNDFAST [FILES]     FILES: how many, 1000000 unless told; in memory where /dev/shm is there
# Ours answers three rules: files that everybody may write, directories that everybody may write and that are not
# sticky, and files without an owner or group. Both must find the same: the tree has some of each.
set -euo pipefail
[ $# -ge 1 ] || { sed -n '2,6p' "$0" | sed 's/^# \{0,1\}//' >&2; exit 2; }
here=$(cd "$(dirname "$0")" && pwd -P)
groundfast=$(realpath "$1")
files=${2:-1000000}
memory=${TMPDIR:-/tmp}
[ ! -w /dev/shm ] || memory=/dev/shm
work=$(mktemp -d "$memory/groundfast-bench.XXXXXX")
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/root/etc"
cp /etc/passwd /etc/group "$work/root/etc/"
printf 'ID=debian\nVERSION_ID="12"\n' >"$work/root/etc/os-release"
python3 - "$work/root/srv" "$files" <<'PY'
import os, sys
tree, files = sys.argv[1], int(sys.argv[2])
for number in range(0, files, 100):
    folder = f"{tree}/{number // 100000}/{number // 1000 % 100}/{number}"
    os.makedirs(folder)
    for one in range(min(100, files - number)):
        os.close(os.open(f"{folder}/file-{one}", os.O_CREAT | os.O_WRONLY, 0o644))
os.chmod(f"{tree}/0/0/0/file-1", 0o666)
os.chmod(f"{tree}/0/0/0", 0o777)
os.chown(f"{tree}/0/0/0/file-2", 54321, 54321)
PY
find=(find "$work/root" -xdev '(' -type f -perm -0002 -print ')' , '(' -type d -perm -0002 ! -perm -1000 -print ')' ,
  '(' -nouser -o -nogroup ')' -print)
ours=("$groundfast" --data-dir "$work/data" --no-progress --output json harden --profile cis-debian12-l2-server
  --root "$work/root" --plan --only file_permissions_unauthorized_world_writable
  --only dir_perms_world_writable_sticky_bits --only file_permissions_ungroupowned --only no_files_unowned_by_user)
found=$("${find[@]}" | wc -l)
failing=$("${ours[@]}" | python3 -c 'import json, sys; print(*sorted(one["verdict"] for one in json.load(sys.stdin)["findings"]))')
[ "$found" = 3 ] || { echo "walk: find found $found, not 3" >&2; exit 1; }
[[ $failing != *[!\ afil]* ]] || { echo "walk: every rule must fail, but: $failing" >&2; exit 1; }
# shellcheck disable=SC2046  # three numbers each
python3 "$here/compare.py" walk $(python3 "$here/measure.py" 3 0 -- "${ours[@]}") \
  find $(python3 "$here/measure.py" 3 0 -- "${find[@]}") "$files files"
