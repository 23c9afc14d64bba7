import { type Answer, decode, encode, type Packet } from 'dns-packet';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { localResponse, udpLimitOf } from './local-response.js';
import { readQuestion } from './message.js';
import type { LocalAnswer } from './zone.js';
import { fuzz } from '../../../../test/fuzz/fuzz.js';

const opt = (udpPayloadSize: number, ednsVersion = 0): Answer => ({
  type: 'OPT',
  name: '.',
  udpPayloadSize,
  extendedRcode: 0,
  ednsVersion,
  flags: 0,
  flag_do: false,
  options: [],
});

function queryOf(packet: Packet = {}): Buffer {
  const question = { name: 'Web1.shop.internal', type: 'A' } as const;
  return encode({ id: 0x4321, type: 'query', flags: 0x0100, questions: [question], ...packet });
}

function respond(query: Buffer, answer: LocalAnswer, transport: 'udp' | 'tcp' = 'udp'): Buffer {
  const question = readQuestion(query);
  if (question === undefined) throw new Error('the query has a question');
  return localResponse(query, question, answer, transport);
}

const found: LocalAnswer = {
  exists: true,
  records: [
    { type: 'A', address: '10.10.1.11' },
    { type: 'AAAA', address: 'fd00:1::11' },
  ],
  zone: 'shop.internal',
};
const many: LocalAnswer = {
  ...found,
  records: Array.from({ length: 100 }, (_, index) => ({ type: 'A', address: `10.10.1.${index}` }) as const),
};

describe('localResponse', () => {
  it('answers with authority, the question repeated byte for byte', () => {
    const query = queryOf();
    const response = respond(query, found);
    expect(response.subarray(12, query.length)).toEqual(query.subarray(12));
    const packet = decode(response);
    expect(packet).toMatchObject({
      id: 0x4321,
      type: 'response',
      rcode: 'NOERROR',
      flag_aa: true,
      flag_ra: true,
      flag_rd: true,
      flag_tc: false,
    });
    expect(packet.answers).toMatchObject([
      { name: 'web1.shop.internal', type: 'A', ttl: 5, class: 'IN', data: '10.10.1.11' },
      { name: 'web1.shop.internal', type: 'AAAA', data: 'fd00:1::11' },
    ]);
    expect(packet.authorities).toEqual([]);
  });

  it('tells NOERROR without records from NXDOMAIN, both with the SOA', () => {
    for (const exists of [true, false]) {
      const packet = decode(respond(queryOf(), { exists, records: [], zone: 'shop.internal' }));
      expect(packet).toMatchObject({ rcode: exists ? 'NOERROR' : 'NXDOMAIN', flag_aa: true, answers: [] });
      expect(packet.authorities).toMatchObject([
        { type: 'SOA', name: 'shop.internal', data: { minimum: 5 } },
      ]);
    }
    expect(decode(respond(queryOf(), { exists: false, records: [], zone: undefined })).authorities).toEqual(
      [],
    );
  });

  it('answers for the SOA of its zone', () => {
    const query = queryOf({ questions: [{ name: 'shop.internal', type: 'SOA' }] });
    const packet = decode(respond(query, { exists: true, records: [], zone: 'shop.internal' }));
    expect(packet.answers).toMatchObject([{ type: 'SOA', name: 'shop.internal' }]);
    expect(packet.authorities).toEqual([]);
  });

  it('sets TC and sends no records when they do not fit 512 bytes, the EDNS size, or 1232', () => {
    const truncated = decode(respond(queryOf(), many));
    expect(truncated).toMatchObject({ flag_tc: true, rcode: 'NOERROR', answers: [] });
    const twenty = { ...many, records: many.records.slice(0, 20) };
    expect(decode(respond(queryOf(), twenty)).flag_tc).toBe(true);
    expect(decode(respond(queryOf({ additionals: [opt(1232)] }), twenty)).answers).toHaveLength(20);
    const large = respond(queryOf({ additionals: [opt(65_000)] }), many);
    expect(decode(large)).toMatchObject({
      flag_tc: true,
      additionals: [{ type: 'OPT', udpPayloadSize: 1232 }],
    });
    expect(decode(respond(queryOf(), many, 'tcp')).answers).toHaveLength(100);
  });

  it('speaks EDNS only to those who do, and only version 0', () => {
    expect(decode(respond(queryOf(), found)).additionals).toEqual([]);
    expect(decode(respond(queryOf({ additionals: [opt(4096)] }), found)).additionals).toMatchObject([
      { type: 'OPT', ednsVersion: 0, extendedRcode: 0 },
    ]);
    const badVersion = decode(respond(queryOf({ additionals: [opt(4096, 1)] }), found));
    expect(badVersion).toMatchObject({
      answers: [],
      additionals: [{ type: 'OPT', extendedRcode: 1, ednsVersion: 0 }],
    });
  });

  it('refuses a query with answers, two OPT, or broken records', () => {
    const broken = queryOf({ additionals: [opt(4096)] });
    for (const query of [
      queryOf({ answers: [{ name: 'a', type: 'A', data: '10.0.0.1' }] }),
      queryOf({ additionals: [opt(4096), opt(4096)] }),
      broken.subarray(0, broken.length - 4),
    ]) {
      expect(decode(respond(query, found))).toMatchObject({ rcode: 'FORMERR', answers: [] });
    }
  });

  it('reads the UDP size of a client', () => {
    expect(udpLimitOf(queryOf())).toBe(512);
    expect(udpLimitOf(queryOf({ additionals: [opt(100)] }))).toBe(512);
    expect(udpLimitOf(queryOf({ additionals: [opt(4096)] }))).toBe(4096);
  });

  fuzz('never throws on what follows the question', [6891], (seed) => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), fc.nat({ max: 12 }), (tail, additionalCount) => {
        const query = Buffer.concat([queryOf(), tail]);
        query.writeUInt16BE(additionalCount, 10);
        expect(decode(respond(query, found)).type).toBe('response');
      }),
      { numRuns: 2000, seed },
    );
  });
});
