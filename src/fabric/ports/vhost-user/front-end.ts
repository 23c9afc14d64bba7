/**
 * What one connection of QEMU has told of itself: features, memory, and two rings, of which 0 leads to the guest and 1
 * comes from it (virtio 1.2, 5.1.2).
 *
 * Theory of operation. A ring can be used once its size, addresses and kick descriptor are known, memory is mapped, and
 * it is enabled. It may be told in any order, and anew while it runs (memory that is plugged in): after each message the
 * rings are opened again where something they rest on has changed, and go on where they were. A message that makes no
 * sense ends the connection.
 */
import type { Libc } from '../../native/libc.js';
import { GuestMemory } from './guest-memory.js';
import { MemoryMap } from './memory-map.js';
import {
  encodeReply,
  encodeU64,
  encodeVringState,
  readMemoryTable,
  readU64,
  readVringAddresses,
  readVringDescriptor,
  readVringState,
  type VhostMessage,
  VhostRequest,
} from './message.js';
import { type RingAddresses, Virtqueue } from './virtqueue.js';

const RING_COUNT = 2;
const F_SETFL = 4;
const O_RDWR_NONBLOCK = 2 | 0o4000;

/** Bits of virtio 1.2, 5.1.3 and 6, and of the protocol. */
const Feature = {
  checksum: 0n,
  guestChecksum: 1n,
  mtu: 3n,
  guestTso4: 7n,
  guestTso6: 8n,
  hostTso4: 11n,
  hostTso6: 12n,
  mergeableBuffers: 15n,
  indirectDescriptors: 28n,
  protocolFeatures: 30n,
  version1: 32n,
} as const;
const OFFERED = Object.values(Feature).reduce<bigint>((bits, bit) => bits | (1n << bit), 0n);
/** VHOST_USER_PROTOCOL_F_REPLY_ACK and _NET_MTU. */
const PROTOCOL_OFFERED = (1n << 3n) | (1n << 4n);

interface Vring {
  size: number;
  addresses: RingAddresses | undefined;
  base: number;
  kickFd: number;
  callFd: number;
  isEnabled: boolean;
  queue: Virtqueue | undefined;
}

/** A ring that can be used. */
export interface RunningRing {
  readonly queue: Virtqueue;
  readonly memory: GuestMemory;
  readonly kickFd: number;
}

export class FrontEnd {
  readonly #libc: Libc;
  readonly #rings: readonly Vring[] = Array.from({ length: RING_COUNT }, emptyRing);
  #features = 0n;
  #map: MemoryMap | undefined;
  #memory: GuestMemory | undefined;

  constructor(libc: Libc) {
    this.#libc = libc;
  }

