import type { Random } from '../fabric/nat/random.js';

const AWKWARD = [
  '\0',
  '\n',
  '"',
  '{',
  '}',
  '[',
  ']',
  ',',
  ':',
  ' ',
  '-1',
  '1e999',
  'null',
  '\u{fffd}',
  '0x',
  '\\',
];
const MAX_CHANGES = 8;

/** A copy with bytes changed, put in, left out, doubled or cut off; now and then it is not damaged at all. */
export function damaged(sample: Buffer, random: Random): Buffer {
  let bytes = Buffer.from(sample);
  for (let change = random.integer(0, MAX_CHANGES); change > 0; change--) {
    const at = random.integer(0, bytes.length);
    const [before, after] = [bytes.subarray(0, at), bytes.subarray(at)];
    switch (random.integer(0, 4)) {
      case 0:
        if (after.length > 0) after[0] = random.integer(0, 255);
        break;
      case 1:
        bytes = Buffer.concat([before, Buffer.from(random.pick(AWKWARD)), after]);
        break;
      case 2:
        bytes = Buffer.concat([before, after.subarray(random.integer(1, 20))]);
        break;
      case 3:
        bytes = Buffer.concat([before, after.subarray(0, random.integer(0, 200)), after]);
        break;
      default:
        if (random.chance(0.2)) bytes = Buffer.from(before);
    }
  }
  return bytes;
}
