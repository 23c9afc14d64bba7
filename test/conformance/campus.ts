/**
 * The project that the scenarios run on: a `nat` and an `isolated` network with a machine on both, two `routed` networks,
 * and where the engine has it a `bridge` to the office LAN. Four machines, as many as two cores boot in good time.
 */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { EngineName } from '../../src/topology/topology.js';
import { CommandChannel } from '../lab/command-channel.js';
import { buildMicroGuest, microGuestCommand } from '../lab/guest.js';
import { type Declared, declaredFor } from './capabilities.js';
import { openHost, type TestHost } from './host.js';
import { Stage } from './stage.js';
import { World } from './world.js';

const MACHINES = ['web1', 'db1', 'e1', 'w1'] as const;
type MachineName = (typeof MACHINES)[number];

const BOOT_LIMIT_MS = 120_000;
/** Every NIC that the guest has had its lease. */
const LEASED =
  'for nic in /sys/class/net/eth*; do until [ -e /run/nic/${nic##*/}/done ]; do usleep 50000; done; done';

/** What differs from the campus as it stands first. */
export interface CampusEdit {
  /** Further networks and machines, as lines of the file. */
  readonly networks?: string;
  readonly machines?: string;
  /** Keys of e1's NIC beyond its network and address. */
  readonly e1?: string;
  /** Further keys of web1's NIC on the nat network, a line each. */
  readonly web1?: readonly string[];
  /** Keys of the nat network beyond its own. */
  readonly web?: string;
  /** A further forward to web1, in the short form. */
  readonly forward?: string;
  /** Port of the host that leads to port 9090 of web1. */
  readonly httpPort?: number;
}

export const HTTP_PORT = 9011;
/** Leads to web1 as well, which sees the gateway there instead of the client. */
export const GATEWAY_SHOWN_PORT = 9014;

export class Campus implements AsyncDisposable {
  readonly #channels = new Map<MachineName, CommandChannel>();
  #stood = '';

  private constructor(
    readonly engine: EngineName,
    readonly world: World,
    readonly host: TestHost,
    readonly stage: Stage,
    readonly declared: Partial<Declared>,
    private readonly commands: ReadonlyMap<MachineName, readonly string[]>,
  ) {}

