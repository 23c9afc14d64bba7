import type { Offload } from '../../wire/virtio-net-header.js';
import type { FabricNetwork } from '../control/protocol.js';

/**
 * What the services behind a gateway (NAT, DHCP, DNS, echo, the router) see of its network: a place to write packets
 * for its machines. Packets are built in place, in stream framing, and leave as one batch at `flush`, which the gateway
 * calls after every batch it received and which timers and host sockets call when they are done.
 */
export interface GatewayLink {
  /** The network's settings as they are now; an edit replaces the object. */
  readonly network: FabricNetwork;
  /** The buffer that `begin` returned an offset into; read it again after each `begin`. */
  readonly bytes: Buffer;
  /**
   * Starts an IP packet of `packetBytes` to a machine's MAC: framing and Ethernet header are written, the caller writes
   * [offset, offset + packetBytes) before the next `begin`. MACs are 48-bit numbers.
   * @returns the offset of the IP header in `bytes`.
   */
  begin(destinationMac: number, etherType: number, packetBytes: number): number;
  /**
   * The longest IP packet that the port behind this MAC cuts into segments by itself, and puts checksums into; 0 where
   * it does neither. Such a packet is begun as any other, and `leave` then says what it leaves to be done.
   */
  offloadBytes(destinationMac: number): number;
  leave(offload: Offload): void;
  /** The packet that is received now came over no wire: its TCP checksum was left to us, and needs no look. */
  readonly isChecksumLeft: boolean;
  /** Hands everything begun since the last flush to the switch. */
  flush(): void;
  /** Bytes that wait in the port behind this MAC, so that senders slow down instead of overflowing it. */
  queuedBytes(destinationMac: number): number;
  /**
   * The MAC of an address on this network: at once when known, else after ARP or neighbour discovery (RFC 826, 4861);
   * `undefined` when nobody answered.
   * @param address canonical text.
   */
  resolve(address: string, then: (mac: number | undefined) => void): void;
  /** Whether nothing is there that could answer for this address: its machine is known and not plugged in. */
  isAbsent(address: string): boolean;
}

/** Where packets go that leave the project: the user-mode NAT. */
export interface Nat {
  /**
   * A checked IP packet (version, lengths, header checksum; TTL already counted down) from a machine, to an address that
   * is neither the gateway's (unless `hostLoopback`) nor on another network of the project.
   * @param bytes valid only during the call. [start, end) is the IP packet.
   */
  receive(link: GatewayLink, bytes: Buffer, start: number, end: number, sourceMac: number): void;
  /**
   * A checked IP packet to one of the gateway's own addresses while `hostLoopback` is off. Taken when it belongs to a
   * flow that starts at that address (a forward whose client is the host itself) or to a TCP service that ends here
   * (DNS over TCP, port 53). On `isolated` networks only TCP to port 53 is ever offered.
   * @param bytes valid only during the call. [start, end) is the IP packet.
   * @returns false when it is nobody's: the gateway refuses it (RST, port unreachable).
   */
  receiveLocal(link: GatewayLink, bytes: Buffer, start: number, end: number, sourceMac: number): boolean;
  /** The batch is over: acknowledge, then the gateway flushes the link. */
  endOfBatch(link: GatewayLink): void;
  /** The network goes: its flows are reset. */
  forget(networkName: string): void;
  flowCounts(networkName: string): { tcp: number; udp: number; icmp: number };
  close(): void;
}
