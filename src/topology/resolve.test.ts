import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { parseSpec } from '../spec/parse.js';
import { NOTHING_REMEMBERED } from './remembered.js';
import { resolveTopology } from './resolve.js';
import type { Network, Topology } from './topology.js';

const HOST = { busySubnets: [], remembered: NOTHING_REMEMBERED };

function topology(text: string): Topology {
  const parsed = parseSpec(text, 'f.yaml');
  if ('problems' in parsed) throw new Error(parsed.problems.map(({ message }) => message).join('\n'));
  const resolved = resolveTopology(parsed.spec, HOST);
  if ('problems' in resolved) throw new Error(resolved.problems.map(({ message }) => message).join('\n'));
  return resolved.topology;
}

function network(text: string): Network | undefined {
  return topology(`project: shop\nnetworks: { web: { ${text} } }\n`).networks[0];
}

describe('the shop example', () => {
  const file = 'examples/shop/passerelle.yaml';
  const shop = topology(readFileSync(new URL(`../../${file}`, import.meta.url), 'utf8'));

  test('networks, sorted, with everything decided', () => {
    expect(shop.networks).toMatchObject([
      {
        name: 'back',
        mode: 'isolated',
        engine: 'user',
        mtuBytes: 1500,
        ipv4: { address: '10.10.20.0', prefixLength: 24, gateway: '10.10.20.1' },
        dhcp: { rangeFirst: '10.10.20.2', rangeLast: '10.10.20.254', leaseSeconds: 3600 },
        dns: { domain: 'shop.internal', upstream: [] },
        hostLoopback: false,
        options: {},
      },
      {
        name: 'web',
        mode: 'nat',
        ipv4: { address: '10.10.10.0', prefixLength: 24, gateway: '10.10.10.1' },
        ipv6: { address: 'fd97:c912:d998:b1de::', prefixLength: 64, gateway: 'fd97:c912:d998:b1de::1' },
      },
    ]);
    expect(shop.networks[0]).not.toHaveProperty('ipv6');
    expect(shop.networks[0]).not.toHaveProperty('uplink');
  });

  test('machines, sorted, with their NICs', () => {
    expect(
      shop.machines.map(({ name, nics }) => [
        name,
        nics.map((nic) => `${nic.id} ${nic.network} ${nic.model}`),
      ]),
    ).toEqual([
      ['db1', ['db1/0 back virtio-net-pci']],
      ['web1', ['web1/0 web virtio-net-pci', 'web1/1 back virtio-net-pci']],
      ['web2', ['web2/0 web virtio-net-pci', 'web2/1 back virtio-net-pci']],
    ]);
    const [web1] = shop.machines.filter(({ name }) => name === 'web1');
    expect(web1?.nics[0]).toMatchObject({ ipv4: '10.10.10.11', antiSpoofing: true });
  });

  test('the forward', () => {
    expect(shop.forwards).toMatchObject([
      {
        id: 'tcp/127.0.0.1:9011',
        protocol: 'tcp',
        listenAddress: '127.0.0.1',
        listenPortFirst: 9011,
        listenPortLast: 9011,
        network: 'web',
        targets: [{ machine: 'web1', nic: 'web1/0', address: '10.10.10.11' }],
        targetPortFirst: 9090,
        targetPortFixed: false,
      },
    ]);
  });
});

describe('networks', () => {
  test('names alone decide, so these values never change', () => {
    expect(network('mode: nat')).toMatchObject({
      gatewayMac: '52:54:00:0c:42:61',
      interfaceName: 'pn-web-79aew6',
      ipv6: { address: 'fd97:c912:d998:b1de::', gateway: 'fd97:c912:d998:b1de::1' },
      ipv4: { address: '10.113.222.0', prefixLength: 24 },
    });
  });

  test.each([
    ['ipv4: { subnet: 10.0.0.0/24, gateway: 10.0.0.254 }', '10.0.0.1', '10.0.0.253'],
    ['ipv4: { subnet: 10.0.0.0/24, gateway: 10.0.0.100 }', '10.0.0.101', '10.0.0.254'],
    ['ipv4: { subnet: 10.0.0.0/24, gateway: 10.0.0.200 }', '10.0.0.1', '10.0.0.199'],
    ['ipv4: 10.0.0.0/30', '10.0.0.2', '10.0.0.2'],
    ['ipv4: 10.0.0.0/24, dhcp: { range: 10.0.0.7-10.0.0.9 }', '10.0.0.7', '10.0.0.9'],
  ])('the range of DHCP with %s', (text, rangeFirst, rangeLast) => {
    expect(network(`mode: nat, ${text}`)?.dhcp).toMatchObject({ rangeFirst, rangeLast });
  });

  test('a bridge network has what the LAN gives it', () => {
    const bridge = network('mode: bridge, engine: linux, vlan: 7');
    expect(bridge).toMatchObject({ uplink: 'default', options: { vlan: 7 } });
    for (const key of ['ipv4', 'ipv6', 'dhcp', 'dns']) expect(bridge).not.toHaveProperty(key);
  });
});

