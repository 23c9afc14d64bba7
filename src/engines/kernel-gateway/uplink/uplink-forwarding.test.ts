import { expect, it } from 'vitest';
import { sampleNetwork, sampleSubnets } from '../../../../test/sample-topology.js';
import type { Route } from '../../../clients/iproute/routes.js';
import type { Network } from '../../../topology/topology.js';
import {
  desireUplinkForwarding,
  holdsBeforeForwarding,
  holdsFor,
  uplinkSettingNames,
} from './uplink-forwarding.js';

const { ipv4, ipv6 } = sampleSubnets;
const network = (name: string, rest: Partial<Network>): Network =>
  sampleNetwork({ name, interfaceName: name, ipv4, ...rest });
const routes: Route[] = ([4, 6] as const).map((family) => ({
  family,
  destination: 'default',
  device: 'eth0',
}));
const names = (holds: readonly { setting: string; value: string }[]): string[] =>
  holds.map(({ setting, value }) => `${setting}=${value}`);

it('switches the uplinks alone where the kernel can', () => {
  const [resource] = desireUplinkForwarding('linux', [network('a', {}), network('b', { ipv6 })]);
  const settings = new Map([['net.ipv6.conf.default.force_forwarding', '0']]);
  expect(names(holdsFor(resource!, routes, settings))).toEqual([
    'net.ipv4.conf.eth0.forwarding=1',
    'net.ipv6.conf.eth0.force_forwarding=1',
  ]);
});

it('keeps every device listening that the host may have its IPv6 gateway by, before anything forwards', () => {
  const [resource] = desireUplinkForwarding('linux', [network('b', { ipv6, uplink: 'eth1' })]);
  const settings = new Map([
    ['net.ipv6.conf.default.force_forwarding', '0'],
    ['net.ipv6.conf.eth0.accept_ra', '2'],
    ['net.ipv6.conf.eth1.accept_ra', '0'],
  ]);
  const holds = holdsFor(resource!, routes, settings);
  expect(names(holdsBeforeForwarding(holds))).toEqual(['net.ipv6.conf.eth0.accept_ra=2']);
  expect(uplinkSettingNames(['eth1'], routes)).toContain('net.ipv6.conf.eth0.accept_ra');
});

it('keeps the uplink listening to its router where IPv6 forwards for all or none', () => {
  const [resource] = desireUplinkForwarding('linux', [network('b', { ipv6 })]);
  const settings = new Map([['net.ipv6.conf.eth0.accept_ra', '1']]);
  expect(names(holdsFor(resource!, routes, settings))).toEqual([
    'net.ipv4.conf.eth0.forwarding=1',
    'net.ipv6.conf.eth0.accept_ra=2',
    'net.ipv6.conf.all.forwarding=1',
  ]);
});

it('has one resource an uplink, and none for networks that lead nowhere', () => {
  const wanted = desireUplinkForwarding('linux', [
    network('a', { uplink: 'eth1', mode: 'routed', options: { 'proxy-arp': true } }),
    network('b', {}),
    network('c', { mode: 'isolated' }),
    network('d', { mode: 'bridge', uplink: 'eth2' }),
  ]);
  expect(wanted.map(({ id }) => id)).toEqual([
    'linux/uplink-forwarding/default',
    'linux/uplink-forwarding/eth1',
  ]);
  expect(names(holdsFor(wanted[1]!, [], new Map()))).toEqual([
    'net.ipv4.conf.eth1.forwarding=1',
    'net.ipv4.conf.eth1.proxy_arp=1',
  ]);
});

it('answers neighbour discovery as a router, once the host is sure of its own gateway', () => {
  const [asked] = desireUplinkForwarding('linux', [
    network('a', { mode: 'routed', ipv6, options: { 'proxy-ndp': true } }),
  ]);
  const settings = new Map([
    ['net.ipv6.conf.default.force_forwarding', '0'],
    ['net.ipv6.conf.eth0.accept_ra', '1'],
  ]);
  const holds = holdsFor(asked!, routes, settings);
  expect(names(holds)).toEqual([
    'net.ipv4.conf.eth0.forwarding=1',
    'net.ipv6.conf.eth0.accept_ra=2',
    'net.ipv6.conf.eth0.force_forwarding=1',
    'net.ipv6.conf.eth0.proxy_ndp=1',
    'net.ipv6.conf.eth0.forwarding=1',
  ]);
  expect(names(holdsBeforeForwarding(holds))).toEqual(['net.ipv6.conf.eth0.accept_ra=2']);
});

it.each([
  ['0', '0', []],
  ['1', '0', ['net.ipv4.conf.eth1.rp_filter=2']],
  ['0', '1', ['net.ipv4.conf.eth1.rp_filter=2']],
  ['0', '2', ['net.ipv4.conf.eth1.rp_filter=2']],
])('holds an uplink of its own loose where the source is looked at: all %s, its own %s', (all, own, held) => {
  const [asked] = desireUplinkForwarding('linux', [network('a', { uplink: 'eth1' })]);
  const settings = new Map([
    ['net.ipv4.conf.all.rp_filter', all],
    ['net.ipv4.conf.eth1.rp_filter', own],
  ]);
  expect(names(holdsFor(asked!, routes, settings))).toEqual([...held, 'net.ipv4.conf.eth1.forwarding=1']);
  const [byDefault] = desireUplinkForwarding('linux', [network('a', {})]);
  expect(names(holdsFor(byDefault!, routes, settings)).join()).not.toContain('rp_filter');
});
