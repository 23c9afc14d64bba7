#!/bin/sh
# Fuzzes every parser and the whole fabric for long, with seeds that follow FUZZ_SEED (chosen by the clock when it is
# not given), each fuzz test for FUZZ_SECONDS; then the memory tests at ten times their size. Without FUZZ_SECONDS the
# tests take 20 s each. With arguments, just the fuzz tests of those files.
set -eu
cd "$(dirname "$0")/.."
export PATH="$PWD/node_modules/.bin:$PATH"
export FUZZ_SEED="${FUZZ_SEED:-$(date +%s)}" FUZZ_SECONDS="${FUZZ_SECONDS:-20}"
files="$*"
[ -n "$files" ] || files=$(grep -rl --include='*.test.ts' "fuzz/fuzz.js'" src test bench)
echo "fuzz: FUZZ_SEED=$FUZZ_SEED FUZZ_SECONDS=$FUZZ_SECONDS, $(echo "$files" | wc -w) files"
# shellcheck disable=SC2086 # A list of files.
vitest run --project unit --testNamePattern '\(fuzz\)$' $files
[ $# -gt 0 ] || [ "$FUZZ_SECONDS" = 0 ] || ENDURANCE_FACTOR=10 vitest run --project system test/endurance
