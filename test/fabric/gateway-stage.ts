/**
 * Gateways on a stage: real gateways and router, with recorders where the switch, the NAT and the servers would be.
 * Tests send frames as a machine would and look at the frames that come out.
 */
import { Gateway } from '../../src/fabric/gateway/gateway.js';
import type { GatewayLink, Nat } from '../../src/fabric/gateway/link.js';
import { Router } from '../../src/fabric/gateway/router.js';
import type { DhcpReply, GatewayServices } from '../../src/fabric/gateway/services.js';
import type { FabricNetwork, FabricPort } from '../../src/fabric/control/protocol.js';
import { ChunkPool } from '../../src/fabric/ports/chunk-pool.js';
import { FRAME_HEADER_BYTES, type FrameBatch } from '../../src/fabric/ports/port.js';
import { parseIpv4, parseIpv6 } from '../../src/wire/address.js';
import {
  ETHERNET_HEADER_BYTES,
  EtherType,
  parseMac,
  readEthernetHeader,
  writeEthernetHeader,
} from '../../src/wire/ethernet.js';

export const GATEWAY_MAC = '52:54:00:00:00:01';
export const GUEST_MAC = '52:54:00:aa:bb:01';

/** A NAT network 10.0.0.0/24 and fd00:0:0:1::/64 with DHCP and DNS, gateway at .1 and ::1. */
export function network(overrides: Partial<FabricNetwork> = {}): FabricNetwork {
  return {
    name: 'web',
    mode: 'nat',
    mtuBytes: 1500,
    gatewayMac: GATEWAY_MAC,
    hostLoopback: false,
    ipv4: { address: '10.0.0.0', prefixLength: 24, gateway: '10.0.0.1' },
    ipv6: { address: 'fd00:0:0:1::', prefixLength: 64, gateway: 'fd00:0:0:1::1' },
    dhcp: { rangeFirst: '10.0.0.100', rangeLast: '10.0.0.199', leaseSeconds: 3600 },
    dns: { domain: 'shop.internal', upstream: [] },
    ...overrides,
  };
}

/** A second network, 10.0.1.0/24 and fd00:0:0:2::/64. */
export function secondNetwork(overrides: Partial<FabricNetwork> = {}): FabricNetwork {
  return network({
    name: 'back',
    gatewayMac: '52:54:00:00:00:02',
    ipv4: { address: '10.0.1.0', prefixLength: 24, gateway: '10.0.1.1' },
    ipv6: { address: 'fd00:0:0:2::', prefixLength: 64, gateway: 'fd00:0:0:2::1' },
    ...overrides,
  });
}

/** `network` without the named parts. */
export function without(value: FabricNetwork, ...parts: ('ipv4' | 'ipv6' | 'dhcp' | 'dns')[]): FabricNetwork {
  const rest = { ...value };
  for (const part of parts) delete rest[part];
  return rest;
}

export function port(overrides: Partial<FabricPort> = {}): FabricPort {
  return {
    id: 'web1/0',
    network: 'web',
    machine: 'web1',
    mac: GUEST_MAC,
    ipv4: '10.0.0.11',
    ipv6: 'fd00:0:0:1:5054:ff:feaa:bb01',
    antiSpoofing: true,
    socketPath: '/nowhere',
    ...overrides,
  };
}

export interface NatPacket {
  readonly link: GatewayLink;
  readonly packet: Buffer;
  readonly sourceMac: number;
}

/** Takes what it is given, and of local packets those that `takesLocal` names. */
export class RecordingNat implements Nat {
  readonly received: NatPacket[] = [];
  readonly receivedLocal: NatPacket[] = [];
  readonly forgotten: string[] = [];
  batches = 0;
  takesLocal = false;

  receive(link: GatewayLink, bytes: Buffer, start: number, end: number, sourceMac: number): void {
    this.received.push({ link, packet: Buffer.from(bytes.subarray(start, end)), sourceMac });
  }

  receiveLocal(link: GatewayLink, bytes: Buffer, start: number, end: number, sourceMac: number): boolean {
    this.receivedLocal.push({ link, packet: Buffer.from(bytes.subarray(start, end)), sourceMac });
    return this.takesLocal;
  }

  endOfBatch(): void {
    this.batches += 1;
  }

  forget(networkName: string): void {
    this.forgotten.push(networkName);
  }

  flowCounts(): { tcp: number; udp: number; icmp: number } {
    return { tcp: 0, udp: 0, icmp: 0 };
  }

  close(): void {
    this.received.length = 0;
  }
}

export class Stage {
  readonly nat = new RecordingNat();
  readonly router = new Router();
  nowMs = 1_000_000;
  dhcpReply: DhcpReply | string | undefined;
  readonly dhcpRequests: { network: string; payload: Buffer; sourceMac: number }[] = [];
  /** Answer of the DHCPv6 server; `undefined`: networks have none. */
  dhcpv6Reply: Buffer | string | undefined;
  readonly dhcpv6Requests: { network: string; payload: Buffer; sourceMac: number }[] = [];
  readonly dnsQueries: { network: string; query: Buffer }[] = [];
  dnsAnswer: (query: Buffer) => Promise<Buffer | undefined> = (query) => Promise.resolve(query);
  readonly #out: { network: string; frame: Buffer }[] = [];
  readonly #pool = new ChunkPool();

