/**
 * A guest's TCP in as few words as possible, written from RFC 9293 alone, so that it shares no mistake with the endpoint under
 * test. It sends within the window it is given, repeats what is not acknowledged, keeps what comes out of order, closes, and
 * notes everything the other side does that it must not do.
 */
import { checksum, pseudoHeaderSumIpv4 } from '../../../wire/checksum.js';
import { formatIpv4, parseIpv4 } from '../../../wire/address.js';
import { IpProtocol, readIpv4Header, writeIpv4Header } from '../../../wire/ipv4.js';
import {
  readTcpHeader,
  readTcpOptions,
  setTcpChecksum,
  TcpFlag,
  type TcpHeader,
  tcpHeaderBytes,
  type TcpOptions,
  writeTcpHeader,
} from '../../../wire/tcp.js';
import type { Clock } from '../clock.js';

export interface ModelGuestOptions {
  readonly clock: Clock;
  /** Takes a packet of the guest. */
  readonly send: (packet: Buffer) => void;
  readonly address?: string;
  readonly port?: number;
  readonly remote?: string;
  readonly remotePort?: number;
  readonly initialSequence?: number;
  /** Named in the SYN; absent: no option. */
  readonly mssBytes?: number;
  readonly windowScale?: number;
  readonly sackPermitted?: boolean;
  /** Room for data that the application has not read. */
  readonly bufferBytes?: number;
  /** Bytes the application reads every 10 ms; absent: everything at once. */
  readonly readBytesPer10Ms?: number;
  readonly rtoMs?: number;
}

const READ_INTERVAL_MS = 10;

export class ModelGuest {
  /** What the other side did that it must not do. */
  readonly violations: string[] = [];
  readonly segments: { header: TcpHeader; options: TcpOptions; payload: Buffer }[] = [];
  state: 'closed' | 'listen' | 'syn-sent' | 'syn-received' | 'open' | 'reset' = 'closed';
  finReceived = false;
  /** Everything the application has read. */
  readonly received: Buffer[] = [];
  sequence: number;
  expected = 0;

  readonly #options: ModelGuestOptions;
  readonly #source: number;
  /** Who is spoken to; of a listening guest, who spoke first. */
  #destination: number;
  #remotePort: number;
  #outgoing = Buffer.alloc(0);
  /** Bytes of `#outgoing` acknowledged, and sent. */
  #acknowledged = 0;
  #sent = 0;
  /** Most bytes that were ever sent, the FIN as one; `#sent` goes back to repeat. */
  #highest = 0;
  #closing = false;
  #finSent = false;
  #finAcknowledged = false;
  #window = 0;
  #shift = 0;
  #scaled = false;
  readonly #outOfOrder = new Map<number, Buffer>();
  #unread = 0;
  #rightEdge: number | undefined;
  #offeredEdge = 0;
  #cancelTimer: (() => void) | undefined;
  #reading = false;

  constructor(options: ModelGuestOptions) {
    this.#options = options;
    this.sequence = options.initialSequence ?? 1000;
    this.#source = parseIpv4(options.address ?? '10.0.0.2')!;
    this.#destination = parseIpv4(options.remote ?? '203.0.113.5')!;
    this.#remotePort = options.remotePort ?? 80;
  }

  get receivedBytes(): Buffer {
    return Buffer.concat(this.received);
  }

  /** Both directions are over and acknowledged. */
  get done(): boolean {
    return this.finReceived && this.#finAcknowledged;
  }

  /** Bytes of the application that the other side has acknowledged. */
  get acknowledgedBytes(): number {
    return this.#acknowledged;
  }

  get port(): number {
    return this.#options.port ?? 40_000;
  }

  /** Address and port of the other side. */
  get peer(): string {
    return `${formatIpv4(this.#destination)}:${this.#remotePort}`;
  }

  /** Takes the next connection to its port. */
  listen(): void {
    this.state = 'listen';
  }

  connect(): void {
    this.state = 'syn-sent';
    this.#transmit(this.sequence, TcpFlag.syn, Buffer.alloc(0), this.#synOptions());
    this.#armTimer();
  }

  write(bytes: Buffer): void {
    this.#outgoing = Buffer.concat([this.#outgoing, bytes]);
    this.#push();
  }

