import { capturePackets } from '../../clients/dumpcap/capture.js';
import type { Nic } from '../../topology/topology.js';
import type { OvsHost } from './host.js';
import { namespaceOf } from './inside.js';

/**
 * A pcapng stream of what passes the NIC. It is read from the NIC's own device, where both datapaths show every frame
 * both ways, also those that a flow then refuses: a mirror of the port would show the same and change the switch for it.
 */
export function captureNic(
  host: OvsHost,
  project: string,
  nic: Nic,
  signal: AbortSignal,
): AsyncIterable<Uint8Array> {
  const namespace = namespaceOf(project, nic) ?? host.namespace;
  return capturePackets(namespace, nic.interfaceName, signal);
}
