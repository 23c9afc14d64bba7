/**
 * Who may send into a network's tunnel. The kernel's VXLAN device takes a frame from anyone who knows the identifier, and
 * a frame that has come in so is on the segment, behind every guard. So what is addressed to an identifier of ours and is
 * not from one of its peers is dropped before the device sees it: one rule for all that is not VXLAN, three for what is.
 *
 * Hook `input`, where datagrams are whole: in the first fragment of a small one there is no identifier to be seen.
 * conntrack, which the gateway's table asks for, puts fragments of IPv6 together too.
 */
import type { Network, Overlay } from '../../../topology/topology.js';
import { VXLAN_PORT } from '../../../wire/vxlan.js';
import { canonicalElements, type Elements } from '../../kernel-gateway/rules/elements.js';
import { type TableDefinition, tableName } from '../../kernel-gateway/rules/ruleset.js';

export const PEERS_KIND = 'tunnel-peers';

/** The 24 bits of the VNI: behind the UDP header (8 bytes), flags and what is reserved (4 bytes; RFC 7348 section 5). */
const IDENTIFIER = '@th,96,24';

export function peerTable(project: string, provider: string): TableDefinition {
  return {
    ...tableName('inet', project, `${provider}.tunnels`),
    sets: {
      identifiers: `typeof ${IDENTIFIER} ;`,
      peers4: `typeof ip saddr . ${IDENTIFIER} ;`,
      peers6: `typeof ip6 saddr . ${IDENTIFIER} ;`,
    },
    chains: {
      arrival: {
        hook: 'type filter hook input priority -300',
        rules: { ours: `udp dport ${VXLAN_PORT} ${IDENTIFIER} @identifiers goto sender` },
      },
      sender: {
        rules: {
          peer4: `ip saddr . ${IDENTIFIER} @peers4 accept`,
          peer6: `ip6 saddr . ${IDENTIFIER} @peers6 accept`,
          'not-a-peer': 'counter drop',
        },
      },
    },
  };
}

export function peerElements({ identifier, peers }: Overlay): Elements {
  const sender = (isOfFamily: (address: string) => boolean): string[] =>
    peers
      .map(({ address }) => address)
      .filter(isOfFamily)
      .map((address) => `${address} . ${identifier}`);
  return canonicalElements({
    identifiers: [`${identifier}`],
    peers4: sender((address) => !address.includes(':')),
    peers6: sender((address) => address.includes(':')),
  });
}

/** Networks of ours that go on at other hosts. */
export function spreadNetworks(
  networks: readonly Network[],
): { readonly network: Network; readonly overlay: Overlay }[] {
  return networks.flatMap((network) =>
    network.overlay === undefined ? [] : [{ network, overlay: network.overlay }],
  );
}
