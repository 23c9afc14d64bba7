/**
 * Router advertisements (RFC 4861 section 6.2, RFC 8106), by which machines form their IPv6 addresses.
 *
 * Theory of operation: a solicitation from an address is answered at once to that address; one from `::` by an
 * advertisement to all nodes, at most one in `MIN_DELAY_MS`. Three advertisements follow a start or a change of
 * settings, 16 s apart, then one every 200-600 s. A prefix that was given up is advertised once more with
 * preferred lifetime 0, so that machines stop using it (RFC 4862 section 5.5.3); the last advertisement of a
 * gateway that goes has router lifetime 0 (RFC 4861 section 6.2.5). Isolated networks have a prefix but no router:
 * lifetime 0 always. Lifetimes are those of RFC 9096 section 3.4, short, so that renumbering is quick.
 */
import { ALL_NODES, ipv6MulticastMac } from '../../wire/ipv6-interface.js';
import type { Ipv6Header } from '../../wire/ipv6.js';
import {
  encodeRouterAdvertisement,
  NDP_HOP_LIMIT,
  readRouterSolicitation,
  type RouterAdvertisement,
} from '../../wire/ndp.js';
import type { PrefixInformation } from '../../wire/ndp-options.js';
import { isIpv6Unspecified } from './address-class.js';
import { ipv6KeyOf } from './address-key.js';
import type { GatewayContext } from './context.js';
import { sendOwn } from './packet-output.js';
import { icmpv6MessagePacket } from './packets.js';
import type { Dhcpv6Service } from './services.js';
import type { GatewaySettings, Ipv6Settings } from './settings.js';

/** RFC 4861 section 10. */
const MIN_DELAY_MS = 3000;
const INITIAL_COUNT = 3;
const INITIAL_INTERVAL_MS = 16_000;
const MIN_INTERVAL_MS = 200_000;
const MAX_INTERVAL_MS = 600_000;
const ROUTER_LIFETIME_SECONDS = 1800;
/** RFC 9096 section 3.4. */
const PREFERRED_LIFETIME_SECONDS = 2700;
const VALID_LIFETIME_SECONDS = 5400;
const CURRENT_HOP_LIMIT = 64;

export class RouterAdvertiser {
  readonly #context: GatewayContext;
  readonly #dhcpv6: Pick<Dhcpv6Service, 'serves'>;
  readonly #nowMs: () => number;
  #timer: NodeJS.Timeout | undefined;
  #initialLeft = 0;
  #multicastAtMs = Number.NEGATIVE_INFINITY;

  constructor(context: GatewayContext, dhcpv6: Pick<Dhcpv6Service, 'serves'>, nowMs: () => number) {
    this.#context = context;
    this.#dhcpv6 = dhcpv6;
    this.#nowMs = nowMs;
  }

  /** Starts to advertise, or starts over after a change. */
  start(): void {
    this.stop();
    if (this.#context.settings.ipv6 === undefined) return;
    this.#initialLeft = INITIAL_COUNT;
    this.#advertiseToAll();
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  /** Says of settings that are no longer in force that they are not. */
  withdraw(before: GatewaySettings): void {
    const { ipv6 } = before;
    if (ipv6 === undefined) return;
    const advertisement = {
      ...this.#advertisementOf(before, ipv6),
      routerLifetimeSeconds: 0,
      prefixes: [prefixOf(ipv6, 0)],
    };
    this.#sendToAll(ipv6, advertisement);
  }

  /** A router solicitation whose checksum was verified; hop limit 255 is checked by the caller. */
  receive(bytes: Buffer, header: Ipv6Header, sourceMac: number): void {
    const { settings } = this.#context;
    const message = readRouterSolicitation(bytes, header.payloadOffset, header.end);
    const unspecified = isIpv6Unspecified(bytes, header.sourceOffset);
    if (message === undefined || (unspecified && message.sourceMac !== undefined)) {
      this.#context.drop('malformed');
      return;
    }
    if (settings.ipv6 === undefined) return;
    if (unspecified) {
      this.#advertiseSoon();
      return;
    }
    const destination = Uint8Array.from(bytes.subarray(header.sourceOffset, header.sourceOffset + 16));
    if (message.sourceMac === sourceMac) this.#context.neighbours.merge(ipv6KeyOf(destination), sourceMac);
    this.#send(settings.ipv6, this.#advertisementOf(settings, settings.ipv6), destination, sourceMac);
  }

  #advertiseSoon(): void {
    const dueInMs = this.#multicastAtMs + MIN_DELAY_MS - this.#nowMs();
    if (dueInMs <= 0) this.#advertiseToAll();
    else this.#schedule(dueInMs);
  }

  #advertiseToAll(): void {
    const { settings } = this.#context;
    if (settings.ipv6 === undefined) return;
    this.#multicastAtMs = this.#nowMs();
    this.#sendToAll(settings.ipv6, this.#advertisementOf(settings, settings.ipv6));
    this.#initialLeft = Math.max(0, this.#initialLeft - 1);
    const spreadMs = Math.random() * (MAX_INTERVAL_MS - MIN_INTERVAL_MS);
    this.#schedule(this.#initialLeft > 0 ? INITIAL_INTERVAL_MS : MIN_INTERVAL_MS + spreadMs);
  }

  #schedule(delayMs: number): void {
    this.stop();
    this.#timer = setTimeout(() => {
      this.#advertiseToAll();
      this.#context.flush();
    }, delayMs);
    this.#timer.unref();
  }

  #sendToAll(own: Ipv6Settings, advertisement: RouterAdvertisement): void {
    this.#send(own, advertisement, ALL_NODES, ipv6MulticastMac(ALL_NODES));
  }

  #advertisementOf(settings: GatewaySettings, ipv6: Ipv6Settings): RouterAdvertisement {
    const { network, mac, leadsOut, assignsIpv6 } = settings;
    const lifetimeSeconds = ROUTER_LIFETIME_SECONDS;
    return {
      hopLimit: CURRENT_HOP_LIMIT,
      // Only where SLAAC does not do: some hosts take a second address when they see the flag.
      managed: assignsIpv6 && this.#dhcpv6.serves(network.name),
      otherConfiguration: false,
      routerLifetimeSeconds: leadsOut ? lifetimeSeconds : 0,
      reachableTimeMs: 0,
      retransmitTimerMs: 0,
      sourceMac: mac,
      mtuBytes: network.mtuBytes,
      prefixes: [prefixOf(ipv6, PREFERRED_LIFETIME_SECONDS)],
      ...(network.dns === undefined
        ? {}
        : {
            rdnss: { lifetimeSeconds, servers: [ipv6.address] },
            dnssl: { lifetimeSeconds, domains: [network.dns.domain] },
          }),
    };
  }

  #send(own: Ipv6Settings, advertisement: RouterAdvertisement, destination: Uint8Array, mac: number): void {
    const body = encodeRouterAdvertisement(advertisement);
    const packet = icmpv6MessagePacket({ source: own.linkLocal, destination }, body, NDP_HOP_LIMIT);
    sendOwn(this.#context, mac, packet);
  }
}

function prefixOf(ipv6: Ipv6Settings, preferredLifetimeSeconds: number): PrefixInformation {
  return {
    prefix: ipv6.prefix,
    prefixLength: ipv6.prefixLength,
    onLink: true,
    // Interface identifiers have 64 bits (RFC 4862 section 5.5.3 d); other prefixes are for configured addresses.
    autonomous: ipv6.prefixLength === 64,
    validLifetimeSeconds: VALID_LIFETIME_SECONDS,
    preferredLifetimeSeconds,
  };
}
