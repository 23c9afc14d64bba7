import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { openSync, closeSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { runnerIn } from '../../../src/clients/command/run.js';
import { dial, parseRemote, type Remote } from '../../../src/clients/ovsdb/remote.js';
import type { OvsHost as EngineHost } from '../../../src/engines/ovs/host/host.js';
import { whySkipped } from '../../lab/prerequisites.js';

const execute = promisify(execFile);
const SCHEMA_PATH = '/usr/share/openvswitch/vswitch.ovsschema';

/** Why the tests of this folder are skipped here; `undefined` when they run. */
export function lackingForOvs(): string | undefined {
  return whySkipped({
    root: true,
    programs: ['ip', 'nft', 'dnsmasq', 'busybox', 'iperf3', 'ovsdb-server', 'ovs-vswitchd', 'ovs-vsctl'],
  });
}

let hostCount = 0;

/**
 * A host made of a network namespace with an ovsdb-server and an ovs-vswitchd of its own (userspace datapath), each with
 * a run directory and a database of its own. Disposal ends the processes by pid and removes everything.
 */
export class OvsHost implements AsyncDisposable {
  readonly #children = new Map<'ovsdb-server' | 'ovs-vswitchd', ChildProcess>();

  private constructor(
    readonly directory: string,
    readonly namespace: string,
    private readonly ownsNamespace: boolean,
  ) {}

  /** @param options.namespace one that stands already and stays; left out, it makes one of its own. */
  static async start(
    options: { readonly switching: boolean; readonly namespace?: string } = { switching: true },
  ): Promise<OvsHost> {
    const directory = await mkdtemp(join(tmpdir(), 'psl-ovs-'));
    const namespace = options.namespace ?? `pslovs${process.pid}-${hostCount++}`;
    const host = new OvsHost(directory, namespace, options.namespace === undefined);
    try {
      if (host.ownsNamespace) {
        await execute('ip', ['netns', 'add', host.namespace]);
        await host.run('ip', 'link', 'set', 'lo', 'up');
      }
      await execute('ovsdb-tool', ['create', host.#path('conf.db'), SCHEMA_PATH]);
      await host.startDatabase();
      await host.run('ovs-vsctl', '--no-wait', 'init');
      if (options.switching) await host.startSwitch();
      return host;
    } catch (error) {
      await host[Symbol.asyncDispose]();
      throw error;
    }
  }

  get remote(): Remote {
    return parseRemote(this.database);
  }

  /** `unix:PATH` of the database. */
  get database(): string {
    return `unix:${this.#path('db.sock')}`;
  }

  get environment(): NodeJS.ProcessEnv {
    return {
      ...process.env,
      OVS_RUNDIR: this.directory,
      OVN_RUNDIR: this.directory,
      OVS_DBDIR: this.directory,
      OVS_LOGDIR: this.directory,
    };
  }

  /** The host as the engine sees it. */
  get seenByEngine(): EngineHost {
    const inside = runnerIn(this.namespace);
    return {
      // Only its own tools ask where Open vSwitch is.
      run: (argv, options) =>
        inside(
          argv[0]?.startsWith('ovs-') ? ['env', `OVS_RUNDIR=${this.directory}`, ...argv] : argv,
          options,
        ),
      namespace: this.namespace,
      remote: this.remote,
      datapath: 'netdev',
    };
  }

  async startDatabase(): Promise<void> {
    await this.#spawn('ovsdb-server', [
      this.#path('conf.db'),
      `--remote=p${this.database}`,
      '--remote=db:Open_vSwitch,Open_vSwitch,manager_options',
    ]);
    await this.#waitFor('db.sock');
  }

  async startSwitch(): Promise<void> {
    const { pid } = await this.#spawn('ovs-vswitchd', [this.database]);
    await this.#waitFor(`ovs-vswitchd.${pid}.ctl`);
  }

  async stop(program: 'ovsdb-server' | 'ovs-vswitchd', how: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    const child = this.#children.get(program);
    this.#children.delete(program);
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    child.kill(how);
    const slow = setTimeout(() => child.kill('SIGKILL'), 5000);
    await once(child, 'exit');
    clearTimeout(slow);
  }

  /** Runs a program in the host's namespace, with the host's Open vSwitch as its own. @returns its output. */
  async run(program: string, ...argv: readonly string[]): Promise<string> {
    const { stdout } = await execute('ip', ['netns', 'exec', this.namespace, program, ...argv], {
      env: this.environment,
      timeout: 30_000,
      maxBuffer: 64 * 1024 * 1024,
    });
    return stdout;
  }

  /** A line for a shell, as a person would type it. */
  async type(line: string): Promise<string> {
    return this.run('bash', '-euc', line);
  }

  /** From outside: within `ip netns exec` its name would go with that command's mounts. */
  async addNamespace(namespace: string): Promise<void> {
    await execute('ip', ['netns', 'add', namespace]);
  }

  async deleteNamespace(namespace: string): Promise<void> {
    await execute('ip', ['netns', 'del', namespace]);
  }

  async log(program: 'ovsdb-server' | 'ovs-vswitchd'): Promise<string> {
    return readFile(this.#path(`${program}.log`), 'utf8');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop('ovs-vswitchd');
    await this.stop('ovsdb-server');
    if (this.ownsNamespace) await execute('ip', ['netns', 'del', this.namespace]).catch(() => undefined);
    await rm(this.directory, { recursive: true, force: true });
  }

  #path(name: string): string {
    return join(this.directory, name);
  }

  async #spawn(program: 'ovsdb-server' | 'ovs-vswitchd', argv: readonly string[]): Promise<ChildProcess> {
    const output = openSync(this.#path(`${program}.log`), 'a');
    const child = spawn(
      'ip',
      ['netns', 'exec', this.namespace, program, ...argv, '--pidfile', '-vconsole:info'],
      { env: this.environment, stdio: ['ignore', output, output] },
    );
    closeSync(output);
    this.#children.set(program, child);
    await once(child, 'spawn');
    return child;
  }

  /** Waits until somebody listens on the socket. */
  async #waitFor(name: string): Promise<void> {
    const signal = AbortSignal.timeout(5000);
    for (;;) {
      try {
        (await dial({ kind: 'unix', path: this.#path(name) }, signal)).destroy();
        return;
      } catch (error) {
        if (signal.aborted) throw error;
        await sleep(5);
      }
    }
  }
}