  /** A FIN behind everything written. */
  close(): void {
    this.#closing = true;
    this.#push();
  }

  abort(): void {
    this.#cancelTimer?.();
    this.state = 'reset';
    this.#transmit(this.#nextSequence(), TcpFlag.rst | TcpFlag.ack);
  }

  /** The application reads, and the window opens by as much. */
  read(bytes: number): void {
    const before = this.#windowBytes();
    this.#unread = Math.max(this.#unread - bytes, 0);
    if (before < (this.#options.mssBytes ?? 536) && this.#windowBytes() > before && this.state === 'open')
      this.#acknowledge();
  }

  /** A segment as it is, for tests of single rules. */
  inject(sequence: number, flags: number, payload = Buffer.alloc(0), acknowledgement = this.expected): void {
    this.#transmit(sequence, flags, payload, undefined, acknowledgement);
  }

  nextSequence(): number {
    return this.#nextSequence();
  }

  /** Sees a packet as it leaves, before the network delays or loses it: the window must not shrink (RFC 9293 section 3.8.6). */
  watch(packet: Buffer): void {
    const header = readTcpHeader(packet, 20, packet.length);
    if (header === undefined || this.state !== 'open' || (header.flags & (TcpFlag.syn | TcpFlag.rst)) !== 0)
      return;
    const edge = (header.acknowledgement + (header.window << this.#shift)) >>> 0;
    const moved = this.#rightEdge === undefined ? 0 : (edge - this.#rightEdge) | 0;
    // Rounding to the scale is as far back as it may go (RFC 7323 section 2.4).
    if (moved < -((1 << this.#shift) - 1)) this.violations.push('window shrank');
    if (this.#rightEdge === undefined || moved > 0) this.#rightEdge = edge;
  }

  receive(packet: Buffer): void {
    const ip = readIpv4Header(packet, 0, packet.length);
    if (ip === undefined || ip.protocol !== IpProtocol.tcp) return;
    const sum = pseudoHeaderSumIpv4(
      ip.source,
      ip.destination,
      IpProtocol.tcp,
      packet.length - ip.headerBytes,
    );
    if (checksum(packet, ip.headerBytes, packet.length, sum) !== 0) this.violations.push('bad checksum');
    const header = readTcpHeader(packet, ip.headerBytes, packet.length);
    if (header === undefined) {
      this.violations.push('malformed segment');
      return;
    }
    const options = readTcpOptions(packet, ip.headerBytes, header.headerBytes);
    const payload = Buffer.from(packet.subarray(ip.headerBytes + header.headerBytes));
    if (this.state === 'listen' && header.flags === TcpFlag.syn) {
      this.#destination = ip.source;
      this.#remotePort = header.sourcePort;
    }
    this.segments.push({ header, options, payload });
    if (ip.source !== this.#destination || header.destinationPort !== this.port) {
      this.violations.push(`not for this connection: ${formatIpv4(ip.source)}`);
    }
    if (payload.length > (this.#options.mssBytes ?? 536)) this.violations.push('segment larger than the MSS');
    this.#take(header, options, payload);
  }

  #take(header: TcpHeader, options: TcpOptions, payload: Buffer): void {
    if ((header.flags & TcpFlag.rst) !== 0) {
      if (this.state !== 'closed') this.state = 'reset';
      this.#cancelTimer?.();
      return;
    }
    if (this.state === 'reset' || this.state === 'closed') return;
    if (this.state === 'listen' || this.state === 'syn-sent') {
      this.#takeSyn(header, options);
      return;
    }
    if (this.state === 'syn-received' && header.acknowledgement === (this.sequence + 1) >>> 0) {
      this.sequence = (this.sequence + 1) >>> 0;
      this.state = 'open';
    }
    if ((header.flags & TcpFlag.syn) !== 0) {
      this.#acknowledge();
      return;
    }
    this.#takeAcknowledgement(header);
    this.#takePayload(header, payload);
    this.#push();
  }

  #takeSyn(header: TcpHeader, options: TcpOptions): void {
    const listening = this.state === 'listen';
    if (header.flags !== (listening ? TcpFlag.syn : TcpFlag.syn | TcpFlag.ack)) return;
    if (!listening && header.acknowledgement !== (this.sequence + 1) >>> 0) return;
    this.#scaled = options.windowScale !== undefined && this.#options.windowScale !== undefined;
    this.#shift = this.#scaled ? options.windowScale! : 0;
    this.expected = (header.sequence + 1) >>> 0;
    this.#offeredEdge = (this.expected + Math.min(this.#windowBytes(), 0xffff)) >>> 0;
    this.#window = header.window;
    if (listening) {
      this.state = 'syn-received';
      this.#transmit(this.sequence, TcpFlag.syn | TcpFlag.ack, Buffer.alloc(0), this.#synOptions());
      return;
    }
    this.sequence = (this.sequence + 1) >>> 0;
    this.state = 'open';
    this.#acknowledge();
    this.#push();
  }

  #takeAcknowledgement(header: TcpHeader): void {
    const base = (this.sequence + this.#acknowledged) >>> 0;
    const advance = (header.acknowledgement - base) | 0;
    const limit = this.#highest - this.#acknowledged;
    if (advance > limit) this.violations.push(`acknowledges ${advance - limit} bytes that were not sent`);
    if (advance < 0) return;
    this.#window = header.window << this.#shift;
    if (advance === 0) return;
    const data = Math.min(advance, this.#outgoing.length - this.#acknowledged);
    this.#acknowledged += data;
    if (this.#sent < this.#acknowledged) this.#sent = this.#acknowledged;
    if (advance > data) {
      this.#finSent = true;
      this.#finAcknowledged = true;
    }
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
  }

  #takePayload(header: TcpHeader, payload: Buffer): void {
    const fin = (header.flags & TcpFlag.fin) !== 0;
    if (payload.length === 0 && !fin) {
      // An old sequence number asks for an answer: keep-alive, or our last acknowledgement was lost.
      if (header.sequence !== this.expected) this.#acknowledge();
      return;
    }
    const end = (header.sequence + payload.length) >>> 0;
    const beyond = (end - this.#offeredEdge) | 0;
    // One byte beyond the window is a probe (RFC 9293 section 3.8.6.1).
    if (beyond > 1) this.violations.push(`${beyond} bytes beyond the window`);
    if (beyond <= 0 || (payload.length > beyond && ((header.sequence - this.expected) | 0) <= 0)) {
      const kept = beyond > 0 ? payload.subarray(0, payload.length - beyond) : payload;
      this.#outOfOrder.set(header.sequence, kept);
      if (fin && beyond <= 0) this.#finAt = end;
    }
    for (let found = this.#nextPiece(); found !== undefined; found = this.#nextPiece()) {
      this.expected = (this.expected + found.length) >>> 0;
      this.received.push(found);
      this.#unread += found.length;
    }
    if (this.#finAt === this.expected && !this.finReceived) {
      this.finReceived = true;
      this.expected = (this.expected + 1) >>> 0;
    }
    if (this.#options.readBytesPer10Ms === undefined) this.#unread = 0;
    else this.#readLater();
    this.#acknowledge();
  }

  #finAt: number | undefined;

  #nextPiece(): Buffer | undefined {
    for (const [sequence, piece] of this.#outOfOrder) {
      const skip = (this.expected - sequence) | 0;
      if (skip < 0) continue;
      this.#outOfOrder.delete(sequence);
      if (skip < piece.length) return piece.subarray(skip);
    }
    return undefined;
  }

  #readLater(): void {
    if (this.#reading) return;
    this.#reading = true;
    this.#options.clock.after(READ_INTERVAL_MS, () => {
      this.#reading = false;
      this.read(this.#options.readBytesPer10Ms ?? 0);
      if (this.#unread > 0) this.#readLater();
    });
  }

  #push(): void {
    if (this.state !== 'open') return;
    const mss = Math.min(this.#options.mssBytes ?? 536, 1460);
    while (this.#sent < this.#outgoing.length) {
      const room = this.#window - (this.#sent - this.#acknowledged);
      const bytes = Math.min(mss, this.#outgoing.length - this.#sent, room);
      if (bytes <= 0) break;
      const payload = this.#outgoing.subarray(this.#sent, this.#sent + bytes);
      this.#transmit((this.sequence + this.#sent) >>> 0, TcpFlag.ack | TcpFlag.psh, payload);
      this.#sent += bytes;
      this.#highest = Math.max(this.#highest, this.#sent);
    }
    if (this.#closing && !this.#finSent && this.#sent === this.#outgoing.length) {
      this.#transmit((this.sequence + this.#sent) >>> 0, TcpFlag.ack | TcpFlag.fin);
      this.#finSent = true;
      this.#highest = this.#sent + 1;
    }
    if (!this.#allAcknowledged()) this.#armTimer();
  }

  #allAcknowledged(): boolean {
    return this.#acknowledged === this.#outgoing.length && (!this.#closing || this.#finAcknowledged);
  }

  #armTimer(): void {
    this.#cancelTimer ??= this.#options.clock.after(this.#options.rtoMs ?? 300, () => {
      this.#cancelTimer = undefined;
      if (this.state === 'syn-sent') {
        this.#transmit(this.sequence, TcpFlag.syn, Buffer.alloc(0), this.#synOptions());
      } else if (this.state === 'open') this.#repeat();
      if (this.state === 'syn-sent' || !this.#allAcknowledged()) this.#armTimer();
    });
  }

  /** Goes back to the first byte that is not acknowledged; asks a closed window with one byte. */
  #repeat(): void {
    if (this.#acknowledged < this.#outgoing.length) {
      const probe = this.#outgoing.subarray(this.#acknowledged, this.#acknowledged + 1);
      this.#sent = this.#acknowledged;
      this.#finSent = false;
      if (this.#window > 0) this.#push();
      else {
        this.#transmit((this.sequence + this.#acknowledged) >>> 0, TcpFlag.ack, probe);
        this.#sent = this.#acknowledged + 1;
        this.#highest = Math.max(this.#highest, this.#sent);
      }
    } else if (this.#finSent && !this.#finAcknowledged) {
      this.#transmit((this.sequence + this.#sent) >>> 0, TcpFlag.ack | TcpFlag.fin);
    }
  }

  #acknowledge(): void {
    this.#transmit(this.#nextSequence(), TcpFlag.ack);
  }

  #nextSequence(): number {
    return (this.sequence + this.#sent + (this.#finSent ? 1 : 0)) >>> 0;
  }

  #windowBytes(): number {
    return Math.max((this.#options.bufferBytes ?? 65_535) - this.#unread, 0);
  }

  #windowField(): number {
    const shift = this.#scaled ? (this.#options.windowScale ?? 0) : 0;
    return Math.min(this.#windowBytes() >>> shift, 0xffff);
  }

  #synOptions(): TcpOptions {
    const { mssBytes, windowScale, sackPermitted } = this.#options;
    return {
      ...(mssBytes === undefined ? {} : { mssBytes }),
      ...(windowScale === undefined ? {} : { windowScale }),
      ...(sackPermitted === true ? { sackPermitted } : {}),
    };
  }

  #transmit(
    sequence: number,
    flags: number,
    payload: Buffer = Buffer.alloc(0),
    options?: TcpOptions,
    acknowledgement = this.expected,
  ): void {
    const segmentBytes = tcpHeaderBytes(options) + payload.length;
    const packet = Buffer.alloc(20 + segmentBytes);
    const isSyn = (flags & TcpFlag.syn) !== 0;
    const field = isSyn ? Math.min(this.#windowBytes(), 0xffff) : this.#windowField();
    if (!isSyn && (flags & TcpFlag.ack) !== 0) {
      const shift = this.#scaled ? (this.#options.windowScale ?? 0) : 0;
      const edge = (this.expected + (field << shift)) >>> 0;
      if (((edge - this.#offeredEdge) | 0) > 0) this.#offeredEdge = edge;
    }
    writeIpv4Header(packet, 0, packet.length, IpProtocol.tcp, this.#source, this.#destination);
    const ports = [this.port, this.#remotePort] as const;
    const acked = (flags & TcpFlag.ack) === 0 ? 0 : acknowledgement;
    const at = writeTcpHeader(packet, 20, ...ports, sequence, acked, flags, field, options);
    packet.set(payload, at);
    const sum = pseudoHeaderSumIpv4(this.#source, this.#destination, IpProtocol.tcp, segmentBytes);
    setTcpChecksum(packet, 20, packet.length, sum);
    this.#options.send(packet);
  }
}
