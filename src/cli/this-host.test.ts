import { describe, expect, it } from 'vitest';
import { PasserelleError } from '../errors.js';
import { parseSpec } from '../spec/parse.js';
import type { Spec } from '../spec/spec.js';
import { thisHost } from './this-host.js';

function spec(text: string): Spec {
  const parsed = parseSpec(text, 'f.yaml');
  if ('problems' in parsed) throw new Error(parsed.problems.map(({ message }) => message).join('\n'));
  return parsed.spec;
}

function codeOf(task: () => unknown): string | undefined {
  try {
    task();
    return undefined;
  } catch (error) {
    return error instanceof PasserelleError ? error.problems[0]?.code : String(error);
  }
}

describe('which host this is', () => {
  const two = spec('project: p\nhosts: { kvm1: 192.0.2.1, kvm2: 192.0.2.2 }\n');
  const alone = spec('project: p\n');

  it('is the one asked for, else the one that bears the machine’s name', () => {
    expect(thisHost(two, 'kvm2', 'kvm1')).toBe('kvm2');
    expect(thisHost(two, undefined, 'kvm1')).toBe('kvm1');
    expect(thisHost(two, undefined, 'KVM2.example.net')).toBe('kvm2');
    expect(thisHost(alone, undefined, 'laptop')).toBeUndefined();
  });

  it('is never guessed', () => {
    expect(codeOf(() => thisHost(two, undefined, 'laptop'))).toBe('host/unclear');
    expect(codeOf(() => thisHost(two, 'kvm3', 'kvm1'))).toBe('host/unknown');
    expect(codeOf(() => thisHost(alone, 'kvm1', 'kvm1'))).toBe('host/unknown');
  });
});
