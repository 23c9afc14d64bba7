#!/bin/sh
# Every test: first those beside the code, in parallel, then those that boot guests, which have the machine to themselves.
# With arguments, just those: scripts/test.sh src/plan
set -u
cd "$(dirname "$0")/.."
export PATH="$PWD/node_modules/.bin:$PATH"
if [ $# -gt 0 ]; then exec vitest run "$@"; fi
mkdir -p .cache
status=0
for project in unit system; do
  vitest run --project "$project" --reporter=default --reporter=json --outputFile.json=".cache/tests-$project.json" || status=1
done
node scripts/count-tests.js .cache/tests-unit.json .cache/tests-system.json || status=1
exit $status
