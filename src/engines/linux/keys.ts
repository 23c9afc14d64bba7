/** Which of the keys that not every engine reads this one does, and what to write instead of the others. */
import type { Capabilities } from '../contract.js';

const OVS = 'the kernel bridge of this engine has no VLANs; write `engine: ovs` for this network';

const MIRROR = 'the kernel bridge of this engine copies no frames; write `engine: ovs` for this network';

const EXPORTS = 'the kernel bridge sends no flow records; write `engine: ovs` for this network';

export const NETWORK_KEYS: Capabilities['networkKeys'] = {
  'host-loopback':
    'the kernel does not hand its own loopback on; listen on the gateway, or write `engine: user`',
  uplink: true,
  'uplink-gateway': true,
  vlan: 'it has no VLANs; make the VLAN device (`ip link add link eth0 name eth0.42 type vlan id 42`) and name it as `uplink`, or write `engine: ovs`',
  bond: "a bond of the kernel is the host's own; make it (`ip link add bond0 type bond mode 802.3ad`) and write `uplink: bond0`, or `engine: ovs`",
  stp: true,
  rstp: 'the kernel bridge speaks STP without a daemon, not RSTP; write `stp: true`, or `engine: ovs`',
  'multicast-snooping': 'the kernel bridge always does it; leave it out',
  datapath: 'the kernel bridge is the data plane; write `engine: ovs` for this network',
  'fail-mode': 'the kernel bridge needs no flows; write `engine: ovs` for this network',
  controller: 'the kernel bridge speaks no OpenFlow; write `engine: ovs` for this network',
  sflow: EXPORTS,
  netflow: EXPORTS,
  ipfix: EXPORTS,
  sampling: EXPORTS,
  ipsec: 'its tunnels are not encrypted; write `engine: ovs` for this network',
  mirror: MIRROR,
  plugs: 'cables are of VDE; write `engine: vde` for this network',
  vxlan:
    'its tunnels lead to the hosts of the file; name the peers under `hosts`, or write `engine: user` for this network',
  vde: 'its bridge is no vde_switch; write `engine: user` or `engine: vde` for this network',
  probes: true,
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
  queues: true,
  vlan: OVS,
  trunk: OVS,
  qinq: OVS,
  isolated: 'there are no protected ports on this engine; write `engine: ovs` for this network',
  'rate-limit': true,
  mirror: MIRROR,
  'rate-limit-in': 'only what a machine sends is limited here; write `engine: ovs` for this network',
  'public-ipv4': true,
  'public-ipv6': true,
};
