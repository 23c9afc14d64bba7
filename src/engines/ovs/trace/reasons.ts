/** Why the guard's flows end a frame, in words (`flows/guard.ts`). Pure. */
import type { FlowStep } from '../../open-vswitch/trace/flow-walk.js';
import { Table } from '../flows/guard.js';

/** @param steps the flows that the frame met; the last one ended it. */
export function reasonOf(steps: readonly FlowStep[]): string | undefined {
  const last = steps.at(-1);
  // Beyond the guard the switch itself says why.
  if (last?.action !== 'drop') return undefined;
  switch (last.table) {
    case Table.admission:
      return "it is not from the NIC's own MAC";
    case Table.servers:
      return refusalOf(last.match);
    case Table.sources:
      return "it claims an address for a MAC that is not the NIC's own";
    case Table.neighbours:
      return last.match.includes('icmp_type')
        ? "it claims an address for a MAC that is not the NIC's own"
        : "its IPv6 source is not one of the NIC's own addresses";
    case Table.verdict:
      return verdictOn(steps.at(-2)?.table);
    default:
      return undefined;
  }
}

function refusalOf(match: string): string | undefined {
  const fields = match.split(',');
  if (fields.includes('udp6')) return 'a machine must not answer as a DHCPv6 server';
  if (fields.includes('udp')) return 'a machine must not answer as a DHCP server';
  if (match.includes('nw_frag=')) return 'neighbour discovery in fragments is refused (RFC 6980)';
  if (fields.includes('icmp6')) return 'a machine must not advertise itself as a router, nor redirect';
  return match.includes('dl_type=') ? 'it is behind more VLAN tags than the switch reads' : undefined;
}

/** @param asking the table that asked whose address that is. */
function verdictOn(asking: number | undefined): string | undefined {
  switch (asking) {
    case Table.arp:
      return "it claims an IPv4 address that is not the NIC's own";
    case Table.claims:
      return "it claims an IPv6 address that is not the NIC's own";
    case Table.sources:
      return "its IPv4 source is not the NIC's own address";
    default:
      return undefined;
  }
}
