/**
 * A host of OVN: an {@link OvsHost} with an ovn-controller of its own, and where it is the central one the two databases and
 * an ovn-northd as well, all in the run directory of the one. Disposal ends the processes by pid and removes everything.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { dial } from '../../../src/clients/ovsdb/remote.js';
import type { OvnHost as EngineHost } from '../../../src/engines/ovn/host.js';
import { whySkipped } from '../../lab/prerequisites.js';
import { OvsHost } from '../ovs/ovs-host.js';

const execute = promisify(execFile);
const SCHEMAS = '/usr/share/ovn';
const READY_LIMIT_MS = 10_000;

export const OVN_PROGRAMS = [
  'nft',
  'dnsmasq',
  'ovsdb-server',
  'ovs-vswitchd',
  'ovs-vsctl',
  'ovn-northd',
  'ovn-controller',
  'ovn-nbctl',
  'ovn-sbctl',
] as const;

/** Why the tests of this folder are skipped here; `undefined` when they run. */
export function lackingForOvn(): string | undefined {
  return whySkipped({ root: true, programs: ['ip', 'busybox', 'socat', ...OVN_PROGRAMS] });
}

export type Daemon = 'ovn-northd' | 'ovn-controller' | 'northbound' | 'southbound';

export class OvnHost implements AsyncDisposable {
  readonly #children = new Map<Daemon, ChildProcess>();

  private constructor(
    readonly ovs: OvsHost,
    /** Name of its chassis. */
    readonly chassis: string,
    private readonly southbound: string,
  ) {}

