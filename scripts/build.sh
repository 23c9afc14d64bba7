#!/bin/sh
# Builds src/ into dist/; incremental, so that doing it again costs a second.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
"$root/scripts/install-node-modules.sh"
echo "building dist/"
cd "$root"
node_modules/.bin/tsc -p tsconfig.build.json
# Moved into place whole: its age is what bin/passerelle goes by.
node_modules/.bin/rolldown --config rolldown.config.js >/dev/null
mv dist/command.new.cjs dist/command.cjs
node scripts/write-code-cache.cjs >/dev/null
