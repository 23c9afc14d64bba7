/** Which of the keys that not every engine reads this one does, and what to write instead of the others. */
import type { Capabilities } from '../contract.js';

export const NETWORK_KEYS: Capabilities['networkKeys'] = {
  'host-loopback':
    'the kernel does not hand its own loopback on; listen on the gateway, or write `engine: user`',
  uplink: true,
  'uplink-gateway': true,
  vlan: true,
  bond: true,
  stp: true,
  rstp: true,
  'multicast-snooping': true,
  datapath: true,
  'fail-mode': true,
  controller: true,
  sflow: true,
  netflow: true,
  ipfix: true,
  sampling: true,
  ipsec: true,
  mirror: true,
  plugs: 'cables are of VDE; write `engine: vde` for this network',
  vxlan: 'its tunnels come with hosts that the file names; write `engine: user` for this network',
  vde: 'Open vSwitch is no vde_switch; write `engine: user` or `engine: vde` for this network',
  probes: 'it asks the gateways and your SSH client; leave it out',
  'ipv6-nat': true,
  'service-addresses': true,
  'proxy-arp': true,
  'proxy-ndp': true,
};

export const NIC_KEYS: Capabilities['nicKeys'] = {
  attach: true,
  netns: true,
  port: 'QEMU is plugged in by a tap of the kernel; leave it out, or write `engine: user` for this network',
  owner: true,
  queues: 'a port of this engine has one queue; write `engine: linux` for this network',
  vlan: true,
  trunk: true,
  qinq: true,
  isolated: true,
  'rate-limit': true,
  'rate-limit-in': true,
  mirror: true,
  'public-ipv4': true,
  'public-ipv6': true,
};
