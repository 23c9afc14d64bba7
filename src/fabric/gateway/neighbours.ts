/**
 * Which MAC is behind an address: one cache for ARP (RFC 826) and neighbour discovery (RFC 4861 section 7).
 *
 * Theory of operation: configured ports are static entries, which neither age nor change by what anybody says. Other
 * entries are learned from ARP and neighbour discovery, never from data packets. An entry older than
 * `REFRESH_AFTER_MS` still serves while it is asked for again; one older than `FORGET_AFTER_MS` does not. A resolution
 * asks `MAX_SOLICITATIONS` times, `RETRANSMIT_MS` apart, and then tells its waiters that nobody answered. Bounds:
 * `MAX_LEARNED` entries (the one confirmed longest ago makes room), `MAX_PENDING` resolutions, `MAX_WAITERS` each; beyond
 * them a resolution fails at once.
 */
import { type AddressKey } from './address-key.js';

/** RFC 4861 section 10. */
const MAX_SOLICITATIONS = 3;
const RETRANSMIT_MS = 1000;
const REFRESH_AFTER_MS = 60_000;
const FORGET_AFTER_MS = 300_000;
export const MAX_LEARNED = 1024;
export const MAX_PENDING = 128;
export const MAX_WAITERS = 64;

type Waiter = (mac: number | undefined) => void;

interface Learned {
  mac: number;
  confirmedAtMs: number;
}

interface Pending {
  readonly waiters: Waiter[];
  solicitations: number;
  timer: NodeJS.Timeout;
}

export class NeighbourCache {
  #static: ReadonlyMap<AddressKey, number> = new Map();
  readonly #learned = new Map<AddressKey, Learned>();
  readonly #pending = new Map<AddressKey, Pending>();
  readonly #solicit: (key: AddressKey) => void;
  readonly #nowMs: () => number;

  /** @param solicit sends one ARP request or neighbour solicitation for the address. */
  constructor(solicit: (key: AddressKey) => void, nowMs: () => number = () => performance.now()) {
    this.#solicit = solicit;
    this.#nowMs = nowMs;
  }

  get size(): { readonly learned: number; readonly pending: number } {
    return { learned: this.#learned.size, pending: this.#pending.size };
  }

  /** Replaces the static entries; who waits for one of them is told. */
  setStatic(entries: ReadonlyMap<AddressKey, number>): void {
    this.#static = entries;
    for (const [key, mac] of entries) {
      this.#learned.delete(key);
      this.#settle(key, mac);
    }
  }

  /** The MAC if it is known now. */
  lookup(key: AddressKey): number | undefined {
    const fixed = this.#static.get(key);
    if (fixed !== undefined) return fixed;
    const entry = this.#learned.get(key);
    if (entry === undefined) return undefined;
    const ageMs = this.#nowMs() - entry.confirmedAtMs;
    if (ageMs < REFRESH_AFTER_MS) return entry.mac;
    if (ageMs < FORGET_AFTER_MS) {
      this.#ask(key);
      return entry.mac;
    }
    this.#learned.delete(key);
    return undefined;
  }

  /** Tells the MAC, at once when it is known, else when somebody answered or nobody did. */
  resolve(key: AddressKey, then: Waiter): void {
    const known = this.lookup(key);
    if (known !== undefined) {
      then(known);
      return;
    }
    const pending = this.#ask(key);
    if (pending === undefined || pending.waiters.length >= MAX_WAITERS) then(undefined);
    else pending.waiters.push(then);
  }

  /** The neighbour said so itself, to us or in answer to us: the entry is made or replaced. */
  learn(key: AddressKey, mac: number): void {
    if (this.#static.has(key)) return;
    // Deleting first keeps the map in order of confirmation.
    this.#learned.delete(key);
    if (this.#learned.size >= MAX_LEARNED) {
      for (const oldest of this.#learned.keys()) {
        this.#learned.delete(oldest);
        break;
      }
    }
    this.#learned.set(key, { mac, confirmedAtMs: this.#nowMs() });
    this.#settle(key, mac);
  }

  /** The neighbour said so to others: an entry that is there, or waited for, is renewed (RFC 826 "merge"). */
  merge(key: AddressKey, mac: number): void {
    if (this.#learned.has(key) || this.#pending.has(key)) this.learn(key, mac);
  }

  /** Stops asking; who waits is told that nobody answered. Learned entries go. */
  clear(): void {
    this.#learned.clear();
    for (const key of this.#pending.keys()) this.#settle(key, undefined);
  }

  #ask(key: AddressKey): Pending | undefined {
    const asked = this.#pending.get(key);
    if (asked !== undefined) return asked;
    if (this.#pending.size >= MAX_PENDING) return undefined;
    const timer = setTimeout(() => this.#askAgain(key), RETRANSMIT_MS);
    timer.unref();
    const pending = { waiters: [], solicitations: 1, timer };
    this.#pending.set(key, pending);
    this.#solicit(key);
    return pending;
  }

  #askAgain(key: AddressKey): void {
    const pending = this.#pending.get(key);
    if (pending === undefined) return;
    if (pending.solicitations >= MAX_SOLICITATIONS) {
      this.#learned.delete(key);
      this.#settle(key, undefined);
      return;
    }
    pending.solicitations += 1;
    pending.timer = setTimeout(() => this.#askAgain(key), RETRANSMIT_MS);
    pending.timer.unref();
    this.#solicit(key);
  }

  #settle(key: AddressKey, mac: number | undefined): void {
    const pending = this.#pending.get(key);
    if (pending === undefined) return;
    clearTimeout(pending.timer);
    this.#pending.delete(key);
    for (const waiter of pending.waiters) waiter(mac);
  }
}
