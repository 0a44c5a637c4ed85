#!/usr/bin/env bash
# Everything that CI checks. It prepares what the tests need (Debian packages without starting services, tools from
# PyPI, a Debian root, the sample product, an engine of its own), all below target/, and can be run again.
set -euo pipefail
cd "$(dirname "$0")/.."
step() { printf '\n== %s (%ss)\n' "$*" "$SECONDS"; }
[ "$(id -u)" = 0 ] || { echo "test: this needs root: it starts an engine and unpacks a root file system" >&2; exit 1; }

# shellcheck source=space.sh
. scripts/space.sh
[ -e target/debug ] || need_space . 12000 "make test, on a fresh clone,"
trap 'tell_full $? .' EXIT

step "Packages and tools"
scripts/packages.sh test
tools=$(scripts/tools.sh)
export PATH=$tools:$PATH
cosign=target/cosign/usr/bin/cosign
[ -x "$cosign" ] || scripts/trixie.sh cosign target/cosign
export GROUNDFAST_COSIGN=$PWD/$cosign
scripts/promtool.sh target/prometheus
export GROUNDFAST_PROMTOOL=$PWD/target/prometheus/promtool GROUNDFAST_JUNIT_XSD=$PWD/target/tools/junit-10.xsd
if [ -d ../shared ]; then
  GROUNDFAST_SHARED=$(cd ../shared && pwd -P)
  export GROUNDFAST_SHARED
else
  echo "left out: the checks against ../shared (schemas and facts of the benchmarks), which is not beside this clone"
fi

cargo fetch --locked --quiet
step "Form: fmt, clippy, dependencies"
cargo fmt --all --check
cargo clippy --locked --workspace --all-targets -- -D warnings
[ ! -e deny.toml ] || cargo deny --locked --offline check bans licenses sources

step "Build"
cargo build --locked --workspace
cargo nextest run --locked --workspace --no-run

step "What the tests work on"
prepared=$(scripts/prepare-tests.sh)
eval "$prepared"
trap 'code=$?; scripts/engine.sh down target/engine; tell_full $code .' EXIT

step "Tests, in the engine's network namespace, from which no route leads out"
scripts/engine.sh exec target/engine cargo nextest run --locked --offline --workspace --no-fail-fast "$@"
if [ -n "${GROUNDFAST_TEST_FULL:-}" ]; then
  step "Virtual machines"
  scripts/vm-test.sh
fi
step "Done"
