import type { InterfaceAddress } from '../../../clients/iproute/links.js';
import { defaultRouteDevices, type Route } from '../../../clients/iproute/routes.js';
import type { NftTable } from '../../../clients/nft/listing.js';

/** The routes that the LAN's router needs to reach routed networks, as it would be told. Pure. */
export function routeNotes(
  table: NftTable,
  routes: readonly Route[],
  addresses: readonly InterfaceAddress[],
): string[] {
  const textsOf = (set: string): string[] =>
    table.sets.find(({ name }) => name === set)?.elements.map(({ text }) => text) ?? [];
  const routed = new Set(
    textsOf('from_segment').flatMap((text) =>
      text.includes(' : jump from_routed') ? [text.split(' : ')[0]] : [],
    ),
  );
  const bound = new Map(
    textsOf('bound_uplinks').map((text) => text.split(' . ') as [device: string, uplink: string]),
  );
  return ([4, 6] as const).flatMap((family) => {
    const [byDefault] = defaultRouteDevices(routes, family);
    const hostOn = (uplink: string | undefined): string | undefined =>
      addresses.find(
        (candidate) =>
          candidate.ifname === uplink && candidate.family === family && candidate.scope === 'global',
      )?.address;
    return textsOf(`subnets${family}`).flatMap((text) => {
      const [device, block] = text.split(' . ');
      if (!routed.has(device) || block === undefined) return [];
      const host = hostOn(bound.get(device ?? '')?.replaceAll('"', '') ?? byDefault);
      return [`the LAN's router needs the route: ip route add ${block} via ${host ?? "this host's address"}`];
    });
  });
}
