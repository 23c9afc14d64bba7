import { anySignal } from '../../abort-signals.js';
import type { PacketFate, PacketSummary } from '../../engines/contract.js';
import { PasserelleError } from '../../errors.js';
import { paint, type Screen } from '../output/style.js';
import { engineAndNetworkOf, machineNamed, type Project, readProject } from '../project.js';
import type { CommonOptions, Session } from '../session.js';

export interface TraceOptions extends CommonOptions {
  readonly all?: boolean;
}

/** Why packets of a machine do not arrive: each that ends, with the rule that ended it, ours or another's. Ends with Ctrl-C. */
export async function traceVerb(session: Session, options: TraceOptions, name: string): Promise<number> {
  const project = await readProject(session, options);
  const machine = machineNamed(project, name);
  const able: Begin[] = [];
  for (const nic of machine.nics) {
    const { engine, network } = engineAndNetworkOf(project, nic);
    const trace = engine.trace?.bind(engine);
    if (trace !== undefined) able.push((signal) => trace(nic, network, signal));
    else session.notes.write(`${nic.id} is not followed: ${String(engine.capabilities.trace)}\n`);
  }
  if (able.length === 0) {
    throw new PasserelleError({
      code: 'trace/not-here',
      message: `no network of ${name} has an engine that follows packets`,
    });
  }
  session.notes.write(`following packets of ${name}; Ctrl-C ends\n`);
  const names = deviceNames(project);
  // Where one fails, nobody waits for the others.
  const failure = new AbortController();
  const signal = anySignal([session.signal, failure.signal]);
  try {
    const streams = able.flatMap((begin) => begin(signal));
    await Promise.all(streams.map((stream) => tell({ ...session, signal }, options, stream, names)));
  } finally {
    failure.abort();
  }
  return 0;
}

type Begin = (signal: AbortSignal) => readonly AsyncIterable<PacketFate>[];

/** Kernel name of a device -> what it is in the file. */
type DeviceNames = ReadonlyMap<string, string>;

function deviceNames({ topology }: Project): DeviceNames {
  return new Map([
    ...topology.networks.map(({ name, interfaceName }) => [interfaceName, `into ${name}`] as const),
    ...topology.machines.flatMap(({ nics }) =>
      nics.map(({ id, interfaceName }) => [interfaceName, `to ${id}`] as const),
    ),
  ]);
}

async function tell(
  session: Session,
  { all }: TraceOptions,
  stream: AsyncIterable<PacketFate>,
  names: DeviceNames,
): Promise<void> {
  try {
    for await (const fate of stream) {
      if (fate.outcome === 'passed' && all !== true) continue;
      const at = new Date();
      if (session.format === 'json') session.out.write(`${JSON.stringify({ at, ...fate })}\n`);
      else session.out.write(`${lineOf(session.out, at, fate, names)}\n`);
    }
  } catch (error) {
    // Ctrl-C is how following ends.
    if (!session.signal.aborted) throw error;
  }
}

const COLOURS = { passed: 'green', dropped: 'red', refused: 'yellow' } as const;

function lineOf(screen: Screen, at: Date, fate: PacketFate, names: DeviceNames): string {
  const { packet, outcome, reason, rule } = fate;
  const time = at.toTimeString().slice(0, 8);
  const way = outcome === 'passed' ? wayOf(fate, names) : [];
  const ending = [...way, ...(reason === undefined ? [] : [reason])].join(', ');
  const where = rule === undefined ? '' : ` ${paint(screen, 'dim', `[${rule}]`)}`;
  return `${time}  ${packetText(packet)}  ${paint(screen, COLOURS[outcome], outcome)}: ${ending}${where}`;
}

function wayOf({ device, reason }: PacketFate, names: DeviceNames): string[] {
  if (device !== undefined) return [names.get(device) ?? `by ${device}`];
  return reason === undefined ? ['to this host itself'] : [];
}

function packetText({ source, target, protocol, sourcePort, targetPort, detail }: PacketSummary): string {
  const end = (address: string, port: number | undefined): string =>
    port === undefined ? address : address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
  const kind = detail === undefined ? protocol : `${protocol} ${detail}`;
  return `${end(source, sourcePort)} > ${end(target, targetPort)} ${kind}`;
}
