/**
 * Echo requests of guests to hosts outside.
 *
 * Theory of operation. Each guest address and identifier has a ping socket of its own; the kernel's identifier
 * takes the guest's place outside and is put back in answers (RFC 5508). Only an answer that came from the
 * network makes an answer to the guest: where ping sockets cannot be had, requests are dropped and counted as
 * `echo-unavailable`, never answered in another's name. Flows end when idle; the oldest makes room.
 */
import type { GatewayLink } from '../../gateway/link.js';
import { ipv6Key } from '../../../wire/address.js';
import {
  echoRest,
  ICMP_HEADER_BYTES,
  IcmpType,
  Icmpv6Type,
  readIcmp,
  readIcmpv6,
  setIcmpChecksum,
  setIcmpv6Checksum,
  writeIcmpHeader,
} from '../../../wire/icmp.js';
import { IpProtocol } from '../../../wire/ipv4.js';
import { type Clock, DeadlineTimer } from '../clock.js';
import type { DropCounters } from '../drops.js';
import { type IpPath, pathToSender } from '../ip-path.js';
import type { LinkFlusher } from '../link-flusher.js';
import { sendPacket } from '../oversize.js';
import { ECHO_IDLE_MS, type EchoLimits, SWEEP_MS } from './limits.js';
import type { OpenPingSocket, PingSocket } from './ping-socket.js';

export interface EchoServices {
  readonly link: GatewayLink;
  readonly flusher: LinkFlusher;
  readonly clock: Clock;
  readonly drops: DropCounters;
  readonly limits: EchoLimits;
  /** `undefined` while there are no ping sockets. */
  readonly open: () => OpenPingSocket | undefined;
  /** Whether the packet at `ipOffset` may leave. */
  readonly mayLeave: (bytes: Buffer, ipOffset: number) => boolean;
}

interface EchoFlow {
  readonly identifier: number;
  readonly paths: Map<string, IpPath>;
  guestMac: number;
  activeAtMs: number;
  socket: PingSocket | undefined;
}

export class EchoNat {
  readonly #services: EchoServices;
  /** By guest address and identifier; idle longest first. */
  readonly #flows = new Map<string, EchoFlow>();
  readonly #sweeper: DeadlineTimer;

  constructor(services: EchoServices) {
    this.#services = services;
    this.#sweeper = new DeadlineTimer(services.clock, (nowMs) => this.#sweep(nowMs));
  }

  get flowCount(): number {
    return this.#flows.size;
  }

  /** A packet of a guest: IP header at `ipOffset`, ICMP message [message, end). */
  receive(
    family: 4 | 6,
    bytes: Buffer,
    ipOffset: number,
    message: number,
    end: number,
    mac: number,
    nowMs: number,
  ): void {
    const { drops, limits, mayLeave } = this.#services;
    const header = family === 4 ? readIcmp(bytes, message, end) : readIcmpv6(bytes, ipOffset, message, end);
    if (header === undefined) {
      drops.add('malformed');
      return;
    }
    const request = family === 4 ? IcmpType.echoRequest : Icmpv6Type.echoRequest;
    if (header.type !== request || header.code !== 0) {
      drops.add('unsupported-icmp');
      return;
    }
    if (!mayLeave(bytes, ipOffset)) {
      drops.add('destination-refused');
      return;
    }
    const flow = this.#flowOf(family, bytes, ipOffset, header.rest >>> 16, mac, nowMs);
    if (flow?.socket === undefined) {
      drops.add('echo-unavailable');
      return;
    }
    const path = pathToSender(bytes, ipOffset);
    const address = path.remoteAddress;
    if (!flow.paths.has(address) && flow.paths.size >= limits.maxRemotes) flow.paths.clear();
    flow.paths.set(address, path);
    flow.socket.send(
      address,
      header.rest & 0xffff,
      Buffer.from(bytes.subarray(message + ICMP_HEADER_BYTES, end)),
    );
  }

  /** Ends the flows of a guest that is gone. */
  endGuest(mac: number): void {
    for (const [key, flow] of this.#flows) if (flow.guestMac === mac) this.#end(key, flow);
  }

  close(): void {
    for (const [key, flow] of this.#flows) this.#end(key, flow);
    this.#sweeper.stop();
  }

  #flowOf(
    family: 4 | 6,
    bytes: Buffer,
    ipOffset: number,
    identifier: number,
    mac: number,
    nowMs: number,
  ): EchoFlow | undefined {
    const address = family === 4 ? bytes.readUInt32BE(ipOffset + 12) : ipv6Key(bytes, ipOffset + 8);
    const key = `${address} ${identifier}`;
    const flow = this.#flows.get(key) ?? this.#open(family, identifier, mac, nowMs);
    if (flow === undefined) return undefined;
    flow.guestMac = mac;
    flow.activeAtMs = nowMs;
    this.#flows.delete(key);
    this.#flows.set(key, flow);
    return flow;
  }

  #open(family: 4 | 6, identifier: number, mac: number, nowMs: number): EchoFlow | undefined {
    const open = this.#services.open();
    if (open === undefined) return undefined;
    const flow: EchoFlow = {
      identifier,
      paths: new Map(),
      guestMac: mac,
      activeAtMs: nowMs,
      socket: undefined,
    };
    flow.socket = open(family, {
      replied: (address, sequence, payload) => this.#receiveReply(flow, address, sequence, payload),
    });
    if (flow.socket === undefined) return undefined;
    for (const [key, oldest] of this.#flows) {
      if (this.#flows.size < this.#services.limits.maxFlowsPerNetwork) break;
      this.#end(key, oldest);
    }
    this.#sweeper.require(nowMs + SWEEP_MS);
    return flow;
  }

  #receiveReply(flow: EchoFlow, address: string, sequence: number, payload: Buffer): void {
    const { link, flusher, clock } = this.#services;
    const path = flow.paths.get(address);
    if (path === undefined) return;
    flow.activeAtMs = clock.nowMs();
    const messageBytes = ICMP_HEADER_BYTES + payload.length;
    const packet = Buffer.allocUnsafe(path.headerBytes + messageBytes);
    const isIpv4 = path.family === 4;
    const message = path.writeHeader(packet, 0, messageBytes, isIpv4 ? IpProtocol.icmp : IpProtocol.icmpv6);
    const type = isIpv4 ? IcmpType.echoReply : Icmpv6Type.echoReply;
    packet.set(payload, writeIcmpHeader(packet, message, type, 0, echoRest(flow.identifier, sequence)));
    if (isIpv4) setIcmpChecksum(packet, message, packet.length);
    else setIcmpv6Checksum(packet, 0, message, packet.length);
    sendPacket(link, flow.guestMac, packet);
    flusher.soon();
  }

  #sweep(nowMs: number): void {
    for (const [key, flow] of this.#flows) {
      if (nowMs - flow.activeAtMs >= ECHO_IDLE_MS) this.#end(key, flow);
    }
    if (this.#flows.size > 0) this.#sweeper.require(nowMs + SWEEP_MS);
  }

  #end(key: string, flow: EchoFlow): void {
    flow.socket?.close();
    this.#flows.delete(key);
  }
}
