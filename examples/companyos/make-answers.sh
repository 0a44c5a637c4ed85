#!/usr/bin/env bash
# Answers for the demo: make-answers.sh SITE DEMO, with the engine's socket in $socket. SITE holds what
# make-certificates.sh made; DEMO the key and the root to harden.
set -euo pipefail
[ $# = 2 ] || { sed -n '2,3p' "$0" | sed 's/^# //' >&2; exit 2; }
site=$1 demo=$2
expires=$(date -u -d '+30 days' +%F)
cat <<TOML
# Made for the demo on $(date -u +%F). Paths are relative to this file.
version = 1

[site]
name = "demo"

[bundle]
key = "cosign.pub"

[preflight]
# What may be wrong with a machine that is no site: an unsynchronised clock, a slow disk, no name server behind the
# demo's own network, other listeners, no auditd, a docker group. Waived until a date, and shown as waived where so.
TOML
for control in env.clock_synchronised env.fsync env.dns env.listeners env.audit env.runtime_access; do
  cat <<TOML
[[preflight.waivers]]
control = "$control"
reason = "a build machine, not a site: only the demo runs here"
owner = "demo"
expires = "$expires"
TOML
done
cat <<TOML

[harden]
profile = "companyos"
root = "root"

# What a folder cannot have, and what only a site can decide, waived until a date.
TOML
waive_all() {
  local reason=$1 control
  shift
  for control; do
    printf '[[harden.waivers]]\ncontrol = "%s"\nreason = "%s"\nowner = "demo"\nexpires = "%s"\n\n' "$control" "$reason" "$expires"
  done
}
waive_all "a folder has no partitions, no boot menu and no kernel of its own" \
  partition_for_{tmp,home,var,var_tmp,var_log,var_log_audit} grub2_enable_apparmor all_apparmor_profiles_enforced \
  all_apparmor_profiles_in_enforce_complain_mode wireless_disable_interfaces
waive_all "the packages are not in the folder, and a folder gets none" \
  package_audit_installed package_audit-audispd-plugins_installed aide_build_database aide_check_audit_tools \
  aide_periodic_checking_systemd_timer
waive_all "a site names its own servers, operators and packet filter" \
  service_timesyncd_configured systemd_journal_upload_{url,server_tls} journald_disable_forward_to_syslog \
  sshd_limit_user_access set_nftables_loopback_traffic
waive_all "a site decides how people log in" \
  ensure_pam_wheel_group_empty use_pam_wheel_group_for_su \
  accounts_passwords_pam_faillock_{enabled,deny,unlock_time,root_unlock_time} \
  accounts_password_pam_pwhistory_{enabled,remember,enforce_root,use_authtok}
cat <<TOML
[secrets]
db-tls-key = "file:$site/secrets/db-tls-key"
nginx-tls-key = "file:$site/secrets/nginx-tls-key"
app-tls-key = "file:$site/secrets/app-tls-key"
policy-tls-key = "file:$site/secrets/policy-tls-key"
app-tokens = "file:$site/secrets/app-tokens"

[stack]
socket = "${socket:-/var/run/docker.sock}"
timeout_seconds = 180
TOML
for name in nginx app db policy; do
  cat <<TOML

[stack.certificates.$name]
chain = "$site/tls/$name.crt"
key = "file:$site/secrets/$name-tls-key"
authority = "$site/tls/ca.crt"
TOML
done
cat <<TOML

[report]
folder = "report"
TOML
