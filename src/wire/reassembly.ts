/**
 * Putting fragments back together, the same for IPv4 (RFC 791, 815) and IPv6 (RFC 8200 section 4.5).
 *
 * Theory of operation: a datagram under assembly is a list of received slices in order of offset. A slice that overlaps
 * another ends the whole datagram (RFC 5722; for IPv4 too, since overlap has no honest use), an exact repetition is
 * ignored. Bounds: datagrams at a time, bytes held in all, slices of one datagram, and age. When a bound is reached the oldest
 * datagram makes room. There is no timer: age is looked at when fragments arrive, which is the only time it matters.
 */
export interface ReassemblyLimits {
  readonly maxDatagrams: number;
  readonly maxHeldBytes: number;
  readonly maxFragments: number;
  /** RFC 791 proposes 15 s, RFC 1122 60-120 s, RFC 8200 60 s. */
  readonly timeoutMs: number;
}

export const DEFAULT_REASSEMBLY_LIMITS: ReassemblyLimits = {
  maxDatagrams: 64,
  maxHeldBytes: 1 << 20,
  maxFragments: 128,
  timeoutMs: 30_000,
};

/** Largest payload that a 16-bit length can name, bytes. */
const MAX_PAYLOAD_BYTES = 65_535;

interface Slice {
  readonly offset: number;
  readonly data: Buffer;
}

interface Assembly {
  readonly startedAtMs: number;
  slices: Slice[];
  /** Known once the last fragment is there. */
  totalBytes: number | undefined;
  heldBytes: number;
  /** The header of the first fragment, given with offset 0. */
  header: Buffer | undefined;
}

export interface FragmentInput {
  /** Identifies the datagram: addresses, protocol, identification. */
  readonly key: string;
  readonly offsetBytes: number;
  readonly moreFragments: boolean;
  /** The fragment's part of the payload; copied. */
  readonly data: Buffer;
  /** What stands before the payload in the whole datagram; only read when `offsetBytes` is 0; copied. */
  readonly header: Buffer;
}

export class FragmentStore {
  readonly #assemblies = new Map<string, Assembly>();
  readonly #limits: ReassemblyLimits;
  #heldBytes = 0;

  constructor(limits: ReassemblyLimits = DEFAULT_REASSEMBLY_LIMITS) {
    this.#limits = limits;
  }

  get datagramCount(): number {
    return this.#assemblies.size;
  }

  get heldBytes(): number {
    return this.#heldBytes;
  }

  /** @returns header and payload of the datagram once every slice is there. */
  add(input: FragmentInput, nowMs: number): { header: Buffer; payload: Buffer } | undefined {
    this.#expire(nowMs);
    const end = input.offsetBytes + input.data.length;
    const aligned = !input.moreFragments || input.data.length % 8 === 0;
    if (input.data.length === 0 || !aligned || end + input.header.length > MAX_PAYLOAD_BYTES) {
      this.#drop(input.key);
      return undefined;
    }
    const assembly = this.#assemblies.get(input.key) ?? this.#start(input.key, nowMs);
    if (!this.#insert(assembly, input, end)) {
      this.#drop(input.key);
      return undefined;
    }
    if (assembly.totalBytes === undefined || assembly.header === undefined) return undefined;
    if (assembly.slices.reduce((sum, slice) => sum + slice.data.length, 0) !== assembly.totalBytes) {
      return undefined;
    }
    this.#drop(input.key);
    return { header: assembly.header, payload: Buffer.concat(assembly.slices.map((slice) => slice.data)) };
  }

  #start(key: string, nowMs: number): Assembly {
    if (this.#assemblies.size >= this.#limits.maxDatagrams) this.#dropOldest();
    const assembly: Assembly = {
      startedAtMs: nowMs,
      slices: [],
      totalBytes: undefined,
      heldBytes: 0,
      header: undefined,
    };
    this.#assemblies.set(key, assembly);
    return assembly;
  }

  /** @returns false when the fragment contradicts the others, so that the datagram must go. */
  #insert(assembly: Assembly, input: FragmentInput, end: number): boolean {
    const { slices } = assembly;
    let index = slices.length;
    while (index > 0 && slices[index - 1]!.offset >= input.offsetBytes) index--;
    const next = slices[index];
    const repeats = next?.offset === input.offsetBytes && next.data.equals(input.data);
    if (repeats) return true;
    const previous = slices[index - 1];
    if (previous !== undefined && previous.offset + previous.data.length > input.offsetBytes) return false;
    if (next !== undefined && end > next.offset) return false;
    if (slices.length >= this.#limits.maxFragments) return false;
    if (!input.moreFragments) {
      if (assembly.totalBytes !== undefined || next !== undefined) return false;
      assembly.totalBytes = end;
    } else if (assembly.totalBytes !== undefined && end > assembly.totalBytes) return false;
    slices.splice(index, 0, { offset: input.offsetBytes, data: Buffer.from(input.data) });
    if (input.offsetBytes === 0) assembly.header = Buffer.from(input.header);
    assembly.heldBytes += input.data.length;
    this.#heldBytes += input.data.length;
    while (this.#heldBytes > this.#limits.maxHeldBytes) {
      if (this.#oldest() === assembly) return false;
      this.#dropOldest();
    }
    return true;
  }

  #oldest(): Assembly | undefined {
    for (const assembly of this.#assemblies.values()) return assembly;
    return undefined;
  }

  #dropOldest(): void {
    for (const key of this.#assemblies.keys()) {
      this.#drop(key);
      return;
    }
  }

  #drop(key: string): void {
    const assembly = this.#assemblies.get(key);
    if (assembly === undefined) return;
    this.#heldBytes -= assembly.heldBytes;
    this.#assemblies.delete(key);
  }

  /** Insertion order is age order, so the sweep ends at the first young one. */
  #expire(nowMs: number): void {
    for (const [key, assembly] of this.#assemblies) {
      if (nowMs - assembly.startedAtMs < this.#limits.timeoutMs) return;
      this.#drop(key);
    }
  }
}