  /** The guest takes checksums to be put in, and TCP to be cut, of both families. */
  get takesOffloads(): boolean {
    return [Feature.guestChecksum, Feature.guestTso4, Feature.guestTso6].every((bit) => this.#has(bit));
  }

  get mergesBuffers(): boolean {
    return this.#has(Feature.mergeableBuffers);
  }

  /** Size of the virtio_net_hdr: without its last field before virtio 1 (5.1.6.1). */
  get headerBytes(): number {
    return this.#has(Feature.version1) || this.mergesBuffers ? 12 : 10;
  }

  /** The ring that leads to the guest (0) or comes from it (1), when it can be used. */
  ring(index: 0 | 1): RunningRing | undefined {
    const { queue, kickFd, isEnabled } = this.#rings[index]!;
    const memory = this.#memory;
    if (queue === undefined || memory === undefined || !isEnabled || kickFd < 0) return undefined;
    return { queue, memory, kickFd };
  }

  callFd(index: 0 | 1): number {
    return this.#rings[index]!.callFd;
  }

  /**
   * @param fds descriptors of the message; what is not kept is closed.
   * @returns the answer, where one is due.
   * @throws Error or RangeError for a message that makes no sense.
   */
  handle(message: VhostMessage, fds: readonly number[]): Buffer | undefined {
    const kept = new Set<number>();
    try {
      const answer = this.#handle(message, fds, kept);
      this.#openRings();
      if (answer !== undefined) return encodeReply(message.request, answer);
      return message.needsReply ? encodeReply(message.request, encodeU64(0n)) : undefined;
    } finally {
      for (const fd of fds) if (!kept.has(fd)) this.#libc.close(fd);
    }
  }

  /** The connection is over: nothing of the guest may be touched from now on. */
  close(): void {
    for (const ring of this.#rings) {
      ring.queue = undefined;
      this.#replace(ring, 'kickFd', -1);
      this.#replace(ring, 'callFd', -1);
    }
    this.#memory = undefined;
    this.#map?.unmap();
    this.#map = undefined;
  }

  #handle({ request, payload }: VhostMessage, fds: readonly number[], kept: Set<number>): Buffer | undefined {
    switch (request) {
      case VhostRequest.getFeatures:
        return encodeU64(OFFERED);
      case VhostRequest.setFeatures:
        this.#features = readU64(payload) & OFFERED;
        // Where nothing says when a ring is enabled, it is from the start.
        if (!this.#has(Feature.protocolFeatures)) for (const ring of this.#rings) ring.isEnabled = true;
        return undefined;
      case VhostRequest.getProtocolFeatures:
        return encodeU64(PROTOCOL_OFFERED);
      case VhostRequest.getQueueCount:
        return encodeU64(1n);
      case VhostRequest.setMemoryTable:
        this.#setMemory(payload, fds);
        return undefined;
      case VhostRequest.setVringSize: {
        const { index, value } = readVringState(payload);
        this.#change(index).size = value;
        return undefined;
      }
      case VhostRequest.setVringAddresses: {
        const { index, descriptors, available, used } = readVringAddresses(payload);
        this.#change(index).addresses = { descriptors, available, used };
        return undefined;
      }
      case VhostRequest.setVringBase: {
        const { index, value } = readVringState(payload);
        this.#change(index).base = value;
        return undefined;
      }
      case VhostRequest.getVringBase: {
        const { index } = readVringState(payload);
        const ring = this.#change(index);
        // The ring stops here, and begins again with its next kick descriptor.
        this.#replace(ring, 'kickFd', -1);
        return encodeVringState({ index, value: ring.base });
      }
      case VhostRequest.setVringEnable: {
        const { index, value } = readVringState(payload);
        this.#ringAt(index).isEnabled = value === 1;
        return undefined;
      }
      case VhostRequest.setVringKick:
        this.#setDescriptor('kickFd', payload, fds, kept);
        return undefined;
      case VhostRequest.setVringCall:
        this.#setDescriptor('callFd', payload, fds, kept);
        return undefined;
      default:
        // SET_OWNER and what changes nothing here: errors of rings, the MTU, logs of migrations.
        return undefined;
    }
  }

  #has(bit: bigint): boolean {
    return (this.#features & (1n << bit)) !== 0n;
  }

  #ringAt(index: number): Vring {
    const ring = this.#rings[index];
    if (ring === undefined) throw new RangeError(`there is no ring ${index}`);
    return ring;
  }

  /** The ring, closed, with the base that it has come to. */
  #change(index: number): Vring {
    const ring = this.#ringAt(index);
    ring.base = ring.queue?.nextAvailable ?? ring.base;
    ring.queue = undefined;
    return ring;
  }

  #setMemory(payload: Buffer, fds: readonly number[]): void {
    const map = new MemoryMap(this.#libc, readMemoryTable(payload), fds);
    for (const index of this.#rings.keys()) this.#change(index);
    this.#map?.unmap();
    this.#map = map;
    this.#memory = new GuestMemory(map.pieces);
  }

  #setDescriptor(
    which: 'kickFd' | 'callFd',
    payload: Buffer,
    fds: readonly number[],
    kept: Set<number>,
  ): void {
    const { index, hasDescriptor } = readVringDescriptor(payload);
    const ring = which === 'kickFd' ? this.#change(index) : this.#ringAt(index);
    const fd = hasDescriptor ? (fds[0] ?? -1) : -1;
    if (fd >= 0) {
      kept.add(fd);
      // Whoever reads an eventfd that is empty must not wait for it.
      this.#libc.fcntl(fd, F_SETFL, O_RDWR_NONBLOCK);
    }
    this.#replace(ring, which, fd);
  }

  #replace(ring: Vring, which: 'kickFd' | 'callFd', fd: number): void {
    if (ring[which] >= 0) this.#libc.close(ring[which]);
    ring[which] = fd;
  }

  #openRings(): void {
    const memory = this.#memory;
    if (memory === undefined) return;
    for (const ring of this.#rings) {
      const { queue, addresses, size, kickFd, base } = ring;
      if (queue !== undefined || addresses === undefined || size === 0 || kickFd < 0) continue;
      ring.queue = Virtqueue.open(memory, size, addresses, base);
      if (ring.queue === undefined) throw new Error("a ring does not lie in the guest's memory");
    }
  }
}

function emptyRing(): Vring {
  return {
    size: 0,
    addresses: undefined,
    base: 0,
    kickFd: -1,
    callFd: -1,
    isEnabled: false,
    queue: undefined,
  };
}
