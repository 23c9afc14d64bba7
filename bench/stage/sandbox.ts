/** Where a benchmark runs: scripts/bench.sh gives it processes, mounts and a network of its own. */
export function isSandboxed(): boolean {
  return process.env['PASSERELLE_BENCH_SANDBOX'] === '1';
}

/** Benchmarks that make devices refuse to do it in the namespace a person works in. @throws Error. */
export function requireSandbox(): void {
  if (!isSandboxed()) throw new Error('run it by scripts/bench.sh NAME, which makes a sandbox of its own');
}
