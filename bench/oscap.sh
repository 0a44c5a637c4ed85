#!/usr/bin/env bash
# Our verdicts against those of OpenSCAP on the same roots, rule by rule, and what both cost.
#
# usage: bench/oscap.sh GROUNDFAST ROOT     ROOT: an unpacked Debian system; it is copied, never changed
# Needs openscap-scanner and ssg-debian. Judged are the rules that the Debian 11 content of ssg-debian (it has none for
# 12) and CIS Debian 12 both have, by short name and with the same values, on these roots:
#   plain     as it was unpacked
#   hardened  after `groundfast harden --profile cis-debian12-l2-server`
#   accounts  with accounts, homes and start-up files that are wrong
#   files     with modes, owners, mount options and modules that are wrong
#   daemons   with settings of sshd, sudo and login that are wrong, or right in an unusual way
# Prints a line for every rule and root. Ends with 1 when a difference is not explained in docs/oscap-differences.md,
# or a row there is no longer true.
set -euo pipefail
[ $# = 2 ] || { sed -n '2,15p' "$0" | sed 's/^# \{0,1\}//' >&2; exit 2; }
here=$(cd "$(dirname "$0")" && pwd -P)
groundfast=$(realpath "$1")
source_root=$(realpath "$2")
[ -d "$source_root/etc" ] || { echo "oscap: $source_root is no unpacked system" >&2; exit 2; }
content=/usr/share/xml/scap/ssg/content/ssg-debian11-ds.xml
if ! command -v oscap >/dev/null || [ ! -r "$content" ]; then
  echo "oscap: no OpenSCAP here (apt-get install openscap-scanner ssg-debian)" >&2
  exit 2
fi
profile=cis-debian12-l2-server
# What a rule asks for where the two have different defaults.
values=(var_accounts_maximum_age_login_defs=365 var_auditd_admin_space_left_action=halt
  var_auditd_disk_error_action=halt var_auditd_disk_full_action=halt
  var_auditd_max_log_file_action=keep_logs var_sshd_set_keepalive=3)
memory=${TMPDIR:-/tmp}
[ ! -w /dev/shm ] || memory=/dev/shm
work=$(mktemp -d "$memory/groundfast-bench.XXXXXX")
trap 'rm -rf "$work"' EXIT
python3 "$here/agreement.py" shared "$content" "$here/../profiles/cis/debian12.toml" >"$work/rules"
python3 "$here/agreement.py" tailoring "$content" "$work/rules" "${values[@]}" var_accounts_minimum_age_login_defs=1 \
  >"$work/tailoring.xml"
mapfile -t only < <(sed 's/^/--only=/' "$work/rules")
theirs=(oscap xccdf eval --progress --tailoring-file "$work/tailoring.xml" --profile xccdf_groundfast_profile_shared "$content")
all=("$groundfast" --data-dir "$work/data" --no-progress --output json harden --profile "$profile" "${values[@]/#/--set=}")
root=$work/root

fresh() { # the root as it was, which says that it is Debian 11 to the one that looks there
  rm -rf "$root" "$work/data"
  cp -a "$source_root" "$root"
  echo 11.11 >"$root/etc/debian_version"
}
code() { local want=$1 got=0; shift; "$@" || got=$?; [[ " $want " == *" $got "* ]] || { echo "oscap: $* ended with $got" >&2; exit 1; }; }
both() { # NAME
  OSCAP_PROBE_ROOT=$root code "0 2" "${theirs[@]}" >"$work/$1.theirs" 2>>"$work/messages"
  code 0 "${all[@]}" --root "$root" --plan "${only[@]}" >"$work/$1.ours"
}

wrong_accounts() {
  {
    echo 'toor:x:0:0::/root:/bin/sh'
    echo 'ada:x:1001:1001::/home/ada:/bin/bash'
    echo 'ada:x:1002:4242::/home/ada:/bin/bash'
    echo 'open::1003:100::/home/open:/bin/bash'
  } >>"$root/etc/passwd"
  echo 'ada:x:1001:' >>"$root/etc/group"
  printf 'ada:!:19000:0:99999:7:::\nopen::19000:0:99999:7:::\n' >>"$root/etc/shadow"
  mkdir -p "$root/home/ada"
  chown 1001:1001 "$root/home/ada"
  echo '+' >"$root/home/ada/.rhosts"
  echo 'machine a login b password c' >"$root/home/ada/.netrc"
  echo 'umask 022' >>"$root/etc/profile"
  sed -i 's/^UMASK.*/UMASK 022/; s/^PASS_MAX_DAYS.*/PASS_MAX_DAYS 99999/; s/^PASS_WARN_AGE.*/PASS_WARN_AGE 3/' "$root/etc/login.defs"
}
wrong_files() {
  chmod 0666 "$root/etc/passwd" "$root/etc/group-"
  chmod 0644 "$root/etc/shadow" "$root/etc/gshadow"
  chown 1:1 "$root/etc/group" "$root/etc/passwd-" "$root/etc/shadow-"
  chgrp 1 "$root/etc/gshadow-"
  install -m 0666 /dev/null "$root/usr/local/everyone"
  install -m 0644 /dev/null "$root/etc/ssh/ssh_host_test_key"
  install -m 0666 /dev/null "$root/etc/ssh/ssh_host_test_key.pub"
  install -m 0666 -o 1 -g 1 /dev/null "$root/var/log/syslog"
  install -m 0640 -g 4 /dev/null "$root/var/log/messages"
  echo 'tmpfs /dev/shm tmpfs defaults,nodev 0 0' >>"$root/etc/fstab"
  echo '/dev/vdb1 /home ext4 defaults 0 2' >>"$root/etc/fstab"
  mkdir -p "$root/etc/modprobe.d" "$root/etc/sysctl.d"
  echo 'install rds /bin/true' >"$root/etc/modprobe.d/rds.conf"
  echo 'kernel.randomize_va_space = 0' >"$root/etc/sysctl.d/zz.conf"
}
wrong_daemons() {
  {
    echo 'permitrootlogin YES'
    echo 'PermitRootLogin no'
    echo 'MaxAuthTries=9'
    echo 'LoginGraceTime 1m'
    echo 'ClientAliveCountMax 0'
    echo 'IgnoreRhosts no # trailing'
    echo 'HostbasedAuthentication yes'
    echo 'PermitEmptyPasswords no'
    echo 'Match User ada'
    echo '    PermitEmptyPasswords yes'
  } >"$root/etc/ssh/sshd_config"
  mkdir -p "$root/etc/ssh/sshd_config.d"
  printf 'LogLevel VERBOSE\nMaxSessions 20\n' >"$root/etc/ssh/sshd_config.d/50-site.conf"
  printf 'Defaults   use_pty , logfile = "/var/log/sudo.log"\nada ALL=(ALL)\\\n NOPASSWD: ALL\n' >"$root/etc/sudoers.d/site"
  chmod 0440 "$root/etc/sudoers.d/site"
  printf 'ENCRYPT_METHOD SHA512\nPASS_MAX_DAYS 30\nPASS_MIN_DAYS 7\nUMASK 077\n' >"$root/etc/login.defs"
}

fresh
both plain
for wrong in accounts files daemons; do
  fresh
  "wrong_$wrong"
  both "$wrong"
done
fresh
code "0 3" "${all[@]}" --root "$root" --yes >"$work/enforced.json"
both hardened

# The costs, on the hardened root and with it in the page cache; the least of some runs.
measure() { python3 "$here/measure.py" "$@"; }
judged=$(measure 5 0 -- "${all[@]}" --root "$root" --plan "${only[@]}")
whole=$(measure 5 0 -- "${all[@]}" --root "$root" --plan)
other=$(OSCAP_PROBE_ROOT=$root measure 2 0 2 -- "${theirs[@]}" 2>/dev/null)
failed=0
python3 "$here/agreement.py" judge "$work/rules" "$here/../docs/oscap-differences.md" "$work" || failed=1
line() { # NAME OURS NOTE
  # shellcheck disable=SC2086  # three numbers each
  python3 "$here/compare.py" "$1" $2 oscap $other "$3"
  # shellcheck disable=SC2086
  printf '%s %s\n' "$2" "$other" |
    awk -v name="$1" '{ printf "%s: oscap takes %.0fx the CPU and %.1fx the memory\n", name, $4 / $1, $6 / $3 }'
}
line oscap-shared "$judged" "the same $(wc -l <"$work/rules") rules"
line oscap-whole "$whole" "all rules of $profile here, $(wc -l <"$work/rules") there"
exit "$failed"
