import { expect, it } from 'vitest';
import { sampleNetwork, sampleNic, sampleSubnets } from '../../../test/sample-topology.js';
import { guardElements } from './guard.js';
import { guardTable } from './guard-table.js';
import { nicOptions } from './options.js';
import { limitLines, observedRateLimits, rateLimitProperties } from './rate-limit.js';
import { resource } from './identity.js';
import { tableName } from '../kernel-gateway/rules/ruleset.js';

const network = sampleNetwork(sampleSubnets);
const nic = sampleNic({ ipv4: '10.0.0.11', ipv6: 'fd00::11' });

it('lets out the given address and the one that the machine forms, and never the gateway', () => {
  expect(guardElements(nic, network)).toEqual({
    guarded: ['"tap0"'],
    hardware: ['"tap0" . 52:54:00:00:00:0a'],
    reserved6: ['"tap0" . fe80::5054:ff:fe00:1'],
    reserved_target6: ['"tap0" . 0xfe80000000000000505400fffe000001'],
    senders4: ['"tap0" . 52:54:00:00:00:0a . 10.0.0.11'],
    senders6: ['"tap0" . 52:54:00:00:00:0a . fd00::11', '"tap0" . 52:54:00:00:00:0a . fd00::5054:ff:fe00:a'],
    target6: ['"tap0" . 0xfd000000000000000000000000000011', '"tap0" . 0xfd00000000000000505400fffe00000a'],
  });
});

it('leaves the addresses free where the LAN decides them, and only there', () => {
  const { ipv4: _4, ipv6: _6, ...bare } = nic;
  const { ipv4: _n4, ipv6: _n6, ...lan } = network;
  expect(guardElements(bare, { ...lan, mode: 'bridge' })).toEqual({
    free4: ['"tap0"'],
    free6: ['"tap0"'],
    guarded: ['"tap0"'],
    hardware: ['"tap0" . 52:54:00:00:00:0a'],
  });
  // A nat network without IPv6: then there is none.
  expect(guardElements(bare, lan)).not.toHaveProperty('free6');
});

it('names sets that the table has', () => {
  const { sets } = guardTable('shop', 'linux');
  for (const set of Object.keys(guardElements(nic, network))) expect(sets).toHaveProperty(set);
  expect(sets).toHaveProperty('rates');
});

it('reads rates as the file writes them', () => {
  const rate = (text: string): number | null =>
    nicOptions({ ...nic, options: { 'rate-limit': text } }).rateLimitBps;
  expect(rate('100mbit')).toBe(100e6);
  expect(rate('1gbit')).toBe(1e9);
  expect(rate('64kbit')).toBe(64e3);
  expect(rate('fast')).toBeNull();
});

it('says a limit so that it is known again', () => {
  const properties = rateLimitProperties('tap0', 100e6);
  const wanted = resource('rate-limit', 'web1/0', properties, []);
  const [limit, element] = limitLines(tableName('bridge', 'shop', 'linux'), 'web1/0', wanted);
  expect(limit).toBe(
    'add limit bridge passerelle.shop.linux rate_tap0 { rate over 12500000 bytes/second burst 2500000 bytes ; }',
  );
  expect(element).toContain('{ "tap0" comment "rate-limit web1/0" : "rate_tap0" }');
  const listing = {
    family: 'bridge',
    name: 't',
    chains: [],
    rules: [],
    sets: [{ name: 'rates', elements: [{ text: '"tap0" : rate_tap0', comment: 'rate-limit web1/0' }] }],
    limits: [{ name: 'rate_tap0', bytesPerSecond: 12_500_000, burstBytes: 2_500_000 }],
  };
  expect([...observedRateLimits(listing)]).toEqual([['web1/0', properties]]);
});
