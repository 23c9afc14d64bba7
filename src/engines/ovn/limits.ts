/**
 * Rate limits as QoS rows of the logical switch: meters of the switch, on whichever host the machine is. Pure.
 */
import type { Resource } from '../../plan/resource.js';
import type { Network, Nic } from '../../topology/topology.js';
import { bitsPerSecond, burstKbits } from '../open-vswitch/rates.js';
import { nicPortName, resourceId, switchName } from './identity.js';
import { nicOptions } from './options.js';
import { type LimitProperties, makeResource } from './resources.js';

export function limitsOf(project: string, nic: Nic, network: Network): Resource[] {
  const { 'rate-limit': out, 'rate-limit-in': inwards } = nicOptions(nic);
  const port = nicPortName(project, nic.id);
  const limit = (
    what: 'out' | 'in',
    text: string | undefined,
    rest: Pick<LimitProperties, 'direction' | 'match'>,
  ): Resource[] => {
    if (text === undefined) return [];
    const rateKbps = bitsPerSecond(text) / 1000;
    return [
      makeResource(
        'limit',
        `${nic.id}/${what}`,
        { switch: switchName(project, network.name), ...rest, rateKbps, burstKbits: burstKbits(rateKbps) },
        {
          needs: [resourceId('logical-port', nic.id)],
          affects: [nic.machine],
          reason: what === 'out' ? `${nic.id} sends ${text} at most` : `${nic.id} is sent ${text} at most`,
          source: nic.source,
        },
      ),
    ];
  };
  return [
    ...limit('out', out, { direction: 'from-lport', match: `inport == "${port}"` }),
    ...limit('in', inwards, { direction: 'to-lport', match: `outport == "${port}"` }),
  ];
}
