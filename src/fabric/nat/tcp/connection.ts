/**
 * One TCP connection of a guest, ended here, and the host stream that carries it on.
 *
 * Theory of operation. The guest's SYN opens the host side first (`dialing`); the SYN-ACK follows once that
 * stands, so that a guest learns the truth: a refusal is a reset, an unreachable host an ICMP error, a time-out
 * silence. Behind a forward the order is the other way round (`syn-sent`). Events move a connection: segments
 * (`receive`, then `endOfBatch` once for all of a batch), events of the host stream, and one timer that serves
 * every deadline.
 *
 * Data to the host waits in `toHost` and closes the receive window while the host does not read; data to the
 * guest stays in the ring until acknowledged, and the host is not read while the ring is full. Each direction
 * ends by itself: a FIN of the guest ends the stream behind the last byte, the end of the stream becomes our
 * FIN behind the ring's last byte. Resets pass both ways at once.
 *
 * Time-outs: `limits.ts`. Left out: timestamps and PAWS (RFC 7323; sequence numbers cannot wrap within the life
 * of a segment on a host's own link), ECN, urgent data (delivered in line), payload in a SYN (left
 * unacknowledged, so that the guest sends it again).
 */
import { readTcpOptions, sequenceAdd, sequenceDistance, TcpFlag, type TcpHeader } from '../../../wire/tcp.js';
import { DeadlineTimer } from '../clock.js';
import { segmentArrives } from './arrival.js';
import { type ConnectionEnds, ControlBlock, type TcpContext } from './control-block.js';
import { Growth } from './growth.js';
import type { Dial, DialEvents, DialTarget, HostStream, HostStreamEvents } from './host-stream.js';
import { Liveness } from './liveness.js';
import { writeReset, writeSyn } from './segment-writer.js';
import { nextDeadlineMs, runTimeouts } from './timeouts.js';
import { transmit } from './transmit.js';

/** What a connection tells the network's TCP. */
export interface ConnectionOwner {
  /** The handshake with the guest is over. */
  established(connection: Connection): void;
  /** The host side could not be opened; the connection is closed and has told the guest nothing. */
  dialFailed(connection: Connection, errorCode: string): void;
  /** Only TIME-WAIT is left. */
  lingers(connection: Connection): void;
  closed(connection: Connection): void;
}

export class Connection implements DialEvents {
  readonly tcb: ControlBlock;
  /** The card behind which the connection began, which its limits count for. */
  readonly ownerMac: number;
  /** Set while the connection waits for the end of a batch. */
  touched = false;
  readonly #context: TcpContext;
  readonly #owner: ConnectionOwner;
  readonly #timer: DeadlineTimer;
  readonly #liveness: Liveness;
  readonly #growth: Growth;
  #stream: HostStream | undefined;
  #reading = true;

  constructor(
    phase: 'dialing' | 'syn-sent',
    ends: ConnectionEnds,
    context: TcpContext,
    owner: ConnectionOwner,
    initialSequence: number,
  ) {
    const nowMs = context.clock.nowMs();
    this.#context = context;
    this.#owner = owner;
    this.ownerMac = ends.guestMac;
    this.tcb = new ControlBlock(phase, ends, context, initialSequence, nowMs);
    this.#timer = new DeadlineTimer(context.clock, (now) => this.#due(now));
    this.#liveness = new Liveness(phase, nowMs);
    this.#growth = new Growth(context);
  }

  /** The guest's first SYN: opens the host side. */
  dial(header: TcpHeader, bytes: Buffer, segment: number, dial: Dial, target: DialTarget): void {
    this.#takeSyn(header, bytes, segment);
    this.#stream = dial(target, this);
    this.#schedule();
  }

  /** A client of a forward: opens the guest's side. */
  openTowardsGuest(attach: (events: HostStreamEvents) => HostStream): void {
    this.#stream = attach(this);
    this.#sendSyn();
  }

