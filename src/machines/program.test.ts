import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { findProgram, missingProgramProblem, packageOf } from './program.js';

const directory = mkdtempSync(join(tmpdir(), 'passerelle-program-'));
afterAll(() => rmSync(directory, { recursive: true }));

describe('findProgram', () => {
  it('looks where execvp would, from the directory of the project', async () => {
    mkdirSync(join(directory, 'bin/folder'), { recursive: true });
    writeFileSync(join(directory, 'bin/run-vm'), '#!/bin/sh\n');
    writeFileSync(join(directory, 'bin/text'), 'no program');
    chmodSync(join(directory, 'bin/run-vm'), 0o755);
    chmodSync(join(directory, 'bin/text'), 0o644);
    const program = join(directory, 'bin/run-vm');
    expect(await findProgram('bin/run-vm', directory, '')).toBe(program);
    expect(await findProgram(program, '/', '')).toBe(program);
    expect(await findProgram('run-vm', '/', `/nowhere:${directory}/bin`)).toBe(program);
    expect(await findProgram('run-vm', directory, '/nowhere')).toBeUndefined();
    expect(await findProgram('bin/folder', directory, '')).toBeUndefined();
    expect(await findProgram('bin/none', directory, '')).toBeUndefined();
    expect(await findProgram('', directory, `${directory}/bin`)).toBeUndefined();
  });
});

it.each([
  ['qemu-system-x86_64', 'qemu-system-x86'],
  ['/usr/bin/qemu-system-aarch64', 'qemu-system-arm'],
  ['qemu-system-ppc64', 'qemu-system-ppc'],
  ['qemu-system-mips64el', 'qemu-system-mips'],
  ['qemu-system-riscv64', 'qemu-system-misc'],
  ['kvm', 'qemu-system-x86'],
  ['crosvm', undefined],
])('packageOf: %s %s', (program, expected) => {
  expect(packageOf(program)).toBe(expected);
});

it('tells what to type', () => {
  expect(missingProgramProblem('web1', 'qemu-system-x86_64')).toMatchObject({
    code: 'machine/command-missing',
    fix: 'type: sudo apt-get install qemu-system-x86',
  });
});
