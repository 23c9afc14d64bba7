#!/bin/sh
# Builds src/ into dist/; incremental, so that doing it again costs a second.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
"$root/scripts/install-node-modules.sh"
echo "building dist/"
cd "$root"
node_modules/.bin/tsc -p tsconfig.build.json
# tsc leaves the stamp alone when nothing it writes has changed.
touch dist/.tsbuildinfo