describe('NICs', () => {
  const nics = (network: string, ...list: string[]) =>
    topology(
      `project: shop\nnetworks: { web: { ${network} } }\nmachines: { web1: { nics: [${list.join(', ')}] } }\n`,
    ).machines[0]?.nics;

  test('IPv6 addresses are formed from the MAC as machines do it', () => {
    // RFC 4291, appendix A: the universal/local bit is inverted and ff:fe put in the middle.
    expect(
      nics('mode: nat, ipv6: "fd00:1::/64"', '{ network: web, mac: "52:54:00:aa:bb:01" }'),
    ).toMatchObject([{ ipv6: 'fd00:1::5054:ff:feaa:bb01' }]);
  });

  test('what the file fixes stays', () => {
    const fixed =
      '{ network: web, ipv4: 10.0.0.7, ipv6: "fd00:1::7", mac: "52:54:00:AA:BB:01", model: e1000, anti-spoofing: false, vlan: 3 }';
    expect(nics('mode: nat, ipv4: 10.0.0.0/24, ipv6: "fd00:1::/64"', fixed)).toMatchObject([
      {
        ipv4: '10.0.0.7',
        ipv6: 'fd00:1::7',
        mac: '52:54:00:aa:bb:01',
        model: 'e1000',
        antiSpoofing: false,
        options: { vlan: 3 },
      },
    ]);
  });

  test('on an isolated network without addresses there are none, on a bridge network those of the file', () => {
    const [isolated] = nics('mode: isolated', '{ network: web }') ?? [];
    expect(isolated).not.toHaveProperty('ipv4');
    expect(isolated).not.toHaveProperty('ipv6');
    expect(nics('mode: bridge', '{ network: web, ipv4: 192.168.1.7 }')).toMatchObject([
      { ipv4: '192.168.1.7' },
    ]);
  });
});

describe('forwards', () => {
  const text = `project: shop
networks: { back: { mode: isolated, dhcp: true }, web: { mode: nat, ipv6: false }, dmz: { mode: routed } }
machines:
  web1: { nics: [{ network: back }, { network: web }, { network: dmz }] }
forwards:
  - { listen-port: 9001-9003, target: web1, target-port: 80 }
  - { listen-address: "::", listen-port: 443, target: web1 }
  - { listen-port: 53, protocol: udp, target: web1/2 }
`;
  test('lead to the first NIC that can take them, or to the one that is named', () => {
    const { forwards, machines } = topology(text);
    const nics = machines[0]?.nics ?? [];
    expect(forwards).toMatchObject([
      {
        id: 'tcp/0.0.0.0:9001',
        listenPortLast: 9003,
        network: 'web',
        targets: [{ machine: 'web1', nic: 'web1/1', address: nics[1]?.ipv4 }],
        targetPortFirst: 80,
        targetPortFixed: true,
      },
      {
        id: 'tcp/[::]:443',
        network: 'dmz',
        targets: [{ machine: 'web1', nic: 'web1/2', address: nics[2]?.ipv6 }],
        targetPortFirst: 443,
        targetPortFixed: false,
      },
      { id: 'udp/0.0.0.0:53', targets: [{ nic: 'web1/2', address: nics[2]?.ipv4 }] },
    ]);
  });
});

describe('problems', () => {
  const problems = (text: string) => {
    const parsed = parseSpec(text, 'f.yaml');
    if ('problems' in parsed) throw new Error(parsed.problems.map(({ message }) => message).join('\n'));
    const resolved = resolveTopology(parsed.spec, HOST);
    return 'problems' in resolved ? resolved.problems : [];
  };

  test('a subnet that is full', () => {
    const text = `project: shop
networks: { web: { mode: nat, ipv4: 10.0.0.0/30 } }
machines:
  a: { nics: [{ network: web }] }
  b: { nics: [{ network: web }] }
`;
    expect(problems(text)).toEqual([
      {
        code: 'topology/subnet-full',
        message: '10.0.0.0/30 of network web has no free address for b/0: 10.0.0.1-10.0.0.2 are taken',
        fix: 'give the network a larger subnet',
        at: { file: 'f.yaml', line: 5, column: 15 },
      },
    ]);
  });

  test('a fixed IPv6 address that another machine forms', () => {
    const text = `project: shop
networks: { web: { mode: nat, ipv6: "fd00:1::/64" } }
machines:
  a: { nics: [{ network: web, mac: "52:54:00:aa:bb:01" }] }
  b: { nics: [{ network: web, ipv6: "fd00:1::5054:ff:feaa:bb01" }] }
`;
    expect(problems(text)).toEqual([
      {
        code: 'topology/address-taken',
        message: 'a/0 forms the address fd00:1::5054:ff:feaa:bb01 from its MAC, and b/0 has it',
        fix: 'give b/0 another ipv6, or a/0 another mac',
        at: { file: 'f.yaml', line: 4, column: 15 },
      },
    ]);
  });
});
