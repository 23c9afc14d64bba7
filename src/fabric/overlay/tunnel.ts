/**
 * A switch port whose far end is another host: frames travel in VXLAN datagrams (RFC 7348).
 *
 * Theory of operation. Each peer of a network is one port, so the switch learns which machine is behind which host as it
 * does for machines, and floods to all of them. All tunnels of a network share a split-horizon group: peers reach each
 * other by themselves, and a frame that came in by a tunnel leaves by none, or it would go round for ever. A frame out
 * is copied behind a header into a datagram of its own; a frame in is handed on where it lies, its length written over
 * the header before it.
 *
 * Limits: what the socket has not sent is bounded, then frames are dropped (`queue-full`). Who sends from a peer's
 * address is that peer: the network between hosts is trusted, as VXLAN has no keys (RFC 7348 section 7).
 */
import { writeVxlanHeader, VXLAN_HEADER_BYTES } from '../../wire/vxlan.js';
import { countDrop, emptyCounters } from '../ports/counters.js';
import {
  FRAME_HEADER_BYTES,
  type FrameBatch,
  type FrameSink,
  MIN_FRAME_BYTES,
  type Port,
} from '../ports/port.js';

/** Ethernet header and a VLAN tag: what a frame has beyond its packet. */
const FRAME_OVERHEAD_BYTES = 18;
const MAX_QUEUED_BYTES = 2 * 1024 * 1024;

/** The UDP socket below tunnels. */
export interface DatagramSink {
  readonly queuedBytes: number;
  /** @param datagram not touched again by the caller. */
  send(datagram: Buffer, peer: string): void;
}

export interface TunnelSettings {
  readonly vni: number;
  /** Canonical text. */
  readonly peer: string;
  readonly mtuBytes: number;
}

export class Tunnel implements Port {
  readonly id: string;
  readonly counters = emptyCounters();
  readonly peer: string;
  mtuBytes: number;
  readonly #vni: number;
  readonly #datagrams: DatagramSink;
  readonly #sink: FrameSink;

  constructor({ vni, peer, mtuBytes }: TunnelSettings, datagrams: DatagramSink, sink: FrameSink) {
    this.id = `vxlan ${vni} ${peer}`;
    this.peer = peer;
    this.mtuBytes = mtuBytes;
    this.#vni = vni;
    this.#datagrams = datagrams;
    this.#sink = sink;
  }

  offer({ bytes }: FrameBatch, start: number, end: number): void {
    for (let position = start; position < end; ) {
      const frame = position + FRAME_HEADER_BYTES;
      position = frame + bytes.readUInt32BE(position);
      this.#send(bytes, frame, position);
    }
  }

  /** Each frame was a datagram of its own already. */
  flush(): void {}

  /** @param datagram a VXLAN header of this tunnel's network, then a frame. */
  receive(datagram: Buffer): void {
    const frameBytes = datagram.length - VXLAN_HEADER_BYTES;
    if (frameBytes < MIN_FRAME_BYTES) {
      countDrop(this, 'runt');
      return;
    }
    if (frameBytes > this.mtuBytes + FRAME_OVERHEAD_BYTES) {
      countDrop(this, 'oversized');
      return;
    }
    this.counters.rxFrames += 1;
    this.counters.rxBytes += frameBytes;
    const start = VXLAN_HEADER_BYTES - FRAME_HEADER_BYTES;
    datagram.writeUInt32BE(frameBytes, start);
    this.#sink.forward(this, { bytes: datagram, retained: false }, start, datagram.length);
  }

  #send(bytes: Buffer, start: number, end: number): void {
    if (this.#datagrams.queuedBytes > MAX_QUEUED_BYTES) {
      countDrop(this, 'queue-full');
      return;
    }
    const datagram = Buffer.allocUnsafe(VXLAN_HEADER_BYTES + end - start);
    bytes.copy(datagram, writeVxlanHeader(datagram, 0, this.#vni), start, end);
    this.counters.txFrames += 1;
    this.counters.txBytes += end - start;
    this.#datagrams.send(datagram, this.peer);
  }
}
