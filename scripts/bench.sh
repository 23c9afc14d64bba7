#!/bin/sh
# Measures against the peers, one benchmark after the other, and writes bench/RESULTS.md.
#   scripts/bench.sh            all of them
#   scripts/bench.sh NAME…      bench/NAME.bench.ts, and just its section of the report
# BENCH_RUNS (3): how often each figure is measured. BENCH_SECONDS (3): how long a measurement by time takes.
# Each runs in a sandbox, with processes, mounts and (unless it needs the world) a network of its own: nothing of the
# host is touched, and nothing stays, however it ends.
set -eu
cd "$(dirname "$0")/.."
root=$PWD
typescript="--import ./test/lab/typescript-loader.mjs"

names=$*
if [ -z "$names" ]; then
  names='startup demo switch switch-iperf nat-iperf nat-rates nat-qemu memory'
  for file in bench/*.bench.ts; do
    name=$(basename "$file" .bench.ts)
    case " $names " in *" $name "*) ;; *) names="$names $name" ;; esac
  done
fi
for name in $names; do
  [ -e "bench/$name.bench.ts" ] || { echo "bench: there is no bench/$name.bench.ts" >&2; exit 2; }
done

as_root=
[ "$(id -u)" = 0 ] || as_root='--user --map-root-user'
sandbox() {
  network=--net
  # A first `make demo` downloads; Open vSwitch and others bring namespaces of their own.
  case $1 in demo) network= ;; esac
  # shellcheck disable=SC2086,SC2016 # words; expanded inside
  unshare $as_root $network --mount --pid --fork --kill-child --mount-proc sh -euc '
    trap "kill -TERM \$child; wait \$child; exit 130" INT TERM
    mount -t tmpfs tmpfs /run
    mkdir -p .cache/lab/run && mount -t tmpfs tmpfs .cache/lab/run
    [ -z "$2" ] || ip link set lo up
    mkdir -m 700 /run/psl
    export PASSERELLE_BENCH_SANDBOX=1 XDG_RUNTIME_DIR=/run/psl XDG_STATE_HOME=/run/psl/state
    node $3 "bench/$1.bench.ts" & child=$!
    wait $child
  ' sandbox "$1" "$network" "$typescript"
}

mkdir -p .cache/bench
status=0
for name in $names; do
  echo "bench: $name" >&2
  sandbox "$name" >".cache/bench/$name.md" || status=1
  cat ".cache/bench/$name.md"
  # shellcheck disable=SC2086
  node $typescript bench/write-results.ts ".cache/bench/$name.md" || status=1
done
exit $status
