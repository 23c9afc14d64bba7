import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import type { FabricClient } from '../../../clients/fabric/client.js';
import type { TracedFrame } from '../../../fabric/control/protocol.js';
import type { Nic } from '../../../topology/topology.js';
import type { PacketFate } from '../../contract.js';
import { summaryOfFrame } from '../../frame-summary.js';
import { REASONS } from './reasons.js';

/** What becomes of the frames that a NIC sends into the fabric, until the signal aborts or the fabric ends. */
export async function* tracePackets(
  fabric: FabricClient,
  nic: Nic,
  signal: AbortSignal,
): AsyncIterable<PacketFate> {
  const lines = createInterface({ input: Readable.from(fabric.trace(nic.id, signal)) });
  for await (const line of lines) yield fateOf(JSON.parse(line) as TracedFrame, nic);
}

export function fateOf({ head, reason }: TracedFrame, nic: Nic): PacketFate {
  const packet = summaryOfFrame(Buffer.from(head, 'base64'));
  if (reason === undefined) return { packet, outcome: 'passed', reason: `into ${nic.network}`, isOurs: true };
  return {
    packet,
    outcome: 'dropped',
    reason: REASONS[reason] ?? reason,
    rule: `fabric ${nic.network} ${reason}`,
    isOurs: true,
  };
}
