import fc from 'fast-check';
import { expect, it } from 'vitest';
import { summaryOfFrame } from '../../frame-summary.js';
import { shortened } from './shortened.js';

const ETHERNET = '52540000000152540000000a';
const IPV4 =
  '0800 450005dc 00004000 40060000 0a00000b c0000209 9c40 01bb 00000001 00000000 5002 ffff 00000000';
const IPV6 = `86dd 60000000 05b4 11 40 ${'fd00'.padEnd(32, '0')} ${'fd00'.padEnd(32, '0')} c000 0035 0008 0000`;
const bytes = (hex: string): Buffer => Buffer.from(`${ETHERNET}${hex}`.replaceAll(' ', ''), 'hex');

it('says in the IP header how much is left, behind tags too', () => {
  expect(shortened(bytes(IPV4)).readUInt16BE(16)).toBe(40);
  expect(shortened(bytes(`8100 002a ${IPV4}`)).readUInt16BE(20)).toBe(40);
  expect(shortened(bytes(IPV6)).readUInt16BE(18)).toBe(8);
});

it('leaves a whole packet as it is, padding behind it too', () => {
  const whole = shortened(bytes(IPV4));
  expect(shortened(whole)).toBe(whole);
  const padded = Buffer.concat([whole, Buffer.alloc(6)]);
  expect(shortened(padded)).toBe(padded);
});

it('takes any bytes, and changes nothing that a person is told', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(IPV4, IPV6, '0806', '8100', ''),
      fc.uint8Array({ maxLength: 80 }),
      (head, rest) => {
        const frame = Buffer.concat([head === '' ? Buffer.alloc(0) : bytes(head), rest]);
        const short = shortened(frame);
        expect(short.length).toBe(frame.length);
        expect(summaryOfFrame(short)).toEqual(summaryOfFrame(frame));
      },
    ),
  );
});
