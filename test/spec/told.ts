/** What the tests of the file's checks share: a text, and every problem of it. */
import { parseSpec } from '../../src/spec/parse.js';

/** Every problem of a text, as one line each: `LINE:COLUMN CODE: MESSAGE | FIX`. */
export function told(text: string): string[] {
  const result = parseSpec(text, 'f.yaml');
  if ('spec' in result) return [];
  return result.problems.map(
    ({ at, code, message, fix }) => `${at?.line}:${at?.column} ${code}: ${message} | ${fix}`,
  );
}

/** Six lines with a network of each mode but routed; what the test is about comes behind. */
export const HEAD = `project: shop
networks:
  web: { mode: nat, ipv4: 10.10.10.0/24, ipv6: fd00:10:10::/64 }
  back: { mode: isolated, ipv4: 10.10.20.0/24 }
  lan: { mode: bridge }
`;
