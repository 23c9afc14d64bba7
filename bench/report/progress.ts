const startedAtMs = performance.now();

/** Progress goes to standard error: standard output is the section of the report. */
export function tell(line: string): void {
  const seconds = ((performance.now() - startedAtMs) / 1000).toFixed(0).padStart(4);
  process.stderr.write(`${seconds} s  ${line}\n`);
}
