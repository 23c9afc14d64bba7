/** A place for a project on VDE, and probes of what passes there: `vde_plug` on its standard input and output. */
import { type ChildProcess, type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encodeStreamFrame, StreamFrameReader } from '../../../src/wire/vde-stream.js';
import type { Places } from '../../../src/places.js';
import { whySkipped } from '../../lab/prerequisites.js';

/** Why these tests are skipped here; undefined when they run. */
export function whyNot(...more: readonly string[]): string | undefined {
  return whySkipped({ programs: ['vde_switch', 'vde_plug', ...more] });
}

export class VdeLab {
  readonly places: Places;
  readonly #directory = mkdtempSync(join(tmpdir(), 'psl-vde-'));
  readonly #probes: Probe[] = [];
  readonly #cables: ChildProcess[] = [];

  constructor(project = 'lab') {
    this.places = {
      runDir: join(this.#directory, 'run', 'passerelle', project),
      stateDir: join(this.#directory, 'state', 'passerelle', project),
    };
  }

  path(name: string): string {
    return join(this.#directory, name);
  }

  /** Plugs in and waits until the switch has it. @param within words before the command: another namespace. */
  async probe(url: string, within: readonly string[] = []): Promise<Probe> {
    const probe = new Probe(url, within);
    this.#probes.push(probe);
    await probe.ready;
    return probe;
  }

  /** A cable of somebody else's, until the end. */
  cable([program = '', ...words]: readonly string[]): ChildProcess {
    // vde_switch in the foreground ends with its input.
    const child = spawn(program, words, { stdio: ['pipe', 'ignore', 'ignore'] });
    this.#cables.push(child);
    return child;
  }

  close(): void {
    for (const cable of this.#cables) cable.kill('SIGKILL');
    for (const probe of this.#probes) probe.close();
    rmSync(this.#directory, { recursive: true, force: true });
  }
}

/** Ethertype of experiments (IEEE 802a). */
const EXPERIMENT = 0x88b5;

export class Probe {
  readonly ready: Promise<void>;
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #seen: string[] = [];
  readonly #frames: Buffer[] = [];
  /** The process has ended. */
  readonly ended: Promise<void>;

  constructor(url: string, within: readonly string[]) {
    const [program, ...words] = [...within, 'vde_plug', url];
    this.#child = spawn(program, words);
    this.#child.stdin.on('error', () => undefined);
    this.ended = new Promise((resolve) => this.#child.once('exit', () => resolve()));
    const reader = new StreamFrameReader((frame) => {
      this.#frames.push(Buffer.from(frame));
      if (frame.readUInt16BE(12) === EXPERIMENT) this.#seen.push(textOf(frame, 14));
      // With a VLAN tag: `42:text`.
      else if (frame.readUInt16BE(12) === 0x8100) {
        this.#seen.push(`${frame.readUInt16BE(14) & 0xfff}:${textOf(frame, 18)}`);
      }
    });
    this.#child.stdout.on('data', (chunk: Buffer) => void reader.push(chunk));
    // It says nothing once it is plugged in; a program that is not there says so.
    this.ready = new Promise((resolve, reject) => {
      this.#child.once('error', reject);
      setTimeout(resolve, 150);
    });
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** Broadcasts a text. */
  say(text: string): void {
    const frame = Buffer.alloc(64);
    frame.fill(0xff, 0, 6);
    frame.set(this.mac, 6);
    frame.writeUInt16BE(EXPERIMENT, 12);
    frame.write(text, 14);
    this.send(frame);
  }

  send(frame: Buffer): void {
    this.#child.stdin.write(encodeStreamFrame(frame));
  }

  /** Where its texts come from. */
  get mac(): Buffer {
    return Buffer.from([0x52, 0x54, 0, 0x99, this.pid >> 8, this.pid & 0xff]);
  }

  /** Every frame that came in. */
  get frames(): readonly Buffer[] {
    return this.#frames;
  }

  /** The texts that came in. */
  get seen(): readonly string[] {
    return this.#seen;
  }

  close(): void {
    this.#child.kill('SIGKILL');
  }
}

function textOf(frame: Buffer, start: number): string {
  return frame.toString('latin1', start).replace(/\0[\s\S]*$/, '');
}
