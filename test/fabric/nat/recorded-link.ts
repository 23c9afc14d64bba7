/** A gateway's link in memory: packets begun are handed to a function at `flush`. */
import type { FabricNetwork } from '../../../src/fabric/control/protocol.js';
import type { GatewayLink } from '../../../src/fabric/gateway/link.js';

export const GUEST_MAC = 0x5254_0000_0002;

export const NETWORK: FabricNetwork = {
  name: 'web',
  mode: 'nat',
  mtuBytes: 1500,
  gatewayMac: '52:54:00:00:00:01',
  hostLoopback: false,
  ipv4: { address: '10.0.0.0', prefixLength: 24, gateway: '10.0.0.1' },
  ipv6: { address: 'fd00::', prefixLength: 64, gateway: 'fd00::1' },
};

export interface SentPacket {
  readonly mac: number;
  readonly etherType: number;
  readonly packet: Buffer;
}

export class RecordedLink implements GatewayLink {
  network: FabricNetwork;
  bytes = Buffer.alloc(0);
  /** What `queuedBytes` answers. */
  queued = 0;
  /** What `resolve` answers; absent ones are answered `undefined`. */
  readonly neighbours = new Map<string, number>();
  /** Addresses of machines that are off. */
  readonly absent = new Set<string>();
  readonly #deliver: (sent: SentPacket) => void;
  #begun: SentPacket[] = [];

  constructor(deliver: (sent: SentPacket) => void, network: FabricNetwork = NETWORK) {
    this.#deliver = deliver;
    this.network = network;
  }

  begin(mac: number, etherType: number, packetBytes: number): number {
    // Something stands before the packet, and old bytes where it goes.
    this.bytes = Buffer.alloc(18 + packetBytes, 0xa5);
    this.#begun.push({ mac, etherType, packet: this.bytes.subarray(18) });
    return 18;
  }

  flush(): void {
    const begun = this.#begun;
    this.#begun = [];
    for (const sent of begun) this.#deliver(sent);
  }

  queuedBytes(): number {
    return this.queued;
  }

  readonly isChecksumLeft = false;

  offloadBytes(): number {
    return 0;
  }

  leave(): void {}

  isAbsent(address: string): boolean {
    return this.absent.has(address);
  }

  resolve(address: string, then: (mac: number | undefined) => void): void {
    then(this.neighbours.get(address));
  }
}
