# Two commands for everyone: `make demo` and `make test`. Each installs what it needs, says so, and does nothing twice.
.PHONY: demo test check bench fuzz soak build format help

ENGINE ?= user

help:
	@echo 'make demo    boots real micro guests on the embedded engine and shows them talking'
	@echo 'make test    runs every test: unit, property, fuzz, and conformance with real guests'
	@echo 'make check   formatter, linter, types, boundaries, dead code'
	@echo 'make fuzz    fuzzes every parser and the whole fabric for long (FUZZ_SEED, FUZZ_SECONDS a test)'
	@echo 'make soak    five minutes of mixed load on the fabric: nothing lost, memory flat (SOAK_SECONDS)'
	@echo 'make bench   measures against the peers, writes bench/RESULTS.md'

build:
	@scripts/build.sh

demo: build
	@scripts/install-packages.sh demo $(ENGINE)
	@scripts/demo.sh $(ENGINE)

test: build
	@scripts/install-packages.sh test
	@scripts/test.sh

check:
	@scripts/check.sh

fuzz: build
	@scripts/install-packages.sh test
	@scripts/fuzz.sh

soak: build
	@scripts/install-packages.sh test
	@SOAK_SECONDS=$${SOAK_SECONDS:-300} scripts/test.sh test/endurance/soak.test.ts

bench: build
	@scripts/install-packages.sh bench
	@scripts/bench.sh

format:
	@scripts/install-node-modules.sh
	@node_modules/.bin/biome format --write .
