/**
 * A machine on a real fabric whose every packet is the test's own: the listening end of QEMU's stream socket. It answers
 * ARP requests and neighbour solicitations for its own addresses, as any machine would; the rest is the test's.
 */
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { ArpOperation, readArp, writeArp } from '../../src/wire/arp.js';
import { parseIpv4, parseIpv6 } from '../../src/wire/address.js';
import { ETHERNET_HEADER_BYTES, EtherType, writeEthernetHeader } from '../../src/wire/ethernet.js';
import { IpProtocol } from '../../src/wire/ipv4.js';
import { Icmpv6Type } from '../../src/wire/icmp.js';
import { encodeNeighbourAdvertisement, readNeighbourSolicitation } from '../../src/wire/ndp.js';
import { icmpv6MessagePacket } from '../../src/fabric/gateway/packets.js';
import { FRAME_HEADER_BYTES } from '../../src/fabric/ports/port.js';

const WAIT_MS = 5_000;
/** Frames kept for `next`; older ones are let go. */
const MAX_KEPT_FRAMES = 10_000;

export interface GuestSettings {
  readonly socketPath: string;
  readonly mac: number;
  readonly gatewayMac: number;
  readonly ipv4?: string;
  readonly ipv6?: string;
}

interface Waiter {
  /** @returns whether the frame was the one waited for. */
  take(frame: Buffer): boolean;
}

export class ScriptedGuest {
  readonly settings: GuestSettings;
  readonly #server: Server;
  #socket: Socket | undefined;
  #rest: Buffer = Buffer.alloc(0);
  #kept: Buffer[] = [];
  readonly #waiters = new Set<Waiter>();
  readonly #onConnected = new Set<() => void>();
  /** Takes every frame instead of `next`; its bytes are good during the call. */
  onFrame: ((frame: Buffer) => void) | undefined;
  connections = 0;

  private constructor(settings: GuestSettings) {
    this.settings = settings;
    this.#server = createServer((socket) => this.#accept(socket));
  }

