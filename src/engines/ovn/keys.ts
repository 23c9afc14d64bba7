/** Which of the keys that not every engine reads this one does, and what to write instead of the others. */
import type { Capabilities } from '../contract.js';

const OWN_BRIDGE = 'every network is on one integration bridge, which ovn-controller keeps';

export const NETWORK_KEYS: Capabilities['networkKeys'] = {
  'host-loopback':
    'the kernel does not hand its own loopback on; listen on the gateway, or write `engine: user`',
  uplink: true,
  'uplink-gateway': true,
  vlan: true,
  bond: 'the hosts’ own bridge holds the NICs; bond them there (`ovs-vsctl add-bond`), or write `engine: ovs`',
  stp: `${OWN_BRIDGE}; leave it out, logical switches have no loops`,
  rstp: `${OWN_BRIDGE}; leave it out, logical switches have no loops`,
  'multicast-snooping': 'logical switches flood multicast here; leave it out, or write `engine: ovs`',
  datapath: true,
  'fail-mode': `${OWN_BRIDGE}; leave it out, flows stay when ovn-controller stops`,
  controller: 'ovn-controller has the say; leave it out, or write `engine: ovs` for this network',
  sflow: `${OWN_BRIDGE}; set it there with ovs-vsctl, or write \`engine: ovs\``,
  netflow: `${OWN_BRIDGE}; set it there with ovs-vsctl, or write \`engine: ovs\``,
  ipfix: `${OWN_BRIDGE}; set it there with ovs-vsctl, or write \`engine: ovs\``,
  sampling: 'it goes with flow records; leave it out, or write `engine: ovs`',
  ipsec:
    'OVN encrypts between all hosts or none: `ovn-nbctl set NB_Global . ipsec=true`; leave it out, or write `engine: ovs`',
  mirror: 'there are no mirrors on this engine; write `engine: ovs` for this network',
  plugs: 'cables are of VDE; write `engine: vde` for this network',
  vxlan: 'its tunnels are those of OVN, between all its hosts; leave it out',
  vde: 'OVN is no vde_switch; write `engine: user` or `engine: vde` for this network',
  probes: 'it takes no NIC of the host in; leave it out',
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
  vlan: 'a logical switch has no VLANs of its own; give each its own network, or write `engine: ovs`',
  trunk: 'a logical switch has no VLANs of its own; give each its own network, or write `engine: ovs`',
  qinq: 'a logical switch has no VLANs of its own; write `engine: ovs` for this network',
  isolated:
    'ports of a logical switch all reach one another; give each machine a network of its own, or write `engine: ovs` for this network',
  'rate-limit': true,
  'rate-limit-in': true,
  mirror: 'there are no mirrors on this engine; write `engine: ovs` for this network',
  'public-ipv4': true,
  'public-ipv6': true,
};
