# Sourced: says clearly when a step has not, or no longer has, the room on the disk that it needs.

free_mib() { df --output=avail -m "$1" | tail -n 1 | tr -d ' '; }

# need_space DIR MIB WHAT: ends the script before WHAT is begun without that much room.
need_space() {
  local free
  free=$(free_mib "$1")
  [ "$free" -ge "$2" ] && return
  echo "$3 needs $2 MiB below $1, where $free MiB are free: free some (target/ may be removed) and run it again" >&2
  exit 1
}

# tell_full CODE DIR: for an EXIT trap. A full disk makes tools fail with all kinds of messages, so it is named.
tell_full() {
  local free
  [ "$1" != 0 ] || return 0
  free=$(free_mib "$2")
  [ "$free" -ge 100 ] || echo "the disk below $2 is full ($free MiB are free), which may be why this failed" >&2
}
