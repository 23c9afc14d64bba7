/** How many tests there are and how long they took, as the last `make test` of this checkout left it. */
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { benchmark } from './benchmark.js';

const PROJECTS = ['unit', 'system'] as const;

/** What vitest's JSON reporter writes. Times are milliseconds since the epoch. */
interface TestReport {
  readonly startTime: number;
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numPendingTests: number;
  readonly testResults: readonly { readonly endTime: number }[];
}

await benchmark('Tests', { limitSeconds: 10, isOnce: true }, async ({ ...report }) => {
  const rows: string[][] = [];
  for (const project of PROJECTS) {
    const path = fileURLToPath(new URL(`../.cache/tests-${project}.json`, import.meta.url));
    const text = await readFile(path, 'utf8').catch(() => undefined);
    if (text === undefined) {
      rows.push([project, 'not run here yet', '', '', '', '']);
      continue;
    }
    const { startTime, numPassedTests, numFailedTests, numPendingTests, testResults } = JSON.parse(
      text,
    ) as TestReport;
    const endTime = testResults.reduce((latest, file) => Math.max(latest, file.endTime), startTime);
    rows.push([
      project,
      ...[numPassedTests, numFailedTests, numPendingTests].map(String),
      `${Math.round((endTime - startTime) / 1000)} s`,
      new Date(startTime).toISOString().slice(0, 16).replace('T', ' '),
    ]);
  }
  report.text('From the last `make test` of this checkout; `system` boots real guests.');
  report.table(['', 'passed', 'failed', 'skipped', 'time', 'begun (UTC)'], rows);
});
