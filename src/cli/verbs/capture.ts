import { open } from 'node:fs/promises';
import { PasserelleError } from '../../errors.js';
import { engineAndNetworkOf, machineNamed, type Project, readProject } from '../project.js';
import type { Network } from '../../topology/topology.js';
import type { CommonOptions, Session } from '../session.js';

export interface CaptureOptions extends CommonOptions {
  readonly nic?: string;
  readonly output?: string;
}

/** What passes a machine's NIC, or a whole network, as pcapng: `passerelle capture web1 | tshark -r -`. Ends with Ctrl-C. */
export async function captureVerb(session: Session, options: CaptureOptions, name: string): Promise<number> {
  const project = await readProject(session, options);
  const { frames: begin, subject } = framesOf(project, options, name);
  if (options.output === undefined && process.stdout.isTTY) {
    throw new PasserelleError({
      code: 'capture/to-terminal',
      message: 'pcapng is binary and stdout is a terminal',
      fix: `passerelle capture ${name} | tshark -r -, or --output web1.pcapng`,
    });
  }
  const frames = begin(session.signal);
  const file = options.output === undefined ? undefined : await open(options.output, 'w', 0o600);
  if (options.output !== undefined)
    session.notes.write(`capturing ${subject} to ${options.output}; Ctrl-C ends\n`);
  try {
    for await (const chunk of frames) {
      if (file !== undefined) await file.write(chunk);
      else if (!process.stdout.write(chunk)) await drained();
    }
  } catch (error) {
    // Whoever read the pipe has had enough, or Ctrl-C: both are how a capture ends.
    if (!session.signal.aborted && (error as NodeJS.ErrnoException).code !== 'EPIPE') throw error;
  } finally {
    await file?.close();
  }
  return 0;
}

interface Capture {
  readonly frames: (signal: AbortSignal) => AsyncIterable<Uint8Array>;
  /** What is captured, in words. */
  readonly subject: string;
}

function framesOf(project: Project, options: CaptureOptions, name: string): Capture {
  const { machines, networks } = project.topology;
  const network = networks.find((one) => one.name === name);
  if (network !== undefined && !machines.some((one) => one.name === name)) return ofNetwork(project, network);
  const machine = machineNamed(project, name);
  const nic = machine.nics.find(
    (one) => `${one.index}` === (options.nic ?? '0') || one.network === options.nic,
  );
  if (nic === undefined) {
    throw new PasserelleError({
      code: 'capture/unknown-nic',
      message: `${name} has no NIC ${options.nic ?? '0'}`,
      fix: `one of: ${machine.nics.map((one) => `${one.index} (${one.network})`).join(', ')}`,
    });
  }
  const { engine, network: on } = engineAndNetworkOf(project, nic);
  return { subject: nic.id, frames: (signal) => engine.capture(nic, on, signal) };
}

function ofNetwork(project: Project, network: Network): Capture {
  const engine = project.engines.get(network.engine);
  const capture = engine?.captureNetwork?.bind(engine);
  if (capture === undefined) {
    throw new PasserelleError({
      code: 'capture/no-network',
      message: `the engine ${network.engine} captures NICs, not a whole network such as ${network.name}`,
      fix: 'name a machine, or write `engine: ovs` for this network',
    });
  }
  return {
    subject: `network ${network.name}`,
    frames: (signal) => capture(network, signal),
  };
}

function drained(): Promise<void> {
  return new Promise((resolve, reject) => {
    process.stdout.once('drain', resolve);
    process.stdout.once('error', reject);
  });
}
