import { followPackets } from '../../../clients/nft/follow-packets.js';
import type { Nic } from '../../../topology/topology.js';
import type { PacketFate } from '../../contract.js';
import { markingTable } from './marking.js';
import { PacketFates } from './packet-fates.js';

/**
 * What becomes of packets from and for a NIC in the rules of the kernel, ours and others', until the signal aborts.
 * @throws PasserelleError `trace/refused` where nftables cannot follow packets.
 */
export async function* tracePackets(
  namespace: string | undefined,
  project: string,
  nic: Nic,
  signal: AbortSignal,
): AsyncIterable<PacketFate> {
  const table = markingTable(project, nic, process.pid);
  const fates = new PacketFates(project, table.name);
  for await (const line of followPackets(namespace, table, signal)) {
    const fate = fates.see(line);
    if (fate !== undefined) yield fate;
  }
}
