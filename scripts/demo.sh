#!/bin/sh
# The demonstration: real guests under QEMU, on the networks of examples/shop, and facts established by real packets.
#   scripts/demo.sh [ENGINE]
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
engine=${1:-user}
file=examples/shop/passerelle.yaml
cd "$root"
began=$(date +%s)
failed=0

if [ -t 1 ] && [ -z "${NO_COLOR-}" ]; then bold=$(printf '\033[1m') green=$(printf '\033[32m') red=$(printf '\033[31m') dim=$(printf '\033[2m') plain=$(printf '\033[0m')
else bold='' green='' red='' dim='' plain=''; fi
title() { printf '\n%s%s%s\n' "$bold" "$1" "$plain"; }
psl() { bin/passerelle "$@" -f "$file" --engine "$engine"; }
in_guest() { test/lab/guest-run "$1" "$2" "${3:-20}"; }

# fact WHAT COMMAND…: the command succeeds, and its output is shown.
fact() {
  what=$1; shift
  if output=$("$@" 2>&1); then printf '  %s✓%s %-58s %s%s%s\n' "$green" "$plain" "$what" "$dim" "$(printf '%s' "$output" | tail -n 1 | cut -c 1-56)" "$plain"
  else printf '  %s✗%s %s\n      %s\n' "$red" "$plain" "$what" "$output"; failed=1; fi
}
# refused WHAT COMMAND…: the command fails, because nothing answers.
refused() {
  what=$1; shift
  if output=$("$@" 2>&1); then printf '  %s✗%s %s, but it answered:\n      %s\n' "$red" "$plain" "$what" "$output"; failed=1
  else printf '  %s✓%s %-58s %sno answer%s\n' "$green" "$plain" "$what" "$dim" "$plain"; fi
}
page_name() { in_guest "$1" "timeout 10 wget -q -O - http://$2/name"; }
address_of() { in_guest "$1" "nslookup -type=a $2 $3 | sed -n 's/^Address: *//p' | tail -n 1 | grep ."; }
speak_as_web1='ip addr add 10.10.20.11/32 dev eth0; ping -c 1 -W 1 -I 10.10.20.11 10.10.20.12; s=$?; ip addr del 10.10.20.11/32 dev eth0; exit $s'
# What `passerelle trace` tells of db1 while it speaks as web1.
reason_why() {
  told=$(mktemp)
  bin/passerelle trace db1 -f "$file" --engine "$engine" >"$told" 2>/dev/null &
  tracing=$!
  for _ in 1 2 3 4 5 6 7 8; do
    in_guest db1 "$speak_as_web1" >/dev/null 2>&1 || true
    ! grep -q dropped "$told" || break
  done
  kill "$tracing" 2>/dev/null || true
  wait "$tracing" 2>/dev/null || true
  sed -n 's/.*dropped: //; s/ \[.*//; /own/ { p; q; }' "$told" | grep .
  rm -f "$told"
}

test/lab/build-micro-guest
mkdir -p .cache/lab/run
# What an earlier demonstration left up is used again, unless it is on another engine.
shown=.cache/lab/demo-engine
if [ "$(cat "$shown" 2>/dev/null || true)" != "$engine" ]; then psl down >/dev/null 2>&1 || true; fi
echo "$engine" >"$shown"
title "The plan: $file on the engine $engine"
psl up

title 'Waiting for the guests'
for guest in web1 web2 db1; do
  in_guest "$guest" 'until [ -e /run/nic/eth0/done ]; do usleep 50000; done; ip -4 -o addr show | sed -n "s/.*: \(eth[0-9]*\) .*inet \([^ ]*\).*/\1 \2/p" | tr "\n" " "' 60 |
    { printf '  %s: ' "$guest"; cat; echo; }
done

title 'Facts, by real packets'
dns_back=$(in_guest db1 "sed -n 's/^nameserver //p' /etc/resolv.conf | head -n 1")
fact 'the host fetches a page from web1 through its forward' curl -sS -m 10 http://127.0.0.1:9011/name
fact 'web1 fetches from web2, on the nat network' page_name web1 10.10.10.12:9090
fact 'web1 fetches from db1, on the isolated network' page_name web1 10.10.20.21:9090
fact 'web1 pings its gateway' in_guest web1 'ping -c 1 -W 2 10.10.10.1 >/dev/null && echo answered'
fact 'web2.shop.internal resolves' address_of web1 web2.shop.internal 10.10.10.1
fact 'db1.shop.internal resolves on the isolated network' address_of db1 db1.shop.internal "$dns_back"
refused 'db1 does not reach the host through a forward' in_guest db1 "ip route add default via $dns_back 2>/dev/null; timeout 2 wget -q -O - http://10.10.10.1:9011/"
refused 'db1 does not reach the nat network' in_guest db1 'timeout 2 wget -q -O - http://10.10.10.11:9090/name'
refused 'db1 does not reach the world' in_guest db1 'timeout 2 nc -w 2 192.0.2.1 80 </dev/null'
refused 'db1 cannot speak as web1 (anti-spoofing)' in_guest db1 "$speak_as_web1"
fact 'passerelle trace db1 says why' reason_why

title 'Look further'
cat <<END
  bin/passerelle status  -f $file --engine $engine
  bin/passerelle capture web1 -f $file --engine $engine --output web1.pcapng
  bin/passerelle trace web1 --all -f $file --engine $engine
  bin/passerelle logs web1 -f $file
  test/lab/guest-run web1 'ip addr; traceroute -n 10.10.10.12'
  bin/passerelle down    -f $file
END
printf '\n%s s in all\n' "$(($(date +%s) - began))"
exit $failed
