/** A fabric with fake guests: machine `index` has a MAC and an IPv4 address that end in its index. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type {
  FabricNetwork,
  FabricOperation,
  FabricPort,
  FabricPortStatus,
} from '../../src/fabric/control/protocol.js';
import { Fabric } from '../../src/fabric/fabric.js';
import { eventually, FakeGuest } from './fake-guest.js';
import { arp, ethernet, ipv4, macNumber, macOf } from './frames.js';

export class FabricStage {
  readonly #guests: FakeGuest[] = [];

  private constructor(
    readonly directory: string,
    public fabric: Fabric,
  ) {}

  static async open(): Promise<FabricStage> {
    const directory = await mkdtemp(join(tmpdir(), 'psl-fabric-'));
    return new FabricStage(directory, newFabric(directory));
  }

  async close(): Promise<void> {
    await this.fabric.close();
    await Promise.all(this.#guests.map((guest) => guest.close()));
    await rm(this.directory, { recursive: true, force: true });
  }

  /** Ends the fabric and begins another, which knows nothing. */
  async restart(): Promise<void> {
    await this.fabric.close();
    await Promise.all(this.#guests.map((guest) => guest.until(({ isConnected }) => !isConnected, 'end')));
    this.fabric = newFabric(this.directory);
  }

  portOf(index: number, network = 'a', subnet = 0): FabricPort {
    return {
      id: `m${index}/0`,
      network,
      machine: `m${index}`,
      mac: macOf(index),
      ipv4: `10.0.${subnet}.${index}`,
      antiSpoofing: true,
      socketPath: join(this.directory, `m${index}.sock`),
    };
  }

  putPort(index: number, network?: string, subnet?: number): FabricOperation {
    return { put: 'port', value: this.portOf(index, network, subnet) };
  }

  async boot(index: number): Promise<FakeGuest> {
    const guest = await FakeGuest.listen(join(this.directory, `m${index}.sock`));
    this.#guests.push(guest);
    return guest;
  }

  async plugged(...guests: FakeGuest[]): Promise<void> {
    await Promise.all(guests.map((guest) => guest.connected()));
    await eventually(() => this.fabric.status().ports.every(({ connected }) => connected), 'connected ports');
  }

  statusOf(index: number): FabricPortStatus | undefined {
    return this.fabric.status().ports.find(({ id }) => id === `m${index}/0`);
  }
}

function newFabric(stateDir: string): Fabric {
  return new Fabric({ stateDir, version: '1.2.3', log: () => undefined });
}

/** 10.0.SUBNET.0/24, the gateway at .254 with MAC number 0xf0 + SUBNET. */
export function networkNamed(name: string, subnet: number, more: Partial<FabricNetwork> = {}): FabricNetwork {
  return {
    name,
    mode: 'nat',
    mtuBytes: 1500,
    gatewayMac: macOf(0xf0 + subnet),
    hostLoopback: false,
    ipv4: { address: `10.0.${subnet}.0`, prefixLength: 24, gateway: `10.0.${subnet}.254` },
    ...more,
  };
}

export function putNetwork(name: string, subnet: number, more?: Partial<FabricNetwork>): FabricOperation {
  return { put: 'network', value: networkNamed(name, subnet, more) };
}

/** A packet that one machine sends another. */
export function packet(from: number, to: number, subnet = 0, mark = 0): Buffer {
  const payload = ipv4(`10.0.${subnet}.${from}`, 6, Buffer.alloc(30, mark));
  return ethernet(0x0800, payload, macNumber(from), macNumber(to));
}

export function countOf(guest: FakeGuest, wanted: Buffer): number {
  return guest.frames.filter((frame) => frame.equals(wanted)).length;
}

export function arrives(guest: FakeGuest, wanted: Buffer): Promise<void> {
  return guest.until(() => countOf(guest, wanted) > 0, 'expected frame');
}

/** Asks for an address by ARP and waits for the answer. @returns the MAC, a 48-bit number. */
export async function resolves(
  guest: FakeGuest,
  index: number,
  subnet: number,
  target: string,
): Promise<number> {
  const request = arp(1, macNumber(index), `10.0.${subnet}.${index}`);
  request.set(target.split('.').map(Number), 24);
  guest.send(ethernet(0x0806, request, macNumber(index)));
  const isAnswer = (frame: Buffer): boolean =>
    frame.readUInt16BE(12) === 0x0806 &&
    frame.readUInt16BE(20) === 2 &&
    frame.subarray(28, 32).join('.') === target;
  await guest.until(({ frames }) => frames.some(isAnswer), 'ARP answer');
  return guest.frames.find(isAnswer)?.readUIntBE(22, 6) ?? 0;
}
