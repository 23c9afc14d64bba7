/**
 * The DHCPv4 server of all networks of the fabric: holds settings, lease tables and the lease file around the pure
 * decisions of `negotiation.ts`. One message in, at most one out, no waiting and no timers but the file's.
 */
import { formatIpv4, parseIpv4 } from '../../../wire/address.js';
import { decodeDhcp, encodeDhcp } from '../../../wire/dhcp.js';
import { formatMac, parseMac } from '../../../wire/ethernet.js';
import type { FabricConfiguration, FabricLease } from '../../control/protocol.js';
import type { LeaseStore, Log, StoredLease } from './lease-store.js';
import { type Lease, LeaseTable } from './lease-table.js';
import { type DhcpRefusal, negotiate } from './negotiation.js';
import { portsByNetwork } from './ports-by-network.js';
import { type DhcpSettings, dhcpSettingsOf } from './settings.js';

/** A reply to put on the network: from the gateway's address, port 67, to port 68. */
export interface DhcpDatagram {
  /** 48-bit number. */
  readonly destinationMac: number;
  /** 32-bit number; 0xffffffff for broadcast. */
  readonly destinationAddress: number;
  readonly payload: Buffer;
}

/** A guest can cause one such line for each network in this time, ms. */
const CONFLICT_LOG_INTERVAL_MS = 10_000;

interface ServedNetwork {
  /** `undefined`: the network is gone or serves no DHCP; its leases are kept until they expire. */
  settings: DhcpSettings | undefined;
  table: LeaseTable;
  conflictLoggedAtMs: number;
}

export class DhcpServer {
  readonly #store: LeaseStore;
  readonly #log: Log;
  readonly #now: () => number;
  readonly #networks = new Map<string, ServedNetwork>();

  constructor(store: LeaseStore, log: Log, now: () => number = Date.now) {
    this.#store = store;
    this.#log = log;
    this.#now = now;
    this.#restore(store.load());
  }

  /** What the fabric was told, after each change; holds from the next message on. */
  configure(configuration: Pick<FabricConfiguration, 'networks' | 'ports'>): void {
    const portsOf = portsByNetwork(configuration.ports);
    const unseen = new Set(this.#networks.keys());
    for (const network of configuration.networks) {
      unseen.delete(network.name);
      this.#configure(network.name, dhcpSettingsOf(network, portsOf.get(network.name) ?? []));
    }
    for (const name of unseen) this.#withdraw(name);
  }

  /** Whether the network has a DHCP server at all. */
  serves(networkName: string): boolean {
    return this.#networks.get(networkName)?.settings !== undefined;
  }

  /**
   * @param payload of a UDP datagram to port 67, broadcast or to the gateway; not kept.
   * @param sourceMac of the frame, 48-bit number.
   * @returns the reply; the reason of a refusal; `undefined` when there is nothing to say.
   */
  receive(networkName: string, payload: Buffer, sourceMac: number): DhcpDatagram | DhcpRefusal | undefined {
    const network = this.#networks.get(networkName);
    if (network?.settings === undefined) return undefined;
    const message = decodeDhcp(payload);
    if (message === undefined) return 'malformed';
    const { settings, table } = network;
    const outcome = negotiate(message, sourceMac, table, settings, this.#now());
    if (outcome.conflict !== undefined) this.#logConflict(networkName, network, sourceMac, outcome.conflict);
    for (const lease of outcome.changed) table.set(lease);
    // Offers are not worth a write: they end in seconds.
    if (outcome.changed.some(({ state }) => state === 'bound')) this.#store.save(() => this.#stored());
    if (outcome.reply === undefined) return outcome.refusal;
    const { message: reply, destinationMac, destinationAddress } = outcome.reply;
    return { destinationMac, destinationAddress, payload: encodeDhcp(reply) };
  }

  /** The leases in force. */
  leases(): FabricLease[] {
    const nowMs = this.#now();
    const leases: FabricLease[] = [];
    for (const [name, { settings, table }] of this.#networks) {
      if (settings === undefined) continue;
      for (const lease of table.entries()) {
        if (lease.state === 'bound' && lease.expiresAtMs > nowMs) leases.push(storedLease(name, lease));
      }
    }
    return leases;
  }

  /** Writes what is not yet on disk. */
  close(): Promise<void> {
    return this.#store.close();
  }

  #configure(name: string, settings: DhcpSettings | undefined): void {
    const network = this.#networks.get(name);
    if (network === undefined) {
      if (settings === undefined) return;
      const table = new LeaseTable(settings.pool);
      this.#networks.set(name, { settings, table, conflictLoggedAtMs: Number.NEGATIVE_INFINITY });
      return;
    }
    network.settings = settings;
    if (settings === undefined) return;
    network.table.reconfigure(
      settings.pool,
      ({ mac, address }) => settings.reservations.get(mac)?.address === address,
    );
  }

  /** The network is gone: its leases wait for its return, until they expire. */
  #withdraw(name: string): void {
    const network = this.#networks.get(name);
    if (network === undefined) return;
    const nowMs = this.#now();
    for (const { state, expiresAtMs } of network.table.entries()) {
      if (state === 'bound' && expiresAtMs > nowMs) {
        network.settings = undefined;
        return;
      }
    }
    this.#networks.delete(name);
  }

  /** Tables of what the file had; `configure` keeps of them what still fits. */
  #restore(stored: readonly StoredLease[]): void {
    for (const { network: name, mac, address, hostname, expiresAtMs } of stored) {
      const macNumber = parseMac(mac);
      const addressNumber = parseIpv4(address);
      if (macNumber === undefined || addressNumber === undefined) continue;
      let network = this.#networks.get(name);
      if (network === undefined) {
        const table = new LeaseTable({ first: 0, size: 0, reserved: new Set() });
        network = { settings: undefined, table, conflictLoggedAtMs: Number.NEGATIVE_INFINITY };
        this.#networks.set(name, network);
      }
      network.table.set({
        mac: macNumber,
        address: addressNumber,
        state: 'bound',
        expiresAtMs,
        ...(hostname === undefined ? {} : { hostname }),
      });
    }
  }

  /** Expired leases are stored too, for machines that come back, while their network is there. */
  *#stored(): Iterable<StoredLease> {
    const nowMs = this.#now();
    for (const [name, { settings, table }] of this.#networks) {
      for (const lease of table.entries()) {
        const useful = settings !== undefined || lease.expiresAtMs > nowMs;
        if (lease.state === 'bound' && useful) yield storedLease(name, lease);
      }
    }
  }

  #logConflict(name: string, network: ServedNetwork, mac: number, address: number): void {
    const nowMs = this.#now();
    if (nowMs - network.conflictLoggedAtMs < CONFLICT_LOG_INTERVAL_MS) return;
    network.conflictLoggedAtMs = nowMs;
    this.#log(
      `dhcp: ${name}: ${formatMac(mac)} says that ${formatIpv4(address)} is in use by another machine`,
    );
  }
}

function storedLease(network: string, lease: Lease): StoredLease {
  return {
    network,
    mac: formatMac(lease.mac),
    address: formatIpv4(lease.address),
    ...(lease.hostname === undefined ? {} : { hostname: lease.hostname }),
    expiresAtMs: lease.expiresAtMs,
  };
}