  /** Makes the project real on a host of its own and waits until its machines have their addresses. */
  static async open(engine: EngineName, isRoot: boolean): Promise<Campus> {
    await buildMicroGuest(AbortSignal.timeout(BOOT_LIMIT_MS));
    const world = await World.open();
    const host = await openHost(engine, world, isRoot);
    const stage = await Stage.open(host);
    const commands = await Promise.all(
      MACHINES.map(
        async (name) =>
          [
            name,
            await microGuestCommand(name, stage.directory, [], name === 'web1' ? ['socat'] : []),
          ] as const,
      ),
    );
    const campus = new Campus(engine, world, host, stage, declaredFor(engine, isRoot), new Map(commands));
    try {
      campus.#stood = await campus.standing();
      await campus.edit({});
      // A bridge that takes in a NIC of the host interrupts that.
      await stage.must('up', '--allow-disruption');
      await Promise.all(MACHINES.map((name) => campus.#listenTo(name)));
      return campus;
    } catch (error) {
      await campus[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Name of the project: namespaces and devices are the machine's, and two runs at once must not share them. */
  get project(): string {
    return `campus${process.pid.toString(36)}`;
  }

  get web1(): CommandChannel {
    return this.#channel('web1');
  }
  get db1(): CommandChannel {
    return this.#channel('db1');
  }
  get e1(): CommandChannel {
    return this.#channel('e1');
  }
  get w1(): CommandChannel {
    return this.#channel('w1');
  }

  /** Writes the file anew; `up` is the caller's. */
  async edit(edit: CampusEdit): Promise<void> {
    const {
      networks = '',
      machines = '',
      e1 = '',
      web1 = [],
      web = '',
      forward,
      httpPort = HTTP_PORT,
    } = edit;
    const isBridged = this.declared.bridge === true;
    const command = (name: MachineName): string => `command: ${JSON.stringify(this.commands.get(name))}`;
    await this.stage.write(`project: ${this.project}
engine: ${this.engine}
networks:
  web: { mode: nat, ipv4: 10.10.10.0/24, dns: { domain: campus.internal } ${web && `, ${web}`} }
  back: { mode: isolated, ipv4: 10.10.20.0/24, dhcp: true, dns: { domain: campus.internal } }
  east: { mode: routed, ipv4: 10.20.1.0/24, dns: { domain: campus.internal } }
  west: { mode: routed, ipv4: 10.20.2.0/24, dns: { domain: campus.internal } }
${isBridged ? `  lan: { mode: bridge, uplink: ${this.host.lanUplink} }` : ''}
${networks}
machines:
  web1:
    nics:
      - network: web
        ipv4: 10.10.10.11
        forwards: ["${httpPort}:9090", "9007:7/udp", "9021-9029:9090", "9121-9123:9121-9123"${forward === undefined ? '' : `, "${forward}"`}]
${web1.map((line) => `        ${line}`).join('\n')}
      - { network: back, ipv4: 10.10.20.11 }
    ${command('web1')}
  db1:
    nics: [{ network: back, ipv4: 10.10.20.12 }]
    ${command('db1')}
  e1:
    nics: [{ network: east, ipv4: 10.20.1.11 ${e1 && `, ${e1}`} }]
    ${command('e1')}
  w1:
    nics:
      - { network: west, ipv4: 10.20.2.11 }
${isBridged ? '      - { network: lan }' : ''}
    ${command('w1')}
${machines}
forwards:
  - { listen-port: ${GATEWAY_SHOWN_PORT}, target: web1/0, target-port: 9090, source: gateway }
  - { listen-port: ${GATEWAY_SHOWN_PORT}, target: web1/0, target-port: 7, protocol: udp, source: gateway }
`);
  }

  /** Writes the file anew and makes it so, without interrupting anybody. */
  async up(edit: CampusEdit = {}): Promise<void> {
    await this.edit(edit);
    await this.stage.must('up');
  }

  /** Processes that `up` started beside the machines, by the files that hold their numbers. */
  async processes(): Promise<number[]> {
    const run = join(this.stage.directory, 'run/passerelle', this.project);
    const files = await readdir(run, { recursive: true });
    const pidFiles = files.filter((path) => path.endsWith('.pid') && !path.startsWith('machines/'));
    const texts = await Promise.all(pidFiles.map((path) => readFile(join(run, path), 'utf8')));
    return texts.map((text) => Number.parseInt(text, 10));
  }

  /** What stands on the host, and what stood before anything was up. */
  async standing(): Promise<string> {
    return `${this.world.dump()}\n${await this.host.dump()}`;
  }
  get stoodBefore(): string {
    return this.#stood;
  }

  /** Takes the project down, with its machines. */
  async down(): Promise<void> {
    for (const channel of this.#channels.values()) channel.close();
    await this.stage.must('down', '--purge');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const channel of this.#channels.values()) channel.close();
    await this.stage.close();
    await this.host[Symbol.asyncDispose]();
    await this.world[Symbol.asyncDispose]();
  }

  async #listenTo(name: MachineName): Promise<void> {
    const path = join(this.stage.directory, `${name}.commands`);
    const channel = await CommandChannel.open(path, AbortSignal.timeout(BOOT_LIMIT_MS));
    this.#channels.set(name, channel);
    await channel.must(LEASED, { timeoutMs: BOOT_LIMIT_MS });
  }

  #channel(name: MachineName): CommandChannel {
    const channel = this.#channels.get(name);
    if (channel === undefined) throw new Error(`${name} is not up`);
    return channel;
  }
}
