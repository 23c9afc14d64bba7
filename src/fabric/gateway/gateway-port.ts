/**
 * The gateway's place in the switch: frames in, each given to the part that its type names, and at the end of the batch
 * everything that was answered handed back.
 */
import { EtherType, ETHERNET_HEADER_BYTES, readMac } from '../../wire/ethernet.js';
import { emptyOffload, type OffloadTable } from '../offload/offload-table.js';
import { completeChecksum, tcpHeadersOf, writeSegment } from '../offload/segmentation.js';
import { emptyCounters } from '../ports/counters.js';
import { FRAME_HEADER_BYTES, type FrameBatch, MAX_FRAME_BYTES, type Port } from '../ports/port.js';
import type { DropReason } from './drop-reason.js';

const TWO_POW_32 = 0x1_0000_0000;
/** Of the first byte of a MAC. */
const GROUP_BIT = 0x01;

/** The parts of a gateway that take packets, and what closes a batch. */
export interface Receivers {
  receiveArp(bytes: Buffer, start: number, end: number, sourceMac: number): void;
  receiveIpv4(bytes: Buffer, start: number, end: number, sourceMac: number, toGroup: boolean): void;
  receiveIpv6(bytes: Buffer, start: number, end: number, sourceMac: number, toGroup: boolean): void;
  /** Whether a TCP packet whose header stands at `ip` ends here: then it may be longer than any link's MTU. */
  endsHere(bytes: Buffer, ip: number): boolean;
  drop(reason: DropReason): void;
  endOfBatch(): void;
}

export class GatewayPort implements Port {
  readonly id: string;
  readonly counters = emptyCounters();
  readonly takesOffloads = true;
  readonly #offload = emptyOffload();
  #isChecksumLeft = false;
  #segment: Buffer | undefined;
  readonly #receivers: Receivers;
  #mac = 0;
  #macHigh = 0;
  #macLow = 0;

  constructor(id: string, mac: number, receivers: Receivers) {
    this.id = id;
    this.mac = mac;
    this.#receivers = receivers;
  }

  /** The gateway's own; 48-bit number. */
  get mac(): number {
    return this.#mac;
  }

  set mac(mac: number) {
    this.#mac = mac;
    this.#macHigh = Math.floor(mac / TWO_POW_32);
    this.#macLow = mac % TWO_POW_32;
  }

  offer(batch: FrameBatch, start: number, end: number, frameCount: number): void {
    const { counters } = this;
    counters.txFrames += frameCount;
    counters.txBytes += end - start - frameCount * FRAME_HEADER_BYTES;
    const { bytes, offloads } = batch;
    let position = start;
    while (position + FRAME_HEADER_BYTES <= end) {
      const frame = position + FRAME_HEADER_BYTES;
      const next = frame + bytes.readUInt32BE(position);
      if (next > end) return;
      if (offloads?.read(position, this.#offload) === true) {
        this.#receiveUnfinished(offloads, position, bytes, frame, next);
      } else this.#receive(bytes, frame, next);
      position = next;
    }
  }

  /** The checksum of the TCP packet received now was left to us. */
  get isChecksumLeft(): boolean {
    return this.#isChecksumLeft;
  }

  /**
   * A frame with something left to do. TCP that ends here needs neither checksum nor segments; everything else is
   * finished first, as for a port that takes no offloads.
   */
  #receiveUnfinished(
    offloads: OffloadTable,
    position: number,
    bytes: Buffer,
    frame: number,
    end: number,
  ): void {
    const headers = tcpHeadersOf(bytes, frame, end);
    if (headers !== undefined && this.#receivers.endsHere(bytes, frame + headers.ip)) {
      this.#isChecksumLeft = true;
      this.#receive(bytes, frame, end);
      this.#isChecksumLeft = false;
    } else if (headers === undefined || this.#offload.gsoSize === 0) {
      completeChecksum(bytes, frame, end, this.#offload);
      offloads.finished(position);
      this.#receive(bytes, frame, end);
    } else {
      const { gsoSize } = this.#offload;
      const segment = (this.#segment ??= Buffer.allocUnsafeSlow(MAX_FRAME_BYTES));
      for (let number = 0; number * gsoSize < end - frame - headers.payload; number++) {
        this.#receive(segment, 0, writeSegment(bytes, frame, end, headers, gsoSize, number, segment, 0));
      }
    }
  }

  flush(): void {
    this.#receivers.endOfBatch();
  }

  #receive(bytes: Buffer, start: number, end: number): void {
    const receivers = this.#receivers;
    if (end - start < ETHERNET_HEADER_BYTES) {
      receivers.drop('malformed');
      return;
    }
    const toGroup = (bytes[start]! & GROUP_BIT) !== 0;
    // Flooded, and for somebody else.
    if (!toGroup && !this.#isOwnMac(bytes, start)) return;
    if ((bytes[start + 6]! & GROUP_BIT) !== 0 || this.#isOwnMac(bytes, start + 6)) {
      receivers.drop('martian-source');
      return;
    }
    const sourceMac = readMac(bytes, start + 6);
    const payload = start + ETHERNET_HEADER_BYTES;
    switch (bytes.readUInt16BE(start + 12)) {
      case EtherType.ipv4:
        return receivers.receiveIpv4(bytes, payload, end, sourceMac, toGroup);
      case EtherType.ipv6:
        return receivers.receiveIpv6(bytes, payload, end, sourceMac, toGroup);
      case EtherType.arp:
        return receivers.receiveArp(bytes, payload, end, sourceMac);
      default:
        if (!toGroup) receivers.drop('unsupported-protocol');
    }
  }

  /** Compared in halves, so that no 48-bit double is boxed for frames that are for somebody else. */
  #isOwnMac(bytes: Buffer, offset: number): boolean {
    return bytes.readUInt32BE(offset + 2) === this.#macLow && bytes.readUInt16BE(offset) === this.#macHigh;
  }
}
