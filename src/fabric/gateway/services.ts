/** What a gateway asks of the services behind it. Each is one object for the whole project; networks go by name. */
import type { Nat } from './link.js';
import type { Router } from './router.js';

/** A DHCP reply: from the server's address and port 67 to port 68. */
export interface DhcpReply {
  /** 48-bit number. */
  readonly destinationMac: number;
  /** u32; 0xffffffff for broadcast. */
  readonly destinationAddress: number;
  readonly payload: Buffer;
}

export interface DhcpService {
  /**
   * @param payload of a UDP datagram to port 67; not kept.
   * @returns the reply; the reason of a refusal; `undefined` when there is nothing to say.
   */
  receive(networkName: string, payload: Buffer, sourceMac: number): DhcpReply | string | undefined;
}

export interface Dhcpv6Service {
  /** Whether the network has a DHCPv6 server. */
  serves(networkName: string): boolean;
  /**
   * @param payload of a UDP datagram to port 547; not kept.
   * @returns the payload of the reply to the sender; the reason of a refusal; `undefined` when there is nothing to say.
   */
  receive(networkName: string, payload: Buffer, sourceMac: number): Buffer | string | undefined;
}

export interface DnsService {
  /**
   * @param query the DNS message; kept until the answer.
   * @returns the answer; `undefined` when there is none to give. A rejection is counted, and the query not answered.
   */
  handle(query: Buffer, transport: 'udp' | 'tcp', networkName: string): Promise<Buffer | undefined>;
}

export interface GatewayServices {
  readonly router: Router;
  readonly nat: Nat;
  readonly dhcp: DhcpService;
  readonly dhcpv6: Dhcpv6Service;
  readonly dns: DnsService;
}
