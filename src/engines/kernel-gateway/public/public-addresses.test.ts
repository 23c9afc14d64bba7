import fc from 'fast-check';
import { expect, it } from 'vitest';
import { sampleNetwork, sampleNic, sampleSubnets } from '../../../../test/sample-topology.js';
import type { Network, Nic } from '../../../topology/topology.js';
import { desireGateway } from '../desire.js';
import { gatewayTable } from '../rules/gateway-table.js';
import { answeredAddressCommands } from './answered-address.js';
import { placedAddresses, publicAddressResources } from './public-addresses.js';

const web = sampleNetwork({
  ...sampleSubnets,
  ipv4: { address: '10.0.0.0', prefixLength: 16, gateway: '10.0.0.1' },
});

function nicWith(index: number, options: Nic['options'], network = 'web'): Nic {
  return sampleNic({
    machine: `m${index}`,
    network,
    mac: '52:54:00:00:00:05',
    ipv4: `10.0.${index >> 8}.${index & 255}`,
    ipv6: `fd00::${(index + 16).toString(16)}`,
    interfaceName: `pslt${index}`,
    options,
  });
}

it('is translated both ways, IPv6 from each address that the machine has', () => {
  const nic = nicWith(11, { 'public-ipv4': '192.0.2.70', 'public-ipv6': '2001:db8::70' });
  expect(placedAddresses([web], [nic]).map(({ elements, leadsTo }) => [leadsTo, elements])).toEqual([
    [
      '10.0.0.11',
      {
        nic_of4: ['192.0.2.70 : 10.0.0.11'],
        public4: ['192.0.2.70 : goto to_nic4'],
        public_of4: ['10.0.0.11 : 192.0.2.70'],
      },
    ],
    [
      'fd00::1b',
      {
        nic_of6: ['2001:db8::70 : fd00::1b'],
        public6: ['2001:db8::70 : goto to_nic6'],
        public_of6: ['fd00::1b : 2001:db8::70', 'fd00::5054:ff:fe00:5 : 2001:db8::70'],
      },
    ],
  ]);
});

it('is of networks that have their gateway here, and translated ones where it is of a NIC', () => {
  const nic = nicWith(11, { 'public-ipv4': '192.0.2.70' });
  expect(placedAddresses([], [nic])).toEqual([]);
  expect(placedAddresses([{ ...web, mode: 'routed' }], [nic])).toEqual([]);
  const serving: Network = { ...web, mode: 'routed', options: { 'service-addresses': ['192.0.2.80'] } };
  expect(placedAddresses([serving], [])).toMatchObject([
    { leadsTo: 'forwards', elements: { public4: ['192.0.2.80 : goto forwards4'] } },
  ]);
});

it('lives on the host of the gateway, wherever its machine is', () => {
  const nic = nicWith(11, { 'public-ipv4': '192.0.2.70' });
  const elsewhere = [{ name: 'm11', nics: [nic], host: 'kvm2', source: web.source }];
  const ids = (network: Network) =>
    desireGateway({
      project: 'shop',
      provider: 'ovs',
      topology: { project: 'shop', networks: [network], machines: [], elsewhere, forwards: [] },
      networks: [network],
      segmentId: ({ name }) => name,
      isolatedServer: () => ({ namespace: null, device: 'psl1', needs: [] }),
    })
      .map(({ id }) => id)
      .filter((id) => id.includes('192.0.2.70'));
  expect(ids(web)).toEqual(['ovs/public-address/192.0.2.70', 'ovs/answered-address/192.0.2.70']);
  expect(ids({ ...web, gatewayElsewhere: 'kvm2' })).toEqual([]);
});

it('names sets and chains that the table has', () => {
  const { sets, chains } = gatewayTable('shop', 'linux');
  const network: Network = { ...web, options: { 'service-addresses': ['192.0.2.80', '2001:db8::80'] } };
  const nic = nicWith(11, { 'public-ipv4': '192.0.2.70', 'public-ipv6': '2001:db8::70' });
  const placed = placedAddresses([network], [nic]);
  expect(placed.length).toBe(4);
  for (const { elements } of placed) {
    for (const [set, texts] of Object.entries(elements)) {
      expect(sets).toHaveProperty(set);
      for (const text of texts) {
        const [, chain] = / : goto (\w+)$/.exec(text) ?? [];
        if (chain !== undefined) expect(chains).toHaveProperty(chain);
      }
    }
  }
});

it('is one to one, whoever has it: no key twice in a map, and the way back leads to where it came from', () => {
  const owners = fc.uniqueArray(fc.integer({ min: 2, max: 60_000 }), { maxLength: 20 });
  fc.assert(
    fc.property(owners, fc.integer({ min: 0, max: 200 }), (indexes, shift) => {
      const nics = indexes.map((index, place) =>
        nicWith(index, { 'public-ipv4': `192.0.2.${((place + shift) % 200) + 1}` }),
      );
      const placed = placedAddresses([web], nics);
      const pairs = (map: string): [string, string][] =>
        placed.flatMap(({ elements }) =>
          (elements[map] ?? []).map((text) => text.split(' : ') as [string, string]),
        );
      const back = new Map(pairs('public_of4'));
      expect(pairs('nic_of4').length).toBe(nics.length);
      expect(back.size).toBe(nics.length);
      for (const [address, nic] of pairs('nic_of4')) expect(back.get(nic)).toBe(address);
      const ids = placed.flatMap((each) => publicAddressResources('linux', each, [], []).map(({ id }) => id));
      expect(new Set(ids).size).toBe(2 * nics.length);
    }),
  );
});

it('keeps its id when it moves, and what differs is where it leads', () => {
  const [before, after] = [11, 12].map((index) =>
    placedAddresses([web], [nicWith(index, { 'public-ipv4': '192.0.2.70' })]).flatMap((each) =>
      publicAddressResources('linux', each, [], []),
    ),
  );
  expect(before?.map(({ id }) => id)).toEqual(after?.map(({ id }) => id));
  expect(before?.[1]?.properties).toEqual({
    address: '192.0.2.70',
    uplink: 'default',
    device: 'psl1',
    leadsTo: '10.0.0.11',
  });
  expect(after?.[1]?.properties).toMatchObject({ leadsTo: '10.0.0.12' });
});

it('prints what leads it here, and on a move only what ends its connections', () => {
  const wish = (index: number) =>
    placedAddresses([{ ...web, uplink: 'eth1' }], [nicWith(index, { 'public-ipv4': '192.0.2.70' })]).flatMap(
      (each) => publicAddressResources('linux', each, [], []),
    )[1]!;
  const ends = [
    'conntrack -D -f ipv4 --orig-dst 192.0.2.70 || true',
    'conntrack -D -f ipv4 --reply-dst 192.0.2.70 || true',
  ];
  expect(answeredAddressCommands({ action: 'create', after: wish(11) })).toEqual([
    'ip -4 route replace 192.0.2.70 dev psl1 protocol 80',
    'for device in eth1; do ip -4 neigh add proxy 192.0.2.70 dev "$device" protocol 80; done',
    ...ends,
  ]);
  expect(
    answeredAddressCommands({ action: 'update', before: wish(11), after: wish(12), changed: ['leadsTo'] }),
  ).toEqual(ends);
});
