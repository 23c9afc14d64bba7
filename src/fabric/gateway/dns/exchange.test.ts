import { encode } from 'dns-packet';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { answersQuery } from './exchange.js';
import { type DnsQuestion, readQuestion } from './message.js';
import { fuzz } from '../../../../test/fuzz/fuzz.js';

const query = encode({ id: 7, type: 'query', questions: [{ name: 'Www.Example.com', type: 'A' }] });

function questionOf(bytes: Buffer): DnsQuestion {
  const question = readQuestion(bytes);
  if (question === undefined) throw new Error('the query has a question');
  return question;
}

const answers = (bytes: Buffer) => answersQuery(bytes, query, questionOf(query));
const response = (name: string, type: 'A' | 'AAAA' = 'A', id = 7) =>
  encode({ type: 'response', id, questions: [{ name, type }] });

describe('answersQuery', () => {
  it('wants the id and the question of the query, in any case of letters (0x20)', () => {
    expect(answers(response('Www.Example.com'))).toBe(true);
    expect(answers(response('wWW.eXAMPLE.COM'))).toBe(true);
    expect(answers(response('Www.Example.com', 'A', 8))).toBe(false);
    expect(answers(response('Www.Example.com', 'AAAA'))).toBe(false);
    expect(answers(response('Www.Example.org'))).toBe(false);
    expect(answers(query)).toBe(false);
  });

  it('forgives a missing question only to a server that could not read it', () => {
    const bare = (rcode: number) => encode({ type: 'response', id: 7, flags: rcode });
    expect(answers(bare(1))).toBe(true);
    expect(answers(bare(0))).toBe(false);
    expect(answers(bare(2))).toBe(false);
  });

  fuzz('reads nothing behind the question, and never throws', [5452], (seed) => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), fc.uint8Array({ maxLength: 60 }), (tail, bytes) => {
        expect(answers(Buffer.concat([response('www.example.com'), tail]))).toBe(true);
        answers(Buffer.from(bytes));
      }),
      { numRuns: 1000, seed },
    );
  });
});
