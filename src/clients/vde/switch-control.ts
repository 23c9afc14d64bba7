/** The commands of a vde_switch that an engine needs, typed. Each one is one round trip on its management socket. */
import { PasserelleError } from '../../errors.js';
import type { ManagementAnswer, ManagementClient } from './management-client.js';
import {
  parseIdentity,
  parsePortTable,
  parseSetting,
  parseVlanTable,
  type SwitchIdentity,
  type SwitchPort,
} from './tables.js';

/** Frames without a tag are dropped on a port whose VLAN this is (NOVLAN in vde_switch's port.c). */
export const NO_VLAN = 4095;

export interface SwitchSettings {
  readonly portCount: number;
  readonly isHub: boolean;
  /** Whether it speaks the fast spanning tree protocol. */
  readonly speaksFstp: boolean;
}

/** All of it throws what ManagementClient.command throws, and PasserelleError `vde/refused` for a refusal. */
export class SwitchControl {
  readonly #client: ManagementClient;
  readonly #signal: AbortSignal;

  constructor(client: ManagementClient, signal: AbortSignal) {
    this.#client = client;
    this.#signal = signal;
  }

  async identity(): Promise<SwitchIdentity | undefined> {
    return parseIdentity((await this.run('showinfo')).data);
  }

  async settings(): Promise<SwitchSettings> {
    const ports = (await this.run('port/showinfo')).data;
    const tree = (await this.run('fstp/showinfo')).data;
    return {
      portCount: Number(parseSetting(ports, 'Numports') ?? 0),
      isHub: parseSetting(ports, 'HUB') === 'true',
      speaksFstp: parseSetting(tree, 'FSTP') === 'true',
    };
  }

  /** Every port that exists. One that is plugged without having been made exists from then on. */
  async ports(): Promise<SwitchPort[]> {
    const all = await this.run('port/allprint');
    if (!all.isTruncated) return parsePortTable(all.data);
    // Some hundred ports are more than the switch can say at once.
    const { portCount } = await this.settings();
    const ports: SwitchPort[] = [];
    for (let number = 0; number <= portCount; number++) {
      const port = await this.port(number);
      if (port !== undefined) ports.push(port);
    }
    return ports;
  }

  /** @returns undefined when there is no such port. */
  async port(number: number): Promise<SwitchPort | undefined> {
    const answer = await this.#client.command(`port/allprint ${number}`, this.#signal);
    return answer.errno === 0 ? parsePortTable(answer.data)[0] : undefined;
  }

  /** VLAN -> ports that take part in it with a tag. @throws PasserelleError `vde/answer-truncated`. */
  async vlans(): Promise<ReadonlyMap<number, ReadonlySet<number>>> {
    const answer = await this.run('vlan/allprint');
    if (!answer.isTruncated) return parseVlanTable(answer.data);
    throw new PasserelleError({
      code: 'vde/answer-truncated',
      message: 'the switch has more ports than it can tell of in one answer',
      fix: 'spread the machines over several networks, or write `engine: linux`',
    });
  }

  async setPortCount(count: number): Promise<void> {
    await this.run(`port/setnumports ${count}`);
  }

  async setFstp(isOn: boolean): Promise<void> {
    await this.run(`fstp/setfstp ${isOn ? 1 : 0}`);
  }

  async setHub(isOn: boolean): Promise<void> {
    await this.run(`port/sethub ${isOn ? 1 : 0}`);
  }

  /** A port made so is never given to somebody who asks for any. */
  async createPort(number: number): Promise<void> {
    await this.run(`port/create ${number}`);
  }

  /** @throws PasserelleError `vde/refused` while something is plugged in. */
  async removePort(number: number): Promise<void> {
    await this.run(`port/remove ${number}`);
  }

  /** Unplugs one of those on a port. */
  async closeEndpoint(number: number, endpointId: number): Promise<void> {
    await this.run(`port/epclose ${number} ${endpointId}`);
  }

  async createVlan(vlan: number): Promise<void> {
    await this.run(`vlan/create ${vlan}`);
  }

  async removeVlan(vlan: number): Promise<void> {
    await this.run(`vlan/remove ${vlan}`);
  }

  /** @param vlan one that exists, or NO_VLAN. */
  async setUntaggedVlan(number: number, vlan: number): Promise<void> {
    await this.run(`port/setvlan ${number} ${vlan}`);
  }

  async addTaggedVlan(number: number, vlan: number): Promise<void> {
    await this.run(`vlan/addport ${vlan} ${number}`);
  }

  async removeTaggedVlan(number: number, vlan: number): Promise<void> {
    await this.run(`vlan/delport ${vlan} ${number}`);
  }

  /** One command that has to succeed. */
  async run(command: string): Promise<ManagementAnswer> {
    const answer = await this.#client.command(command, this.#signal);
    if (answer.errno === 0) return answer;
    throw new PasserelleError({
      code: 'vde/refused',
      message: `vde_switch refused \`${command}\`: ${answer.text} (${answer.errno})`,
    });
  }
}
