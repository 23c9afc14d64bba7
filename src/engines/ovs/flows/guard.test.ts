import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { sampleNetwork, sampleNic, sampleSubnets } from '../../../../test/sample-topology.js';
import type { Network, Nic } from '../../../topology/topology.js';
import { formatIpv6, parseIpv4, parseIpv6 } from '../../../wire/address.js';
import { ipv6PrefixMatches } from '../../../wire/cidr.js';
import { blockIn4, blockIn6, in4, in6 } from './address-match.js';
import { guardFlows, networkFlows, openFlows } from './guard.js';
import { formatMeter, meterNumbers, parseMeters } from './meters.js';

function network(more: Partial<Network> = {}): Network {
  const ipv4 = { address: '10.0.0.0', prefixLength: 16, gateway: '10.0.0.1' };
  return sampleNetwork({ engine: 'ovs', ...sampleSubnets, ipv4, ...more });
}

function nic(index: number, more: Partial<Nic> = {}): Nic {
  const octets = [index >> 8, index & 255].map((octet) => octet.toString(16).padStart(2, '0')).join(':');
  return sampleNic({
    machine: `m${index}`,
    mac: `52:54:00:01:${octets}`,
    ipv4: `10.0.${index >> 8}.${(index & 255) + 2}`,
    ipv6: `fd00::1:${index.toString(16)}`,
    interfaceName: `tap${index}`,
    ...more,
  });
}

/** What a flow is found by: table, priority and match. Two flows that share it are one to the switch. */
function matchOf(text: string): string {
  return text.split(' actions=')[0]!;
}

describe('the guard', () => {
  const shape = fc.record({
    hasIpv4: fc.boolean(),
    hasIpv6: fc.boolean(),
    mode: fc.constantFrom<Network['mode'][]>('nat', 'routed', 'isolated', 'bridge'),
    guards: fc.array(fc.boolean(), { maxLength: 12 }),
  });

  it('has no two flows that the switch would take for one', () => {
    fc.assert(
      fc.property(shape, ({ hasIpv4, hasIpv6, mode, guards }) => {
        const { ipv4, ipv6, ...bare } = network({ mode });
        const on: Network = { ...bare, ...(hasIpv4 && ipv4 && { ipv4 }), ...(hasIpv6 && ipv6 && { ipv6 }) };
        const flows = [
          ...networkFlows(on, mode !== 'isolated'),
          ...guards.flatMap((isGuarded, index) => {
            const { ipv4: own4, ipv6: own6, ...rest } = nic(index);
            const each: Nic = {
              ...rest,
              ...(hasIpv4 && own4 && { ipv4: own4 }),
              ...(hasIpv6 && own6 && { ipv6: own6 }),
            };
            return isGuarded
              ? guardFlows(each, on, each.interfaceName, '')
              : openFlows(each.interfaceName, '');
          }),
        ];
        expect(new Set(flows.map(matchOf)).size).toBe(flows.length);
      }),
    );
  });

  it('costs each NIC the same, however many there are', () => {
    const counts = [0, 1, 300].map((index) => guardFlows(nic(index), network(), 'tap', '').length);
    expect(new Set(counts)).toEqual(new Set([11]));
  });

  it('keeps the host out where it takes no part', () => {
    expect(networkFlows(network({ mode: 'isolated' }), false)).toContain(
      'table=0,priority=300,in_port=LOCAL actions=drop',
    );
    expect(networkFlows(network(), true)).toContain('table=0,priority=300,in_port=LOCAL actions=NORMAL');
  });

  it('sends what is limited through its meter, guarded or not', () => {
    expect(guardFlows(nic(1), network(), 'tap1', 'meter:9,')[0]).toContain('actions=meter:9,goto_table:1');
    expect(openFlows('tap1', 'meter:9,')).toEqual([
      'table=0,priority=300,in_port=tap1 actions=meter:9,NORMAL',
    ]);
  });
});

/** Whether the registers that hold an address fit the matches. */
function fits(matches: readonly string[], words: readonly number[]): boolean {
  return matches.every((match) => {
    const [, index = '', value = '', mask = '0xffffffff'] = /^reg(\d)=(\w+)(?:\/(\w+))?$/u.exec(match) ?? [];
    return (words[Number(index)]! & Number(mask)) >>> 0 === Number(value);
  });
}

describe('matches on addresses', () => {
  const address6 = fc.uint8Array({ minLength: 16, maxLength: 16 });
  const wordsOf = (bytes: Uint8Array) => {
    const view = new DataView(bytes.buffer, bytes.byteOffset);
    return [0, 4, 8, 12].map((offset) => view.getUint32(offset));
  };

  it('fit the addresses of the block and no others', () => {
    fc.assert(
      fc.property(address6, address6, fc.integer({ min: 0, max: 128 }), (inBlock, other, length) => {
        const matches = blockIn6(formatIpv6(inBlock), length);
        expect(fits(matches, wordsOf(inBlock))).toBe(true);
        expect(fits(matches, wordsOf(other))).toBe(ipv6PrefixMatches(other, 0, inBlock, length));
      }),
    );
  });

  it('are written as ovs-ofctl prints them', () => {
    expect(in4('10.41.0.66')).toEqual(['reg0=0xa290042']);
    expect(blockIn4('10.41.0.0', 24)).toEqual(['reg0=0xa290000/0xffffff00']);
    expect(in6('fd00:41::66')).toEqual(['reg0=0xfd000041', 'reg1=0', 'reg2=0', 'reg3=0x66']);
    expect(blockIn6('fe80::', 10)).toEqual(['reg0=0xfe800000/0xffc00000']);
    expect(fits(in4('0.0.0.0'), [parseIpv4('0.0.0.0')!])).toBe(true);
    expect(fits(in6('::1'), wordsOf(parseIpv6('::1')!))).toBe(true);
  });
});

describe('meters', () => {
  it('have numbers of their own, that stay when others come', () => {
    const names = Array.from({ length: 2000 }, (_, index) => `m${index}/0`);
    const numbers = meterNumbers(names);
    expect(new Set(numbers.values()).size).toBe(names.length);
    const moved = [...meterNumbers(names.slice(0, -1))].filter(
      ([name, number]) => numbers.get(name) !== number,
    );
    expect(moved.length).toBeLessThan(10);
  });

  it('are read as they were written', () => {
    const meter = { number: 5, rateKbps: 20_000, burstKbits: 4000 };
    expect(formatMeter(meter)).toBe('meter=5,kbps,burst,stats,bands=type=drop,rate=20000,burst_size=4000');
    const printed =
      'OFPST_METER_CONFIG reply (OF1.4):\nmeter=5 kbps burst stats bands=\ntype=drop rate=20000 burst_size=4000\n';
    expect(parseMeters(printed)).toEqual(new Map([[5, meter]]));
  });
});
