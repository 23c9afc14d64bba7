/** What the gateway's own table tells of, as resources. Pure. */
import type { NftTable } from '../../clients/nft/listing.js';
import type { Resource } from '../../plan/resource.js';
import { FORWARD_KIND, gatewayTableId, POLICY_KIND, policyId, TABLE_KIND } from './desire.js';
import { elementProperties, elementsByOwner } from './rules/elements.js';
import { PUBLIC_ADDRESS_KIND } from './public/public-addresses.js';
import { observedTable } from './rules/ruleset.js';

/** Kinds of elements that stand and fall with a network's policy. */
const IN_NETWORK: ReadonlySet<string> = new Set([FORWARD_KIND, PUBLIC_ADDRESS_KIND]);

export function tableResources(provider: string, table: NftTable | undefined): Resource[] {
  if (table === undefined) return [];
  const tableId = gatewayTableId(provider);
  return [
    { id: tableId, provider, kind: TABLE_KIND, properties: observedTable(table), needs: [], affects: [] },
    ...elementsByOwner(table).map(
      ({ owner, elements }): Resource => ({
        id: `${provider}/${owner.kind}/${owner.name}`,
        provider,
        kind: owner.kind,
        properties: elementProperties(elements),
        needs: [tableId, ...(IN_NETWORK.has(owner.kind) ? [policyId(provider, owner.serves)] : [])],
        affects: [],
      }),
    ),
  ];
}

/** The devices of networks with a gateway, as far as they still stand. @param existing names of the links that stand. */
export function segmentDevices(
  table: NftTable | undefined,
  existing: ReadonlySet<string>,
): { network: string; device: string }[] {
  const segments = table?.sets.find(({ name }) => name === 'segments')?.elements ?? [];
  return segments.flatMap(({ text, comment }) => {
    const [kind, network] = comment?.split(' ') ?? [];
    const device = text.replaceAll('"', '');
    return kind === POLICY_KIND && network !== undefined && existing.has(device) ? [{ network, device }] : [];
  });
}
