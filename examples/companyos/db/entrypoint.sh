#!/bin/sh
# Makes the database once, as the user that runs it, and then becomes the server. There is no password: roles
# log in with certificates, and setting up needs no connection at all.
set -eu
umask 077
bin=/usr/lib/postgresql/15/bin
data=/var/lib/postgresql/data/db
if [ ! -e "$data/PG_VERSION" ]; then
  # Made beside and renamed: a start that was cut short begins anew.
  rm -rf "$data.new"
  "$bin/initdb" --pgdata="$data.new" --encoding=UTF8 --locale=C.UTF-8 --auth=reject --data-checksums >/dev/null
  # --single takes one statement a line, also without a semicolon at its end.
  "$bin/postgres" --single -D "$data.new" postgres </etc/companyos/db/init.sql >/dev/null
  mv "$data.new" "$data"
fi
exec "$bin/postgres" "$@"
