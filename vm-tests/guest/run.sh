#!/bin/bash
# What a machine does with a product that brings what confines it. Everything goes to the console, one block a step:
# a line `== NAME`, what was printed, a line `== code N`.
cd /mnt/input || exit 1
step() {
  echo "== $1"
  shift
  "$@" 2>&1
  echo "== code $? after $SECONDS s"
}
groundfast() { ./groundfast "$@" --no-progress --output json; }
install() { groundfast install bundle.tar --answers answers.toml; }
mkdir -p /var/lib/groundfast
dockerd >/tmp/dockerd.log 2>&1 &
for _ in $(seq 600); do
  [ -S /run/docker.sock ] && docker version >/dev/null 2>&1 && break
  sleep 0.2
done
step engine docker version --format '{{.Server.Version}}'
confined() { cat "/proc/$(docker inspect --format '{{.State.Pid}}' "$(docker ps -q)")/attr/$1"; }
# shellcheck source=/dev/null
. ./scenario.sh
[ -S /run/docker.sock ] || { echo "== dockerd"; tail -n 30 /tmp/dockerd.log; }
