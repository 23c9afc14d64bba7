import { decode, encode } from 'dns-packet';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { emptyResponse, isResponse, opcodeOf, Rcode, rcodeOf, readQuestion } from './message.js';
import { fuzz } from '../../../../test/fuzz/fuzz.js';

const query = (name: string, type: 'A' | 'AAAA' = 'A') =>
  encode({ id: 0x1234, type: 'query', flags: 0x0100, questions: [{ name, type }] });

describe('readQuestion', () => {
  it('reads name, type and class, and where the question ends', () => {
    const bytes = query('Web1.Shop.Internal', 'AAAA');
    expect(readQuestion(bytes)).toMatchObject({
      name: 'web1.shop.internal',
      type: 28,
      class: 1,
      end: bytes.length,
    });
    expect(readQuestion(query('.'))).toMatchObject({ name: '', end: 17 });
  });

  it('has equal keys for names that differ in case only', () => {
    const key = (name: string, type: 'A' | 'AAAA' = 'A') => readQuestion(query(name, type))?.key;
    expect(key('wEb1.EXAMPLE')).toBe(key('WeB1.example'));
    expect(key('web1.example')).not.toBe(key('web2.example'));
    expect(key('web1.example')).not.toBe(key('web1.example', 'AAAA'));
    expect(key('web1.example')).not.toBe(key('web1example'));
  });

  it('tells a dot inside a label from one between labels, and bytes from letters', () => {
    const header = Buffer.from('12340100000100000000000000'.slice(0, 24), 'hex');
    const name = (wire: string) =>
      readQuestion(Buffer.concat([header, Buffer.from(wire, 'latin1'), Buffer.from([0, 1, 0, 1])]))?.name;
    expect(name('\x03a.b\x00')).toBe('a\\.b');
    expect(name('\x02\xc3\xc9\x00')).toBe('\xc3\xc9');
  });

  it.each([
    ['short header', Buffer.alloc(11)],
    ['no question', Buffer.alloc(12)],
    [
      'two questions',
      encode({
        questions: [
          { name: 'a', type: 'A' },
          { name: 'b', type: 'A' },
        ],
      }),
    ],
    ['a compressed name', Buffer.from('123401000001000000000000c00c00010001', 'hex')],
    ['a name without end', query('abc').subarray(0, 15)],
    ['no class', query('abc').subarray(0, -1)],
  ])('refuses %s', (_what, bytes) => {
    expect(readQuestion(bytes)).toBeUndefined();
  });

  it('refuses a name over 255 bytes', () => {
    const header = Buffer.from('123401000001000000000000', 'hex');
    const labels = (count: number) => Buffer.from(`\x07${'a'.repeat(7)}`.repeat(count), 'latin1');
    const tail = Buffer.from([0, 0, 1, 0, 1]);
    expect(readQuestion(Buffer.concat([header, labels(31), tail]))).toBeDefined();
    expect(readQuestion(Buffer.concat([header, labels(32), tail]))).toBeUndefined();
  });

  fuzz('never throws, and what it reads can be answered', [1035], (seed) => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 12, maxLength: 80 }), fc.boolean(), (bytes, one) => {
        const message = Buffer.from(bytes);
        if (one) message.writeUInt16BE(1, 4);
        const response = emptyResponse(message, readQuestion(message), Rcode.formErr);
        expect(isResponse(response)).toBe(true);
        expect(rcodeOf(response)).toBe(Rcode.formErr);
        expect(opcodeOf(response)).toBe(opcodeOf(message));
      }),
      { numRuns: 1500, seed },
    );
  });
});

describe('emptyResponse', () => {
  it('repeats id, question and RD, and nothing behind the question', () => {
    const bytes = Buffer.concat([query('Web1.example'), Buffer.from('00002904d000000000000000', 'hex')]);
    bytes.writeUInt16BE(1, 10);
    const response = decode(emptyResponse(bytes, readQuestion(bytes), Rcode.refused));
    expect(response).toMatchObject({
      id: 0x1234,
      type: 'response',
      rcode: 'REFUSED',
      flag_rd: true,
      flag_aa: false,
    });
    expect(response.questions).toEqual([{ name: 'Web1.example', type: 'A', class: 'IN' }]);
    expect(response.additionals).toEqual([]);
  });
});
