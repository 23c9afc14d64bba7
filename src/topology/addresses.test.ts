import { expect, test } from 'vitest';
import { parseSpec } from '../spec/parse.js';
import { NOTHING_REMEMBERED } from './remembered.js';
import { resolveTopology } from './resolve.js';

function addresses(network: string, nics: readonly string[], remembered: Record<string, string> = {}) {
  const text = `project: p
networks: { n: { mode: nat, ${network} } }
machines:
${nics.map((nic, index) => `  m${String(index).padStart(3, '0')}: { nics: [{ network: n, ${nic} }] }\n`).join('')}`;
  const parsed = parseSpec(text, 'f.yaml');
  if ('problems' in parsed) throw new Error(JSON.stringify(parsed.problems));
  const resolved = resolveTopology(parsed.spec, {
    busySubnets: [],
    remembered: { ...NOTHING_REMEMBERED, addresses: remembered },
  });
  if ('problems' in resolved) return resolved.problems.map(({ code }) => code);
  return resolved.topology.machines.flatMap((machine) => machine.nics.map(({ ipv4 }) => ipv4 ?? 'none'));
}

const lastOctets = (list: readonly string[]) =>
  list.map((address) => Number(address.split('.')[3])).sort((a, b) => a - b);
const numbers = (first: number, last: number) =>
  Array.from({ length: last - first + 1 }, (_, index) => first + index);

test('derived addresses fill the range of DHCP first, then the rest of the subnet, never the gateway', () => {
  const network = 'ipv4: 10.0.0.0/28, dhcp: { range: 10.0.0.9-10.0.0.12 }';
  expect(lastOctets(addresses(network, Array(4).fill('')))).toEqual(numbers(9, 12));
  expect(lastOctets(addresses(network, Array(13).fill('')))).toEqual(numbers(2, 14));
  expect(addresses(network, Array(14).fill(''))).toEqual(['topology/subnet-full']);
});

test('every address of a subnet can be had', () => {
  expect(lastOctets(addresses('ipv4: 10.0.0.0/24', Array(253).fill('')))).toEqual(numbers(2, 254));
});

test('a fixed address is nobody else’s, remembered or not', () => {
  const [fixed, moved] = addresses('ipv4: 10.0.0.0/24', ['ipv4: 10.0.0.7', ''], { 'm001/0': '10.0.0.7' });
  expect(fixed).toBe('10.0.0.7');
  expect(moved).not.toBe('10.0.0.7');
});

test.each([
  ['10.0.0.77', true],
  ['10.0.0.1', false],
  ['10.0.0.0', false],
  ['10.0.0.255', false],
  ['10.0.1.77', false],
  ['fd00::1', false],
  ['nonsense', false],
])('a remembered %s is kept: %s', (address, isKept) => {
  const [chosen] = addresses('ipv4: 10.0.0.0/24', [''], { 'm000/0': address });
  const [derived] = addresses('ipv4: 10.0.0.0/24', ['']);
  expect(chosen).toBe(isKept ? address : derived);
});

test('of two that remember the same, the first by name keeps it', () => {
  const [first, second] = addresses('ipv4: 10.0.0.0/24', ['', ''], {
    'm000/0': '10.0.0.77',
    'm001/0': '10.0.0.77',
  });
  expect(first).toBe('10.0.0.77');
  expect(second).not.toBe('10.0.0.77');
});
