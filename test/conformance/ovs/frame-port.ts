import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const PROGRAM = fileURLToPath(new URL('frame-port.py', import.meta.url));

/** A machine of the test that says exactly what it is told, frame by frame, on a device of a namespace. */
export class FramePort implements AsyncDisposable {
  readonly received: string[] = [];
  readonly #child: ChildProcess;
  readonly #waiters = new Set<() => void>();

  private constructor(child: ChildProcess) {
    this.#child = child;
  }

  /** @param kind `tap`: behind the tap, as QEMU is; otherwise a host on the device. */
  static async open(
    namespace: string,
    device: string,
    kind: 'device' | 'tap' = 'device',
  ): Promise<FramePort> {
    const what = kind === 'tap' ? ['tap', device] : [device];
    const child = spawn('ip', ['netns', 'exec', namespace, 'python3', '-u', PROGRAM, ...what], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    const port = new FramePort(child);
    const lines = createInterface({ input: child.stdout });
    await once(lines, 'line');
    lines.on('line', (line) => {
      port.received.push(line);
      for (const waiter of port.#waiters) waiter();
    });
    return port;
  }

  send(...frames: readonly Buffer[]): void {
    for (const frame of frames) this.#child.stdin?.write(`${frame.toString('hex')}\n`);
  }

  /** Waits for the frame. @throws Error after three seconds without it. */
  async expect(frame: Buffer): Promise<void> {
    const wanted = frame.toString('hex');
    const has = () => this.received.some((received) => received.startsWith(wanted));
    const signal = AbortSignal.timeout(3000);
    while (!has()) {
      await new Promise<void>((resolve, reject) => {
        const waiter = () => {
          this.#waiters.delete(waiter);
          resolve();
        };
        this.#waiters.add(waiter);
        signal.addEventListener('abort', () => reject(new Error(`${wanted} did not arrive`)), { once: true });
      });
    }
  }

  has(frame: Buffer): boolean {
    return this.received.some((received) => received.startsWith(frame.toString('hex')));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode !== null) return;
    this.#child.kill('SIGKILL');
    await once(this.#child, 'exit');
  }
}

/** Says each frame and then a marker that must arrive: what has not come by then was refused. @returns which came. */
export async function arrivals(
  from: FramePort,
  to: FramePort,
  marker: Buffer,
  frames: readonly Buffer[],
): Promise<boolean[]> {
  from.send(...frames, marker);
  await to.expect(marker);
  return frames.map((frame) => to.has(frame));
}
