/** What has to be undone when a stage goes, in reverse order. */
export class Scope {
  readonly #undo: (() => Promise<void> | void)[] = [];

  constructor(
    /** Aborts when the benchmark is interrupted or out of time. */
    readonly signal: AbortSignal,
  ) {}

  defer(undo: () => Promise<void> | void): void {
    this.#undo.push(undo);
  }

  /** Undoes everything, also when a part of it fails. @throws the first failure. */
  async close(): Promise<void> {
    let failure: unknown;
    for (let undo = this.#undo.pop(); undo !== undefined; undo = this.#undo.pop()) {
      try {
        await undo();
      } catch (error) {
        failure ??= error;
      }
    }
    if (failure !== undefined) throw failure as Error;
  }

  /** A part of the stage that goes earlier: whatever `task` defers is undone when it ends. */
  async within<T>(task: (scope: Scope) => Promise<T>): Promise<T> {
    const inner = new Scope(this.signal);
    try {
      return await task(inner);
    } finally {
      await inner.close();
    }
  }
}
