/** Which of the keys that not every engine reads this one does, and what to write instead of the others. */
import type { Capabilities } from '../contract.js';

const OVS = 'write `engine: ovs` for this network';

const EXPORTS = 'vde_switch sends no flow records; write `engine: ovs` for this network';

export const NETWORK_KEYS: Capabilities['networkKeys'] = {
  'host-loopback': true,
  uplink: true,
  'uplink-gateway': true,
  vlan: true,
  bond: `a switch of VDE takes no NIC of the host; ${OVS}`,
  stp: true,
  rstp: `vde_switch has a fast spanning tree of its own; write \`stp: true\``,
  'multicast-snooping': `vde_switch floods multicast; leave it out, or ${OVS}`,
  datapath: `vde_switch is its own data plane; ${OVS}`,
  'fail-mode': `vde_switch needs no flows; ${OVS}`,
  controller: `vde_switch speaks no OpenFlow; ${OVS}`,
  sflow: EXPORTS,
  netflow: EXPORTS,
  ipfix: EXPORTS,
  sampling: EXPORTS,
  ipsec: `its cables are encrypted by ssh where a plug says so; ${OVS}`,
  mirror: `vde_switch copies no frames to a port; ${OVS}`,
  plugs: true,
  vxlan: 'tunnels of VDE are plugs; write `plugs: [vxvde://239.1.2.3]`',
  vde: true,
  probes: 'it takes no NIC of the host; leave it out',
  'ipv6-nat': true,
  'service-addresses': true,
  'proxy-arp': true,
  'proxy-ndp': true,
};

export const NIC_KEYS: Capabilities['nicKeys'] = {
  attach:
    'a machine is plugged into VDE by its QEMU; plug a namespace in by hand: ip netns exec NAME vde_plug vde://… tap://eth0',
  netns:
    'a machine is plugged into VDE by its QEMU; plug the namespace in by hand: ip netns exec NAME vde_plug vde://… tap://eth0',
  port: 'QEMU is plugged in as a port of VDE; leave it out, or write `engine: user` for this network',
  owner: 'whoever runs `up` may run the machine; leave it out, or write `engine: linux`',
  queues: 'a port of vde_switch has one queue; write `engine: linux` for this network',
  vlan: true,
  trunk: `a port of vde_switch is in one VLAN; ${OVS}`,
  qinq: `vde_switch knows one tag; ${OVS}`,
  isolated: `vde_switch has no protected ports; ${OVS}`,
  'rate-limit': `vde_switch has no rate limits; ${OVS}`,
  mirror: `vde_switch copies no frames to a port; ${OVS}`,
  'rate-limit-in': `vde_switch has no rate limits; ${OVS}`,
  'public-ipv4': true,
  'public-ipv6': true,
};