  readonly services: GatewayServices;

  /** @param services take the place of recorders. */
  constructor(services: Partial<GatewayServices> = {}) {
    this.services = { ...this.#recorders(), ...services };
  }

  #recorders(): GatewayServices {
    return {
      router: this.router,
      nat: this.nat,
      dhcp: {
        receive: (name, payload, sourceMac) => {
          this.dhcpRequests.push({ network: name, payload: Buffer.from(payload), sourceMac });
          return this.dhcpReply;
        },
      },
      dhcpv6: {
        serves: () => this.dhcpv6Reply !== undefined,
        receive: (name, payload, sourceMac) => {
          this.dhcpv6Requests.push({ network: name, payload: Buffer.from(payload), sourceMac });
          return this.dhcpv6Reply;
        },
      },
      dns: {
        handle: (query, _transport, name) => {
          this.dnsQueries.push({ network: name, query });
          return this.dnsAnswer(query);
        },
      },
    };
  }

  /** A gateway whose frames are recorded. It is not started: it says nothing of its own accord. */
  gateway(settings: FabricNetwork = network(), ports: readonly FabricPort[] = []): Gateway {
    const { name } = settings;
    const forward = (_from: unknown, batch: FrameBatch, start: number, end: number): void => {
      for (const frame of framesOf(batch.bytes.subarray(start, end)))
        this.#out.push({ network: name, frame });
    };
    return new Gateway(settings, ports, {
      sink: { forward },
      pool: this.#pool,
      services: this.services,
      portOf: () => undefined,
      nowMs: () => this.nowMs,
    });
  }

  /** Hands frames to the gateway as one batch. @returns what came out of any gateway, in order. */
  send(gateway: Gateway, ...frames: Buffer[]): Buffer[] {
    const bytes = Buffer.concat(frames.map(framed));
    gateway.port.offer({ bytes, retained: false }, 0, bytes.length, frames.length);
    gateway.port.flush();
    return this.takeFrames();
  }

  /** What came out since it was last asked. */
  takeFrames(networkName?: string): Buffer[] {
    const taken = this.#out.splice(0);
    return taken
      .filter(({ network }) => networkName === undefined || network === networkName)
      .map(({ frame }) => frame);
  }
}

function framed(frame: Buffer): Buffer {
  const header = Buffer.alloc(FRAME_HEADER_BYTES);
  header.writeUInt32BE(frame.length, 0);
  return Buffer.concat([header, frame]);
}

function framesOf(bytes: Buffer): Buffer[] {
  const frames: Buffer[] = [];
  for (let position = 0; position < bytes.length; ) {
    const start = position + FRAME_HEADER_BYTES;
    position = start + bytes.readUInt32BE(position);
    frames.push(Buffer.from(bytes.subarray(start, position)));
  }
  return frames;
}

/** An IP packet in a frame, by default from the guest to the gateway. */
export function ipFrame(packet: Buffer, destination = GATEWAY_MAC, source = GUEST_MAC): Buffer {
  return frameOf(packet[0]! >>> 4 === 4 ? EtherType.ipv4 : EtherType.ipv6, packet, destination, source);
}

export function frameOf(etherType: number, payload: Buffer, destination: string, source = GUEST_MAC): Buffer {
  const frame = Buffer.alloc(ETHERNET_HEADER_BYTES + payload.length);
  writeEthernetHeader(frame, 0, mac(destination), mac(source), etherType);
  frame.set(payload, ETHERNET_HEADER_BYTES);
  return frame;
}

/** The IP packet (or ARP packet) in a frame. */
export function packetOf(frame: Buffer | undefined): Buffer {
  if (frame === undefined) throw new Error('no frame came out');
  return frame.subarray(ETHERNET_HEADER_BYTES);
}

/** Destination and source MAC and type of a frame. */
export function ethernetOf(frame: Buffer | undefined): {
  destination: number;
  source: number;
  etherType: number;
} {
  const header = frame && readEthernetHeader(frame, 0, frame.length);
  if (header === undefined) throw new Error('no frame came out');
  return header;
}

export function mac(text: string): number {
  const value = parseMac(text);
  if (value === undefined) throw new Error(`not a MAC: ${text}`);
  return value;
}

export function ip4(text: string): number {
  const value = parseIpv4(text);
  if (value === undefined) throw new Error(`not an IPv4 address: ${text}`);
  return value;
}

export function ip6(text: string): Uint8Array {
  const value = parseIpv6(text);
  if (value === undefined) throw new Error(`not an IPv6 address: ${text}`);
  return value;
}

/** The ends of an IPv4 packet, by default from the guest. */
export function ends4(destination: string, source = '10.0.0.11'): { source: number; destination: number } {
  return { source: ip4(source), destination: ip4(destination) };
}

/** The ends of an IPv6 packet, by default from the guest. */
export function ends6(
  destination: string,
  source = 'fd00:0:0:1:5054:ff:feaa:bb01',
): { source: Uint8Array; destination: Uint8Array } {
  return { source: ip6(source), destination: ip6(destination) };
}

/** Drop counters of a gateway as an object. */
export function dropsOf(gateway: Gateway): Record<string, number> {
  return Object.fromEntries(gateway.port.counters.drops);
}
