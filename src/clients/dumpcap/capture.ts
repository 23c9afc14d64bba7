import { spawn } from 'node:child_process';
import { argumentsIn } from '../command/run.js';
import { PasserelleError } from '../../errors.js';
import { type CapturedFrame, PcapReader } from '../../wire/pcap.js';

/** Which frames of a device, as the host it is on sees it: those that come by it, or those that leave by it. */
export type Direction = 'inbound' | 'outbound';

/**
 * A pcapng stream of what passes the device, from dumpcap, until the signal aborts.
 * @throws PasserelleError `capture/failed` when dumpcap is missing or the device is not there.
 */
export function capturePackets(
  namespace: string | undefined,
  device: string,
  signal: AbortSignal,
): AsyncIterable<Uint8Array> {
  return dumpcap(namespace, device, [], signal);
}

/**
 * The beginnings of the frames that pass the device in one direction, as they come, until the signal aborts.
 * @param keptBytes how much of each is kept.
 * @throws PasserelleError `capture/failed` when dumpcap is missing or the device is not there.
 */
export async function* captureFrames(
  namespace: string | undefined,
  device: string,
  direction: Direction,
  keptBytes: number,
  signal: AbortSignal,
): AsyncIterable<CapturedFrame> {
  const reader = new PcapReader();
  const options = ['-P', '-f', direction, '-s', String(keptBytes)];
  for await (const chunk of dumpcap(namespace, device, options, signal)) yield* reader.push(chunk);
}

async function* dumpcap(
  namespace: string | undefined,
  device: string,
  options: readonly string[],
  signal: AbortSignal,
): AsyncIterable<Buffer> {
  // It ends with us, however we end: on a quiet device it would notice only with the next frame.
  const ending = ['setpriv', '--pdeathsig', 'TERM'];
  const argv = [...ending, 'dumpcap', '-q', '-i', device, ...options, '-w', '-'];
  const [program = '', ...rest] = argumentsIn(namespace, argv);
  const child = spawn(program, rest, { stdio: ['ignore', 'pipe', 'pipe'] });
  const stderr: Buffer[] = [];
  child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk));
  const ended = new Promise<{ code: number | null; cause?: Error }>((resolve) => {
    child.on('error', (cause) => resolve({ code: null, cause }));
    child.on('close', (code) => resolve({ code }));
  });
  const stop = (): void => void child.kill('SIGTERM');
  signal.addEventListener('abort', stop, { once: true });
  try {
    for await (const chunk of child.stdout) yield chunk as Buffer;
  } finally {
    signal.removeEventListener('abort', stop);
    child.kill('SIGTERM');
  }
  const { code, cause } = await ended;
  if (signal.aborted || code === 0) return;
  throw new PasserelleError(
    {
      code: 'capture/failed',
      message: `dumpcap did not capture on ${device}: ${cause?.message ?? Buffer.concat(stderr).toString('utf8').trim()}`,
      fix: 'apt-get install wireshark-common, and `passerelle up` so that the NIC is there',
    },
    1,
    { cause },
  );
}
