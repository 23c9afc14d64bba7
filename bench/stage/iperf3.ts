/** One TCP transfer by iperf3 between two places. */
import { addressOf } from './fabric.js';
import type { Namespace } from './namespaces.js';
import { runProcess, startProcess, waitForOutput } from './processes.js';
import type { Scope } from './scope.js';

const PORT = '5201';
/** Left out at the beginning, while windows open. */
const WARM_UP_SECONDS = 1;
/** Less than this is a transfer that stands still, in bits per second. */
const STALLED_BELOW = 1e6;

/** Which way the payload goes. */
export type Direction = 'to-server' | 'to-client';

export interface Transfer {
  /** Runs a command where the client is. @returns its standard output. */
  readonly runClient: (argv: readonly string[], timeoutMs: number) => Promise<string>;
  /** Runs a command where the server is. */
  readonly server: (argv: readonly string[]) => string[];
  /** What the server listens on. */
  readonly listenAddress: string;
  /** What the client connects to. */
  readonly address: string;
  readonly direction: Direction;
  readonly seconds: number;
}

interface Outcome {
  readonly error?: string;
  readonly end?: { readonly sum_received?: { readonly bits_per_second?: number } };
}

/** @returns bits per second of payload, as the receiver counted them. @throws Error when it stands still. */
export async function transferTcp(scope: Scope, transfer: Transfer): Promise<number> {
  return scope.within(async (inner) => {
    const serverArguments = ['iperf3', '-s', '-1', '--forceflush', '-B', transfer.listenAddress, '-p', PORT];
    const server = startProcess(inner, transfer.server(serverArguments));
    await waitForOutput(inner, server, 'Server listening');
    const argv = [
      'iperf3',
      '-J',
      '-c',
      transfer.address,
      '-p',
      PORT,
      '-t',
      String(transfer.seconds),
      '-O',
      String(WARM_UP_SECONDS),
      ...(transfer.direction === 'to-client' ? ['-R'] : []),
    ];
    const limitMs = (transfer.seconds + WARM_UP_SECONDS + 6) * 1000;
    const output = await transfer.runClient(argv, limitMs).catch((error: unknown) => {
      throw new Error(`stands still (${shortly(error)})`, { cause: error });
    });
    const outcome = JSON.parse(output) as Outcome;
    const rate = outcome.end?.sum_received?.bits_per_second ?? 0;
    if (outcome.error !== undefined) throw new Error(`iperf3: ${outcome.error}`);
    if (rate < STALLED_BELOW) throw new Error(`stands still: ${Math.round(rate)} bit/s`);
    return rate;
  });
}

/** From machine 1 to machine 2. */
export function transferBetween(
  scope: Scope,
  [client, server]: readonly [Namespace, Namespace],
  seconds: number,
): Promise<number> {
  return transferTcp(scope, {
    runClient: (argv, timeoutMs) => runProcess(scope, client.within(argv), { timeoutMs }),
    server: server.within,
    listenAddress: addressOf(2),
    address: addressOf(2),
    direction: 'to-server',
    seconds,
  });
}

/** iperf3's own words, without its JSON around them. */
function shortly(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return /"error":\s*"([^"]*)"/.exec(text)?.[1] ?? text.replace(/^.*?: (?=not done|ended)/, '').slice(0, 80);
}
