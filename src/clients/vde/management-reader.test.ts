import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type ManagementItem, ManagementReader } from './management-reader.js';

const BANNER =
  'VDE switch V.2.3.2\n(C) Virtual Square Team (coord. R. Davoli) 2005,2006,2007 - GPLv2\n\nvde$ ';
/** As a vde_switch 2.3.2 said it. */
const TRANSCRIPT =
  BANNER +
  "0000 DATA END WITH '.'\nNumports=32\nHUB=false\ncounters=true\n.\n1000 Success\n\nvde$ " +
  '1017 File exists\n\nvde$ ' +
  '3021 port/+ 05\n3031 port/ep/+ Port 05 FD 10\n' +
  "0000 DATA END WITH '.'\n.\n1006 No such device or address\n\nvde$ ";

const EXPECTED: readonly ManagementItem[] = [
  { kind: 'prompt' },
  { kind: 'answer', errno: 0, text: 'Success', data: ['Numports=32', 'HUB=false', 'counters=true'] },
  { kind: 'prompt' },
  { kind: 'answer', errno: 17, text: 'File exists', data: [] },
  { kind: 'prompt' },
  { kind: 'event', path: 'port/+', detail: '05' },
  { kind: 'event', path: 'port/ep/+', detail: 'Port 05 FD 10' },
  { kind: 'answer', errno: 6, text: 'No such device or address', data: [] },
  { kind: 'prompt' },
];

describe('ManagementReader', () => {
  it('reads a conversation', () => {
    expect(new ManagementReader().push(Buffer.from(TRANSCRIPT))).toEqual(EXPECTED);
  });

  it('reads it the same however it is cut', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 40 }), { maxLength: 60 }), (sizes) => {
        const reader = new ManagementReader();
        const bytes = Buffer.from(TRANSCRIPT);
        const items: ManagementItem[] = [];
        let position = 0;
        for (const size of [...sizes, bytes.length]) {
          items.push(...reader.push(bytes.subarray(position, position + size)));
          position += size;
        }
        expect(items).toEqual(EXPECTED);
      }),
      { seed: 7, numRuns: 200 },
    );
  });

  it('tells an answer that broke off, and reads on', () => {
    const reader = new ManagementReader();
    reader.push(Buffer.from(BANNER));
    const broken = "0000 DATA END WITH '.'\nPort 1899 untagged_vlan=0000 INACTIVE - NOT Unn\nvde$ ";
    expect(reader.push(Buffer.from(broken))).toEqual([{ kind: 'truncated' }, { kind: 'prompt' }]);
    expect(reader.push(Buffer.from('1000 Success\n\nvde$ '))).toEqual([
      { kind: 'answer', errno: 0, text: 'Success', data: [] },
      { kind: 'prompt' },
    ]);
  });

  it('sees the end of a session, which has no end of line', () => {
    expect(new ManagementReader().push(Buffer.from('9999 END OF SESSION'))).toEqual([{ kind: 'end' }]);
  });

  it('refuses a line without end', () => {
    const reader = new ManagementReader();
    const chunk = Buffer.alloc(8192, 0x61);
    expect(() => {
      for (let count = 0; count < 10; count++) reader.push(chunk);
    }).toThrow(RangeError);
  });

  it('refuses data without end', () => {
    const reader = new ManagementReader();
    reader.push(Buffer.from("0000 DATA END WITH '.'\n"));
    const chunk = Buffer.from('x\n'.repeat(10_000));
    expect(() => {
      for (let count = 0; count < 30; count++) reader.push(chunk);
    }).toThrow(RangeError);
  });

  it('takes any bytes without a defect', () => {
    const words = [
      'vde$ ',
      '\n',
      '.',
      "0000 DATA END WITH '.'\n",
      '1000 Success\n',
      '3021 a b\n',
      '9999 x',
      '1',
      '\0',
    ];
    const piece = fc.oneof(
      fc.constantFrom(...words).map((text) => Buffer.from(text)),
      fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes)),
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 40 }), (pieces) => {
        const reader = new ManagementReader();
        for (const bytes of pieces) {
          for (const item of reader.push(bytes)) {
            if (item.kind === 'answer') expect(item.errno).toBeLessThan(1000);
          }
        }
      }),
      { seed: 11, numRuns: 1500 },
    );
  });
});
