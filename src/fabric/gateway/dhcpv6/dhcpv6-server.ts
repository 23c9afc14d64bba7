/**
 * The DHCPv6 server of all networks of the fabric. It keeps no leases: addresses follow from the settings
 * (`negotiation.ts`), so one message in gives at most one out, without state, waiting or timers.
 */
import { formatIpv6 } from '../../../wire/address.js';
import { decodeDhcpv6, encodeDhcpv6 } from '../../../wire/dhcpv6.js';
import { formatMac } from '../../../wire/ethernet.js';
import type { FabricConfiguration } from '../../control/protocol.js';
import { portsByNetwork } from '../dhcp/ports-by-network.js';
import { type Dhcpv6Refusal, negotiate } from './negotiation.js';
import { type Dhcpv6Settings, dhcpv6SettingsOf } from './settings.js';

/** A guest can cause one line about conflicts in this time, ms. */
const CONFLICT_LOG_INTERVAL_MS = 10_000;

export class Dhcpv6Server {
  readonly #log: (line: string) => void;
  readonly #now: () => number;
  #networks = new Map<string, Dhcpv6Settings>();
  #conflictLoggedAtMs = Number.NEGATIVE_INFINITY;

  constructor(log: (line: string) => void, now: () => number = Date.now) {
    this.#log = log;
    this.#now = now;
  }

  /** What the fabric was told, after each change; holds from the next message on. */
  configure(configuration: Pick<FabricConfiguration, 'networks' | 'ports'>): void {
    const portsOf = portsByNetwork(configuration.ports);
    this.#networks = new Map();
    for (const network of configuration.networks) {
      const settings = dhcpv6SettingsOf(network, portsOf.get(network.name) ?? []);
      if (settings !== undefined) this.#networks.set(network.name, settings);
    }
  }

  /** Whether the network has a DHCPv6 server at all: then its router advertisements may say so (M and O flags). */
  serves(networkName: string): boolean {
    return this.#networks.has(networkName);
  }

  /**
   * @param payload of a UDP datagram to port 547, to ff02::1:2 or to the gateway; not kept.
   * @param sourceMac of the frame, 48-bit number.
   * @returns the payload of the reply, from the gateway's link-local address and port 547 to the sender's address and
   * port 546; the reason of a refusal; `undefined` when the network has no server.
   */
  receive(networkName: string, payload: Buffer, sourceMac: number): Buffer | Dhcpv6Refusal | undefined {
    const settings = this.#networks.get(networkName);
    if (settings === undefined) return undefined;
    const message = decodeDhcpv6(payload);
    if (message === undefined) return 'malformed';
    const { reply, refusal, conflict } = negotiate(message, sourceMac, settings);
    if (conflict !== undefined) this.#logConflict(networkName, sourceMac, conflict);
    return reply === undefined ? refusal : encodeDhcpv6(reply);
  }

  #logConflict(networkName: string, mac: number, address: Uint8Array): void {
    const nowMs = this.#now();
    if (nowMs - this.#conflictLoggedAtMs < CONFLICT_LOG_INTERVAL_MS) return;
    this.#conflictLoggedAtMs = nowMs;
    const text = formatIpv6(address);
    this.#log(`dhcpv6: ${networkName}: ${formatMac(mac)} says that ${text} is in use by another machine`);
  }
}
