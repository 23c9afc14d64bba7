/**
 * Flows by numeric key: a hash table with open addressing whose keys are a few 32-bit words each, so that a lookup
 * allocates nothing. The caller fills `key`, then asks.
 *
 * Linear probing, load at most one half, deletion by shifting back (no tombstones). The hash is seeded, because guests
 * choose their ports.
 */
const INITIAL_SLOTS = 64;

export class FlowTable<Value> {
  /** The key of the next call; fill all of its words. */
  readonly key: Int32Array;
  readonly #words: number;
  readonly #seed = Math.floor(Math.random() * 0x1_0000_0000) | 0;
  #keys: Int32Array;
  #values: (Value | undefined)[];
  #mask = INITIAL_SLOTS - 1;
  #size = 0;

  /** @param words 32-bit words of a key. */
  constructor(words: number) {
    this.#words = words;
    this.key = new Int32Array(words);
    this.#keys = new Int32Array(words * INITIAL_SLOTS);
    this.#values = emptySlots(INITIAL_SLOTS);
  }

  get size(): number {
    return this.#size;
  }

  /** What stands under `key`. */
  get(): Value | undefined {
    return this.#values[this.#find()];
  }

  /** Puts a value under `key`, in place of one that stands there. */
  set(value: Value): void {
    let slot = this.#find();
    if (this.#values[slot] === undefined) {
      this.#size++;
      if (this.#size * 2 > this.#mask) {
        this.#grow();
        slot = this.#find();
      }
      this.#keys.set(this.key, slot * this.#words);
    }
    this.#values[slot] = value;
  }

  /** Removes what stands under `key`. */
  delete(): boolean {
    let hole = this.#find();
    if (this.#values[hole] === undefined) return false;
    this.#size--;
    const words = this.#words;
    for (
      let slot = (hole + 1) & this.#mask;
      this.#values[slot] !== undefined;
      slot = (slot + 1) & this.#mask
    ) {
      const home = this.#hash(this.#keys, slot * words) & this.#mask;
      // An entry may fill the hole unless its home lies after it, cyclically.
      if (((slot - home) & this.#mask) < ((slot - hole) & this.#mask)) continue;
      this.#keys.copyWithin(hole * words, slot * words, (slot + 1) * words);
      this.#values[hole] = this.#values[slot];
      hole = slot;
    }
    this.#values[hole] = undefined;
    return true;
  }

  /** A snapshot, so that flows may go while it is walked. */
  values(): Value[] {
    return this.#values.filter((value) => value !== undefined);
  }

  /** The slot of `key`, or the empty one where it belongs. */
  #find(): number {
    const { key } = this;
    const words = this.#words;
    const keys = this.#keys;
    let slot = this.#hash(key, 0) & this.#mask;
    while (this.#values[slot] !== undefined) {
      let base = slot * words;
      let word = 0;
      while (word < words && keys[base] === key[word]) {
        word++;
        base++;
      }
      if (word === words) return slot;
      slot = (slot + 1) & this.#mask;
    }
    return slot;
  }

  /** Multiply-and-shift over the words (the finaliser of MurmurHash3 between them). */
  #hash(words: Int32Array, start: number): number {
    let hash = this.#seed;
    for (let index = start; index < start + this.#words; index++) {
      hash = Math.imul(hash ^ words[index]!, 0x85eb_ca6b);
      hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2_ae35);
      hash ^= hash >>> 16;
    }
    return hash;
  }

  #grow(): void {
    const words = this.#words;
    const oldKeys = this.#keys;
    const oldValues = this.#values;
    const slots = oldValues.length * 2;
    this.#mask = slots - 1;
    this.#keys = new Int32Array(words * slots);
    this.#values = emptySlots(slots);
    for (let old = 0; old < oldValues.length; old++) {
      if (oldValues[old] === undefined) continue;
      let slot = this.#hash(oldKeys, old * words) & this.#mask;
      while (this.#values[slot] !== undefined) slot = (slot + 1) & this.#mask;
      this.#values[slot] = oldValues[old];
      this.#keys.set(oldKeys.subarray(old * words, (old + 1) * words), slot * words);
    }
  }
}

function emptySlots<Value>(slots: number): (Value | undefined)[] {
  return Array.from({ length: slots }, () => undefined);
}
