#!/usr/bin/env bash
# Builds the sample product's four images as `docker save` archives, without an image registry.
#
#   build-images.sh OUT GROUNDFAST APP    write OUT/{db,nginx,app,policy}.tar; GROUNDFAST and APP are the
#                                         two programs that go into the images `policy` and `app`
#
# PostgreSQL and nginx come from Debian packages on one base layer that both share (debootstrap, from the
# mirror that this machine's apt uses already); the two programs come with the libraries they need and
# nothing else. OUT/db.tar and OUT/nginx.tar are kept while they are newer than what they are made from, so a second
# run takes seconds; whatever lies between is removed. Needs root.
set -euo pipefail

say() { echo "images: $*" >&2; }
die() { say "$*"; exit 1; }

[ $# = 3 ] || { sed -n '2,11p' "$0" | sed 's/^# \{0,1\}//' >&2; exit 2; }
[ "$(id -u)" = 0 ] || die "debootstrap and chroot need root"
here=$(cd "$(dirname "$0")" && pwd -P)
mkdir -p "$1"
out=$(cd "$1" && pwd -P)
groundfast=$2 app=$3
[ -x "$groundfast" ] && [ -x "$app" ] || die "no program at $groundfast or $app"
work="$out/work"
version=1.0.0
# The same inputs give the same layers: nothing in them is younger than this.
epoch=1735689600
export LC_ALL=C
mkdir -p "$work"

# shellcheck source=../../scripts/mirror.sh
. "$here/../../scripts/mirror.sh"
mirror=$(debian_mirror) || die "apt's own configuration names no Debian mirror"

# shellcheck source=../../scripts/space.sh
. "$here/../../scripts/space.sh"

mounts=()
cleanup() {
  local code=$? at
  for at in "${mounts[@]}"; do umount "$at" 2>/dev/null || true; done
  tell_full $code "$out"
}
trap cleanup EXIT

layer() { # DIR NAME: packs DIR as $work/NAME.tar, always the same bytes for the same files
  tar --create --file "$work/$2.tar.new" --directory "$1" --sort=name --mtime="@$epoch" --clamp-mtime \
    --numeric-owner --format=pax --pax-option=exthdr.name=%d/PaxHeaders/%f,delete=atime,delete=ctime .
  mv "$work/$2.tar.new" "$work/$2.tar"
}

tidy() { # ROOT: removes what differs from run to run or holds keys
  local root=$1
  rm -rf "$root"/var/cache/apt/* "$root"/var/cache/debconf/* "$root"/var/cache/ldconfig/* "$root"/var/lib/apt/lists/* \
    "$root"/var/log/* "$root"/tmp/* "$root"/var/tmp/* "$root"/run/* "$root"/var/lib/dpkg/*-old "$root"/etc/*- \
    "$root"/etc/machine-id "$root"/etc/resolv.conf "$root"/etc/hostname
  rm -f "$root"/etc/ssl/private/*.key "$root"/etc/ssl/certs/ssl-cert-snakeoil.pem
}

base() {
  [ -e "$work/base.done" ] && return
  command -v debootstrap >/dev/null || {
    say "installing debootstrap with apt-get"
    { apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends debootstrap; } \
      >"$work/apt.log" 2>&1 || die "apt-get could not install debootstrap: see $work/apt.log"
  }
  need_space "$work" 3000 "building the sample's images"
  say "base layer: debootstrap of Debian 12 from $mirror (about half a minute)"
  rm -rf "$work/base"
  debootstrap --variant=minbase bookworm "$work/base" "$mirror" >"$work/base.log" 2>&1 ||
    die "debootstrap failed: see $work/base.log"
  printf '#!/bin/sh\nexit 101\n' >"$work/base/usr/sbin/policy-rc.d"
  chmod 755 "$work/base/usr/sbin/policy-rc.d"
  tidy "$work/base"
  layer "$work/base" base
  touch "$work/base.done"
}

packages() { # NAME UID HOOK PACKAGE…: a layer on the base with these packages, after HOOK ran in it
  local name=$1 uid=$2 hook=$3
  shift 3
  say "layer $name: $*"
  local upper="$work/$name.upper" scratch="$work/$name.scratch" root="$work/$name.root" apt="$work/$name.apt"
  rm -rf "$upper" "$scratch" "$root" "$apt"
  mkdir -p "$upper" "$scratch" "$root" "$apt/lists/partial" "$apt/cache/archives/partial" "$apt/empty"
  mount -t overlay overlay -o "lowerdir=$work/base,upperdir=$upper,workdir=$scratch" "$root"
  mounts+=("$root")
  # apt runs outside with the root's package database, so that proxies and authorities of this machine hold.
  echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror bookworm main" >"$apt/sources.list"
  local private=(-o Dir::Etc::sourcelist="$apt/sources.list" -o Dir::Etc::sourceparts="$apt/empty"
    -o Dir::Etc::preferencesparts="$apt/empty" -o Dir::State="$apt" -o Dir::State::status="$root/var/lib/dpkg/status"
    -o Dir::Cache="$apt/cache" -o APT::Sandbox::User=root -o Acquire::Languages=none)
  apt-get "${private[@]}" -q update >"$apt/log" 2>&1 || die "apt-get update failed: see $apt/log"
  apt-get "${private[@]}" -q -y --no-install-recommends --download-only install "$@" >>"$apt/log" 2>&1 ||
    die "apt-get could not download $*: see $apt/log"
  mkdir -p "$root/debs"
  mv "$apt"/cache/archives/*.deb "$root/debs"
  groupadd -R "$root" -g "$uid" "$hook"
  useradd -R "$root" -u "$uid" -g "$uid" -M -d /nonexistent -s /usr/sbin/nologin "$hook"
  "prepare_$hook" "$root"
  DEBIAN_FRONTEND=noninteractive chroot "$root" sh -c 'dpkg --unpack /debs/*.deb && dpkg --configure --pending' \
    >>"$apt/log" 2>&1 || die "installing $* failed: see $apt/log"
  rm -rf "$root/debs"
  "finish_$hook" "$root"
  tidy "$root"
  umount "$root"
  # What was removed from the base shows as a character device in the upper folder; an image says `.wh.`.
  find "$upper" -type c | while read -r gone; do
    rm "$gone"
    touch "$(dirname "$gone")/.wh.$(basename "$gone")"
  done
  layer "$upper" "$name"
  rm -rf "$upper" "$scratch" "$root" "$apt"
}

prepare_postgres() {
  mkdir -p "$1/etc/postgresql-common"
  echo 'create_main_cluster = false' >"$1/etc/postgresql-common/createcluster.conf"
}

finish_postgres() {
  install -m 755 "$here/db/entrypoint.sh" "$1/usr/local/bin/companyos-db"
  install -d -m 700 -o 2001 -g 2001 "$1/var/lib/postgresql/data"
}

prepare_nginx() { :; }
finish_nginx() { :; }

program() { # NAME BINARY TARGET UID: a layer with one program and the libraries that it needs
  local root="$work/$1.root" library
  rm -rf "$root"
  mkdir -p "$root/usr/bin" "$root/etc" "$root/tmp"
  chmod 1777 "$root/tmp"
  install -m 755 "$2" "$root$3"
  strip "$root$3" 2>/dev/null || true
  # Absolute paths in ldd's output: the loader and each library; a static program has none.
  { ldd "$2" 2>/dev/null || true; } | grep -o '/[^ ]*' | sort -u | while read -r library; do
    mkdir -p "$root$(dirname "$library")"
    cp -L "$library" "$root$library"
  done
  echo "$1:x:$4:$4::/nonexistent:/usr/sbin/nologin" >"$root/etc/passwd"
  echo "$1:x:$4:" >"$root/etc/group"
  layer "$root" "$1"
  rm -rf "$root"
}

image() { # NAME UID CONFIG LAYER…: writes OUT/NAME.tar in the form of `docker save`
  local name=$1 uid=$2 config=$3 root="$work/$1.image" ids="" layers="" id one
  shift 3
  rm -rf "$root"
  mkdir -p "$root"
  for one in "$@"; do
    id=$(sha256sum "$work/$one.tar" | cut -d' ' -f1)
    mkdir -p "$root/$id"
    ln "$work/$one.tar" "$root/$id/layer.tar" 2>/dev/null || cp "$work/$one.tar" "$root/$id/layer.tar"
    ids="$ids${ids:+,}\"sha256:$id\""
    layers="$layers${layers:+,}\"$id/layer.tar\""
  done
  printf '{"architecture":"amd64","os":"linux","created":"2025-01-01T00:00:00Z","config":{"User":"%s",%s},"rootfs":{"type":"layers","diff_ids":[%s]}}' \
    "$uid" "$config" "$ids" >"$root/config.json"
  id=$(sha256sum "$root/config.json" | cut -d' ' -f1)
  mv "$root/config.json" "$root/$id.json"
  printf '[{"Config":"%s.json","RepoTags":["companyos/%s:%s"],"Layers":[%s]}]' "$id" "$name" "$version" "$layers" \
    >"$root/manifest.json"
  tar --create --file "$out/$name.tar.new" --directory "$root" --sort=name --mtime="@$epoch" --owner=0 --group=0 \
    --numeric-owner --format=ustar manifest.json "$id.json" $(cd "$root" && ls -d ./*/ | sed 's|^\./||; s|/$||')
  mv "$out/$name.tar.new" "$out/$name.tar"
  rm -rf "$root"
  say "$name.tar: image sha256:$id, $(du -h "$out/$name.tar" | cut -f1)"
}

