/**
 * The router between the `nat` and `routed` networks of a project (RFC 1812, RFC 8200).
 *
 * Theory of operation: a gateway hands over packets whose destination is on a network of the project, its own included
 * (a machine that sends on-link packets through its gateway). The packet is checked against the next MTU, its TTL
 * counted down, and copied into the egress gateway's batch. Where the next hop's MAC is not known, a copy waits for the
 * resolution, within `MAX_WAITING_BYTES` for the whole project. Whatever fails is told to the sender by an ICMP
 * error from the ingress gateway. Isolated networks are members too, only to be refused: their subnets are no
 * destinations, and must not leave by the NAT either. `endOfBatch` flushes every link that was written to.
 */
import { decrementTtl, readIpv4Header, type Ipv4Header } from '../../wire/ipv4.js';
import { type Ipv6Header, readIpv6Header } from '../../wire/ipv6.js';
import { ipv6Key } from '../../wire/address.js';
import type { AddressKey } from './address-key.js';
import type { GatewayContext } from './context.js';
import { sendIpv4, sendIpv6 } from './packet-output.js';
import { RouteTable } from './route-table.js';

export const MAX_WAITING_BYTES = 1 << 20;

export class Router {
  readonly #table = new RouteTable<GatewayContext>();
  readonly #written = new Set<GatewayContext>();
  #waitingBytes = 0;

  add(gateway: GatewayContext): void {
    this.#table.add(gateway);
  }

  remove(gateway: GatewayContext): void {
    this.#table.remove(gateway);
    this.#written.delete(gateway);
  }

  /** A member's addresses changed. */
  settingsChanged(): void {
    this.#table.rebuild();
  }

  /** The network of the project that an address is on, isolated ones included. */
  networkOfIpv4(address: number): GatewayContext | undefined {
    return this.#table.lookupIpv4(address);
  }

  networkOfIpv6(bytes: Buffer, offset: number): GatewayContext | undefined {
    return this.#table.lookupIpv6(bytes, offset);
  }

  /** Sends the packet at `start` on to a machine of `egress`; the TTL is at least 2. */
  forwardIpv4(
    ingress: GatewayContext,
    egress: GatewayContext,
    bytes: Buffer,
    start: number,
    header: Ipv4Header,
    sourceMac: number,
  ): void {
    const { mtuBytes } = egress.network;
    if (header.totalBytes > mtuBytes && header.dontFragment) {
      ingress.drop('packet-too-big');
      ingress.errors.sendIpv4({ mtuBytes }, bytes, start, header, sourceMac);
      return;
    }
    const key = header.destination;
    const mac = egress.neighbours.lookup(key);
    if (mac !== undefined) {
      decrementTtl(bytes, start);
      sendIpv4(egress, mac, bytes, start, header);
      this.#written.add(egress);
      return;
    }
    const copy = Buffer.from(bytes.subarray(start, start + header.totalBytes));
    this.#whenResolved(ingress, egress, key, copy, (resolved) => {
      const own = readIpv4Header(copy, 0, copy.length);
      if (own === undefined) return;
      if (resolved === undefined) {
        ingress.errors.sendIpv4('host-unreachable', copy, 0, own, sourceMac);
      } else {
        decrementTtl(copy, 0);
        sendIpv4(egress, resolved, copy, 0, own);
      }
    });
  }

  /** Sends the packet at `start` on to a machine of `egress`; the hop limit is at least 2. */
  forwardIpv6(
    ingress: GatewayContext,
    egress: GatewayContext,
    bytes: Buffer,
    start: number,
    header: Ipv6Header,
    sourceMac: number,
  ): void {
    const { mtuBytes } = egress.network;
    if (header.end - start > mtuBytes) {
      ingress.drop('packet-too-big');
      ingress.errors.sendIpv6({ mtuBytes }, bytes, start, header, sourceMac);
      return;
    }
    const key = ipv6Key(bytes, header.destinationOffset);
    const mac = egress.neighbours.lookup(key);
    if (mac !== undefined) {
      bytes[start + 7]! -= 1;
      sendIpv6(egress, mac, bytes, start, header.end);
      this.#written.add(egress);
      return;
    }
    const copy = Buffer.from(bytes.subarray(start, header.end));
    this.#whenResolved(ingress, egress, key, copy, (resolved) => {
      const own = readIpv6Header(copy, 0, copy.length);
      if (own === undefined) return;
      if (resolved === undefined) {
        ingress.errors.sendIpv6('host-unreachable', copy, 0, own, sourceMac);
      } else {
        copy[7]! -= 1;
        sendIpv6(egress, resolved, copy, 0, copy.length);
      }
    });
  }

  /** The ingress batch is over: hands over what was written to other networks. */
  endOfBatch(): void {
    if (this.#written.size === 0) return;
    const written = [...this.#written];
    this.#written.clear();
    for (const gateway of written) gateway.flush();
  }

  #whenResolved(
    ingress: GatewayContext,
    egress: GatewayContext,
    key: AddressKey,
    copy: Buffer,
    then: (mac: number | undefined) => void,
  ): void {
    if (this.#waitingBytes + copy.length > MAX_WAITING_BYTES) {
      ingress.drop('queue-full');
      return;
    }
    this.#waitingBytes += copy.length;
    egress.neighbours.resolve(key, (mac) => {
      this.#waitingBytes -= copy.length;
      if (mac === undefined) ingress.drop('neighbour-unreachable');
      then(mac);
      this.#written.add(mac === undefined ? ingress : egress);
      this.endOfBatch();
    });
    // The solicitation itself was written to the egress link.
    this.#written.add(egress);
  }
}
