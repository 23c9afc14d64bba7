/**
 * The UDP of one network.
 *
 * Theory of operation. A datagram of a guest goes, in this order, to the forward whose client it answers, or
 * out by the mapping of the guest's address and port, which is made when there is none. Answers come from the
 * mapping's host socket and go to the guest in the name of whoever sent them. A refusal that the host socket
 * learns of becomes an ICMP error. Mappings end when idle; `limits.ts` names times and bounds.
 */
import { ipv6Key } from '../../../wire/address.js';
import { pseudoHeaderSumIpv4, pseudoHeaderSumIpv6 } from '../../../wire/checksum.js';
import { IpProtocol } from '../../../wire/ipv4.js';
import { readUdpHeader, UDP_HEADER_BYTES, udpChecksumHolds, type UdpHeader } from '../../../wire/udp.js';
import type { GatewayLink } from '../../gateway/link.js';
import { type Clock, DeadlineTimer } from '../clock.js';
import type { Destination } from '../destination.js';
import type { DropCounters } from '../drops.js';
import { FlowTable } from '../flow-table.js';
import { refusalOf } from '../host-errors.js';
import { FLOW_KEY_WORDS, fillKeyOfPacket, type IpPath, pathToSender } from '../ip-path.js';
import type { LinkFlusher } from '../link-flusher.js';
import { QUOTED_TRANSPORT_BYTES, type UnreachableSender } from '../unreachable.js';
import { writeDatagram } from './datagram-writer.js';
import type { OpenDatagrams } from './host-datagrams.js';
import { SWEEP_MS, type UdpLimits } from './limits.js';
import { Mapping } from './mapping.js';

export type UdpRoute =
  | { readonly address: string }
  | Exclude<Destination, 'remote' | 'gateway'>
  | 'closed-port';

export interface UdpServices {
  readonly link: GatewayLink;
  readonly flusher: LinkFlusher;
  readonly clock: Clock;
  readonly drops: DropCounters;
  readonly unreachable: UnreachableSender;
  readonly limits: UdpLimits;
  readonly open: OpenDatagrams;
  /** Where the packet at `ipOffset` leads, as the host sees it. */
  readonly route: (bytes: Buffer, ipOffset: number) => UdpRoute;
}

/** A client of a forward, which answers of a guest go to. */
export interface ForwardedClient {
  /** @param payload valid only during the call. */
  answer(payload: Buffer): void;
}