fresh() { # NAME INPUT…: the image was made after everything that it is made from
  local name=$1 input
  shift
  for input in "$0" "$@"; do [ "$out/$name.tar" -nt "$input" ] || return 1; done
}

path='"Env":["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin","LANG=C.UTF-8"]'
# Both or none: they share one base layer.
if ! { fresh db "$here/db/entrypoint.sh" && fresh nginx; }; then
  base
  packages db 2001 postgres postgresql-15
  image db 2001:2001 "$path,\"Entrypoint\":[\"/usr/local/bin/companyos-db\"],\"Volumes\":{\"/var/lib/postgresql/data\":{}},\"StopSignal\":\"SIGINT\"" base db
  packages nginx 2002 nginx nginx
  image nginx 2002:2002 "$path,\"Entrypoint\":[\"/usr/sbin/nginx\"],\"StopSignal\":\"SIGQUIT\"" base nginx
fi
program app "$app" /usr/bin/companyos-app 2003
program policy "$groundfast" /usr/bin/groundfast 2004
image app 2003:2003 "$path,\"Entrypoint\":[\"/usr/bin/companyos-app\"]" app
image policy 2004:2004 "$path,\"Entrypoint\":[\"/usr/bin/groundfast\"]" policy
# Layers that are in the images, and the folders they came from.
rm -rf "$work"
