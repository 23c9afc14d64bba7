/**
 * The forwarding table of one network: which port a MAC is behind (IEEE 802.1Q, 8.8 "The FDB").
 *
 * Goals: a look-up without allocation, and a table that no guest can fill for the others. Pinned entries (a NIC's own
 * MAC, the gateway's) are configured: they neither age nor move. Learned entries age after 300 s, move with the station,
 * and are bounded for the network and for each port; past a bound nothing is learned and the frames are flooded, which
 * is what Linux does with `fdb_max_learned`. A port at its bound can thus evict nobody.
 *
 * Open addressing with linear probing; a MAC is split into its upper 16 and lower 32 bits, so that no 48-bit double is
 * ever boxed. Removal rebuilds the table: it happens once a sweep, not once a frame.
 */
export const MAX_LEARNED_PER_NETWORK = 1024;
export const MAX_LEARNED_PER_PORT = 64;
export const AGEING_SECONDS = 300;

/** Who a table entry belongs to; the table counts what each learned. */
export interface MacOwner {
  /** Written by the table only. */
  learnedMacs: number;
}

interface Entry<Owner> {
  readonly high: number;
  readonly low: number;
  owner: Owner;
  readonly pinned: boolean;
  seenAtSeconds: number;
}

const INITIAL_SLOTS = 64;

export class MacTable<Owner extends MacOwner> {
  /** A power of two, at least twice the number of entries. */
  #slots: (Entry<Owner> | undefined)[] = emptySlots(INITIAL_SLOTS);
  #size = 0;
  #learned = 0;
  #sweptAtSeconds = 0;

  get learnedMacs(): number {
    return this.#learned;
  }

  /** The owner of a MAC: upper 16 bits, lower 32 bits as a signed or unsigned integer. */
  lookup(high: number, low: number): Owner | undefined {
    return this.#find(high, low | 0)?.owner;
  }

  isPinned(high: number, low: number): boolean {
    return this.#find(high, low | 0)?.pinned === true;
  }

  /** Binds a configured MAC to its owner; a learned entry gives way, a pinned one is replaced. */
  pin(high: number, low: number, owner: Owner): void {
    this.#remove((entry) => entry.high === high && entry.low === (low | 0));
    this.#insert({ high, low: low | 0, owner, pinned: true, seenAtSeconds: 0 });
  }

  unpin(high: number, low: number, owner: Owner): void {
    this.#remove((e) => e.pinned && e.owner === owner && e.high === high && e.low === (low | 0));
  }

  /**
   * Notes that a MAC was seen as a source behind a port.
   * @returns false when it was not learned: it is pinned elsewhere, or a bound is reached.
   */
  learn(high: number, low: number, owner: Owner, nowSeconds: number): boolean {
    const entry = this.#find(high, low | 0);
    if (entry === undefined) return this.#learnNew(high, low | 0, owner, nowSeconds);
    if (entry.pinned) return entry.owner === owner;
    if (entry.owner !== owner) {
      if (owner.learnedMacs >= MAX_LEARNED_PER_PORT) return false;
      entry.owner.learnedMacs -= 1;
      owner.learnedMacs += 1;
      entry.owner = owner;
    }
    entry.seenAtSeconds = nowSeconds;
    return true;
  }

  /** Forgets everything a port owns, pinned entries too. */
  forget(owner: Owner): void {
    this.#remove((entry) => entry.owner === owner);
  }

  /** Forgets learned entries that were not seen for the ageing time. */
  sweep(nowSeconds: number): void {
    this.#sweptAtSeconds = nowSeconds;
    this.#remove((entry) => !entry.pinned && nowSeconds - entry.seenAtSeconds >= AGEING_SECONDS);
  }

  #learnNew(high: number, low: number, owner: Owner, nowSeconds: number): boolean {
    // Room is looked for once a second at most, or a flood of new sources would make every frame sweep.
    const full = this.#learned >= MAX_LEARNED_PER_NETWORK || owner.learnedMacs >= MAX_LEARNED_PER_PORT;
    if (full && nowSeconds > this.#sweptAtSeconds) this.sweep(nowSeconds);
    if (this.#learned >= MAX_LEARNED_PER_NETWORK || owner.learnedMacs >= MAX_LEARNED_PER_PORT) return false;
    this.#insert({ high, low, owner, pinned: false, seenAtSeconds: nowSeconds });
    this.#learned += 1;
    owner.learnedMacs += 1;
    return true;
  }

  #find(high: number, low: number): Entry<Owner> | undefined {
    const slots = this.#slots;
    const mask = slots.length - 1;
    let slot = hash(high, low) & mask;
    for (;;) {
      const entry = slots[slot];
      if (entry === undefined || (entry.low === low && entry.high === high)) return entry;
      slot = (slot + 1) & mask;
    }
  }

  #insert(entry: Entry<Owner>): void {
    if ((this.#size + 1) * 2 > this.#slots.length) this.#rebuild(this.#slots.length * 2, () => true);
    this.#place(entry);
  }

  #place(entry: Entry<Owner>): void {
    const mask = this.#slots.length - 1;
    let slot = hash(entry.high, entry.low) & mask;
    while (this.#slots[slot] !== undefined) slot = (slot + 1) & mask;
    this.#slots[slot] = entry;
    this.#size += 1;
  }

  #remove(goes: (entry: Entry<Owner>) => boolean): void {
    for (const entry of this.#slots) {
      if (entry === undefined || !goes(entry)) continue;
      this.#rebuild(this.#slots.length, (kept) => !goes(kept));
      return;
    }
  }

  #rebuild(slotCount: number, stays: (entry: Entry<Owner>) => boolean): void {
    const before = this.#slots;
    this.#slots = emptySlots(slotCount);
    this.#size = 0;
    for (const entry of before) {
      if (entry === undefined) continue;
      if (stays(entry)) {
        this.#place(entry);
      } else if (!entry.pinned) {
        this.#learned -= 1;
        entry.owner.learnedMacs -= 1;
      }
    }
  }
}

function emptySlots<Owner>(count: number): (Entry<Owner> | undefined)[] {
  // No holes, so that the array stays packed.
  return Array.from({ length: count }, () => undefined);
}

/** Multiplicative hash (Knuth) with the upper bits folded down; clusters stay short because the table is half empty. */
function hash(high: number, low: number): number {
  const mixed = Math.imul(low ^ Math.imul(high, 0x9e3779b1), 0x85ebca6b);
  return mixed ^ (mixed >>> 15);
}
