import { appendFile, mkdir, rename, stat } from 'node:fs/promises';
import { join } from 'node:path';

/** One line of the project's history: what a verb did. Kept for people; nothing is ever decided from it. */
export interface HistoryEntry {
  readonly at: string;
  readonly verb: string;
  readonly outcome: 'done' | 'failed';
  /** `create user/port/web1/0`, … */
  readonly changes: readonly string[];
  readonly message?: string;
}

const MAX_HISTORY_BYTES = 1_000_000;

/** Appends to `history.jsonl`; past a megabyte the old half becomes `history.1.jsonl`. */
export async function recordHistory(stateDir: string, entry: HistoryEntry): Promise<void> {
  const path = join(stateDir, 'history.jsonl');
  await mkdir(stateDir, { recursive: true, mode: 0o700 });
  const bytes = await stat(path).then(
    (stats) => stats.size,
    () => 0,
  );
  if (bytes > MAX_HISTORY_BYTES) await rename(path, join(stateDir, 'history.1.jsonl'));
  await appendFile(path, `${JSON.stringify(entry)}\n`, { mode: 0o600 });
}
