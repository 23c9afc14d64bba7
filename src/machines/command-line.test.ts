import { describe, expect, it } from 'vitest';
import { commandLine, isQemu, quoteForShell, takesHotPlug } from './command-line.js';

const machine = (command: string, nics: string[][] = []) => ({
  name: 'web1',
  command: command.split(' '),
  nics: nics.map((args, index) => ({ id: `web1/${index}`, arguments: args })),
  directory: '/project',
});

describe('commandLine', () => {
  it('gives a QEMU its NICs and its QMP socket', () => {
    const nic = ['-netdev', 'user,id=n0', '-device', 'e1000,id=c0,netdev=n0'];
    expect(commandLine(machine('/usr/bin/qemu-system-x86_64 -m 64', [nic]), '/run/a,b/qmp.sock')).toEqual([
      '/usr/bin/qemu-system-x86_64',
      '-m',
      '64',
      ...nic,
      '-qmp',
      'unix:/run/a,,b/qmp.sock,server=on,wait=off',
    ]);
  });

  it('keeps QEMU from making a NIC of its own when none is declared', () => {
    expect(commandLine(machine('qemu-system-x86_64 -m 64'), '/q').slice(3, 5)).toEqual(['-nic', 'none']);
    expect(commandLine(machine('qemu-system-x86_64 -nic user'), '/q')).not.toContain('none');
    expect(commandLine(machine('qemu-system-x86_64 -nodefaults'), '/q')).not.toContain('none');
  });

  it('gives any other program its NICs only', () => {
    expect(commandLine(machine('./start-vm web1', [['-netdev', 'x']]), '/q')).toEqual([
      './start-vm',
      'web1',
      '-netdev',
      'x',
    ]);
    expect(commandLine(machine('sleep 60'), '/q')).toEqual(['sleep', '60']);
  });
});

it.each([
  ['qemu-system-x86_64', true],
  ['/opt/qemu/bin/qemu-system-aarch64', true],
  ['/usr/libexec/qemu-kvm', true],
  ['kvm', true],
  ['/opt/qemu-system-x86_64/run', false],
  ['sleep', false],
  ['my-kvm', false],
])('isQemu: %s %s', (program, expected) => {
  expect(isQemu([program])).toBe(expected);
});

it.each([
  ['qemu-system-x86_64 -m 64', true],
  ['qemu-system-x86_64 -M pc,usb=off', true],
  ['qemu-system-x86_64 -M usb=off', true],
  ['qemu-system-i386 -machine type=pc-i440fx-7.2,accel=tcg', true],
  ['qemu-system-x86_64 -M q35', false],
  ['qemu-system-x86_64 -machine accel=tcg,type=q35', false],
  ['qemu-system-x86_64 --machine microvm', false],
  ['qemu-system-aarch64 -M virt', false],
  ['sleep 60', false],
])('takesHotPlug: %s %s', (command, expected) => {
  expect(takesHotPlug(command.split(' '))).toBe(expected);
});

it('quotes for a shell', () => {
  expect(quoteForShell(['a', "it's", '$HOME x', ''])).toBe(`a 'it'\\''s' '$HOME x' ''`);
});
