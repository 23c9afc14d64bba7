#!/bin/sh
# Installs what package-lock.json names, only when it is another one than that of the last time. The stamp lies in
# node_modules, so that whoever deletes the one deletes the other.
# Not `npm ci`: it refuses a lock file without the binaries of every foreign platform, which not every registry mirror has.
set -eu
cd "$(dirname "$0")/.."

stamp=node_modules/.passerelle-lock
[ -f "$stamp" ] && cmp -s package-lock.json "$stamp" && exit 0

command -v npm >/dev/null || {
  echo 'npm is missing. Install Node 20.19 or newer (Debian: apt-get install nodejs npm).' >&2
  exit 1
}
echo 'Installing node modules (npm install, as package-lock.json says)'
npm install --no-save --no-progress --no-audit --no-fund --loglevel=error
cp package-lock.json "$stamp"
