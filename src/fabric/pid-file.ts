/** Who the fabric is, for whoever must end it: pid and start time, which together name one process for good. */
import { readFileSync, rmSync, writeFileSync } from 'node:fs';

/** Writes `PID START_TICKS`; the start in clock ticks since boot (proc(5), stat, field 22). */
export function writePidFile(path: string): void {
  const stat = readFileSync('/proc/self/stat', 'utf8');
  // The command name stands in brackets and may hold spaces and brackets: count from the last one.
  const startTicks = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
  writeFileSync(path, `${process.pid} ${startTicks}\n`, { mode: 0o600 });
}

export function removePidFile(path: string): void {
  rmSync(path, { force: true });
}
