/** The run of one engine: its campus, every scenario that it declares the means for, and the record of what passed. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { EngineName } from '../../src/topology/topology.js';
import { whySkipped } from '../lab/prerequisites.js';
import { Campus } from './campus.js';
import { capabilitiesOf, declaredFor } from './capabilities.js';
import { EVERY_RUN, PROGRAMS } from './host.js';
import { lost, readKept, recordOf, unproven, writeFresh } from './record.js';
import type { Scenario } from './scenario.js';
import { SCENARIOS } from './scenarios.js';

const OPEN_LIMIT_MS = 240_000;
const SCENARIO_LIMIT_MS = 120_000;

/** @param isRoot false: as an ordinary user, where the engine lets that; true: the modes that need root all the same. */
export function conformance(engine: EngineName, isRoot: boolean = capabilitiesOf(engine).needsRoot): void {
  const reason = whySkipped({ root: true, programs: [...EVERY_RUN, ...(PROGRAMS[engine] ?? [])] });
  if (reason !== undefined) console.log(`skipped: ${reason}`);

  describe.skipIf(reason !== undefined)(`the engine ${engine}${isRoot ? ' as root' : ''}`, () => {
    const declared = declaredFor(engine, isRoot);
    const part = isRoot === capabilitiesOf(engine).needsRoot ? '' : '-root';
    const passed = new Set<Scenario>();
    let campus: Campus;
    beforeAll(async () => {
      campus = await Campus.open(engine, isRoot);
    }, OPEN_LIMIT_MS);
    afterAll(async () => {
      await campus?.[Symbol.asyncDispose]();
    });

    for (const scenario of SCENARIOS) {
      const isDeclared = scenario.proves.every((capability) => declared[capability] === true);
      it.skipIf(!isDeclared)(
        scenario.title,
        async () => {
          await scenario.run(campus);
          passed.add(scenario);
        },
        SCENARIO_LIMIT_MS,
      );
    }

    it('leaves nothing when it is down: no process, no file, nothing on the host', async () => {
      await campus.down();
      expect(await processesOf(campus)).toEqual([]);
      expect(await filesOf(campus)).toEqual([]);
      expect(await campus.standing()).toBe(campus.stoodBefore);
    });

    it('proves all that it declares, and no less than docs/conformance.json says', () => {
      const record = recordOf(declared, [...passed]);
      writeFresh(engine, part, record);
      expect(unproven(record)).toEqual([]);
      // What is meant to be gone is taken out of the record: UPDATE_GENERATED=1 scripts/test.sh test/unit/engine-table
      if (process.env['UPDATE_GENERATED'] !== '1') expect(lost(readKept()[engine], record)).toEqual([]);
    });
  });
}

/** Processes of the project that live: their command line or environment names its directory. */
async function processesOf({ stage }: Campus): Promise<string[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid);
  const found = await Promise.all(
    pids.map(async (pid) => {
      const [line = '', environment = '', stat = ''] = await Promise.all(
        ['cmdline', 'environ', 'stat'].map((name) =>
          readFile(join('/proc', pid, name), 'utf8').catch(() => ''),
        ),
      );
      const isZombie = stat.slice(stat.lastIndexOf(')') + 2).startsWith('Z');
      const isOurs = !isZombie && `${line}${environment}`.includes(stage.directory);
      return isOurs ? [`${pid} ${line.replaceAll('\0', ' ')}`] : [];
    }),
  );
  return found.flat();
}

/** Files that the project keeps, for runs and for longer. */
async function filesOf({ stage }: Campus): Promise<string[]> {
  const entries = await readdir(stage.directory, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => !entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => /\/(?:run|state)\//.test(path));
}