  /**
   * A host that has everything: databases, ovn-northd, ovn-controller.
   * @param namespace one that stands already and stays; left out, it makes one of its own.
   * @param listen TCP address at which other hosts find the databases; left out: they are on sockets of the host alone.
   */
  static async start(
    options: { readonly namespace?: string; readonly chassis?: string; readonly listen?: string } = {},
  ): Promise<OvnHost> {
    const { namespace } = options;
    const ovs = await OvsHost.start({ switching: true, ...(namespace !== undefined && { namespace }) });
    return OvnHost.#around(ovs, options.chassis ?? 'central', async (host) => {
      await host.startDatabases(options.listen);
      await host.startNorthd();
    });
  }

  /** Makes a host of OVN of one that stands. @param central its databases; absent: they come to live here. */
  static async join(
    ovs: OvsHost,
    chassis: string,
    encapsulationAddress: string,
    central: { readonly address: string; readonly isHere: boolean },
  ): Promise<OvnHost> {
    const southbound = `tcp:${central.address}:6642`;
    return OvnHost.#around(
      ovs,
      chassis,
      async (host) => {
        if (!central.isHere) return;
        await host.startDatabases(central.address);
        await host.startNorthd();
      },
      encapsulationAddress,
      southbound,
    );
  }

  static async #around(
    ovs: OvsHost,
    chassis: string,
    prepare: (host: OvnHost) => Promise<void>,
    encapsulationAddress = '127.0.0.1',
    southbound = `unix:${join(ovs.directory, 'ovnsb_db.sock')}`,
  ): Promise<OvnHost> {
    const host = new OvnHost(ovs, chassis, southbound);
    try {
      await prepare(host);
      await host.run(
        'ovs-vsctl',
        'set',
        'Open_vSwitch',
        '.',
        `external_ids:system-id=${chassis}`,
        `external_ids:ovn-remote="${southbound}"`,
        'external_ids:ovn-encap-type=geneve',
        `external_ids:ovn-encap-ip=${encapsulationAddress}`,
        'external_ids:ovn-bridge-datapath-type=netdev',
      );
      await host.startController();
      return host;
    } catch (error) {
      await host[Symbol.asyncDispose]();
      throw error;
    }
  }

  get namespace(): string {
    return this.ovs.namespace;
  }

  get environment(): NodeJS.ProcessEnv {
    const { directory } = this.ovs;
    return { ...this.ovs.environment, OVN_DBDIR: directory, OVN_LOGDIR: directory };
  }

  /** The host as the engine sees it. */
  get seenByEngine(): EngineHost {
    const { run, namespace, remote, datapath } = this.ovs.seenByEngine;
    return {
      run,
      remote,
      datapath,
      runDirectory: this.ovs.directory,
      ...(namespace !== undefined && { namespace }),
    };
  }

  /** @param listen address for other hosts, at the ports that IANA gave. */
  async startDatabases(listen?: string): Promise<void> {
    for (const [daemon, file, port] of [
      ['northbound', 'ovnnb_db', 6641],
      ['southbound', 'ovnsb_db', 6642],
    ] as const) {
      const database = this.#path(`${file}.db`);
      const schema = join(SCHEMAS, daemon === 'northbound' ? 'ovn-nb.ovsschema' : 'ovn-sb.ovsschema');
      await execute('ovsdb-tool', ['create', database, schema]).catch(() => undefined);
      await this.#spawn(daemon, 'ovsdb-server', [
        database,
        `--remote=punix:${this.#path(`${file}.sock`)}`,
        ...(listen === undefined ? [] : [`--remote=ptcp:${port}:${listen}`]),
        `--unixctl=${this.#path(`${file}.ctl`)}`,
      ]);
      await this.#waitFor(`${file}.sock`);
    }
    await this.run('ovn-nbctl', 'init');
    await this.run('ovn-sbctl', 'init');
  }

  async startNorthd(): Promise<void> {
    await this.#spawn('ovn-northd', 'ovn-northd', [
      `--ovnnb-db=unix:${this.#path('ovnnb_db.sock')}`,
      `--ovnsb-db=unix:${this.#path('ovnsb_db.sock')}`,
      `--unixctl=${this.#path('ovn-northd.ctl')}`,
    ]);
    await this.#waitFor('ovn-northd.ctl');
  }

  /** Waits until it has made its bridge. */
  async startController(): Promise<void> {
    await this.#spawn('ovn-controller', 'ovn-controller', [
      this.ovs.database,
      `--pidfile=${this.#path('ovn-controller.pid')}`,
    ]);
    const signal = AbortSignal.timeout(READY_LIMIT_MS);
    const isReady = async (): Promise<boolean> => {
      const bridges = await this.run('ovs-vsctl', 'list-br');
      return bridges.split('\n').includes('br-int') && (await this.#isChassis());
    };
    while (!(await isReady())) {
      signal.throwIfAborted();
      await sleep(20);
    }
  }

  async stop(daemon: Daemon, how: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    const child = this.#children.get(daemon);
    this.#children.delete(daemon);
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    child.kill(how);
    const slow = setTimeout(() => child.kill('SIGKILL'), 5000);
    await once(child, 'exit');
    clearTimeout(slow);
  }

  /** Runs a program on the host, with its Open vSwitch and OVN as its own. @returns its output. */
  async run(program: string, ...argv: readonly string[]): Promise<string> {
    const words = ['netns', 'exec', this.namespace, program, ...argv];
    const options = { env: this.environment, timeout: 30_000, maxBuffer: 64 * 1024 * 1024 };
    return (await execute('ip', words, options)).stdout;
  }

  /** A line for a shell, as a person would type it. */
  async type(line: string): Promise<string> {
    return this.run('bash', '-euc', line);
  }

  /** What stands in the databases, as text that two moments can be compared by. */
  async dump(): Promise<string> {
    const tables = ['Logical_Switch', 'Logical_Switch_Port', 'DHCP_Options', 'Port_Group', 'ACL', 'QoS'];
    const rows = await Promise.all(
      tables.map((table) => this.run('ovn-nbctl', '--bare', '--columns=_uuid,external_ids', 'list', table)),
    );
    return `${await this.run('ovs-vsctl', 'show')}\n${rows.join('')}`;
  }

  async log(daemon: Daemon): Promise<string> {
    return readFile(this.#path(`${daemon}.log`), 'utf8');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const daemon of ['ovn-controller', 'ovn-northd'] as const) await this.stop(daemon);
    await this.ovs[Symbol.asyncDispose]();
    for (const daemon of ['northbound', 'southbound'] as const) await this.stop(daemon);
  }

  async #isChassis(): Promise<boolean> {
    const options = { env: this.environment, timeout: 10_000 };
    const words = ['netns', 'exec', this.namespace, 'ovn-sbctl', `--db=${this.southbound}`];
    const query = ['--bare', '--columns=name', 'find', 'Chassis', `name=${this.chassis}`];
    return (await execute('ip', [...words, ...query], options)).stdout.trim() !== '';
  }

  #path(name: string): string {
    return join(this.ovs.directory, name);
  }

  async #spawn(daemon: Daemon, program: string, argv: readonly string[]): Promise<void> {
    const output = openSync(this.#path(`${daemon}.log`), 'a');
    const words = ['netns', 'exec', this.namespace, program, ...argv, '-vconsole:info'];
    const child = spawn('ip', words, { env: this.environment, stdio: ['ignore', output, output] });
    closeSync(output);
    this.#children.set(daemon, child);
    await once(child, 'spawn');
  }

  /** Waits until somebody listens on the socket. */
  async #waitFor(name: string): Promise<void> {
    const signal = AbortSignal.timeout(READY_LIMIT_MS);
    for (;;) {
      try {
        (await dial({ kind: 'unix', path: this.#path(name) }, signal)).destroy();
        return;
      } catch (error) {
        if (signal.aborted) throw error;
        await sleep(10);
      }
    }
  }
}