  /** A segment whose checksum holds. [segment, end) in `bytes` is TCP header and payload. */
  receive(header: TcpHeader, bytes: Buffer, segment: number, end: number, nowMs: number): void {
    const { tcb } = this;
    tcb.heardAtMs = nowMs;
    if (tcb.phase === 'dialing') {
      this.#receiveWhileDialing(header, bytes, segment);
      return;
    }
    switch (segmentArrives(tcb, this.#context, header, bytes, segment, end, nowMs)) {
      case 'dropped':
      case 'taken':
        break;
      case 'established':
        this.#liveness.established(nowMs);
        this.#owner.established(this);
        break;
      case 'reset':
      case 'refused':
        this.#stream?.reset();
        this.#close();
    }
    // The guest has not seen our last acknowledgement (RFC 9293 section 3.10.7.4, eighth check).
    if (tcb.phase === 'time-wait') this.#liveness.linger(tcb.guestEndedFirst, nowMs);
  }

  /** Hands data on, then sends what there is to send; the caller flushes the link. */
  endOfBatch(nowMs: number): void {
    if (this.tcb.phase === 'closed') return;
    if (this.#stream !== undefined) this.tcb.toHost.push(this.#stream);
    this.#growth.widenReceiveWindow(this.tcb);
    this.#proceed(nowMs);
  }

  /** Ends the connection on both sides. @param tellGuest false when its network is gone. */
  abort(tellGuest: boolean): void {
    if (this.tcb.phase === 'closed') return;
    if (tellGuest && this.tcb.phase !== 'time-wait') writeReset(this.tcb, this.#context.link);
    this.#stream?.reset();
    this.#close();
  }

  /** Answers the guest's SYN: nobody listens. */
  refuse(): void {
    writeReset(this.tcb, this.#context.link);
  }

  /**
   * Whether a SYN with this sequence number may begin a new connection in this one's place (RFC 9293 section
   * 3.10.7.4).
   */
  mayBeReplaced(sequence: number): boolean {
    const { tcb } = this;
    const isNewer = ((sequence - tcb.receive.next) | 0) > 0;
    return tcb.phase === 'time-wait' && isNewer && tcb.toHost.queuedBytes === 0;
  }

  connected(): void {
    if (this.tcb.phase !== 'dialing') return;
    this.tcb.phase = 'syn-received';
    this.#sendSyn();
  }

  nextRead(): Uint8Array {
    return this.tcb.ring.nextRead();
  }

  received(bytes: number): boolean {
    const { tcb } = this;
    if (tcb.phase === 'closed' || tcb.phase === 'time-wait') return false;
    tcb.moreExpected = tcb.ring.commit(bytes);
    this.#proceedAndFlush();
    if (!tcb.ring.readable && tcb.phase === 'open') this.#growth.growRing(tcb);
    this.#reading = tcb.ring.readable;
    return this.#reading;
  }

  drained(): void {
    if (this.tcb.phase === 'closed' || this.#stream === undefined) return;
    this.tcb.toHost.drained(this.#stream);
    this.#proceedAndFlush();
  }

  ended(): void {
    if (this.tcb.phase === 'closed') return;
    this.tcb.hostEnded = true;
    this.tcb.moreExpected = false;
    this.#proceedAndFlush();
  }

  failed(errorCode: string): void {
    const { tcb } = this;
    if (tcb.phase === 'closed') return;
    this.#stream = undefined;
    if (tcb.phase === 'dialing') {
      this.#owner.dialFailed(this, errorCode);
      this.#close();
      return;
    }
    // What the host gave before it failed goes first, as it would on a wire.
    if (tcb.phase === 'open' || tcb.phase === 'time-wait') tcb.hostFailed = true;
    else this.abort(true);
    tcb.moreExpected = false;
    this.#proceedAndFlush();
  }

  /** A repeated SYN makes no second flow; one with another number comes from a guest that has started anew. */
  #receiveWhileDialing(header: TcpHeader, bytes: Buffer, segment: number): void {
    if ((header.flags & TcpFlag.rst) !== 0) {
      this.#stream?.reset();
      this.#close();
    } else if ((header.flags & TcpFlag.syn) !== 0) this.#takeSyn(header, bytes, segment);
  }

  #takeSyn(header: TcpHeader, bytes: Buffer, segment: number): void {
    const { mssBytes, windowScale, sackPermitted } = readTcpOptions(bytes, segment, header.headerBytes);
    this.tcb.synReceived(header.sequence, mssBytes, windowScale, sackPermitted === true, this.#context);
  }

  #sendSyn(): void {
    const nowMs = this.#context.clock.nowMs();
    const { send, retransmission } = this.tcb;
    writeSyn(this.tcb, this.#context);
    send.next = sequenceAdd(send.initial, 1);
    send.highest = send.next;
    retransmission.sent(send.next, nowMs);
    this.#context.flusher.soon();
    this.#schedule();
  }

  #proceedAndFlush(): void {
    this.#proceed(this.#context.clock.nowMs());
    this.#context.flusher.soon();
  }

  /** After any event: send, read on, close what is over, look to the timer. */
  #proceed(nowMs: number): void {
    const { tcb } = this;
    if (tcb.phase === 'closed') return;
    transmit(tcb, this.#context, nowMs);
    if (tcb.hostFailed) tcb.toHost.discard();
    if (tcb.hostFailed && tcb.phase === 'open' && sequenceDistance(tcb.send.next, tcb.ring.end) >= 0) {
      this.abort(true);
      return;
    }
    if (!this.#reading && tcb.phase === 'open' && tcb.ring.readable && !tcb.hostEnded) {
      this.#reading = true;
      this.#stream?.resume();
    }
    if (tcb.phase === 'open' && tcb.guestEnded && tcb.finAcknowledged) {
      tcb.phase = 'time-wait';
      tcb.retransmission.stop();
      tcb.probe.stop();
      tcb.ring.discard();
      this.#liveness.linger(tcb.guestEndedFirst, nowMs);
      this.#owner.lingers(this);
    }
    if (tcb.phase === 'time-wait' && tcb.toHost.queuedBytes === 0 && this.#liveness.lingered(nowMs))
      this.#close();
    else this.#schedule();
  }

  #schedule(): void {
    this.#timer.require(nextDeadlineMs(this.tcb, this.#liveness));
  }

  #due(nowMs: number): void {
    // A guest that asks whether its connection lives is answered here: the host's side must be asked too.
    if (nowMs >= this.#liveness.deadlineMs && this.tcb.phase === 'open') this.#stream?.keepAlive();
    const outcome = runTimeouts(this.tcb, this.#context, this.#liveness, nowMs);
    if (outcome === 'go-on') this.#proceed(nowMs);
    else this.abort(outcome === 'abort');
    this.#context.flusher.soon();
  }

  #close(): void {
    const { tcb } = this;
    tcb.phase = 'closed';
    this.#timer.stop();
    this.#stream = undefined;
    tcb.toHost.discard();
    tcb.ring.discard();
    tcb.retransmission.stop();
    tcb.probe.stop();
    tcb.acknowledge = 'not';
    this.#growth.giveBack();
    this.#owner.closed(this);
  }
}
