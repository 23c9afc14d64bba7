import { expect, test } from 'vitest';
import { parseSpec } from './parse.js';

/** MTU of the network `web` in a file of these networks' keys, NICs, and other lines. */
function mtuOf(network: string, nics: readonly string[] = [], more = ''): number | undefined {
  const machines = nics.map(
    (nic, index) => `  m${index}: { nics: [{ network: web${nic && `, ${nic}`} }] }\n`,
  );
  const text = `project: p\n${more}networks:\n  web: { ${network}, mtu: largest }\n  other: { mode: nat, ipv4: 10.1.0.0/24 }\nmachines:\n${machines.join('')}  x: { nics: [{ network: other, model: e1000 }] }\n`;
  const parsed = parseSpec(text, 'f.yaml');
  if ('problems' in parsed) throw new Error(parsed.problems.map(({ message }) => message).join('; '));
  return parsed.spec.networks.find(({ name }) => name === 'web')?.mtuBytes;
}

test.each([
  ['mode: nat', [], 65_520],
  ['mode: isolated', ['', 'model: virtio-net-pci', 'model: virtio-net-device'], 65_520],
  ['mode: nat', ['attach: tap', 'port: vhost-user', 'attach: netns, model: e1000'], 65_520],
  ['mode: nat', ['', 'model: e1000'], 1500],
  ['mode: nat', ['attach: macvtap'], 1500],
  ['mode: isolated, vde: true', [''], 1500],
  ['mode: isolated, vxlan: { id: 1, peers: [192.0.2.2] }', [''], 1450],
  ['mode: isolated, vxlan: { id: 1, peers: ["2001:db8::2"] }', [''], 1430],
] as const)('%s with %j', (network, nics, expected) => expect(mtuOf(network, nics)).toBe(expected));

test('between hosts it is what a tunnel of theirs holds', () => {
  const hosts = (mtu: number) => `hosts: { a: 192.0.2.1, b: { address: 192.0.2.2, mtu: ${mtu} } }\n`;
  expect(mtuOf('mode: isolated, ipv4: 10.0.0.0/24', [''], hosts(9000))).toBe(1450);
  expect(mtuOf('mode: isolated, ipv4: 10.0.0.0/24', [''], hosts(1400))).toBe(1350);
});
