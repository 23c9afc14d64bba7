import { describe, expect, it } from 'vitest';
import type { FabricNetwork, FabricPort } from '../../control/protocol.js';
import { reverseNameOf } from './reverse-name.js';
import { type LocalAnswer, type Verdict, Zone } from './zone.js';

const A = 1;
const PTR = 12;
const MX = 15;
const AAAA = 28;
const ANY = 255;

function network(name: string, mode: FabricNetwork['mode'], octet: number, domain: string): FabricNetwork {
  return {
    name,
    mode,
    mtuBytes: 1500,
    gatewayMac: '52:54:00:00:00:01',
    hostLoopback: false,
    ipv4: { address: `10.10.${octet}.0`, prefixLength: 24, gateway: `10.10.${octet}.1` },
    ipv6: { address: `fd00:${octet}::`, prefixLength: 64, gateway: `fd00:${octet}::1` },
    dns: { domain, upstream: [] },
  };
}

function port(machine: string, index: number, networkName: string, ipv4?: string, ipv6?: string): FabricPort {
  return {
    id: `${machine}/${index}`,
    network: networkName,
    machine,
    mac: '52:54:00:aa:bb:01',
    ...(ipv4 === undefined ? {} : { ipv4 }),
    ...(ipv6 === undefined ? {} : { ipv6 }),
    antiSpoofing: true,
    socketPath: '/nowhere',
  };
}

const zone = new Zone({
  networks: [
    network('web', 'nat', 1, 'shop.internal'),
    network('dmz', 'routed', 2, 'dmz.test'),
    network('back', 'isolated', 3, 'shop.internal'),
    network('vault', 'isolated', 4, 'vault.test'),
  ],
  ports: [
    port('web1', 0, 'web', '10.10.1.11', 'fd00:1::11'),
    port('web1', 1, 'back', '10.10.3.11'),
    port('Proxy', 0, 'web', '10.10.1.12'),
    port('Proxy', 1, 'dmz', '10.10.2.12', 'fd00:2::12'),
    port('db1', 0, 'back', '10.10.3.21', 'fd00:3::21'),
    port('key1', 0, 'vault', '10.10.4.31'),
  ],
});

const local = (verdict: Verdict): LocalAnswer => {
  if (typeof verdict === 'string') throw new Error(`the zone said ${verdict}`);
  return verdict;
};
const addresses = (name: string, type: number, from: string) =>
  local(zone.lookup(name, type, from)).records.map((record) =>
    record.type === 'PTR' ? record.target : record.address,
  );
const exists = (name: string, type: number, from: string) => local(zone.lookup(name, type, from)).exists;

describe('names of machines', () => {
  it('lead to their addresses: plain, in the domain, by network', () => {
    for (const name of ['web1', 'web1.shop.internal', 'web1.web.shop.internal']) {
      expect(addresses(name, A, 'web')).toEqual(['10.10.1.11']);
      expect(addresses(name, AAAA, 'web')).toEqual(['fd00:1::11']);
      expect(addresses(name, ANY, 'web')).toEqual(['10.10.1.11', 'fd00:1::11']);
    }
    expect(addresses('proxy', A, 'web')).toEqual(['10.10.1.12']);
  });

  it('prefer the address on the asker’s network', () => {
    expect(addresses('proxy', A, 'web')).toEqual(['10.10.1.12']);
    expect(addresses('proxy', A, 'dmz')).toEqual(['10.10.2.12']);
    expect(addresses('web1.shop.internal', A, 'back')).toEqual(['10.10.3.11']);
    expect(addresses('proxy.dmz.dmz.test', A, 'web')).toEqual(['10.10.2.12']);
    expect(addresses('proxy.dmz.test', A, 'web')).toEqual(['10.10.2.12']);
    expect(addresses('proxy', AAAA, 'web')).toEqual(['fd00:2::12']);
  });

  it('exist without records of a type they do not have', () => {
    expect(local(zone.lookup('web1.shop.internal', MX, 'web'))).toEqual({
      exists: true,
      records: [],
      zone: 'shop.internal',
    });
    expect(addresses('web1', AAAA, 'back')).toEqual([]);
    expect(exists('web1', AAAA, 'back')).toBe(true);
  });

  it('do not exist when nobody has them, but the domain and its networks do', () => {
    for (const name of [
      'nobody.shop.internal',
      'a.web1.shop.internal',
      'web1.dmz.test',
      'web1.dmz.dmz.test',
    ]) {
      expect(local(zone.lookup(name, A, 'web'))).toMatchObject({ exists: false, records: [] });
    }
    for (const name of ['shop.internal', 'web.shop.internal', 'dmz.dmz.test'])
      expect(exists(name, A, 'web')).toBe(true);
  });

  it('go upstream only when they are nobody’s here', () => {
    for (const name of ['example.com', 'com', '', 'internal', 'notshop.internal', 'shop.internal.example']) {
      expect(zone.lookup(name, A, 'web')).toBe('upstream');
    }
  });
});

describe('isolated networks', () => {
  it('know the machines with a NIC there, and nothing else', () => {
    expect(addresses('db1', A, 'back')).toEqual(['10.10.3.21']);
    expect(addresses('web1.back.shop.internal', A, 'back')).toEqual(['10.10.3.11']);
    for (const name of ['proxy.shop.internal', 'web1.web.shop.internal', 'web.shop.internal']) {
      expect(exists(name, A, 'back')).toBe(false);
    }
    expect(exists('key1', A, 'back')).toBe(false);
    for (const name of ['example.com', 'key1.vault.test', 'proxy.dmz.test', '', '8.8.8.8.in-addr.arpa']) {
      expect(zone.lookup(name, A, 'back')).toBe('refused');
    }
  });

  it('are unknown to the others, who ask nobody else for their names', () => {
    for (const name of [
      'db1',
      'db1.shop.internal',
      'key1.vault.test',
      'web1.back.shop.internal',
      'back.shop.internal',
    ]) {
      expect(exists(name, A, 'web')).toBe(false);
    }
    expect(exists(reverseNameOf('10.10.3.21'), PTR, 'web')).toBe(false);
    expect(zone.lookup(reverseNameOf('10.10.1.11'), PTR, 'back')).toBe('refused');
  });
});

describe('reverse names', () => {
  it('lead to the name in the domain of the network', () => {
    expect(addresses(reverseNameOf('10.10.1.11'), PTR, 'web')).toEqual(['web1.shop.internal']);
    expect(addresses(reverseNameOf('fd00:2::12'), PTR, 'web')).toEqual(['proxy.dmz.test']);
    expect(addresses(reverseNameOf('10.10.3.21'), PTR, 'back')).toEqual(['db1.shop.internal']);
    expect(addresses(reverseNameOf('10.10.1.11'), A, 'web')).toEqual([]);
  });

  it('inside our subnets stay here, others go upstream', () => {
    expect(local(zone.lookup(reverseNameOf('10.10.1.77'), PTR, 'web'))).toEqual({
      exists: false,
      records: [],
      zone: '1.10.10.in-addr.arpa',
    });
    expect(exists('1.10.10.in-addr.arpa', PTR, 'web')).toBe(true);
    expect(zone.lookup('10.10.in-addr.arpa', PTR, 'web')).toBe('upstream');
    expect(zone.lookup(reverseNameOf('8.8.8.8'), PTR, 'web')).toBe('upstream');
    expect(zone.lookup(reverseNameOf('fd00:9::1'), PTR, 'web')).toBe('upstream');
  });
});

it('refuses a network it does not know', () => {
  expect(zone.lookup('web1', A, 'elsewhere')).toBe('refused');
});
