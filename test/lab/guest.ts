import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { CommandChannel, type CommandResult, type RunOptions } from './command-channel.js';
import { ConsoleText } from './console-text.js';

/** Guests share two cores under emulation: more than this and boots take a quarter of a minute. */
export const MAX_GUESTS = 4;
const BOOT_LIMIT_MS = 60_000;
const LAB = fileURLToPath(new URL('.', import.meta.url));

export interface GuestOptions {
  readonly name: string;
  /** QEMU arguments, one list a NIC: `-netdev …`, `-device …`. */
  readonly nics: readonly (readonly string[])[];
  /** `nic0=10.0.0.5/24,via=10.0.0.1` and so on, see guest/configure-nic; what is left out asks DHCP. */
  readonly setup?: readonly string[];
  /** QEMU arguments beyond the NICs. */
  readonly qemu?: readonly string[];
  /** Host programs that the guest shall have too: `socat`, `iperf3`. Busybox's own of the same name goes first. */
  readonly programs?: readonly string[];
  /** Default 128. */
  readonly memoryMiB?: number;
  /** What starts QEMU elsewhere: `['ip', 'netns', 'exec', 'NAME']`. It has to exec. */
  readonly within?: readonly string[];
}

export interface Guest {
  readonly name: string;
  readonly pid: number;
  /** Unix socket of its command channel, which this Guest keeps to itself while it lives. */
  readonly commandSocket: string;
  /** From the start of QEMU to the first answer of the guest's agent, ms. */
  readonly bootMs: number;
  /** All that the console printed, its last 256 KiB. */
  readonly console: ConsoleText;
  run(line: string, options?: RunOptions): Promise<CommandResult>;
  /** Runs a line that has to succeed. @returns its output, trimmed. @throws Error with status and output. */
  must(line: string, options?: RunOptions): Promise<string>;
  /** Waits until every NIC of the start has what `setup` asks for. */
  ready(): Promise<void>;
  /** Waits for a line of the console that has the text or pattern: `eth0 10.0.2.15/24`. Default limit 60,000 ms. */
  waitFor(marker: string | RegExp, timeoutMs?: number): Promise<string>;
  /** Kills QEMU, waits for its end and removes its files. */
  stop(): Promise<void>;
}

const running = new Set<Guest>();
let slots = 0;

/** Makes the guest's kernel and initramfs; quick when they are there. @returns the directory that has them. */
export async function buildMicroGuest(signal: AbortSignal, cacheDir?: string): Promise<string> {
  const directory = cacheDir ?? join(LAB, '../../.cache/lab');
  await promisify(execFile)(join(LAB, 'build-micro-guest'), [directory], { signal });
  return directory;
}

/**
 * The QEMU command line of a micro guest, for a machine's `command:` that somebody else starts; NICs are to be appended.
 * Its command channel is the socket `DIRECTORY/NAME.commands`, for CommandChannel.open.
 */
export async function microGuestCommand(
  name: string,
  directory: string,
  setup: readonly string[] = [],
  programs: readonly string[] = [],
): Promise<string[]> {
  const { stdout } = await promisify(execFile)(join(LAB, 'micro-guest'), ['--print0', name, ...setup], {
    env: { ...process.env, ...(await initrdWith(programs)), MICRO_GUEST_DIR: directory },
  });
  return stdout.split('\0').slice(0, -1);
}

/** `-netdev NETDEV,id=ID` with a virtio NIC on it. */
export function virtioNic(id: string, netdev: string, mac?: string): string[] {
  const [type, ...rest] = netdev.split(',');
  const address = mac === undefined ? [] : [`mac=${mac}`];
  return [
    '-netdev',
    [type, `id=${id}`, ...rest].join(','),
    '-device',
    ['virtio-net-pci', `id=${id}-nic`, `netdev=${id}`, 'romfile=', ...address].join(','),
  ];
}

/**
 * Boots a micro guest and waits until it takes commands; its NICs may still be asking for leases (`ready`).
 * Whatever becomes of the test, QEMU dies with this process at the latest.
 * @param signal aborting it kills the guest, during the start and later.
 */
