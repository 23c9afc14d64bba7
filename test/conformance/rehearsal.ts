/**
 * A project file on a host that has every engine, with a micro guest in the place of each machine: what a person does
 * with an example, step by step.
 */
import { join } from 'node:path';
import { parseDocument } from 'yaml';
import type { EngineName } from '../../src/topology/topology.js';
import { CommandChannel } from '../lab/command-channel.js';
import { buildMicroGuest, microGuestCommand } from '../lab/guest.js';
import { openHost, type TestHost } from './host.js';
import { Stage } from './stage.js';
import { World } from './world.js';

const BOOT_LIMIT_MS = 120_000;
/** Every NIC has what it was to ask for. */
const CONFIGURED =
  'for nic in /sys/class/net/eth*; do until [ -e /run/nic/${nic##*/}/done ]; do usleep 50000; done; done';

interface Declared {
  networks: Record<string, { mode: string; dhcp?: unknown }>;
  machines: Record<string, { nics: { network: string }[] }>;
}

export class Rehearsal implements AsyncDisposable {
  readonly #channels = new Map<string, CommandChannel>();

  private constructor(
    readonly world: World,
    readonly host: TestHost,
    readonly stage: Stage,
  ) {}

  /** @param engine whose host it is: by itself that of the one that wants most of the host's own NICs. */
  static async open(engine: EngineName = 'ovs'): Promise<Rehearsal> {
    await buildMicroGuest(AbortSignal.timeout(BOOT_LIMIT_MS));
    const world = await World.open();
    const host = await openHost(engine, world, true);
    return new Rehearsal(world, host, await Stage.open(host));
  }

  /** Writes the file, with a name of its own and guests as machines. @param values to set, by path in the file. */
  async write(
    text: string,
    values: readonly (readonly [path: (string | number)[], value: unknown])[] = [],
  ): Promise<void> {
    const document = parseDocument(text);
    const { networks, machines } = document.toJS() as Declared;
    // Two runs at once must not share names of namespaces.
    document.set('project', `${String(document.get('project'))}${process.pid.toString(36)}`);
    for (const [path, value] of values) document.setIn(path, value);
    for (const [name, { nics }] of Object.entries(machines)) {
      const setup = nics.flatMap(({ network }, index) => {
        const { mode = '', dhcp } = networks[network] ?? {};
        return mode === 'isolated' && dhcp === undefined ? [`nic${index}=none`] : [];
      });
      const command = await microGuestCommand(name, this.stage.directory, setup);
      document.setIn(['machines', name, 'command'], command);
    }
    await this.stage.write(document.toString());
  }

  /** The machine's command channel, once it has its addresses. */
  async machine(name: string): Promise<CommandChannel> {
    const standing = this.#channels.get(name);
    if (standing !== undefined) return standing;
    const path = join(this.stage.directory, `${name}.commands`);
    const channel = await CommandChannel.open(path, AbortSignal.timeout(BOOT_LIMIT_MS));
    this.#channels.set(name, channel);
    await channel.must(CONFIGURED, { timeoutMs: BOOT_LIMIT_MS });
    return channel;
  }

  /** After a change that may have started machines anew. */
  forgetMachines(): void {
    for (const channel of this.#channels.values()) channel.close();
    this.#channels.clear();
  }

  async down(): Promise<void> {
    this.forgetMachines();
    await this.stage.must('down', '--purge');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.forgetMachines();
    await this.stage.close();
    await this.host[Symbol.asyncDispose]();
    await this.world[Symbol.asyncDispose]();
  }
}
