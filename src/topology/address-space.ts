import type { AddressRange } from '../spec/address/ranges.js';

/** Ranges of addresses that are taken, merged and in order. */
export class AddressSpace {
  private readonly taken: AddressRange[] = [];

  /** The taken range that overlaps this one, or undefined when all of it is free. */
  overlapping(range: AddressRange): AddressRange | undefined {
    const candidate = this.taken[this.firstEndingFrom(range.first)];
    return candidate !== undefined && candidate.first <= range.last ? candidate : undefined;
  }

  take(range: AddressRange): void {
    const from = this.firstEndingFrom(range.first);
    let to = from;
    let { first, last } = range;
    for (let next = this.taken[to]; next !== undefined && next.first <= range.last; next = this.taken[to]) {
      if (next.first < first) first = next.first;
      if (next.last > last) last = next.last;
      to += 1;
    }
    this.taken.splice(from, to - from, { first, last });
  }

  /** Index of the first taken range whose last address is at or after this one. */
  private firstEndingFrom(address: bigint): number {
    let low = 0;
    let high = this.taken.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      const range = this.taken[middle];
      if (range !== undefined && range.last < address) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
