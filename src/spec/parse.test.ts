import { describe, expect, test } from 'vitest';
import { parseSpec } from './parse.js';
import type { Spec } from './spec.js';

function spec(text: string): Spec {
  const result = parseSpec(text, 'f.yaml');
  if ('spec' in result) return result.spec;
  throw new Error(
    result.problems.map(({ at, code, message }) => `${at?.line}:${at?.column} ${code} ${message}`).join('\n'),
  );
}

function network(text: string) {
  return spec(`project: shop\nnetworks:\n  web: { ${text} }\n`).networks[0];
}

describe('what follows from the mode', () => {
  const ABSENT = { dhcp: undefined, dns: undefined, uplink: undefined };
  const dns = { domain: 'shop.internal', upstream: [] };
  const dhcp = { leaseSeconds: 3600 };
  const fixed = (first: bigint, gateway: bigint) => ({
    subnet: { family: 4, first, prefixLength: 24 },
    gateway: { family: 4, value: gateway },
  });
  const tens = 0x0a_0a_0a_00n;
  test.each([
    ['mode: nat', { ipv4: 'auto', ipv6: 'auto', dhcp, dns, uplink: undefined }],
    ['mode: routed', { ipv4: 'auto', ipv6: 'auto', dhcp, dns, uplink: undefined }],
    ['mode: isolated', { ipv4: 'none', ipv6: 'none', dhcp: undefined, dns: undefined, uplink: undefined }],
    ['mode: bridge', { ipv4: 'none', ipv6: 'none', dhcp: undefined, dns: undefined, uplink: 'default' }],
    ['mode: bridge, uplink: eth1', { uplink: 'eth1' }],
    ['mode: nat, uplink: eth1', { uplink: 'eth1' }],
    ['mode: nat, ipv4: false', { ipv4: 'none', dhcp: undefined, dns }],
    ['mode: nat, dhcp: false', { ipv4: 'auto', dhcp: undefined, dns }],
    ['mode: nat, ipv6: false, dns: false', { ipv4: 'auto', ipv6: 'none', dns: undefined }],
    ['mode: isolated, dhcp: true', { ipv4: 'auto', ipv6: 'none', dhcp, dns }],
    ['mode: isolated, dhcp: { lease: 12h }', { ipv4: 'auto', dhcp: { leaseSeconds: 43_200 }, dns }],
    [
      'mode: isolated, ipv4: 10.10.10.0/24',
      { ipv4: fixed(tens, tens + 1n), dhcp: undefined, dns: undefined },
    ],
    ['mode: isolated, ipv4: auto, dns: true', { ipv4: 'auto', dhcp: undefined, dns }],
    ['mode: isolated, ipv6: auto', { ipv4: 'none', ipv6: 'auto', dns: undefined }],
    ['mode: nat, ipv4: { subnet: 10.10.10.0/24, gateway: 10.10.10.254 }', { ipv4: fixed(tens, tens + 254n) }],
    [
      'mode: nat, dns: { domain: a.example, upstream: [9.9.9.9] }',
      { dns: { domain: 'a.example', upstream: [{ family: 4, value: 0x09090909n }] } },
    ],
  ])('%s', (text, expected) => expect({ ...ABSENT, ...network(text) }).toMatchObject(expected));

  test('and what does not', () => {
    expect(network('mode: nat')).toMatchObject({
      engine: 'user',
      mtuBytes: 1500,
      hostLoopback: false,
      options: {},
    });
    expect(
      network('mode: nat, engine: ovs, mtu: 9000, host-loopback: true, stp: true, vlan: 42'),
    ).toMatchObject({
      engine: 'ovs',
      mtuBytes: 9000,
      hostLoopback: true,
      options: { stp: true, vlan: 42 },
    });
  });
});

describe('engines', () => {
  const text = 'project: shop\nengine: vde\nnetworks: { a: { mode: nat }, b: { mode: nat, engine: ovs } }\n';
  test("a network's own, else the file's", () => {
    expect(spec(text).networks.map(({ engine }) => engine)).toEqual(['vde', 'ovs']);
  });

  test('over both, the one that is asked for', () => {
    const result = parseSpec(text, 'f.yaml', { engine: 'linux' });
    expect('spec' in result && result.spec.networks.map(({ engine }) => engine)).toEqual(['linux', 'linux']);
  });
});

