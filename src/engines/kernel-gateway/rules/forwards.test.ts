import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { Forward } from '../../../topology/topology.js';
import { forwardElements, listensOnLoopback, SHARES } from './forwards.js';

const web1 = (address: string) => ({ machine: 'web1', nic: 'web1/0', address });

const base: Forward = {
  id: 'tcp/0.0.0.0:9011',
  protocol: 'tcp',
  listenAddress: '0.0.0.0',
  listenPortFirst: 9011,
  listenPortLast: 9011,
  network: 'web',
  targets: [web1('10.10.10.11')],
  targetPortFirst: 9090,
  targetPortFixed: false,
  source: { file: 'f', line: 1, column: 1 },
};

it('makes one element of a single port, and of a range that keeps its ports', () => {
  expect(forwardElements(base)).toEqual({ forward4_any: ['tcp . 9011 : 10.10.10.11 . 9090'] });
  expect(
    forwardElements({ ...base, listenAddress: '192.0.2.2', listenPortLast: 9020, targetPortFirst: 9011 }),
  ).toEqual({ forward4_range: ['192.0.2.2 . tcp . 9011-9020 : 10.10.10.11'] });
  expect(
    forwardElements({ ...base, protocol: 'udp', listenAddress: '2001:db8::1', targets: [web1('fd00::11')] }),
  ).toEqual({ forward6: ['2001:db8::1 . udp . 9011 : fd00::11 . 9090'] });
});

it('marks what the machine is to see as the gateway, by what is listened on', () => {
  const asGateway = { ...base, shownSource: 'gateway' } as const;
  expect(forwardElements(asGateway)).toEqual({
    as_gateway4_any: ['tcp . 9011'],
    forward4_any: ['tcp . 9011 : 10.10.10.11 . 9090'],
  });
  expect(
    forwardElements({
      ...asGateway,
      listenAddress: '2001:db8::1',
      listenPortLast: 9020,
      targetPortFirst: 9011,
      targets: [web1('fd00::11')],
    }),
  ).toEqual({
    as_gateway6: ['2001:db8::1 . tcp . 9011-9020'],
    forward6_range: ['2001:db8::1 . tcp . 9011-9020 : fd00::11'],
  });
  expect(forwardElements({ ...base, shownSource: 'client' })).toEqual(forwardElements(base));
});

/** What the maps make of a port, as the kernel looks it up. */
function lookUp(elements: ReturnType<typeof forwardElements>, port: number): string | undefined {
  for (const text of Object.values(elements).flat()) {
    const [, key = '', data] = /^tcp \. (\S+) : (.*)$/.exec(text) ?? [];
    const [first, last] = key.split('-').map(Number);
    if (last === undefined && first === port) return data;
    if (last !== undefined && first !== undefined && first <= port && port <= last)
      return `${data} . ${port}`;
  }
  return undefined;
}

it('leads every port of any range to its target, and no other port anywhere', () => {
  const ports = fc.integer({ min: 1, max: 1000 });
  fc.assert(
    fc.property(
      ports,
      fc.integer({ min: 0, max: 50 }),
      ports,
      fc.boolean(),
      ports,
      (first, span, target, fixed, asked) => {
        const elements = forwardElements({
          ...base,
          listenPortFirst: first,
          listenPortLast: first + span,
          targetPortFirst: target,
          targetPortFixed: fixed,
        });
        const isInside = asked >= first && asked <= first + span;
        const expected = `10.10.10.11 . ${fixed ? target : target + asked - first}`;
        expect(lookUp(elements, asked)).toBe(isInside ? expected : undefined);
      },
    ),
  );
});

it('deals the shares of each port to its machines in turn, evenly', () => {
  const targets = ['10.10.10.11', '10.10.10.12', '10.10.10.13'].map(web1);
  const { shared4_any: dealt = [] } = forwardElements({ ...base, targets, listenPortLast: 9012 });
  expect(dealt).toHaveLength(2 * SHARES);
  expect(new Set(dealt.map((text) => text.split(' : ')[0])).size).toBe(2 * SHARES);
  for (const { address } of targets) {
    for (const port of [9090, 9091])
      expect(dealt.filter((text) => text.endsWith(` : ${address} . ${port}`))).toHaveLength(SHARES / 3);
  }
  expect(forwardElements({ ...base, listenAddress: '192.0.2.2', targets })).toMatchObject({
    shared4: expect.arrayContaining(['192.0.2.2 . tcp . 9011 . 59 : 10.10.10.13 . 9090']) as unknown,
  });
  const six = forwardElements({ ...base, listenAddress: '::', targets: ['fd00::11', 'fd00::12'].map(web1) });
  expect(Object.keys(six)).toEqual(['shared6_any']);
});

it('knows which listen on 127.0.0.1', () => {
  expect(listensOnLoopback(base)).toBe(true);
  expect(listensOnLoopback({ ...base, listenAddress: '127.0.0.1' })).toBe(true);
  expect(listensOnLoopback({ ...base, listenAddress: '192.0.2.2' })).toBe(false);
});