export class UdpNat {
  readonly #services: UdpServices;
  /** By guest address and port; idle longest first. */
  readonly #mappings = new Map<string, Mapping>();
  readonly #mappingsOfGuest = new Map<number, number>();
  readonly #clients = {
    4: new FlowTable<ForwardedClient>(FLOW_KEY_WORDS[4]),
    6: new FlowTable<ForwardedClient>(FLOW_KEY_WORDS[6]),
  };
  readonly #sweeper: DeadlineTimer;

  constructor(services: UdpServices) {
    this.#services = services;
    this.#sweeper = new DeadlineTimer(services.clock, (nowMs) => this.#sweep(nowMs));
  }

  get flowCount(): number {
    return this.#mappings.size + this.#clients[4].size + this.#clients[6].size;
  }

  /**
   * A packet of a guest: IP header at `ipOffset`, UDP header at `datagram`.
   * @returns false when it leads to a closed port of the gateway, which the caller refuses.
   */
  receive(
    family: 4 | 6,
    bytes: Buffer,
    ipOffset: number,
    datagram: number,
    packetEnd: number,
    mac: number,
    nowMs: number,
  ): boolean {
    const header = readUdpHeader(bytes, datagram, packetEnd);
    if (header === undefined || !checksumHolds(family, header, bytes, ipOffset, datagram)) {
      this.#services.drops.add(header === undefined ? 'malformed' : 'bad-checksum');
      return true;
    }
    const end = datagram + header.lengthBytes;
    const clients = this.#clients[family];
    fillKeyOfPacket(clients.key, bytes, ipOffset, datagram);
    const client = clients.size === 0 ? undefined : clients.get();
    if (client !== undefined) {
      client.answer(bytes.subarray(datagram + UDP_HEADER_BYTES, end));
      return true;
    }
    const route = this.#services.route(bytes, ipOffset);
    if (route === 'closed-port') return false;
    if (typeof route === 'string') this.#refuse(route, bytes, ipOffset, datagram, header, mac);
    else if (header.destinationPort === 0) this.#services.drops.add('malformed');
    else this.#send(route.address, bytes, ipOffset, datagram, header, mac, nowMs);
    return true;
  }

  /** Makes answers of a guest go to a client of a forward. @returns false when these ends are taken. */
  addClient(path: IpPath, guestPort: number, remotePort: number, client: ForwardedClient): boolean {
    const table = this.#clients[path.family];
    path.fillKey(table.key, guestPort, remotePort);
    if (table.get() !== undefined) return false;
    table.set(client);
    return true;
  }

  removeClient(path: IpPath, guestPort: number, remotePort: number): void {
    const table = this.#clients[path.family];
    path.fillKey(table.key, guestPort, remotePort);
    table.delete();
  }

  /** Ends the mappings of a guest that is gone. */
  endGuest(mac: number): void {
    for (const [key, mapping] of this.#mappings) if (mapping.ownerMac === mac) this.#end(key, mapping);
  }

  close(): void {
    for (const [key, mapping] of this.#mappings) this.#end(key, mapping);
    this.#sweeper.stop();
  }

  #send(
    address: string,
    bytes: Buffer,
    ipOffset: number,
    datagram: number,
    header: UdpHeader,
    mac: number,
    nowMs: number,
  ): void {
    const mapping = this.#mappingOf(bytes, ipOffset, header.sourcePort, mac, nowMs);
    if (mapping?.socket === undefined) return;
    const remote = mapping.speakTo(address, header.destinationPort, () => pathToSender(bytes, ipOffset));
    bytes.copy(remote.quote, 0, datagram, datagram + QUOTED_TRANSPORT_BYTES);
    remote.lastLengthBytes = header.lengthBytes;
    // The socket may keep the payload beyond this call, and the batch does not.
    const payload = Buffer.from(bytes.subarray(datagram + UDP_HEADER_BYTES, datagram + header.lengthBytes));
    mapping.socket.send(payload, address, header.destinationPort);
  }

  /** The mapping of the guest's address and port, moved to the end of the line. */
  #mappingOf(
    bytes: Buffer,
    ipOffset: number,
    guestPort: number,
    mac: number,
    nowMs: number,
  ): Mapping | undefined {
    const isIpv4 = bytes[ipOffset]! >>> 4 === 4;
    const address = isIpv4 ? bytes.readUInt32BE(ipOffset + 12) : ipv6Key(bytes, ipOffset + 8);
    const key = `${address} ${guestPort}`;
    const mapping = this.#mappings.get(key) ?? this.#open(key, isIpv4 ? 4 : 6, guestPort, mac, nowMs);
    if (mapping === undefined) return undefined;
    mapping.guestMac = mac;
    mapping.activeAtMs = nowMs;
    this.#mappings.delete(key);
    this.#mappings.set(key, mapping);
    return mapping;
  }

  #open(key: string, family: 4 | 6, guestPort: number, mac: number, nowMs: number): Mapping | undefined {
    const { open, limits, drops } = this.#services;
    this.#makeRoom(mac);
    const mapping = new Mapping(guestPort, mac, limits.maxRemotes, nowMs);
    mapping.socket = open(family, guestPort, {
      received: (payload, address, port) => this.#receiveAnswer(mapping, payload, address, port),
      failed: (errorCode, address, port) => this.#receiveFailure(mapping, errorCode, address, port),
    });
    if (mapping.socket === undefined) {
      drops.add('host-ports-exhausted');
      return undefined;
    }
    this.#mappings.set(key, mapping);
    this.#mappingsOfGuest.set(mac, (this.#mappingsOfGuest.get(mac) ?? 0) + 1);
    this.#sweeper.require(nowMs + SWEEP_MS);
    return mapping;
  }

  #receiveAnswer(mapping: Mapping, payload: Buffer, address: string, port: number): void {
    const { link, flusher, limits, drops, clock } = this.#services;
    const remote = mapping.remote(address);
    if (remote === undefined) drops.add('udp-unsolicited');
    else if (link.queuedBytes(mapping.guestMac) >= limits.portQueueBytes) drops.add('queue-full');
    else {
      mapping.activeAtMs = clock.nowMs();
      writeDatagram(link, mapping.guestMac, remote.path, port, mapping.guestPort, payload);
      flusher.soon();
    }
  }

  #receiveFailure(mapping: Mapping, errorCode: string, address: string, port: number): void {
    const { unreachable, flusher, drops } = this.#services;
    const remote = mapping.remote(address);
    const reason = refusalOf(errorCode);
    if (reason === 'silent') drops.add(`host-${errorCode}`);
    // The quote is of the last datagram to this address: only an error about its port may use it.
    if (remote?.quote.readUInt16BE(2) !== port || reason === 'silent') return;
    const { path, quote, lastLengthBytes } = remote;
    unreachable.send(mapping.guestMac, path, reason, IpProtocol.udp, quote, lastLengthBytes);
    flusher.soon();
  }

  #refuse(
    route: 'refused' | 'silent',
    bytes: Buffer,
    ipOffset: number,
    datagram: number,
    header: UdpHeader,
    mac: number,
  ): void {
    const { drops, unreachable } = this.#services;
    drops.add('destination-refused');
    if (route === 'silent') return;
    const quote = bytes.subarray(datagram, datagram + QUOTED_TRANSPORT_BYTES);
    const path = pathToSender(bytes, ipOffset);
    unreachable.send(mac, path, 'prohibited', IpProtocol.udp, Buffer.from(quote), header.lengthBytes);
  }

  #makeRoom(mac: number): void {
    const { maxMappingsPerGuest, maxMappingsPerNetwork } = this.#services.limits;
    const guestFull = (this.#mappingsOfGuest.get(mac) ?? 0) >= maxMappingsPerGuest;
    if (!guestFull && this.#mappings.size < maxMappingsPerNetwork) return;
    for (const [key, mapping] of this.#mappings) {
      if (guestFull && mapping.ownerMac !== mac) continue;
      this.#services.drops.add('udp-mapping-displaced');
      this.#end(key, mapping);
      return;
    }
  }

  #sweep(nowMs: number): void {
    for (const [key, mapping] of this.#mappings) if (mapping.expired(nowMs)) this.#end(key, mapping);
    if (this.#mappings.size > 0) this.#sweeper.require(nowMs + SWEEP_MS);
  }

  #end(key: string, mapping: Mapping): void {
    mapping.socket?.close();
    this.#mappings.delete(key);
    const left = (this.#mappingsOfGuest.get(mapping.ownerMac) ?? 1) - 1;
    if (left === 0) this.#mappingsOfGuest.delete(mapping.ownerMac);
    else this.#mappingsOfGuest.set(mapping.ownerMac, left);
  }
}

/** IPv6 has no datagrams without checksum (RFC 8200 section 8.1). */
function checksumHolds(
  family: 4 | 6,
  header: UdpHeader,
  bytes: Buffer,
  ipOffset: number,
  datagram: number,
): boolean {
  const { lengthBytes } = header;
  const end = datagram + lengthBytes;
  if (family === 6) {
    const sum = pseudoHeaderSumIpv6(bytes, ipOffset, IpProtocol.udp, lengthBytes);
    return header.checksum !== 0 && udpChecksumHolds(bytes, datagram, end, sum);
  }
  const source = bytes.readUInt32BE(ipOffset + 12);
  const destination = bytes.readUInt32BE(ipOffset + 16);
  return udpChecksumHolds(
    bytes,
    datagram,
    end,
    pseudoHeaderSumIpv4(source, destination, IpProtocol.udp, lengthBytes),
  );
}
