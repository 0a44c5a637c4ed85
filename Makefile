# `make demo` and `make test` do all their own set-up on a fresh Debian machine; see README.md.
.PHONY: demo test test-full bench fuzz release docs vm-test

# The main job, end to end, on this machine.
demo:
	@scripts/demo.sh

# Everything that CI checks.
test:
	@scripts/test.sh

# The same with every kill instead of a sample.
test-full:
	@GROUNDFAST_TEST_FULL=1 scripts/test.sh

# Virtual machines with kernels of their own: AppArmor, SELinux, neither.
vm-test:
	@scripts/vm-test.sh

# Measurements, or with BENCH=name one of them.
bench:
	@bench/run.sh $(BENCH)

# Every fuzz target for FUZZ_SECONDS each, or with FUZZ=name one of them.
fuzz:
	@scripts/fuzz.sh

# A binary for every supported system.
release:
	@scripts/release.sh

# The generated part of docs/: schemas and man pages.
docs:
	cargo run --locked -q -p groundfast -- docs docs
