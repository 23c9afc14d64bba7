import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AnswerReader, encodeRun, parseAnswer } from './command-frames.js';

function answerLine(id: string, status: number, output: Buffer): string {
  const digest = createHash('md5').update(output).digest('hex');
  return `@${id} ${status} ${output.length} ${digest} ${output.toString('base64')}\n`;
}

describe('the frames of the command channel', () => {
  it('brings any output and status through noise, however the bytes are cut', () => {
    const noise = fc.constantFrom(
      '',
      '[    1.2] kernel says\n',
      '@half an ans',
      '\r\n\0\xff',
      '@7 pong trailing\n',
    );
    fc.assert(
      fc.property(
        fc.array(fc.tuple(noise, fc.integer({ min: 0, max: 255 }), fc.uint8Array({ maxLength: 300 })), {
          maxLength: 5,
        }),
        fc.integer({ min: 1, max: 50 }),
        (conversations, cut) => {
          const wire = Buffer.from(
            conversations
              .map(
                ([before, status, output], index) =>
                  `${before}\n${answerLine(`a-${index}`, status, Buffer.from(output))}`,
              )
              .join(''),
            'latin1',
          );
          const reader = new AnswerReader();
          const answers = [];
          for (let at = 0; at < wire.length; at += cut)
            answers.push(...reader.push(wire.subarray(at, at + cut)));
          expect(answers).toEqual(
            conversations.map(([, status, output], index) => ({
              id: `a-${index}`,
              status,
              totalBytes: output.length,
              output: Buffer.from(output),
            })),
          );
        },
      ),
      { numRuns: 200 },
    );
  });

  it('takes a damaged answer for noise', () => {
    const line = answerLine('x', 0, Buffer.from('the output')).trimEnd();
    expect(parseAnswer(line)?.output.toString()).toBe('the output');
    expect(parseAnswer(line.slice(0, -4))).toBeUndefined();
    expect(parseAnswer(line.replace('@x 0', '@x zero'))).toBeUndefined();
  });

  it('forgets an endless line and hears the next one', () => {
    const reader = new AnswerReader();
    for (let i = 0; i < 40; i++) expect(reader.push(Buffer.alloc(65_536, 'A'))).toEqual([]);
    expect(reader.push(Buffer.from('\n@1 pong\n'))).toEqual([{ id: '1', output: Buffer.alloc(0) }]);
  });

  it('refuses a line that the guest could not take in', () => {
    expect(encodeRun('1', 30, 'true')).toBe('\nRUN 1 30 dHJ1ZQ==\n');
    expect(() => encodeRun('1', 30, 'x'.repeat(3500))).toThrow(RangeError);
  });
});
