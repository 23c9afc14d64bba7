import { expect, it } from 'vitest';
import { type DnsmasqNetwork, hostLines, networkLines, serverLines } from './config-lines.js';

const paths = {
  config: '/r/main.conf',
  leases: '/s/main.leases',
  pid: '/r/main.pid',
  staleMark: '/r/main.stale',
};
const web: DnsmasqNetwork = {
  device: 'psl1',
  mtuBytes: 1400,
  isRouter: true,
  domain: 'shop.internal',
  ipv4: { block: '10.10.10.0/24', netmask: '255.255.255.0', gateway: '10.10.10.1' },
  ipv6: { block: 'fd00:1::/64', gateway: 'fd00:1::1' },
  dhcp: { first: '10.10.10.100', last: '10.10.10.199', leaseSeconds: 3600 },
};

it('asks the resolvers it is given, those of the host, or nobody', () => {
  expect(serverLines({ upstream: 'host' }, paths)).not.toContain('no-resolv');
  expect(serverLines({ upstream: ['9.9.9.9'] }, paths)).toEqual(
    expect.arrayContaining(['no-resolv', 'server=9.9.9.9']),
  );
  expect(serverLines({ upstream: [] }, paths).filter((line) => line.startsWith('server='))).toEqual([]);
});

it('serves a network with a gateway', () => {
  expect(networkLines('web', web)).toEqual([
    'interface=psl1',
    'local=/shop.internal/',
    'domain=shop.internal,10.10.10.0/24',
    'domain=shop.internal,fd00:1::/64',
    'dhcp-range=set:web,10.10.10.100,10.10.10.199,255.255.255.0,3600',
    'dhcp-option=tag:web,option:router,10.10.10.1',
    'dhcp-option=tag:web,option:dns-server,10.10.10.1',
    'dhcp-option=tag:web,option:mtu,1400',
    'dhcp-option=tag:web,option:domain-search,shop.internal',
    'dhcp-range=set:web,fd00:1::,static,slaac,64,3600',
    'ra-param=psl1,mtu:1400,60,1800',
    'dhcp-option=tag:web,option6:dns-server,[fd00:1::1]',
    'dhcp-option=tag:web,option6:domain-search,shop.internal',
  ]);
});

it('tells no router and no names where there are none', () => {
  const lines = networkLines('back', { ...web, isRouter: false, domain: null });
  expect(lines).toContain('dhcp-option=tag:back,option:router');
  expect(lines).toContain('dhcp-option=tag:back,option:dns-server');
  expect(lines).toContain('ra-param=psl1,mtu:1400,60,0');
  expect(lines.some((line) => line.startsWith('domain='))).toBe(false);
});

it('gives a machine its address and its name', () => {
  const host = {
    mac: '52:54:00:aa:bb:01',
    name: 'web1',
    domain: 'shop.internal',
    ipv4: '10.10.10.11',
    ipv6: 'fd00:1::11',
    network: 'web',
  };
  expect(hostLines(host)).toEqual([
    'dhcp-host=52:54:00:aa:bb:01,10.10.10.11,[fd00:1::11],web1',
    'host-record=web1.shop.internal,web1,10.10.10.11,fd00:1::11',
  ]);
  expect(hostLines({ ...host, domain: null, ipv6: null })).toEqual([
    'dhcp-host=52:54:00:aa:bb:01,10.10.10.11,web1',
  ]);
});
