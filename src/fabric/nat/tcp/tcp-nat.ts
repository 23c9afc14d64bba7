/**
 * The TCP of one network: finds the connection of a segment, begins new ones, answers what belongs nowhere.
 *
 * A batch is taken segment by segment; connections that were touched hand data on and acknowledge at its end,
 * so that one write and one acknowledgement serve many segments.
 */
import { checksum, pseudoHeaderSumIpv4, pseudoHeaderSumIpv6 } from '../../../wire/checksum.js';
import { IpProtocol } from '../../../wire/ipv4.js';
import { readTcpHeader, TcpFlag, type TcpHeader } from '../../../wire/tcp.js';
import type { Destination } from '../destination.js';
import type { DropCounters } from '../drops.js';
import { FlowTable } from '../flow-table.js';
import { refusalOf } from '../host-errors.js';
import { FLOW_KEY_WORDS, fillKeyOfPacket, type IpPath, pathToSender } from '../ip-path.js';
import { QUOTED_TRANSPORT_BYTES, type UnreachableSender } from '../unreachable.js';
import { Admission } from './admission.js';
import { sequenceBytes } from './arrival.js';
import { Connection, type ConnectionOwner } from './connection.js';
import type { ConnectionEnds, TcpContext } from './control-block.js';
import type { Dial, DialTarget, HostStream, HostStreamEvents } from './host-stream.js';
import type { InitialSequence } from './initial-sequence.js';
import { writeResetReply } from './segment-writer.js';

/** Where a guest's SYN leads: a stream to open, or nothing and why. */
export type Route =
  | { readonly dial: Dial; readonly target: DialTarget }
  | Exclude<Destination, 'remote' | 'gateway'>
  | 'closed-port';

export interface TcpServices {
  readonly context: TcpContext;
  readonly drops: DropCounters;
  readonly unreachable: UnreachableSender;
  readonly initialSequence: InitialSequence;
  /** Decides on a new flow. [ipOffset, …) is its SYN's packet. */
  readonly route: (
    bytes: Buffer,
    ipOffset: number,
    path: IpPath,
    remotePort: number,
    guestPort: number,
  ) => Route;
}

