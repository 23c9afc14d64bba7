import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect } from 'vitest';
import { parseSpecBytes } from './load.js';
import { fuzz } from '../../test/fuzz/fuzz.js';

/*
 * Whatever the bytes, loading gives a specification or problems, each with a code, a sentence and a place in the text;
 * it throws nothing. Seeded, so that a failure can be run again.
 */

const EXAMPLE = readFileSync(new URL('../../examples/shop/passerelle.yaml', import.meta.url), 'utf8');
const SEEDS = [20_261_123];
const NUM_RUNS = 300;

function hold(bytes: Uint8Array): void {
  const result = parseSpecBytes(bytes, 'f.yaml');
  if ('spec' in result) return;
  expect(result.problems.length).toBeGreaterThan(0);
  const lines = Buffer.from(bytes).toString('utf8').split('\n');
  for (const { code, message, fix, at } of result.problems) {
    expect(code).toMatch(/^spec\/[a-z0-9-]+$/);
    expect(fix).toBeTruthy();
    // oxlint-disable-next-line no-control-regex
    expect(message + fix).not.toMatch(/[\u0000-\u001f\u007f]/);
    if (code === 'spec/more-problems') continue;
    const line = lines[(at?.line ?? 0) - 1];
    expect(line, `${code} at line ${at?.line}`).toBeDefined();
    expect(at?.column).toBeGreaterThan(0);
    expect(at?.column).toBeLessThanOrEqual((line ?? '').length + 2);
  }
}

describe('hostile text', () => {
  fuzz('bytes at random', SEEDS, (seed) => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), hold), { seed, numRuns: NUM_RUNS });
  });

  fuzz('YAML at random', SEEDS, (seed) => {
    const tokens = [
      'a',
      'project',
      'networks',
      'machines',
      'nics',
      'forwards',
      ': ',
      ':',
      '\n',
      '\n  ',
      '\n    ',
      '- ',
      '{',
      '}',
      '[',
      ']',
    ];
    const more = [
      ',',
      '"',
      "'",
      '&x ',
      '*x',
      '<<: ',
      '!t ',
      '| ',
      '> ',
      '? ',
      '#',
      '\t',
      '---\n',
      '...\n',
      '%YAML 1.1\n',
      '1',
      'null',
      '~',
      '10.0.0.0/8',
    ];
    const text = fc
      .array(fc.constantFrom(...tokens, ...more), { maxLength: 60 })
      .map((parts) => parts.join(''));
    fc.assert(
      fc.property(text, (yaml) => hold(Buffer.from(yaml))),
      { seed, numRuns: NUM_RUNS },
    );
  });

  fuzz('an example with a part cut, doubled or replaced', SEEDS, (seed) => {
    const edit = fc.record({
      start: fc.nat(EXAMPLE.length),
      length: fc.nat(40),
      put: fc.constantFrom('', '\n', ' ', '\t', ': ', '- ', '"', '[', '}', '\0', '\u00e9', '0', '&a ', '*a'),
    });
    fc.assert(
      fc.property(fc.array(edit, { minLength: 1, maxLength: 4 }), (edits) => {
        let text = EXAMPLE;
        for (const { start, length, put } of edits)
          text = text.slice(0, start) + put + text.slice(start + length);
        hold(Buffer.from(text));
      }),
      { seed, numRuns: NUM_RUNS },
    );
  });

  fuzz('right keys with wrong values', SEEDS, (seed) => {
    const value: fc.Arbitrary<unknown> = fc.letrec((tie) => ({
      any: fc.oneof(
        { depthSize: 'small' },
        fc.constantFrom(null, true, 0, -1, 1.5, 'auto', 'x', '', '10.0.0.0/24', '1-2'),
        tie('list'),
        tie('map'),
      ),
      list: fc.array(tie('any'), { maxLength: 3 }),
      map: fc.dictionary(
        fc.constantFrom(
          'mode',
          'ipv4',
          'subnet',
          'range',
          'nics',
          'network',
          'forwards',
          'target',
          'listen-port',
          'x',
        ),
        tie('any'),
        { maxKeys: 4 },
      ),
    })).any;
    const file = fc.record(
      { project: value, networks: value, machines: value, forwards: value },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(file, (json) => hold(Buffer.from(JSON.stringify(json)))),
      { seed, numRuns: NUM_RUNS },
    );
  });
});
