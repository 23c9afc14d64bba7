/** What is known of one connection: the transmission control block of RFC 9293 section 3.3.1. Data, no behaviour. */
import type { GatewayLink } from '../../gateway/link.js';
import { sequenceAdd, sequenceDistance, TCP_HEADER_BYTES } from '../../../wire/tcp.js';
import type { Clock } from '../clock.js';
import type { IpPath } from '../ip-path.js';
import type { LinkFlusher } from '../link-flusher.js';
import { Congestion } from './congestion.js';
import { type ChunkPool, HostQueue } from './host-queue.js';
import {
  CHALLENGE_ACKS_PER_SECOND,
  DEFAULT_MSS_BYTES,
  DELAYED_ACK_MS,
  type MemoryBudget,
  MIN_MSS_BYTES,
  type TcpLimits,
} from './limits.js';
import { Reassembly } from './reassembly.js';
import { ReceiveWindow } from './receive-window.js';
import { RetransmissionTimer } from './retransmission.js';
import { Scoreboard } from './scoreboard.js';
import { SendRing } from './send-ring.js';
import { ZeroWindowProbe } from './zero-window.js';

/** What all connections of one network share. */
export interface TcpContext {
  readonly link: GatewayLink;
  readonly flusher: LinkFlusher;
  readonly clock: Clock;
  readonly limits: TcpLimits;
  readonly budget: MemoryBudget;
  readonly chunks: ChunkPool;
}

/**
 * `dialing`: the guest's SYN waits for the host side. `syn-received`: our SYN-ACK is out. `syn-sent`: our SYN
 * to a machine behind a forward is out. `open`: ESTABLISHED and all states of closing, told apart by
 * `guestEnded` and `hostEnded`. `time-wait`: both sides have closed. `closed`: gone.
 */
export type Phase = 'dialing' | 'syn-sent' | 'syn-received' | 'open' | 'time-wait' | 'closed';

/** Both ends of a connection, and the card behind which the guest is. */
export interface ConnectionEnds {
  readonly path: IpPath;
  readonly guestPort: number;
  readonly remotePort: number;
  readonly guestMac: number;
}

/** The send sequence variables (RFC 9293 section 3.3.1), u32. */
export class SendSequence {
  /** ISS */
  readonly initial: number;
  /** SND.UNA */
  unacknowledged: number;
  /** SND.NXT; falls back to SND.UNA when the retransmission timer expires. */
  next: number;
  /** Behind everything ever sent. */
  highest: number;
  /** SND.WND, scaled, bytes. */
  windowBytes = 0;
  largestWindowBytes = 0;
  /** Scale of the guest's windows (RFC 7323). */
  windowShift = 0;
  /** SND.WL1 and SND.WL2: the segment that last set the window. */
  windowSequence = 0;
  windowAcknowledgement: number;

  constructor(initial: number) {
    this.initial = initial;
    this.windowAcknowledgement = initial;
    this.unacknowledged = initial;
    this.next = initial;
    this.highest = initial;
  }

  get flightBytes(): number {
    return sequenceDistance(this.highest, this.unacknowledged);
  }
}

export class ControlBlock {
  phase: Phase;
  readonly path: IpPath;
  readonly guestPort: number;
  readonly remotePort: number;
  /** Of the latest segment: a machine may come back behind another card. */
  guestMac: number;

  readonly send: SendSequence;
  readonly ring: SendRing;
  readonly retransmission = new RetransmissionTimer();
  readonly probe = new ZeroWindowProbe();
  readonly scoreboard = new Scoreboard();
  congestion: Congestion;
  /** Largest payload of a segment to the guest. */
  mssBytes: number;
  /** The first unacknowledged segment must go out again, whatever the windows say. */
  resend = false;
  /** The last read filled its space, so that more is likely to follow at once: a short segment waits for it. */
  moreExpected = false;
  /** When to look again what may be sent, because the port was full or more was expected; else infinite. */
  sendAgainAtMs = Number.POSITIVE_INFINITY;

