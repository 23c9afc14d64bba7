/**
 * ARP for the gateway's own address (RFC 826), with the probes and defence of RFC 5227.
 *
 * Events: a request for the address is answered, a probe (sender 0.0.0.0) too; a sender is learned when it speaks to
 * us, and renewed when it speaks to others. Whoever claims the gateway's own address is counted and, once in
 * `DEFEND_INTERVAL_MS`, answered with an announcement.
 */
import { ARP_BYTES, ArpOperation, readArp, writeArp } from '../../wire/arp.js';
import { BROADCAST_MAC, EtherType, isMulticastMac } from '../../wire/ethernet.js';
import { isIpv4Martian } from './address-class.js';
import type { GatewayContext } from './context.js';
import { isOnLink } from './settings.js';

/** RFC 5227 section 1.1. */
const DEFEND_INTERVAL_MS = 10_000;

export class ArpResponder {
  readonly #context: GatewayContext;
  readonly #nowMs: () => number;
  #defendedAtMs = Number.NEGATIVE_INFINITY;

  constructor(context: GatewayContext, nowMs: () => number) {
    this.#context = context;
    this.#nowMs = nowMs;
  }

  /** @param sourceMac of the frame; a packet that names another sender is refused. */
  receive(bytes: Buffer, start: number, end: number, sourceMac: number): void {
    const context = this.#context;
    const { ipv4, mac, leadsOut } = context.settings;
    const packet = readArp(bytes, start, end);
    if (ipv4 === undefined) {
      context.drop(leadsOut ? 'unsupported-protocol' : 'isolated');
      return;
    }
    if (packet === undefined || packet.senderMac !== sourceMac || isMulticastMac(sourceMac)) {
      context.drop('malformed');
      return;
    }
    const { senderAddress, targetAddress, operation } = packet;
    if (senderAddress === ipv4.address) {
      context.drop('address-conflict');
      this.#defend();
      return;
    }
    const isForUs = targetAddress === ipv4.address;
    const isNeighbour = isOnLink(ipv4, senderAddress) && senderAddress !== ipv4.broadcast;
    if (isNeighbour && !isIpv4Martian(senderAddress)) {
      if (isForUs) context.neighbours.learn(senderAddress, sourceMac);
      else context.neighbours.merge(senderAddress, sourceMac);
    }
    if (!isForUs || operation !== ArpOperation.request || (!isNeighbour && senderAddress !== 0)) return;
    this.#send(sourceMac, ArpOperation.reply, mac, ipv4.address, sourceMac, senderAddress);
  }

  /** Asks who has an address. */
  request(address: number): void {
    const { ipv4, mac } = this.#context.settings;
    if (ipv4 === undefined) return;
    this.#send(BROADCAST_MAC, ArpOperation.request, mac, ipv4.address, 0, address);
  }

  /** Tells everybody the gateway's address (RFC 5227 section 2.3), so that caches renew after a change. */
  announce(): void {
    const { ipv4 } = this.#context.settings;
    if (ipv4 !== undefined) this.request(ipv4.address);
  }

  #defend(): void {
    const nowMs = this.#nowMs();
    if (nowMs - this.#defendedAtMs < DEFEND_INTERVAL_MS) return;
    this.#defendedAtMs = nowMs;
    this.announce();
  }

  #send(
    destinationMac: number,
    operation: number,
    senderMac: number,
    senderAddress: number,
    targetMac: number,
    targetAddress: number,
  ): void {
    const offset = this.#context.begin(destinationMac, EtherType.arp, ARP_BYTES);
    writeArp(this.#context.bytes, offset, { operation, senderMac, senderAddress, targetMac, targetAddress });
  }
}
