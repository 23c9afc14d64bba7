/** Which of the keys that not every engine reads this one does, and what to write instead of the others. */
import type { Capabilities } from '../contract.js';

export const NETWORK_KEYS: Capabilities['networkKeys'] = {
  'host-loopback':
    'the kernel does not hand its own loopback on; listen on the gateway, or write `engine: user`',
  uplink: true,
  vlan: true,
  stp: true,
  rstp: true,
  'multicast-snooping': true,
  datapath: true,
  'fail-mode': true,
  controller: true,
  plugs: 'cables are of VDE; write `engine: vde` for this network',
  probes: 'nobody but the gateways and your SSH client is asked here; write `engine: linux` for this network',
  'ipv6-nat': true,
  'proxy-arp': true,
};

export const NIC_KEYS: Capabilities['nicKeys'] = {
  attach: true,
  netns: true,
  owner: true,
  queues: 'a port of this engine has one queue; write `engine: linux` for this network',
  vlan: true,
  trunk: true,
  qinq: true,
  isolated: true,
  'rate-limit': true,
  'rate-limit-in': true,
};