test('machines, with NICs as they are written and as they are meant', () => {
  const { machines } = spec(`project: shop
networks: { web: { mode: nat, ipv4: 10.10.10.0/24 } }
machines:
  web1:
    command: qemu-system-x86_64 -name 'web 1'
    nics:
      - network: web
      - { network: web, ipv4: 10.10.10.11, mac: "52:54:00:AA:BB:01", model: e1000, anti-spoofing: false,
          rate-limit: 100mbit, attach: macvtap, vlan: 7 }
  db1: { command: [qemu, "-name", "db 1", ""] }
`);
  const source = (line: number, column: number) => ({ file: 'f.yaml', line, column });
  expect(machines).toEqual([
    {
      name: 'web1',
      command: ['qemu-system-x86_64', '-name', 'web 1'],
      source: source(4, 3),
      nics: [
        {
          machine: 'web1',
          index: 0,
          network: 'web',
          model: 'virtio-net-pci',
          antiSpoofing: true,
          options: {},
          source: source(7, 9),
          keyLocations: { network: source(7, 18) },
        },
        {
          machine: 'web1',
          index: 1,
          network: 'web',
          mac: '52:54:00:aa:bb:01',
          model: 'e1000',
          ipv4: { family: 4, value: 0x0a0a0a0bn },
          antiSpoofing: false,
          options: { attach: 'macvtap', vlan: 7, 'rate-limit': '100mbit' },
          source: source(8, 9),
          keyLocations: {
            network: source(8, 20),
            ipv4: source(8, 31),
            mac: source(8, 49),
            model: source(8, 77),
            'anti-spoofing': source(8, 99),
            'rate-limit': source(9, 23),
            attach: source(9, 40),
            vlan: source(9, 55),
          },
        },
      ],
    },
    { name: 'db1', command: ['qemu', '-name', 'db 1', ''], nics: [], source: source(10, 3) },
  ]);
});

test('forwards of both forms, each with its place', () => {
  const { forwards } = spec(`project: shop
networks: { web: { mode: nat } }
machines:
  web1: { nics: [{ network: web, forwards: ["[::1]:53:5353/udp"] }] }
  web2: { nics: [{ network: web }] }
forwards:
  - { listen-address: 127.0.0.1, listen-port: 9001-9003, target: web1/0, target-port: 80 }
  - { listen-port: 9100-9101, protocol: udp, target: web1 }
  - { listen-port: "9200", target: web1, target-port: 80 }
  - { listen-port: 9300, target: [web1, web2/0] }
`);
  const any = { family: 4, value: 0n };
  expect(forwards).toMatchObject([
    {
      protocol: 'udp',
      listenAddress: { family: 6, value: 1n },
      listenPorts: { first: 53, last: 53 },
      targetPortFirst: 5353,
      targetPortFixed: false,
      targets: [{ machine: 'web1', nic: 0 }],
      source: { line: 4, column: 45 },
    },
    {
      protocol: 'tcp',
      listenPorts: { first: 9001, last: 9003 },
      targetPortFirst: 80,
      targetPortFixed: true,
      targets: [{ machine: 'web1', nic: 0 }],
      source: { line: 7, column: 5 },
    },
    {
      protocol: 'udp',
      listenAddress: any,
      listenPorts: { first: 9100, last: 9101 },
      targetPortFirst: 9100,
      targetPortFixed: false,
      targets: [{ machine: 'web1' }],
    },
    { protocol: 'tcp', listenAddress: any, listenPorts: { first: 9200, last: 9200 }, targetPortFirst: 80 },
    { listenPorts: { first: 9300, last: 9300 }, targets: [{ machine: 'web1' }, { machine: 'web2', nic: 0 }] },
  ]);
});

test('names that mean something to JavaScript are names like any other', () => {
  const { networks, machines } = spec(`project: constructor
networks: { constructor: { mode: nat }, tostring: { mode: nat } }
machines: { constructor: { nics: [{ network: constructor }] }, hasownproperty: {} }
`);
  expect(networks.map(({ name }) => name)).toEqual(['constructor', 'tostring']);
  expect(machines.map(({ name }) => name)).toEqual(['constructor', 'hasownproperty']);
});
