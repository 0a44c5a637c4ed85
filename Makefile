# `make demo` and `make test` do all their own set-up on a fresh Debian machine; see README.md.
.PHONY: demo test test-full bench fuzz test-cluster vm-test release docs

demo:
	@scripts/demo.sh

test:
	@scripts/test.sh

test-full:
	@GROUNDFAST_TEST_FULL=1 scripts/test.sh
