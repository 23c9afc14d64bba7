/** Packets refused, by reason: `flow-table-full`, `bad-checksum`, `destination-refused`, `echo-unavailable`, … */
export class DropCounters {
  readonly #counts = new Map<string, number>();

  add(reason: string): void {
    this.#counts.set(reason, (this.#counts.get(reason) ?? 0) + 1);
  }

  get counts(): ReadonlyMap<string, number> {
    return this.#counts;
  }
}
