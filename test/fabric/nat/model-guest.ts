/**
 * A guest's TCP in as few words as possible, written from RFC 9293 alone, so that it shares no mistake with the
 * endpoint under test. It sends within the window it is given, repeats what is not acknowledged, keeps what
 * comes out of order, closes, and notes everything the other side does that it must not do.
 */
import { formatIpv4, parseIpv4 } from '../../../src/wire/address.js';
import { TcpFlag, type TcpOptions } from '../../../src/wire/tcp.js';
import { Ipv4Path } from '../../../src/fabric/nat/ip-path.js';
import { ModelReceiver, type ReceiverOptions } from './model-receiver.js';
import { type Answer, readSegment, segmentPacket } from './segment-probe.js';

export interface ModelGuestOptions extends ReceiverOptions {
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
  readonly rtoMs?: number;
}

export class ModelGuest {
  /** What the other side did that it must not do. */
  readonly violations: string[] = [];
  state: 'closed' | 'listen' | 'syn-sent' | 'syn-received' | 'open' | 'reset' = 'closed';
  /** Of the first byte of data. */
  sequence: number;

  readonly #options: ModelGuestOptions;
  readonly #receiver: ModelReceiver;
  /** Between the guest and who is spoken to; of a listening guest, who spoke first. */
  #path: Ipv4Path;
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
  #selective = false;
  #rightEdge: number | undefined;
  #cancelTimer: (() => void) | undefined;