  receive: ReceiveWindow;
  readonly reassembly: Reassembly;
  readonly toHost: HostQueue;
  sackPermitted = false;
  /** Largest payload the guest has sent: what counts as a segment when acknowledging. */
  segmentBytes: number;
  /** Where the guest's FIN stands, if it came before the data in front of it. */
  finSequence: number | undefined;
  /** RCV.NXT of the last segment sent. */
  acknowledged: number;
  acknowledge: 'not' | 'later' | 'now' = 'not';
  acknowledgeAtMs = Number.POSITIVE_INFINITY;

  /** The guest's FIN is in order: CLOSE-WAIT, LAST-ACK, CLOSING. */
  guestEnded = false;
  /** The host will give nothing more: FIN-WAIT as soon as the ring is empty. */
  hostEnded = false;
  /** The host's side is gone: the guest is reset behind the ring's last byte. */
  hostFailed = false;
  /** The guest ended first, so that TIME-WAIT is its burden (RFC 9293 section 3.6). */
  guestEndedFirst = false;
  /** When the guest was last heard. */
  heardAtMs: number;
  sentAtMs: number;

  #challenges = 0;
  #challengesSinceMs = Number.NEGATIVE_INFINITY;

  constructor(
    phase: Phase,
    ends: ConnectionEnds,
    context: TcpContext,
    initialSequence: number,
    nowMs: number,
  ) {
    const { limits } = context;
    this.phase = phase;
    this.path = ends.path;
    this.guestPort = ends.guestPort;
    this.remotePort = ends.remotePort;
    this.guestMac = ends.guestMac;
    this.send = new SendSequence(initialSequence);
    this.ring = new SendRing(limits.sendRingBytes, sequenceAdd(initialSequence, 1));
    this.mssBytes = DEFAULT_MSS_BYTES[ends.path.family];
    this.segmentBytes = this.mssBytes;
    this.congestion = new Congestion(this.mssBytes, limits.maxSendRingBytes, false);
    this.receive = new ReceiveWindow(0, limits.receiveBytes, true);
    this.reassembly = new Reassembly(limits.maxReassemblySegments);
    this.toHost = new HostQueue(context.chunks);
    this.acknowledged = 0;
    this.heardAtMs = nowMs;
    this.sentAtMs = nowMs;
  }

  /** The guest has acknowledged our FIN. */
  get finAcknowledged(): boolean {
    return this.hostEnded && sequenceDistance(this.send.unacknowledged, this.ring.end) === 1;
  }

  get halfOpen(): boolean {
    return this.phase === 'dialing' || this.phase === 'syn-sent' || this.phase === 'syn-received';
  }

  /** Takes over what the guest's SYN says. */
  synReceived(
    sequence: number,
    mssBytes: number | undefined,
    windowScale: number | undefined,
    sackPermitted: boolean,
    context: TcpContext,
  ): void {
    const { limits, link } = context;
    const largestBytes = largestSegmentBytes(this.path, link.network.mtuBytes);
    const named = mssBytes ?? DEFAULT_MSS_BYTES[this.path.family];
    this.mssBytes = Math.min(Math.max(named, MIN_MSS_BYTES), largestBytes);
    this.congestion = new Congestion(this.mssBytes, limits.maxSendRingBytes, sackPermitted);
    this.send.windowShift = windowScale ?? 0;
    this.sackPermitted = sackPermitted;
    this.receive = new ReceiveWindow(
      sequenceAdd(sequence, 1),
      limits.receiveBytes,
      windowScale !== undefined,
    );
    this.acknowledged = this.receive.next;
    this.send.windowSequence = sequence;
  }

  acknowledgeLater(nowMs: number): void {
    if (this.acknowledge !== 'not') return;
    this.acknowledge = 'later';
    this.acknowledgeAtMs = nowMs + DELAYED_ACK_MS;
  }

  /** Asks for an acknowledgement that a segment out of place provokes, unless there were many (RFC 5961 section 7). */
  challenge(nowMs: number): void {
    if (nowMs - this.#challengesSinceMs >= 1000) {
      this.#challengesSinceMs = nowMs;
      this.#challenges = 0;
    }
    if (this.#challenges++ < CHALLENGE_ACKS_PER_SECOND) this.acknowledge = 'now';
  }
}

/** Payload that fits one packet of the network. */
export function largestSegmentBytes(path: IpPath, mtuBytes: number): number {
  return mtuBytes - path.headerBytes - TCP_HEADER_BYTES;
}
