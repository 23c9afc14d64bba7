/** Which of the keys that not every engine reads this one does, and what to write instead of the others. */
import type { Capabilities } from '../contract.js';

const OVS = 'the fabric has no VLANs; write `engine: ovs` for this network';

const MIRROR = 'the fabric copies no frames to a NIC; write `engine: ovs` for this network';

const EXPORTS = 'the fabric sends no flow records; write `engine: ovs` for this network';

export const NO_PUBLIC_ADDRESSES =
  'its sockets take ports of addresses that the host has; give it to the host and write forwards that listen on it (`listen-address`), or write `engine: linux`';

export const NETWORK_KEYS: Capabilities['networkKeys'] = {
  'host-loopback': true,
  uplink: 'its sockets leave by the routes of the host; write `engine: linux` for this network',
  'uplink-gateway': 'its sockets leave by the routes of the host; write `engine: linux` for this network',
  vlan: OVS,
  bond: 'its sockets leave by the routes of the host; write `engine: ovs` for this network',
  stp: 'the fabric is one switch, which no cable can make a loop of; leave it out',
  rstp: 'the fabric is one switch, which no cable can make a loop of; leave it out',
  'multicast-snooping': 'the fabric floods multicast; leave it out, or write `engine: ovs`',
  datapath: 'the fabric is its own data plane; write `engine: ovs` for this network',
  'fail-mode': 'the fabric needs no flows; write `engine: ovs` for this network',
  controller: 'the fabric speaks no OpenFlow; write `engine: ovs` for this network',
  sflow: EXPORTS,
  netflow: EXPORTS,
  ipfix: EXPORTS,
  sampling: EXPORTS,
  ipsec: 'its tunnels are sockets, which the fabric does not encrypt; write `engine: ovs` for this network',
  mirror: MIRROR,
  plugs: 'cables are of VDE; write `engine: vde` for this network',
  vxlan: true,
  vde: true,
  probes: 'it takes no NIC of the host; leave it out',
  'ipv6-nat': 'sockets have no other address than the host; write `engine: linux` for this network',
  'service-addresses': NO_PUBLIC_ADDRESSES,
  'proxy-arp': 'the LAN is out of its reach; write `engine: linux` for this network',
  'proxy-ndp': 'the LAN is out of its reach; write `engine: linux` for this network',
};

export const NIC_KEYS: Capabilities['nicKeys'] = {
  attach: true,
  netns: true,
  port: true,
  owner: 'whoever runs `up` may run the machine; leave it out, or write `engine: linux`',
  queues: 'a port of the fabric has one queue; write `engine: linux` for this network',
  vlan: OVS,
  trunk: OVS,
  qinq: OVS,
  isolated: 'the fabric has no protected ports; write `engine: ovs` for this network',
  'rate-limit': 'the fabric has no rate limits; write `engine: linux` or `engine: ovs` for this network',
  mirror: MIRROR,
  'rate-limit-in': 'the fabric has no rate limits; write `engine: ovs` for this network',
  'public-ipv4': NO_PUBLIC_ADDRESSES,
  'public-ipv6': NO_PUBLIC_ADDRESSES,
};
