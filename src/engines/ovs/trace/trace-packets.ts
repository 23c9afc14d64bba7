/** What becomes of packets of a NIC: in the switch by its flows, in the gateway by the rules of the kernel. */
import type { Network, Nic } from '../../../topology/topology.js';
import type { PacketFate } from '../../contract.js';
import { hasGatewayHere } from '../../kernel-gateway/desire.js';
import { tracePackets } from '../../kernel-gateway/trace/trace-packets.js';
import { type FlowWalk, flowText } from '../../open-vswitch/trace/flow-walk.js';
import { followFrames, type Judge, passed } from '../../open-vswitch/trace/follow-frames.js';
import type { OvsHost } from '../host/host.js';
import { namespaceOfNic } from '../host/places.js';
import { nicOptions } from '../options.js';
import { isOurCookie } from '../identity.js';
import { reasonOf } from './reasons.js';

/** One stream of the switch, and one of the gateway where the network's is on this host. */
export function traceOvs(
  { run, namespace }: OvsHost,
  project: string,
  nic: Nic,
  network: Network,
  signal: AbortSignal,
): readonly AsyncIterable<PacketFate>[] {
  const entry = {
    bridge: network.interfaceName,
    device: nic.interfaceName,
    inside: namespaceOfNic(project, nic),
    hostNamespace: namespace,
  };
  return [
    followFrames(run, entry, judgeFor(network, nicOptions(nic).isolated ?? false), signal),
    ...(hasGatewayHere(network) ? [tracePackets(namespace, project, nic, signal)] : []),
  ];
}

/** The fate that the flows say. */
export function judgeFor(network: Network, isIsolated: boolean): Judge {
  return (frame, walk) => (walk.actions === 'drop' ? endedBy(walk, isIsolated) : passed(frame, network));
}

function endedBy({ bridge, steps, remark }: FlowWalk, isIsolated: boolean): ReturnType<Judge> {
  const last = steps.at(-1);
  const isOurs = last !== undefined && isOurCookie(last.cookie);
  const reason = (isOurs ? reasonOf(steps) : undefined) ?? switchedNowhere(remark, isIsolated);
  return {
    outcome: 'dropped',
    reason: isOurs ? reason : `not by Passerelle: ${reason}`,
    rule: `ovs ${flowText(bridge, last)}`,
    isOurs,
  };
}

/** @param remark of the learning switch, which says why it drops, but not why a port is none that it may use. */
function switchedNowhere(remark: string | undefined, isIsolated: boolean): string {
  if (remark?.includes('drop')) return `the switch: ${remark}`;
  return isIsolated ? 'isolated NICs do not reach one another' : 'the switch has nowhere to send it';
}
