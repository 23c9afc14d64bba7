/** The chains that mark the packets of a NIC, and those that see where marked packets leave. Pure. */
import type { MarkingTable } from '../../../clients/nft/follow-packets.js';
import type { Nic } from '../../../topology/topology.js';

/** Where a packet is seen before any other rule of its family. */
export const FIRST_CHAIN = 'come';
/** Chains that a packet reaches only when nothing has ended it. */
export const LAST_CHAINS: ReadonlySet<string> = new Set(['bridged', 'sent', 'taken']);

/** Before all rules but those that say otherwise, and after all. */
const FIRST = -400;
const LAST = 1000;
/** After `dnat` (-100): a packet to a forward has become one to the machine. */
const TRANSLATED = -99;

/** What is followed costs time for every packet: a transfer under way is sampled, not slowed. */
const MARK = 'limit rate 200/second burst 200 packets meta nftrace set 1';

/** @param pid of the process that follows: each has a table of its own. */
export function markingTable(project: string, nic: Nic, pid: number): MarkingTable {
  const families = [
    { name: 'ip', address: nic.ipv4 },
    { name: 'ip6', address: nic.ipv6 },
  ].filter(({ address }) => address !== undefined);
  const addressed = (end: 'saddr' | 'daddr'): string =>
    families.map(({ name, address }) => `${name} ${end} ${address} ${MARK} ;`).join(' ');
  return {
    name: `passerelle.${project}.trace${pid}.${nic.index}`,
    chains: {
      bridge: [
        chain(
          FIRST_CHAIN,
          'prerouting',
          FIRST,
          `iifname "${nic.interfaceName}" ${MARK} ; ether daddr ${nic.mac} ${MARK} ;`,
        ),
        chain('bridged', 'forward', LAST, ''),
      ],
      inet: [
        chain(FIRST_CHAIN, 'prerouting', FIRST, `${addressed('saddr')} ${addressed('daddr')}`),
        chain('translated', 'prerouting', TRANSLATED, addressed('daddr')),
        chain('own', 'output', TRANSLATED, addressed('daddr')),
        chain('sent', 'postrouting', LAST, ''),
        chain('taken', 'input', LAST, ''),
      ],
    },
  };
}

function chain(name: string, hook: string, priority: number, rules: string): string {
  return `chain ${name} { type filter hook ${hook} priority ${priority} ; policy accept ; ${rules} }`;
}