  constructor(options: ModelGuestOptions) {
    this.#options = options;
    this.sequence = options.initialSequence ?? 1000;
    const guest = parseIpv4(options.address ?? '10.0.0.2')!;
    this.#path = new Ipv4Path(guest, parseIpv4(options.remote ?? '203.0.113.5')!);
    this.#remotePort = options.remotePort ?? 80;
    this.#receiver = new ModelReceiver(options, this.violations, () => {
      if (this.state === 'open') this.#acknowledge();
    });
  }

  /** Everything the application has been given. */
  get receivedCount(): number {
    return this.#receiver.receivedCount;
  }

  get receivedBytes(): Buffer {
    return Buffer.concat(this.#receiver.received);
  }

  get finReceived(): boolean {
    return this.#receiver.finReceived;
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
    return `${formatIpv4(this.#path.remote)}:${this.#remotePort}`;
  }

  /** Takes the next connection to its port. */
  listen(): void {
    this.state = 'listen';
  }

  connect(): void {
    this.state = 'syn-sent';
    this.#transmit(this.sequence, TcpFlag.syn, undefined, this.#synOptions());
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
    this.#transmit(this.nextSequence(), TcpFlag.rst | TcpFlag.ack);
  }

  /** A segment as it is, for tests of single rules. */
  inject(sequence: number, flags: number): void {
    this.#transmit(sequence, flags);
  }

  /**
   * Sees a packet as it leaves, before the network delays or loses it: the window must not shrink (RFC 9293
   * section 3.8.6).
   */
  watch(packet: Buffer): void {
    const { flags, acknowledgement, window } = readSegment(packet, this.#path);
    if (this.state !== 'open' || (flags & (TcpFlag.syn | TcpFlag.rst)) !== 0) return;
    const edge = (acknowledgement + (window << this.#shift)) >>> 0;
    const moved = this.#rightEdge === undefined ? 0 : (edge - this.#rightEdge) | 0;
    // Rounding to the scale is as far back as it may go (RFC 7323 section 2.4).
    if (moved < -((1 << this.#shift) - 1)) this.violations.push('window shrank');
    if (this.#rightEdge === undefined || moved > 0) this.#rightEdge = edge;
  }

  /** @throws when a checksum is wrong. */
  receive(packet: Buffer): void {
    const source = packet.readUInt32BE(12);
    const arrived = readSegment(packet, new Ipv4Path(this.#path.guest, source));
    if (this.state === 'listen' && arrived.flags === TcpFlag.syn) {
      this.#path = new Ipv4Path(this.#path.guest, source);
      this.#remotePort = arrived.sourcePort;
    }
    if (source !== this.#path.remote || arrived.destinationPort !== this.port) {
      this.violations.push(`not for this connection: from ${formatIpv4(source)}`);
    }
    if (arrived.payload.length > (this.#options.mssBytes ?? 536))
      this.violations.push('segment above the MSS');
    this.#take(arrived);
  }

  #take(arrived: Answer): void {
    const { flags, acknowledgement } = arrived;
    if ((flags & TcpFlag.rst) !== 0) {
      if (this.state !== 'closed') this.state = 'reset';
      this.#cancelTimer?.();
      return;
    }
    if (this.state === 'reset' || this.state === 'closed') return;
    if (this.state === 'listen' || this.state === 'syn-sent') {
      this.#takeSyn(arrived);
      return;
    }
    if (this.state === 'syn-received' && acknowledgement === (this.sequence + 1) >>> 0) {
      this.sequence = (this.sequence + 1) >>> 0;
      this.state = 'open';
    }
    if ((flags & TcpFlag.syn) !== 0) {
      this.#acknowledge();
      return;
    }
    this.#takeAcknowledgement(arrived);
    if (this.#receiver.take(arrived)) this.#acknowledge();
    this.#push();
  }

  #takeSyn({ flags, sequence, acknowledgement, window, options }: Answer): void {
    const listening = this.state === 'listen';
    if (flags !== (listening ? TcpFlag.syn : TcpFlag.syn | TcpFlag.ack)) return;
    if (!listening && acknowledgement !== (this.sequence + 1) >>> 0) return;
    this.#scaled = options.windowScale !== undefined && this.#options.windowScale !== undefined;
    this.#shift = this.#scaled ? options.windowScale! : 0;
    this.#selective = options.sackPermitted === true && this.#options.sackPermitted === true;
    this.#receiver.begin((sequence + 1) >>> 0);
    this.#window = window;
    if (listening) {
      this.state = 'syn-received';
      this.#transmit(this.sequence, TcpFlag.syn | TcpFlag.ack, undefined, this.#synOptions());
      return;
    }
    this.sequence = (this.sequence + 1) >>> 0;
    this.state = 'open';
    this.#acknowledge();
    this.#push();
  }

  #takeAcknowledgement({ acknowledgement, window }: Answer): void {
    const base = (this.sequence + this.#acknowledged) >>> 0;
    const advance = (acknowledgement - base) | 0;
    const limit = this.#highest - this.#acknowledged;
    if (advance > limit) this.violations.push(`acknowledges ${advance - limit} bytes that were not sent`);
    if (advance < 0) return;
    this.#window = window << this.#shift;
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
        this.#transmit(this.sequence, TcpFlag.syn, undefined, this.#synOptions());
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
    const sackBlocks = this.#selective ? this.#receiver.sackBlocks() : [];
    this.#transmit(
      this.nextSequence(),
      TcpFlag.ack,
      undefined,
      sackBlocks.length > 0 ? { sackBlocks } : undefined,
    );
  }

  /** SND.NXT */
  nextSequence(): number {
    return (this.sequence + this.#sent + (this.#finSent ? 1 : 0)) >>> 0;
  }

  #synOptions(): TcpOptions {
    const { mssBytes, windowScale, sackPermitted } = this.#options;
    return {
      ...(mssBytes === undefined ? {} : { mssBytes }),
      ...(windowScale === undefined ? {} : { windowScale }),
      ...(sackPermitted === true ? { sackPermitted } : {}),
    };
  }

  #transmit(sequence: number, flags: number, payload?: Buffer, options?: TcpOptions): void {
    const isSyn = (flags & TcpFlag.syn) !== 0;
    const shift = this.#scaled && !isSyn ? (this.#options.windowScale ?? 0) : 0;
    const window = Math.min(this.#receiver.windowBytes >>> shift, 0xffff);
    if (!isSyn && (flags & TcpFlag.ack) !== 0) this.#receiver.offer(window << shift);
    const acknowledgement = (flags & TcpFlag.ack) === 0 ? 0 : this.#receiver.expected;
    const segment = { sequence, acknowledgement, flags, window };
    this.#options.send(
      segmentPacket(this.#path, this.port, this.#remotePort, {
        ...segment,
        ...(payload === undefined ? {} : { payload }),
        ...(options === undefined ? {} : { options }),
      }),
    );
  }
}
