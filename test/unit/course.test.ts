/** docs/course.md shows the files of examples/course as they are, and a file's addresses are the same on every engine. */
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { parseSpec } from '../../src/spec/parse.js';
import { NOTHING_REMEMBERED } from '../../src/topology/remembered.js';
import { resolveTopology } from '../../src/topology/resolve.js';
import { ENGINE_NAMES } from '../conformance/capabilities.js';

const COURSE = fileURLToPath(new URL('../../examples/course/', import.meta.url));
const page = readFileSync(new URL('../../docs/course.md', import.meta.url), 'utf8');
const files = readdirSync(COURSE).map((name) => [name, readFileSync(`${COURSE}${name}`, 'utf8')] as const);

/** MAC and addresses of every NIC. */
function addressesOf(text: string): string[] {
  const parsed = parseSpec(text, 'passerelle.yaml');
  if ('problems' in parsed) throw new Error(parsed.problems.map(({ message }) => message).join('\n'));
  const resolved = resolveTopology(parsed.spec, { busySubnets: [], remembered: NOTHING_REMEMBERED });
  if ('problems' in resolved) throw new Error(resolved.problems.map(({ message }) => message).join('\n'));
  return resolved.topology.machines.flatMap(({ nics }) =>
    nics.map(({ id, mac, ipv4, ipv6 }) => [id, mac, ipv4, ipv6].join(' ')),
  );
}

describe('the files of the course', () => {
  it.each(files)('%s stands in docs/course.md as it is', (name, text) => {
    const body = text.replaceAll(/^#.*\n/gm, '');
    expect(page).toContain(`(../examples/course/${name})`);
    expect(page).toContain(`\`\`\`yaml\n${body}\`\`\``);
  });

  it.each(files)('%s has the same MACs and addresses on every engine', (_, text) => {
    const own = addressesOf(text);
    expect(own.length).toBeGreaterThan(0);
    for (const engine of ENGINE_NAMES) {
      expect(addressesOf(text.replace(/^engine: .*$/m, `engine: ${engine}`)), engine).toEqual(own);
    }
  });
});
