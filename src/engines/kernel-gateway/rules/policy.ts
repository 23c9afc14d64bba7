/** What a network may reach, as elements of the gateway's sets. Pure. */
import type { Network } from '../../../topology/topology.js';
import { canonicalElements, type Elements } from './elements.js';

export function policyElements(network: Network): Elements {
  const device = `"${network.interfaceName}"`;
  const within = { same_segment: [`${device} . ${device}`] };
  switch (network.mode) {
    case 'bridge':
      return within;
    case 'isolated':
      return canonicalElements({
        ...within,
        closed: [device],
        from_segment: [`${device} : goto shut`],
        into_segment: [`${device} : goto shut`],
      });
    case 'nat': {
      const translatesIpv6 = network.options['ipv6-nat'] !== false;
      return canonicalElements({
        ...within,
        ...gatewayElements(network, device),
        masquerade4: blocksOf(network.ipv4),
        masquerade6: translatesIpv6 ? blocksOf(network.ipv6) : [],
        from_segment: [`${device} : jump ${isBound(network) ? 'from_nat_bound' : 'from_nat'}`],
        into_segment: [`${device} : goto ${translatesIpv6 ? 'into_nat' : 'into_nat4'}`],
      });
    }
    case 'routed':
      return canonicalElements({
        ...within,
        ...gatewayElements(network, device),
        from_segment: [`${device} : jump ${isBound(network) ? 'from_routed_bound' : 'from_routed'}`],
        into_segment: [`${device} : goto into_routed`],
      });
  }
}

function gatewayElements(network: Network, device: string): Elements {
  return {
    segments: [device],
    subnets4: blocksOf(network.ipv4).map((block) => `${device} . ${block}`),
    subnets6: blocksOf(network.ipv6).map((block) => `${device} . ${block}`),
    bound_uplinks: isBound(network) ? [`${device} . "${network.uplink}"`] : [],
  };
}

/** It leaves by one device of the host only. */
function isBound({ uplink }: Network): boolean {
  return uplink !== undefined && uplink !== 'default';
}

export function blockOf(subnet: { readonly address: string; readonly prefixLength: number }): string {
  return `${subnet.address}/${subnet.prefixLength}`;
}

function blocksOf(subnet: Network['ipv4']): string[] {
  return subnet === undefined ? [] : [blockOf(subnet)];
}