export class TcpNat implements ConnectionOwner {
  readonly #services: TcpServices;
  readonly #tables = {
    4: new FlowTable<Connection>(FLOW_KEY_WORDS[4]),
    6: new FlowTable<Connection>(FLOW_KEY_WORDS[6]),
  };
  readonly #admission: Admission<Connection>;
  #touched: Connection[] = [];

  constructor(services: TcpServices) {
    this.#services = services;
    this.#admission = new Admission(services.context.limits);
  }

  get flowCount(): number {
    return this.#tables[4].size + this.#tables[6].size;
  }

  /**
   * A packet of a guest: IP header at `ipOffset`, TCP header at `segment`, payload up to `end`.
   * @returns false when it belongs to no flow and leads to a closed port, which the caller refuses.
   */
  receive(
    family: 4 | 6,
    bytes: Buffer,
    ipOffset: number,
    segment: number,
    end: number,
    mac: number,
    nowMs: number,
  ): boolean {
    const header = readTcpHeader(bytes, segment, end);
    const { link } = this.#services.context;
    if (
      header === undefined ||
      !(link.isChecksumLeft || checksumHolds(family, bytes, ipOffset, segment, end))
    ) {
      this.#services.drops.add(header === undefined ? 'malformed' : 'bad-checksum');
      return true;
    }
    const table = this.#tables[family];
    fillKeyOfPacket(table.key, bytes, ipOffset, segment);
    const connection = table.get();
    if (connection === undefined || this.#makesWay(connection, header)) {
      return this.#receiveUnknown(bytes, ipOffset, segment, end, header, mac);
    }
    connection.tcb.guestMac = mac;
    connection.receive(header, bytes, segment, end, nowMs);
    if (!connection.touched) {
      connection.touched = true;
      this.#touched.push(connection);
    }
    return true;
  }

  endOfBatch(nowMs: number): void {
    if (this.#touched.length === 0) return;
    const touched = this.#touched;
    this.#touched = [];
    for (const connection of touched) {
      connection.touched = false;
      connection.endOfBatch(nowMs);
    }
  }

  /**
   * Opens a connection to a machine in the name of `path.remoteAddress`.
   * @returns false when there is such a connection already, or no room for one.
   */
  connectGuest(ends: ConnectionEnds, attach: (events: HostStreamEvents) => HostStream): boolean {
    if (this.has(ends) || !this.#makeRoom(ends.guestMac, false)) return false;
    this.#begin('syn-sent', ends).openTowardsGuest(attach);
    return true;
  }

  /** Whether these ends have a connection. */
  has(ends: Omit<ConnectionEnds, 'guestMac'>): boolean {
    return this.#tableOf(ends).get() !== undefined;
  }

  /** Resets every connection. @param tellGuests false when the network is gone. */
  reset(tellGuests: boolean): void {
    for (const table of [this.#tables[4], this.#tables[6]]) {
      for (const connection of table.values()) connection.abort(tellGuests);
    }
  }

  /** Resets the connections of a guest that is gone. */
  resetGuest(mac: number): void {
    for (const table of [this.#tables[4], this.#tables[6]]) {
      for (const connection of table.values()) if (connection.ownerMac === mac) connection.abort(false);
    }
  }

  established(connection: Connection): void {
    this.#admission.established(connection);
  }

  lingers(connection: Connection): void {
    this.#admission.lingers(connection);
  }

  closed(connection: Connection): void {
    this.#tableOf(connection.tcb).delete();
    this.#admission.ended(connection);
  }

  dialFailed(connection: Connection, errorCode: string): void {
    const { tcb } = connection;
    const reason = refusalOf(errorCode);
    if (reason === 'silent') {
      this.#services.drops.add(`host-${errorCode}`);
      return;
    }
    if (reason === 'port') connection.refuse();
    else this.#sendUnreachable(tcb, tcb.receive.next - 1, reason);
    this.#services.context.flusher.soon();
  }

  /** A new SYN may take the place of a connection in TIME-WAIT. */
  #makesWay(connection: Connection, header: TcpHeader): boolean {
    const isSyn = (header.flags & (TcpFlag.syn | TcpFlag.ack | TcpFlag.rst)) === TcpFlag.syn;
    if (!isSyn || !connection.mayBeReplaced(header.sequence)) return false;
    connection.abort(false);
    return true;
  }

  #receiveUnknown(
    bytes: Buffer,
    ipOffset: number,
    segment: number,
    end: number,
    header: TcpHeader,
    mac: number,
  ): boolean {
    const { flags } = header;
    if ((flags & TcpFlag.rst) !== 0) return true;
    const ends: ConnectionEnds = {
      path: pathToSender(bytes, ipOffset),
      guestPort: header.sourcePort,
      remotePort: header.destinationPort,
      guestMac: mac,
    };
    const isSyn = (flags & (TcpFlag.syn | TcpFlag.ack | TcpFlag.fin)) === TcpFlag.syn;
    const route = this.#services.route(bytes, ipOffset, ends.path, ends.remotePort, ends.guestPort);
    if (route === 'closed-port') return false;
    if (route === 'silent') {
      this.#services.drops.add('destination-refused');
    } else if (route === 'refused') {
      this.#services.drops.add('destination-refused');
      if (isSyn) this.#sendUnreachable(ends, header.sequence, 'prohibited');
    } else if (!isSyn || ends.guestPort === 0 || ends.remotePort === 0) {
      const segmentBytes = sequenceBytes(flags, end - segment - header.headerBytes);
      writeResetReply(this.#services.context.link, ends, header, segmentBytes);
    } else if (this.#makeRoom(mac, true)) {
      this.#begin('dialing', ends).dial(header, bytes, segment, route.dial, route.target);
    } else this.#services.drops.add('flow-table-full');
    return true;
  }

  #begin(phase: 'dialing' | 'syn-sent', ends: ConnectionEnds): Connection {
    const { context, initialSequence } = this.#services;
    const connection = new Connection(phase, ends, context, this, initialSequence(ends));
    this.#tableOf(ends).set(connection);
    this.#admission.begun(connection, phase === 'dialing');
    return connection;
  }

  #makeRoom(mac: number, byGuest: boolean): boolean {
    const displaced = this.#admission.roomFor(mac, byGuest);
    if (displaced === undefined) return false;
    for (const connection of displaced) {
      if (connection.tcb.halfOpen) this.#services.drops.add('half-open-displaced');
      connection.abort(false);
    }
    return true;
  }

  /** The table with its key filled in. */
  #tableOf(ends: Omit<ConnectionEnds, 'guestMac'>): FlowTable<Connection> {
    const table = this.#tables[ends.path.family];
    ends.path.fillKey(table.key, ends.guestPort, ends.remotePort);
    return table;
  }

  #sendUnreachable(ends: ConnectionEnds, sequence: number, reason: 'host' | 'network' | 'prohibited'): void {
    const transport = Buffer.allocUnsafe(QUOTED_TRANSPORT_BYTES);
    transport.writeUInt16BE(ends.guestPort, 0);
    transport.writeUInt16BE(ends.remotePort, 2);
    transport.writeUInt32BE(sequence >>> 0, 4);
    this.#services.unreachable.send(ends.guestMac, ends.path, reason, IpProtocol.tcp, transport, 20);
  }
}

function checksumHolds(
  family: 4 | 6,
  bytes: Buffer,
  ipOffset: number,
  segment: number,
  end: number,
): boolean {
  const segmentBytes = end - segment;
  const sum =
    family === 4
      ? pseudoHeaderSumIpv4(
          bytes.readUInt32BE(ipOffset + 12),
          bytes.readUInt32BE(ipOffset + 16),
          IpProtocol.tcp,
          segmentBytes,
        )
      : pseudoHeaderSumIpv6(bytes, ipOffset, IpProtocol.tcp, segmentBytes);
  return checksum(bytes, segment, end, sum) === 0;
}