  static async listen(settings: GuestSettings): Promise<ScriptedGuest> {
    const guest = new ScriptedGuest(settings);
    guest.#server.listen(settings.socketPath);
    await once(guest.#server, 'listening');
    return guest;
  }

  get isConnected(): boolean {
    return this.#socket !== undefined;
  }

  /** Resolves when the fabric has dialled, at once if it has. */
  connected(): Promise<void> {
    if (this.isConnected) return Promise.resolve();
    return limited(new Promise((resolve) => this.#onConnected.add(resolve)), 'connection');
  }

  /** An IP packet, by default to the gateway. @returns false while the fabric reads no further. */
  send(packet: Buffer, destinationMac = this.settings.gatewayMac): boolean {
    const etherType = packet[0]! >>> 4 === 4 ? EtherType.ipv4 : EtherType.ipv6;
    return this.sendFrame(frameTo(destinationMac, this.settings.mac, etherType, packet));
  }

  sendFrame(...frames: readonly Buffer[]): boolean {
    const socket = this.#socket;
    if (socket === undefined) return false;
    const parts = frames.flatMap((frame) => {
      const header = Buffer.alloc(FRAME_HEADER_BYTES);
      header.writeUInt32BE(frame.length);
      return [header, frame];
    });
    return socket.write(Buffer.concat(parts));
  }

  async drained(): Promise<void> {
    if (this.#socket?.writableNeedDrain === true) await once(this.#socket, 'drain');
  }

  /**
   * The first frame, of those that came before too, in which `read` finds something.
   * @throws when none comes in 5 s.
   */
  next<T>(read: (frame: Buffer) => T | undefined, what: string): Promise<T> {
    for (const [index, frame] of this.#kept.entries()) {
      const found = read(frame);
      if (found === undefined) continue;
      this.#kept.splice(index, 1);
      return Promise.resolve(found);
    }
    let waiter: Waiter | undefined;
    const found = new Promise<T>((resolve) => {
      waiter = {
        take(frame) {
          const value = read(frame);
          if (value !== undefined) resolve(value);
          return value !== undefined;
        },
      };
      this.#waiters.add(waiter);
    });
    return limited(found, what).finally(() => waiter && this.#waiters.delete(waiter));
  }

  /** Every frame that came and was not asked for. */
  takeFrames(): Buffer[] {
    return this.#kept.splice(0);
  }

  /** Stops reading, as a paused machine does. */
  pause(): void {
    this.#socket?.pause();
  }

  hangUp(): void {
    this.#socket?.destroy();
  }

  async close(): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.hangUp();
    await closed;
  }

  #accept(socket: Socket): void {
    this.connections += 1;
    this.#socket = socket;
    this.#rest = Buffer.alloc(0);
    socket.on('data', (chunk: Buffer) => this.#read(chunk));
    socket.on('error', () => undefined);
    socket.on('close', () => {
      if (this.#socket === socket) this.#socket = undefined;
    });
    for (const resolve of this.#onConnected) resolve();
    this.#onConnected.clear();
  }

  #read(chunk: Buffer): void {
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    let position = 0;
    while (position + FRAME_HEADER_BYTES <= bytes.length) {
      const start = position + FRAME_HEADER_BYTES;
      const end = start + bytes.readUInt32BE(position);
      if (end > bytes.length) break;
      this.#take(bytes.subarray(start, end));
      position = end;
    }
    this.#rest = bytes.subarray(position);
  }

  #take(frame: Buffer): void {
    if (this.#answersNeighbours(frame)) return;
    if (this.onFrame !== undefined) {
      this.onFrame(frame);
      return;
    }
    const kept = Buffer.from(frame);
    for (const waiter of this.#waiters) {
      if (!waiter.take(kept)) continue;
      this.#waiters.delete(waiter);
      return;
    }
    this.#kept.push(kept);
    if (this.#kept.length > MAX_KEPT_FRAMES) this.#kept.shift();
  }

  #answersNeighbours(frame: Buffer): boolean {
    const etherType = frame.readUInt16BE(12);
    if (etherType === EtherType.arp) return this.#answersArp(frame);
    const isNdp = etherType === EtherType.ipv6 && frame[20] === IpProtocol.icmpv6;
    return isNdp && frame[54] === Icmpv6Type.neighbourSolicitation && this.#answersSolicitation(frame);
  }

  #answersArp(frame: Buffer): boolean {
    const request = readArp(frame, ETHERNET_HEADER_BYTES, frame.length);
    const { ipv4, mac } = this.settings;
    if (ipv4 === undefined || request?.operation !== ArpOperation.request) return false;
    if (request.targetAddress !== parseIpv4(ipv4)) return false;
    const reply = Buffer.alloc(28);
    writeArp(reply, 0, {
      operation: ArpOperation.reply,
      senderMac: mac,
      senderAddress: request.targetAddress,
      targetMac: request.senderMac,
      targetAddress: request.senderAddress,
    });
    this.sendFrame(frameTo(request.senderMac, mac, EtherType.arp, reply));
    return true;
  }

  #answersSolicitation(frame: Buffer): boolean {
    const { ipv6, mac } = this.settings;
    const own = ipv6 === undefined ? undefined : parseIpv6(ipv6);
    const asked = readNeighbourSolicitation(frame, 54, frame.length);
    if (own === undefined || asked === undefined || Buffer.compare(asked.target, own) !== 0) return false;
    const body = encodeNeighbourAdvertisement({
      target: own,
      router: false,
      solicited: true,
      override: true,
      targetMac: mac,
    });
    this.send(icmpv6MessagePacket({ source: own, destination: frame.subarray(22, 38) }, body, 255));
    return true;
  }
}

export function frameTo(destination: number, source: number, etherType: number, payload: Buffer): Buffer {
  const frame = Buffer.alloc(ETHERNET_HEADER_BYTES + payload.length);
  writeEthernetHeader(frame, 0, destination, source, etherType);
  frame.set(payload, ETHERNET_HEADER_BYTES);
  return frame;
}

async function limited<T>(promise: Promise<T>, what: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no ${what} in ${WAIT_MS} ms`)), WAIT_MS);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}
