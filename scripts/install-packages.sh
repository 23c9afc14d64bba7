#!/bin/sh
# Installs the Debian packages that one purpose needs; says which, and does nothing when all are there.
#   scripts/install-packages.sh demo|test|bench|user|linux|vde|ovs|ovn|PACKAGE…
set -eu

# qemu runs the guests; cpio and the decompressors make them; curl is how the demo looks from outside.
demo='qemu-system-x86 cpio xz-utils zstd util-linux curl'
# What the engine of a demonstration needs of the host; `user` needs nothing.
linux='iproute2 iputils-ping procps nftables dnsmasq-base conntrack'
vde='vde2'
ovs="openvswitch-switch $linux"
ovn="ovn-central ovn-host $ovs"
test="$demo $linux $ovn $vde tshark socat dropbear-bin busybox iperf3"
bench="$test ethtool slirp4netns passt gcc libc6-dev libvirt-daemon libvirt-clients iptables"

[ $# -gt 0 ] || { echo 'usage: scripts/install-packages.sh demo|test|bench|PACKAGE…' >&2; exit 2; }

packages=
for word; do
  case $word in
    demo) packages="$packages $demo" ;;
    user) ;;
    linux) packages="$packages $linux" ;;
    vde) packages="$packages $vde" ;;
    ovs) packages="$packages $ovs" ;;
    ovn) packages="$packages $ovn" ;;
    test) packages="$packages $test" ;;
    bench) packages="$packages $bench" ;;
    -*) echo "install-packages: unknown option $word" >&2; exit 2 ;;
    *) packages="$packages $word" ;;
  esac
done

if ! command -v dpkg-query >/dev/null; then
  echo "This is not a Debian or Ubuntu system: see to it that these are installed:$packages" >&2
  exit 0
fi

missing=
for package in $packages; do
  case " $missing " in *" $package "*) continue ;; esac
  [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] ||
    missing="$missing $package"
done
missing=${missing# }
[ -n "$missing" ] || exit 0

echo "Packages to install: $missing"

# Environment assignments come after sudo, which drops what it inherits.
if [ "$(id -u)" = 0 ]; then
  as_root=env
elif command -v sudo >/dev/null && { sudo -n true 2>/dev/null || [ -t 0 ]; }; then
  as_root='sudo env'
  echo '(sudo may ask for your password)'
else
  echo "They want root, and sudo is not at hand here. Type, as root:" >&2
  echo "  apt-get update && apt-get install -y --no-install-recommends $missing" >&2
  exit 1
fi

update() { $as_root apt-get update -qq; }
# shellcheck disable=SC2086 # package names are words
install() {
  $as_root DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing
}
every_package_known() {
  for package in $missing; do
    LC_ALL=C apt-cache policy "$package" 2>/dev/null | grep -q 'Candidate: [^(]' || return 1
  done
}

# A stale package list names files that the archive no longer has: refresh it once and try again.
every_package_known || update
if ! install; then
  echo 'The package list may be old: refreshing it and trying once more.' >&2
  update
  install
fi
