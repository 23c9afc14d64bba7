#!/bin/sh
# What must hold before anything lands: format, types, lint with types, boundaries, dead code.
set -eu
cd "$(dirname "$0")/.."
scripts/install-node-modules.sh
step() {
  printf 'check: %s\n' "$1"
  npm run --silent --loglevel=error "$1"
}
step format:check
step typecheck
step lint
step boundaries
step dead-code
echo 'check: all of it holds'
