#!/bin/sh
# Measures against the peers, one benchmark after the other, and writes bench/RESULTS.md.
#   scripts/bench.sh            all of them
#   scripts/bench.sh NAME…      bench/NAME.bench.ts, and its section of the report anew
# BENCH_RUNS (3): how often each figure is measured. BENCH_SECONDS (2): how long a measurement by time takes.
# To look closer: BENCH_ONLY=passerelle leaves the peers out, BENCH_FIGURE=WORDS all figures but those called like that
# (`host → guest, MTU 1500`), BENCH_PROFILE=DIR has each fabric leave a CPU profile there.
#
# Each runs in a sandbox, with processes, mounts and a network of its own: nothing of the host is touched, and whatever
# it starts ends with it, however it ends.
set -eu
cd "$(dirname "$0")/.."
typescript='--import ./test/lab/typescript-loader.mjs'
results=.cache/bench/results
# The order of the report. What is not named here comes after it.
order='startup demo tests switch switch-iperf switch-ping switch-guests nat-iperf nat-rates nat-qemu nat-exact memory vhost-user tap linux-up linux-libvirt linux-forwards linux-nat'

complete=
names=$*
if [ $# = 0 ]; then
  complete=--complete
  names=$order
  for file in bench/*.bench.ts; do
    name=$(basename "$file" .bench.ts)
    case " $names " in *" $name "*) ;; *) names="$names $name" ;; esac
  done
fi
for name in $names; do
  [ -e "bench/$name.bench.ts" ] || { echo "bench: there is no bench/$name.bench.ts" >&2; exit 2; }
done

sandbox() {
  user=
  [ "$(id -u)" = 0 ] || user='--user --map-root-user'
  network=--net
  # A first `make demo` downloads what it needs.
  [ "$1" != demo ] || network=
  # shellcheck disable=SC2016,SC2086 # expanded inside; options are words
  unshare $user $network --mount --pid --fork --kill-child --mount-proc sh -euc '
    mount -t tmpfs tmpfs /run
    mkdir -p .cache/lab/run
    mount -t tmpfs tmpfs .cache/lab/run
    [ -z "$2" ] || ip link set lo up
    mkdir -m 700 /run/bench
    export PASSERELLE_BENCH_SANDBOX=1 XDG_RUNTIME_DIR=/run/bench XDG_STATE_HOME=/run/bench/state
    # Not exec: the first process of the sandbox collects the orphans of all others.
    node $3 "bench/$1.bench.ts" &
    child=$!
    trap "kill -TERM $child; wait $child; exit 130" INT TERM
    wait $child
  ' sandbox "$1" "$network" "$typescript"
}

# `make bench` has built everything; a single benchmark must not measure what was built last week.
[ $# = 0 ] || scripts/build.sh >&2
rm -rf "$results"
mkdir -p "$results"
status=0
files=
for name in $names; do
  echo "bench: $name" >&2
  sandbox "$name" >"$results/$name.md" || status=1
  cat "$results/$name.md"
  echo
  files="$files $results/$name.md"
done
# shellcheck disable=SC2086 # words
node $typescript bench/report/write-results.ts $complete $files
echo "bench: written to bench/RESULTS.md" >&2
exit $status
