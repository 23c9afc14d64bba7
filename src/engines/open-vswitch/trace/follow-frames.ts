/**
 * What becomes of the frames that a NIC sends into an Open vSwitch. Theory of operation: the frames are read where they come
 * in, and for each the switch is asked which way it would go (`ofproto/trace`), which takes it some 7 ms and changes nothing.
 * A transfer sends more than that: frames that have waited for a second are not asked about, so that what is told is now.
 * A meter is no flow: what a rate limit drops is told as passed.
 */
import { captureFrames, type Direction } from '../../../clients/dumpcap/capture.js';
import type { Run } from '../../../clients/command/run.js';
import { PasserelleError } from '../../../errors.js';
import type { Network } from '../../../topology/topology.js';
import { formatMac, readEthernetHeader } from '../../../wire/ethernet.js';
import type { PacketFate } from '../../contract.js';
import { summaryOfFrame } from '../../frame-summary.js';
import { hasGatewayHere } from '../../kernel-gateway/desire.js';
import { type FlowWalk, parseFlowWalk } from './flow-walk.js';
import { shortened } from './shortened.js';

/** All headers of a frame, tags and options included. */
const KEPT_BYTES = 192;
const STALE_AFTER_MS = 1000;
/** The switch answers in milliseconds, or hangs. */
const ANSWER_LIMIT_SECONDS = 5;

/** Where the frames of a NIC come in. */
export interface Entry {
  readonly bridge: string;
  /** Kernel name of the port's device. */
  readonly device: string;
  /** Where the device is when it is in a namespace: there, what the machine sends leaves by it. */
  readonly inside: string | null;
  /** The namespace that is taken for the host; absent: the one this process is in. */
  readonly hostNamespace: string | undefined;
}

/** What the switch's answer means; `undefined`: somebody else tells of this frame. */
export type Judge = (frame: Buffer, walk: FlowWalk) => Omit<PacketFate, 'packet'> | undefined;

/**
 * Until the signal aborts.
 * @throws PasserelleError `capture/failed`; `trace/refused` when the switch does not answer.
 */
export async function* followFrames(
  run: Run,
  { bridge, device, inside, hostNamespace }: Entry,
  judge: Judge,
  signal: AbortSignal,
): AsyncIterable<PacketFate> {
  const direction: Direction = inside === null ? 'inbound' : 'outbound';
  const place = inside ?? hostNamespace;
  for await (const { capturedAtMs, bytes } of captureFrames(place, device, direction, KEPT_BYTES, signal)) {
    if (Date.now() - capturedAtMs > STALE_AFTER_MS) continue;
    const walk = await walkOf(run, bridge, device, shortened(bytes), signal).catch(unlessAborted(signal));
    if (walk === undefined) return;
    const fate = judge(bytes, walk);
    if (fate !== undefined) yield { packet: summaryOfFrame(bytes), ...fate };
  }
}

/** The end of following is no failure of the question under way. */
function unlessAborted(signal: AbortSignal): (error: unknown) => undefined {
  return (error) => {
    if (!signal.aborted) throw error;
  };
}

/** The fate of a frame that the switch lets pass: what goes to the gateway of this host is told by the gateway. */
export function passed(frame: Buffer, network: Network): ReturnType<Judge> {
  const header = readEthernetHeader(frame, 0, frame.length);
  const isForGateway = header !== undefined && formatMac(header.destination) === network.gatewayMac;
  if (isForGateway && hasGatewayHere(network)) return undefined;
  return { outcome: 'passed', reason: `into ${network.name}`, isOurs: true };
}

async function walkOf(
  run: Run,
  bridge: string,
  device: string,
  frame: Buffer,
  signal: AbortSignal,
): Promise<FlowWalk> {
  const ask = ['ovs-appctl', `--timeout=${ANSWER_LIMIT_SECONDS}`, 'ofproto/trace'];
  const { stdout, stderr } = await run([...ask, bridge, `in_port=${device}`, frame.toString('hex')], {
    signal,
  });
  const walk = parseFlowWalk(stdout);
  if (walk !== undefined) return walk;
  const [said = ''] = (stderr.trim() || stdout.trim()).split('\n');
  throw new PasserelleError({
    code: 'trace/refused',
    message: `Open vSwitch does not say which way frames of ${device} go: ${said}`,
    fix: `look whether it answers: \`ovs-appctl ofproto/trace ${bridge} in_port=${device}\``,
  });
}
