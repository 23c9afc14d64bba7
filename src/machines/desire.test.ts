import { expect, it } from 'vitest';
import type { Topology } from '../topology/topology.js';
import { descriptionOf } from './description.js';
import { desiredMachines } from './desire.js';

const source = { file: 'passerelle.yaml', line: 3, column: 1 };
const nic = (machine: string, index: number) => ({
  id: `${machine}/${index}`,
  machine,
  index,
  network: 'web',
  mac: '52:54:00:00:00:01',
  model: 'virtio-net-pci',
  antiSpoofing: true,
  interfaceName: 'psl0',
  options: {},
  source,
});
const topology: Topology = {
  project: 'shop',
  networks: [],
  forwards: [],
  machines: [
    { name: 'db1', nics: [nic('db1', 0)], source },
    {
      name: 'web1',
      nics: [nic('web1', 0), nic('web1', 1)],
      command: ['qemu-system-x86_64', '-m', '64'],
      source,
    },
  ],
};

it('wants the machines that have a command, with their NICs and what these need', () => {
  const resources = desiredMachines(topology, {
    nicArguments: ({ index }) => ['-netdev', `user,id=n${index}`, '-device', `e1000,netdev=n${index}`],
    needs: (machine) => machine.nics.map(({ id }) => `user/port/${id}`),
    directory: '/project',
  });
  expect(resources).toHaveLength(1);
  const [web1] = resources;
  expect(web1).toMatchObject({
    id: 'machines/machine/web1',
    provider: 'machines',
    kind: 'machine',
    needs: ['user/port/web1/0', 'user/port/web1/1'],
    affects: ['web1'],
    source,
  });
  expect(web1 && descriptionOf(web1)).toEqual({
    name: 'web1',
    command: ['qemu-system-x86_64', '-m', '64'],
    nics: [
      { id: 'web1/0', arguments: ['-netdev', 'user,id=n0', '-device', 'e1000,netdev=n0,id=nic-web1-0'] },
      { id: 'web1/1', arguments: ['-netdev', 'user,id=n1', '-device', 'e1000,netdev=n1,id=nic-web1-1'] },
    ],
    directory: '/project',
  });
});

it('reads damaged properties as empty', () => {
  for (const properties of [
    {},
    { command: 7, nics: 'x', directory: [] },
    { nics: [1, null, [], { id: 2 }] },
  ]) {
    expect(descriptionOf({ id: 'machines/machine/x', properties })).toEqual({
      name: 'x',
      command: [],
      nics: [],
      directory: '',
    });
  }
});
