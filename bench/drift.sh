#!/usr/bin/env bash
# Judging 257 rules of CIS Debian 12 level 1 on a Debian root, and the drift check after hardening it, against
# OpenSCAP on the same root.
#
# usage: bench/drift.sh GROUNDFAST ROOT     ROOT: an unpacked Debian system; it is copied, never changed
# Prints harden-assess and drift, each: ours CPU/wall/memory, other CPU/wall/memory, ratio …x
#
# What is compared: the same files, wholly in the page cache, no reports written, nothing run from inside the root.
# Ours judges the 257 rules of CIS Debian 12 level 1 server. Debian's ssg-debian has no content for 12, so OpenSCAP
# is given every rule of its Debian 11 content and a second copy of the root that says it is Debian 11; about as many
# rules are then judged there (the line says how many came out as pass, fail or unknown). They are not the same rules:
# theirs hold more walks over the whole file system, ours more sysctls and modules.
set -euo pipefail
[ $# = 2 ] || { sed -n '2,13p' "$0" | sed 's/^# \{0,1\}//' >&2; exit 2; }
here=$(cd "$(dirname "$0")" && pwd -P)
groundfast=$(realpath "$1")
source_root=$(realpath "$2")
[ -d "$source_root/etc" ] || { echo "drift: $source_root is no unpacked system" >&2; exit 2; }
profile=cis-debian12-l1-server
work=$(mktemp -d "${TMPDIR:-/tmp}/groundfast-bench.XXXXXX")
trap 'rm -rf "$work"' EXIT
cp -a "$source_root" "$work/root"

measure() { python3 "$here/measure.py" "$@"; }
ours() { # VERB…: with a data directory of its own
  local runs=$1 codes=$2
  shift 2
  # shellcheck disable=SC2086  # a list of codes
  measure "$runs" $codes -- "$groundfast" --data-dir "$work/data" --no-progress --output json "$@"
}
assess=(harden --profile "$profile" --root "$work/root")

ours 1 0 "${assess[@]}" --plan >/dev/null # into the page cache
judged=$(ours 5 0 "${assess[@]}" --plan)
rules=$("$groundfast" --data-dir "$work/data" --no-progress --output json "${assess[@]}" --plan |
  python3 -c 'import json, sys; print(json.load(sys.stdin)["summary"]["total"])')

tailoring() { # CONTENT: a profile that selects every rule of it
  echo '<?xml version="1.0"?><t:Tailoring xmlns:t="http://checklists.nist.gov/xccdf/1.2" id="xccdf_groundfast_tailoring_all">'
  echo "<t:benchmark href=\"$1\"/><t:version time=\"2026-01-01T00:00:00\">1</t:version>"
  echo '<t:Profile id="xccdf_groundfast_profile_all"><t:title>Every rule</t:title>'
  grep -o '<xccdf-1.2:\(Rule\|Group\) [^>]*id="[^"]*"' "$1" |
    sed 's/.*id="\([^"]*\)"/<t:select idref="\1" selected="true"\/>/' | sort -u
  echo '</t:Profile></t:Tailoring>'
}

other=none other_rules=0 content=/usr/share/xml/scap/ssg/content/ssg-debian11-ds.xml
if command -v oscap >/dev/null && [ -r "$content" ]; then
  cp -a "$source_root" "$work/other"
  echo 11.11 >"$work/other/etc/debian_version"
  tailoring "$content" >"$work/all.xml"
  scap=(oscap xccdf eval --tailoring-file "$work/all.xml" --profile xccdf_groundfast_profile_all "$content")
  export OSCAP_PROBE_ROOT="$work/other"
  other_rules=$("${scap[@]}" 2>/dev/null | grep -cE '^Result.*(pass|fail|unknown)' || true)
  [ "$other_rules" -gt 100 ] || { echo "drift: OpenSCAP judged only $other_rules rules: nothing to compare" >&2; exit 1; }
  other=$(measure 2 0 2 -- "${scap[@]}" 2>/dev/null)
  unset OSCAP_PROBE_ROOT
else
  echo "drift: no OpenSCAP here (apt-get install openscap-scanner ssg-debian), so ours alone" >&2
fi

ours 1 "0 3" "${assess[@]}" --yes >/dev/null
watched=$(ours 5 0 drift)
pins=$("$groundfast" --data-dir "$work/data" --no-progress --output json drift |
  python3 -c 'import json, sys; print(json.load(sys.stdin)["summary"]["total"])')

line() { # NAME OURS COUNT
  # shellcheck disable=SC2086  # three numbers each
  if [ "$other" = none ]; then
    echo "$2" | awk -v name="$1" -v count="$3" \
      '{ printf "%s: ours %.2fs/%.2fs/%.0fMiB, other left out (%s)\n", name, $1, $2, $3 / 1024, count }'
  else
    python3 "$here/compare.py" "$1" $2 oscap $other "$3 here, $other_rules rules there, of Debian 11"
  fi
}
line harden-assess "$judged" "$rules rules"
line drift "$watched" "$pins controls"
