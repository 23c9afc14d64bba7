/**
 * Why OVN's flows end a frame, in words. Port security asks in tables of its own and leaves its answer in one bit
 * (`check_in_port_sec`), so which of its conditions failed is read from the frame. Pure.
 */
import type { Nic } from '../../../topology/topology.js';
import { EtherType, formatMac, readEthernetHeader } from '../../../wire/ethernet.js';
import type { FlowStep } from '../../open-vswitch/trace/flow-walk.js';
import { ACL_FLOW_PRIORITY } from '../guard.js';

/** `reg0[15] == 1`: port security refuses (ls_in_apply_port_sec). */
const INSECURE = 'reg0=0x8000/0x8000';
/** `outport == "none"` (ls_in_l2_unknown). */
const NO_PORT = 'reg15=0';

/** @param last the flow that ended the frame. @returns undefined: it is none that a network of ours has. */
export function reasonOf(last: FlowStep, frame: Buffer, nic: Pick<Nic, 'mac'>): string | undefined {
  const fields = last.match.split(',');
  if (fields.includes(INSECURE)) return insecurityOf(frame, nic.mac);
  if (fields.includes(NO_PORT)) return 'no machine of the network has its destination';
  if (last.match.includes('vlan_tci=')) return 'OVN takes no VLAN tags from machines';
  if (last.match.includes('dl_src=01:00:00:00:00:00')) return 'no frame may come from a group';
  if (last.priority !== ACL_FLOW_PRIORITY) return undefined;
  if (fields.includes('udp')) return 'a machine must not answer as a DHCP server';
  if (fields.includes('udp6')) return 'a machine must not answer as a DHCPv6 server';
  return fields.includes('icmp6') ? 'a machine must not redirect' : undefined;
}

function insecurityOf(frame: Buffer, mac: string): string {
  const header = readEthernetHeader(frame, 0, frame.length);
  if (header === undefined || formatMac(header.source) !== mac) return "it is not from the NIC's own MAC";
  switch (header.etherType) {
    case EtherType.ipv4:
      return "its IPv4 source is not the NIC's own address";
    case EtherType.ipv6:
      return "its IPv6 source, or an address that it claims, is not the NIC's own";
    case EtherType.arp:
      return "it claims an address that is not the NIC's own";
    default:
      return 'it is neither ARP nor IPv4 nor IPv6';
  }
}
