import { describe, expect, it } from 'vitest';
import { canPlug, nicChanges } from './hotplug.js';

const nic = (index: number, more = '') => ({
  id: `web1/${index}`,
  arguments: [
    '-netdev',
    `user,id=n${index}`,
    '-device',
    `virtio-net-pci,id=c${index},netdev=n${index}${more}`,
  ],
});
const machine = (nics: ReturnType<typeof nic>[], command = 'qemu-system-x86_64 -m 64') => ({
  name: 'web1',
  command: command.split(' '),
  nics,
  directory: '/project',
});

it('finds what goes and what comes; a changed NIC does both', () => {
  expect(nicChanges([nic(0), nic(1)], [nic(1), nic(2)])).toEqual({ removed: [nic(0)], added: [nic(2)] });
  expect(nicChanges([nic(0)], [nic(0, ',mac=52:54:00:00:00:09')])).toEqual({
    removed: [nic(0)],
    added: [nic(0, ',mac=52:54:00:00:00:09')],
  });
  expect(nicChanges([nic(0), nic(1)], [nic(1), nic(0)])).toEqual({ removed: [], added: [] });
});

describe('canPlug', () => {
  it('when only NICs differ that QMP can carry', () => {
    expect(canPlug(machine([nic(0)]), machine([nic(0), nic(1)]))).toBe(true);
    expect(canPlug(machine([nic(0)]), machine([]))).toBe(true);
  });

  it('not when anything else differs, or the machine or the NIC cannot', () => {
    expect(canPlug(machine([nic(0)]), machine([nic(1)], 'qemu-system-x86_64 -m 128'))).toBe(false);
    expect(canPlug(machine([nic(0)]), { ...machine([nic(1)]), directory: '/other' })).toBe(false);
    expect(
      canPlug(machine([], 'qemu-system-x86_64 -M q35'), machine([nic(0)], 'qemu-system-x86_64 -M q35')),
    ).toBe(false);
    expect(canPlug(machine([], 'sleep 60'), machine([nic(0)], 'sleep 60'))).toBe(false);
    const shortForm = { id: 'web1/1', arguments: ['-nic', 'user'] };
    expect(canPlug(machine([nic(0)]), machine([nic(0), shortForm]))).toBe(false);
    expect(canPlug(machine([shortForm]), machine([shortForm, nic(2)]))).toBe(true);
  });
});
