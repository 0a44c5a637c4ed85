#!/usr/bin/env bash
# A container engine for the demo and the tests that leaves the machine as it was.
#
#   engine.sh up DIR          start an engine of our own below DIR, unless one answers already
#   engine.sh env DIR         print how to reach it, for `eval`: DOCKER_HOST, GROUNDFAST_ENGINE_NETNS
#   engine.sh exec DIR CMD…   run a command with that environment, in the engine's network namespace
#   engine.sh down DIR        stop what `up` started, by its process id, and remove what it made
#
# The engine has a private socket, data root, exec root and pid file, and a network namespace without a
# route out. Commands join that namespace with nsenter, which keeps the mount namespace: secrets that
# a command puts on a tmpfs stay visible to the engine.
set -euo pipefail

say() { echo "engine: $*" >&2; }
die() { say "$*"; exit 1; }

usage() { sed -n '2,10p' "$0" | sed 's/^# \{0,1\}//' >&2; exit 2; }
[ $# -ge 2 ] || usage
verb=$1
mkdir -p "$2"
dir=$(cd "$2" && pwd -P)
shift 2

netns="groundfast-$(printf %s "$dir" | sha256sum | cut -c1-8)"
# A socket's path may have 107 bytes at most, so it lives under a short name in /run.
run="/run/$netns"
socket="$run/docker.sock"
pidfile="$run/dockerd.pid"

answers() { # HOST: does an engine answer there?
  local path=${1#unix://}
  [ -S "$path" ] && curl -fsS -m 3 --unix-socket "$path" http://docker/_ping >/dev/null 2>&1
}

ours() { # prints the process id when our engine is alive; a recycled id does not count
  local pid
  pid=$(cat "$pidfile" 2>/dev/null) || return 1
  [ "$(readlink "/proc/$pid/exe" 2>/dev/null)" = "$(readlink -f "$(command -v dockerd)")" ] || return 1
  tr '\0' '\n' <"/proc/$pid/cmdline" | grep -qxF -- "$pidfile" || return 1
  echo "$pid"
}

existing() { # prints the socket of an engine that somebody else runs
  local host=${DOCKER_HOST:-unix:///var/run/docker.sock}
  [ "$host" != "unix://$socket" ] && answers "$host" && echo "$host"
}

install() {
  local wanted=() package
  command -v dockerd >/dev/null || wanted+=(docker.io)
  for package in iproute2:ip iptables:iptables curl:curl util-linux:nsenter procps:ps; do
    command -v "${package#*:}" >/dev/null || wanted+=("${package%:*}")
  done
  [ ${#wanted[@]} -gt 0 ] || return 0
  say "installing ${wanted[*]} with apt-get; no service is started"
  # invoke-rc.d and deb-systemd-invoke both ask policy-rc.d; ours is put there only for this one call.
  local policy=/usr/sbin/policy-rc.d made=
  if [ ! -e "$policy" ]; then
    made=yes
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"
  fi
  local failed=0
  { apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "${wanted[@]}"; } \
    >"$dir/apt.log" 2>&1 || failed=1
  [ -z "$made" ] || rm -f "$policy"
  [ $failed = 0 ] || die "apt-get could not install ${wanted[*]}: see $dir/apt.log"
}

up() {
  local host
  if host=$(existing); then
    say "an engine answers at $host; using it as it is"
    return
  fi
  if ours >/dev/null && answers "unix://$socket"; then
    say "our engine runs already (pid $(ours))"
    return
  fi
  [ "$(id -u)" = 0 ] || die "no engine answers, and starting one needs root"
  install
  say "starting dockerd: socket $socket, data $dir/data, network namespace $netns (no route out)"
  mkdir -p "$run" "$dir/data"
  echo '{}' >"$run/daemon.json" # not the machine's own /etc/docker/daemon.json
  ip netns list | grep -qw "$netns" || ip netns add "$netns"
  ip -n "$netns" link set lo up
  nsenter --net="/run/netns/$netns" sysctl -q -w net.ipv4.ip_forward=1 2>/dev/null || true
  nsenter --net="/run/netns/$netns" setsid dockerd --host "unix://$socket" --data-root "$dir/data" \
    --exec-root "$run/exec" --pidfile "$pidfile" --storage-driver overlay2 --group "$(id -gn)" \
    --config-file "$run/daemon.json" --containerd-namespace "$netns" </dev/null >"$dir/dockerd.log" 2>&1 &
  local tries
  for tries in $(seq 300); do
    answers "unix://$socket" && { say "engine is up (pid $(cat "$pidfile"))"; return; }
    kill -0 $! 2>/dev/null || break
    sleep 0.1
  done
  tail -n 20 "$dir/dockerd.log" >&2
  die "dockerd did not answer within 30 s: see $dir/dockerd.log"
}

down() {
  local pid tries
  if pid=$(ours); then
    say "stopping our engine (pid $pid)"
    local containers
    containers=$(DOCKER_HOST="unix://$socket" docker ps -q 2>/dev/null || true)
    # shellcheck disable=SC2086  # a list of ids
    [ -z "$containers" ] || DOCKER_HOST="unix://$socket" docker kill $containers >/dev/null 2>&1 || true
    kill "$pid" 2>/dev/null || true
    for tries in $(seq 200); do [ -d "/proc/$pid" ] || break; sleep 0.1; done
    [ ! -d "/proc/$pid" ] || die "dockerd (pid $pid) does not end; nothing was forced"
  fi
  ip netns list 2>/dev/null | grep -qw "$netns" && ip netns delete "$netns"
  # Only mounts below our own folders: an engine that was killed leaves some behind.
  awk -v a="$run/" -v b="$dir/data/" 'index($2,a)==1 || index($2,b)==1 {print $2}' /proc/mounts | sort -r |
    while read -r mount; do umount "$mount" || true; done
  rm -rf "$run"
  if [ "${KEEP_DATA:-}" != 1 ]; then rm -rf "$dir/data"; fi
}

environment() {
  local host
  if ours >/dev/null; then
    echo "export DOCKER_HOST=unix://$socket GROUNDFAST_ENGINE_NETNS=/run/netns/$netns"
  elif host=$(existing); then
    echo "export DOCKER_HOST=$host GROUNDFAST_ENGINE_NETNS="
  else
    die "no engine: run '$0 up $dir' first"
  fi
}

case $verb in
  up) up ;;
  down) down ;;
  env) environment ;;
  exec)
    eval "$(environment)"
    if [ -n "$GROUNDFAST_ENGINE_NETNS" ]; then exec nsenter --net="$GROUNDFAST_ENGINE_NETNS" "$@"; else exec "$@"; fi ;;
  *) usage ;;
esac
