// write-results.ts [--complete] FILE…: puts the sections that benchmarks printed into bench/RESULTS.md.
import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { describeMachine } from './machine.js';
import { mergeReport, parseReport } from './sections.js';

const RESULTS = fileURLToPath(new URL('../RESULTS.md', import.meta.url));

const files = process.argv.slice(2).filter((word) => word !== '--complete');
const isComplete = process.argv.includes('--complete');
const fresh = await Promise.all(files.map((file) => readFile(file, 'utf8')));
const old = await readFile(RESULTS, 'utf8').catch(() => '');
const head = `# What it can do, measured
Written by \`make bench\` (\`scripts/bench.sh NAME\` measures one section anew). Every figure is the median of the runs that its
section names; ours and the peers' are taken in turn in the same run. Trust ratios, not absolutes.

|  |  |
| --- | --- |
${describeMachine()}`;
await writeFile(RESULTS, mergeReport(parseReport(old), parseReport(fresh.join('\n')), head, isComplete));
