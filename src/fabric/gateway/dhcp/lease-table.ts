/**
 * Who has which address on one network.
 *
 * Bounded by the address pool and the machines of the file: an address holds one entry, a MAC one address. Entries
 * that expired stay until somebody needs their address, so that a machine that comes back finds its old one. When no
 * address is fresh, the next one is taken from what expired first, else from the oldest offer nobody confirmed, else
 * from the oldest quarantined one; a live lease is never taken.
 */
import { type AddressPool, isPooled } from './settings.js';

/** `offered`: waits a few seconds for its REQUEST. `declined`: somebody else uses the address, leave it alone. */
export type LeaseState = 'offered' | 'bound' | 'declined';

export interface Lease {
  /** 48-bit number; of a `declined` one, who declined it. */
  readonly mac: number;
  readonly address: number;
  readonly state: LeaseState;
  /** Milliseconds since the epoch. */
  readonly expiresAtMs: number;
  readonly hostname?: string;
}

/** What the protocol logic reads of a table. */
export interface LeaseView {
  /** The address offered or bound to a MAC, be it expired. */
  ofMac(mac: number): Lease | undefined;
  at(address: number): Lease | undefined;
  /** A dynamic address for a MAC that has none; `undefined` when every one is in use. */
  vacant(mac: number, nowMs: number): number | undefined;
}

export class LeaseTable implements LeaseView {
  #pool: AddressPool;
  /** Addresses of the pool that are nobody's by configuration. */
  #capacity: number;
  /** Entries at pool addresses. */
  #pooledEntries = 0;
  readonly #byAddress = new Map<number, Lease>();
  readonly #byMac = new Map<number, number>();
  /** Addresses by age of the entry, oldest first. */
  readonly #offered = new Set<number>();
  readonly #declined = new Set<number>();
  /** Pool addresses that were found expired, soonest expired last, not yet used again. */
  #expired: number[] = [];
  /** No pool entry outside #expired expires before this. */
  #earliestExpiryMs = Number.POSITIVE_INFINITY;

  constructor(pool: AddressPool) {
    this.#pool = pool;
    this.#capacity = capacityOf(pool);
  }

  /** The pool changed: dynamic entries outside the new one go; those of `keep` stay. */
  reconfigure(pool: AddressPool, keep: (lease: Lease) => boolean): void {
    const entries = [...this.#byAddress.values()];
    this.#pool = pool;
    this.#capacity = capacityOf(pool);
    this.#pooledEntries = 0;
    this.#byAddress.clear();
    this.#byMac.clear();
    this.#offered.clear();
    this.#declined.clear();
    this.#expired = [];
    this.#earliestExpiryMs = Number.POSITIVE_INFINITY;
    for (const lease of entries) if (isPooled(pool, lease.address) || keep(lease)) this.set(lease);
  }

  get size(): number {
    return this.#byAddress.size;
  }

  /** Oldest change first. */
  entries(): Iterable<Lease> {
    return this.#byAddress.values();
  }

  ofMac(mac: number): Lease | undefined {
    const address = this.#byMac.get(mac);
    return address === undefined ? undefined : this.#byAddress.get(address);
  }

  at(address: number): Lease | undefined {
    return this.#byAddress.get(address);
  }

  /** Puts an entry in place of what its address and its MAC had. */
  set(lease: Lease): void {
    this.#remove(lease.address);
    if (lease.state !== 'declined') {
      const former = this.#byMac.get(lease.mac);
      if (former !== undefined) this.#remove(former);
      this.#byMac.set(lease.mac, lease.address);
    }
    this.#byAddress.set(lease.address, lease);
    if (lease.state === 'offered') this.#offered.add(lease.address);
    if (lease.state === 'declined') this.#declined.add(lease.address);
    if (isPooled(this.#pool, lease.address)) {
      this.#pooledEntries++;
      this.#earliestExpiryMs = Math.min(this.#earliestExpiryMs, lease.expiresAtMs);
    }
  }

  vacant(mac: number, nowMs: number): number | undefined {
    if (this.#pooledEntries < this.#capacity) return this.#fresh(mac);
    return (
      this.#nextExpired(nowMs) ?? this.#oldestPooled(this.#offered) ?? this.#oldestPooled(this.#declined)
    );
  }

  /** A never used address, near the one the MAC hashes to, so that it tends to get the same after a lost file. */
  #fresh(mac: number): number | undefined {
    const { first, size } = this.#pool;
    const start = hashOf(mac) % size;
    for (let step = 0; step < size; step++) {
      const address = first + ((start + step) % size);
      if (!this.#byAddress.has(address) && !this.#pool.reserved.has(address)) return address;
    }
    return undefined;
  }

  #nextExpired(nowMs: number): number | undefined {
    if (this.#expired.length === 0 && nowMs >= this.#earliestExpiryMs) this.#collectExpired(nowMs);
    while (this.#expired.length > 0) {
      const address = this.#expired[this.#expired.length - 1]!;
      const lease = this.#byAddress.get(address);
      if (lease !== undefined && lease.expiresAtMs <= nowMs) return address;
      this.#expired.pop();
    }
    return undefined;
  }

  #collectExpired(nowMs: number): void {
    this.#earliestExpiryMs = Number.POSITIVE_INFINITY;
    const expired: Lease[] = [];
    for (const lease of this.#byAddress.values()) {
      if (!isPooled(this.#pool, lease.address)) continue;
      if (lease.expiresAtMs <= nowMs) expired.push(lease);
      else this.#earliestExpiryMs = Math.min(this.#earliestExpiryMs, lease.expiresAtMs);
    }
    expired.sort((a, b) => b.expiresAtMs - a.expiresAtMs);
    this.#expired = expired.map(({ address }) => address);
  }

  #oldestPooled(addresses: ReadonlySet<number>): number | undefined {
    for (const address of addresses) if (isPooled(this.#pool, address)) return address;
    return undefined;
  }

  #remove(address: number): void {
    const lease = this.#byAddress.get(address);
    if (lease === undefined) return;
    this.#byAddress.delete(address);
    this.#offered.delete(address);
    this.#declined.delete(address);
    if (this.#byMac.get(lease.mac) === address) this.#byMac.delete(lease.mac);
    if (isPooled(this.#pool, address)) this.#pooledEntries--;
  }
}

function capacityOf(pool: AddressPool): number {
  let capacity = pool.size;
  for (const address of pool.reserved) {
    if (address >= pool.first && address < pool.first + pool.size) capacity--;
  }
  return capacity;
}

/** FNV-1a over the six octets. */
function hashOf(mac: number): number {
  let hash = 0x811c9dc5;
  for (let rest = mac, octet = 0; octet < 6; octet++, rest = Math.floor(rest / 256)) {
    hash = Math.imul(hash ^ (rest % 256), 0x01000193) >>> 0;
  }
  return hash;
}