export async function startGuest(options: GuestOptions, signal: AbortSignal): Promise<Guest> {
  if (slots >= MAX_GUESTS) throw new Error(`at most ${MAX_GUESTS} guests at once: stop one first`);
  slots++;
  try {
    return await boot(options, signal);
  } catch (error) {
    slots--;
    throw error;
  }
}

/** For `afterEach`: nothing survives its test. */
export async function stopAllGuests(): Promise<void> {
  await Promise.all([...running].map((guest) => guest.stop()));
}

/** What tells the micro guest which initramfs has these programs too. */
async function initrdWith(programs: readonly string[], signal?: AbortSignal): Promise<NodeJS.ProcessEnv> {
  if (programs.length === 0) return {};
  const added = await promisify(execFile)(join(LAB, 'add-programs'), [...programs], {
    ...(signal && { signal }),
  });
  return { MICRO_GUEST_INITRD: added.stdout.trim() };
}

async function boot(options: GuestOptions, signal: AbortSignal): Promise<Guest> {
  signal.throwIfAborted();
  const environment = {
    ...process.env,
    ...(await initrdWith(options.programs ?? [], signal)),
    MICRO_GUEST_MEMORY_MIB: String(options.memoryMiB ?? 128),
  };
  const directory = await mkdtemp(join(tmpdir(), 'passerelle-lab-'));
  const startedAtMs = performance.now();
  const within = options.within ?? [];
  const words = [options.name, ...(options.setup ?? []), ...options.nics.flat(), ...(options.qemu ?? [])];
  const dieWithUs = ['--pdeathsig', 'KILL', '--'];
  const qemu = spawn('setpriv', [...dieWithUs, ...within, join(LAB, 'micro-guest'), ...words], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...environment, MICRO_GUEST_DIR: directory },
  });
  const consoleText = new ConsoleText();
  qemu.stdout.on('data', (chunk: Buffer) => consoleText.append(chunk));
  qemu.stderr.on('data', (chunk: Buffer) => consoleText.append(chunk));

  const gone = new AbortController();
  const ended = once(qemu, 'close').then(
    () => gone.abort(new Error(`${options.name}: QEMU ended\n${consoleText.tail()}`)),
    (error: unknown) => gone.abort(error),
  );
  const kill = async (): Promise<void> => {
    qemu.kill('SIGKILL');
    await ended;
    await rm(directory, { recursive: true, force: true });
  };

  const start = AbortSignal.any([signal, gone.signal, AbortSignal.timeout(BOOT_LIMIT_MS)]);
  const commandSocket = join(directory, `${options.name}.commands`);
  const channel = await CommandChannel.open(commandSocket, start).catch(async (error: unknown) => {
    await kill();
    const reason: unknown = start.aborted ? start.reason : error;
    throw new Error(`${options.name} did not start\n${consoleText.tail()}`, { cause: reason });
  });

  const alive = AbortSignal.any([signal, gone.signal]);
  const run: Guest['run'] = (line, runOptions = {}) =>
    channel.run(line, {
      ...runOptions,
      signal: runOptions.signal === undefined ? alive : AbortSignal.any([runOptions.signal, alive]),
    });
  const guest: Guest = {
    name: options.name,
    pid: qemu.pid ?? 0,
    commandSocket,
    bootMs: performance.now() - startedAtMs,
    console: consoleText,
    run,
    must: async (line, runOptions) => {
      const { status, output } = await run(line, runOptions);
      if (status !== 0) throw new Error(`${options.name}: ${line}: exit status ${status}\n${output}`);
      return output.trim();
    },
    ready: async () => {
      await guest.waitFor(`@guest ${options.name} ready`);
    },
    waitFor: (marker, timeoutMs = BOOT_LIMIT_MS) =>
      consoleText.waitFor(marker, AbortSignal.any([alive, AbortSignal.timeout(timeoutMs)])),
    stop: async () => {
      signal.removeEventListener('abort', stopNow);
      channel.close();
      await kill();
      if (running.delete(guest)) slots--;
    },
  };
  const stopNow = (): void => void guest.stop();
  signal.addEventListener('abort', stopNow, { once: true });
  running.add(guest);
  return guest;
}
