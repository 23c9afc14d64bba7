import { spawn } from 'node:child_process';
import { argumentsIn } from '../command/run.js';
import { PasserelleError } from '../../errors.js';

/**
 * A pcapng stream of what passes the device, from dumpcap, until the signal aborts.
 * @throws PasserelleError `capture/failed` when dumpcap is missing or the device is not there.
 */
export async function* capturePackets(
  namespace: string | undefined,
  device: string,
  signal: AbortSignal,
): AsyncIterable<Uint8Array> {
  const [program = '', ...rest] = argumentsIn(namespace, ['dumpcap', '-q', '-i', device, '-w', '-']);
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
