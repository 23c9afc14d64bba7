/** Who is the gateway of a network, and by which cable it is reached. Pure. */
import { builtProgram } from '../../built-program.js';
import type { Places } from '../../places.js';
import type { Network } from '../../topology/topology.js';
import type { GatewayCable } from './desire.js';
import { GATEWAY_CABLE, hasGateway } from './gateway/objects.js';
import { tapId } from './kernel/tap.js';
import { networkFiles, patchSocket } from './network-files.js';

/**
 * With root the kernel leads out, since machines are then seen as themselves and nothing is copied through a process. An
 * isolated network is served by the fabric in any case: it has no way to the host that would have to be closed.
 */
export function gatewayKindOf(network: Network, isRoot: boolean): 'fabric' | 'kernel' | undefined {
  if (!hasGateway(network)) return undefined;
  return isRoot && network.mode !== 'isolated' ? 'kernel' : 'fabric';
}

export function gatewayCableOf(places: Places, network: Network, isRoot: boolean): GatewayCable | undefined {
  const reason = `cable from ${network.name} to its gateway`;
  switch (gatewayKindOf(network, isRoot)) {
    case undefined:
      return undefined;
    case 'kernel':
      return {
        name: GATEWAY_CABLE,
        end: [`tap://${network.interfaceName}`],
        needs: [tapId(network)],
        reason,
      };
    case 'fabric': {
      const panel = patchSocket(networkFiles(places, network.name));
      const end = ['=', process.execPath, builtProgram('engines/vde/patch/main.js'), panel];
      return { name: GATEWAY_CABLE, end, needs: [], reason };
    }
  }
}
