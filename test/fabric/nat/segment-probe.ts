/**
 * A network with one guest that sends single segments and sees what comes back, for rules that are checked one
 * by one.
 */
import { checksum } from '../../../src/wire/checksum.js';
import { IpProtocol } from '../../../src/wire/ipv4.js';
import {
  readTcpHeader,
  readTcpOptions,
  sequenceAdd,
  setTcpChecksum,
  TcpFlag,
  tcpHeaderBytes,
  type TcpOptions,
  writeTcpHeader,
} from '../../../src/wire/tcp.js';
import type { FabricNetwork } from '../../../src/fabric/control/protocol.js';
import { type IpPath, pathBetween } from '../../../src/fabric/nat/ip-path.js';
import type { TcpLimits } from '../../../src/fabric/nat/tcp/limits.js';
import { UserNat } from '../../../src/fabric/nat/user-nat.js';
import { FakeClock } from './fake-clock.js';
import { GUEST_MAC, NETWORK, RecordedLink } from './recorded-link.js';
import { type HostBehaviour, SimulatedHost, type SimulatedStream } from './simulated-host.js';

export interface ProbeOptions {
  readonly guest?: string;
  readonly remote?: string;
  readonly remotePort?: number;
  readonly guestPort?: number;
  readonly network?: Partial<FabricNetwork>;
  readonly limits?: Partial<TcpLimits>;
  readonly host?: HostBehaviour;
  readonly initialSequence?: number;
}

export interface Segment {
  readonly sequence: number;
  readonly acknowledgement?: number;
  readonly flags: number;
  readonly window?: number;
  readonly options?: TcpOptions;
  readonly payload?: Buffer;
  readonly guestPort?: number;
}

export interface Answer {
  readonly flags: number;
  readonly sequence: number;
  readonly acknowledgement: number;
  readonly window: number;
  readonly options: TcpOptions;
  readonly payload: Buffer;
  readonly sourcePort: number;
  readonly destinationPort: number;
}

/** ISS of the NAT and of the guest. */
export const NAT_ISS = 5000;
export const GUEST_ISS = 1000;

export class SegmentProbe {
  readonly clock = new FakeClock();
  readonly host = new SimulatedHost(this.clock);
  readonly link: RecordedLink;
  readonly nat: UserNat;
  /** Packets that are no TCP. */
  readonly others: Buffer[] = [];
  readonly #options: ProbeOptions;
  readonly #path: IpPath;
  #answers: Answer[] = [];

  constructor(options: ProbeOptions = {}) {
    this.#options = options;
    const path = pathBetween(options.guest ?? '10.0.0.2', options.remote ?? '203.0.113.5');
    if (path === undefined) throw new Error('two addresses of one family');
    this.#path = path;
    if (options.host !== undefined) this.host.behaviour = options.host;
    this.link = new RecordedLink(({ packet }) => this.#note(packet), { ...NETWORK, ...options.network });
    this.nat = new UserNat({
      clock: this.clock,
      dialTcp: this.host.dial,
      initialSequence: () => options.initialSequence ?? NAT_ISS,
      ...(options.limits === undefined ? {} : { tcpLimits: options.limits }),
    });
  }

  /** The stream of the last connection. */
  get stream(): SimulatedStream {
    const stream = this.host.streams.at(-1);
    if (stream === undefined) throw new Error('nothing was dialled');
    return stream;
  }

  get flows(): number {
    return this.nat.flowCounts(this.link.network.name).tcp;
  }

  get drops(): Record<string, number> {
    return Object.fromEntries(this.nat.drops(this.link.network.name));
  }

  /** Sends segments as one batch. @returns what came back at once. */
  send(...segments: Segment[]): Answer[] {
    for (const segment of segments) this.inject(this.packet(segment));
    this.endBatch();
    return this.take();
  }

  inject(packet: Buffer): void {
    this.nat.receive(this.link, packet, 0, packet.length, GUEST_MAC);
  }

  endBatch(): void {
    this.nat.endOfBatch(this.link);
    this.link.flush();
  }

  /** What came since the last call. */
  take(): Answer[] {
    const answers = this.#answers;
    this.#answers = [];
    return answers;
  }

  wait(ms: number): Answer[] {
    this.clock.advance(ms);
    return this.take();
  }

  /** Opens a connection. @returns the next sequence numbers of the guest and of the NAT. */
  open(
    options: TcpOptions = { mssBytes: 1460, windowScale: 0 },
    window = 65_535,
  ): { guest: number; nat: number } {
    this.send({ sequence: GUEST_ISS, flags: TcpFlag.syn, options, window });
    const [answer] = this.wait(this.host.behaviour.connectMs ?? 1);
    if (answer === undefined) throw new Error('no SYN-ACK');
    const guest = GUEST_ISS + 1;
    const nat = sequenceAdd(answer.sequence, 1);
    this.send({ sequence: guest, acknowledgement: nat, flags: TcpFlag.ack, window });
    return { guest, nat };
  }

  packet(segment: Segment): Buffer {
    const guestPort = segment.guestPort ?? this.#options.guestPort ?? 40_000;
    return segmentPacket(this.#path, guestPort, this.#options.remotePort ?? 80, segment);
  }

  #note(packet: Buffer): void {
    const isIpv4 = packet[0]! >>> 4 === 4;
    const protocol = isIpv4 ? packet[9]! : packet[6]!;
    if (isIpv4 && checksum(packet, 0, 20) !== 0) throw new Error('bad IPv4 header checksum');
    if (protocol !== IpProtocol.tcp) {
      this.others.push(Buffer.from(packet));
      return;
    }
    this.#answers.push(readSegment(packet, this.#path));
  }
}

/** A segment to a guest. @throws when a checksum is wrong. */
export function readSegment(packet: Buffer, path: IpPath): Answer {
  const offset = path.headerBytes;
  const sum = path.pseudoHeaderSum(IpProtocol.tcp, packet.length - offset);
  if (checksum(packet, offset, packet.length, sum) !== 0) throw new Error('bad TCP checksum');
  const header = readTcpHeader(packet, offset, packet.length);
  if (header === undefined) throw new Error('malformed segment');
  const { flags, sequence, acknowledgement, window, headerBytes, sourcePort, destinationPort } = header;
  return {
    flags,
    sequence,
    acknowledgement,
    window,
    sourcePort,
    destinationPort,
    options: readTcpOptions(packet, offset, headerBytes),
    payload: Buffer.from(packet.subarray(offset + headerBytes)),
  };
}

/** A segment of a guest as an IP packet. @param path to the guest. */
export function segmentPacket(path: IpPath, guestPort: number, remotePort: number, segment: Segment): Buffer {
  const {
    payload = Buffer.alloc(0),
    options,
    flags,
    window = 65_535,
    acknowledgement = 0,
    sequence,
  } = segment;
  const outward = path.reversed();
  const segmentBytes = tcpHeaderBytes(options) + payload.length;
  const packet = Buffer.alloc(outward.headerBytes + segmentBytes);
  const at = outward.writeHeader(packet, 0, segmentBytes, IpProtocol.tcp);
  packet.set(
    payload,
    writeTcpHeader(packet, at, guestPort, remotePort, sequence, acknowledgement, flags, window, options),
  );
  setTcpChecksum(packet, at, packet.length, outward.pseudoHeaderSum(IpProtocol.tcp, segmentBytes));
  return packet;
}
