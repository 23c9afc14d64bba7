/** What a guest printed on its console: its last 256 KiB, and a way to wait for more. */
const MAX_CHARACTERS = 262_144;

export class ConsoleText {
  private text = '';
  private readonly listeners = new Set<() => void>();

  append(chunk: Buffer): void {
    this.text = (this.text + chunk.toString('latin1')).slice(-MAX_CHARACTERS);
    for (const listener of this.listeners) listener();
  }

  toString(): string {
    return this.text;
  }

  /** The last lines, for messages. */
  tail(lineCount = 20): string {
    return this.text.trimEnd().split('\n').slice(-lineCount).join('\n');
  }

  /**
   * @param marker a text, or a pattern, that some whole line has.
   * @returns the first line that has it. Rejects with the console's tail when the signal aborts.
   */
  waitFor(marker: string | RegExp, signal: AbortSignal): Promise<string> {
    const find = (): string | undefined =>
      this.text
        .split('\n')
        .slice(0, -1)
        .find((line) => (typeof marker === 'string' ? line.includes(marker) : marker.test(line)));
    return new Promise((resolve, reject) => {
      const stopListening = (): void => {
        this.listeners.delete(look);
        signal.removeEventListener('abort', abort);
      };
      const look = (): void => {
        const line = find();
        if (line === undefined) return;
        stopListening();
        resolve(line.trimEnd());
      };
      const abort = (): void => {
        stopListening();
        reject(
          new Error(`the console never showed ${String(marker)}\n${this.tail()}`, { cause: signal.reason }),
        );
      };
      if (signal.aborted) return abort();
      this.listeners.add(look);
      signal.addEventListener('abort', abort, { once: true });
      look();
    });
  }
}
