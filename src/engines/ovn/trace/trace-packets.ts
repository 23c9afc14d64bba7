/** What becomes of packets of a NIC: in OVN by the flows of the integration bridge, in the gateway by the rules of the kernel. */
import type { Network, Nic } from '../../../topology/topology.js';
import { PasserelleError } from '../../../errors.js';
import type { PacketFate } from '../../contract.js';
import { hasGatewayHere } from '../../kernel-gateway/desire.js';
import { tracePackets } from '../../kernel-gateway/trace/trace-packets.js';
import { namespaceOf } from '../../open-vswitch/inside.js';
import { type FlowWalk, flowText } from '../../open-vswitch/trace/flow-walk.js';
import { followFrames, type Judge, passed } from '../../open-vswitch/trace/follow-frames.js';
import { NO_CHASSIS } from '../execute.js';
import { type OvnHost, openLocal, readChassis } from '../host.js';
import { ownerOf } from '../identity.js';
import { nicOptions } from '../options.js';
import { reasonOf } from './reasons.js';

/** One stream of OVN, and one of the gateway where the network's is on this host. */
export function traceOvn(
  host: OvnHost,
  project: string,
  nic: Nic,
  network: Network,
  signal: AbortSignal,
): readonly AsyncIterable<PacketFate>[] {
  return [
    switched(host, project, nic, network, signal),
    ...(hasGatewayHere(network) ? [tracePackets(host.namespace, project, nic, signal)] : []),
  ];
}

async function* switched(
  host: OvnHost,
  project: string,
  nic: Nic,
  network: Network,
  signal: AbortSignal,
): AsyncIterable<PacketFate> {
  const entry = {
    bridge: await integrationBridge(host, signal),
    device: nic.interfaceName,
    inside: namespaceOf(ownerOf(project), { nic, options: nicOptions(nic) }),
    hostNamespace: host.namespace,
  };
  yield* followFrames(host.run, entry, judgeFor(network, nic), signal);
}

async function integrationBridge(host: OvnHost, signal: AbortSignal): Promise<string> {
  const database = await openLocal(host, signal);
  try {
    const chassis = await readChassis(database, signal);
    if (chassis === undefined) throw new PasserelleError(NO_CHASSIS);
    return chassis.bridge;
  } finally {
    database.close();
  }
}

/** The fate that the flows say. */
export function judgeFor(network: Network, nic: Pick<Nic, 'mac'>): Judge {
  return (frame, walk) => (walk.actions === 'drop' ? endedBy(walk, frame, nic) : passed(frame, network));
}

function endedBy({ bridge, steps }: FlowWalk, frame: Buffer, nic: Pick<Nic, 'mac'>): ReturnType<Judge> {
  const last = steps.at(-1);
  const reason = last === undefined ? undefined : reasonOf(last, frame, nic);
  // The cookie is the beginning of the logical flow's UUID (ovn-architecture(7)).
  const logical = last === undefined || last.cookie === '0x0' ? '' : `, logical flow ${last.cookie}`;
  return {
    outcome: 'dropped',
    reason: reason ?? "not by Passerelle: a logical flow of somebody else's",
    rule: `ovn ${flowText(bridge, last)}${logical}`,
    isOurs: reason !== undefined,
  };
}
